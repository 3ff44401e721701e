"""One cohort: cut it into chunks, run them, merge them in patient order, write the results."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from sim.errors import InputError, MachineError
from sim.machine import available_memory_bytes, peak_memory
from sim.results import reading as results
from sim.results import schema
from sim.results.manifest import build_manifest
from sim.results.storage import write_run
from sim.runs.cascade import cascade_table
from sim.runs.keys import identity
from sim.runs.pilot import RunCost, estimate
from sim.runs.seeding import merge, seeding_table
from sim.runs.task import CohortTask
from sim.scenario import Scenario
from sim.work.chunk_store import ChunkStore, MemoryStore, Store
from sim.work.packing import Packed
from sim.work.resuming import LocalExecutor, Work, resume
from sim.work.workers import Finished

CHUNK_PATIENTS = 500
LARGE_RUN_PATIENTS = 10_000
"""From here on, time and memory are estimated before anything is computed."""
MOST_COUNTED = 4 * 10**18
_MERGE_AT = 16


def chunk_tasks(
    scenario: Scenario, seed: int, keep_seeds: bool, keep_events: bool, fewest_patients: int = 1, doomed: bool = True
) -> list[CohortTask]:
    """The chunks of a cohort. Their size depends on the cohort only, so that any number of workers can resume it."""
    size = min(CHUNK_PATIENTS, max(fewest_patients, -(-scenario.patients // 2)))
    return [
        CohortTask(scenario, seed, start, min(start + size, scenario.patients), keep_seeds, keep_events, doomed)
        for start in range(0, scenario.patients, size)
    ]


class _Merged:
    """Finished chunks: their counts are added up as they come, their tables stay in the store until the end."""

    def __init__(self, store: Store):
        self._store = store
        self._tasks: list[CohortTask] = []
        self._seeding: dict[str, list[dict[str, np.ndarray]]] = {}
        self._cascade: dict[str, Any] = {}

    def __contains__(self, task: CohortTask) -> bool:
        return any(known.start == task.start for known in self._tasks)

    @property
    def patients(self) -> int:
        """Patients of the finished chunks."""
        return sum(task.stop - task.start for task in self._tasks)

    def add(self, task: CohortTask, packed: Packed) -> None:
        """Count a chunk that is in the store."""
        for clock, part in packed.seeding().items():
            parts = self._seeding.setdefault(clock, [])
            parts.append(part)
            if len(parts) >= _MERGE_AT:
                parts[:] = [merge(parts)]
        for step, counts in packed.cascade().items():
            self._cascade[step] = self._cascade.get(step, 0) + counts
        if self._cascade["shed"].sum() > MOST_COUNTED:
            raise InputError(
                f"the cohort shed more than {MOST_COUNTED:.0e} cells, more than a table can count: "
                "use fewer patients, or lower shedding_per_day"
            )
        self._tasks.append(task)

    def _parts(self, table: str) -> Iterator[Mapping[str, Any]]:
        return (self._store.table(task, table) for task in sorted(self._tasks, key=lambda task: task.start))

    def tables(self, every_days: int) -> dict[str, Any]:
        """All tables, the large ones chunk by chunk, so that none of them is ever in memory as a whole."""
        names = ["patients", "metastases", "founders", "ancestors"]
        names += ["clones"] if self._tasks[0].has_clones else []
        names += ["seeds"] if self._tasks[0].keep_seeds else []
        names += ["events"] if self._tasks[0].keep_events else []
        seeding = {clock: merge(parts) for clock, parts in self._seeding.items()}
        return {
            **{name: self._parts(name) for name in names},
            "seeding": seeding_table(seeding, every_days),
            "cascade": cascade_table(self._cascade),
        }


def run_scenario(
    scenario: Scenario,
    *,
    seed: int,
    out: Path | None,
    workers: int = 1,
    progress: bool = False,
    keep_seeds: bool = False,
    keep_events: bool = False,
    command_line: Sequence[str] = (),
    max_memory_bytes: int | None = None,
    fewest_patients: int = 1,
    tables: str = schema.TABLES_ALL,
) -> results.Run:
    """Run a cohort and write it to `out`.

    The tables do not depend on `workers`, or on how many patients a chunk has (`fewest_patients` or more: a day costs
    a chunk of one almost what it costs a chunk of a hundred).

    With `tables` "metastases" cells whose colonies die out are not computed (see `sim.results.schema`): what tells of
    them is null.

    Finished chunks are kept beside `out` until the run is complete, so that the same command continues
    after whatever stopped it. Without `out` nothing is written anywhere: the run is in memory, and what was finished
    when it is stopped is lost. Raises InputError and MachineError; on KeyboardInterrupt (and when the
    machine fails halfway) the finished chunks are written as an interrupted run before it is raised again.
    """
    out = None if out is None else Path(out)
    if out is not None:
        results.check_writable(out)
    doomed = tables == schema.TABLES_ALL
    if not doomed and (keep_seeds or keep_events):
        raise InputError(
            "tables = metastases: found with seeds or events to be kept; they need every cell: use tables = all"
        )
    tasks = chunk_tasks(scenario, seed, keep_seeds, keep_events, fewest_patients, doomed)
    store: Store
    store = MemoryStore() if out is None else ChunkStore(out, identity(scenario, seed, keep_seeds, keep_events, doomed))
    with store:
        cohort = _Cohort(scenario, seed, tasks, store, out, command_line, tables)
        if cohort.left and (scenario.patients >= LARGE_RUN_PATIENTS or max_memory_bytes is not None):
            _check_memory(estimate(cohort.left, workers), workers, max_memory_bytes, progress)
        resume(cohort, LocalExecutor(workers, go_on=False), progress=progress)
        store.clear()
    return cohort.finished()


class _Cohort(Work[CohortTask]):
    """The chunks of a cohort, and the run that is made of them: in a folder, or in memory."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        tasks: Sequence[CohortTask],
        store: Store,
        out: Path | None,
        command_line: Sequence[str],
        tables: str = schema.TABLES_ALL,
    ):
        self._tables = tables
        self._scenario, self._seed, self._store, self._out = scenario, seed, store, out
        self._command_line = list(command_line)
        self._start, self._clock = datetime.now(UTC), time.perf_counter()
        self._in_memory: results.Run | None = None
        self._merged = self._read(tasks)
        super().__init__(scenario.name, tasks, [task for task in tasks if task not in self._merged])

    def _read(self, tasks: Sequence[CohortTask]) -> _Merged:
        """What is in the store."""
        merged = _Merged(self._store)
        for task in tasks:
            if (packed := self._store.find(task)) is not None:
                merged.add(task, packed)
        return merged

    def keep(self, finished: Finished[CohortTask]) -> None:
        """Put it into the store and count it."""
        packed = finished.packed
        assert packed is not None, "only the workers of this machine compute cohorts"
        self._store.save(finished.task, packed)
        self._merged.add(finished.task, Packed(packed))

    def write(self) -> None:
        """Make the run."""
        self._write("complete")

    def write_what_is_there(self) -> None:
        """Write what is in the store: the sums in memory may have been stopped between one clock and the next."""
        if self._out is None:
            return
        self._merged = self._read(self.tasks)
        if self._merged.patients:
            self._write("interrupted")

    def kept_text(self) -> str:
        """How many patients are kept."""
        return f"{self._merged.patients} patients were finished and are kept"

    def _write(self, status: str) -> None:
        manifest = build_manifest(
            scenario=self._scenario.to_dict(),
            seed=self._seed,
            patients=self._scenario.patients,
            patients_finished=self._merged.patients,
            status=status,
            command_line=self._command_line,
            start=self._start,
            wall_seconds=time.perf_counter() - self._clock,
            peak_memory_bytes=max(self.most_memory_bytes, peak_memory() or 0) or None,
            tables=self._tables,
        )
        tables = self._merged.tables(self._scenario.output_every_days)
        if self._out is None:
            self._in_memory = results.in_memory(tables, manifest)
        else:
            write_run(self._out, tables, manifest)

    def finished(self) -> results.Run:
        """The run that was made."""
        return self._in_memory or results.open(cast(Path, self._out))


def _check_memory(expected: RunCost, workers: int, limit: int | None, progress: bool) -> None:
    if progress:
        print(
            f"about {expected.minutes_text()} and {expected.memory_bytes / 2**30:.1f} GiB "
            f"with {workers} worker{'s' if workers > 1 else ''}",
            file=sys.stderr,
        )
    needed = f"the run needs about {expected.memory_bytes / 2**30:.1f} GiB"
    if limit is not None and expected.memory_bytes > limit:
        raise InputError(
            f"--max-memory: {needed}, and {limit / 2**30:.1f} GiB are allowed: {_less(workers)}, or allow more"
        )
    free = available_memory_bytes()
    if limit is None and free is not None and expected.memory_bytes > free:
        raise MachineError(f"{needed}, and this machine has {free / 2**30:.1f} GiB free: {_less(workers)}")


def _less(workers: int) -> str:
    return f"use fewer --workers (now {workers})" if workers > 1 else "use another machine"
