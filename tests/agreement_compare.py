"""Comparing two implementations by effect size, with the power of each comparison stated and checked.

A comparison passes when the difference found is within its tolerance. It is only made when the
samples are so large that chance alone exceeds the tolerance less than once in a million (FALSE_ALARM):
a mean or a share must have `tolerance >= Z x standard error`, a Kolmogorov-Smirnov distance
`2 exp(-2 n tolerance^2) <= FALSE_ALARM` with n = n1 n2 / (n1 + n2). By the same bounds a true
difference of twice the tolerance is missed less than once in a million. All seeds are fixed as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

FALSE_ALARM = 1e-6
Z = 4.9  # two-sided normal tail below FALSE_ALARM


@dataclass(frozen=True)
class Tolerances:
    """What still counts as equal: twice as much is the effect that each comparison finds."""

    mean: float = 0.03  # of a count over replicas, relative
    spread: float = 0.2  # of a count's variance over replicas, relative; None: too few replicas to say
    share: float = 0.03  # relative
    distance: float = 0.03  # Kolmogorov-Smirnov, between distributions of times or sizes


@dataclass
class Sample:
    """What one implementation produced, by name.

    `counts`: one number a replica; `shares`: (hits, trials), trials independent; `values`: independent
    times or sizes.
    """

    counts: dict[str, np.ndarray] = field(default_factory=dict)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)


class TooWeak(AssertionError):
    """The samples are too small for the tolerance."""


@dataclass(frozen=True)
class Difference:
    """What was found, in the tolerance's own measure."""

    found: float
    tolerance: float
    chance: float  # what chance alone exceeds less than once in a million

    @property
    def agrees(self) -> bool:
        """Within the tolerance."""
        return abs(self.found) <= self.tolerance


def mean_difference(a, b, tolerance: float) -> Difference:
    """Relative difference of two means, each over replicas."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    middle = 0.5 * (a.mean() + b.mean())
    error = np.sqrt(a.var(ddof=1) / a.size + b.var(ddof=1) / b.size)
    return Difference((a.mean() - b.mean()) / middle, tolerance, Z * error / middle)


def spread_difference(a, b, tolerance: float) -> Difference:
    """Difference of the logarithms of two variances over replicas; its error allows for the kurtosis."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)

    def square_error(x):
        squares = (x - x.mean()) ** 2
        return squares.var(ddof=1) / x.size / squares.mean() ** 2

    error = np.sqrt(square_error(a) + square_error(b))
    return Difference(np.log(a.var(ddof=1) / b.var(ddof=1)), tolerance, Z * error)


def share_difference(a: tuple[int, int], b: tuple[int, int], tolerance: float) -> Difference:
    """Relative difference of two shares, each (hits, trials)."""
    pooled = (a[0] + b[0]) / (a[1] + b[1])
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / a[1] + 1.0 / b[1]))
    return Difference((a[0] / a[1] - b[0] / b[1]) / pooled, tolerance, Z * error / pooled)


def distance(a, b, tolerance: float) -> Difference:
    """Kolmogorov-Smirnov distance of two samples; ties only make it safer."""
    a, b = np.sort(np.asarray(a, dtype=float)), np.sort(np.asarray(b, dtype=float))
    at = np.concatenate([a, b])
    gap = np.searchsorted(a, at, side="right") / a.size - np.searchsorted(b, at, side="right") / b.size
    n = a.size * b.size / (a.size + b.size)
    return Difference(float(np.abs(gap).max()), tolerance, np.sqrt(np.log(2.0 / FALSE_ALARM) / (2.0 * n)))


def differences(a: Sample, b: Sample, tolerances: Tolerances) -> dict[str, Difference]:
    """Every comparison of two samples. Raises TooWeak where a sample is too small for its tolerance."""
    for kind in ("counts", "shares", "values"):
        if getattr(a, kind).keys() != getattr(b, kind).keys():
            raise TooWeak(f"the two have different {kind}")
    found = {f"mean {k}": mean_difference(a.counts[k], b.counts[k], tolerances.mean) for k in a.counts}
    if tolerances.spread is not None:
        found |= {f"spread {k}": spread_difference(a.counts[k], b.counts[k], tolerances.spread) for k in a.counts}
    found |= {f"share {k}": share_difference(a.shares[k], b.shares[k], tolerances.share) for k in a.shares}
    found |= {f"values {k}": distance(a.values[k], b.values[k], tolerances.distance) for k in a.values}
    weak = {name: d for name, d in found.items() if not d.chance <= d.tolerance}
    if weak:
        raise TooWeak(f"too few replicas to tell: {weak}")
    return found


def disagreements(found: Mapping[str, Difference]) -> dict[str, Difference]:
    """Those that exceed their tolerance."""
    return {name: difference for name, difference in found.items() if not difference.agrees}
