"""Which grown colonies imaging would show on a morning."""

from __future__ import annotations

import math

import numpy as np

from sim.disease.colonise import grown_days_to
from sim.disease.identity import lane_of, niche_of
from sim.numerics.jit import kernel


@kernel
def visible_rows(
    day: int,
    count: int,
    identity: np.ndarray,
    start_day: np.ndarray,
    start_log_cells: np.ndarray,
    delay: np.ndarray,
    early_rate: np.ndarray,
    limit_log_cells: np.ndarray,
    limit_gap: np.ndarray,
    gompertz_rate: np.ndarray,
    due: np.ndarray,
    visible_log_cells: np.ndarray,
    rows: np.ndarray,
    reached: np.ndarray,
) -> int:
    """Rows of the colonies of the lanes that are `due` (bool) with `visible_log_cells` (lanes,) by the start of `day`.

    Writes their row numbers and the first whole day on which they were that large; returns how many.
    """
    n = 0
    for i in range(count):
        lane = lane_of(identity[i])
        if not due[lane]:
            continue
        niche = niche_of(identity[i])
        days = grown_days_to(
            visible_log_cells[lane],
            start_log_cells[i],
            delay[i],
            early_rate[lane, niche],
            limit_log_cells[lane],
            limit_gap[lane],
            gompertz_rate[lane, niche],
        )
        first = math.ceil(start_day[i] + days) if days < 1e9 else math.inf
        if first <= day:
            rows[n], reached[n] = i, np.int64(first)
            n += 1
    return n
