"""About how long a plan will take, from a pilot: a few patients of a few of its points."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import draw_hosts
from sim.errors import InputError
from sim.runs.buildable import unbuildable
from sim.runs.chunk import build_model
from sim.runs.pilot import RunCost
from sim.scenario import Scenario
from sim.sweeps.block import LANES, BlockRun
from sim.sweeps.plan import Plan, Point

PILOT_VARIANTS = 3
PILOT_POINTS = 6
MANY_LANES = 300
EARLY_DAYS = 200
"""In the first days there are no cells yet: they show what a lane costs a day."""
PILOT_SECONDS = 4.0
"""One model of the pilot is given up after so long, and its cost extrapolated."""
ENOUGH_SECONDS = 1.0
"""What cells must have cost in the pilot before its costs are extrapolated to patients with more of them."""
GROUPS = 4
"""Patients are taken into the pilot in groups, from those with few competent cells to those with many."""
GROUP_PATIENTS = 4
MOST_PATIENTS_DRAWN = 20_000
START_SECONDS = 2.0
"""Until the program and its workers have loaded their libraries."""
APART = 1.3
"""Two runs of the same on one machine differ so much, at least."""
HEAVY = 2.5
"""Where costs must be extrapolated from patients with fewer cells, they may be so far off either way."""


@dataclass(frozen=True)
class Cost:
    """Seconds that a model takes whatever its lanes, and that a lane takes, at the least and at the most."""

    model: float
    lane: float
    most_lane: float | None = None


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
    last = int(model.last_day.max())
    if days is None:
        with suppress(_Enough):
            model.run(_stop_after(start + PILOT_SECONDS))
        _ = model.cells.sleeping  # counts the doomed cells, as the tables do at the end of a run
    else:
        for _ in range(days):
            if model.running:
                model.step()
    seconds, lived = time.process_time() - start, model.day
    if days is None and model.running and lived < last:  # stopped: the days that are left cost as much, or more
        seconds, lived = seconds * last / max(1, lived), last
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    return seconds, lived


class _Enough(Exception):
    """The pilot has cost enough."""


def _stop_after(moment: float) -> Callable[[int], None]:
    def look(_: int) -> None:
        if time.process_time() > moment:
            raise _Enough

    return look


def _pilot(plan: Plan, variant: int) -> Cost:
    scenario = plan.variants[variant].scenario
    points = [point for point in plan.points if point.variant == variant]
    chosen = points[:: max(1, len(points) // PILOT_POINTS)][:PILOT_POINTS]
    arms = [arm_of(plan, point) for point in chosen]
    refused = unbuildable(scenario, arms)
    arms = [arm for place, arm in enumerate(arms) if place not in refused] or arms
    competent = [_competent(plan, scenario, arm) for arm in arms]
    by_rank = np.argsort(competent[0], kind="stable")
    _seconds(plan, scenario, arms[:1], by_rank[:1], EARLY_DAYS)  # loads the machine code
    few, lived = _seconds(plan, scenario, arms[:1], by_rank[:1], EARLY_DAYS)
    many, _ = _seconds(plan, scenario, arms[:1], np.arange(MANY_LANES), EARLY_DAYS)
    a_lane_day = max(0.0, many - few) / (MANY_LANES - 1) / lived
    # The patient with the fewest cells shows what the days cost, to the last.
    seconds, days = _seconds(plan, scenario, arms[:1], by_rank[:1], None)
    a_day = seconds / days
    of_cells, shares, ratios = 0.0, 0.0, []
    for patients in _groups(by_rank):
        seconds, lived = _seconds(plan, scenario, arms, patients, None)
        cells = max(0.0, seconds - lived * (a_day + a_lane_day * (len(arms) * len(patients) - 1)))
        share = float(sum(share[patients].sum() for share in competent))
        of_cells, shares, days = of_cells + cells, shares + share, max(days, lived)
        if share > 0.0:
            ratios.append(cells / share)
        if of_cells > ENOUGH_SECONDS:
            break
    mean_share = float(np.mean([share.mean() for share in competent]))
    everybody = len(arms) * scenario.patients * mean_share
    a_share = of_cells / shares if shares > 0.0 else 0.0
    apart = APART if shares >= 0.5 * everybody else HEAVY
    lane = a_lane_day * days
    high = max([a_share, *(ratio for ratio in ratios if ratio <= apart * a_share)], default=0.0)
    return Cost(a_day * days, lane + a_share * mean_share / apart, lane + high * mean_share * apart)


def _groups(by_rank: np.ndarray) -> list[np.ndarray]:
    """Patients of the pilot, group by group: all where there are few, else spread over the upper half of the ranks."""
    if len(by_rank) <= GROUPS * GROUP_PATIENTS:
        return [group for group in np.array_split(np.sort(by_rank), min(GROUPS, len(by_rank))) if len(group)]
    top = len(by_rank) - 1
    groups = []
    for group in range(GROUPS):
        low, high = 1.0 - 0.5**group / 2.0, 1.0 - 0.5 ** (group + 1) / 2.0
        groups.append(np.unique(by_rank[[int(rank * top) for rank in np.linspace(low, high, GROUP_PATIENTS)]]))
    return groups


def arm_of(plan: Plan, point: Point) -> dict[str, float]:
    """All parameter values of a point."""
    return BlockRun("pilot", plan.seed, point.mechanisms, point.values).resolve(plan.variants[point.variant].scenario)


def points_that_cannot_be(plan: Plan) -> dict[int, str]:
    """Points whose model cannot be built, by number, with the reason: a sweep records them as failed, and goes on.

    Raises InputError where none can.
    """
    found: dict[int, str] = {}
    for place, variant in enumerate(plan.variants):
        points = [point for point in plan.points if point.variant == place]
        refused = unbuildable(variant.scenario, [arm_of(plan, point) for point in points])
        found |= {points[at].number: error for at, error in refused.items()}
    if len(found) == len(plan.points):
        raise InputError(next(iter(found.values())))
    return found


def estimate_seconds(plan: Plan, workers: int) -> tuple[float, float]:
    """Seconds that all runs take on so many workers: at the least, and at the most.

    Patients differ by orders of magnitude. Raises InputError where no point of the pilot can be built.
    """
    chosen = sorted({round(place) for place in np.linspace(0, len(plan.variants) - 1, PILOT_VARIANTS)})
    cost = {variant: _pilot(plan, variant) for variant in chosen}
    nearest = [_nearest(chosen, variant) for variant in range(len(plan.variants))]
    place_of = {id(variant.scenario): place for place, variant in enumerate(plan.variants)}
    blocks = plan.blocks()
    low = high = 0.0
    for block in blocks:
        known = cost[nearest[place_of[id(block.scenario)]]]
        seeds = len({run.seed for run in block.runs})
        together = len(block.runs) // seeds
        models = seeds * math.ceil(block.scenario.patients / max(1, LANES // together))
        lanes = len(block.runs) * block.scenario.patients
        low += models * known.model / APART + lanes * known.lane
        high += models * known.model * APART + lanes * (known.lane if known.most_lane is None else known.most_lane)
    busy = min(workers, max(1, len(blocks)))
    return START_SECONDS + low / busy, START_SECONDS + high / busy


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


def between_text(low: float, high: float) -> str:
    """An interval of times in words: "3 to 8 s", "90 s to 4 min"."""
    first, last = time_text(low), time_text(high)
    if first == last:
        return f"about {first}"
    unit = f" {last.split()[-1]}"
    return f"{first.removesuffix(unit)} to {last}"
