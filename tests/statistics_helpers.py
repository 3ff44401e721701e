"""Statistical checks with a stated false-alarm rate, and what they are sure to find.

Each check fails a correct sampler with probability FALSE_ALARM over the choice of seed; with fewer
than 500 checks the whole suite stays below one in a million. Seeds are fixed, so a test that passes
goes on passing until the code changes. What a check finds: a distribution whose cumulative
probability is off somewhere by `surely_found_distance(n)` fails it with probability above
1 - FALSE_ALARM (0.010 for n = 200,000); a mean that is off by 12 standard errors likewise.
"""

import math

import numpy as np
from scipy import stats

FALSE_ALARM = 2e-9
MOST_STANDARD_ERRORS = float(stats.norm.isf(FALSE_ALARM / 2))


def ks_limit(n: int) -> float:
    """Distance that a sample of n from the right law exceeds with probability FALSE_ALARM (Massart 1990: at most)."""
    return math.sqrt(math.log(2.0 / FALSE_ALARM) / (2.0 * n))


def surely_found_distance(n: int) -> float:
    """A true distance between the laws that fails the check with probability above 1 - FALSE_ALARM."""
    return 2.0 * ks_limit(n)


def ks_distance(sample, cdf) -> float:
    """Largest distance between the sample's distribution function and `cdf`, for discrete laws and continuous ones."""
    values, counts = np.unique(np.asarray(sample), return_counts=True)
    empirical = np.cumsum(counts) / counts.sum()
    before = np.concatenate([[0.0], empirical[:-1]])
    exact = cdf(values)
    # Just below a value the law may lack the atom that the sample has there: compare on the left too.
    left = cdf(np.nextafter(values.astype(float), -np.inf)) if values.dtype.kind == "f" else cdf(values - 1)
    return float(max(np.abs(empirical - exact).max(), np.abs(before - left).max()))


def assert_follows(sample, cdf) -> None:
    """The sample comes from the law with this cumulative distribution function (Kolmogorov-Smirnov)."""
    distance, limit = ks_distance(sample, cdf), ks_limit(np.size(sample))
    assert distance < limit, f"distance {distance:.5f} from the law; {limit:.5f} is allowed for {np.size(sample)} draws"


def chi_square_p(observed, expected) -> float:
    """P-value of counts against expected counts of the same total; cells below 20 are joined."""
    observed, expected = np.asarray(observed, dtype=float).ravel(), np.asarray(expected, dtype=float).ravel()
    group = np.minimum(np.floor(np.cumsum(expected) / 20.0), max(math.floor(expected.sum() / 20.0) - 1, 0)).astype(int)
    observed, expected = np.bincount(group, observed), np.bincount(group, expected)
    observed, expected = observed[expected > 0], expected[expected > 0]
    if len(observed) < 2:
        return 1.0
    return float(stats.chi2.sf(((observed - expected) ** 2 / expected).sum(), len(observed) - 1))


def assert_counts(observed, expected) -> None:
    """Counts agree with their expectations (chi-square)."""
    p = chi_square_p(observed, expected)
    assert p > FALSE_ALARM, f"chi-square p = {p:.3g}: {np.asarray(observed)} against {np.asarray(expected)}"


def assert_discrete(sample, law) -> None:
    """An integer sample follows a frozen scipy law: chi-square value by value, and its distribution function."""
    sample = np.asarray(sample)
    low, high = int(sample.min()), int(sample.max())
    edges = np.unique(np.linspace(low - 1, high, min(high - low + 2, 200)).astype(np.int64))
    below = np.concatenate([[0.0], law.cdf(edges[1:-1]), [1.0]])
    observed = np.histogram(sample, bins=edges + 0.5)[0]
    assert_counts(observed, np.diff(below) * len(sample))
    assert_follows(sample, law.cdf)


def standard_errors(sample, mean: float) -> float:
    """How many standard errors the sample's mean is away from `mean`."""
    sample = np.asarray(sample, dtype=float)
    return float((sample.mean() - mean) / (sample.std(ddof=1) / math.sqrt(len(sample))))


def assert_mean(sample, mean: float) -> None:
    """The sample's mean is `mean`."""
    away = standard_errors(sample, mean)
    assert abs(away) < MOST_STANDARD_ERRORS, (
        f"mean {np.mean(sample):.6g}, expected {mean:.6g}: {away:.1f} standard errors"
    )


def assert_poisson_total(count: int, mean: float) -> None:
    """A single Poisson count of known mean: two-sided tail above FALSE_ALARM."""
    tail = min(stats.poisson.cdf(count, mean), stats.poisson.sf(count - 1, mean))
    assert tail > FALSE_ALARM / 2, f"counted {count}, expected {mean:.6g} (tail {tail:.2g})"
