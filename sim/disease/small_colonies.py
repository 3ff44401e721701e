"""The small colonies of promising founders: rows that cost nothing between events (see `sim.disease.founders`)."""

from __future__ import annotations

import numpy as np

from sim.disease import founders, small_sizes
from sim.disease.colonies import ColonyLaw
from sim.numerics.rows import Rows

NO_TRAITS = np.empty(0, dtype=np.uint8)
_COLUMNS = {
    "identity": np.uint64,
    "woke": np.int32,
    "traits": np.uint8,
    "since": np.int32,
    "at": np.int32,
    "immortal": np.int64,
    "doomed": np.int64,
    "limit": np.float64,
    "end": np.float64,
    "due": np.int32,
    "cleared": np.float64,
    "hidden": np.int32,
    "pace": np.float64,
}


class SmallColonies(Rows):
    """Small promising colonies, a row each; `key` and `patient` (lanes,) key their draws, `law` says how they grow.

    `clearance_clock` (lanes, niches) is the hazard of clearance accumulated until this morning; the model advances it.
    """

    def __init__(self, key: np.uint64, patient: np.ndarray, law: ColonyLaw):
        super().__init__(**_COLUMNS)
        self._key, self._patient, self._growth, self._clears = key, patient, law.small, law.clears
        self.clearance_clock = np.zeros(law.birth.shape)
        self._next_due, self._any_clears = founders.NEVER, bool(law.clears.any())
        self._day = np.zeros(len(patient), dtype=np.int64)
        self._kernels_rows: founders.Colonies | None = None
        self._sweep = False  # a lane has ended: its rows are to be dropped

    @property
    def _rows(self) -> founders.Colonies:
        if self._kernels_rows is None or self._kernels_rows.identity is not self.identity:
            self._kernels_rows = founders.Colonies(*(getattr(self, name) for name in self.names))
        return self._kernels_rows

    def begin(
        self,
        identity: np.ndarray,
        day: int,
        traits: np.ndarray,
        pace: np.ndarray,
        clearance: np.ndarray,
        colonies: np.ndarray,
    ) -> None:
        """Promising founders that begin to cycle at the end of `day`; `clearance` (lanes, niches) is today's hazard."""
        end = self.reserve(len(identity))
        clock = self.clearance_clock + clearance if self._any_clears else self.clearance_clock
        founders.begin(
            self._key, self._patient, day, identity, traits, pace, self.count, self._rows, self._growth, clock, colonies
        )
        self._next_due = min(self._next_due, int(self.due[self.count : end].min(initial=founders.NEVER)))
        self.count = end

    def fall(
        self,
        identity: np.ndarray,
        cells: np.ndarray,
        day: int,
        woke: np.ndarray | int,
        traits: np.ndarray | int,
        pace: np.ndarray | float,
    ) -> None:
        """Colonies of `cells` cells each (int64) that are small from the morning of `day` on."""
        end = self.reserve(len(identity))
        here = slice(self.count, end)
        self.identity[here], self.woke[here], self.traits[here], self.pace[here] = identity, woke, traits, pace
        cells = np.ascontiguousarray(np.broadcast_to(cells, len(identity)), dtype=np.int64)
        founders.fall(self._key, self._patient, day, cells, self.count, self._rows, self._growth, self.clearance_clock)
        self.count = end
        self._next_due = min(self._next_due, day)

    def dose(self, day: int, alive: np.ndarray, survival: np.ndarray) -> None:
        """Doses of this morning; `survival` (classes, lanes, niches) is what they leave of cycling cells."""
        if small_sizes.dose(self._key, self._patient, alive, day, survival, self.count, self._rows, self._growth):
            self._next_due = min(self._next_due, day)

    def sizes(self, day: int | np.ndarray, lanes: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Cells of every colony on the morning of `day` (by lane, or one), (count,) int64, 0 outside `lanes` (bool).

        They are added to `total` (lanes, niches), float64.
        """
        cells = np.empty(self.count, dtype=np.int64)
        if self.count:
            self._day[:] = day
            small_sizes.look(
                self._key, self._patient, self._day, lanes, self.count, self._rows, self._growth, cells, total
            )
        return cells

    def lane_ended(self) -> None:
        """A patient died or was censored."""
        self._sweep = True

    def end_day(
        self, day: int, alive: np.ndarray, clearance: np.ndarray, colonies: np.ndarray, extinct: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
        """The evening of `day`: those certain to grow (by column), and identity and traits of those gone, or None."""
        if self._any_clears:
            self.clearance_clock += clearance
        if not self.count:
            return None
        if not self._sweep and day < self._next_due:
            clock = self.clearance_clock
            if not (self._any_clears and founders.anybody_cleared(day, self._clears, clock, self.count, self._rows)):
                return None
        self._sweep = False
        count = self.count
        grown = founders.Grown(*(np.empty(count, dtype=_COLUMNS[name]) for name in founders.Grown._fields))
        gone = np.empty((count, 2), dtype=np.uint64)
        self.count, n_grown, n_gone, self._next_due = founders.end_day(
            day, alive, self._clears, self.clearance_clock, count, self._rows, colonies, extinct, grown, gone
        )
        return {name: values[:n_grown] for name, values in grown._asdict().items()}, gone[:n_gone]
