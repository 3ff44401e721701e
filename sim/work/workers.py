"""Chunks on one or many processes, with the same results; a killed worker costs only its chunk.

An own small supervisor, because the standard pools do not do: `multiprocessing.Pool` hangs when a
worker is killed, and `ProcessPoolExecutor` breaks as a whole, and stops for ever once its workers have
been recycled (`max_tasks_per_child`, Python 3.11). Each worker has a pipe of its own; the end of the
pipe is the end of the worker, and the end of the parent too.
"""

from __future__ import annotations

import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from sim.errors import InputError, MachineError
from sim.machine import leave_ctrl_c_to_the_parent, peak_memory
from sim.work.processes import quiet_start, start_context

MOST_DEATHS = 3
"""How many workers a chunk may cost before we say that the machine cannot do it."""
TASKS_PER_WORKER = 20
"""Then a worker is replaced, as a guard against memory that libraries keep."""
_PERCENT = 0.01
_KNOWN_ERRORS = {kind.__name__: kind for kind in (InputError, MachineError, MemoryError)}


class Task(Protocol):
    """What a worker needs to compute something, small enough to be pickled; `name` is stable, `title` for messages."""

    @property
    def name(self) -> str:
        """Stable: the same for the same task."""
        ...

    @property
    def title(self) -> str:
        """What it computes, for messages."""
        ...

    @property
    def loads(self) -> tuple[str, ...]:
        """Modules that computing needs: the server of workers loads them once."""
        ...

    def compute(self, report: Callable[[float], None] | None = None) -> bytes:
        """The packed result; `report` is told the share that is done."""
        ...


class Part(Task, Protocol):
    """A task whose rows are patients (or other things that have numbers) `start` to `stop`."""

    @property
    def start(self) -> int:
        """The first."""
        ...

    @property
    def stop(self) -> int:
        """One after the last."""
        ...


T = TypeVar("T", bound=Task)
LOST = "the process that computed it kept ending before it was done (killed? out of memory?)"


@dataclass(frozen=True)
class Finished(Generic[T]):
    """A task, its packed chunk, and the most memory that the process which ran it ever held.

    `lost` says why where the workers kept dying over the task and the others went on without it; `packed` is then
    None, and also where a worker has put the bytes into a folder that it shares with us.
    """

    task: T
    packed: bytes | None
    peak_memory_bytes: int | None = None
    lost: str | None = None


# -- in a worker -------------------------------------------------------------------------------------


class _ParentGone(BaseException):
    """Nobody waits for the result."""


def _serve(pipe: Connection) -> None:
    """A worker's life: tasks in, progress and packed chunks out, until None comes or the parent is gone."""
    leave_ctrl_c_to_the_parent()
    try:
        while (task := pipe.recv()) is not None:
            _send(pipe, *_answer(pipe, task))
    except (_ParentGone, EOFError, OSError):
        pass


def _send(pipe: Connection, message: tuple[Any, ...], packed: bytes | None = None) -> None:
    try:
        pipe.send(message)
        if packed is not None:
            pipe.send_bytes(packed)
    except OSError as error:
        raise _ParentGone from error


def _answer(pipe: Connection, task: Task) -> tuple[Any, ...]:
    told = 0.0

    def report(share: float) -> None:
        nonlocal told
        if share >= told + _PERCENT:
            told = share
            _send(pipe, ("share", share))

    try:
        packed = task.compute(report)
        return ("done", peak_memory()), packed
    except Exception as error:
        return (("failed", type(error).__name__, str(error), traceback.format_exc()),)


# -- in the parent -----------------------------------------------------------------------------------


class _Worker(Generic[T]):
    def __init__(self, context: Any) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        try:
            with quiet_start():
                self.process.start()
        except (OSError, EOFError, AssertionError) as error:  # the last: multiprocessing's own workers have no children
            raise MachineError(f"a worker process cannot be started ({error}); use fewer --workers") from error
        theirs.close()  # so that the pipe ends when the worker does
        self.task: T | None = None
        self.share, self.finished = 0.0, 0

    def give(self, task: T) -> None:
        self.task, self.share = task, 0.0
        with suppress(OSError):  # it is dead: its pipe says so when it is read
            self.pipe.send(task)

    def read(self) -> tuple[Any, ...]:
        """The next message, with the packed chunk when it is done; ("dead",) from a dead worker."""
        try:
            message = self.pipe.recv() if self.pipe.poll() else ("dead",)
            return (*message, self.pipe.recv_bytes()) if message[0] == "done" else message
        except (EOFError, OSError):
            return ("dead",)

    def stop(self) -> None:
        """End the process now, also in the middle of a chunk."""
        self.pipe.close()
        self.process.terminate()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _raise(name: str, text: str, where: str) -> NoReturn:
    error = _KNOWN_ERRORS[name](text) if name in _KNOWN_ERRORS else RuntimeError(f"{name}: {text}")
    error.add_note(f"in a worker:\n{where}")
    raise error


def _of(report: Callable[[float], None], done: int) -> Callable[[float], None]:
    """What a task is to tell its own share, for a `report` of all tasks, of which so many are done."""
    return lambda share: report(done + share)


def run_tasks(
    tasks: Sequence[T], workers: int, report: Callable[[float], None], context: Any = None, *, go_on: bool = False
) -> Generator[Finished[T], None, None]:
    """Yield every task with its packed chunk as it finishes, in any order.

    `report` is told how many tasks are done, running ones counted in part. `context` is a multiprocessing context,
    by default one whose server has loaded what the tasks need. Raises what a task raised; MachineError when a
    chunk's workers keep dying, or, to `go_on`, yields that task as lost. Close the iterator to end the workers.
    """
    if workers == 1 or len(tasks) <= 1:
        for number, task in enumerate(tasks):
            packed = task.compute(_of(report, number))
            yield Finished(task, packed, peak_memory())
            report(number + 1)
        return
    context = context or start_context(sorted({module for task in tasks for module in task.loads}))
    left, done = deque(tasks), 0
    deaths: Counter[str] = Counter()
    busy: list[_Worker[T]] = []
    idle: list[_Worker[T]] = []
    try:
        while left or busy:
            while left and len(busy) < workers:
                worker = idle.pop() if idle else _Worker(context)
                busy.append(worker)
                worker.give(left.popleft())
            watched = {end: worker for worker in busy for end in (worker.pipe, worker.process.sentinel)}
            for worker in {watched[end] for end in connection.wait(list(watched))}:
                kind, *rest = worker.read()
                if kind == "share":
                    worker.share = rest[0]
                    continue
                busy.remove(worker)
                assert worker.task is not None, "who is busy has a task"
                task = worker.task
                if kind == "done":
                    done += 1
                    worker.finished += 1
                    if worker.finished < TASKS_PER_WORKER:
                        idle.append(worker)
                    else:
                        worker.stop()
                    yield Finished(task, rest[1], rest[0])
                else:
                    worker.stop()
                if kind == "failed":
                    _raise(*rest)
                if kind == "dead":
                    deaths[task.name] += 1
                    if deaths[task.name] < MOST_DEATHS:
                        left.appendleft(task)
                    elif go_on:
                        done += 1
                        yield Finished(task, None, lost=LOST)
                    else:
                        raise _too_many_deaths(task)
            report(done + sum(worker.share for worker in busy))
    finally:
        for worker in (*busy, *idle):
            worker.stop()


def _too_many_deaths(task: Task) -> MachineError:
    return MachineError(
        f"{task.title}: the process that computed them ended {MOST_DEATHS} times "
        "before it was done (killed? out of memory?); give the same command with fewer --workers"
    )
