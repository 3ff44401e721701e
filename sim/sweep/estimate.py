"""About how long a plan will take, from a pilot: a few patients of a few of its points."""

from __future__ import annotations

import math
import time

import numpy as np

from sim.errors import InputError
from sim.experiment.chunk import build_model
from sim.experiment.estimate import Estimate
from sim.scenario import Scenario
from sim.sweep.block import LANES, BlockRun
from sim.sweep.plan import Plan

PILOT_VARIANTS = 4
PILOT_POINTS = 4
PILOT_PATIENTS = 5
_CLOCKWORK_DAYS = 200
"""In the first days there are no cells yet: they show what a day costs however few patients live through it."""


def _pilot(plan: Plan, variant: int) -> tuple[float, float]:
    """Seconds that a model of some points of this variant takes for its days, and for each of its lanes."""
    points = [point for point in plan.points if point.variant == variant]
    chosen = points[:: max(1, len(points) // PILOT_POINTS)][:PILOT_POINTS]
    scenario = plan.variants[variant].scenario
    patients = np.arange(min(scenario.patients, PILOT_PATIENTS))
    arms = [BlockRun("pilot", plan.seed, point.mechanisms, point.values).resolve(scenario) for point in chosen]
    arms = [arm for arm in arms if _fits(plan, scenario, arm)] or arms
    model = build_model(scenario, seed=plan.seed, patients=patients, arms=arms, collect=False)
    start = time.perf_counter()
    for _ in range(_CLOCKWORK_DAYS):
        if model.running:
            model.step()
    a_day = (time.perf_counter() - start) / max(1, model.day)
    model.run()
    seconds, clockwork = time.perf_counter() - start, a_day * model.day
    lanes = len(model.hosts.patient)
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    return clockwork, max(0.0, seconds - clockwork) / lanes


def _fits(plan: Plan, scenario: Scenario, arm: dict[str, float]) -> bool:
    """Whether the values of a point fit together: a sweep records those that do not, and goes on."""
    try:
        build_model(scenario, seed=plan.seed, patients=np.arange(1), arms=[arm], collect=False).__dict__.clear()
    except InputError:
        return False
    return True


def estimate_seconds(plan: Plan, workers: int) -> float:
    """Seconds that all runs take on so many workers: a guide, within a factor of about two or three.

    Patients differ by orders of magnitude. Raises InputError where a point of the pilot cannot be built.
    """
    chosen = sorted({round(place) for place in np.linspace(0, len(plan.variants) - 1, PILOT_VARIANTS)})
    cost = {variant: _pilot(plan, variant) for variant in chosen}
    nearest = [min(chosen, key=lambda known, variant=variant: abs(known - variant)) for variant in range(len(plan.variants))]
    place_of = {id(variant.scenario): place for place, variant in enumerate(plan.variants)}
    blocks = plan.blocks()
    total = 0.0
    for block in blocks:
        clockwork, a_lane = cost[nearest[place_of[id(block.scenario)]]]
        seeds = len({run.seed for run in block.runs})
        together = len(block.runs) // seeds
        models = seeds * math.ceil(block.scenario.patients / max(1, LANES // together))
        total += models * clockwork + len(block.runs) * block.scenario.patients * a_lane
    return total / min(workers, max(1, len(blocks)))


def time_text(seconds: float) -> str:
    """Seconds in words."""
    hours = seconds / 3600
    return Estimate(seconds, 0).minutes_text() if hours < 2 else f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
