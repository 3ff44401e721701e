"""A sweep that writes nothing: what it will hold is said first, and refused where it is too much."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from sim.errors import InputError
from sim.machine import available_memory_bytes
from sim.names import ALL_ORGANS
from sim.sweeps import read
from sim.sweeps.block import Block
from sim.sweeps.parts import Part
from sim.sweeps.plan import Plan
from sim.sweeps.record import year_days
from sim.sweeps.run import Recorded, SweepWork
from sim.sweeps.schema import FAILURES, PATIENTS, RUNS, columns
from sim.sweeps.tables import in_memory
from sim.work.resuming import Executor, resume
from sim.work.workers import Finished

COPIES = 2.5
"""While the tables are made they stand in memory as arrow and as pandas, and packed as the workers sent them."""
SHARE_OF_FREE = 0.5
"""Of the memory that the machine has free, as much is allowed unless somebody says otherwise."""
_VALUE_BYTES, _TEXT_BYTES = 8, 16


def memory_bytes(plan: Plan) -> int:
    """About what the tables of a sweep take in memory."""
    row = {
        table: sum(_TEXT_BYTES if column.type == "text" else _VALUE_BYTES for column in columns(table, plan.factors))
        for table in (RUNS, PATIENTS)
    }
    total = 0
    for point in plan.points:
        scenario = plan.variants[point.variant].scenario
        years = len(year_days(scenario.horizon_days, scenario.output_every_days)[0])
        total += plan.replicates * (years * len(ALL_ORGANS) * row[RUNS] + scenario.patients * row[PATIENTS])
    return int(COPIES * total)


def _text(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{max(size, 2**20) / 2**20:.0f} MiB"


def check_memory(plan: Plan, limit_bytes: int | None) -> None:
    """Say what the tables will take.

    Raises InputError where that is more than `limit_bytes`, by default half of what is free.
    """
    needed, free = memory_bytes(plan), available_memory_bytes()
    limit = limit_bytes if limit_bytes is not None else None if free is None else int(SHARE_OF_FREE * free)
    told = f"the tables of {len(plan.runs):,} runs need about {_text(needed)} of memory"
    if limit is not None and needed > limit:
        raise InputError(f"max_memory: {told}, and {_text(limit)} are allowed: give out= a folder, or allow more")
    print(told, file=sys.stderr)


def sweep_in_memory(
    plan: Plan, *, executor: Executor[Block], progress: bool = False, max_memory_bytes: int | None = None
) -> read.Sweep:
    """Compute a plan and return its tables, with the same rows as in a folder; nothing is written.

    Raises InputError where the tables would be too large, MachineError. What was finished when it is stopped is lost.
    """
    check_memory(plan, max_memory_bytes)
    work = _InMemory(plan)
    resume(work, executor, progress=progress)
    return read.Sweep(None, work.manifest("complete"), work.frames)


class _InMemory(SweepWork):
    """All blocks of a plan, and their packed tables."""

    def __init__(self, plan: Plan):
        super().__init__(plan, Recorded(), plan.blocks())
        self.frames: Mapping[str, object] = {}

    def keep(self, finished: Finished[Block]) -> None:
        """Hold the packed tables."""
        assert finished.packed is not None, "only the workers of this machine compute for the memory"
        self.recorded.add(Part(finished.packed))

    def write(self) -> None:
        """Make the data frames, and let the parts go."""
        made = {}
        for table in (RUNS, PATIENTS, FAILURES):
            arrow = in_memory(self._plan, table, self.recorded.finished, self._failures())
            if arrow is not None:
                made[table] = arrow.to_pandas()
        self.frames = made
