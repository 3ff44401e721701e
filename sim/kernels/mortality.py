"""A day's hazards of death."""

from __future__ import annotations

import math

from sim.jit import kernel


@kernel
def deaths_today(
    day,
    alive,
    diagnosis_day,
    age_years,
    at_70_per_day,
    growth_per_year,
    primary_per_cell_day,
    primary_cells,
    metastases_per_cell_day,
    weighted_burden_cells,
    threshold,
    uniform,
    hazard,
    dead,
    cause,
):
    """Add today's hazard to `hazard` (lanes,) of those alive and diagnosed; returns how many reach their `threshold`.

    Their lanes go to `dead`, and to `cause` what they die of: 0 other causes, 1 the primary, 2 metastases, by the share of
    each in today's hazard and the lane's `uniform`. Hazards are per day, those of tumours per cell and day.
    """
    n = 0
    for lane in range(alive.size):
        if not alive[lane] or day < diagnosis_day[lane]:
            continue
        other = at_70_per_day[lane] * math.exp(growth_per_year[lane] * (age_years[lane] - 70.0))
        primary = primary_per_cell_day[lane] * primary_cells[lane]
        total = other + primary + metastases_per_cell_day[lane] * weighted_burden_cells[lane]
        hazard[lane] += total
        if hazard[lane] >= threshold[lane]:
            share = uniform[lane] * total
            dead[n] = lane
            cause[n] = (share >= other) + (share >= other + primary)
            n += 1
    return n
