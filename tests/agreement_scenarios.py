"""The work on which the two implementations are compared. All parameters that matter are set here: no
calibration can move these comparisons, and the natural history that the plain side does not know is at its null.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from math import log

import numpy as np
from agreement_compare import Sample, Tolerances
from agreement_runs import (
    engine_arrivals,
    engine_first_metastasis,
    engine_life,
    engine_sizes,
    expected_settled_per_day,
    parameter_values,
    plain_arrivals,
    plain_first_metastasis,
    plain_life,
    run_engine,
    run_plain,
)
from virtual_patients import PLAIN_ILLNESS

from sim.model import MetastasisModel
from sim.names import NICHES

SINGLE_EVENTS_BELOW_CELLS = 10  # the plain colonies go event by event while they are small


@dataclass(frozen=True)
class Effort:
    """Multiples of the smallest run, and what its samples allow to tell."""

    plain: float
    engine: int
    life: Tolerances
    first: Tolerances
    sizes: Tolerances
    patient: Tolerances


BROKEN = Effort(
    0.25,
    1,
    Tolerances(mean=0.25, spread=None, distance=0.1),
    Tolerances(mean=0.12, spread=0.6, share=0.3, distance=0.16),
    Tolerances(share=0.12, distance=0.09),
    Tolerances(mean=0.05, spread=None, share=0.35, distance=0.06),
)
SHORT = Effort(
    1,
    1,
    Tolerances(mean=0.09, spread=None, distance=0.04),
    Tolerances(mean=0.06, spread=0.3, share=0.15, distance=0.08),
    Tolerances(share=0.06, distance=0.04),
    Tolerances(mean=0.025, spread=None, share=0.17, distance=0.03),
)
LONG = Effort(
    10,
    5,
    Tolerances(mean=0.03, spread=None, distance=0.014),
    Tolerances(mean=0.02, spread=0.1, share=0.05, distance=0.03),
    Tolerances(share=0.025, distance=0.017),
    Tolerances(mean=0.007, spread=None, share=0.055, distance=0.01),
)

# -- values that the comparisons share -----------------------------------------------------------------

VESSELS = {
    "drainage__colon__portal": 0.8,
    "drainage__colon__caval": 0.2,
    "drainage__lung__pulmonary_venous": 1.0,
    "drainage__oesophagus__portal": 0.3,
    "drainage__oesophagus__caval": 0.1,
    "drainage__oesophagus__pulmonary_venous": 0.2,
    "drainage__oesophagus__azygos": 0.2,
    "drainage__oesophagus__vertebral": 0.15,
    "drainage__oesophagus__thoracic_duct": 0.05,
    "arrest_probability__liver": 0.3,
    "arrest_probability__lung": 0.35,
    "arrest_probability__other": 0.6,
    "death_per_pass": 0.1,
    "hepatic_artery_compensation": 0.5,
    "portocaval_shunt_fraction": 0.3,
    **{
        f"arterial_share__{bed}": 4.0 + number % 5 for number, bed in enumerate(("liver", *NICHES[2:-1], "gut", "rest"))
    },
    **{f"site_shedding_factor__{site}": 1.0 for site in ("colon", "lung", "oesophagus")},
}
FAST_COLONIES = {
    "cycling_birth_per_day": 0.3,
    "metastasis_capacity_cells": 1e12,
    "avascular_limit_cells": 1e6,
    "metastasis_gompertz_per_day": 0.1 / log(1e6),  # net growth 0.1 a day, two of three lines die out
    "colony_noise": 0.05,
}
SLEEP = {
    "sleep_probability": 0.7,
    "dormancy_narrow_share": 0.6,
    "dormancy_narrow_scale_days": 12.0,
    "dormancy_narrow_shape": 8.0,
    "dormancy_broad_scale_days": 80.0,
    "dormancy_broad_shape": 1.3,
    "sleeper_death_per_day": 0.02,
}
FEEDING = {"feeding__liver": 1.0, "feeding__lung": 2.0}
STEADY = {"shedding_exponent": 0.0, "inflammation_gain": 0.0, "vesicle_release": 0.0, "competent_share": 0.5}
FED = ("liver", "lung")


def only_soil(**soil: float) -> dict[str, float]:
    """Soil of the named organs; no other organ accepts a cell."""
    return {f"soil__{organ}": soil.get(organ, 0.0) for organ in NICHES}


# -- from settlement on: counts and waiting times ------------------------------------------------------

LIFE_DAYS = 140
LIFE = parameter_values(
    **PLAIN_ILLNESS,
    **VESSELS,
    **FAST_COLONIES,
    **SLEEP,
    **FEEDING,
    **STEADY,
    **only_soil(liver=0.1, lung=0.1),
    shedding_per_day=400.0,
)


def plain_settlers(model_class, values, engine, replicas, days, first_seed):
    """The plain models on the engine's settling rates, stepped by `do` and `shuffle_do` in turn."""
    rates = expected_settled_per_day(engine)

    def make(seed):
        return model_class(
            rates,
            values,
            activation=("do", "shuffle_do")[seed % 2],
            seed=seed,
            single_events_below_cells=SINGLE_EVENTS_BELOW_CELLS,
        )

    return run_plain(make, int(replicas), days, first_seed)


@functools.cache
def engine_lives(lanes: int) -> tuple[MetastasisModel, Sample]:
    """The engine's side of `both_lives`: the same whatever it is compared with."""
    engine = run_engine(LIFE, lanes=lanes, days=LIFE_DAYS, seed=5)
    return engine, engine_life(engine, FED)


def both_lives(model_class, effort, first_seed) -> tuple[Sample, Sample]:
    """Cells that settle at a constant rate, plainly and in the engine."""
    engine, sample = engine_lives(600 * effort.engine)
    models = plain_settlers(model_class, LIFE, engine, 80 * effort.plain, LIFE_DAYS, first_seed)
    return plain_life(models, FED), sample


# -- first metastases, by patient ----------------------------------------------------------------------

FIRST_DAYS = 210
FIRST = parameter_values(
    **PLAIN_ILLNESS,
    **VESSELS,
    **FAST_COLONIES,
    **SLEEP,
    **FEEDING,
    **STEADY,
    **only_soil(liver=0.1, lung=0.1),
    shedding_per_day=3.0,
)


def first_sample(first_day, settled) -> Sample:
    """First metastasis of each patient, the patients who have one, and their settled cells."""
    reached = int((first_day < FIRST_DAYS).sum())
    return Sample(
        {"settled": settled}, {"with a metastasis": (reached, first_day.size)}, {"first metastasis": first_day}
    )


def both_firsts(model_class, effort, first_seed) -> tuple[Sample, Sample]:
    """Patients with few cells each, plainly and in the engine."""
    engine = run_engine(FIRST, lanes=6000 * effort.engine, days=FIRST_DAYS, seed=11)
    models = plain_settlers(model_class, FIRST, engine, 1500 * effort.plain, FIRST_DAYS, first_seed)
    settled = np.array([sum(model.counts["settled", organ] for organ in FED) for model in models])
    return (
        first_sample(plain_first_metastasis(models), settled),
        first_sample(engine_first_metastasis(engine), engine.cells.settled.sum(axis=1)),
    )


# -- colonies: sizes at fixed ages ---------------------------------------------------------------------

AGES_DAYS = (10, 31, 95)
SIZES_DAYS = 105
# A low avascular limit, so that the oldest colonies are past the angiogenic switch and far from exponential.
SIZES = parameter_values(
    **PLAIN_ILLNESS,
    **VESSELS,
    **STEADY,
    **only_soil(liver=0.5),
    sleep_probability=0.0,
    shedding_per_day=250.0,
    cycling_birth_per_day=0.3,
    metastasis_capacity_cells=1e6,
    avascular_limit_cells=1e3,
    metastasis_gompertz_per_day=0.1 / log(1e3),
    colony_noise=0.08,
)


@functools.cache
def plain_sizes(model_class, replicas: int, first_seed: int) -> dict[int, np.ndarray]:
    """Cells of every founded colony by age, 0 for those gone."""
    found = {age: [] for age in AGES_DAYS}
    for seed in range(first_seed, first_seed + replicas):
        model = model_class(2_000.0, SIZES, seed=seed, single_events_below_cells=SINGLE_EVENTS_BELOW_CELLS)
        model.step()
        model.settled_per_day = {"liver": 0.0}  # all arrive on day 0
        for age in range(1, max(AGES_DAYS) + 1):
            model.step()
            if age in found:
                sizes = np.zeros(model.counts["settled", "liver"])
                sizes[: len(model.agents)] = [cell.cells for cell in model.agents]
                found[age].append(sizes)
    return {age: np.concatenate(sizes) for age, sizes in found.items()}


@functools.cache
def all_engine_sizes(runs: int) -> dict[int, np.ndarray]:
    """As `plain_sizes`, from the colonies that the engine's 2,000 patients founded on the right days."""
    found = {age: [] for age in AGES_DAYS}
    for seed in range(21, 21 + runs):
        model = run_engine(SIZES, lanes=2000, days=SIZES_DAYS, seed=seed)
        for age in AGES_DAYS:
            found[age].append(engine_sizes(model, age))
    return {age: np.concatenate(sizes) for age, sizes in found.items()}


def sizes_sample(by_age) -> Sample:
    """Share that lives on, and the sizes of those that do."""
    sample = Sample()
    for age, sizes in by_age.items():
        sample.shares[f"alive at {age} days"] = int((sizes > 0).sum()), sizes.size
        sample.values[f"cells at {age} days"] = sizes[sizes > 0]
    return sample


def both_ages(model_class, effort, first_seed) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Cells of colonies by age, plainly and in the engine."""
    return plain_sizes(model_class, int(20 * effort.plain), first_seed), all_engine_sizes(effort.engine)


def both_sizes(model_class, effort, first_seed) -> tuple[Sample, Sample]:
    """Colonies at fixed ages, plainly and in the engine."""
    plain, engine = both_ages(model_class, effort, first_seed)
    return sizes_sample(plain), sizes_sample(engine)


# -- a patient's shed cells, one by one ----------------------------------------------------------------

PATIENT_DAYS = 140
PATIENT_FRAILTY = 1.7
SOIL = {organ: 0.35 + 0.05 * (number % 7) for number, organ in enumerate(NICHES)}
# Sizes and shares are such that no fate is rare; sleepers die at once, so that only arrival is told.
PATIENT = parameter_values(
    **PLAIN_ILLNESS,
    **VESSELS,
    **{f"soil__{organ}": share for organ, share in SOIL.items()},
    own_organ_receptivity__lung=0.6,
    primary_gompertz_per_day=0.03,
    primary_capacity_cells=1e6,
    shedding_per_day=0.016,
    shedding_exponent=0.66,
    il6_half_cells=1e5,
    stat3_half_il6=0.3,
    stat3_hill_exponent=2.0,
    saa_time_days=3.0,
    niche_time_days=10.0,
    inflammation_gain=2.0,
    senescent_share_maximum=0.3,
    senescence_half_age_years=65.0,
    senescence_width_years=10.0,
    vesicle_release=2.0,
    emt_shedding_gain=2.0,
    competent_share=0.4,
    sleep_probability=1.0,
    sleeper_death_per_day=1.0,
)


def both_patients(site, patient_class, effort, first_seed) -> tuple[Sample, Sample]:
    """A patient's shed cells, one by one and in the engine."""
    engine = run_engine(
        PATIENT, lanes=200 * effort.engine, days=PATIENT_DAYS, seed=31, site=site, frailty=PATIENT_FRAILTY
    )
    plain = plain_arrivals(
        lambda seed: patient_class(site, PATIENT, frailty=PATIENT_FRAILTY, seed=seed),
        int(40 * effort.plain),
        PATIENT_DAYS,
        first_seed,
    )
    return plain, engine_arrivals(engine)
