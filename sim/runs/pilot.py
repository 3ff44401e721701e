"""What a run will cost, from a pilot of its first patients."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.runs.task import CohortTask

if TYPE_CHECKING:
    from sim.model import MetastasisModel

PILOT_PATIENTS = 50
_BASE_BYTES = 200 * 2**20
"""An interpreter with the libraries loaded."""
_GROWING = 1.5
"""Arrays that grow are copied into larger ones: old and new stand side by side."""
_CLOCKWORK_PATIENTS = 2


@dataclass(frozen=True)
class RunCost:
    """Expected cost of a run: a guide, within a factor of about two (patients differ by orders of magnitude)."""

    seconds: float
    memory_bytes: int

    def minutes_text(self) -> str:
        """The time in words."""
        return f"{self.seconds:.0f} s" if self.seconds < 100 else f"{self.seconds / 60:.0f} min"


def array_bytes(value: Any, seen: set[int] | None = None) -> int:
    """Bytes of all arrays that can be reached from `value` through containers and this program's own objects."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return value.nbytes if value.base is None else array_bytes(value.base, seen)
    parts: Iterable[Any]
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple):
        parts = value
    elif type(value).__module__.startswith("sim.") and hasattr(value, "__dict__"):
        parts = vars(value).values()
    else:
        return 0
    return sum(array_bytes(part, seen) for part in parts)


def _pilot(task: CohortTask, patients: int) -> tuple[MetastasisModel, float]:
    from sim.runs.chunk import build_model

    start = time.perf_counter()
    model = build_model(
        task.scenario,
        seed=task.seed,
        patients=np.arange(task.start, task.start + patients),
        keep_seeds=task.keep_seeds or task.keep_events,
        collect=False,
        doomed=task.doomed,
    )
    model.run()
    if task.doomed:
        _ = model.cells.sleeping  # counts the doomed cells, as the tables do at the end of a run
    return model, time.perf_counter() - start


def estimate(tasks: Sequence[CohortTask], workers: int) -> RunCost:
    """Time and memory of all tasks on so many workers, from a pilot of the first patients of the first."""
    from sim.runs.chunk import build_model  # only who computes loads the model

    task = max(tasks, key=lambda task: task.stop - task.start)
    size = task.stop - task.start
    # A day costs something however few patients live through it, and each patient's cells cost something.
    few, seconds = _pilot(task, min(size, _CLOCKWORK_PATIENTS))
    seconds_per_day = seconds / few.day
    few.__dict__.clear()
    lanes = min(size, PILOT_PATIENTS)
    model, seconds = _pilot(task, lanes)
    seconds_per_patient = max(0.0, seconds - seconds_per_day * model.day) / lanes
    clocks = array_bytes(model.observer.clocks)
    cells = array_bytes(vars(model)) - clocks
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents

    everything = build_model(task.scenario, seed=task.seed, patients=np.arange(task.start, task.stop), collect=False)
    days = int(everything.last_day.max())
    everything.__dict__.clear()
    patients = sum(task.stop - task.start for task in tasks)
    busy = min(workers, len(tasks))
    total_seconds = (seconds_per_day * days * len(tasks) + seconds_per_patient * patients) / busy
    working = _GROWING * (clocks + cells / lanes * size)
    processes = 1 if busy == 1 else 1 + busy
    return RunCost(total_seconds, int(processes * _BASE_BYTES + busy * working))
