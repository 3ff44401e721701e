"""Gompertz growth, for the primary and for metastases: one law, one place.

N(t) = K exp(-y(t)), y(t) = y(0) exp(-a t), with y = log(K / N) (Gompertz 1825; for tumours Laird 1964).
The growth rate is a y: it falls from a log K at one cell to nothing at K.
"""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.jit import kernel


def gompertz_cells(
    time_days: float | np.ndarray,
    start_cells: float | np.ndarray,
    capacity_cells: float | np.ndarray,
    rate_per_day: float | np.ndarray,
) -> np.ndarray:
    """Cells after `time_days` from `start_cells`; all arguments broadcast."""
    gap = np.log(capacity_cells) - np.log(start_cells)
    return np.exp(np.log(capacity_cells) - gap * np.exp(-rate_per_day * np.asarray(time_days, dtype=float)))


def gompertz_days(
    start_cells: float | np.ndarray,
    end_cells: float | np.ndarray,
    capacity_cells: float | np.ndarray,
    rate_per_day: float | np.ndarray,
) -> np.ndarray:
    """Days from `start_cells` to `end_cells`, both below the capacity; all arguments broadcast."""
    start_gap = np.log(capacity_cells) - np.log(start_cells)
    end_gap = np.log(capacity_cells) - np.log(end_cells)
    return np.log(start_gap / end_gap) / rate_per_day


def gompertz_rate_per_day(cells: np.ndarray, capacity_cells: np.ndarray, rate_per_day: np.ndarray) -> np.ndarray:
    """Relative growth per day at a size of `cells`."""
    return rate_per_day * (np.log(capacity_cells) - np.log(cells))


_GAUSS_NODES = np.array([0.5 * (1.0 - np.sqrt(0.6)), 0.5, 0.5 * (1.0 + np.sqrt(0.6))])
_GAUSS_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 18.0
"""Gauss-Legendre on (0, 1)."""


def gap_at_nodes(rate_per_day: np.ndarray) -> np.ndarray:
    """By how much y has shrunk at each node of a day, shape (nodes, ...) for rates of any shape."""
    return np.exp(-np.multiply.outer(_GAUSS_NODES, rate_per_day))


def shed_and_grow(
    lanes: np.ndarray,
    per_surface: np.ndarray,
    factor: np.ndarray,
    log_capacity: np.ndarray,
    gap: np.ndarray,
    shrink: np.ndarray,
    shrunk: np.ndarray,
    exponent: np.ndarray,
    expected: np.ndarray,
) -> None:
    """Set what tumours are expected to shed over a day in some `lanes` (numbers), and let their `gap` shrink by it.

    `expected` = `per_surface` x `factor` x the integral of cells^`exponent`; `shrink` is what is left of a gap after a
    day. Float64 arrays (lanes,), `shrunk` as in `power_integral_over_day`.
    """
    _shed_and_grow(lanes, per_surface, factor, log_capacity, gap, shrink, shrunk, _GAUSS_WEIGHTS, exponent, expected)


def power_integral_over_day(
    log_capacity: np.ndarray, gap: np.ndarray, shrunk: np.ndarray, exponent: np.ndarray
) -> np.ndarray:
    """Integral of N^exponent over one day, by three-point Gauss-Legendre quadrature.

    Float64 arrays (lanes,), `shrunk` (nodes, lanes). `gap` is y at the start of the day, `shrunk` is `gap_at_nodes`
    of the Gompertz rate. The relative error is below 1e-11 while N changes by less than a tenth in a day (rate x gap
    < 0.1), and below 1e-4 even for tumours that grow thirteenfold.
    """
    out = np.empty(len(gap))
    power_integral(np.arange(len(gap)), log_capacity, gap, shrunk, _GAUSS_WEIGHTS, exponent, out)
    return out


@kernel
def power_integral(
    lanes: np.ndarray,
    log_capacity: np.ndarray,
    gap: np.ndarray,
    shrunk: np.ndarray,
    weights: np.ndarray,
    exponent: np.ndarray,
    out: np.ndarray,
) -> None:
    """Set `out` in some `lanes` (numbers) to the integral of cells^exponent over a day (`power_integral_over_day`).

    `shrunk` (nodes, lanes) and `weights` (nodes,) belong to the nodes of the quadrature.
    """
    for lane in lanes:
        total = 0.0
        for node in range(weights.size):
            total += math.exp(exponent[lane] * (log_capacity[lane] - gap[lane] * shrunk[node, lane])) * weights[node]
        out[lane] = total


@kernel
def _shed_and_grow(
    lanes: np.ndarray,
    per_surface: np.ndarray,
    factor: np.ndarray,
    log_capacity: np.ndarray,
    gap: np.ndarray,
    shrink: np.ndarray,
    shrunk: np.ndarray,
    weights: np.ndarray,
    exponent: np.ndarray,
    expected: np.ndarray,
) -> None:
    power_integral(lanes, log_capacity, gap, shrunk, weights, exponent, expected)
    for lane in lanes:
        expected[lane] *= per_surface[lane] * factor[lane]
        gap[lane] *= shrink[lane]
