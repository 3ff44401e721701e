"""Samplers on keyed uniforms, exact at any size.

Counts that must stay coupled between arms use a single uniform and inversion, so that they are
monotone in their mean for a fixed key. Tallies may use rejection (PTRS and BTRS, Hoermann 1993).
Log-probabilities follow Loader (2000), whose saddle-point form keeps its precision where a
difference of large `lgamma` values loses it.
"""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.jit import kernel
from sim.numerics.streams import normal, uniforms

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_INVERSION_MEAN = 600.0  # exp(-mean) is still a normal double
NEGLIGIBLE = 1e-20  # from here on the tail adds nothing to a sum near one: u lies within its rounding
_ATTEMPTS = 255
_ONE = np.uint64(1)


@kernel
def stirling_error(n: float) -> float:
    """log n! - log(sqrt(2 pi n) (n/e)^n), n >= 0 as a float."""
    if n < 16.0:
        if n < 0.5:
            return 0.0
        return math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - _HALF_LOG_2PI
    s = 1.0 / (n * n)
    return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - s / 1188) * s) * s) * s) / n


@kernel
def deviance(x: float, mean: float) -> float:
    """x log(x / mean) + mean - x without cancellation (Loader's bd0)."""
    if abs(x - mean) < 0.1 * (x + mean):
        v = (x - mean) / (x + mean)
        total = (x - mean) * v
        term = 2.0 * x * v
        v *= v
        for j in range(1, 1000):
            term *= v
            new = total + term / (2 * j + 1)
            if new == total:
                break
            total = new
        return total
    return x * math.log(x / mean) + mean - x


@kernel
def poisson_log_pmf(k: float, mean: float) -> float:
    """log P(K = k) for a Poisson variate; k >= 0 as a float."""
    if k < 0.5:
        return -mean
    return -stirling_error(k) - deviance(k, mean) - _HALF_LOG_2PI - 0.5 * math.log(k)


@kernel
def binomial_log_pmf(k: float, n: float, p: float) -> float:
    """log P(K = k) for a binomial variate; 0 <= k <= n as floats, 0 < p < 1."""
    if k < 0.5:
        return n * math.log1p(-p)
    if k > n - 0.5:
        return n * math.log(p)
    q = 1.0 - p
    error = stirling_error(n) - stirling_error(k) - stirling_error(n - k)
    return (
        error - deviance(k, n * p) - deviance(n - k, n * q) - _HALF_LOG_2PI - 0.5 * (math.log(k) + math.log1p(-k / n))
    )


@kernel
def binomial_inverse(n: int, p: float, u: float) -> np.int64:
    """The binomial quantile at u: monotone in p, n and u. n is an int64 count.

    The sum starts at 0 while the mean is small; else 12 standard deviations below it, where less
    than 1e-30 of the mass is left out.
    """
    if n <= 0 or p <= 0.0:
        return np.int64(0)
    if p >= 1.0:
        return np.int64(n)
    flip = p > 0.5
    if flip:
        p = 1.0 - p
        u = 1.0 - u
    size = float(n)
    mean = size * p
    k = 0.0
    if mean > _INVERSION_MEAN:
        k = math.floor(mean - 12.0 * math.sqrt(mean) - 12.0)
    mass = math.exp(binomial_log_pmf(k, size, p))
    if mass >= u:
        return np.int64(n) - np.int64(k) if flip else np.int64(k)
    odds = p / (1.0 - p)
    limit = min(size, mean + 60.0 * math.sqrt(mean) + 60.0)
    total = mass
    while total < u and k < limit and (k < mean or mass > NEGLIGIBLE):
        mass *= (size - k) / (k + 1.0) * odds
        k += 1.0
        total += mass
    return np.int64(n) - np.int64(k) if flip else np.int64(k)


@kernel
def poisson_inverse(mean: float, u: float) -> np.int64:
    """The Poisson quantile at u: monotone in the mean and in u."""
    if mean <= 0.0:
        return np.int64(0)
    k = 0.0
    if mean > _INVERSION_MEAN:
        k = math.floor(mean - 12.0 * math.sqrt(mean) - 12.0)
    mass = math.exp(poisson_log_pmf(k, mean))
    limit = mean + 60.0 * math.sqrt(mean) + 60.0
    total = mass
    while total < u and k < limit and (k < mean or mass > NEGLIGIBLE):
        k += 1.0
        mass *= mean / k
        total += mass
    return np.int64(k)


@kernel
def poisson(mean: float, key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64) -> np.int64:
    """A Poisson count, mean from 0 to 1e15: inversion below 12, PTRS above."""
    u, v = uniforms(key, patient, index, days, tag)
    return poisson_from(u, v, mean, key, patient, index, days, tag)


@kernel
def poisson_from(
    u: float, v: float, mean: float, key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64
) -> np.int64:
    """`poisson` with the two uniforms of its first attempt at hand: who needs many draws them together."""
    if mean < 12.0:
        return poisson_inverse(mean, u)
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    limit = 0.9277 - 3.6224 / (b - 2.0)
    for attempt in range(_ATTEMPTS):
        if attempt:
            u, v = uniforms(key, patient, index, days, tag + np.uint64(attempt))
        w = u - 0.5
        us = 0.5 - abs(w)
        k = math.floor((2.0 * a / us + b) * w + mean + 0.43)
        if us >= 0.07 and v <= limit:
            return np.int64(k)
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        if math.log(v * inverse_alpha / (a / (us * us) + b)) <= poisson_log_pmf(k, mean):
            return np.int64(k)
    return poisson_inverse(mean, u)


@kernel
def _unflip(n: int, k: np.int64, flip: bool) -> np.int64:
    return np.int64(n) - k if flip else k


@kernel
def binomial(n: int, p: float, key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64) -> np.int64:
    """A binomial count, n an int64 to 1e15: inversion below a mean of 10, BTRS above."""
    u, v = uniforms(key, patient, index, days, tag)
    return binomial_from(u, v, n, p, key, patient, index, days, tag)


@kernel
def binomial_from(
    u: float, v: float, n: int, p: float, key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64
) -> np.int64:
    """`binomial` with the two uniforms of its first attempt at hand."""
    if n <= 0 or p <= 0.0:
        return np.int64(0)
    if p >= 1.0:
        return np.int64(n)
    flip = p > 0.5
    if flip:
        p = 1.0 - p
    if n == 1:
        return _unflip(n, np.int64(u > 1.0 - p), flip)
    size = float(n)
    mean = size * p
    if mean < 10.0:
        return _unflip(n, binomial_inverse(n, p, u), flip)
    root = math.sqrt(mean * (1.0 - p))
    b = 1.15 + 2.53 * root
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * root
    limit = 0.92 - 4.2 / b
    mode = np.nan
    for attempt in range(_ATTEMPTS):
        if attempt:
            u, v = uniforms(key, patient, index, days, tag + np.uint64(attempt))
        w = u - 0.5
        us = 0.5 - abs(w)
        k = math.floor((2.0 * a / us + b) * w + mean + 0.5)
        if k < 0.0 or k > size:
            continue
        if us >= 0.07 and v <= limit:
            return _unflip(n, np.int64(k), flip)
        if math.isnan(mode):  # most draws never need it
            mode = binomial_log_pmf(math.floor((size + 1.0) * p), size, p)
        if math.log(v * alpha / (a / (us * us) + b)) <= binomial_log_pmf(k, size, p) - mode:
            return _unflip(n, np.int64(k), flip)
    return _unflip(n, binomial_inverse(n, p, u), flip)


@kernel
def gamma(shape: float, key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64) -> float:
    """A standard gamma variate, shape >= 1 (Marsaglia and Tsang 2000)."""
    u, _ = uniforms(key, patient, index, days, tag + _ONE)
    return gamma_from(normal(key, patient, index, days, tag), u, shape, key, patient, index, days, tag)


@kernel
def gamma_from(
    x: float, u: float, shape: float, key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64
) -> float:
    """`gamma` with the normal variate and the uniform of its first attempt at hand."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for attempt in range(0, _ATTEMPTS - 1, 2):
        if attempt:
            x = normal(key, patient, index, days, tag + np.uint64(attempt))
            u, _ = uniforms(key, patient, index, days, tag + np.uint64(attempt) + _ONE)
        w = 1.0 + c * x
        if w <= 0.0:
            continue
        w = w * w * w
        if u < 1.0 - 0.0331 * (x * x) * (x * x):
            return d * w
        if math.log(u) < 0.5 * x * x + d - d * w + d * math.log(w):
            return d * w
    return d


@kernel
def negative_binomial(
    successes: int,
    failure: float,
    key: np.uint64,
    patient: int,
    index: int,
    days: np.uint64,
    shape_tag: np.uint64,
    tag: np.uint64,
) -> np.int64:
    """Failures before the given number of successes, each trial failing with `failure` < 1."""
    u, v = uniforms(key, patient, index, days, tag)
    accept, _ = uniforms(key, patient, index, days, shape_tag + _ONE)
    x = normal(key, patient, index, days, shape_tag)
    return negative_binomial_from(u, v, x, accept, successes, failure, key, patient, index, days, shape_tag, tag)


@kernel
def negative_binomial_from(
    u: float,
    v: float,
    x: float,
    accept: float,
    successes: int,
    failure: float,
    key: np.uint64,
    patient: int,
    index: int,
    days: np.uint64,
    shape_tag: np.uint64,
    tag: np.uint64,
) -> np.int64:
    """`negative_binomial` with what its first attempts draw at hand.

    Two uniforms under `tag`, a normal variate and a uniform under `shape_tag`.
    """
    if successes <= 0 or failure <= 0.0:
        return np.int64(0)
    if successes == 1:
        return np.int64(math.floor(math.log(u) / math.log(failure)))
    mean = gamma_from(x, accept, float(successes), key, patient, index, days, shape_tag) * failure / (1.0 - failure)
    return poisson_from(u, v, mean, key, patient, index, days, tag)


@kernel
def normal_quantile(p: float) -> float:
    """The standard normal quantile of 0 < p < 1, to 1e-15 relative (Wichura 1988, algorithm AS 241)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = (
            (
                (
                    (
                        ((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r
                        + 45921.953931549871457
                    )
                    * r
                    + 13731.693765509461125
                )
                * r
                + 1971.5909503065514427
            )
            * r
            + 133.14166789178437745
        ) * r + 3.387132872796366608
        below = (
            (
                (
                    (
                        ((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r
                        + 21213.794301586595867
                    )
                    * r
                    + 5394.1960214247511077
                )
                * r
                + 687.1870074920579083
            )
            * r
            + 42.313330701600911252
        ) * r + 1.0
        return q * above / below
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    if r <= 5.0:
        r -= 1.6
        above = (
            (
                (
                    (
                        ((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                        + 1.27045825245236838258
                    )
                    * r
                    + 3.64784832476320460504
                )
                * r
                + 5.7694972214606914055
            )
            * r
            + 4.6303378461565452959
        ) * r + 1.42343711074968357734
        below = (
            (
                (
                    (
                        ((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r
                        + 0.14810397642748007459
                    )
                    * r
                    + 0.68976733498510000455
                )
                * r
                + 1.6763848301838038494
            )
            * r
            + 2.05319162663775882187
        ) * r + 1.0
    else:
        r -= 5.0
        above = (
            (
                (
                    (
                        ((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r
                        + 0.026532189526576123093
                    )
                    * r
                    + 0.29656057182850489123
                )
                * r
                + 1.7848265399172913358
            )
            * r
            + 5.4637849111641143699
        ) * r + 6.6579046435011037772
        below = (
            (
                (
                    (
                        ((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r
                        + 7.868691311456132591e-4
                    )
                    * r
                    + 0.0148753612908506148525
                )
                * r
                + 0.13692988092273580531
            )
            * r
            + 0.59983220655588793769
        ) * r + 1.0
    return math.copysign(above / below, q)
