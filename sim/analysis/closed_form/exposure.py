"""How many visible metastases a patient of frailty one expects, without simulating a cell.

The engine itself supplies growth, signals and deaths (a run in which no cell is competent); theory
supplies what becomes of a settled cell. So calibration uses the same mechanisms as every run.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.analysis.closed_form import theory
from sim.names import LIVER
from sim.runs.chunk import build_model
from sim.runs.counterfactuals import SELDOM_DAYS
from sim.scenario import Scenario

STEP_DAYS = 7


@dataclass(frozen=True)
class Exposure:
    """Cells shed per week at a site of factor one, and the liver's receptivity.

    `shed` and `liver_factor` (weeks, lanes) at mid-week; `diagnosis_day` and `last_day` (lanes,).
    """

    shed: np.ndarray
    liver_factor: np.ndarray
    diagnosis_day: np.ndarray
    last_day: np.ndarray


def measure(
    scenario: Scenario,
    *,
    seed: int,
    patients: int | np.ndarray,
    arms: Sequence[Mapping[str, float]] | None = None,
    arm_of_lane: np.ndarray | None = None,
) -> Exposure:
    """Run the engine without competent cells and keep what the primaries shed.

    `patients` is a number or ids; `arms` and `arm_of_lane` are as for `build_model`. Raises InputError as that does.
    """
    ids = patients if isinstance(patients, np.ndarray) else np.arange(patients)
    if arms is None:
        arms = [scenario.effective()]
    barren = {"competent_share": 0.0, f"site_shedding_factor.{scenario.primary}": 1.0}
    # Nobody reads the seeding curves of this run, and noting them costs a fifth of it.
    seldom = dataclasses.replace(scenario, output_every_days=SELDOM_DAYS)
    model = build_model(
        seldom,
        seed=seed,
        patients=ids,
        arms=[{**arm, **barren} for arm in arms],
        arm_of_lane=arm_of_lane,
        collect=False,
    )
    shed, factor = [], []
    week = np.zeros(len(model.hosts.patient))
    while model.running:
        alive = model.alive.copy()
        model.step()
        week += np.where(alive, model.expected_shed, 0.0)
        if model.day % STEP_DAYS == 0:
            shed.append(week)
            factor.append(model.rates.receptivity[:, LIVER].copy())
            week = np.zeros(len(week))
    out = Exposure(np.array(shed), np.array(factor), model.hosts.diagnosis_day.copy(), model.last_day.copy())
    model.__dict__.clear()
    return out


def visible_within(scenario: Scenario, threshold_cells: float, weeks: int) -> np.ndarray:
    """`visible_chance` of a scenario whose niches feed alike (as the liver does)."""
    return visible_chance(scenario.effective(), threshold_cells, weeks, "liver")


def visible_chance(p: Mapping[str, float], threshold_cells: float, weeks: int, niche: str) -> np.ndarray:
    """P(a settled competent cell has founded a colony above the threshold within k weeks), shape (weeks,).

    Awake at once, or after sleep if it does not die asleep; establishment and growth as in
    `sim.analysis.closed_form.theory`. `p` holds all parameter values, nulls set.
    """
    days = weeks * STEP_DAYS
    reach = _reach(days, threshold_cells, *(p[name] for name in _GROWTH))
    sleep = p["sleep_probability"]
    if sleep == 0.0:
        return reach[STEP_DAYS // 2 :: STEP_DAYS]
    slept = _slept(days, threshold_cells, *(p[name] for name in (*_GROWTH, *_SLEEP)), p[f"feeding.{niche}"])
    return ((1.0 - sleep) * reach + sleep * slept)[STEP_DAYS // 2 :: STEP_DAYS]


_GROWTH = ("avascular_limit_cells", "metastasis_capacity_cells", "metastasis_gompertz_per_day", "cycling_birth_per_day")
_SLEEP = (
    "dormancy_narrow_share",
    "dormancy_narrow_scale_days",
    "dormancy_narrow_shape",
    "dormancy_broad_scale_days",
    "dormancy_broad_shape",
    "sleeper_death_per_day",
)


# The points of a design share most of their values, and a day's curve costs milliseconds.
@functools.lru_cache(128)
def _reach(days: int, threshold: float, limit: float, capacity: float, gompertz: float, birth: float) -> np.ndarray:
    """P(a cell that is awake has founded a visible colony within so many days), (days,)."""
    if np.log(threshold) >= np.log(capacity):  # growth comes near its capacity, and never there
        return np.zeros(days)
    day = np.arange(days, dtype=float)
    net = gompertz * np.log(capacity / limit)
    birth = max(birth, net)
    small = min(limit, threshold)
    late = theory.colony_growth_days(small, threshold, limit, capacity, gompertz)
    established = theory.establishment_probability(birth, birth - net, int(small))
    reach = established * theory.founding_to_size_cdf(np.maximum(day - late, -1e4), small, birth, birth - net)
    reach[day < late] = 0.0
    return reach


@functools.lru_cache(128)
def _woke(
    days: int,
    narrow_share: float,
    narrow_scale: float,
    narrow_shape: float,
    broad_scale: float,
    broad_shape: float,
    death: float,
    feeding: float,
) -> np.ndarray:
    """P(a sleeper wakes on that day after its arrival), (days,)."""

    def survival(energy_days: np.ndarray) -> np.ndarray:
        return theory.threshold_survival(
            energy_days, narrow_share, (narrow_scale, narrow_shape), (broad_scale, broad_shape)
        )

    return theory.sleeper_fates(np.full(days, feeding), np.full(days, death), survival)["woke"]


@functools.lru_cache(128)
def _slept(
    days: int, threshold: float, limit: float, capacity: float, gompertz: float, birth: float, *sleep: float
) -> np.ndarray:
    """P(a cell that falls asleep on arrival has founded a visible colony within so many days), (days,)."""
    from scipy.signal import fftconvolve

    woke = np.concatenate([[0.0], _woke(days, *sleep)])[:days]
    return np.maximum(fftconvolve(woke, _reach(days, threshold, limit, capacity, gompertz, birth))[:days], 0.0)


def expected_metastases(
    exposure: Exposure, visible: np.ndarray, until_day: np.ndarray, shed_until_day: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expected visible metastases by `until_day` from cells shed before `shed_until_day`, (lanes,) each.

    Two numbers a patient of frailty one: in a niche of constant soil, and in the liver with its
    receptivity; both per unit of arrest x soil x competent share.
    """
    weeks = len(exposure.shed)
    day = (np.arange(weeks) * STEP_DAYS)[:, None]
    wait = np.maximum((until_day[None, :] - day) // STEP_DAYS, -1).astype(int)
    chance = np.where(wait >= 0, visible[np.clip(wait, 0, len(visible) - 1)], 0.0)
    weight = exposure.shed * chance * (day < shed_until_day[None, :])
    return weight.sum(axis=0), (weight * exposure.liver_factor).sum(axis=0)
