"""Clocks of a model's lanes, kept by the days on which their rates change: for whoever asks after the day."""

from __future__ import annotations

import numpy as np

from sim.disease import clocks_kernels as clocks


class History:
    """A clock by lane and column: the rate of every day that differs from the day before, and the clock's value then.

    One `column` for a rate that is the same in every niche, else one a niche.
    """

    def __init__(self, lanes: int, columns: int):
        self._columns = columns
        self._last = np.full((lanes, columns), np.nan)
        self._value, self._since = np.zeros((lanes, columns)), np.zeros(lanes, dtype=np.int64)
        self._count, self._records = 0, self._room(64 + lanes)
        self._sorted: clocks.Clock | None = None

    def _room(self, rows: int) -> clocks.Records:
        shape = rows, self._columns
        return clocks.Records(np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(shape), np.empty(shape))

    def note(self, day: int, alive: np.ndarray, rate: np.ndarray) -> None:
        """Today's rate, (lanes, columns), in lanes that are alive (bool)."""
        if np.array_equal(self._last, rate):
            return
        count = self._count
        if count + len(alive) > len(self._records.lane):
            more = self._room(len(alive) + count * 3 // 2)
            for new, old in zip(more, self._records, strict=True):
                new[:count] = old[:count]
            self._records = more
        self._count = clocks.note_changes(day, alive, rate, self._last, self._since, self._value, self._records, count)
        if self._count > count:
            self._sorted = None

    @property
    def clock(self) -> clocks.Clock:
        """What kernels read: records in order of lane, then day. Every lane has one from day 0 on."""
        if self._sorted is None:
            lane, day, value, rate = (column[: self._count] for column in self._records)
            order = np.argsort(lane, kind="stable")
            first = np.searchsorted(lane[order], np.arange(len(self._last) + 1))
            self._sorted = clocks.Clock(first, day[order], value[order], rate[order])
        return self._sorted
