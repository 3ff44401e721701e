"""Effects of many draws, each with an error of chance, put together: chance and what is not known stand apart.

The true effects of the draws are normal about a mean, with an SD that says what the parameters do; each is seen with an
error of its own. That SD by Paule and Mandel (1982, J Res Natl Bur Stand 87, 377), the interval of the mean by
Student's law (Hartung and Knapp 2001, with a scale of at least one), the interval of a new draw after Higgins, Thompson
and Spiegelhalter (2009, J R Stat Soc A 172, 137). statsmodels' `combine_effects` does the same; it is no dependency of
the program, and the tests hold this file against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

FEWEST_DRAWS = 3
"""Below them a new draw has no interval."""


@dataclass(frozen=True)
class Pooled:
    """Mean effect of `draws` draws, with its `error`; `low` to `high` is the mean's 95 % interval.

    `between_sd` is the SD of true effects between draws, `chance_error` what chance alone adds to the error of the
    mean. The effect of a new draw lies, in 95 of 100 cases, between `predicted_low` and `predicted_high`.
    """

    draws: int
    mean: float
    error: float
    chance_error: float
    between_sd: float
    low: float
    high: float
    predicted_low: float
    predicted_high: float


def between_variance(effects: np.ndarray, variances: np.ndarray) -> float:
    """Variance of the true effects: at it the weighted sum of squares is what it must be; 0 where that is less at 0.

    `effects` and `variances` (draws,), of at least two draws; variances are all positive, or all zero.
    """
    most = float(effects.var(ddof=1))
    if most == 0.0 or not variances.any():
        return most

    def excess(between: float) -> float:
        weight = 1.0 / (variances + between)
        return float((weight * (effects - np.average(effects, weights=weight)) ** 2).sum()) - (len(effects) - 1)

    return 0.0 if excess(0.0) <= 0.0 else float(brentq(excess, 0.0, most * (1 + 1e-9), xtol=1e-14 * most))


def pooled(effects: np.ndarray, variances: np.ndarray) -> Pooled:
    """Put the `effects` (draws,) with their `variances` of chance (draws,) together; at least FEWEST_DRAWS draws.

    Raises ValueError for fewer.
    """
    draws = len(effects)
    if draws < FEWEST_DRAWS:
        raise ValueError(f"found {draws} draws; allowed: {FEWEST_DRAWS} or more")
    between = between_variance(effects, variances)
    spread = variances + between
    weight = 1.0 / spread if spread.any() else np.ones(draws)
    weight /= weight.sum()
    mean = float(weight @ effects)
    error = float(np.sqrt((weight**2) @ spread))
    half = student.ppf(0.975, draws - 1) * error
    beyond = student.ppf(0.975, draws - 2) * np.sqrt(between + error**2)
    return Pooled(
        draws,
        mean,
        error,
        float(np.sqrt((weight**2) @ variances)),
        float(np.sqrt(between)),
        float(mean - half),
        float(mean + half),
        float(mean - beyond),
        float(mean + beyond),
    )


def each(effects: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD, (draws,) each, of what the true effect of each draw is, given all of them (empirical Bayes).

    A draw's own effect is drawn towards the mean of all, the more the larger its error is beside the SD between draws.
    One draw alone is what it is.
    """
    if len(effects) < FEWEST_DRAWS:
        return effects, np.sqrt(variances)
    whole = pooled(effects, variances)
    spread = variances + whole.between_sd**2
    own = np.divide(whole.between_sd**2, spread, out=np.zeros(len(effects)), where=spread > 0.0)
    variance = own * variances + ((1.0 - own) * whole.error) ** 2
    return whole.mean + own * (effects - whole.mean), np.sqrt(variance)
