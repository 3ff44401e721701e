"""Watching the engine compute one patient: what a film is made of, frame by frame.

The recorder reads and never writes. Counts are the engine's own; nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.disease import colonise
from sim.disease.identity import unpack
from sim.disease.shedding import PRIMARY_CODE
from sim.names import MICROMETASTASIS_CELLS, NICHES

if TYPE_CHECKING:
    from sim.model import MetastasisModel

COUNTS = ("arrested", "settled", "asleep", "awake", "micrometastasis", "macrometastasis", "cleared")
"""What is counted by organ in every frame. `arrested`, `settled` and `cleared` are cumulative; the others are
present at that time: cells asleep, colonies below 10^6 cells, below and above the detection threshold."""
FACTORS = ("receptivity", "shedding")
"""Today's factors of all mechanisms together: on the soil by organ, and on the primary's shedding."""
_MOST_COLONIES = 4000
_GROWN_EVERY = 4
_OWN = np.uint64((1 << 48) - 1)


def own_identity(identity: np.ndarray) -> np.ndarray:
    """An identity without its lane: the same cell in every arm."""
    return np.asarray(identity, dtype=np.uint64) & _OWN


def scatter(identity: np.ndarray) -> np.ndarray:
    """A fixed pseudo-random 64-bit number of each cell, the same in every arm (splitmix64's finaliser)."""
    x = own_identity(identity)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def one_in(identity: np.ndarray, scale: int) -> np.ndarray:
    """Which cells a sample of one in `scale` (a power of two) holds; larger scales are nested in smaller ones."""
    return (scatter(identity) & np.uint64(scale - 1)) == 0


class Changes:
    """A step function of the frame: [frame, value, frame, value, ...], noted where it changes."""

    def __init__(self) -> None:
        self.steps: list = []
        self._last: float = 0

    def note(self, frame: int, value: float) -> None:
        """The value from this frame on; zero until the first."""
        if value != self._last:
            self.steps += (frame, value)
            self._last = value


def grown_log10_cells(model: MetastasisModel, day: float) -> np.ndarray:
    """log10 cells of every deterministically growing colony at the start of `day`."""
    grown = model.cells.grown
    parts = unpack(grown.column("identity"))
    cells = colonise.grown_sizes(
        np.full(grown.count, float(day)),
        *(grown.column(name) for name in ("start_day", "start_log_cells", "delay_days")),
        *model.law.of_colonies(parts["lane"], parts["niche"], grown.column("pace")),
    )
    return np.log10(np.maximum(cells, 1.0))


class Recording:
    """One patient in one arm, watched: step the model, call `frame` whenever a frame is due.

    `counts[quantity]` holds one `Changes` an organ, `sizes` rows of (frame, identity, log10 cells).
    """

    def __init__(self, model: MetastasisModel, frame_days: int) -> None:
        self.model, self.frame_days = model, frame_days
        self.counts = {name: [Changes() for _ in NICHES] for name in COUNTS}
        self.receptivity = [Changes() for _ in NICHES]
        self.shedding = Changes()
        self.shed, self.died_in_transit, self.primary_log10_cells = Changes(), Changes(), Changes()
        self.sizes: list[tuple[int, np.ndarray, np.ndarray]] = []
        self._scale = 1
        self.last_frame = 0

    def run(self, report: Callable[[float], None] | None = None) -> None:
        """To the end of the patient's course; `report(share)` is told how far it is."""
        model = self.model
        longest = int(model.last_day.max())
        self.frame(0)
        while model.running:
            model.step()
            if model.day % self.frame_days == 0 or not model.running:
                self.frame(-(-model.day // self.frame_days))
                if report is not None:
                    report(min(model.day / longest, 1.0))

    def frame(self, number: int) -> None:
        """Note the state at the start of today as this frame."""
        model = self.model
        cells: Any = model.cells  # it sets its tallies by their names, which no type tells
        self.last_frame = number
        grown = np.bincount(unpack(cells.grown.column("identity"))["niche"], minlength=len(NICHES))
        small, large = model.small_metastases[0], model.large_metastases[0]
        values = {
            "settled": cells.settled[0],
            "asleep": cells.sleeping[0],
            "awake": cells.colonies[0] + np.maximum(grown - small - large, 0),
            "micrometastasis": small,
            "macrometastasis": large,
            "cleared": cells.died_asleep[0] + cells.extinct[0] + cells.removed[0],
        }
        if not model.failures[0]:  # the engine tells failures by kind on its own output days
            values["arrested"] = cells.settled[0] + model.died_on_arrival[0] + model.inert[0]
            self.died_in_transit.note(number, int(model.died_in_transit[0]))
        for name, by_organ in values.items():
            for changes, value in zip(self.counts[name], by_organ.tolist(), strict=True):
                changes.note(number, int(value))
        for changes, value in zip(self.receptivity, model.rates.receptivity[0].tolist(), strict=True):
            changes.note(number, round(value, 2))
        self.shedding.note(number, round(float(model.rates.shedding[0]), 2))
        self.shed.note(number, int(sum(stream.shed[0] for stream in model.streams if stream.code == PRIMARY_CODE)))
        self.primary_log10_cells.note(number, round(float(np.log10(max(model.primary.cells[0], 1.0))), 2))
        self._note_sizes(number)

    def _note_sizes(self, number: int) -> None:
        identity, cells, _ = self.model.cells.cycling(self.model.day)
        keep = one_in(identity, self._scale)
        while np.count_nonzero(keep) > _MOST_COLONIES:
            self._scale *= 2
            keep = one_in(identity, self._scale)
        if keep.any():
            self.sizes.append((number, identity[keep], np.log10(np.maximum(cells[keep], 1))))
        if number % _GROWN_EVERY == 0 or not self.model.running:
            identity = self.model.cells.grown.column("identity")
            if identity.size:
                log10_cells = grown_log10_cells(self.model, self.model.day)
                keep = (log10_cells >= np.log10(MICROMETASTASIS_CELLS)) | one_in(identity, self._scale)
                self.sizes.append((number, identity[keep].copy(), log10_cells[keep]))
