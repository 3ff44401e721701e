"""Hazard ratios by Cox's partial likelihood (Cox 1972, J R Stat Soc B 34:187-220), ties after Breslow (1974)."""

from __future__ import annotations

import numpy as np

STEPS = 50
TOLERANCE = 1e-9
LONGEST = 5.0
"""A step of the coefficients is cut to this length: far out the likelihood is flat."""


def cox(time: np.ndarray, happened: np.ndarray, covariates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log hazard ratios and their standard errors, (covariates,) each, by Newton's method.

    `time` (patients,) in any unit, `happened` (patients,) bool, False where censored; `covariates` (patients,
    covariates). nan where the likelihood has no maximum: a covariate that never varies, or one without events.
    """
    order = np.argsort(time, kind="stable")
    time, happened = time[order], happened[order]
    x = covariates[order] - covariates.mean(axis=0)
    first = np.searchsorted(time, time[happened])  # who is at risk begins here
    beta = np.zeros(x.shape[1])
    none = np.full(x.shape[1], np.nan)
    for _ in range(STEPS):
        weight = np.exp(x @ beta)
        outer = x[:, :, None] * x[:, None, :]
        total, mean, square = (
            np.cumsum(part[::-1], axis=0)[::-1][first]
            for part in (weight, weight[:, None] * x, weight[:, None, None] * outer)
        )
        mean = mean / total[:, None]
        score = (x[happened] - mean).sum(axis=0)
        information = (square / total[:, None, None] - mean[:, :, None] * mean[:, None, :]).sum(axis=0)
        if not happened.any() or np.linalg.cond(information) > 1e12:
            return none, none
        step = np.linalg.solve(information, score)
        beta = beta + step * min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < TOLERANCE:
            return beta, np.sqrt(np.diag(np.linalg.inv(information)))
    return none, none
