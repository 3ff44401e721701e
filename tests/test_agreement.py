"""The engine against the plain second implementation: both agree in distribution.

Power: see `agreement_compare`. Every comparison here has a false-alarm rate below 1e-6 and finds a true
difference of twice its tolerance with the same certainty; samples too small for that raise TooWeak.
Sizes are about 10^5 cells or 1,500 patients a side (ten times that with `make long`). That the
comparison can fail is shown on variants of the plain implementation that are wrong on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
import pytest
from agreement_compare import Sample, Tolerances, TooWeak, differences, disagreements
from agreement_runs import (engine_arrivals, engine_first_metastasis, engine_life, engine_sizes,
                            expected_settled_per_day, parameter_values, plain_arrivals, plain_first_metastasis,
                            plain_life, run_engine, run_plain)
from reference.plain import CYCLING, Cell, PlainModel, birth_and_death
from reference.plain_patient import PlainPatient

from sim.names import NICHES

SINGLE_EVENTS_BELOW_CELLS = 10  # the plain colonies go event by event while they are small


@dataclass(frozen=True)
class Effort:
    """How many replicas the plain implementation runs, and what they allow to tell."""

    times: int
    life: Tolerances
    first: Tolerances
    sizes: Tolerances
    patient: Tolerances


SHORT = Effort(1, Tolerances(mean=0.06, spread=None, distance=0.04), Tolerances(mean=0.06, spread=0.3, distance=0.08),
               Tolerances(share=0.05, distance=0.04), Tolerances(mean=0.03, spread=None, share=0.15, distance=0.04))
LONG = Effort(10, Tolerances(mean=0.02, spread=None, distance=0.013), Tolerances(mean=0.02, spread=0.1, distance=0.03),
              Tolerances(share=0.02, distance=0.013), Tolerances(mean=0.01, spread=None, share=0.05, distance=0.013))

effort = pytest.mark.parametrize("effort", [pytest.param(SHORT, id="short"),
                                            pytest.param(LONG, id="long", marks=pytest.mark.long)])


def assert_agree(plain: Sample, engine: Sample, tolerances: Tolerances) -> None:
    """The two samples agree within the tolerances."""
    found = disagreements(differences(plain, engine, tolerances))
    assert not found, found


# -- from settlement on: counts and waiting times ------------------------------------------------------

FAST_COLONIES = {"cycling_birth_per_day": 0.3, "metastasis_capacity_cells": 1e12, "avascular_limit_cells": 1e6,
                 "metastasis_gompertz_per_day": 0.1 / log(1e6)}  # net growth 0.1 a day, two of three lines die out
SLEEP = {"sleep_probability": 0.7, "dormancy_narrow_share": 0.6, "dormancy_narrow_scale_days": 12.0,
         "dormancy_narrow_shape": 8.0, "dormancy_broad_scale_days": 80.0, "dormancy_broad_shape": 1.3,
         "sleeper_death_per_day": 0.02}
FEEDING = {"feeding__liver": 1.0, "feeding__lung": 2.0}
STEADY = {"shedding_exponent": 0.0, "inflammation_gain": 0.0, "vesicle_release": 0.0, "competent_share": 0.5}
FED = ("liver", "lung")


def only_soil(**soil: float) -> dict[str, float]:
    """Soil of the named organs; no other organ accepts a cell."""
    return {f"soil__{organ}": soil.get(organ, 0.0) for organ in NICHES}


LIFE_DAYS = 140
LIFE = parameter_values(**FAST_COLONIES, **SLEEP, **FEEDING, **STEADY, **only_soil(liver=0.1, lung=0.17),
                        shedding_per_day=160.0)


@pytest.fixture(scope="module")
def life_engine():
    """The engine's cells of 1,000 patients, settling at a constant rate."""
    return run_engine(LIFE, lanes=1000, days=LIFE_DAYS, seed=5)


def plain_settlers(model_class, values, engine, replicas, days, first_seed):
    """The plain models on the engine's settling rates, stepped by `do` and `shuffle_do` in turn."""
    rates = expected_settled_per_day(engine)

    def make(seed):
        return model_class(rates, values, activation=("do", "shuffle_do")[seed % 2], seed=seed,
                           single_events_below_cells=SINGLE_EVENTS_BELOW_CELLS)

    return run_plain(make, replicas, days, first_seed)


@effort
def test_counts_and_waiting_times_agree(life_engine, effort):
    models = plain_settlers(PlainModel, LIFE, life_engine, 80 * effort.times, LIFE_DAYS, 1000)
    assert_agree(plain_life(models, FED), engine_life(life_engine, FED), effort.life)


class InvertedSleep(PlainModel):
    """Wrong: sleeps where it should not."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sleep_probability = 1.0 - self.sleep_probability


class DoubleDeathAsleep(PlainModel):
    """Wrong: twice the hazard."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sleeper_death_per_day *= 2.0
        self.death_asleep = 1.0 - (1.0 - self.death_asleep) ** 2


class SettleBeforeWake(PlainModel):
    """Wrong order: the clocks of today's arrivals run today already."""

    def step(self):
        for organ, number in self.arrivals().items():
            self.counts["settled", organ] += number
            for _ in range(number):
                self.cell_class(self, organ)
        self.agents.do("step")
        self.day += 1


class DeadSleepersWake(Cell):
    """Wrong: on the day on which it would wake, nothing can kill it, and it wakes a day late."""

    def sleep(self):
        if self.energy_needed_days <= 0.0:
            self.state = CYCLING
            self.model.note("woke", self)
        else:
            super_fed = self.model.feeding[self.organ]
            self.energy_needed_days -= super_fed
            if self.model.rng.random() < self.model.death_asleep:
                self.end("died_asleep")


class WakesADayLate(PlainModel):
    cell_class = DeadSleepersWake


@pytest.mark.parametrize("broken, caught", [
    (InvertedSleep, {"mean woke liver", "mean asleep lung"}),
    (DoubleDeathAsleep, {"mean died_asleep liver", "values died_asleep liver"}),
    (SettleBeforeWake, {"values woke liver", "values woke lung"}),
    (WakesADayLate, {"values woke liver", "values woke lung"}),
])
def test_a_broken_life_is_caught(life_engine, broken, caught):
    models = plain_settlers(broken, LIFE, life_engine, 80, LIFE_DAYS, 2000)
    found = disagreements(differences(plain_life(models, FED), engine_life(life_engine, FED), SHORT.life))
    assert caught <= found.keys()


# -- first metastases, by patient ----------------------------------------------------------------------

FIRST_DAYS = 210
FIRST = parameter_values(**FAST_COLONIES, **SLEEP, **FEEDING, **STEADY, **only_soil(liver=0.1, lung=0.17),
                         shedding_per_day=2.0)


def first_sample(days, settled) -> Sample:
    """First metastasis of each patient, the patients who have one, and their settled cells."""
    reached = int((days < FIRST_DAYS).sum())
    return Sample({"settled": settled}, {"with a metastasis": (reached, days.size)}, {"first metastasis": days})


@effort
def test_first_metastasis_times_agree(effort):
    engine = run_engine(FIRST, lanes=6000 * effort.times, days=FIRST_DAYS, seed=11)
    models = plain_settlers(PlainModel, FIRST, engine, 1500 * effort.times, FIRST_DAYS, 10_000)
    tolerances = effort.first
    plain = first_sample(plain_first_metastasis(models), np.array([m.counts.total() for m in models]))
    plain.counts["settled"] = np.array([sum(m.counts["settled", organ] for organ in FED) for m in models])
    assert_agree(plain, first_sample(engine_first_metastasis(engine), engine.cells.settled.sum(axis=1)), tolerances)


# -- colonies: sizes at fixed ages ---------------------------------------------------------------------

AGES_DAYS = (10, 31, 95)
SIZES_DAYS = 105
# A low avascular limit, so that the oldest colonies are past the angiogenic switch and far from exponential.
SIZES = parameter_values(**STEADY, **only_soil(liver=0.5), sleep_probability=0.0, shedding_per_day=400.0,
                         cycling_birth_per_day=0.3, metastasis_capacity_cells=1e6, avascular_limit_cells=1e3,
                         metastasis_gompertz_per_day=0.1 / log(1e3), colony_noise=0.08)


class AllAtOnce(PlainModel):
    """Every cell arrives on day 0."""

    def arrivals(self):
        return {"liver": 2_000 if self.day == 0 else 0}


def plain_sizes(model_class, replicas: int, first_seed: int) -> dict[int, np.ndarray]:
    """Cells of every founded colony by age, 0 for those gone."""
    found = {age: [] for age in AGES_DAYS}
    for seed in range(first_seed, first_seed + replicas):
        model = model_class(0.0, SIZES, seed=seed, single_events_below_cells=SINGLE_EVENTS_BELOW_CELLS)
        model.step()
        for age in range(1, max(AGES_DAYS) + 1):
            model.step()
            if age in found:
                sizes = np.zeros(model.counts["settled", "liver"])
                sizes[: len(model.agents)] = [cell.cells for cell in model.agents]
                found[age].append(sizes)
    return {age: np.concatenate(sizes) for age, sizes in found.items()}


def sizes_sample(by_age) -> Sample:
    """Share that lives on, and the sizes of those that do."""
    sample = Sample()
    for age, sizes in by_age.items():
        sample.shares[f"alive at {age} days"] = int((sizes > 0).sum()), sizes.size
        sample.values[f"cells at {age} days"] = sizes[sizes > 0]
    return sample


@pytest.fixture(scope="module")
def sizes_engine() -> Sample:
    """The engine's colonies, founded every day in 1,500 patients."""
    model = run_engine(SIZES, lanes=1500, days=SIZES_DAYS, seed=21)
    return sizes_sample({age: engine_sizes(model, age) for age in AGES_DAYS})


@effort
def test_colony_sizes_agree(sizes_engine, effort):
    plain = sizes_sample(plain_sizes(AllAtOnce, 15 * effort.times, 30_000))
    assert_agree(plain, sizes_engine, effort.sizes)


class TwiceTheNoise(AllAtOnce):
    """Wrong: births and deaths both too frequent; the mean growth is right."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        net = self.birth - self.death
        self.birth *= 2.0
        self.death = self.birth - net


class JumpAtTheSwitch(Cell):
    """Wrong: the colony gains half its size when its growth law changes."""

    def divide(self):
        super().divide()
        if self.state != CYCLING:
            self.cells *= 1.5


class JumpyColonies(AllAtOnce):
    cell_class = JumpAtTheSwitch


@pytest.mark.parametrize("broken, caught", [
    (TwiceTheNoise, {f"alive at {AGES_DAYS[0]} days", f"cells at {AGES_DAYS[0]} days"}),
    (JumpyColonies, {f"cells at {AGES_DAYS[-1]} days"}),
])
def test_broken_colonies_are_caught(sizes_engine, broken, caught):
    plain = sizes_sample(plain_sizes(broken, 15, 40_000))
    found = disagreements(differences(plain, sizes_engine, SHORT.sizes))
    assert caught <= {name.split(" ", 1)[1] for name in found}


@pytest.mark.parametrize("cells", [1, 8])
def test_the_plain_law_of_a_day_is_that_of_single_events(cells):
    """The oracle itself: Bailey's law, drawn at once, against births and deaths one by one."""
    rng = np.random.default_rng(3)
    at_once, one_by_one = (
        Sample(values={"cells": np.array([birth_and_death(rng, cells, 1.0, 0.6, below) for _ in range(12_000)])})
        for below in (0, 10**9))
    assert_agree(at_once, one_by_one, Tolerances(distance=0.04))
    other_death = Sample(values={"cells": np.array([birth_and_death(rng, cells, 1.0, 0.4) for _ in range(12_000)])})
    assert disagreements(differences(other_death, one_by_one, Tolerances(distance=0.04)))


# -- a patient's shed cells, one by one ----------------------------------------------------------------

PATIENT_DAYS = 140
PATIENT_FRAILTY = 1.7
SOIL = {organ: 0.35 + 0.05 * (number % 7) for number, organ in enumerate(NICHES)}
# Sizes and shares are such that no fate is rare; sleepers die at once, so that only arrival is told.
BODY = {
    "primary_gompertz_per_day": 0.03, "primary_capacity_cells": 1e6, "shedding_per_day": 0.005,
    "il6_half_cells": 1e5, "niche_time_days": 10.0, "competent_share": 0.7, "death_per_pass": 0.1,
    "arrest_probability__liver": 0.3, "arrest_probability__lung": 0.35, "arrest_probability__other": 0.6,
    "hepatic_artery_compensation": 0.5, "portocaval_shunt_fraction": 0.3, "own_organ_receptivity__lung": 0.6,
    "sleep_probability": 1.0, "sleeper_death_per_day": 1.0,
    **{f"soil__{organ}": share for organ, share in SOIL.items()},
    **{f"arterial_share__{bed}": 4.0 + number % 5 for number, bed in
       enumerate(("liver", *NICHES[2:-1], "gut", "rest"))},
}
ALL_VEINS = {f"drainage__oesophagus__{vein}": share for vein, share in
             {"portal": 0.3, "caval": 0.1, "pulmonary_venous": 0.2, "azygos": 0.2, "vertebral": 0.15,
              "thoracic_duct": 0.05}.items()}
PATIENT = parameter_values(**BODY, **ALL_VEINS)


def both_patients(site, patient_class, effort, first_seed) -> tuple[Sample, Sample]:
    """The plain patients, and the engine's."""
    engine = run_engine(PATIENT, lanes=200 * effort.times, days=PATIENT_DAYS, seed=31, site=site,
                        frailty=PATIENT_FRAILTY)
    plain = plain_arrivals(lambda seed: patient_class(site, PATIENT, frailty=PATIENT_FRAILTY, seed=seed),
                           40 * effort.times, PATIENT_DAYS, first_seed)
    return plain, engine_arrivals(engine)


@effort
@pytest.mark.parametrize("site", ["colon", "lung", "oesophagus"])
def test_fates_of_shed_cells_agree(site, effort):
    assert_agree(*both_patients(site, PlainPatient, effort, 50_000), effort.patient)


class ArrestBeforeDeath(PlainPatient):
    """Wrong order: a cell may arrest before the pass could kill it."""

    def bed_of_arrest(self):
        bed = self.first_bed()
        while True:
            kind = bed if bed in ("liver", "lung") else "other"
            if self.rng.random() < self.values[f"arrest_probability.{kind}"]:
                return bed
            if self.rng.random() < self.values["death_per_pass"]:
                return None
            bed = self.next_bed(bed)


class InvertedShunt(PlainPatient):
    """Wrong: an inverted probability."""

    def portal_vein(self):
        return "liver" if super().portal_vein() == "lung" else "lung"


class CalmLiver(PlainPatient):
    """Wrong: no inflammation."""

    def inflame(self):
        self.liver_readiness = 0.0


@pytest.mark.parametrize("broken, caught", [
    (ArrestBeforeDeath, {"share died in transit"}),
    (InvertedShunt, {"share arrested in liver"}),
    (CalmLiver, {"share settled in liver", "share died on arrival in liver", "values settling day, liver"}),
])
def test_a_broken_patient_is_caught(broken, caught):
    plain, engine = both_patients("colon", broken, SHORT, 60_000)
    assert caught <= disagreements(differences(plain, engine, SHORT.patient)).keys()


# -- the comparison itself -----------------------------------------------------------------------------


def test_a_comparison_too_weak_for_its_tolerance_is_refused():
    few = Sample(counts={"settled": np.array([3, 5, 4])}, values={"days": np.arange(20)})
    with pytest.raises(TooWeak, match="too few"):
        differences(few, few, SHORT.life)
    with pytest.raises(TooWeak, match="different counts"):
        differences(few, Sample(values=few.values), SHORT.life)


def test_the_plain_model_knows_two_activations():
    for activation in ("do", "shuffle_do"):
        model = PlainModel(5.0, LIFE, activation=activation, seed=1)
        for _ in range(30):
            model.step()
        settled, gone = model.counts["settled", "liver"], model.counts["died_asleep", "liver"]
        assert settled - gone - model.counts["extinct", "liver"] == len(model.agents) > 0
        assert 0 < model.cell_days < settled * 30
    with pytest.raises(ValueError, match="'do' or 'shuffle_do', not 'every'"):
        PlainModel(5.0, LIFE, activation="every")
