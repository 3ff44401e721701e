"""Resection of liver metastases, for patients whose visible disease is in the liver alone."""

from __future__ import annotations

import numpy as np

from sim.names import LIVER
from sim.treatments.base import Course, Today, TreatedModel, Treatment
from sim.treatments.surgery import start_wave, wave


def liver_only(today: Today, lanes: np.ndarray, model: TreatedModel) -> np.ndarray:
    """Lanes among these in which imaging sees metastases in the liver and nowhere else."""
    seen = model.visible_metastases(lanes)
    return lanes & (seen[:, LIVER] > 0) & (seen.sum(axis=1) == seen[:, LIVER])


def give(today: Today, course: Course, lanes: np.ndarray, model: TreatedModel) -> None:
    """Removes every visible metastasis of the liver; at half a dose each with probability a half."""
    operated = liver_only(today, lanes, model)
    share = np.minimum(np.where(operated, course.level, 0.0), 1.0)
    least = course.parameters["imaging_threshold_cells"]
    today.operations.append((LIVER, share, least, np.full(len(share), np.inf)))
    start_wave(course, operated)


TREATMENT = Treatment(
    name="liver_resection",
    title="liver metastases are cut out where imaging sees no others",
    code=5,
    cycles=1,
    every_days=1,
    give=give,
    signal=wave,
)
