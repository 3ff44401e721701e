"""How many metastases a patient of frailty one expects to be seen, or to die of, by a day: what the vessels leave open.

The engine supplies growth of the primary, signals and deaths of other causes (a run in which no cell is competent,
`sim.analysis.closed_form.exposure`); theory supplies what becomes of a settled cell. Everything is per unit of strength
= site factor x arrest x soil x competent share, so that a fit needs these arrays once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim import scenario as scenarios
from sim.analysis.closed_form import theory
from sim.analysis.closed_form.exposure import STEP_DAYS, Exposure, measure, visible_chance
from sim.disease.death import BURDEN_UNIT_CELLS
from sim.disease.presentation import LEAST_LETHAL_FACTOR, NO_THRESHOLD_CELLS
from sim.mechanisms.dormancy import values_of_site
from sim.names import LIVER, ORGANS, SITES

DEATH_DAYS = 20
"""Points of time at which a patient may die of metastases, up to the day on which something else kills."""
LAST_YEARS_DAYS = 8 * 365.25
"""The points lie evenly over so many days before that day; what kills earlier counts at the first of them."""
PACE_STEP = 0.1
OF_THE_PRIMARY = ("primary_death_factor", "site_shedding_factor", "metastatic_share")
"""Blocks of numbers by site that do not touch what becomes of a settled cell."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_PACED = ("metastasis_gompertz_per_day", "cycling_birth_per_day")


@dataclass(frozen=True)
class Exposed:
    """Expected metastases by organ, patient and day, (organs, patients, days), per unit of strength.

    `killing` are those large enough to kill, `either` those that an autopsy would see or that kill. The last day of a
    patient is that of a death of other causes.
    """

    killing: np.ndarray
    either: np.ndarray


def lethal_cells(values: Mapping[str, float], lanes: int) -> np.ndarray:
    """Weighed cells of metastases that kill, (lanes,): spread evenly over the law that patients draw from.

    One colony stands for the burden: the oldest has most of it. Where metastases kill by a hazard instead, the size at
    which the hazard of an exponentially growing colony has added up to one.
    """
    net = values["metastasis_gompertz_per_day"]
    top, hazard = np.log(values["metastasis_capacity_cells"]), values["metastatic_death_per_day"]
    by_hazard = np.inf
    if hazard > 0.0:
        rate = net * (top - np.log(BURDEN_UNIT_CELLS))
        by_hazard = BURDEN_UNIT_CELLS * max(rate, 1e-6) / hazard
    if values["symptom_cells"] >= NO_THRESHOLD_CELLS:
        return np.full(lanes, by_hazard)
    from scipy.stats import norm

    even = norm.ppf((np.arange(lanes) + 0.5) / lanes)
    other = even[np.argsort(np.modf(np.arange(lanes) * 0.6180339887)[0])]  # the second trait, apart from the first
    beyond = values["lethal_factor"] - LEAST_LETHAL_FACTOR
    factor = LEAST_LETHAL_FACTOR + beyond * np.exp(values["lethal_log_sd"] * other)
    return np.minimum(values["symptom_cells"] * np.exp(values["symptom_log_sd"] * even) * factor, by_hazard)


class _Curves:
    """P(a settled competent cell has founded a colony above a size within k weeks), by pace and size."""

    def __init__(self, values: Mapping[str, float], weeks: int) -> None:
        self._values, self._weeks = values, weeks
        self._seen = values["autopsy_threshold_cells"]
        log_sd, cut = values["colony_growth_log_sd"], values["trait_truncation_sd"]
        if log_sd > 0.0:
            weight = _WEIGHTS * np.exp(-0.5 * (cut * _NODES) ** 2)
            self._own = np.exp(log_sd * cut * _NODES), weight / weight.sum()
        else:
            self._own = np.ones(1), np.ones(1)
        self._at = functools.cache(self._one)

    def _one(self, step: int, niche: str) -> np.ndarray:
        pace = float(np.exp(step * PACE_STEP))
        paced = {**self._values, **{name: self._values[name] * pace for name in _PACED}}
        return visible_chance(paced, self._seen, self._weeks, niche)

    def of(self, niche: str, pace: float, cells: float) -> np.ndarray:
        """The curve (weeks,) at a patient's pace, for a size at or above what an autopsy sees; mean over colonies."""
        out = np.zeros(self._weeks)
        for mine, weight in zip(*self._own, strict=True):
            total = pace * mine * self._values[f"niche_pace.{niche}"]
            curve = self._at(int(np.rint(np.log(total) / PACE_STEP)), niche)
            late = self._delay(total, cells)
            if late < self._weeks:
                out[late:] += weight * curve[: self._weeks - late]
        return out

    def _delay(self, pace: float, cells: float) -> int:
        if cells <= self._seen:
            return 0
        if cells >= self._values["metastasis_capacity_cells"]:
            return self._weeks
        limit, capacity = self._values["avascular_limit_cells"], self._values["metastasis_capacity_cells"]
        rate = self._values["metastasis_gompertz_per_day"] * pace
        days = theory.colony_growth_days(self._seen, cells, limit, capacity, rate)
        return int(min(float(days) / STEP_DAYS, self._weeks))


def exposed(
    sites: Sequence[str], *, seed: int, patients: int, values: Mapping[str, float] | None = None
) -> dict[str, Exposed]:
    """`Exposed` of so many patients of each site's autopsy scenario, untreated and followed to death.

    Sites whose patients are of one age are run together: a day of the engine costs the same for many. `values` replace
    the scenarios' parameters, by name, all of them and nulls set.
    """
    chosen = {site: scenarios.load(f"autopsy/{site}") for site in sites}
    if not sites:
        return {}
    values = next(iter(chosen.values())).effective() if values is None else values
    curves: dict[tuple, _Curves] = {}
    found = {}
    for age in dict.fromkeys(scenario.age for scenario in chosen.values()):
        alike = [site for site in sites if chosen[site].age == age]
        base = chosen[alike[0]]
        arms = [_as_if(values, site, base.primary) for site in alike]
        together = measure(base, seed=seed, patients=patients, arms=arms)
        for number, (site, arm) in enumerate(zip(alike, arms, strict=True)):
            mine = slice(number * patients, (number + 1) * patients)
            weeks = len(together.shed)
            # Sites that differ in the primary's danger alone share the fate of a settled cell.
            of_cells = _by_site(values, base.primary) - {f"{block}.{base.primary}" for block in OF_THE_PRIMARY}
            key = weeks, tuple(sorted((name, arm[name]) for name in of_cells))
            its = values_of_site(arm, base.primary)
            if key not in curves:
                curves[key] = _Curves(its, weeks)
            found[site] = of_exposure(its, _of_lanes(together, mine), curves[key])
    return {site: found[site] for site in sites}


def _by_site(values: Mapping[str, float], site: str) -> set[str]:
    """Blocks of one number a site that have one for this site: full names, with the site."""
    return {name for name in values if name.endswith(f".{site}") and name.count(".") == 1 and _is_by_site(values, name)}


def _is_by_site(values: Mapping[str, float], name: str) -> bool:
    block = name.partition(".")[0]
    return all(f"{block}.{site}" in values for site in SITES)


def _as_if(values: Mapping[str, float], site: str, base: str) -> dict[str, float]:
    """Values under which a patient with a primary at `base` lives and dies as one with a primary at `site`."""
    mine = {name: values[f"{name.partition('.')[0]}.{site}"] for name in _by_site(values, base)}
    return {**values, **mine}


def _of_lanes(exposure: Exposure, lanes: slice) -> Exposure:
    """The exposure of some lanes."""
    return Exposure(
        exposure.shed[:, lanes],
        exposure.liver_factor[:, lanes],
        exposure.diagnosis_day[lanes],
        exposure.last_day[lanes],
        exposure.metastasis_growth[lanes],
    )


def of_exposure(values: Mapping[str, float], found: Exposure, curves: _Curves | None = None) -> Exposed:
    """`Exposed` from what the engine measured; `values` are all parameters, nulls set, `curves` those made of them."""
    from scipy.signal import fftconvolve

    weeks, lanes = found.shed.shape
    curves, lethal = curves or _Curves(values, weeks), lethal_cells(values, lanes)
    gated = values["symptom_cells"] >= NO_THRESHOLD_CELLS  # a hazard acts after diagnosis alone
    killing, either = (np.zeros((len(ORGANS), lanes, DEATH_DAYS)) for _ in range(2))
    for lane in range(lanes):
        last = float(found.last_day[lane])
        days = np.maximum(last - np.linspace(LAST_YEARS_DAYS, 0.0, DEATH_DAYS), 0.0)
        week = np.minimum((days // STEP_DAYS).astype(int), weeks) - 1
        none = (week < 0) | (gated & (days < found.diagnosis_day[lane]))
        pace, known = float(found.metastasis_growth[lane]), {}
        for place, organ in enumerate(ORGANS):
            weight = values[f"burden_weight.{organ}"]
            factor = found.liver_factor[:, lane] if place == LIVER else 1.0
            key = (values[f"feeding.{organ}"], values[f"niche_pace.{organ}"], weight, place == LIVER)
            if key not in known:
                shed = found.shed[:, lane] * factor
                seen = curves.of(organ, pace, 0.0)
                kills = curves.of(organ, pace, lethal[lane] / weight)
                known[key] = [np.maximum(fftconvolve(shed, c)[:weeks], 0.0)[np.maximum(week, 0)] for c in (kills, seen)]
            kill, see = known[key]
            killing[place, lane] = np.where(none, 0.0, kill)
            either[place, lane] = np.maximum(np.where(week < 0, 0.0, see), killing[place, lane])
    return Exposed(np.maximum.accumulate(killing, axis=2), np.maximum.accumulate(either, axis=2))
