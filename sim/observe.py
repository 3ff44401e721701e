"""Recorders: they read the model on the output grid and never write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import mesa
import numpy as np

from sim.disease.doomed_records import ASLEEP, CELLS
from sim.disease.doomed_records import QUANTITIES as COUNTED
from sim.names import CLOCKS, NICHES, QUANTITIES, STAGES
from sim.numerics.histograms import BINS, bin_of, count_bins
from sim.numerics.jit import kernel

if TYPE_CHECKING:
    from sim.disease.cells import TumourCells
    from sim.disease.doomed import Doomed
    from sim.disease.hosts import Hosts

NEED_DOOMED = (STAGES.index("dormant"), STAGES.index("cycling"))
"""Stages that are not known where the doomed are not computed."""
LANES_AT_ONCE = 64
SELDOM_DAYS = 3650
"""Output grid: nobody reads the seeding curves of arms, and metastases do not depend on it."""
_NOBODY = np.empty(0, dtype=np.int64)


@kernel
def note_stages(
    start: int,
    now: int,
    grid: np.ndarray,
    lanes: np.ndarray,
    slot: np.ndarray,
    lane_of_row: np.ndarray,
    day_of_row: np.ndarray,
    settled: np.ndarray,
    died_on_arrival: np.ndarray,
    inert: np.ndarray,
    sleeping: np.ndarray,
    cycling: np.ndarray,
    small: np.ndarray,
    large: np.ndarray,
    all_sleeping: np.ndarray,
    all_cycling: np.ndarray,
    bins: np.ndarray,
    total: np.ndarray,
) -> None:
    """Note the stages that are known at once in every organ, and in all, of some `lanes` from row `start` of `bins` on.

    The arrays are (lanes, niches). `grid` (one or as many as `lanes`) are their slots. Rows of `bins` are organ x
    stage; the same counts are added to the row `slot` of `total`. Promising sleepers and cells of small colonies go to
    `all_sleeping` and `all_cycling` (rows, niches), for `note_present`.
    """
    niches, stages = settled.shape[1], 6
    here, everywhere = np.zeros(stages, np.int64), np.zeros(stages, np.int64)
    for i in range(lanes.size):
        lane, into = lanes[i], grid[i] if grid.size > 1 else grid[0]
        slot[start + i], lane_of_row[start + i], day_of_row[start + i] = into, lane, now
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
def note_present(
    slot: np.ndarray, sleeping: np.ndarray, cycling: np.ndarray, bins: np.ndarray, total: np.ndarray
) -> None:
    """Note sleepers and cells of small colonies, int64 (rows, niches), by organ and in all (see `note_stages`)."""
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
def note_doomed(
    rows: np.ndarray, at: np.ndarray, counts: np.ndarray, sleeping: np.ndarray, cycling: np.ndarray
) -> None:
    """Add the doomed cells of look `at[i]` in `counts` (looks, niches, quantities) to row `rows[i]` of the others."""
    for i in range(rows.size):
        for organ in range(sleeping.shape[1]):
            sleeping[rows[i], organ] += counts[at[i], organ, ASLEEP]
            cycling[rows[i], organ] += counts[at[i], organ, CELLS]


class ObservedModel(Protocol):
    """What the recorders read of the model, and where they leave Mesa's collector."""

    hosts: Hosts
    cells: TumourCells
    alive: np.ndarray
    living: np.ndarray
    last_day: np.ndarray
    young_cells: np.ndarray
    small_metastases: np.ndarray
    large_metastases: np.ndarray
    datacollector: Any

    @property
    def died_on_arrival(self) -> np.ndarray:
        """Events that were arrested and died there, (lanes, niches)."""

    @property
    def inert(self) -> np.ndarray:
        """Events that survived arrest and can found no colony, (lanes, niches)."""

    def promising_cells(self, now: int, lanes: np.ndarray) -> np.ndarray:
        """Cells of promising colonies below 10^6 cells on the morning of `now`, (lanes, niches), zero elsewhere."""


class ClockHistogram:
    """Counts by grid day, organ and stage on one clock, for the patients at risk on that day.

    Rows of bins are noted as they come (284 bytes a lane and grid day) and counted once at the end, when the doomed
    cells of all lanes are counted with them.
    """

    def __init__(self, first_slot: int, last_slot: int, rows: int):
        self.first_slot = first_slot  # grid index of slot 0; negative before diagnosis
        self._rows = 0
        self._slot = np.empty(rows, dtype=np.int64)
        self._lane, self._day = np.empty(rows, dtype=np.int32), np.empty(rows, dtype=np.int32)
        self._bins = np.empty((rows, QUANTITIES), dtype=np.uint16)
        self._sleeping, self._cycling = (np.empty((rows, len(NICHES)), dtype=np.int64) for _ in range(2))
        self._total = np.zeros((last_slot - first_slot + 1, QUANTITIES), dtype=np.int64)

    def add(
        self, model: ObservedModel, now: int, lanes: np.ndarray, grid: np.ndarray | int, cycling_cells: np.ndarray
    ) -> None:
        """Note what `lanes` (indices) hold now, at their grid index (one for all, or one each).

        `cycling_cells` (lanes, niches) are those of promising colonies.
        """
        cells = model.cells
        note_stages(
            self._rows,
            now,
            np.atleast_1d(grid - self.first_slot),
            lanes,
            self._slot,
            self._lane,
            self._day,
            cells.settled,
            model.died_on_arrival,
            model.inert,
            cells.promising["sleeping"],
            cycling_cells,
            model.small_metastases,
            model.large_metastases,
            self._sleeping,
            self._cycling,
            self._bins,
            self._total,
        )
        self._rows += len(lanes)

    @property
    def looks(self) -> tuple[np.ndarray, np.ndarray]:
        """Lane and day of every row."""
        return self._lane[: self._rows], self._day[: self._rows]

    def add_doomed(self, rows: np.ndarray, at: np.ndarray, counts: np.ndarray) -> None:
        """Doomed cells of some rows (numbers): look `at` of `counts` (looks, niches, quantities) tells each."""
        note_doomed(rows, at, counts, self._sleeping, self._cycling)

    def complete(self) -> None:
        """All doomed cells are added, or there are none: sort everybody into bins."""
        end = self._rows
        note_present(self._slot[:end], self._sleeping[:end], self._cycling[:end], self._bins[:end], self._total)
        self._sleeping, self._cycling = (np.empty((0, len(NICHES)), dtype=np.int64) for _ in range(2))

    def sparse(self, without: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
        """What was counted, as flat grid index x quantity x bin and number; `without` some stages (places)."""
        slot, bins = self._slot[: self._rows], self._bins[: self._rows]
        order = np.argsort(slot, kind="stable")
        nothing = np.empty(0, dtype=np.int64)
        filled = count_bins(order, slot, bins, nothing, nothing)
        keys, numbers = np.empty(filled, dtype=np.int64), np.empty(filled, dtype=np.int64)
        count_bins(order, slot, bins, keys, numbers)
        rows = np.flatnonzero(self._total)
        if without:
            told = ~np.isin(keys // BINS % len(STAGES), without)
            keys, numbers = keys[told], numbers[told]
            rows = rows[~np.isin(rows % len(STAGES), without)]
        offset = self.first_slot * QUANTITIES
        return {
            "bin": keys + offset * BINS,
            "patients": numbers,
            "row": rows + offset,
            "total": self._total.ravel()[rows],
        }


class Observer:
    """Seeding on both clocks, and a Mesa `DataCollector` of the cohort's totals."""

    def __init__(self, model: ObservedModel, every_days: int, collect: bool):
        self.model, self.every_days = model, every_days
        diagnosis_day = model.hosts.diagnosis_day
        phase = diagnosis_day % every_days
        self._lanes_of_phase = {int(day): np.flatnonzero(phase == day) for day in np.unique(phase)}
        last_day = model.last_day
        rows = int((last_day // every_days + 2).sum())
        before, after = diagnosis_day // every_days, (last_day - diagnosis_day) // every_days
        self.clocks = {
            "first_cell": ClockHistogram(0, int(last_day.max() // every_days), rows),
            "diagnosis": ClockHistogram(-int(before.max()), int(after.max()), rows),
        }
        assert tuple(self.clocks) == CLOCKS
        self.collect = collect
        reporters = {
            "day": lambda _: self.now,
            "patients_alive": lambda m: int(m.alive.sum()),
            "primary_cells": lambda m: float(m.primary.cells[m.alive].mean()) if m.alive.any() else 0.0,
            "shed_cells": lambda m: int(m.shed_total.sum()),
            "settled": lambda m: int(m.cells.settled.sum()),
            "sleeping": lambda m: int(m.cells.sleeping[m.alive].sum()),
            "colonies": lambda m: int(m.cells.colonies[m.alive].sum()),
            "micrometastases": lambda m: int(m.small_metastases[m.alive].sum()),
            "macrometastases": lambda m: int(m.large_metastases[m.alive].sum()),
        }
        agents = {
            "organ": lambda a: getattr(a, "organ", "primary"),
            "cells": lambda a: float((a.burden_cells if hasattr(a, "organ") else a.cells).sum()),
            "sleeping": lambda a: int(a.sleeping.sum()) if hasattr(a, "organ") else None,
            "colonies": lambda a: int(a.colonies.sum()) if hasattr(a, "organ") else None,
        }
        model.datacollector = mesa.DataCollector(model_reporters=reporters, agent_reporters=agents)
        self.record(0)

    def _on_clocks(self, now: int) -> dict[str, np.ndarray]:
        """Lanes (indices) with a day of the output grid, by clock."""
        phase, alive = now % self.every_days, self.model.alive
        mine = self._lanes_of_phase.get(phase, _NOBODY)
        return {"first_cell": self.model.living if phase == 0 else _NOBODY, "diagnosis": mine[alive[mine]]}

    def is_due(self, now: int) -> bool:
        """Whether any lane may have a day of the output grid: asked every day, so without arrays."""
        return now % self.every_days == 0 or now % self.every_days in self._lanes_of_phase

    def due(self, now: int) -> np.ndarray:
        """Lanes with a day of the output grid on either clock, (lanes,) bool."""
        self._looked = now, self._on_clocks(now)
        out = np.zeros(len(self.model.alive), dtype=bool)
        for lanes in self._looked[1].values():
            out[lanes] = True
        return out

    def record(self, now: int, due: np.ndarray | None = None) -> None:
        """Read the state at the start of day `now`; `due` (lanes,) bool is what `due` said of it, if it was asked."""
        self.now = now  # the model's own counter moves on after this
        due = self.due(now) if due is None else due
        on_clocks = self._looked[1]
        if any(lanes.size for lanes in on_clocks.values()):
            told = self.model.cells.doomed is not None
            cycling = self.model.promising_cells(now, due) if told else self.model.young_cells
            for name, lanes in on_clocks.items():
                if lanes.size:
                    start = 0 if name == "first_cell" else self.model.hosts.diagnosis_day[lanes]
                    self.clocks[name].add(self.model, now, lanes, (now - start) // self.every_days, cycling)
        if self.collect and now % self.every_days == 0:
            self.model.datacollector.collect(self.model)

    def sparse(self) -> dict[str, dict[str, np.ndarray]]:
        """After the run: the histogram of each clock (see `ClockHistogram.sparse`), all cells counted in.

        Where the doomed are not computed, stages that need them are left out.
        """
        doomed = self.model.cells.doomed
        if doomed is not None:
            self._add_doomed(doomed)
        for clock in self.clocks.values():
            clock.complete()
        without = () if doomed is not None else NEED_DOOMED
        return {name: clock.sparse(without) for name, clock in self.clocks.items()}

    def _add_doomed(self, doomed: Doomed) -> None:
        """Count the doomed on every noted day of both clocks, some lanes at a time; few have none to count."""
        now = self.model.cells.morning
        looks = {name: clock.looks for name, clock in self.clocks.items()}
        has = doomed.has_arrivals
        rows = {name: np.flatnonzero(has[lane]) for name, (lane, _) in looks.items()}
        # A look of a lane and day as one number, so that both clocks share those that fall together.
        codes = {
            name: lane[rows[name]].astype(np.int64) * 2**17 + day[rows[name]] for name, (lane, day) in looks.items()
        }
        over = (doomed.last_morning <= now).all()
        ends = np.arange(len(has)) * 2**17 + doomed.last_morning
        both = np.unique(np.concatenate([*codes.values(), ends[has]] if over else list(codes.values())))
        lane = both >> 17
        at_end = np.zeros((len(has), len(NICHES), COUNTED), dtype=np.int64)
        lanes = np.unique(lane)
        for start in range(0, len(lanes), LANES_AT_ONCE):
            chosen = lanes[start : start + LANES_AT_ONCE]
            first, last = np.searchsorted(lane, (chosen[0], chosen[-1] + 1))
            some = both[first:last]
            counts = doomed.counts(lane[first:last], some & (2**17 - 1), now)
            for name, clock in self.clocks.items():
                mine = np.flatnonzero((codes[name] >= some[0]) & (codes[name] <= some[-1]))
                clock.add_doomed(rows[name][mine], np.searchsorted(some, codes[name][mine]), counts)
            if over:
                at_end[chosen] = counts[np.searchsorted(some, ends[chosen])]
        if over:
            doomed.remember(now, at_end)
