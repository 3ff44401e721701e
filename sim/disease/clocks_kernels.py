"""Clocks that are read after the day: for each lane the days on which a rate changed, and the clock's value then.

Between two records of a lane the clock runs at the rate of the first, so a value is reached, and a day read, by looking
up one record. A rate that is the same in every niche is one column.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.numerics.jit import kernel


class Clock(NamedTuple):
    """Records in order of lane, then day.

    `first` (lanes + 1,), `day` (records,), `value` and `rate` (records, columns).
    """

    first: np.ndarray
    day: np.ndarray
    value: np.ndarray
    rate: np.ndarray


class Records(NamedTuple):
    """Records as they come: `lane` and `day` (records,), `value` and `rate` (records, columns)."""

    lane: np.ndarray
    day: np.ndarray
    value: np.ndarray
    rate: np.ndarray


@kernel
def note_changes(
    day: int,
    alive: np.ndarray,
    rate: np.ndarray,
    last: np.ndarray,
    since: np.ndarray,
    value: np.ndarray,
    records: Records,
    count: int,
) -> int:
    """Record the `rate` (lanes, columns) of lanes alive where it is not `last`, with the clock's value this morning.

    `value` (alike) and `since` (lanes,) are the clock's value and day at the last record. `records` has `count` rows,
    and room for every lane; returns how many there are then.
    """
    for lane in range(alive.size):
        if not alive[lane]:
            continue
        same = True
        for column in range(rate.shape[1]):
            same &= rate[lane, column] == last[lane, column]
        if same:
            continue
        for column in range(rate.shape[1]):
            if day > 0:
                value[lane, column] += last[lane, column] * (day - since[lane])
            last[lane, column] = rate[lane, column]
            records.value[count, column], records.rate[count, column] = value[lane, column], rate[lane, column]
        records.lane[count], records.day[count], since[lane] = lane, day, day
        count += 1
    return count


@kernel
def same_everywhere(rate: np.ndarray) -> bool:
    """Whether a rate (lanes, niches) is the same in all niches of every lane."""
    for lane in range(rate.shape[0]):
        for niche in range(1, rate.shape[1]):
            if rate[lane, niche] != rate[lane, 0]:
                return False
    return True


@kernel
def record_on(clock: Clock, lane: int, day: float) -> int:
    """Row of the record that tells the clock of a lane on the morning of `day`.

    A lane has a record a day at most, so this one is not further from the first than the days between: where rates
    change every day it is just there.
    """
    low, high = clock.first[lane], clock.first[lane + 1] - 1
    if day - clock.day[low] < high - low:
        high = low + max(np.int64(day - clock.day[low]), 0)
        if clock.day[high] <= day:
            return high
    while low < high:
        middle = (low + high + 1) // 2
        if clock.day[middle] <= day:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def value_at(clock: Clock, lane: int, niche: int, time: float) -> float:
    """The clock of a lane and niche at a time in days (a whole day is its morning)."""
    row = record_on(clock, lane, time)
    column = niche if clock.value.shape[1] > 1 else 0
    return clock.value[row, column] + clock.rate[row, column] * (time - clock.day[row])


@kernel
def time_of(clock: Clock, lane: int, niche: int, value: float, since: float) -> float:
    """First time at which a clock that never runs back has that value, which it has not yet at `since`; or infinite."""
    column = niche if clock.value.shape[1] > 1 else 0
    low, high = record_on(clock, lane, since), clock.first[lane + 1] - 1
    if low < high and clock.rate[low, column] > 0.0:
        # Where it would be if the rate stayed is not far from where it is.
        days = (value - clock.value[low, column]) / clock.rate[low, column]
        guess = low + np.int64(min(max(days, 0.0), float(high - low)))
        step = 1
        if clock.value[guess, column] < value:
            low = guess
            while low + step < high and clock.value[low + step, column] < value:
                low += step
                step *= 2
            high = min(high, low + step)
        else:
            high = max(guess - 1, low)
            while high - step > low and clock.value[high - step, column] >= value:
                high -= step
                step *= 2
            low = max(low, high - step)
    while low < high:
        middle = (low + high + 1) // 2
        if clock.value[middle, column] < value:
            low = middle
        else:
            high = middle - 1
    rate = clock.rate[low, column]
    return clock.day[low] + (value - clock.value[low, column]) / rate if rate > 0.0 else np.inf
