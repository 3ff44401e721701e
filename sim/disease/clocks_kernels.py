"""Clocks that are read after the day: for each lane the days on which a rate changed, and the clock's value then.

Between two records of a lane the clock runs at the rate of the first, so a value is reached, and a day read, by looking
up one record. A rate that is the same in every niche is one column.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.numerics.jit import kernel


class Clock(NamedTuple):
    """Records in order of lane, then day: `first` (lanes + 1,), `day` (records,), `value` and `rate` (records, columns)."""

    first: np.ndarray
    day: np.ndarray
    value: np.ndarray
    rate: np.ndarray


@kernel
def note_changes(day, alive, rate, last, since, value, lanes):
    """Where the `rate` (lanes, columns) of a lane that is alive is not `last`, bring its clock's `value` to this morning and take over both.

    `since` (lanes,) is the day of `value`; `lanes` takes the numbers of these lanes. Returns how many.
    """
    n = 0
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
        since[lane] = day
        lanes[n] = lane
        n += 1
    return n


@kernel
def record_on(clock, lane, day):
    """Row of the record that tells the clock of a lane on the morning of `day`."""
    low, high = clock.first[lane], clock.first[lane + 1] - 1
    while low < high:
        middle = (low + high + 1) // 2
        if clock.day[middle] <= day:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def value_at(clock, lane, niche, time):
    """The clock of a lane and niche at a time in days (a whole day is its morning)."""
    row = record_on(clock, lane, time)
    column = niche if clock.value.shape[1] > 1 else 0
    return clock.value[row, column] + clock.rate[row, column] * (time - clock.day[row])


@kernel
def time_of(clock, lane, niche, value):
    """First time at which a clock that never runs back has that value; infinite if it never has."""
    column = niche if clock.value.shape[1] > 1 else 0
    low, high = clock.first[lane], clock.first[lane + 1] - 1
    while low < high:
        middle = (low + high + 1) // 2
        if clock.value[middle, column] < value:
            low = middle
        else:
            high = middle - 1
    rate = clock.rate[low, column]
    return clock.day[low] + (value - clock.value[low, column]) / rate if rate > 0.0 else np.inf
