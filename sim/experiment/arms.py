"""Arms of one cohort, patient by patient: all of them stacked as lanes of one model, with the same draws.

What is kept is small: how many metastases of each organ each patient had in each arm. A patient's lanes
share every draw, so that arms differ only downstream of what differs between them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sim.errors import InputError
from sim.experiment.chunk import Chunk, build_model
from sim.experiment.packing import pack
from sim.experiment.progress import Bar
from sim.experiment.store import ChunkStore, identity
from sim.experiment.workers import run_tasks
from sim.kernels.identity import unpack
from sim.mechanisms import effective_parameters
from sim.names import NICHES
from sim.scenario import Scenario

LANES = 1000
"""Lanes of one model: enough that a day costs little a lane, few enough for the processor's caches."""
SELDOM_DAYS = 3650
"""Output grid: nobody reads the seeding curves of arms, and metastases do not depend on it."""


@dataclass(frozen=True)
class Arm:
    """What sets an arm apart from its scenario: mechanisms that are switched off, and other parameter values."""

    off: frozenset[str] = frozenset()
    values: tuple[tuple[str, float], ...] = ()

    def resolve(self, scenario: Scenario) -> dict[str, float]:
        """All parameter values of the arm, with the nulls of what is off."""
        values = {name: parameter.value for name, parameter in scenario.parameters.items()} | dict(self.values)
        return effective_parameters(values, {name: on and name not in self.off for name, on in scenario.mechanisms.items()})


@dataclass(frozen=True)
class ArmTask:
    """Patients `start` to `stop` of a cohort, in every arm."""

    scenario: Scenario
    arms: tuple[Arm, ...]
    seed: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Stable name of the chunk."""
        return f"{self.start:08d}-{self.stop:08d}"

    def compute(self, report: Callable[[float], None] | None = None) -> bytes:
        """The packed chunk: its table `patients` holds `patient` and `metastases` (patients, arms, niches)."""
        ids = np.arange(self.start, self.stop)
        counts = metastases_by_arm(self.scenario, self.arms, self.seed, ids, report)
        return pack(Chunk(tables={"patients": {"patient": ids, "metastases": counts}}))


def metastases_by_arm(scenario: Scenario, arms: Sequence[Arm], seed: int, patients: np.ndarray,
                      report: Callable[[float], None] | None = None) -> np.ndarray:
    """Metastases that crossed the detection threshold in life: int32, (patients, arms, niches).

    Raises InputError where the parameter values of an arm do not fit together.
    """
    from sim.experiment import tables

    seldom = replace(scenario, output_every_days=SELDOM_DAYS)
    model = build_model(seldom, seed=seed, patients=patients, arms=[arm.resolve(scenario) for arm in arms], collect=False)
    longest = float(model.last_day.max())
    try:
        model.run(None if report is None else lambda day: report(day / longest))
    except ValueError as error:
        raise InputError(f"{scenario.name}: {error}") from error
    found = tables.Metastases(model)
    visible = found.day_of(model.visible_cells[found.lane]) <= model.last_day[found.lane]
    place = found.lane[visible] * len(NICHES) + unpack(found.identity[visible])["niche"]
    counts = np.bincount(place, minlength=len(arms) * len(patients) * len(NICHES))
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    return counts.reshape(len(arms), len(patients), len(NICHES)).swapaxes(0, 1).astype(np.int32)


def arm_tasks(scenario: Scenario, arms: Sequence[Arm], seed: int) -> list[ArmTask]:
    """The chunks of the scenario's cohort: about LANES lanes each."""
    size = max(1, LANES // len(arms))
    return [ArmTask(scenario, tuple(arms), seed, start, min(start + size, scenario.patients))
            for start in range(0, scenario.patients, size)]


def arms_key(scenario: Scenario, arms: Sequence[Arm], seed: int) -> str:
    """Sixteen hexadecimal digits of everything that the numbers depend on, but the patient's."""
    asked = [identity(scenario, seed, False, False), [[sorted(arm.off), arm.values] for arm in arms]]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


class ArmRun:
    """The chunks of a cohort's arms: computed, kept on disk, and read back one by one in patient order.

    A context, inside which nobody else writes to `out`. Chunks are kept beside `out` until `forget`, so
    that the same question continues after whatever stopped it.
    """

    def __init__(self, scenario: Scenario, arms: Sequence[Arm], *, seed: int, out: Path, workers: int, progress: bool):
        self.tasks = arm_tasks(scenario, arms, seed)
        self._store = ChunkStore(out, arms_key(scenario, arms, seed))
        self._name, self._workers, self._progress = scenario.name, workers, progress

    def __enter__(self) -> ArmRun:
        self._store.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._store.__exit__(*error)

    def compute(self) -> None:
        """Compute every chunk that was not kept. Raises InputError and MachineError."""
        left = [task for task in self.tasks if self._store.find(task) is None]
        bar = Bar(len(self.tasks), self._name, self._progress)
        try:
            bar.skip(len(self.tasks) - len(left))
            with closing(run_tasks(left, self._workers, bar.show)) as running:
                for finished in running:
                    self._store.save(finished.task, finished.packed)
        finally:
            bar.close()

    def __iter__(self) -> Iterator[Mapping[str, np.ndarray]]:
        """After `compute`: `patient` (n,) and `metastases` (n, arms, niches) of one chunk after the other."""
        return (self._store.table(task, "patients") for task in self.tasks)

    def forget(self) -> None:
        """The results are written: what was kept for continuing is not needed any more."""
        self._store.clear()
