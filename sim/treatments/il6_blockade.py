"""Blockade of IL-6 or its receptor: hepatocytes hear less of it while it is given."""

from __future__ import annotations

from sim.disease.signals import Signals
from sim.treatments.base import Course, Treatment, left_after


def signal(signals: Signals, course: Course) -> None:
    """Less IL-6 today."""
    signals.il6_factor *= left_after(course.parameters["il6_block"], course.level)


TREATMENT = Treatment(
    name="il6_blockade",
    title="IL-6 no longer reaches the liver",
    code=12,
    cycles=13,
    every_days=28,
    needs="inflammation",
    early=True,
    signal=signal,
)
