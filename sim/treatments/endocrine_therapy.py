"""Endocrine therapy: while it is taken, cells of hormone-receptor-positive tumours stay asleep.

A tumour has the receptor or has it not (`hormone_receptor_share` of patients). In those that have, the niches feed
sleepers slower by `endocrine_hold`: at 1 the energy clock stands still, and runs on when the last dose is over.
"""

from __future__ import annotations

import numpy as np

from sim.disease.signals import Rates
from sim.treatments.base import Course, Treatment, left_after

RECEPTOR = 0


def receptor_positive(course: Course) -> np.ndarray:
    """Lanes (bool) whose tumour has the receptor."""
    return course.marker(RECEPTOR) < course.parameters["hormone_receptor_share"]


def hold(rates: Rates, course: Course) -> None:
    """Slow the energy clocks of today."""
    level = course.level * receptor_positive(course)
    rates.feeding *= left_after(course.parameters["endocrine_hold"], level)[:, None]


TREATMENT = Treatment(
    name="endocrine_therapy",
    title="holds hormone-receptor-positive cells asleep while it is taken",
    code=7,
    cycles=1826,
    every_days=1,
    needs="dormancy",
    early=True,
    hold=hold,
)
