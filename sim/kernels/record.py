"""Histograms of counts with a bounded error, so that quantiles over any number of patients fit in memory.

Counts below 32 have a bin each; above, every octave has 16, so a bin's middle is within 3.1 % of
every count in it. Histograms are integers: they add up in any order.
"""

from __future__ import annotations

import numpy as np

from sim.jit import kernel

EXACT, PER_OCTAVE = 32, 16
BINS = EXACT + PER_OCTAVE * 44


@kernel
def bin_of(count):
    """The bin of a count (int64, not negative)."""
    if count < EXACT:
        return np.int64(count)
    octave = 0
    rest = count
    while rest >= EXACT:
        rest >>= 1
        octave += 1
    return min(np.int64(PER_OCTAVE * octave + rest), np.int64(BINS - 1))


def bin_middle(index: np.ndarray) -> np.ndarray:
    """The middle of a bin, float64; exact below 32."""
    index = np.asarray(index)
    octave = np.maximum(index // PER_OCTAVE - 1, 0)
    low = np.where(index < EXACT, index, (index - PER_OCTAVE * octave).astype(float) * 2.0**octave)
    return low + np.where(index < EXACT, 0.0, (2.0**octave - 1.0) / 2.0)


@kernel
def add_counts(slot, counts, histogram, total):
    """Count `counts` (lanes, quantities) at each lane's slot in `histogram` (slots, quantities, BINS) and `total`."""
    for i in range(slot.size):
        for quantity in range(counts.shape[1]):
            value = counts[i, quantity]
            histogram[slot[i], quantity, bin_of(value)] += 1
            total[slot[i], quantity] += value
