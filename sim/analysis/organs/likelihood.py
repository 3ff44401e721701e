"""Binomial counts whose log odds miss the law by a normal error: the likelihood of one cell of the table.

The misfit between sites is integrated out by Gauss-Hermite quadrature; derivatives are those of the integral.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, logsumexp

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())


@dataclass(frozen=True)
class Likelihood:
    """Log likelihood by cell (without the binomial coefficient), with derivatives by log odds and by the misfit's SD.

    All arrays are (cells,); `curvature` is (cells, 2, 2), the matrix of second derivatives by (log odds, SD).
    """

    value: np.ndarray
    slope: np.ndarray
    slope_sd: np.ndarray
    curvature: np.ndarray


def likelihood(log_odds: np.ndarray, sd: float, seen: np.ndarray, patients: np.ndarray) -> Likelihood:
    """Of `seen` among `patients` (cells,) where the law says `log_odds` (cells,) and misses it by `sd`."""
    odds = log_odds[:, None] + sd * _NODES
    each = seen[:, None] * log_expit(odds) + (patients - seen)[:, None] * log_expit(-odds) + _LOG_WEIGHTS
    value = logsumexp(each, axis=1)
    weight = np.exp(each - value[:, None])
    share = expit(odds)
    gap = seen[:, None] - patients[:, None] * share
    spread = -patients[:, None] * share * (1.0 - share)
    direction = np.stack([np.ones_like(odds), np.broadcast_to(_NODES, odds.shape)])
    slopes = np.einsum("iq,diq->di", weight * gap, direction)
    second = np.einsum("iq,diq,eiq->ide", weight * (spread + gap**2), direction, direction)
    return Likelihood(value, slopes[0], slopes[1], second - np.einsum("di,ei->ide", slopes, slopes))


def deviance(seen: np.ndarray, patients: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Binomial deviance by cell, (cells,); zeros are kept. Infinite where what was seen is called impossible."""
    from scipy.special import xlog1py, xlogy

    observed = seen / patients
    best = xlogy(seen, observed) + xlog1py(patients - seen, -observed)
    return 2.0 * (best - xlogy(seen, share) - xlog1py(patients - seen, -share))
