"""The work on which the engine's treatments and the plain ones are compared, and what each produced as a `Sample`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log

import numpy as np
from agreement_compare import Difference, Sample, Tolerances, differences
from agreement_runs import engine_life, growth_law, parameter_values, plain_life, run_engine, run_plain, small_colonies
from agreement_scenarios import FED, FEEDING, SINGLE_EVENTS_BELOW_CELLS, SLEEP, VESSELS, only_soil
from reference.plain import ASLEEP
from reference.plain_treated import DRUGS, Regimen, TreatedPatient
from virtual_patients import PLAIN_ILLNESS

from sim.disease.colonise import grown_sizes
from sim.disease.identity import unpack
from sim.names import NICHES
from sim.treatments.base import Plan

DIAGNOSIS_DAY, DAYS = 70, 182
VALUES = parameter_values(
    **PLAIN_ILLNESS | {"imaging_threshold_cells": 2e3},
    **VESSELS,
    **SLEEP,
    **FEEDING,
    **only_soil(liver=1.0, lung=0.7),
    inflammation_gain=0.0,
    competent_share=1.0,
    primary_gompertz_per_day=0.02,
    primary_capacity_cells=1e9,
    shedding_per_day=0.008,
    shedding_exponent=0.3,
    senescent_share_maximum=0.3,
    senescence_half_age_years=65.0,
    senescence_width_years=10.0,
    vesicle_release=8.0,
    emt_shedding_gain=3.0,
    cycling_birth_per_day=0.3,
    metastasis_capacity_cells=1e8,
    avascular_limit_cells=1e4,
    metastasis_gompertz_per_day=0.1 / log(1e4),  # net growth 0.1 a day, two of three lines die out
    colony_noise=0.05,
    log10_kill__chemotherapy=0.4,
    sleeper_sparing__chemotherapy=0.85,
    resistant_share__chemotherapy=0.15,
    acquired_resistance__chemotherapy=0.1,
    resection_residual_share=0.03,
    radiotherapy_surviving_fraction=0.7,
    ablation_largest_cells=1e4,
    hormone_receptor_share=0.4,
    endocrine_hold=0.95,
    senolytic_clearance=0.6,
    senescence_return_days=40.0,
)
"""A fast disease whose sizes and shares are such that no fate is rare."""


@dataclass(frozen=True)
class Work:
    """Regimens given together, the parameters that differ from `VALUES`, and what a comparison looks at.

    `rough` and `fine` are counts whose means may differ by 15 % (or `tolerance`) and by 5 % (`fine_tolerance`): twice as much is found.
    """

    regimens: tuple[Regimen, ...]
    rough: tuple[str, ...]
    fine: tuple[str, ...]
    changes: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 0.15
    plain: int = 130
    engine: int = 1500
    fine_tolerance: float = 0.05


BY_ORGAN = tuple(
    f"{what} {organ}" for what in ("woke", "died_asleep", "extinct", "asleep", "colonies") for organ in FED
)
SLEPT = ("woke", "died_asleep", "asleep")
SHED = ("shed", "settled liver", "settled lung")
FEW_IN_THE_LUNG = {"soil.lung": 0.07}
"""So that most patients have visible metastases in the liver alone, and some do not."""
WORK = {
    "drug": Work(
        (Regimen("chemotherapy", 84, times=10, every_days=7, adherence=0.5),),
        (*BY_ORGAN, "chemotherapy resisted liver", "chemotherapy resisted lung"),
        (*SHED, "log10 primary"),
        plain=170,
    ),
    "resection and radiotherapy": Work(
        (Regimen("resection", 84), Regimen("radiotherapy", 105, times=12, every_days=3, organ="liver")),
        BY_ORGAN,
        (*SHED, "log10 cells lung", "log10 primary"),
    ),
    "liver resection": Work(
        (Regimen("liver_resection", 154),), ("removed liver",), ("log10 cells liver",), FEW_IN_THE_LUNG, 0.45, 260
    ),
    "liver ablation": Work(
        (Regimen("liver_ablation", 154),),
        ("removed liver",),
        ("log10 cells liver",),
        {"soil.lung": 0.04},
        0.45,
        260,
        3000,
    ),
    "endocrine hold": Work((Regimen("endocrine_therapy", 70, times=90, adherence=0.8),), BY_ORGAN, SHED),
    "senolytic": Work((Regimen("senolytic", 70, times=5, every_days=14),), BY_ORGAN, SHED),
}


def plans(regimens: tuple[Regimen, ...]) -> list[Plan]:
    """The same for the engine."""
    return [
        Plan(r.name, "diagnosis", r.first_day - DIAGNOSIS_DAY, 1.0, r.times, r.every_days, r.adherence, r.organ)
        for r in regimens
    ]


def _log10(cells) -> np.ndarray:
    return np.log10(1.0 + np.asarray(cells, dtype=float))


def engine_sample(work: Work, seed: int = 5, **traits) -> Sample:
    """The engine's counts by patient; `traits` of `Hosts`."""
    model = run_engine(
        VALUES | work.changes,
        lanes=work.engine,
        days=DAYS,
        seed=seed,
        diagnosis_day=DIAGNOSIS_DAY,
        treatments=plans(work.regimens),
        **traits,
    )
    counts = dict(engine_life(model, FED).counts)
    grown = model.cells.grown
    small, cells, kind = small_colonies(model)
    sizes = np.concatenate([cells, grown_sizes(np.full(grown.count, float(DAYS)), *growth_law(model))])
    parts = unpack(np.concatenate([small, grown.column("identity")]))
    traits = np.concatenate([kind, grown.column("traits")])
    for organ in FED:
        here = parts["niche"] == NICHES.index(organ)
        counts[f"removed {organ}"] = model.cells.removed[:, NICHES.index(organ)]
        counts[f"log10 cells {organ}"] = _log10(np.bincount(parts["lane"][here], sizes[here], minlength=work.engine))
        counts[f"slept {organ}"] = sum(counts[f"{fate} {organ}"] for fate in SLEPT)
        for bit, drug in enumerate(DRUGS):
            counts[f"{drug} resisted {organ}"] = np.bincount(
                parts["lane"][here & (traits >> bit & 1 > 0)], minlength=work.engine
            )
    counts |= {"shed": model.shed_total, "log10 primary": _log10(model.primary.cells)}
    return Sample(counts)


def plain_sample(work: Work, patient_class=TreatedPatient, first_seed: int = 1000, **traits) -> Sample:
    """The plain patients' counts; `traits` with which they begin."""
    values = VALUES | work.changes
    models = run_plain(
        lambda seed: patient_class(
            "colon",
            values,
            regimens=work.regimens,
            seed=seed,
            single_events_below_cells=SINGLE_EVENTS_BELOW_CELLS,
            **traits,
        ),
        work.plain,
        DAYS,
        first_seed,
    )
    counts = dict(plain_life(models, FED).counts)
    for organ in FED:
        colonies = [[cell for cell in model.agents if cell.organ == organ and cell.state != ASLEEP] for model in models]
        counts[f"removed {organ}"] = np.array([model.counts["removed", organ] for model in models])
        counts[f"log10 cells {organ}"] = _log10([sum(cell.cells for cell in cells) for cells in colonies])
        counts[f"slept {organ}"] = sum(counts[f"{fate} {organ}"] for fate in SLEPT)
        for drug in DRUGS:
            counts[f"{drug} resisted {organ}"] = np.array(
                [sum(drug in cell.resists for cell in cells) for cells in colonies]
            )
    counts["shed"] = np.array([model.shed for model in models])
    counts["log10 primary"] = _log10([model.primary_cells(DAYS) for model in models])
    return Sample(counts)


def compared(plain: Sample, engine: Sample, work: Work) -> dict[str, Difference]:
    """Differences of means over patients: what a treatment moves. Raises TooWeak."""
    found = {}
    for names, tolerance in ((work.rough, work.tolerance), (work.fine, work.fine_tolerance)):
        one, other = (Sample({name: sample.counts[name] for name in names}) for sample in (plain, engine))
        found |= differences(one, other, Tolerances(mean=tolerance, spread=None))
    return found
