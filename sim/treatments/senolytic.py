"""Senolytics (dasatinib + quercetin): each dose clears a share of the liver's senescent cells, which come back.

Cleared cells are replaced with `senescence_return_days`. With fewer senescent hepatocytes fewer vesicles reach the
primary (SEN01).
"""

from __future__ import annotations

import numpy as np

from sim.disease.signals import Signals, decay
from sim.treatments.base import Course, Today, TreatedModel, Treatment, left_after


def give(today: Today, course: Course, lanes: np.ndarray, model: TreatedModel) -> None:
    """One dose."""
    cleared = course.held("cleared")
    left = left_after(course.parameters["senolytic_clearance"], np.where(lanes, course.level, 0.0))
    cleared[:] = np.where(lanes, 1.0 - (1.0 - cleared) * left, cleared)


def signal(signals: Signals, course: Course) -> None:
    """Senescent cells of today."""
    cleared = course.held("cleared")
    if cleared.any():
        signals.senescence_factor *= 1.0 - cleared
        cleared *= decay(course.parameters["senescence_return_days"])


TREATMENT = Treatment(
    name="senolytic",
    title="dasatinib + quercetin clear senescent liver cells",
    code=9,
    cycles=26,
    every_days=14,
    needs="senescent_vesicles",
    early=True,
    give=give,
    signal=signal,
)
