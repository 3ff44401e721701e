"""Ablation of liver metastases through the skin: for liver-only disease, and for small lesions; no wave of surgery."""

from __future__ import annotations

import numpy as np

from sim.names import LIVER
from sim.treatments.base import Course, Today, TreatedModel, Treatment
from sim.treatments.liver_resection import liver_only


def give(today: Today, course: Course, lanes: np.ndarray, model: TreatedModel) -> None:
    """Destroys the visible metastases of the liver up to `ablation_largest_cells`; larger ones stay."""
    share = np.minimum(np.where(liver_only(today, lanes, model), course.level, 0.0), 1.0)
    p = course.parameters
    today.operations.append((LIVER, share, p["imaging_threshold_cells"], p["ablation_largest_cells"]))


TREATMENT = Treatment(
    name="liver_ablation",
    title="small liver metastases are ablated where imaging sees no others",
    code=6,
    cycles=1,
    every_days=1,
    give=give,
)
