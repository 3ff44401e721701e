"""The treatments of a scenario: what may stand in `[[treatments]]`, and the plans that come of it.

    [[treatments]]
    name = "chemotherapy"
    after = "surgery"
    start_days = 28
    cycles = 8
    every_days = 21
    adherence = 0.8

A scenario that extends another and names treatments replaces all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sim.messages import describe, listed
from sim.names import NICHES
from sim.treatments import REGISTRY
from sim.treatments.base import AFTER, DIAGNOSIS, OPERATION, SURGERY, Plan

if TYPE_CHECKING:
    from sim.scenario.text import KeyPath

MOST_DAYS = 36_525
TARGETS = (*NICHES, "primary")
"""What local treatment may aim at."""


def problems(tables: Sequence[Mapping[str, Any]]) -> Iterator[tuple[KeyPath, str]]:
    """Key path within the list and words of what does not fit together; keys and types are checked already."""
    operated = any(table.get("name") == OPERATION for table in tables)
    for place, table in enumerate(tables):
        treatment = REGISTRY[table["name"]]
        after = table.get("after", DIAGNOSIS)
        if treatment.local and "organ" not in table:
            yield (
                (place,),
                f'missing key organ; allowed: organ = "liver" (what {treatment.name} aims at), '
                f"one of {listed(TARGETS)}",
            )
        if not treatment.local and "organ" in table:
            local = listed(name for name, other in REGISTRY.items() if other.local)
            yield (
                (place, "organ"),
                f"found {describe(table['organ'])} for {treatment.name}, which acts everywhere; "
                f"allowed: with {local} only",
            )
        if "cycles" in table and "duration_days" in table:
            yield (place, "duration_days"), "found with cycles; allowed: one of them, the other follows from every_days"
        if table.get("start_days", 0) < 0 and not (treatment.early and after == DIAGNOSIS):
            early = listed(name for name, other in REGISTRY.items() if other.early)
            yield (
                (place, "start_days"),
                f"found {table['start_days']:g} days; allowed: 0 or more (before diagnosis, only {early} may start)",
            )
        if after == SURGERY and table["name"] == OPERATION:
            yield (
                (place, "after"),
                f'found "{SURGERY}" for the operation itself; allowed: {listed(a for a in AFTER if a != SURGERY)}',
            )
        elif after == SURGERY and not operated:
            yield (place, "after"), f'found "{SURGERY}" and no {OPERATION} among the treatments; allowed: with one'


def plans(tables: Sequence[Mapping[str, Any]]) -> tuple[Plan, ...]:
    """The plans of checked tables; what they leave open is the treatment's usual course."""
    out: list[Plan] = []
    for table in tables:
        treatment = REGISTRY[table["name"]]
        every = int(table.get("every_days", treatment.every_days))
        cycles = table.get("cycles", treatment.cycles)
        if "duration_days" in table:
            cycles = max(1, round(table["duration_days"] / every))
        out.append(
            Plan(
                name=treatment.name,
                after=table.get("after", DIAGNOSIS),
                start_days=int(table.get("start_days", 0)),
                dose=table.get("dose", 1.0),
                cycles=cycles,
                every_days=every,
                adherence=table.get("adherence", 1.0),
                organ=table.get("organ"),
                turn=sum(plan.name == treatment.name for plan in out),
            )
        )
    return tuple(out)
