"""Resection of the primary: what is left sheds and grows on, as the same tumour, smaller."""

from __future__ import annotations

import numpy as np

from sim.treatments.base import Course, Today, TreatedModel, Treatment
from sim.treatments.surgery import start_wave, wave


def give(today: Today, course: Course, lanes: np.ndarray, model: TreatedModel) -> None:
    """Leaves `resection_residual_share` of the primary; half a dose takes half of what a whole one takes."""
    taken = np.minimum(np.where(lanes, course.level, 0.0), 1.0)
    today.primary *= 1.0 - taken * (1.0 - course.parameters["resection_residual_share"])
    first = lanes & (model.resection_day < 0)
    model.resection_day[first] = today.day
    start_wave(course, lanes)


TREATMENT = Treatment(
    name="resection", title="the primary is cut out", code=4, cycles=1, every_days=1, give=give, signal=wave
)
