"""What the plan of a sweep asks for that cannot act: as `sim.scenario.remarks` of a scenario, of a whole design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sim.messages import describe
from sim.scenario import Override, Scenario
from sim.scenario.remarks import MATTERS, of_treatments
from sim.sweeps.plan import Plan


def plan_remarks(plan: Plan) -> list[str]:
    """One line for each treatment that cannot act.

    It is what is so at every point of a scenario with a treatment of the plan, each once. A design switches mechanisms
    off, and sets parameters to their nulls, on purpose: of some points alone nothing is said.
    """
    points: dict[int, set[tuple[tuple[tuple[str, Any], ...], ...]]] = {}
    for point in plan.points:
        points.setdefault(point.variant, set()).add(
            tuple(
                tuple((name, level) for name, level in levels if name in MATTERS)
                for levels in (point.mechanisms, point.values)
            )
        )
    out: list[str] = []
    for number, settings in points.items():
        scenario, treatment = plan.variants[number].scenario, plan.variants[number].treatment
        where = f"{plan.name}, scenario {scenario.name}" + (f", treatment {describe(treatment)}" if treatment else "")
        at_each = [
            dict.fromkeys(of_treatments(_at(scenario, dict(states), dict(values)))) for states, values in settings
        ]
        out += [f"{where}: {words}" for words in at_each[0] if all(words in others for others in at_each)]
    return list(dict.fromkeys(out))


def _at(scenario: Scenario, states: Mapping[str, bool], values: Mapping[str, float]) -> Scenario:
    """The scenario with what matters here at a point of a plan."""
    changed = {name: replace(scenario.parameters[name], value=value) for name, value in values.items()}
    return replace(
        scenario,
        mechanisms={**scenario.mechanisms, **states},
        parameters={**scenario.parameters, **changed},
        overrides={**scenario.overrides, **{name: Override(value, "plan") for name, value in values.items()}},
    )
