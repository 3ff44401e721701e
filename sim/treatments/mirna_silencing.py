"""Silencing of the vesicles' miRNAs: vesicles reach the primary and repress PTEN and LATS2 less (SEN01)."""

from __future__ import annotations

from sim.disease.signals import Signals
from sim.treatments.base import Course, Treatment, left_after


def signal(signals: Signals, course: Course) -> None:
    """Vesicles that repress less today."""
    signals.repression_factor *= left_after(course.parameters["mirna_block"], course.level)


TREATMENT = Treatment(
    name="mirna_silencing",
    title="vesicles no longer repress PTEN and LATS2",
    code=11,
    cycles=26,
    every_days=14,
    needs="senescent_vesicles",
    early=True,
    signal=signal,
)
