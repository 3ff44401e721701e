"""log, exp and the cosine of the kernels against the C library's, over all that they are asked."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.numerics.elementary import cosine_of_turns, exp, log
from sim.numerics.jit import kernel

ULPS = 2.0
"""Units in the last place; the C library itself promises one."""


@kernel
def all_logs(x, out):
    for i in range(x.size):
        out[i] = log(x[i])


@kernel
def all_exps(x, out):
    for i in range(x.size):
        out[i] = exp(x[i])


@kernel
def all_cosines(x, out):
    for i in range(x.size):
        out[i] = cosine_of_turns(x[i])


def of(kernel, x):
    x = np.asarray(x, dtype=float)
    out = np.empty_like(x)
    kernel(x, out)
    return out


def ulps(found, expected):
    return np.abs(found - expected) / np.spacing(np.abs(expected))


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=20))
def test_logarithms(x):
    assert np.all(ulps(of(all_logs, x), [math.log(value) for value in x]) <= ULPS)


def test_logarithms_where_the_logarithm_is_nearly_nothing():
    x = np.concatenate(
        [1.0 + 2.0**-52 * np.arange(-2000, 2000), 1.0 - np.logspace(-16, -1, 500), [np.nextafter(1.0, 0.0)]]
    )
    x = x[x != 1.0]
    assert np.all(ulps(of(all_logs, x), np.array([math.log(value) for value in x])) <= ULPS)
    assert of(all_logs, [1.0]) == 0.0


@given(st.lists(st.floats(-700.0, 700.0), min_size=1, max_size=20))
def test_exponentials(x):
    assert np.all(ulps(of(all_exps, x), [math.exp(value) for value in x]) <= ULPS)


def test_exponentials_at_the_ends_and_at_nothing():
    assert of(all_exps, [0.0]) == 1.0
    assert of(all_exps, [-1e9, 1e9, -np.inf]).tolist() == of(all_exps, [-700.0, 700.0, -700.0]).tolist()
    assert of(all_exps, [1e-18, -1e-18]).tolist() == [1.0, 1.0]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_cosines(v):
    assert of(all_cosines, v) == pytest.approx([math.cos(2.0 * math.pi * value) for value in v], rel=0, abs=2e-15)


@given(st.floats(1e-16, 40.0), st.floats(0.2, 20.0))
def test_a_root_by_log_and_exp_is_the_power(x, shape):
    """How a sleeper's threshold is drawn: relative error below 1e-13."""
    found = of(all_exps, of(all_logs, [x]) / shape)[0]
    assert found == pytest.approx(x ** (1.0 / shape), rel=1e-13)


def test_one_at_a_time_is_the_same_as_many():
    x = np.linspace(0.01, 30.0, 37)
    assert [of(all_logs, [value])[0] for value in x] == of(all_logs, x).tolist()
    assert [of(all_exps, [value])[0] for value in x] == of(all_exps, x).tolist()


def test_a_series_that_is_cut_too_early_would_be_noticed():
    x = np.linspace(0.75, 1.35, 200)
    s = (x - 1.0) / (x + 1.0)
    cut = sum(2.0 * s**n / n for n in range(1, 14, 2))
    assert np.any(ulps(cut, np.log(x)) > ULPS)
