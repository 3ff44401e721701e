"""Where blocks are computed. An executor knows nothing of plans: blocks in, packed tables out, in any order.

    executor.execute(blocks, report) -> an iterator of Done

- A block (`sim.sweeps.block.Block`) is a small description that can be pickled; `block.compute(report)`
  returns its tables as packed, compressed bytes, and never raises for a run that fails.
- An executor yields every block once. `packed` is None where a worker has put the bytes into the sweep's
  shared folder itself (`parts`, see `compute`), and `lost` says why where the block's workers kept dying:
  the caller then gives its runs one by one.
- `report` is told how many blocks are done, running ones in part, as far as the executor knows.
- Closing the iterator ends the work. MachineError where nothing can go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sim.sweeps.block import Block
from sim.sweeps.parts import write_part
from sim.work.workers import run_tasks

LOST = "the process that computed it kept ending before it was done (killed? out of memory?)"


@dataclass(frozen=True)
class Done:
    """A block with its packed tables, and the most memory that the process which ran it ever held."""

    block: Block
    packed: bytes | None
    lost: str | None = None
    peak_memory_bytes: int | None = None


class Executor(Protocol):
    """Something that computes blocks."""

    def execute(self, blocks: Sequence[Block], report: Callable[[float], None]) -> Iterator[Done]:
        """Yield every block as it is done, in any order."""


def compute(block: Block, parts: Path | None, report: Callable[[float], None] | None = None) -> bytes | None:
    """Compute a block on whatever machine this is: into the shared folder `parts`, else returned."""
    packed = block.compute(report)
    if parts is None:
        return packed
    write_part(parts, block.name, packed)
    return None


class LocalExecutor:
    """Processes of this machine, replaced now and then; one worker is this process itself."""

    def __init__(self, workers: int):
        self._workers = workers

    def execute(self, blocks: Sequence[Block], report: Callable[[float], None]) -> Iterator[Done]:
        """Yield every block as it is done."""
        with closing(run_tasks(blocks, self._workers, report, go_on=True)) as running:
            for finished in running:
                lost = LOST if finished.packed is None else None
                yield Done(finished.task, finished.packed, lost, finished.peak_memory_bytes)
