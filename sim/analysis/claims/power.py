"""How many patients a question needs: 90 % power at the least effect that matters, in pairs and in separate groups."""

from __future__ import annotations

import math

from scipy.stats import norm

TWO_SIDED_ALPHA = 0.05
POWER = 0.9


def patients_needed(sd: float, least: float, *, equality: bool = False) -> float:
    """Patients so that an effect of `least` is told from none with 90 % power, at 5 % two-sided; nan without a spread.

    `sd` is that of one patient's contribution: of the difference within a pair, or, for separate groups of equal size,
    the root of the arms' summed variances (then it is the patients of each arm). The law is normal:
    n = ((z(1 - a/2) + z(power)) sd / least)^2. For an `equality` both one-sided tests against the bound `least` must
    pass where the arms are equal: n = ((z(1 - a) + z(1 - (1 - power)/2)) sd / least)^2.
    """
    if not (math.isfinite(sd) and sd > 0.0 and least != 0.0):
        return math.nan
    alpha = TWO_SIDED_ALPHA
    z = norm.ppf(1 - alpha) + norm.ppf(1 - (1 - POWER) / 2) if equality else norm.ppf(1 - alpha / 2) + norm.ppf(POWER)
    return float((z * sd / least) ** 2)


def power_of(patients: float, sd: float, least: float) -> float:
    """The power with which so many patients tell an effect of `least` from none; `sd` as for `patients_needed`."""
    shift = abs(least) * math.sqrt(patients) / sd
    edge = norm.ppf(1 - TWO_SIDED_ALPHA / 2)
    return float(norm.cdf(shift - edge) + norm.cdf(-shift - edge))
