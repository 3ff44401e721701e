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
from sim.observe import SELDOM_DAYS
from sim.runs.chunk import build_model
from sim.scenario import Scenario

STEP_DAYS = 7


@dataclass(frozen=True)
class Exposure:
    """Cells shed per week at a site of factor one, and the liver's receptivity.

    `shed` and `liver_factor` (weeks, lanes) at mid-week; `diagnosis_day`, `last_day` and the pace of metastases,
    `metastasis_growth`, (lanes,).
    """

    shed: np.ndarray
    liver_factor: np.ndarray
    diagnosis_day: np.ndarray
    last_day: np.ndarray
    metastasis_growth: np.ndarray


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
    hosts = model.hosts
    out = Exposure(
        np.array(shed),
        np.array(factor),
        hosts.diagnosis_day.copy(),
        model.last_day.copy(),
        hosts.metastasis_growth.copy(),
    )
    model.__dict__.clear()
    return out


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


def visible_chances(
    p: Mapping[str, float], threshold_cells: float, weeks: int, niche: str, growth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`visible_chance` at the pace of each lane's metastases: curves (paces, weeks), and which of them a lane has.

    Pace is a time scale: birth, death and Gompertz rate times `growth` (lanes,), times that of the niche, and averaged
    over the paces of a patient's colonies. It is read on a logarithmic grid of PACE_STEP; a lane takes the nearest
    point, and pace one stands on it.
    """
    step, row = np.unique(np.rint(np.log(growth) / PACE_STEP).astype(int), return_inverse=True)
    log_sd, cut_sd = p["colony_growth_log_sd"], p["trait_truncation_sd"]
    z, weight = (cut_sd * _PACE_NODES, _PACE_WEIGHTS * np.exp(-0.5 * (cut_sd * _PACE_NODES) ** 2))
    own = (np.exp(log_sd * z), weight / weight.sum()) if log_sd > 0.0 else (np.ones(1), np.ones(1))

    def curve(pace: float) -> np.ndarray:
        chances = [
            visible_chance({**p, **{name: p[name] * pace * mine for name in _PACED}}, threshold_cells, weeks, niche)
            for mine in own[0]
        ]
        return np.tensordot(own[1], chances, axes=1)

    return np.array([curve(pace) for pace in np.exp(step * PACE_STEP) * p[f"niche_pace.{niche}"]]), row


PACE_STEP = 0.05
_PACE_NODES, _PACE_WEIGHTS = np.polynomial.legendre.leggauss(12)
_PACED = ("metastasis_gompertz_per_day", "cycling_birth_per_day")
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
    exposure: Exposure,
    visible: np.ndarray | tuple[np.ndarray, np.ndarray],
    until_day: np.ndarray,
    shed_until_day: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Expected visible metastases by `until_day` from cells shed before `shed_until_day`, (lanes,) each.

    Two numbers a patient of frailty one: in a niche of constant soil, and in the liver with its
    receptivity; both per unit of arrest x soil x competent share. `visible` is one curve (weeks,), or what
    `visible_chances` gives.
    """
    weeks, lanes = exposure.shed.shape
    day = (np.arange(weeks) * STEP_DAYS)[:, None]
    wait = np.maximum((until_day[None, :] - day) // STEP_DAYS, -1).astype(int)
    curves, row = visible if isinstance(visible, tuple) else (visible[None, :], np.zeros(lanes, dtype=int))
    chance = np.where(wait >= 0, curves[row[None, :], np.clip(wait, 0, curves.shape[1] - 1)], 0.0)
    weight = exposure.shed * chance * (day < shed_until_day[None, :])
    return weight.sum(axis=0), (weight * exposure.liver_factor).sum(axis=0)
