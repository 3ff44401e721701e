"""Tasks of an analysis: run on one or many processes, kept as they finish, read back in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from sim.work.chunk_store import ChunkStore
from sim.work.progress import Bar
from sim.work.workers import run_tasks


class KeptRun:
    """Tasks that are computed, kept on disk as they finish, and read back one by one in order.

    A context, inside which nobody else writes to `out`. What is finished is kept beside `out` until
    `forget`, so that the same question (`key`) continues after whatever stopped it. A task has `name`,
    `title`, `start`, `stop` and `compute`, whose table `patients` numbers its rows in `patient`.
    """

    def __init__(self, tasks: Sequence, key: str, *, out: Path, workers: int, progress: bool, name: str):
        self.tasks = list(tasks)
        self._store = ChunkStore(out, key)
        self._name, self._workers, self._progress = name, workers, progress

    def __enter__(self) -> KeptRun:
        self._store.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._store.__exit__(*error)

    def compute(self) -> None:
        """Compute every task that was not kept. Raises InputError and MachineError."""
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
        """After `compute`: the table of one task after the other."""
        return (self._store.table(task, "patients") for task in self.tasks)

    def forget(self) -> None:
        """The results are written: what was kept for continuing is not needed any more."""
        self._store.clear()
