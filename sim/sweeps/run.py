"""One sweep: find what is finished, compute what is left, record every run once, and bring the tables up to date."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.errors import InputError
from sim.finding import key_of
from sim.machine import peak_memory
from sim.results.manifest import commit, versions
from sim.sweeps.block import Block
from sim.sweeps.folder import SweepFolder
from sim.sweeps.parts import ENDING, Part, read_parts, write_part
from sim.sweeps.plan import SWEEP_SCHEMA, Plan
from sim.sweeps.tables import Tables
from sim.work import resuming
from sim.work.resuming import Executor, Work
from sim.work.workers import Finished

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
    executor: Executor[Block],
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
        sweep = _Sweep(plan, folder, command_line, shard, retry_failed)
        if not resume and sweep.recorded.finished:
            raise InputError(
                f"{folder.path}: holds {len(sweep.recorded.finished)} finished runs of a sweep; "
                "allowed with --no-resume: a new or empty folder"
            )
        if folder.is_ours_alone:
            sweep.write_manifest("running")
        resuming.resume(sweep, executor, progress=progress)
        return sweep.outcome()


class SweepWork(Work[Block]):
    """Blocks of a plan, and what is recorded of their runs."""

    unit, rate = " runs", True

    def __init__(self, plan: Plan, recorded: Recorded, blocks: Sequence[Block], command_line: Sequence[str] = ()):
        self._plan, self.recorded = plan, recorded
        self._command_line = [str(word) for word in command_line]
        self._start, self._clock = datetime.now(UTC), time.perf_counter()
        self._planned = {run.name for run in plan.runs}
        known = recorded.finished.keys() | recorded.failures.keys()
        left = [block.only({run.name for run in block.runs} - known) for block in blocks]
        super().__init__(plan.name, blocks, [block for block in left if block.runs])

    def size(self, tasks: Sequence[Block]) -> int:
        """Their runs."""
        return sum(len(block.runs) for block in tasks)

    def again(self, task: Block) -> Sequence[Block]:
        """Its runs, one by one."""
        return task.alone()

    def give_up(self, task: Block) -> None:
        """The machine's failure, not the run's: told now, but not recorded, so that the next call tries again."""
        self.recorded.failures |= {run.name: NO_WORKER for run in task.runs}

    def note(self) -> str | None:
        """How many runs failed."""
        failed = len(self._failures())
        return f"{failed} failed" if failed else None

    def _failures(self) -> dict[str, str]:
        return {name: error for name, error in self.recorded.failures.items() if name in self._planned}

    def _finished(self) -> int:
        return len(self.recorded.finished.keys() & self._planned)

    @functools.cached_property
    def _commit(self) -> str:
        return commit()

    def manifest(self, status: str) -> dict[str, Any]:
        """What the sweep is, and how far."""
        plan = self._plan
        return {
            "schema_version": SWEEP_SCHEMA,
            "status": status,
            "command_line": self._command_line,
            "plan": {
                "name": plan.name,
                "file": key_of(plan.path),
                "title": plan.title,
                "design": plan.design,
                "text": plan.text,
            },
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
            "commit": self._commit,
            "start": self._start.isoformat(timespec="seconds"),
            "wall_seconds": round(time.perf_counter() - self._clock, 3),
            "peak_memory_bytes": max(self.most_memory_bytes, peak_memory() or 0) or None,
        }


class _Sweep(SweepWork):
    """The blocks of a plan, or of one share of it, kept in a folder, and the tables that are made of them there."""

    def __init__(
        self,
        plan: Plan,
        folder: SweepFolder,
        command_line: Sequence[str],
        shard: tuple[int, int] | None,
        retry_failed: bool,
    ):
        self._plan, self._folder = plan, folder
        self._digests = folder.digests(lambda: self.write_manifest("running"))
        self._computed = 0
        self._others_write = False
        self.read()
        if retry_failed:
            self.recorded.failures.clear()
        blocks = plan.blocks()
        super().__init__(
            plan, self.recorded, blocks if shard is None else blocks[shard[0] - 1 :: shard[1]], command_line
        )

    def read(self) -> None:
        """Find out what is finished."""
        self.recorded = Recorded()
        for part in read_parts(self._folder.parts, alone=self._folder.is_ours_alone):
            self.recorded.add(part)
        self._tables = Tables(self._plan, self._folder.path, self._folder.staging, self._digests)
        self._tables.count(list(self.recorded.finished))

    def keep(self, finished: Finished[Block]) -> None:
        """From here on the block's runs are finished, whatever happens."""
        if finished.packed is not None:
            write_part(self._folder.parts, finished.task.name, finished.packed)
        part = Part(self._folder.parts / f"{finished.task.name}{ENDING}")
        self.recorded.add(part)
        self._computed += len(part.runs) + len(part.failures)
        complete = self._tables.count(part.runs)
        if complete and self._folder.is_ours_alone:
            self._tables.write(complete, self.recorded.finished, self._failures())

    def write(self) -> None:
        """Bring all tables and the manifest up to date; of a shard, if no other one is writing."""
        if not self._folder.is_ours_alone:
            if not self._folder.take_alone():
                self._others_write = True
                return
            self.read()  # what other shards have finished
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        self._tables.write(None, self.recorded.finished, self._failures())
        left = self._planned - self.recorded.finished.keys() - self.recorded.failures.keys()
        self.write_manifest("interrupted" if left else "complete")

    def write_what_is_there(self) -> None:
        """The tables of what is finished, as far as the machine still lets us."""
        if not self._folder.is_ours_alone:
            return
        self.read()  # what is in memory may have been stopped between one step and the next
        if self.recorded.finished or self.recorded.failures:
            self._bring_up_to_date()

    def kept_text(self) -> str:
        """How many runs are kept."""
        return f"{self._finished()} runs are finished and kept"

    def write_manifest(self, status: str) -> None:
        """Say it in the folder."""
        self._folder.write_manifest({**self.manifest(status), **self._digests.told()})

    def outcome(self) -> Swept:
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
            not self._others_write,
        )
