"""One cohort: cut it into chunks, run them, merge them in patient order, write the results."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sim import results
from sim.errors import MachineError
from sim.experiment.chunk import Chunk, Task, build_model, run_chunk
from sim.experiment.estimate import Estimate, estimate
from sim.experiment.seeding import merge, seeding_table
from sim.experiment.store import ChunkStore, identity
from sim.experiment.tables import cascade_table
from sim.experiment.workers import available_memory_bytes, run_tasks
from sim.manifest import build_manifest
from sim.scenario import Scenario
from sim.storage import write_run

CHUNK_PATIENTS = 250
LARGE_RUN_PATIENTS = 2000
"""From here on, time and memory are estimated first and finished chunks are kept on disk."""
_MERGE_AT = 16


def chunk_tasks(scenario: Scenario, seed: int, keep_seeds: bool, keep_events: bool) -> list[Task]:
    """The chunks of a cohort. Their size depends on the cohort only, so that any number of workers can resume it."""
    size = min(CHUNK_PATIENTS, max(1, -(-scenario.patients // 4)))
    return [Task(scenario, seed, start, min(start + size, scenario.patients), keep_seeds, keep_events)
            for start in range(0, scenario.patients, size)]


class _Merged:
    """Chunks added up as they come; tables wait for their turn in patient order."""

    def __init__(self):
        self.tables: dict[int, dict[str, dict]] = {}
        self._seeding: dict[str, list] = {}
        self._cascade: dict[str, np.ndarray] = {}

    def add(self, task: Task, chunk: Chunk) -> None:
        self.tables[task.start] = chunk.tables
        for clock, part in chunk.seeding.items():
            parts = self._seeding.setdefault(clock, [])
            parts.append(part)
            if len(parts) >= _MERGE_AT:
                parts[:] = [merge(parts)]
        for step, counts in chunk.cascade.items():
            self._cascade[step] = self._cascade.get(step, 0) + counts

    def write(self, folder: Path, scenario: Scenario, manifest: dict) -> None:
        in_order = [self.tables[start] for start in sorted(self.tables)]
        tables: dict = {name: [part[name] for part in in_order] for name in in_order[0]}
        seeding = {clock: merge(parts) for clock, parts in self._seeding.items()}
        tables["seeding"] = seeding_table(seeding, scenario.output_every_days)
        tables["cascade"] = cascade_table(self._cascade)
        write_run(folder, tables, manifest)


def run_scenario(scenario: Scenario, *, seed: int, out: Path, workers: int = 1, progress: bool = False,
                 keep_seeds: bool = False, keep_events: bool = False, command_line: list[str] | None = None,
                 max_memory_bytes: int | None = None) -> results.Run:
    """Run a cohort and write it to `out`; the tables do not depend on `workers`.

    A large run keeps its finished chunks beside `out` and continues from them when the same command
    is given again. Raises InputError and MachineError; on KeyboardInterrupt (and when the machine
    fails halfway) the finished chunks are written as an interrupted run before it is raised again.
    """
    out = Path(out)
    results.check_writable(out)
    start, clock = datetime.now(UTC), time.perf_counter()
    tasks = chunk_tasks(scenario, seed, keep_seeds, keep_events)
    build_model(scenario, seed=seed, patients=np.arange(1), collect=False)  # what does not fit together fails here
    large = scenario.patients >= LARGE_RUN_PATIENTS
    if large or max_memory_bytes is not None:
        _check_memory(estimate(tasks, workers), workers, max_memory_bytes, progress)
    store = ChunkStore(out, identity(scenario, seed, keep_seeds, keep_events))
    kept = [task for task in tasks if store.has(task)]
    merged, finished = _Merged(), 0

    def write(status: str) -> None:
        merged.write(out, scenario, build_manifest(
            scenario=scenario.to_dict(), seed=seed, patients=scenario.patients, patients_finished=finished,
            status=status, command_line=command_line or [], start=start, wall_seconds=time.perf_counter() - clock))

    bar = _Bar(len(tasks), scenario.name, progress)
    try:
        for task in kept:
            merged.add(task, store.load(task))
            finished += task.stop - task.start
        bar.skip(len(kept))
        for task, chunk in run_tasks([task for task in tasks if task not in kept], workers, bar.show):
            if large:
                store.save(task, chunk)
            merged.add(task, chunk)
            finished += task.stop - task.start
    except (KeyboardInterrupt, MachineError, MemoryError):
        if finished:
            write("interrupted")
        raise
    finally:
        bar.close()
    write("complete")
    store.clear()
    return results.open(out)


def _check_memory(expected: Estimate, workers: int, limit: int | None, progress: bool) -> None:
    if progress:
        print(f"about {expected.minutes_text()} and {expected.memory_bytes / 2**30:.1f} GiB "
              f"with {workers} worker{'s' if workers > 1 else ''}", file=sys.stderr)
    free = available_memory_bytes()
    allowed = limit if limit is not None else free
    if allowed is not None and expected.memory_bytes > allowed:
        what = "--max-memory allows" if limit is not None else "this machine has free"
        raise MachineError(
            f"the run needs about {expected.memory_bytes / 2**30:.1f} GiB and {what} {allowed / 2**30:.1f} GiB: "
            "use fewer --workers or fewer --patients")


class _Bar:
    """A progress bar in chunks, with the time left; silent when not wanted."""

    def __init__(self, total: int, name: str, wanted: bool):
        from tqdm import tqdm

        self._skipped = 0.0
        self._bar = tqdm(total=total, desc=name, unit="chunk", disable=None if wanted else True, leave=False,
                         bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} so far, {remaining} left",
                         file=sys.stderr)

    def skip(self, done: int) -> None:
        """Chunks that an earlier run left."""
        self._skipped = done
        self._bar.update(done)
        self._bar.unpause()

    def show(self, done: float) -> None:
        """Chunks done since then, running ones in part."""
        self._bar.update(max(0.0, self._skipped + done - self._bar.n))

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()


def warm_up() -> None:
    """Compile every kernel by running two patients, with sleepers filed anew once."""
    from sim import scenario as scenarios

    small = replace(scenarios.load("colorectal"), patients=2).with_(set_=["primary_gompertz_per_day=0.01"])
    run_chunk(Task(small, 1, 0, 2, keep_seeds=True, keep_events=True))
    model = build_model(small, seed=1, patients=np.arange(2), collect=False)
    model.cells.file_sleepers_again(0, model.energy_clock, model.hazard_clock, model.energy_clock, model.hazard_clock)
