"""Intervals from the patients: a bootstrap that needs each patient once, so that memory does not grow with the cohort.

In every resample a patient counts as often as a Poisson variate of mean one says, drawn from the seed and
the patient's number alone (Hanley and MacGibbon 2006; as good as drawing with replacement from some dozens
of patients on). Means and ratios of means are had from sums, resample by resample.
"""

from __future__ import annotations

import numpy as np

RESAMPLES = 2000
FEWEST_DEFINED = 0.975
"""A ratio that is undefined in more resamples than one tail holds has no interval."""
_STREAM = 0x5EED


class Resampled:
    """Sums over patients of `width` quantities: of the patients themselves, and of every resample."""

    def __init__(self, width: int, *, seed: int, resamples: int = RESAMPLES):
        self.patients = 0
        self._seed = seed
        self._sums = np.zeros((resamples + 1, width))
        self._weights = np.zeros(resamples + 1)

    def add(self, patient: np.ndarray, quantities: np.ndarray) -> None:
        """Add patients, ids (n,) with their quantities (n, width). Add them in one order: sums are rounded."""
        weights = np.ones((len(self._weights), len(patient)))
        for column, number in enumerate(patient):
            generator = np.random.Generator(np.random.Philox([self._seed, int(number), _STREAM]))
            weights[1:, column] = generator.poisson(1.0, len(weights) - 1)
        self._sums += np.einsum("rp,pw->rw", weights, np.asarray(quantities, dtype=float))
        self._weights += weights.sum(axis=1)
        self.patients += len(patient)

    def means(self) -> np.ndarray:
        """Mean quantities, (resamples + 1, width); the first row is the patients themselves."""
        with np.errstate(invalid="ignore"):  # a resample of one patient may be empty
            return self._sums / self._weights[:, None]


def interval(resampled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % percentile interval along axis 0, nan where too few of the resamples are defined."""
    defined = np.isfinite(resampled).mean(axis=0) >= FEWEST_DEFINED
    safe = np.where(defined & np.isfinite(resampled), resampled, np.nan)
    out = np.full((2, *resampled.shape[1:]), np.nan)
    if defined.any():
        out[:, defined] = np.nanquantile(safe[:, defined], (0.025, 0.975), axis=0)
    return out[0], out[1]


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, nan where below is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below == 0, np.nan, above / below)
