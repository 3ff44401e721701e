"""Clocks of a model's lanes, kept by the days on which their rates change: for whoever asks after the day."""

from __future__ import annotations

import numpy as np

from sim.disease import clocks_kernels as clocks
from sim.numerics.rows import Rows


class History:
    """A clock by lane and column: the rate of every day that differs from the day before, and the clock's value then.

    One `column` for a rate that is the same in every niche, else one a niche.
    """

    def __init__(self, lanes: int, columns: int):
        self._columns = columns
        self._last = np.full((lanes, columns), np.nan)
        self._value, self._since = np.zeros((lanes, columns)), np.zeros(lanes, dtype=np.int64)
        self._lanes = np.empty(lanes, dtype=np.int64)
        self._records = Rows(lane=np.int32, day=np.int32)
        self._values, self._rates = np.empty((64, columns)), np.empty((64, columns))
        self._sorted: clocks.Clock | None = None

    def note(self, day: int, alive: np.ndarray, rate: np.ndarray) -> None:
        """Today's rate, (lanes, columns), in lanes that are alive (bool)."""
        n = clocks.note_changes(day, alive, rate, self._last, self._since, self._value, self._lanes)
        if not n:
            return
        lanes = self._lanes[:n]
        records, first = self._records, self._records.count
        end = first + lanes.size
        if end > len(self._values):
            room = max(end, len(self._values) * 3 // 2) - first
            self._values = np.concatenate([self._values[:first], np.empty((room, self._columns))])
            self._rates = np.concatenate([self._rates[:first], np.empty((room, self._columns))])
        records.append(lane=lanes, day=day)
        self._values[first:end], self._rates[first:end] = self._value[lanes], rate[lanes]
        self._sorted = None

    @property
    def clock(self) -> clocks.Clock:
        """What kernels read: records in order of lane, then day. Every lane has one from day 0 on."""
        if self._sorted is None:
            count, lane = self._records.count, self._records.column("lane")
            order = np.argsort(lane, kind="stable")
            first = np.searchsorted(lane[order], np.arange(len(self._last) + 1))
            self._sorted = clocks.Clock(
                first, self._records.column("day")[order], self._values[:count][order], self._rates[:count][order]
            )
        return self._sorted
