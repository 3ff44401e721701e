"""How many visible metastases a patient of frailty one expects, without simulating a cell.

The engine itself supplies growth, signals and deaths (a run in which no cell is competent); theory
supplies what becomes of a settled cell. So calibration uses the same mechanisms as every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim import theory
from sim.experiment.chunk import build_model
from sim.mechanisms import effective_parameters
from sim.names import NICHES
from sim.scenario import Scenario

STEP_DAYS = 7
_LIVER = NICHES.index("liver")


@dataclass(frozen=True)
class Exposure:
    """Cells shed per week at a site of factor one, and the liver's receptivity.

    `shed` and `liver_factor` (weeks, lanes) at mid-week; `diagnosis_day` and `last_day` (lanes,).
    """

    shed: np.ndarray
    liver_factor: np.ndarray
    diagnosis_day: np.ndarray
    last_day: np.ndarray


def measure(scenario: Scenario, *, seed: int, patients: int,
            arms: Sequence[Mapping[str, float]] | None = None) -> Exposure:
    """Run the engine without competent cells and keep what the primaries shed.

    `arms` holds all parameter values of each arm, nulls set (by default the scenario's own); the lanes are
    then all patients in the first arm, all in the second, and so on. Raises InputError as `build_model`.
    """
    if arms is None:
        arms = [effective_parameters({name: p.value for name, p in scenario.parameters.items()}, scenario.mechanisms)]
    barren = {"competent_share": 0.0, f"site_shedding_factor.{scenario.primary}": 1.0}
    model = build_model(scenario, seed=seed, patients=np.arange(patients), arms=[{**arm, **barren} for arm in arms],
                        collect=False)
    shed, factor = [], []
    week = np.zeros(patients * len(arms))
    while model.running:
        alive = model.alive.copy()
        model.step()
        week += np.where(alive, model.expected_shed, 0.0)
        if model.day % STEP_DAYS == 0:
            shed.append(week)
            factor.append(model.rates.receptivity[:, _LIVER].copy())
            week = np.zeros(len(week))
    out = Exposure(np.array(shed), np.array(factor), model.hosts.diagnosis_day.copy(), model.last_day.copy())
    model.__dict__.clear()
    return out


def visible_within(scenario: Scenario, threshold_cells: float, weeks: int) -> np.ndarray:
    """P(a settled competent cell has founded a colony above the threshold within k weeks), shape (weeks,).

    Awake at once, or after sleep if it does not die asleep; establishment and growth as in `sim.theory`.
    Niches feed alike here (`feeding` of the liver).
    """
    p = {name: parameter.value for name, parameter in scenario.parameters.items()}
    p = effective_parameters(p, scenario.mechanisms)
    limit, capacity = p["avascular_limit_cells"], p["metastasis_capacity_cells"]
    net = p["metastasis_gompertz_per_day"] * np.log(capacity / limit)
    birth = max(p["cycling_birth_per_day"], net)
    days = np.arange(weeks * STEP_DAYS, dtype=float)
    small = min(limit, threshold_cells)
    late = theory.colony_growth_days(small, threshold_cells, limit, capacity, p["metastasis_gompertz_per_day"])
    established = theory.establishment_probability(birth, birth - net, int(small))
    reach = established * theory.founding_to_size_cdf(np.maximum(days - late, -1e4), small, birth, birth - net)
    reach[days < late] = 0.0
    survival = lambda x: theory.threshold_survival(  # noqa: E731
        x, p["dormancy_narrow_share"], (p["dormancy_narrow_scale_days"], p["dormancy_narrow_shape"]),
        (p["dormancy_broad_scale_days"], p["dormancy_broad_shape"]))
    fates = theory.sleeper_fates(np.full(len(days), p["feeding.liver"]), np.full(len(days), p["sleeper_death_per_day"]),
                                 survival)
    slept = np.convolve(np.concatenate([[0.0], fates["woke"]])[: len(days)], reach)[: len(days)]
    both = (1.0 - p["sleep_probability"]) * reach + p["sleep_probability"] * slept
    return both[STEP_DAYS // 2 :: STEP_DAYS]


def expected_metastases(exposure: Exposure, visible: np.ndarray, until_day: np.ndarray,
                        shed_until_day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected visible metastases by `until_day` from cells shed before `shed_until_day`, (lanes,) each.

    Two numbers a patient of frailty one: in a niche of constant soil, and in the liver with its
    receptivity; both per unit of arrest x soil x competent share.
    """
    weeks, lanes = exposure.shed.shape
    day = (np.arange(weeks) * STEP_DAYS)[:, None]
    wait = np.maximum((until_day[None, :] - day) // STEP_DAYS, -1).astype(int)
    chance = np.where(wait >= 0, visible[np.clip(wait, 0, len(visible) - 1)], 0.0)
    weight = exposure.shed * chance * (day < shed_until_day[None, :])
    return weight.sum(axis=0), (weight * exposure.liver_factor).sum(axis=0)
