"""What a scenario asks for that cannot act, or means something else than it says: said before anything is computed.

These are no faults (an arm without T cells may be the point of a comparison), so nothing is refused: a remark is
one line that says where, what, why it cannot act, and what would make it act.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.mechanisms import REGISTRY as MECHANISMS
from sim.messages import describe, listed
from sim.scenario.apart import ACT_WHEN_OFF
from sim.scenario.chain import shown
from sim.treatments import REGISTRY as TREATMENTS
from sim.treatments.base import OPERATION, SURGERY, Plan

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.scenario.comparison import Question

HORMONE_RECEPTORS, MEASURED_IN = "hormone_receptor_share", "breast"
"""The share of tumours with hormone receptors, and the cancer whose share the catalogue holds."""
SIZES = ("ablation_largest_cells", "imaging_threshold_cells")
"""Sizes of liver metastases between which ablation acts."""
_NEEDED = {treatment.needs for treatment in TREATMENTS.values() if treatment.needs}
MATTERS = {HORMONE_RECEPTORS, *SIZES, *_NEEDED, *(parameter for name in _NEEDED for parameter in MECHANISMS[name].null)}
"""Mechanisms and parameters on which remarks on treatments depend."""


def remarks(scenario: Scenario) -> list[str]:
    """One line for each treatment that cannot act as a run of the scenario would have it, and each such number."""
    found = [*of_treatments(scenario), *_of_numbers(scenario)]
    return [f"{shown(scenario.path)}: {words}" for words in found]


def comparison_remarks(comparison: Question) -> list[str]:
    """The same of every arm, and of an outcome that no patient of an arm can have."""
    file = shown(comparison.scenario.path)
    by_arm = [
        (f"{file}, comparison arm {describe(arm.name)}", list(of_treatments(arm.scenario))) for arm in comparison.arms
    ]
    return [f"{where}: {words}" for where, found in by_arm for words in found] + [
        f"{file}: {words}" for words in _of_outcome(comparison)
    ]


def of_treatments(scenario: Scenario) -> Iterator[str]:
    """Each remark once, however many plans give the treatment; a dose of 0, or none taken, is meant so."""
    checks = (_without_mechanism, _another_cancer, _unseen, _without_surgery, _too_late)
    found = (check(scenario, plan) for plan in scenario.treatments if _is_given(plan) for check in checks)
    yield from dict.fromkeys(words for words in found if words is not None)


def _of_numbers(scenario: Scenario) -> Iterator[str]:
    """Numbers that the scenario sets for a mechanism that it has switched off."""
    for name in scenario.overrides:
        mechanism = scenario.parameters[name].parameter.mechanism
        if mechanism is not None and not scenario.mechanisms[mechanism] and name not in ACT_WHEN_OFF:
            yield (
                f"{name}: found set without {mechanism}, to which it belongs: it changes nothing; "
                f"it would act with {mechanism} switched on"
            )


def _is_given(plan: Plan) -> bool:
    return plan.dose > 0.0 and plan.adherence > 0.0


def _without_mechanism(scenario: Scenario, plan: Plan) -> str | None:
    name = TREATMENTS[plan.name].needs
    if name is None:
        return None
    if not scenario.mechanisms[name]:
        return (
            f"{plan.name}: found without {name}, through which it acts: it changes nothing; "
            f"it would act with {name} switched on"
        )
    null = MECHANISMS[name].null
    if all(scenario.parameters[parameter].value == value for parameter, value in null.items()):
        values = " and ".join(f"{parameter} = {value:g}" for parameter, value in null.items())
        return (
            f"{plan.name}: found with {values}, at which {name}, through which it acts, does nothing; "
            "it would act with another value"
        )
    return None


def _another_cancer(scenario: Scenario, plan: Plan) -> str | None:
    if plan.name != "endocrine_therapy" or scenario.primary == MEASURED_IN or HORMONE_RECEPTORS in scenario.overrides:
        return None
    share = scenario.parameters[HORMONE_RECEPTORS].value
    return (
        f"{plan.name}: found in cancer of the site {scenario.primary} with the {HORMONE_RECEPTORS} of {MEASURED_IN} "
        f"cancer, {share:g}: it acts as if so many tumours had the receptors; "
        f"set {HORMONE_RECEPTORS} to this cancer's share, or leave the treatment out"
    )


def _unseen(scenario: Scenario, plan: Plan) -> str | None:
    largest, least = (scenario.parameters[name].value for name in SIZES)
    if plan.name != "liver_ablation" or largest >= least:
        return None
    return (
        f"{plan.name}: found with {SIZES[0]} = {largest:g}, below {SIZES[1]} = {least:g}: no metastasis that imaging "
        "sees is small enough; it would act with a larger limit, or finer imaging"
    )


def _operations(scenario: Scenario) -> list[Plan]:
    """The operations of the primary that somebody gets."""
    return [plan for plan in scenario.treatments if plan.name == OPERATION and _is_given(plan)]


def _without_surgery(scenario: Scenario, plan: Plan) -> str | None:
    if plan.after != SURGERY or _operations(scenario):
        return None
    return (
        f"{plan.name}: found after surgery, and nobody is operated on (every {OPERATION} has dose 0 or adherence 0): "
        f"nobody gets a dose; it would act after a {OPERATION} that is done"
    )


def _too_late(scenario: Scenario, plan: Plan) -> str | None:
    if plan.after == SURGERY and not _operations(scenario):
        return None
    start, last = _earliest_days(scenario, plan), math.ceil(scenario.horizon_days)
    if start < last:
        return None
    return (
        f"{plan.name}: found a start {start} days after diagnosis at the earliest, and the horizon ends after {last}: "
        "nobody gets a dose; it would act with an earlier start, or a longer horizon"
    )


def _earliest_days(scenario: Scenario, plan: Plan) -> int:
    """Days from diagnosis to the first dose of the patient who gets it first."""
    if plan.after != SURGERY:
        return plan.start_days
    return plan.start_days + min(operation.start_days for operation in _operations(scenario))


def _of_outcome(comparison: Question) -> Iterator[str]:
    arms = [arm.name for arm in comparison.arms if arm.scenario.parameters["follow_up_interval_days"].value == 0.0]
    if comparison.outcome.needs_visits and arms:
        yield (
            f"outcome {describe(comparison.outcome.name)}: found follow_up_interval_days = 0 in {listed(arms)}: "
            "patients who are watched all the time have no liver symptoms; "
            "they would with visits (follow_up_interval_days above 0)"
        )
