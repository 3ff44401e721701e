"""What a run will cost, from a pilot of its first patients."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.experiment.chunk import Chunk, Task, run_chunk
from sim.manifest import peak_memory

PILOT_PATIENTS = 50
_BASE_BYTES = 250 * 2**20
"""An interpreter with the libraries loaded."""


@dataclass(frozen=True)
class Estimate:
    """Expected cost of a run: a guide, within a factor of about two (patients differ by orders of magnitude)."""

    seconds: float
    memory_bytes: int

    def minutes_text(self) -> str:
        """The time in words."""
        return f"{self.seconds:.0f} s" if self.seconds < 100 else f"{self.seconds / 60:.0f} min"


def _bytes(value) -> int:
    if isinstance(value, dict):
        return sum(_bytes(item) for item in value.values())
    return 0 if value is None else np.asarray(value).nbytes


def estimate(tasks: Sequence[Task], workers: int) -> Estimate:
    """Time and memory of all tasks on so many workers, from a pilot of the first patients of the first."""
    pilot = replace(tasks[0], stop=min(tasks[0].stop, tasks[0].start + PILOT_PATIENTS))
    before = peak_memory() or _BASE_BYTES
    start = time.perf_counter()
    chunk: Chunk = run_chunk(pilot)
    seconds = time.perf_counter() - start
    lanes, size = pilot.stop - pilot.start, tasks[0].stop - tasks[0].start
    working = max((peak_memory() or _BASE_BYTES) - before, 16 * 2**20)
    patients = sum(task.stop - task.start for task in tasks)
    # A chunk's time grows more slowly than its lanes: a day has a fixed cost that they share.
    per_chunk = seconds * (0.5 + 0.5 * size / lanes)
    tables = _bytes(chunk.tables) / lanes * patients + _bytes(chunk.seeding) * 4
    busy = min(workers, len(tasks))
    memory = _BASE_BYTES + tables * 2 + busy * (_BASE_BYTES + working * size / lanes)
    return Estimate(per_chunk * len(tasks) / busy, int(memory))
