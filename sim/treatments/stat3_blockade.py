"""STAT3 inhibition: hepatocytes pass less of IL-6 on while it is taken."""

from __future__ import annotations

from sim.disease.signals import Signals
from sim.treatments.base import Course, Treatment, left_after


def signal(signals: Signals, course: Course) -> None:
    """Less STAT3 today."""
    signals.stat3_factor *= left_after(course.parameters["stat3_block"], course.level)


TREATMENT = Treatment(
    name="stat3_blockade",
    title="hepatocytes no longer answer IL-6",
    code=13,
    cycles=365,
    every_days=1,
    needs="inflammation",
    early=True,
    signal=signal,
)
