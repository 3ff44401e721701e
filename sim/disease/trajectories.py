"""The sizes of the colonies that ever grew, from all their paths: what tables read.

A path tells a colony's size on the mornings of days `since` to `until`; without treatment a colony has one,
without end. Between two paths a colony is small: back among the few cells for which chance decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.disease import colonise
from sim.disease.identity import unpack
from sim.names import NEVER

if TYPE_CHECKING:
    from sim.disease.cells import TumourCells
    from sim.disease.colonies import ColonyLaw

"""Later than any day."""


class Trajectories:
    """All paths of a model's colonies, in order of identity, then of time: arrays of shape (paths,).

    `identity`, `woke`, `traits`, `lane`, `niche`, `since`, `until`, `path` (what the growth kernels take).
    """

    def __init__(self, cells: TumourCells, law: ColonyLaw):
        grown, past = cells.grown, cells.past
        columns = {name: np.concatenate([past.column(name), grown.column(name)]) for name in grown.names}
        columns["until"] = np.concatenate([past.column("until"), np.full(grown.count, NEVER, dtype=np.int32)])
        order = np.lexsort((columns["since"], columns["identity"]))
        columns = {name: values[order] for name, values in columns.items()}
        self.identity, self.woke, self.traits = (columns[name] for name in ("identity", "woke", "traits"))
        self.since, self.until = (columns[name].astype(np.int64) for name in ("since", "until"))
        parts = unpack(self.identity)
        self.lane, self.niche = parts["lane"], parts["niche"]
        self.path = (
            *(columns[name] for name in ("start_day", "start_log_cells", "delay_days")),
            *law.of_colonies(self.lane, self.niche),
        )
        self.colony, self.first, self.number, paths = np.unique(
            self.identity, return_index=True, return_inverse=True, return_counts=True
        )
        """Each colony once, its first path, and the number of every path's colony."""
        self.last = self.first + paths - 1

    def first_day(self, cells: np.ndarray) -> np.ndarray:
        """First day, (colonies,), on whose morning a colony has that many cells (by path); NEVER if it never has."""
        days = colonise.grown_reach_days(np.log(cells), *self.path)
        day = np.maximum(np.ceil(np.minimum(days, float(NEVER))).astype(np.int64), self.since)
        day[day > self.until] = NEVER
        out = np.full(len(self.colony), NEVER, dtype=np.int64)
        np.minimum.at(out, self.number, day)
        return out

    def cells_on(self, day: np.ndarray) -> np.ndarray:
        """Cells of each colony on the morning of its own `day` (colonies,); nan where no path tells."""
        at = np.asarray(day)[self.number]
        tells = (self.since <= at) & (at <= self.until)
        out = np.full(len(self.colony), np.nan)
        out[self.number[tells]] = colonise.grown_sizes(at[tells].astype(float), *(a[tells] for a in self.path))
        return out
