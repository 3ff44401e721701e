"""One cohort: cut it into chunks, run them, merge them in patient order, write the results."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sim.errors import InputError, MachineError
from sim.results import reading as results
from sim.results import schema
from sim.results.manifest import build_manifest, peak_memory
from sim.results.storage import write_run
from sim.runs.chunk import build_model
from sim.runs.keys import identity
from sim.runs.pilot import RunCost, estimate
from sim.runs.seeding import merge, seeding_table
from sim.runs.tables import cascade_table
from sim.runs.task import CohortTask
from sim.scenario import Scenario
from sim.work.chunk_store import ChunkStore
from sim.work.packing import Packed
from sim.work.progress import Bar
from sim.work.workers import available_memory_bytes, run_tasks

CHUNK_PATIENTS = 500
LARGE_RUN_PATIENTS = 10_000
"""From here on, time and memory are estimated before anything is computed."""
MOST_COUNTED = 4 * 10**18
_MERGE_AT = 16


def chunk_tasks(
    scenario: Scenario, seed: int, keep_seeds: bool, keep_events: bool, fewest_patients: int = 1, doomed: bool = True
) -> list[CohortTask]:
    """The chunks of a cohort. Their size depends on the cohort only, so that any number of workers can resume it."""
    size = min(CHUNK_PATIENTS, max(fewest_patients, -(-scenario.patients // 4)))
    return [
        CohortTask(scenario, seed, start, min(start + size, scenario.patients), keep_seeds, keep_events, doomed)
        for start in range(0, scenario.patients, size)
    ]


class _Merged:
    """Finished chunks: their counts are added up as they come, their tables stay on disk until they are written."""

    def __init__(self, store: ChunkStore):
        self._store = store
        self._tasks: list[CohortTask] = []
        self._seeding: dict[str, list] = {}
        self._cascade: dict[str, np.ndarray] = {}

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

    def _parts(self, table: str) -> Iterator[Mapping]:
        return (self._store.table(task, table) for task in sorted(self._tasks, key=lambda task: task.start))

    def tables(self, every_days: int) -> dict:
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
    out: Path,
    workers: int = 1,
    progress: bool = False,
    keep_seeds: bool = False,
    keep_events: bool = False,
    command_line: list[str] | None = None,
    max_memory_bytes: int | None = None,
    fewest_patients: int = 1,
    tables: str = schema.TABLES_ALL,
) -> results.Run:
    """Run a cohort and write it to `out`; the tables do not depend on `workers`, or on how many patients a chunk has
    (`fewest_patients` or more: a day costs a chunk of one almost what it costs a chunk of a hundred).

    With `tables` "metastases" cells whose colonies die out are not computed (see `sim.results.schema`): what tells of them is null.

    Finished chunks are kept beside `out` until the run is complete, so that the same command continues
    after whatever stopped it. Raises InputError and MachineError; on KeyboardInterrupt (and when the
    machine fails halfway) the finished chunks are written as an interrupted run before it is raised again.
    """
    out = Path(out)
    results.check_writable(out)
    start, clock = datetime.now(UTC), time.perf_counter()
    doomed = tables == schema.TABLES_ALL
    if not doomed and (keep_seeds or keep_events):
        raise InputError(
            "tables = metastases: found with seeds or events to be kept; they need every cell: use tables = all"
        )
    tasks = chunk_tasks(scenario, seed, keep_seeds, keep_events, fewest_patients, doomed)
    build_model(scenario, seed=seed, patients=np.arange(1), collect=False)  # what does not fit together fails here
    with ChunkStore(out, identity(scenario, seed, keep_seeds, keep_events, doomed)) as store:
        kept = [(task, packed) for task in tasks if (packed := store.find(task)) is not None]
        found = {task.start for task, _ in kept}
        left = [task for task in tasks if task.start not in found]
        if left and (scenario.patients >= LARGE_RUN_PATIENTS or max_memory_bytes is not None):
            _check_memory(estimate(left, workers), workers, max_memory_bytes, progress)
        merged, most_memory = _Merged(store), 0

        def write(status: str, merged: _Merged) -> None:
            manifest = build_manifest(
                scenario=scenario.to_dict(),
                seed=seed,
                patients=scenario.patients,
                patients_finished=merged.patients,
                status=status,
                command_line=command_line or [],
                start=start,
                wall_seconds=time.perf_counter() - clock,
                peak_memory_bytes=max(most_memory, peak_memory() or 0) or None,
                tables=tables,
            )
            write_run(out, merged.tables(scenario.output_every_days), manifest)

        bar = Bar(len(tasks), scenario.name, progress)
        try:
            for task, packed in kept:
                merged.add(task, packed)
            bar.skip(len(kept))
            with closing(run_tasks(left, workers, bar.show)) as running:
                for finished in running:
                    store.save(finished.task, finished.packed)
                    merged.add(finished.task, Packed(finished.packed))
                    most_memory = max(most_memory, finished.peak_memory_bytes or 0)
            write("complete", merged)
        except (KeyboardInterrupt, MachineError, MemoryError) as stopped:
            bar.close()
            with deaf_to_ctrl_c():
                _write_interrupted(store, tasks, write, stopped)
            raise
        finally:
            bar.close()
        store.clear()
    return results.open(out)


@contextmanager
def deaf_to_ctrl_c():
    """A second Ctrl-C must not spoil what the first one asked for; it takes a moment only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _write_interrupted(store: ChunkStore, tasks: list[CohortTask], write, stopped: BaseException) -> None:
    """Write what is in the store: the sums in memory may have been stopped between one clock and the next."""
    merged = _Merged(store)
    for task in tasks:
        if (packed := store.find(task)) is not None:
            merged.add(task, packed)
    if not merged.patients:
        return
    try:
        write("interrupted", merged)
    except MachineError as error:
        reason = str(stopped) or "interrupted"
        raise MachineError(
            f"{reason if str(error) in reason else f'{reason}; {error}'}\n"
            f"{merged.patients} patients were finished and are kept; the same command continues from there"
        ) from error


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
