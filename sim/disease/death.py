"""Death after diagnosis: other causes by age, the primary's burden, the metastases' burden."""

from __future__ import annotations

import math

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.names import DAYS_PER_YEAR
from sim.numerics.jit import kernel

BURDEN_UNIT_CELLS = 1e11
"""The catalogue states hazards of death for this many cells."""
OTHER, PRIMARY, METASTASES = 0, 1, 2


class Mortality:
    """Hazards of death by lane; a patient dies when the accumulated hazard reaches their own threshold.

    `site` (lanes,) weights the primary's burden; nobody dies before `diagnosis_day`; `threshold` (lanes,) is
    exponential with mean one, `uniform` (lanes,) tells the cause.
    """

    def __init__(
        self,
        parameters: LaneParameters,
        site: np.ndarray,
        diagnosis_day: np.ndarray,
        threshold: np.ndarray,
        uniform: np.ndarray,
    ):
        p, lanes = parameters, len(threshold)
        self._weight = p.by_niche("burden_weight")
        self._diagnosis_day, self._threshold, self._uniform = diagnosis_day, threshold, uniform
        self._other = p["other_cause_death_per_year_at_70"] / DAYS_PER_YEAR, p["other_cause_death_growth_per_year"]
        self._primary = (
            p["primary_death_per_day"] * p.by_site("primary_death_factor.{site}", site)
        ) / BURDEN_UNIT_CELLS
        self._metastases = p["metastatic_death_per_day"] / BURDEN_UNIT_CELLS
        self.hazard, self._burden = np.zeros(lanes), np.zeros(lanes)
        self._dead, self._cause = np.empty(lanes, dtype=np.int64), np.empty(lanes, dtype=np.int64)

    def measure(self, burden_cells: np.ndarray) -> None:
        """Take over the metastases' cells, (lanes, niches), after a weekly step."""
        self._burden = (self._weight * burden_cells).sum(axis=1)

    def day(
        self, day: int, alive: np.ndarray, age_years: np.ndarray, primary_cells: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """One day: the lanes (indices) of those who die, and of what (OTHER, PRIMARY, METASTASES).

        The burdens are those of the start of the day (the metastases' of the last weekly step).
        """
        n = deaths_today(
            day,
            alive,
            self._diagnosis_day,
            age_years,
            *self._other,
            self._primary,
            primary_cells,
            self._metastases,
            self._burden,
            self._threshold,
            self._uniform,
            self.hazard,
            self._dead,
            self._cause,
        )
        return self._dead[:n], self._cause[:n]


@kernel
def deaths_today(
    day: int,
    alive: np.ndarray,
    diagnosis_day: np.ndarray,
    age_years: np.ndarray,
    at_70_per_day: np.ndarray,
    growth_per_year: np.ndarray,
    primary_per_cell_day: np.ndarray,
    primary_cells: np.ndarray,
    metastases_per_cell_day: np.ndarray,
    weighted_burden_cells: np.ndarray,
    threshold: np.ndarray,
    uniform: np.ndarray,
    hazard: np.ndarray,
    dead: np.ndarray,
    cause: np.ndarray,
) -> int:
    """Add today's hazard to `hazard` (lanes,) of those alive and diagnosed; returns how many reach their `threshold`.

    Their lanes go to `dead`, and to `cause` what they die of: 0 other causes, 1 the primary, 2 metastases, by the
    share of each in today's hazard and the lane's `uniform`. Hazards are per day, those of tumours per cell and day.
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
