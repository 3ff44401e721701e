"""About how long a plan will take, from a pilot: a few patients of a few of its points."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import draw_hosts
from sim.errors import InputError
from sim.runs.chunk import build_model
from sim.runs.pilot import RunCost
from sim.scenario import Scenario
from sim.sweeps.block import LANES, BlockRun
from sim.sweeps.plan import Plan

PILOT_VARIANTS = 3
PILOT_POINTS = 6
PILOT_RANKS = (0.6, 0.85, 0.95)
"""Patients of the pilot, by their rank among all in frailty: the few above cost most, and are extrapolated to."""
MANY_LANES = 300
EARLY_DAYS = 200
"""In the first days there are no cells yet: they show what a day costs, and a lane."""
MOST_PATIENTS_DRAWN = 20_000


@dataclass(frozen=True)
class Cost:
    """Seconds that a model takes whatever its lanes, and that a lane takes."""

    model: float
    lane: float


def _competent(plan: Plan, scenario: Scenario, arm: dict[str, float]) -> np.ndarray:
    """Share of each patient's cells that can found a colony: what the work grows with."""
    patients = np.arange(min(scenario.patients, MOST_PATIENTS_DRAWN))
    n = len(patients)
    hosts = draw_hosts(plan.seed, patients, [scenario.primary] * n, [scenario.age] * n, LaneParameters(arm, n))
    return np.minimum(arm["competent_share"] * hosts.frailty, 1.0)


def _seconds(
    plan: Plan, scenario: Scenario, arms: Sequence[dict[str, float]], patients: np.ndarray, days: int | None
) -> tuple[float, int]:
    """Seconds of a model of these arms and patients, and its days: the first `days`, or all."""
    model = build_model(scenario, seed=plan.seed, patients=patients, arms=arms, collect=False)
    start = time.process_time()
    if days is None:
        model.run()
        _ = model.cells.sleeping  # counts the doomed cells, as the tables do at the end of a run
    else:
        for _ in range(days):
            if model.running:
                model.step()
    seconds, lived = time.process_time() - start, model.day
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    return seconds, lived


def _pilot(plan: Plan, variant: int) -> Cost:
    scenario = plan.variants[variant].scenario
    points = [point for point in plan.points if point.variant == variant]
    chosen = points[:: max(1, len(points) // PILOT_POINTS)][:PILOT_POINTS]
    arms = [BlockRun("pilot", plan.seed, point.mechanisms, point.values).resolve(scenario) for point in chosen]
    arms = [arm for arm in arms if _fits(plan, scenario, arm)] or arms
    one = np.zeros(1, dtype=np.int64)
    _seconds(plan, scenario, arms[:1], one, EARLY_DAYS)  # loads the machine code
    few, lived = _seconds(plan, scenario, arms[:1], one, EARLY_DAYS)
    many, _ = _seconds(plan, scenario, arms[:1], np.arange(MANY_LANES), EARLY_DAYS)
    a_day, a_lane_day = few / lived, max(0.0, many - few) / (MANY_LANES - 1) / lived
    competent = [_competent(plan, scenario, arm) for arm in arms]
    by_rank = np.argsort(competent[0], kind="stable")
    patients = np.unique(by_rank[[int(rank * (len(by_rank) - 1)) for rank in PILOT_RANKS]])
    seconds, days = _seconds(plan, scenario, arms, patients, None)
    of_cells = max(0.0, seconds - days * (a_day + a_lane_day * len(arms) * len(patients)))
    a_share = of_cells / sum(share[patients].sum() for share in competent)
    return Cost(a_day * days, a_lane_day * days + a_share * float(np.mean([share.mean() for share in competent])))


def _fits(plan: Plan, scenario: Scenario, arm: dict[str, float]) -> bool:
    """Whether the values of a point fit together: a sweep records those that do not, and goes on."""
    try:
        build_model(scenario, seed=plan.seed, patients=np.arange(1), arms=[arm], collect=False).__dict__.clear()
    except InputError:
        return False
    return True


def estimate_seconds(plan: Plan, workers: int) -> float:
    """Seconds that all runs take on so many workers: a guide, within a factor of about three.

    Patients differ by orders of magnitude. Raises InputError where no point of the pilot can be built.
    """
    chosen = sorted({round(place) for place in np.linspace(0, len(plan.variants) - 1, PILOT_VARIANTS)})
    cost = {variant: _pilot(plan, variant) for variant in chosen}
    nearest = [_nearest(chosen, variant) for variant in range(len(plan.variants))]
    place_of = {id(variant.scenario): place for place, variant in enumerate(plan.variants)}
    blocks = plan.blocks()
    total = 0.0
    for block in blocks:
        known = cost[nearest[place_of[id(block.scenario)]]]
        seeds = len({run.seed for run in block.runs})
        together = len(block.runs) // seeds
        models = seeds * math.ceil(block.scenario.patients / max(1, LANES // together))
        total += models * known.model + len(block.runs) * block.scenario.patients * known.lane
    return total / min(workers, max(1, len(blocks)))


def _nearest(chosen: Sequence[int], variant: int) -> int:
    return min(chosen, key=lambda known: abs(known - variant))


def time_text(seconds: float) -> str:
    """Seconds in words."""
    hours = seconds / 3600
    return (
        RunCost(seconds, 0).minutes_text()
        if hours < 2
        else f"{hours:.0f} hours"
        if hours < 48
        else f"{hours / 24:.0f} days"
    )
