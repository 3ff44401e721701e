"""Histograms of counts with a bounded error, so that quantiles over any number of patients fit in memory.

The bins are those of `sim.numerics.bins`. Histograms are integers: they add up in any order.
"""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.bins import BINS, EXACT, PER_OCTAVE
from sim.numerics.jit import kernel

_EXACT_BITS = EXACT.bit_length() - 1


@kernel
def bin_of(count: int) -> np.int64:
    """The bin of a count (int64, not negative)."""
    if count < EXACT:
        return np.int64(max(count, 0))
    octave = math.frexp(float(count))[1] - _EXACT_BITS  # bits beyond those of EXACT - 1
    rest = count >> octave
    if rest < PER_OCTAVE:  # the float was rounded up to the next power of two
        octave -= 1
        rest = count >> octave
    return min(np.int64(PER_OCTAVE * octave + rest), np.int64(BINS - 1))


@kernel
def count_bins(order: np.ndarray, slot: np.ndarray, bins: np.ndarray, keys: np.ndarray, numbers: np.ndarray) -> int:
    """Count the noted rows by slot, quantity and bin; returns how many of them are not empty.

    `order` sorts the rows by their `slot`. Where `keys` and `numbers` have room, they take slot x
    quantities x BINS + quantity x BINS + bin, ascending, and the number of rows.
    """
    quantities = bins.shape[1]
    counted = np.zeros(BINS, np.int64)
    n = 0
    first = 0
    while first < order.size:
        here = slot[order[first]]
        end = first
        while end < order.size and slot[order[end]] == here:
            end += 1
        for quantity in range(quantities):
            low, high = np.int64(BINS), np.int64(0)
            for i in range(first, end):
                at = np.int64(bins[order[i], quantity])
                counted[at] += 1
                low, high = min(low, at), max(high, at)
            for filled in range(low, high + 1):
                if counted[filled] > 0:
                    if n < keys.size:
                        keys[n] = (here * quantities + quantity) * BINS + filled
                        numbers[n] = counted[filled]
                    n += 1
                    counted[filled] = 0
        first = end
    return n
