"""Every sampler against scipy's law, at small and at huge sizes, and the ties that keep arms coupled.

100,000 to 200,000 draws a case: a distance of 0.010 to 0.015 between the laws is surely found, and
chi-square over the values finds a shift that the distance misses (see statistics_helpers).
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from scipy import stats
from statistics_helpers import (
    FALSE_ALARM,
    MOST_STANDARD_ERRORS,
    assert_discrete,
    assert_follows,
    assert_mean,
    chi_square_p,
    ks_distance,
    ks_limit,
)

from sim.numerics import samplers as d
from sim.numerics.rare_events import rare_binomial_inverse

DRAWS = 100_000
KEY, NO_DAY = np.uint64(2026), np.uint64(0)
SMALLEST, LARGEST = 2.0**-53, 1.0 - 2.0**-53  # the extreme values of a keyed uniform


@njit
def poissons(n, mean, tag):
    out = np.empty(n, dtype=np.int64)
    for i in range(n):
        out[i] = d.poisson(mean, KEY, 1, i, NO_DAY, tag)
    return out


@njit
def binomials(n, size, p, tag):
    out = np.empty(n, dtype=np.int64)
    for i in range(n):
        out[i] = d.binomial(size, p, KEY, 2, i, NO_DAY, tag)
    return out


@njit
def inverted(n, size, p, mean, tag):
    """Binomial where `size` is above zero, else Poisson, by inversion of a keyed uniform."""
    out = np.empty(n, dtype=np.int64)
    for i in range(n):
        u = d.uniforms(KEY, 3, i, NO_DAY, tag)[0]
        out[i] = d.binomial_inverse(size, p, u) if size > 0 else d.poisson_inverse(mean, u)
    return out


@njit
def gammas(n, shape, tag):
    out = np.empty(n)
    for i in range(n):
        out[i] = d.gamma(shape, KEY, 4, i, NO_DAY, tag)
    return out


@njit
def negative_binomials(n, successes, failure, shape_tag, tag):
    out = np.empty(n, dtype=np.int64)
    for i in range(n):
        out[i] = d.negative_binomial(successes, failure, KEY, 5, i, NO_DAY, shape_tag, tag)
    return out


def tag_of(*parts) -> np.uint64:
    """A tag of its own for each case, so that cases share no draws."""
    return np.uint64((hash(parts) & 0xFFFFFF) << 8)


def standardised(sample, mean, sd):
    """Huge counts: the law is normal to a skewness far below what the sample could show."""
    assert_mean(sample, mean)
    z = (np.asarray(sample) - mean) / sd
    assert abs(z.var() - 1.0) < MOST_STANDARD_ERRORS * math.sqrt(2.0 / len(z))
    assert_follows(z, stats.norm.cdf)


@pytest.mark.parametrize("mean", [1e-6, 0.03, 1.0, 7.5, 11.99, 12.0, 13.7, 40.0, 150.0, 3e3, 1e5, 1e7])
def test_poisson(mean):
    assert_discrete(poissons(DRAWS, mean, tag_of(1, mean)), stats.poisson(mean))


@pytest.mark.parametrize("mean", [1e9, 1e11, 1e13])
def test_poisson_of_a_human_tumour(mean):
    standardised(poissons(DRAWS, mean, tag_of(2, mean)), mean, math.sqrt(mean))


@pytest.mark.parametrize(
    "size, p",
    [
        (1, 0.3),
        (3, 0.5),
        (7, 0.99),
        (20, 0.49),
        (20, 0.51),
        (25, 0.4),
        (60, 0.2),
        (1000, 0.0099),
        (1000, 0.01),
        (1000, 0.5),
        (1000, 0.999),
        (10**6, 0.7),
        (10**6, 3e-6),
        (10**10, 1e-10),
        (10**13, 1e-13),
        (10**13, 1e-12),
        (10**13, 3e-10),
    ],
)
def test_binomial(size, p):
    assert_discrete(binomials(DRAWS, size, p, tag_of(3, size, p)), stats.binom(size, p))


@pytest.mark.parametrize("size, p", [(10**10, 0.2), (10**13, 1e-6), (10**13, 0.5), (10**13, 0.93)])
def test_binomial_of_a_human_tumour(size, p):
    standardised(binomials(DRAWS, size, p, tag_of(4, size, p)), size * p, math.sqrt(size * p * (1 - p)))


@pytest.mark.parametrize(
    "size, p",
    [
        (1, 0.5),
        (5, 0.2),
        (5, 0.8),
        (40, 0.5),
        (3000, 0.19),
        (3000, 0.21),
        (3000, 0.85),
        (10**13, 1e-14),
        (10**13, 1e-12),
        (10**13, 2e-10),
    ],
)
def test_binomial_by_inversion(size, p):
    assert_discrete(inverted(DRAWS, size, p, 0.0, tag_of(5, size, p)), stats.binom(size, p))


@pytest.mark.parametrize("mean", [1e-3, 0.5, 10.0, 599.0, 601.0, 4e4])
def test_poisson_by_inversion(mean):
    assert_discrete(inverted(DRAWS, 0, 0.0, mean, tag_of(6, mean)), stats.poisson(mean))


@pytest.mark.parametrize("shape", [1.0, 1.5, 4.0, 30.0, 1e4])
def test_gamma(shape):
    assert_follows(gammas(2 * DRAWS, shape, tag_of(7, shape)), stats.gamma(shape).cdf)


@pytest.mark.parametrize(
    "successes, failure", [(1, 0.01), (1, 0.87), (1, 0.999), (2, 0.3), (2, 0.99), (6, 0.9), (40, 0.875), (3000, 0.02)]
)
def test_negative_binomial(successes, failure):
    shape_tag, tag = tag_of(8, successes, failure), tag_of(9, successes, failure)
    assert_discrete(negative_binomials(DRAWS, successes, failure, shape_tag, tag), stats.nbinom(successes, 1 - failure))


def test_a_million_lines_at_once():
    """A colony near certainty: lines and failures of one week, against the normal limit."""
    lines, failure = 10**6, 0.9
    mean, sd = lines * failure / (1 - failure), math.sqrt(lines * failure) / (1 - failure)
    standardised(negative_binomials(DRAWS, lines, failure, tag_of(10), tag_of(11)), mean, sd)


@pytest.mark.long
@pytest.mark.parametrize("mean", [0.5, 11.9, 12.1, 30.0, 1e3, 1e6])
def test_poisson_in_ten_million_draws(mean):
    """Long: a distance of 0.001 between the laws is surely found."""
    assert_discrete(poissons(100 * DRAWS, mean, tag_of(12, mean)), stats.poisson(mean))


@pytest.mark.long
@pytest.mark.parametrize("size, p", [(12, 0.4), (50, 0.19), (50, 0.21), (10**4, 0.3), (10**13, 2e-12)])
def test_binomial_in_ten_million_draws(size, p):
    """Long: as for Poisson."""
    assert_discrete(binomials(100 * DRAWS, size, p, tag_of(13, size, p)), stats.binom(size, p))


# -- what these tests would notice ---------------------------------------------------------------


@pytest.mark.parametrize("mean, wrong", [(7.5, 7.6), (150.0, 150.5), (1e5, 1e5 + 8)])
def test_a_poisson_mean_that_is_off_is_noticed(mean, wrong):
    sample = poissons(DRAWS, wrong, tag_of(1, mean))
    with pytest.raises(AssertionError):
        assert_discrete(sample, stats.poisson(mean))


def test_a_sampler_without_its_correction_is_noticed():
    """PTRS whose acceptance test is left out: nearly right, and found."""
    mean = 40.0
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    w = np.random.default_rng(1).random(DRAWS) - 0.5
    broken = np.floor((2 * a / (0.5 - np.abs(w)) + b) * w + mean + 0.43).astype(np.int64)
    assert ks_distance(broken, stats.poisson(mean).cdf) > ks_limit(DRAWS)


def test_a_geometric_law_that_starts_at_one_is_noticed():
    sample = negative_binomials(DRAWS, 1, 0.87, tag_of(8), tag_of(9)) + 1
    assert ks_distance(sample, stats.nbinom(1, 0.13).cdf) > ks_limit(DRAWS)
    assert (
        chi_square_p(np.bincount(sample, minlength=60)[:60], DRAWS * stats.nbinom(1, 0.13).pmf(np.arange(60)))
        < FALSE_ALARM
    )


# -- log-probabilities ---------------------------------------------------------------------------


def exact_log_poisson(k: int, mean: float) -> float:
    """From Stirling's series in 60 decimal digits: scipy's difference of large terms is worse than what is tested."""
    return float(_log_power(k, mean) - decimal_of(mean) - log_factorial(k))


def decimal_of(x):
    from decimal import Decimal

    return Decimal(x)


def _log_power(k: int, base: float):
    return decimal_of(k) * decimal_of(base).ln() if k else decimal_of(0)


def log_factorial(n: int):
    """log n! to 50 digits: shift the argument above 60, then Stirling's series."""
    from decimal import Decimal

    shift = Decimal(1)
    x = Decimal(n + 1)
    while x < 60:
        shift *= x
        x += 1
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
    bernoulli = [
        (1, 6),
        (-1, 30),
        (1, 42),
        (-1, 30),
        (5, 66),
        (-691, 2730),
        (7, 6),
        (-3617, 510),
        (43867, 798),
        (-174611, 330),
    ]
    series = sum(Decimal(a) / b / (2 * i * (2 * i - 1)) / x ** (2 * i - 1) for i, (a, b) in enumerate(bernoulli, 1))
    return (x - Decimal("0.5")) * x.ln() - x + (2 * pi).ln() / 2 + series - shift.ln()


@pytest.fixture(autouse=True)
def fifty_digits():
    import decimal

    with decimal.localcontext() as context:
        context.prec = 60
        yield


@pytest.mark.parametrize("mean", [1e-3, 0.5, 3.0, 47.3, 1e4, 3.3e7, 1e10, 1e13])
def test_poisson_log_probability(mean):
    for away in (-8, -3, -0.5, 0, 0.7, 4, 9):
        k = max(0, round(mean + away * math.sqrt(mean)))
        assert d.poisson_log_pmf(float(k), mean) == pytest.approx(exact_log_poisson(k, mean), abs=2e-9, rel=1e-12)
    assert d.poisson_log_pmf(0.0, mean) == -mean


@pytest.mark.parametrize(
    "n, p", [(1, 0.3), (9, 0.5), (50, 0.02), (10**4, 0.4), (10**8, 1e-6), (10**13, 1e-12), (10**13, 1e-3)]
)
def test_binomial_log_probability(n, p):
    mean, sd = n * p, math.sqrt(n * p * (1 - p))
    for away in (-8, -3, -0.5, 0, 0.7, 4, 9):
        k = min(n, max(0, round(mean + away * sd)))
        choose = log_factorial(n) - log_factorial(k) - log_factorial(n - k)
        exact = float(choose + _log_power(k, p) + decimal_of(n - k) * (1 - decimal_of(p)).ln())
        # n p itself is rounded: a few times 1e-16 of the mean's standard errors, here at most 1e-8.
        assert d.binomial_log_pmf(float(k), float(n), p) == pytest.approx(exact, abs=1e-8, rel=1e-12)


def test_the_ends_of_the_binomial_are_plain_powers():
    assert d.binomial_log_pmf(0.0, 30.0, 0.2) == pytest.approx(30 * math.log(0.8), rel=1e-14)
    assert d.binomial_log_pmf(30.0, 30.0, 0.2) == pytest.approx(30 * math.log(0.2), rel=1e-14)


# -- edges and monotony --------------------------------------------------------------------------


def test_certain_and_impossible_counts():
    arguments = (KEY, 1, 0, NO_DAY, np.uint64(0))
    for n in (0, 1, 10**13):
        assert d.binomial(n, 0.0, *arguments) == 0 and d.binomial(n, 1.0, *arguments) == n
        for u in (SMALLEST, 0.5, LARGEST):
            assert d.binomial_inverse(n, 0.0, u) == 0 and d.binomial_inverse(n, 1.0, u) == n
            assert d.binomial_inverse(n, -1e-18, u) == 0 and d.binomial_inverse(n, 1.0 + 1e-15, u) == n
    assert d.binomial(-1, 0.5, *arguments) == 0
    assert d.poisson(0.0, *arguments) == 0 and d.poisson_inverse(0.0, LARGEST) == 0
    assert d.negative_binomial(0, 0.5, *arguments, np.uint64(0)) == 0
    assert d.negative_binomial(5, 0.0, *arguments, np.uint64(0)) == 0


MEANS = st.floats(-9, 6).map(lambda power: 10.0**power)
UNIFORMS = st.one_of(
    st.floats(SMALLEST, LARGEST),
    st.floats(1, 16).map(lambda power: 1.0 - 10.0**-power).filter(lambda u: u < 1),
    st.floats(1, 15).map(lambda power: 10.0**-power),
)


@pytest.mark.parametrize("mean", [1e-9, 1e-3, 0.1, 1.0, 5.0, 11.9, 100.0, 599.0, 601.0, 1e4, 1e8])
def test_the_last_uniform_gives_a_far_but_sane_count(mean):
    """Where the sum of probabilities stops short of u for lack of digits, the loop stops at the tail, not at its cap."""
    counts = np.arange(math.floor(mean), math.ceil(mean + 12.0 * math.sqrt(mean) + 30.0))
    sane = counts[np.searchsorted(-stats.poisson.sf(counts, mean), -1e-21)] + 1
    exact = stats.poisson.isf(1e-10, mean) - 1
    assert exact <= d.poisson_inverse(mean, LARGEST) <= sane
    n = 10**13
    assert exact <= d.binomial_inverse(n, mean / n, LARGEST) <= sane
    assert d.binomial_inverse(n, 1 - mean / n, SMALLEST) >= n - sane - 2


@given(MEANS, MEANS, UNIFORMS)
def test_poisson_inversion_is_monotone_in_its_mean(one, other, u):
    low, high = sorted((one, other))
    assert d.poisson_inverse(low, u) <= d.poisson_inverse(high, u)


@given(MEANS, UNIFORMS, UNIFORMS)
def test_poisson_inversion_is_monotone_in_u(mean, one, other):
    low, high = sorted((one, other))
    assert d.poisson_inverse(mean, low) <= d.poisson_inverse(mean, high)


SIZES = st.floats(0, 13).map(lambda power: int(10.0**power))


@given(SIZES, MEANS, MEANS, UNIFORMS)
def test_binomial_inversion_is_monotone_in_p(n, one, other, u):
    low, high = sorted((one, other))
    assert d.binomial_inverse(n, low / max(n, high), u) <= d.binomial_inverse(n, high / max(n, high), u)


@given(SIZES, SIZES, MEANS, UNIFORMS)
def test_binomial_inversion_is_monotone_in_n(one, other, mean, u):
    small, large = sorted((one, other))
    p = min(1.0, mean / large)
    assert d.binomial_inverse(small, p, u) <= d.binomial_inverse(large, p, u)


@given(SIZES, MEANS, UNIFORMS, UNIFORMS)
def test_binomial_inversion_is_monotone_in_u(n, mean, one, other):
    low, high = sorted((one, other))
    p = min(1.0, mean / n)
    assert d.binomial_inverse(n, p, low) <= d.binomial_inverse(n, p, high)


@given(SIZES, MEANS, UNIFORMS)
def test_inversion_gives_scipys_quantile(n, mean, u):
    """Exactly, or a neighbour where u lies within rounding of a step."""
    p = min(1.0, mean / n)
    count = d.binomial_inverse(n, p, u)
    slack = 1e-9 * (u + 1e-6) * (1 - u + 1e-6)
    assert stats.binom.cdf(count - 1, n, p) <= u + slack + 3e-10
    assert stats.binom.cdf(count, n, p) >= u - slack - 3e-10


@given(SIZES, MEANS, UNIFORMS)
def test_inversion_of_rare_events_is_that_of_any(n, mean, u):
    """The same count, but where u lies within rounding of a step."""
    p = min(1.0, mean / n)
    low, high = (d.binomial_inverse(n, p, min(max(u * scale, SMALLEST), LARGEST)) for scale in (1 - 1e-13, 1 + 1e-13))
    assert low <= rare_binomial_inverse(n, p, u) <= high
