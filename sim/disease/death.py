"""Death: of other causes by age, of the primary's burden, of the metastases' burden.

Of other causes and of the primary nobody dies before the reference day, on which the primary would present: patients
are those who live to see it, or whose cancer comes first (`sim.disease.presentation`). Metastases kill by a hazard
after diagnosis, and at the patient's own lethal burden at any time.
"""

from __future__ import annotations

import math

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import Hosts
from sim.names import DAYS_PER_YEAR
from sim.numerics.jit import kernel

BURDEN_UNIT_CELLS = 1e11
"""The catalogue states hazards of death for this many cells."""
OTHER, PRIMARY, METASTASES = 0, 1, 2


class Mortality:
    """Hazards of death by lane; a patient dies when the accumulated hazard reaches their own threshold.

    `threshold` (lanes,) is exponential with mean one, `uniform` (lanes,) tells the cause. `burden` (lanes,) is that of
    the metastases, weighed by organ, as of the last weekly step.
    """

    def __init__(
        self,
        parameters: LaneParameters,
        hosts: Hosts,
        uniform: np.ndarray,
    ):
        p, lanes = parameters, len(hosts.patient)
        self._weight = p.by_niche("burden_weight")
        self._diagnosis_day, self._reference_day = hosts.diagnosis_day, hosts.reference_day
        self._lethal, self._threshold, self._uniform = hosts.lethal_cells, hosts.death_threshold, uniform
        self._first_day, self._some_lethal = int(hosts.diagnosis_day.min()), False
        self._other = p["other_cause_death_per_year_at_70"] / DAYS_PER_YEAR, p["other_cause_death_growth_per_year"]
        self._primary = (
            p["primary_death_per_day"] * p.by_site("primary_death_factor.{site}", hosts.site) * hosts.primary_danger
        ) / BURDEN_UNIT_CELLS
        self._metastases = p["metastatic_death_per_day"] / BURDEN_UNIT_CELLS
        self.hazard, self.burden = np.zeros(lanes), np.zeros(lanes)
        self._dead, self._cause = np.empty(lanes, dtype=np.int64), np.empty(lanes, dtype=np.int64)

    def measure(self, burden_cells: np.ndarray) -> None:
        """Take over the metastases' cells, (lanes, niches), after a weekly step."""
        self.burden = (self._weight * burden_cells).sum(axis=1)
        self._some_lethal = bool((self.burden >= self._lethal).any())

    def may_kill(self, day: int) -> bool:
        """Whether anybody may die: on most days nobody is diagnosed, and no burden lethal, so it is asked first."""
        return day >= self._first_day or self._some_lethal

    def day(
        self, day: int, living: np.ndarray, age_years: np.ndarray, primary_cells: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """One day of `living` lanes (numbers): those who die, and of what (OTHER, PRIMARY, METASTASES).

        The burdens are those of the start of the day (the metastases' of the last weekly step).
        """
        n = deaths_today(
            day,
            living,
            self._diagnosis_day,
            self._reference_day,
            age_years,
            *self._other,
            self._primary,
            primary_cells,
            self._metastases,
            self.burden,
            self._lethal,
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
    living: np.ndarray,
    diagnosis_day: np.ndarray,
    reference_day: np.ndarray,
    age_years: np.ndarray,
    at_70_per_day: np.ndarray,
    growth_per_year: np.ndarray,
    primary_per_cell_day: np.ndarray,
    primary_cells: np.ndarray,
    metastases_per_cell_day: np.ndarray,
    weighted_burden_cells: np.ndarray,
    lethal_cells: np.ndarray,
    threshold: np.ndarray,
    uniform: np.ndarray,
    hazard: np.ndarray,
    dead: np.ndarray,
    cause: np.ndarray,
) -> int:
    """Add today's hazard to `hazard` (lanes,) of those `living` (numbers) and diagnosed; returns how many die.

    They die when they reach their `threshold`, or `lethal_cells`.

    Their lanes go to `dead`, and to `cause` what they die of: 0 other causes, 1 the primary, 2 metastases, by the
    share of each in today's hazard and the lane's `uniform`. Hazards are per day, those of tumours per cell and day.
    """
    n = 0
    for lane in living:
        bulk = weighted_burden_cells[lane] >= lethal_cells[lane]
        if day < diagnosis_day[lane] and not bulk:
            continue
        other, primary = 0.0, 0.0
        if day >= reference_day[lane]:
            other = at_70_per_day[lane] * math.exp(growth_per_year[lane] * (age_years[lane] - 70.0))
            primary = primary_per_cell_day[lane] * primary_cells[lane]
        total = other + primary + metastases_per_cell_day[lane] * weighted_burden_cells[lane]
        hazard[lane] += total
        if bulk or hazard[lane] >= threshold[lane]:
            share = uniform[lane] * total
            dead[n] = lane
            cause[n] = 2 if bulk else (share >= other) + (share >= other + primary)
            n += 1
    return n
