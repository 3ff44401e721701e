"""Designs: which levels of which factors meet. Pure functions of their arguments; no simulation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

ROMAN = {3: "III", 4: "IV", 5: "V"}


def full_factorial(factors: int) -> list[tuple[bool, ...]]:
    """Every combination of on and off, all on first: 2^factors rows."""
    return list(itertools.product((True, False), repeat=factors))


def one_at_a_time(factors: int) -> list[tuple[bool, ...]]:
    """All on, then each off alone: factors + 1 rows."""
    return [(True,) * factors] + [tuple(other != off for other in range(factors)) for off in range(factors)]


def fractional_columns(factors: int, resolution: int) -> list[int]:
    """A regular two-level fraction as one word a factor: the basic factors (bits) whose product it is.

    The smallest number of basic factors for which choosing words greedily, the smallest first, gives every
    factor one, so that no product of fewer than `resolution` factors is constant. With as many basic factors as
    factors the design is the full factorial. Basic factors are words of one bit. Raises ValueError.
    """
    for basic in range(1, factors + 1):
        words: list[int] = []
        sums = {0: 0}  # every product of factors chosen so far -> the fewest factors that give it
        for word in range(1, 1 << basic):
            if sums.get(word, resolution) < resolution - 1:
                continue  # with that product it would be constant
            words.append(word)
            for value, number in list(sums.items()):
                if number + 1 < sums.get(value ^ word, resolution):
                    sums[value ^ word] = number + 1
            if len(words) == factors:
                break
        if len(words) == factors and all(1 << bit in words for bit in range(basic)):
            return words
    raise ValueError(f"{factors} factors: no fraction of resolution {resolution}")


def fractional_factorial(factors: int, resolution: int) -> list[tuple[bool, ...]]:
    """The rows of that fraction, all on first: a factor is on where the product of its basic factors' signs is +1."""
    words = fractional_columns(factors, resolution)
    basic = max(words).bit_length()
    return [tuple((word & row).bit_count() % 2 == 0 for word in words) for row in range(1 << basic)]


def achieved_resolution(words: Sequence[int]) -> int | None:
    """Fewest factors whose product is constant; None for a full factorial."""
    for number in range(1, len(words) + 1):
        for chosen in itertools.combinations(words, number):
            product = 0
            for word in chosen:
                product ^= word
            if product == 0:
                return number
    return None


def spaced(low: float, high: float, steps: int, scale: str) -> list[float]:
    """`steps` values from `low` to `high`, both of them included, evenly on a linear or log scale."""
    if scale == "log":
        inner = np.exp(np.linspace(math.log(low), math.log(high), steps))
    else:
        inner = np.linspace(low, high, steps)
    return [low, *inner[1:-1].tolist(), high]


def sample(method: str, points: int, ranges: Sequence[tuple[float, float, str]], seed: int) -> list[tuple[float, ...]]:
    """Points that fill the ranges (low, high, scale) evenly: a Latin hypercube, or a scrambled Sobol sequence.

    By `scipy.stats.qmc`; Sobol wants a power of two of points. The same seed gives the same points.
    """
    from scipy.stats import qmc

    generator = np.random.default_rng(seed)
    kind = qmc.Sobol if method == "sobol" else qmc.LatinHypercube
    engine = kind(len(ranges), rng=generator) if _takes_rng(kind) else kind(len(ranges), seed=generator)
    unit = engine.random(points)
    columns = []
    for place, (low, high, scale) in enumerate(ranges):
        if scale == "log":
            values = np.exp(math.log(low) + unit[:, place] * (math.log(high) - math.log(low)))
        else:
            values = low + unit[:, place] * (high - low)
        columns.append(np.clip(values, low, high).tolist())  # rounding must not leave the range
    return list(zip(*columns, strict=True))


def _takes_rng(kind: Any) -> bool:
    """scipy renamed the argument `seed` to `rng` in 1.15."""
    import inspect

    return "rng" in inspect.signature(kind.__init__).parameters
