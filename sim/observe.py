"""Recorders: they read the model on the output grid and never write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import mesa
import numpy as np

from sim.names import CLOCKS, QUANTITIES
from sim.numerics.histograms import BINS, bin_of, count_bins
from sim.numerics.jit import kernel

if TYPE_CHECKING:
    from sim.disease.cells import TumourCells
    from sim.disease.hosts import Hosts

SELDOM_DAYS = 3650
"""Output grid: nobody reads the seeding curves of arms, and metastases do not depend on it."""
_NOBODY = np.empty(0, dtype=np.int64)


@kernel
def note_stages(
    start: int,
    slot: np.ndarray,
    lanes: np.ndarray,
    settled: np.ndarray,
    died_on_arrival: np.ndarray,
    inert: np.ndarray,
    sleeping: np.ndarray,
    cycling: np.ndarray,
    small: np.ndarray,
    large: np.ndarray,
    bins: np.ndarray,
    total: np.ndarray,
) -> None:
    """Note every stage in every organ, and in all, of some `lanes` from row `start` of `bins` on.

    The arrays are (lanes, niches). Rows of `bins` are organ x stage; the same counts are added to the row
    `slot` of `total`.
    """
    niches, stages = settled.shape[1], 6
    here, everywhere = np.empty(stages, np.int64), np.empty(stages, np.int64)
    for i in range(lanes.size):
        lane, into = lanes[i], slot[i]
        everywhere[:] = 0
        for organ in range(niches + 1):
            if organ < niches:
                here[0] = settled[lane, organ] + died_on_arrival[lane, organ] + inert[lane, organ]
                here[1] = settled[lane, organ]
                here[2] = sleeping[lane, organ]
                here[3] = np.rint(cycling[lane, organ])
                here[4] = small[lane, organ]
                here[5] = large[lane, organ]
            for stage in range(stages):
                value = here[stage] if organ < niches else everywhere[stage]
                everywhere[stage] += value
                bins[start + i, organ * stages + stage] = bin_of(value)
                total[into, organ * stages + stage] += value


class ObservedModel(Protocol):
    """What the recorders read of the model, and where they leave Mesa's collector."""

    hosts: Hosts
    cells: TumourCells
    alive: np.ndarray
    last_day: np.ndarray
    cycling_cells: np.ndarray
    small_metastases: np.ndarray
    large_metastases: np.ndarray
    datacollector: Any

    @property
    def died_on_arrival(self) -> np.ndarray:
        """Events that were arrested and died there, (lanes, niches)."""

    @property
    def inert(self) -> np.ndarray:
        """Events that survived arrest and can found no colony, (lanes, niches)."""


class ClockHistogram:
    """Counts by grid day, organ and stage on one clock, for the patients at risk on that day.

    Rows of bins are noted as they come (168 bytes a lane and grid day) and counted once at the end.
    """

    def __init__(self, first_slot: int, last_slot: int, rows: int):
        self.first_slot = first_slot  # grid index of slot 0; negative before diagnosis
        self._rows = 0
        self._slot = np.empty(rows, dtype=np.int64)
        self._bins = np.empty((rows, QUANTITIES), dtype=np.uint16)
        self._total = np.zeros((last_slot - first_slot + 1, QUANTITIES), dtype=np.int64)

    def add(self, model: ObservedModel, lanes: np.ndarray, grid: np.ndarray | int) -> None:
        """Note what `lanes` (indices) hold now, at their grid index (one for all, or one each)."""
        end = self._rows + len(lanes)
        slot = self._slot[self._rows : end]
        slot[:] = grid - self.first_slot
        cells = model.cells
        note_stages(
            self._rows,
            slot,
            lanes,
            cells.settled,
            model.died_on_arrival,
            model.inert,
            cells.sleeping,
            model.cycling_cells,
            model.small_metastases,
            model.large_metastases,
            self._bins,
            self._total,
        )
        self._rows = end

    def sparse(self) -> dict[str, np.ndarray]:
        """What was counted, as flat grid index x quantity x bin and number, ready to be merged."""
        slot, bins = self._slot[: self._rows], self._bins[: self._rows]
        order = np.argsort(slot, kind="stable")
        nothing = np.empty(0, dtype=np.int64)
        filled = count_bins(order, slot, bins, nothing, nothing)
        keys, numbers = np.empty(filled, dtype=np.int64), np.empty(filled, dtype=np.int64)
        count_bins(order, slot, bins, keys, numbers)
        rows = np.flatnonzero(self._total)
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
        return {"first_cell": np.flatnonzero(alive) if phase == 0 else _NOBODY, "diagnosis": mine[alive[mine]]}

    def is_due(self, now: int) -> bool:
        """Whether any lane may have a day of the output grid: asked every day, so without arrays."""
        return now % self.every_days == 0 or now % self.every_days in self._lanes_of_phase

    def due(self, now: int) -> np.ndarray:
        """Lanes with a day of the output grid on either clock, (lanes,) bool."""
        out = np.zeros(len(self.model.alive), dtype=bool)
        for lanes in self._on_clocks(now).values():
            out[lanes] = True
        return out

    def record(self, now: int) -> None:
        """Read the state at the start of day `now`."""
        self.now = now  # the model's own counter moves on after this
        for name, lanes in self._on_clocks(now).items():
            if lanes.size:
                start = 0 if name == "first_cell" else self.model.hosts.diagnosis_day[lanes]
                self.clocks[name].add(self.model, lanes, (now - start) // self.every_days)
        if self.collect and now % self.every_days == 0:
            self.model.datacollector.collect(self.model)
