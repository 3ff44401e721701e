"""Radiotherapy of one organ, or of the primary: each fraction leaves a share of the cycling cells there.

Resistance to drugs does not help. Sleepers are not hit: hardly any data, and radiation kills dividing cells first.
"""

from __future__ import annotations

import numpy as np

from sim.names import NICHES
from sim.treatments.base import Course, Today, TreatedModel, Treatment


def give(today: Today, course: Course, lanes: np.ndarray, model: TreatedModel) -> None:
    """One fraction; a dose of 2 is two fractions at once."""
    left = course.parameters["radiotherapy_surviving_fraction"] ** np.where(lanes, course.level, 0.0)
    if course.plan.organ == "primary":
        today.primary *= left
    else:
        today.cycling[:, :, NICHES.index(course.plan.organ)] *= left


TREATMENT = Treatment(
    name="radiotherapy",
    title="fractions of radiation to one organ, or to the primary, kill cycling cells",
    code=3,
    cycles=25,
    every_days=1,
    local=True,
    give=give,
)
