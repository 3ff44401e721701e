"""The wave of inflammation after an operation: a switchable assumption, null at `surgery_inflammation` 0.

It has that height on the day of surgery, decays with `surgery_inflammation_days`, inflames every organ
(which wakes sleepers, where `inflammatory_awakening` is on) and adds to IL-6 (which prepares the liver, where
`inflammation` is on).
"""

from __future__ import annotations

import numpy as np

from sim.disease.signals import Signals, decay
from sim.treatments.base import Course


def start_wave(course: Course, lanes: np.ndarray) -> None:
    """An operation in these lanes (bool)."""
    wave = course.held("wave")
    wave[lanes] += (course.parameters["surgery_inflammation"] * course.level)[lanes]


def wave(signals: Signals, course: Course) -> None:
    """Today's wave."""
    height = course.held("wave")
    if height.any():
        signals.inflamed += height[:, None]
        signals.il6_extra += height
        height *= decay(course.parameters["surgery_inflammation_days"])
