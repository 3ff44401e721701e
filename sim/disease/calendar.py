"""Promising sleepers by the day on which they must be looked at (see `sim.disease.sleep`)."""

from __future__ import annotations

import numpy as np

from sim.disease import sleep

_FEWEST_BLOCKS = 64


class Calendar:
    """Sleepers by the day on which they must be looked at (see `sim.disease.sleep`)."""

    def __init__(self, last_day: int):
        self.last = last_day + 1  # slot of those who are not due within the run
        self.head = np.full(self.last + 1, -1, dtype=np.int32)
        self.filed = np.zeros(self.last + 1, dtype=np.int32)
        self.state = np.zeros(3, dtype=np.int64)
        for name, (_, dtype) in self._POOL.items():
            setattr(self, name, np.empty(0, dtype=dtype))
        self._make_room(_FEWEST_BLOCKS, 0)

    _POOL = {
        "free": (1, np.int32),
        "block_next": (1, np.int32),
        "block_count": (1, np.int32),
        "sleepers": (sleep.BLOCK, sleep.SLEEPER),
    }

    def reserve(self, day: int, records: int) -> None:
        """Make room for as many insertions on a day: a kernel has no bounds checks."""
        used = int(self.state[sleep.USED])
        needed = used + max(0, records - int(self.state[sleep.FREE]))
        if needed > len(self.free):
            # As many as there will be if they go on like this: copying is what growth costs, untouched room costs nothing.
            expected = used * self.last / (day + 1)
            self._make_room(int(max(needed, min(max(expected, 1.5 * used), 16.0 * used), _FEWEST_BLOCKS)), used)

    def _make_room(self, blocks: int, used: int) -> None:
        for name, (width, dtype) in self._POOL.items():
            new = np.empty(blocks * width, dtype=dtype)
            new[: used * width] = getattr(self, name)[: used * width]
            setattr(self, name, new)
        self.arrays = (self.head, self.filed, self.block_next, self.block_count, self.free, self.state, self.sleepers)
        """The arrays in the order in which the kernels take them."""

    def due(self, day: int) -> int:
        """Records filed under `day`."""
        return int(self.filed[day])

    def records(self) -> np.ndarray:
        """Identities of all sleepers, in no particular order."""
        found = []
        for head in self.head[self.head >= 0]:
            while head >= 0:
                at = head * sleep.BLOCK
                found.append(self.sleepers["identity"][at : at + self.block_count[head]])
                head = self.block_next[head]
        return np.concatenate(found) if found else np.empty(0, dtype=np.uint64)

    @property
    def bytes(self) -> int:
        """Memory of the pool."""
        return sum(a.nbytes for a in self.arrays)
