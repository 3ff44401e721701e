"""Where blocks are computed: `sim.work.resuming.Executor`, for processes of this machine or a cluster's.

A block (`sim.sweeps.block.Block`) is a small description that can be pickled; `block.compute(report)` returns its
tables as packed, compressed bytes, and never raises for a run that fails. A block whose workers kept dying is given
back as lost: its runs are then given one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim.sweeps.block import Block
from sim.sweeps.parts import write_part
from sim.work.resuming import Executor, LocalExecutor
from sim.work.workers import LOST, Finished

__all__ = ["LOST", "Executor", "Finished", "LocalExecutor", "compute"]


def compute(block: Block, parts: Path | None, report: Callable[[float], None] | None = None) -> bytes | None:
    """Compute a block on whatever machine this is: into the shared folder `parts`, else returned."""
    packed = block.compute(report)
    if parts is None:
        return packed
    write_part(parts, block.name, packed)
    return None
