"""P2RX7 inhibition: senescent hepatocytes release fewer vesicles while it is taken (SEN01)."""

from __future__ import annotations

from sim.disease.signals import Signals
from sim.treatments.base import Course, Treatment, left_after


def signal(signals: Signals, course: Course) -> None:
    """Fewer vesicles today."""
    signals.vesicle_factor *= left_after(course.parameters["p2rx7_block"], course.level)


TREATMENT = Treatment(
    name="p2rx7_inhibition",
    title="senescent liver cells release fewer vesicles",
    code=10,
    cycles=365,
    every_days=1,
    needs="senescent_vesicles",
    early=True,
    signal=signal,
)
