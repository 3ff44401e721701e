"""Pairs of arms, each formula by hand on a few patients: counts, differences, ratios, means, Holm's adjustment.

Coverage over many cohorts (`test_compare.py`) forgives half a patient; these do not.
"""

import math

import numpy as np
import pytest

from sim.analysis.paired import Shares, holm, means, shares, shares_over_time

Z = 1.959963984540054


def test_counts_and_shares():
    pairs = Shares(both=3, only_first=2, only_second=1, neither=4)
    assert (pairs.patients, pairs.first, pairs.second) == (10, 0.5, 0.4)
    assert pairs.difference == pytest.approx(-0.1) and pairs.ratio == pytest.approx(4 / 5)
    first, second = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert shares(first, second) == pairs


def test_the_interval_of_the_difference():
    """Agresti and Min: half a patient more of each kind, so two patients in all and one who changed."""
    low, high = Shares(3, 2, 6, 9).difference_interval
    half = Z * math.sqrt(8 + 1 - 16 / 22) / 22
    assert (low, high) == pytest.approx((4 / 22 - half, 4 / 22 + half), rel=1e-12)


def test_no_difference_is_larger_than_everybody():
    assert Shares(0, 5, 0, 0).difference_interval[0] == -1.0
    assert Shares(0, 0, 5, 0).difference_interval[1] == 1.0


def test_the_interval_of_the_ratio():
    low, high = Shares(3, 2, 6, 9).ratio_interval
    half = Z * math.sqrt((2 + 6 + 1) / (9.5 * 5.5))
    assert (low, high) == pytest.approx((9.5 / 5.5 * math.exp(-half), 9.5 / 5.5 * math.exp(half)), rel=1e-12)


def test_a_ratio_of_nought_is_in_its_interval():
    """Half a patient added would put the lower bound above it."""
    low, high = Shares(0, 3, 0, 5).ratio_interval
    assert low == 0.0 < high


def test_without_outcomes_in_the_first_arm_there_is_no_ratio():
    pairs = Shares(0, 0, 3, 5)
    assert math.isnan(pairs.ratio) and all(map(math.isnan, pairs.ratio_interval))


def test_mcnemar_is_a_sign_test_of_those_who_changed():
    """One of six changed one way: 2 (1 + 6) / 2^6; the other way the same; nobody changed: nothing is said."""
    assert Shares(1, 5, 1, 3).p_value == pytest.approx(14 / 64)
    assert Shares(1, 1, 5, 3).p_value == pytest.approx(14 / 64)
    assert Shares(4, 0, 0, 6).p_value == 1.0


def test_pairs_over_time_count_what_has_happened_by_the_end_of_a_day():
    found = shares_over_time([10, 20, 30, np.inf], [20, 5, np.inf, np.inf], [4, 5, 10, 20, 30])
    assert found.both.tolist() == [0, 0, 0, 2, 2]
    assert found.only_first.tolist() == [0, 0, 1, 0, 1]
    assert found.only_second.tolist() == [0, 1, 1, 0, 0]
    assert found.neither.tolist() == [4, 3, 2, 2, 1]


def test_means_by_hand():
    """Changes of 1 and 2: their mean 1.5, its standard error (1/2)^(1/2) / 2^(1/2) = 1/2."""
    found = means([1, 2], [2, 4])
    assert (found.first, found.second, found.difference) == (1.5, 3.0, 1.5)
    assert (found.low, found.high) == pytest.approx((1.5 - 0.5 * Z, 1.5 + 0.5 * Z), rel=1e-12)
    alone = means([1], [2])
    assert alone.difference == 1.0 and math.isnan(alone.low) and math.isnan(alone.high)


def test_holm_steps_down_never_falls_and_ends_at_one():
    assert holm([0.03, 0.01, 0.04, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.02, 0.9, 0.8]) == pytest.approx([0.06, 1.0, 1.0])
    assert holm([]) == []
