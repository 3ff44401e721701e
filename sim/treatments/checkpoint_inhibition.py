"""Immune checkpoint inhibition: T cells clear more, and attack what has grown.

It multiplies the T cells by 1 + `checkpoint_gain`, and grown colonies shrink by `checkpoint_shrink_per_day` x T cells;
with them it depends on age, on adiposity and on liver metastases, which drain them (IMM01 to IMM04, against
IMM10). It has nothing to act on where `immune_surveillance` is off. Loss of JAK1/2 or PTEN makes the tumour blind to
it; mutations of POLE or POLD1 make it respond better, by `pole_response_factor`.
"""

from __future__ import annotations

import numpy as np

from sim.disease.signals import Signals
from sim.treatments.base import Course, Today, Treatment

JAK, PTEN, POLE = 1, 2, 3
STRIKE_DAYS = 7


def response(course: Course) -> np.ndarray:
    """Response of each lane's tumour, (lanes,): 0 where JAK1/2 or PTEN is lost, 1 for most, more with POLE."""
    p = course.parameters
    blind = (course.marker(JAK) < p["jak_loss_prevalence"]) | (course.marker(PTEN) < p["pten_loss_prevalence"])
    factor = np.where(course.marker(POLE) < p["pole_prevalence"], p["pole_response_factor"], 1.0)
    return np.where(blind, 0.0, factor)


def let_loose(course: Course) -> np.ndarray:
    """Factor on today's T cells, (lanes,)."""
    return 1.0 + course.parameters["checkpoint_gain"] * response(course) * course.level


def signal(signals: Signals, course: Course) -> None:
    """More T cells, in effect."""
    course.held("let_loose", 1.0)[:] = let_loose(course)
    signals.t_cell_factor *= course.held("let_loose")


def weekly(today: Today, course: Course, signals: Signals) -> None:
    """Grown colonies shrink, once a week, by the T cells of yesterday, as far as they are let loose today."""
    if today.day % STRIKE_DAYS == 0 and "t_cells" in signals.level:
        p = course.parameters
        t_cells = np.where(p["immune_clearance_per_day"] > 0.0, signals.level["t_cells"], 0.0)
        t_cells = t_cells * (let_loose(course) / course.held("let_loose", 1.0))  # a dose acts from its own morning on
        rate = p["checkpoint_shrink_per_day"] * response(course) * course.level * t_cells
        today.shrink *= np.exp(-STRIKE_DAYS * rate)[:, None]


TREATMENT = Treatment(
    name="checkpoint_inhibition",
    title="T cells are let loose on colonies, small and grown",
    code=8,
    cycles=17,
    every_days=21,
    needs="immune_surveillance",
    signal=signal,
    daily=weekly,
)
