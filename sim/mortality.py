"""Death after diagnosis: other causes by age, the primary's burden, the metastases' burden."""

from __future__ import annotations

import numpy as np

from sim.parameters import LaneParameters

DAYS_PER_YEAR = 365.25
BURDEN_UNIT_CELLS = 1e11
"""The catalogue states hazards of death for this many cells."""
OTHER, PRIMARY, METASTASES = 0, 1, 2


class Mortality:
    """Hazards of death by lane; a patient dies when the accumulated hazard reaches his own threshold.

    `site` (lanes,) weights the primary's burden, `threshold` (lanes,) is exponential with mean one, `uniform` (lanes,) tells the cause.
    """

    def __init__(self, parameters: LaneParameters, site: np.ndarray, threshold: np.ndarray, uniform: np.ndarray):
        self._parameters, self._threshold, self._uniform = parameters, threshold, uniform
        self._weight = parameters.by_niche("burden_weight")
        self._primary_per_day = parameters["primary_death_per_day"] * parameters.by_site("primary_death_factor.{site}", site)
        self.hazard, self._burden = np.zeros(len(threshold)), np.zeros(len(threshold))

    def measure(self, burden_cells: np.ndarray) -> None:
        """Take over the metastases' cells, (lanes, niches), after a weekly step."""
        self._burden = (self._weight * burden_cells).sum(axis=1)

    def day(self, at_risk: np.ndarray, age_years: np.ndarray, primary_cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One day: who dies (bool), and of what (OTHER, PRIMARY, METASTASES), (lanes,) each.

        The burdens are those of the start of the day (the metastases' of the last weekly step).
        """
        p = self._parameters
        other = p["other_cause_death_per_year_at_70"] / DAYS_PER_YEAR * np.exp(
            p["other_cause_death_growth_per_year"] * (age_years - 70.0))
        primary = self._primary_per_day * primary_cells / BURDEN_UNIT_CELLS
        total = other + primary + p["metastatic_death_per_day"] * self._burden / BURDEN_UNIT_CELLS
        self.hazard = self.hazard + np.where(at_risk, total, 0.0)
        share = self._uniform * total
        cause = (share >= other).astype(np.int64) + (share >= other + primary)
        return at_risk & (self.hazard >= self._threshold), cause
