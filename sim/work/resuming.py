"""The one loop of all that is computed in pieces: find what is kept, compute the rest, keep each piece as it comes.

A run, the arms of an analysis and a sweep differ in what a piece is, where it is kept and what is made of it: that
they say as a `Work`. What happens on Ctrl-C, or when the machine fails halfway, is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np

from sim.errors import MachineError
from sim.machine import deaf
from sim.work.chunk_store import ChunkStore
from sim.work.progress import Bar
from sim.work.workers import Finished, Part, Task, run_tasks

T = TypeVar("T", bound=Task)
P = TypeVar("P", bound=Part)


class Executor(Protocol[T]):
    """Where tasks are computed. It knows nothing of what they are for.

    `execute` yields every task once as it is done, in any order. `packed` is None where a worker has put the bytes
    into a shared folder itself, and `lost` says why where a task's workers kept dying. `report` is told how many
    tasks are done, running ones in part. Closing the iterator ends the work. MachineError where nothing can go on.
    """

    def execute(self, tasks: Sequence[T], report: Callable[[float], None]) -> Generator[Finished[T], None, None]:
        """Yield every task as it is done, in any order."""
        ...


class LocalExecutor:
    """Processes of this machine, replaced now and then; one worker is this process itself.

    To `go_on` yields a task that kills its workers as lost; otherwise that ends the work with a MachineError.
    """

    def __init__(self, workers: int, *, go_on: bool = True):
        self._workers, self._go_on = workers, go_on

    def execute(self, tasks: Sequence[T], report: Callable[[float], None]) -> Generator[Finished[T], None, None]:
        """Yield every task as it is done."""
        with closing(run_tasks(tasks, self._workers, report, go_on=self._go_on)) as running:
            yield from running


class Work(Generic[T]):
    """All the tasks of something, and those that are `left`: not kept by an earlier call that was stopped.

    `most_memory_bytes` is the most that a process which computed some of it ever held.
    """

    unit = "chunk"
    rate = False

    def __init__(self, name: str, tasks: Sequence[T], left: Sequence[T]):
        self.name, self.tasks, self.left = name, list(tasks), list(left)
        self.most_memory_bytes = 0

    def size(self, tasks: Sequence[T]) -> int:
        """How much tasks are, in the bar's unit."""
        return len(tasks)

    def keep(self, finished: Finished[T]) -> None:
        """Keep what a task gave: from here on it is done, whatever happens. Raises MachineError."""
        raise NotImplementedError

    def again(self, task: T) -> Sequence[T]:
        """What to try once more instead of a task that no worker finished."""
        return ()

    def give_up(self, task: T) -> None:
        """Note that a task was not finished when it was tried once more either."""

    def note(self) -> str | None:
        """Words behind the bar."""
        return None

    def write(self) -> None:
        """Everything is kept: make the results of it. Raises MachineError."""

    def write_what_is_there(self) -> None:
        """Some of it is kept and the rest will not come: make results that say so, or none. Raises MachineError."""

    def kept_text(self) -> str:
        """What is kept, for the message of results that could not be written."""
        return "finished parts are kept"


def resume(work: Work[T], executor: Executor[T], *, progress: bool) -> None:
    """Compute what is left of a work, keep each task as it finishes, and write the results.

    Raises InputError and MachineError. On KeyboardInterrupt, and when the machine fails halfway, the results of what
    was finished are written before it is raised again.
    """
    try:
        bar = Bar(work.size(work.tasks), work.name, progress, unit=work.unit, rate=work.rate)
        try:
            bar.skip(work.size(work.tasks) - work.size(work.left))
            lost = _compute(work, work.left, executor, bar, work.size(work.left))
            # One of several in a task may be what kills its workers: each gets a chance of its own.
            parts = [part for task in lost for part in work.again(task)]
            for task in _compute(work, parts, executor, bar, 0):
                work.give_up(task)
        finally:
            bar.close()
        work.write()
    except (KeyboardInterrupt, MachineError, MemoryError) as stopped:
        with deaf():  # a second Ctrl-C must not spoil what the first one asked for
            _write_what_is_there(work, stopped)
        raise


def _compute(work: Work[T], tasks: Sequence[T], executor: Executor[T], bar: Bar, size: int) -> list[T]:
    """Compute and keep tasks, which are so much on the bar; returns those that no worker finished."""
    lost: list[T] = []
    if not tasks:
        return lost
    with closing(executor.execute(tasks, lambda done: bar.show(done / len(tasks) * size))) as running:
        for finished in running:
            work.most_memory_bytes = max(work.most_memory_bytes, finished.peak_memory_bytes or 0)
            if finished.lost:
                lost.append(finished.task)
                continue
            work.keep(finished)
            if note := work.note():
                bar.note(note)
    return lost


def _write_what_is_there(work: Work[T], stopped: BaseException) -> None:
    try:
        work.write_what_is_there()
    except MachineError as error:
        reason = str(stopped) or "interrupted"
        told = reason if str(error) in reason else f"{reason}; {error}"
        raise MachineError(f"{told}\n{work.kept_text()}; the same command continues from there") from error


class KeptRun(Work[P]):
    """Tasks of an analysis, kept on disk as they finish, and read back one by one in order.

    A context, inside which nobody else writes to `out`. What is finished is kept beside `out` until
    `forget`, so that the same question (`key`) continues after whatever stopped it. The table `patients` of a
    task numbers its rows in `patient`.
    """

    def __init__(self, tasks: Sequence[P], key: str, *, out: Path, workers: int, progress: bool, name: str):
        super().__init__(name, tasks, ())
        self._store = ChunkStore(out, key)
        self._workers, self._progress = workers, progress

    def __enter__(self) -> KeptRun[P]:
        self._store.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._store.__exit__(*error)

    def compute(self) -> None:
        """Compute every task that was not kept. Raises InputError and MachineError."""
        self.left = [task for task in self.tasks if self._store.find(task) is None]
        resume(self, LocalExecutor(self._workers, go_on=False), progress=self._progress)

    def keep(self, finished: Finished[P]) -> None:
        """Put it on disk."""
        assert finished.packed is not None, "only the workers of this machine compute arms"
        self._store.save(finished.task, finished.packed)

    def __iter__(self) -> Iterator[Mapping[str, np.ndarray]]:
        """After `compute`: the table of one task after the other."""
        return (self._store.table(task, "patients") for task in self.tasks)

    def forget(self) -> None:
        """The results are written: what was kept for continuing is not needed any more."""
        self._store.clear()
