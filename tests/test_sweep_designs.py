"""Designs: every level is met as often as it should be, and a fraction has the resolution that it states."""

import itertools
import math

import numpy as np
import pytest

from sim.sweeps import designs


def signs(rows):
    return np.where(np.array(rows), 1, -1)


def test_a_full_factorial_meets_every_combination_once():
    rows = designs.full_factorial(4)
    assert len(rows) == len(set(rows)) == 16 and rows[0] == (True,) * 4


def test_one_at_a_time_switches_one_off():
    rows = designs.one_at_a_time(5)
    assert rows[0] == (True,) * 5 and [row.count(False) for row in rows] == [0, 1, 1, 1, 1, 1] and len(set(rows)) == 6


@pytest.mark.parametrize(
    "factors, resolution, runs",
    [(3, 3, 4), (5, 3, 8), (6, 3, 8), (7, 3, 8), (9, 3, 16), (11, 3, 16), (15, 3, 16), (4, 4, 8), (6, 4, 16), (7, 4, 16),
     (8, 4, 16), (9, 4, 32), (11, 4, 32), (5, 5, 16), (6, 5, 32), (8, 5, 64), (11, 5, 128), (4, 5, 16), (2, 4, 4)],
)  # fmt: skip
def test_a_fraction_has_its_resolution(factors, resolution, runs):
    rows = designs.fractional_factorial(factors, resolution)
    assert len(rows) == len(set(rows)) == runs and rows[0] == (True,) * factors
    words = designs.fractional_columns(factors, resolution)
    achieved = designs.achieved_resolution(words)
    assert (achieved is None) == (runs == 2**factors) and (achieved or resolution) >= resolution
    # Shown on the rows themselves: no product of fewer factors is constant.
    table = signs(rows)
    for number in range(1, min(resolution, factors + 1)):
        for chosen in itertools.combinations(range(factors), number):
            assert table[:, chosen].prod(axis=1).sum() == 0, chosen


@pytest.mark.parametrize("factors, resolution", [(5, 3), (7, 3), (4, 4), (6, 4), (8, 4), (5, 5), (6, 5)])
def test_no_regular_fraction_is_smaller(factors, resolution):
    """With one basic factor less, no choice of words at all has the resolution: all of them are tried."""
    basic = max(designs.fractional_columns(factors, resolution)).bit_length() - 1
    others = [word for word in range(1, 1 << basic) if word.bit_count() > 1]
    assert basic <= 5 and factors > basic
    for chosen in itertools.combinations(others, factors - basic):
        achieved = designs.achieved_resolution([*(1 << bit for bit in range(basic)), *chosen])
        assert achieved < resolution, chosen


def test_a_word_too_short_is_noticed():
    assert designs.achieved_resolution([1, 2, 4, 3]) == 3, "the fourth factor is the product of two"
    assert designs.achieved_resolution([1, 2, 4, 7]) == 4


def test_ranges_have_their_ends_and_even_steps():
    assert designs.spaced(0.0, 1.0, 5, "linear") == [0.0, 0.25, 0.5, 0.75, 1.0]
    values = designs.spaced(1e-9, 1e-5, 5, "log")
    assert values[0] == 1e-9 and values[-1] == 1e-5 and np.allclose(np.diff(np.log10(values)), 1.0)


RANGES = [(0.0, 2.0, "linear"), (1e-9, 1e-7, "log"), (-1.0, 1.0, "linear")]


def unit(points):
    """Where the points lie between the ends of their ranges, on their own scales."""
    columns = []
    for values, (low, high, scale) in zip(zip(*points, strict=True), RANGES, strict=True):
        change = math.log if scale == "log" else float
        columns.append([(change(value) - change(low)) / (change(high) - change(low)) for value in values])
    return np.array(columns).T


@pytest.mark.parametrize("method, points", [("latin hypercube", 50), ("sobol", 64)])
def test_a_sample_has_one_point_in_every_stratum_of_every_parameter(method, points):
    sample = designs.sample(method, points, RANGES, seed=3)
    strata = np.floor(unit(sample) * points).astype(int)
    assert all(sorted(column) == list(range(points)) for column in strata.T)


def test_a_sample_is_a_function_of_its_seed():
    one, again, other = (designs.sample("latin hypercube", 8, RANGES, seed) for seed in (1, 1, 2))
    assert one == again != other
