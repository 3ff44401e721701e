"""One sweep: find what is finished, compute what is left, record every run once, and bring the tables up to date."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sim.errors import InputError, MachineError
from sim.results.manifest import commit, peak_memory, versions
from sim.runs.run import deaf_to_ctrl_c
from sim.sweeps.block import Block
from sim.sweeps.executors import Executor
from sim.sweeps.folder import SweepFolder
from sim.sweeps.parts import ENDING, Part, read_parts, write_part
from sim.sweeps.plan import SWEEP_SCHEMA, Plan
from sim.sweeps.tables import Tables
from sim.work.progress import Bar

KINDS_OF_MACHINE = ("processor", "python", "numpy", "numba", "mesa", "pyarrow", "scipy", "metastatic-seeding")
"""What must be equal for equal bits."""
NO_WORKER = "no worker could finish it: each one's process ended (killed? out of memory?)"


@dataclass
class Recorded:
    """What the parts in a folder hold: each finished run's part, the errors of those that failed, and the machines."""

    finished: dict[str, Part] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    machines: list[dict[str, str]] = field(default_factory=list)

    def add(self, part: Part) -> None:
        """Take over a part; a run that was finished once does not fail any more."""
        for name in part.runs:
            self.finished.setdefault(name, part)
            self.failures.pop(name, None)
        self.failures |= {name: error for name, error in part.failures.items() if name not in self.finished}
        if part.machine not in self.machines:
            self.machines.append(part.machine)

    def kinds(self) -> list[dict[str, str]]:
        """The machines, as far as numbers depend on them, each kind once."""
        found = [{key: machine.get(key, "unknown") for key in KINDS_OF_MACHINE} for machine in self.machines]
        return [kind for place, kind in enumerate(found) if kind not in found[:place]]


@dataclass(frozen=True)
class Swept:
    """What a sweep came to: numbers of runs of the plan, those that were `computed` now, and the kinds of machine."""

    folder: Path
    planned: int
    finished: int
    failures: dict[str, str]
    computed: int
    aside: int
    machines: list[dict[str, str]]
    tables: bool


def run_sweep(
    plan: Plan,
    *,
    out: Path,
    executor: Executor,
    progress: bool = False,
    command_line: Sequence[str] = (),
    shard: tuple[int, int] | None = None,
    resume: bool = True,
    retry_failed: bool = False,
) -> Swept:
    """Compute what is left of a plan and write its tables; `shard` (i, n) computes the i-th of n shares of it.

    What is finished is never lost: after whatever stopped it, the same call continues, repeats nothing and
    ends with the same tables. Raises InputError and MachineError; on KeyboardInterrupt and MachineError the tables hold
    what was finished before it is raised again.
    """
    with SweepFolder(out, shard) as folder:
        sweep = _Sweep(plan, folder, progress, command_line)
        if not resume and sweep.recorded.finished:
            raise InputError(
                f"{folder.path}: holds {len(sweep.recorded.finished)} finished runs of a sweep; "
                "allowed with --no-resume: a new or empty folder"
            )
        if retry_failed:
            sweep.recorded.failures.clear()
        try:
            sweep.compute(executor, shard)
        except (KeyboardInterrupt, MachineError, MemoryError) as stopped:
            with deaf_to_ctrl_c():
                sweep.write_what_is_there(stopped)
            raise
        alone = folder.is_ours_alone or folder.take_alone()
        if alone:
            if shard is not None:
                sweep.read()  # what other shards have finished
            sweep.write()
        return sweep.outcome(alone)


class _Sweep:
    def __init__(self, plan: Plan, folder: SweepFolder, progress: bool, command_line: Sequence[str]):
        self._plan, self._folder, self._progress = plan, folder, progress
        self._command_line = [str(word) for word in command_line]
        self._start, self._clock = datetime.now(UTC), time.perf_counter()
        self._planned = {run.name for run in plan.runs}
        self._computed = 0
        self._most_memory = 0
        self.read()

    def read(self) -> None:
        """Find out what is finished."""
        self.recorded = Recorded()
        for part in read_parts(self._folder.parts, alone=self._folder.is_ours_alone):
            self.recorded.add(part)
        self._tables = Tables(self._plan, self._folder.path, self._folder.staging)
        self._tables.count(list(self.recorded.finished))

    def compute(self, executor: Executor, shard: tuple[int, int] | None) -> None:
        """Compute everything that is left of the plan, or of the shard."""
        blocks = self._plan.blocks()
        if shard is not None:
            blocks = blocks[shard[0] - 1 :: shard[1]]
        known = self.recorded.finished.keys() | self.recorded.failures.keys()
        left = [block.only({run.name for run in block.runs} - known) for block in blocks]
        left = [block for block in left if block.runs]
        runs, runs_left = sum(len(block.runs) for block in blocks), sum(len(block.runs) for block in left)
        if self._folder.is_ours_alone:
            self._write_manifest("running")
        if not left:
            return
        bar = Bar(runs, self._plan.name, self._progress, unit=" runs", rate=True)
        try:
            bar.skip(runs - runs_left)
            lost = self._take(executor, left, bar, runs_left)
            again = [alone for block in lost for alone in block.alone()]
            for block in self._take(executor, again, bar, 0) if again else ():
                # The machine's failure, not the run's: told now, but not recorded, so that the next call tries again.
                self.recorded.failures |= {run.name: NO_WORKER for run in block.runs}
        finally:
            bar.close()

    def _take(self, executor: Executor, blocks: Sequence[Block], bar: Bar, runs: int) -> list[Block]:
        """Record blocks as they are done; returns those that no worker finished."""
        lost = []
        with closing(executor.execute(blocks, lambda done: bar.show(done / len(blocks) * runs))) as running:
            for done in running:
                self._most_memory = max(self._most_memory, done.peak_memory_bytes or 0)
                if done.lost:
                    lost.append(done.block)
                    continue
                self._record(done.block, done.packed)
                if failed := len(self.recorded.failures.keys() & self._planned):
                    bar.note(f"{failed} failed")
        return lost

    def _record(self, block: Block, packed: bytes | None) -> None:
        """From here on the block's runs are finished, whatever happens."""
        if packed is not None:
            write_part(self._folder.parts, block.name, packed)
        part = Part(self._folder.parts / f"{block.name}{ENDING}")
        self.recorded.add(part)
        self._computed += len(part.runs) + len(part.failures)
        complete = self._tables.count(part.runs)
        if complete and self._folder.is_ours_alone:
            self._tables.write(complete, self.recorded.finished, self._failures())

    def _failures(self) -> dict[str, str]:
        return {name: error for name, error in self.recorded.failures.items() if name in self._planned}

    def write(self) -> None:
        """Bring all tables and the manifest up to date."""
        self._tables.write(None, self.recorded.finished, self._failures())
        left = self._planned - self.recorded.finished.keys() - self.recorded.failures.keys()
        self._write_manifest("interrupted" if left else "complete")

    def write_what_is_there(self, stopped: BaseException) -> None:
        """After a failure: the tables of what is finished, as far as the machine still lets us."""
        if not self._folder.is_ours_alone:
            return
        try:
            self.read()  # what is in memory may have been stopped between one step and the next
            if not self.recorded.finished and not self.recorded.failures:
                return
            self.write()
        except MachineError as error:
            reason = str(stopped) or "interrupted"
            told = reason if str(error) in reason else f"{reason}; {error}"
            raise MachineError(
                f"{told}\n{self._finished()} runs are finished and kept; the same command continues from there"
            ) from error

    def _finished(self) -> int:
        return len(self.recorded.finished.keys() & self._planned)

    def _write_manifest(self, status: str) -> None:
        plan = self._plan
        self._folder.write_manifest(
            {
                "schema_version": SWEEP_SCHEMA,
                "status": status,
                "command_line": self._command_line,
                "plan": {"name": plan.name, "title": plan.title, "design": plan.design, "text": plan.text},
                "factors": [
                    {"name": factor.name, "type": factor.type, "meaning": factor.meaning} for factor in plan.factors
                ],
                "scenarios": [
                    {"cohort": variant.cohort, "treatment": variant.treatment, **variant.scenario.to_dict()}
                    for variant in plan.variants
                ],
                "seed": plan.seed,
                "replicates": plan.replicates,
                "paired": plan.paired,
                "points": len(plan.points),
                "runs": len(plan.runs),
                "runs_finished": self._finished(),
                "runs_failed": len(self._failures()),
                "machines": self.recorded.machines or [versions()],
                "commit": commit(),
                "start": self._start.isoformat(timespec="seconds"),
                "wall_seconds": round(time.perf_counter() - self._clock, 3),
                "peak_memory_bytes": max(self._most_memory, peak_memory() or 0) or None,
            }
        )

    def outcome(self, tables: bool) -> Swept:
        """What it came to."""
        aside = len(self.recorded.finished.keys() - self._planned)
        return Swept(
            self._folder.path,
            len(self._planned),
            self._finished(),
            self._failures(),
            self._computed,
            aside,
            self.recorded.kinds(),
            tables,
        )
