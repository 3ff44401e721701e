"""What each parameter of the catalogue is said to move: an outcome a name, and the patients in whom it is measured.

Outcomes without chance are functions of a mapping of values (`EXACT`); the others are read from one
run of paired patients (`SIMULATED`). A disease of about six years from the first cell to the end of
follow-up, nobody dies unless the outcome is survival, soil levelled so that every niche gets seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from sim import body, catalog
from sim.cohort import draw_hosts
from sim.kernels import colonise
from sim.kernels.identity import unpack
from sim.mechanisms import inflammation
from sim.names import MICROMETASTASIS_CELLS, NICHES, SITES, VEINS
from sim.parameters import LaneParameters
from sim.rates import Signals

SEED = 8
PATIENTS = 32
HORIZON_DAYS = 1800
FOUNDED_BEFORE_DAY = 900
"""Colonies founded later may not have reached their size by the end: they would censor `reach_days`."""
ELSEWHERE = NICHES.index("elsewhere")


def age(years: float, sd_years: float = 0.0) -> SimpleNamespace:
    """Patients of this age at diagnosis."""
    return SimpleNamespace(mean_years=years, sd_years=sd_years, low_years=30.0, high_years=95.0)


# -- base values ---------------------------------------------------------------------------------


def catalogue_values(**changes: float) -> dict[str, float]:
    """The catalogue's values with changes (`__` for a dot); what was fitted is pinned at round numbers."""
    out = {name: parameter.value for name, parameter in catalog.load().items()}
    out |= {f"site_shedding_factor.{site}": 1.0 for site in SITES}
    out |= {"arrest_probability.liver": 0.9, "arrest_probability.lung": 0.4, "arrest_probability.other": 0.2}
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    assert set(changes) <= set(out), set(changes) - set(out)
    return out | changes


def levelled_soil(site: str) -> dict[str, float]:
    """Soil with which every niche gets the same number of viable cells from this site; the best is 0.1."""
    arrest = body.route(LaneParameters(catalogue_values(), 1), [site]).arrest[0]
    return {f"soil.{niche}": float(0.1 * arrest.min() / share) for niche, share in zip(NICHES, arrest, strict=True)}


NOBODY_DIES = {"other_cause_death_per_year_at_70": 0.0, "primary_death_per_day": 0.0, "metastatic_death_per_day": 0.0}
DISEASE = {
    "primary_gompertz_per_day": 0.004, "growth_log_sd": 0.0, "diagnosis_log_sd": 0.0, "frailty_log_sd": 0.0,
    "competent_share": 1e-6, **levelled_soil("breast"), **NOBODY_DIES,
}  # fmt: skip
"""Patients who differ by chance alone, with some 40 competent cells a niche."""


# -- outcomes without chance -----------------------------------------------------------------------


def arrested(values: Mapping[str, float], site: str, niche: str | None) -> float:
    """Share of shed cells arrested in a niche (None: anywhere)."""
    arrest = body.route(LaneParameters(values, 1), [site]).arrest[0]
    return float(arrest.sum() if niche is None else arrest[NICHES.index(niche)])


def hosts(values: Mapping[str, float]):
    """A thousand drawn patients."""
    n = 1000
    return draw_hosts(SEED, np.arange(n), ["colon"] * n, [age(67.0, 11.0)] * n, LaneParameters(values, n))


def early_liver_readiness(values: Mapping[str, float]) -> float:
    """Readiness of the liver's niche after half a year beside a primary of 5e8 cells."""
    parameters = LaneParameters(values, 1)
    signals = Signals(np.array([67.0]), np.array([5e8]))
    inflammation.MECHANISM.start(signals, parameters)
    for _ in range(182):
        inflammation.MECHANISM.advance(signals, parameters)
    return float(signals.level["liver_readiness"][0])


def _exact_arrest(name: str, outcome: str):
    """The site to look at, and the niche, for a parameter of the vessels."""
    niche = outcome.partition(".")[2]
    if name.startswith("drainage."):
        return name.split(".")[1], niche
    if name == "arrest_probability.other":
        return "prostate", "bone"  # through the vertebral plexus alone: see `exact_changes`
    site = {"arrest_probability.lung": "breast", "portocaval_shunt_fraction": "colon", "hepatic_artery_compensation": "colon",
            "arrest_probability.liver": "colon"}.get(name, "lung")  # fmt: skip
    return site, {"": None, "gut": "elsewhere", "rest": "elsewhere"}.get(niche, niche)


def exact_changes(name: str) -> dict[str, float]:
    """Where in parameter space an outcome without chance is looked at."""
    if name.startswith("drainage."):
        _, site, vein = name.split(".")
        counter = "caval" if vein in ("portal", "pulmonary_venous", "vertebral") else "pulmonary_venous"
        return {f"drainage.{site}.{other}": 0.5 * (other == counter) for other in VEINS}
    if name == "arrest_probability.other":
        return {f"drainage.prostate.{vein}": float(vein == "vertebral") for vein in VEINS}
    return {"portocaval_shunt_fraction": 1.0} if name == "hepatic_artery_compensation" else {}


EXACT: dict[str, Callable[[Mapping[str, float]], float]] = {
    "frailty_sd": lambda values: float(np.log(hosts(values).frailty).std()),
    "growth_factor_sd": lambda values: float(np.log(hosts(values).growth_factor).std()),
    "diagnosis_cells_sd": lambda values: float(np.log(hosts(values).diagnosis_cells).std()),
    "diagnosis_day": lambda values: float(hosts(values).diagnosis_day.mean()),
    "early_liver_readiness": early_liver_readiness,
}


def exact(name: str, outcome: str) -> Callable[[Mapping[str, float]], float] | None:
    """The outcome as a function of all values, or None where it takes a run."""
    if outcome.split(".")[0] in ("arrested_cells", "arrested_in_first_bed"):
        site, niche = _exact_arrest(name, outcome)
        return lambda values: arrested(values, site, niche)
    return EXACT.get(outcome)


# -- outcomes of a run -----------------------------------------------------------------------------


class Finished:
    """A finished model and what outcomes read of it, by lane."""

    def __init__(self, model):
        self.model, self.cells = model, model.cells
        coded = model.cells.seeds.column("coded_threshold")
        self.asleep = (coded & np.uint64(1)).astype(bool)
        self.threshold_days = (coded >> np.uint64(1)).astype(float) / 1024.0
        self.seed_lane = unpack(model.cells.seeds.column("identity"))["lane"]
        grown = model.cells.grown
        lane = unpack(grown.column("identity"))["lane"]
        law = (model.early_rate_per_day, model.limit_log_cells, model.limit_gap, model.gompertz_per_day)
        reach = colonise.grown_reach_days(np.full(len(lane), np.log(MICROMETASTASIS_CELLS)), grown.column("start_day"),
                                          grown.column("start_log_cells"), *(a[lane] for a in law))  # fmt: skip
        early = grown.column("woke") < FOUNDED_BEFORE_DAY
        self.colony_lane, self.reach_days = lane[early], (reach - grown.column("woke"))[early]

    def by_lane(self, lanes, of_lane, values, statistic) -> np.ndarray:
        """`statistic` of the values of each lane; nan where it has none."""
        chosen = [values[of_lane == lane] for lane in lanes]
        return np.array([statistic(v) if len(v) else np.nan for v in chosen], dtype=float)

    def sleep(self, lanes, statistic) -> np.ndarray:
        """`statistic` of the energy thresholds (days of reference feeding) of those who fell asleep."""
        return self.by_lane(lanes, self.seed_lane[self.asleep], self.threshold_days[self.asleep], statistic)


def _spread(days: np.ndarray) -> float:
    return float(days.std() / days.mean())


def niches_of(outcome: str) -> list[int]:
    """The column of an outcome's niche; all columns where it names none."""
    name = outcome.partition(".")[2]
    return [NICHES.index(name)] if name else list(range(len(NICHES)))


@dataclass(frozen=True)
class Simulated:
    """An outcome by patient: `measure(finished, lanes, niches)`, in patients with these changes and of this age."""

    measure: Callable[[Finished, np.ndarray, list[int]], np.ndarray]
    changes: Mapping[str, float] = field(default_factory=dict)
    age_years: float = 67.0


def _survival_days(finished, lanes, niches):
    return (finished.model.last_day - finished.model.hosts.diagnosis_day)[lanes].astype(float)


def _shed(finished, lanes, niches):
    return finished.model.shed_total[lanes].astype(float)


def _large(finished, lanes, niches):
    return finished.model.large_metastases[lanes].sum(axis=1).astype(float)


INERT = {"competent_share": 0.0}  # nothing settles: shedding may rise a thousandfold
MANY_COLONIES = {"competent_share": 1e-5, "sleep_probability": 0.0}
EVERYBODY_SLEEPS = {"sleep_probability": 1.0}
DEATHS = {"other_cause_death_per_year_at_70": 0.02, "primary_death_per_day": 0.005, "metastatic_death_per_day": 0.01}
FROM_METASTASES = {**MANY_COLONIES, "competent_share": 2e-5, **NOBODY_DIES, "metastatic_death_per_day": 0.05, "metastasis_gompertz_per_day": 0.002}
MANY_SEEDS = {"competent_share": 1e-4, "sleep_probability": 1.0}

SIMULATED: dict[str, Simulated] = {
    "shed_cells": Simulated(_shed, INERT),
    "shed_cells_of_the_young": Simulated(_shed, INERT, age_years=45.0),
    "settled_cells": Simulated(lambda f, lanes, n: f.cells.settled[lanes][:, n].sum(axis=1).astype(float)),
    "sleeping_share": Simulated(lambda f, lanes, n: f.by_lane(lanes, f.seed_lane, f.asleep, np.mean)),
    "sleep_days": Simulated(lambda f, lanes, n: f.sleep(lanes, np.mean)),
    "narrow_sleep_spread": Simulated(lambda f, lanes, n: f.sleep(lanes, _spread), {"dormancy_narrow_share": 1.0}),
    "broad_sleep_spread": Simulated(lambda f, lanes, n: f.sleep(lanes, _spread), {"dormancy_narrow_share": 0.0}),
    "died_asleep": Simulated(lambda f, lanes, n: f.cells.died_asleep[lanes].sum(axis=1).astype(float)),
    "woke_after_sleep": Simulated(lambda f, lanes, n: f.cells.woke[lanes][:, n].sum(axis=1).astype(float), EVERYBODY_SLEEPS),
    "extinct_share": Simulated(lambda f, lanes, n: f.cells.extinct[lanes].sum(axis=1) / f.cells.woke[lanes].sum(axis=1)),
    "reach_days": Simulated(lambda f, lanes, n: f.by_lane(lanes, f.colony_lane, f.reach_days, np.mean), MANY_COLONIES),
    "macrometastases": Simulated(_large, MANY_COLONIES),
    "macrometastases_at_autopsy": Simulated(_large, MANY_COLONIES),
    "survival_days": Simulated(_survival_days, DEATHS),
    "survival_days_of_the_old": Simulated(_survival_days, DEATHS, age_years=85.0),
}  # fmt: skip
CHANGES_OF = {"burden_weight": FROM_METASTASES, "metastatic_death_per_day": FROM_METASTASES,
              "saa_time_days": MANY_SEEDS}
"""Where one outcome serves several parameters and some of them need other patients to show."""


def setup(name: str, outcome: str) -> tuple[dict[str, float], str, float]:
    """Base values, primary site and age of the patients in whom a parameter's outcome is measured."""
    simulated = SIMULATED[outcome.split(".")[0]]
    changes = CHANGES_OF.get(name.split(".")[0], simulated.changes)
    site = name.split(".")[1] if name.split(".")[0] in ("site_shedding_factor", "own_organ_receptivity") else "breast"
    return catalogue_values() | DISEASE | dict(changes), site, simulated.age_years
