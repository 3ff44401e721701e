"""Histograms of counts with a bounded error, so that quantiles over any number of patients fit in memory.

Counts below 32 have a bin each; above, every octave has 16, so a bin's middle is within 3.1 % of
every count in it. Histograms are integers: they add up in any order.
"""

from __future__ import annotations

import numpy as np

from sim.jit import kernel

EXACT, PER_OCTAVE = 32, 16
BINS = EXACT + PER_OCTAVE * 58
"""Enough for every 64-bit count."""


@kernel
def bin_of(count):
    """The bin of a count (int64, not negative)."""
    if count < EXACT:
        return np.int64(max(count, 0))
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
def note_stages(
    start,
    slot,
    lanes,
    settled,
    died_on_arrival,
    inert,
    sleeping,
    cycling,
    small,
    large,
    all_sleeping,
    all_cycling,
    bins,
    total,
):
    """Note the stages that are known at once in every organ, and in all, of some `lanes` from row `start` of `bins` on.

    The arrays are (lanes, niches). Rows of `bins` are organ x stage; the same counts are added to the row
    `slot` of `total`. Promising sleepers and cells of small colonies go to `all_sleeping` and `all_cycling` (rows, niches),
    for `note_present`.
    """
    niches, stages = settled.shape[1], 6
    here, everywhere = np.zeros(stages, np.int64), np.zeros(stages, np.int64)
    for i in range(lanes.size):
        lane, into = lanes[i], slot[i]
        everywhere[:] = 0
        for organ in range(niches + 1):
            if organ < niches:
                here[0] = settled[lane, organ] + died_on_arrival[lane, organ] + inert[lane, organ]
                here[1] = settled[lane, organ]
                here[4] = small[lane, organ]
                here[5] = large[lane, organ]
                all_sleeping[start + i, organ] = sleeping[lane, organ]
                all_cycling[start + i, organ] = np.rint(cycling[lane, organ])
            for stage in range(stages):
                if stage == 2 or stage == 3:
                    continue
                value = here[stage] if organ < niches else everywhere[stage]
                everywhere[stage] += value
                bins[start + i, organ * stages + stage] = bin_of(value)
                total[into, organ * stages + stage] += value


@kernel
def note_present(slot, sleeping, cycling, bins, total):
    """Note the sleepers and the cells of small colonies, int64 (rows, niches), in every organ and in all, as `note_stages` does."""
    niches, stages = sleeping.shape[1], 6
    for i in range(slot.size):
        for stage in range(2, 4):
            values = sleeping if stage == 2 else cycling
            everywhere = np.int64(0)
            for organ in range(niches + 1):
                value = values[i, organ] if organ < niches else everywhere
                everywhere += value
                bins[i, organ * stages + stage] = bin_of(value)
                total[slot[i], organ * stages + stage] += value


@kernel
def count_bins(order, slot, bins, keys, numbers):
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
            for at in range(low, high + 1):
                if counted[at] > 0:
                    if n < keys.size:
                        keys[n] = (here * quantities + quantity) * BINS + at
                        numbers[n] = counted[at]
                    n += 1
                    counted[at] = 0
        first = end
    return n
