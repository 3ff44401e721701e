"""Chunks on one or many processes, with the same results; a killed worker costs only its chunk."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from sim.errors import MachineError
from sim.experiment.chunk import Chunk, Task, run_chunk

MOST_BREAKS = 5
"""How many times the pool may break before we say that the machine cannot do it."""
TASKS_PER_WORKER = 20
_POLL_SECONDS = 0.2
_SHARES = 1000
_progress = None


def _start_worker(counter) -> None:
    global _progress
    _progress = counter
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means


def _work(task: Task) -> Chunk:
    done = 0

    def report(share: float) -> None:
        nonlocal done
        now = int(share * _SHARES)
        with _progress.get_lock():
            _progress.value += now - done
        done = now

    try:
        return run_chunk(task, report)
    finally:
        with _progress.get_lock():
            _progress.value -= done


def _context():
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["sim.experiment.chunk"])
        with _ctrl_c_later():
            _start_fork_server()
            # Wait until it has imported: a worker that it starts after we are gone would complain.
            first = context.Process(target=_nothing)
            first.start()
            first.join()
    return context


def _nothing() -> None:
    pass


def _start_fork_server() -> None:
    """Start the server with Ctrl-C blocked, which it and its workers inherit: the parent alone decides."""
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # it unblocks the signal when it starts, so it comes first
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done: a worker is either known to us or not started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def run_tasks(tasks: Sequence[Task], workers: int,
              report: Callable[[float], None]) -> Iterator[tuple[Task, Chunk]]:
    """Yield every task with its chunk as it finishes, in any order.

    `report` is told how many tasks are done, running ones counted in part. Raises what a task raised;
    MachineError when workers keep dying (killed, or out of memory).
    """
    if workers == 1 or len(tasks) == 1:
        for number, task in enumerate(tasks):
            yield task, run_chunk(task, lambda share, number=number: report(number + share))
            report(number + 1)
        return
    context = _context()
    counter = context.Value("q", 0)
    left, finished, breaks = list(tasks), 0, 0
    while left:
        counter.value = 0
        executor = ProcessPoolExecutor(
            min(workers, len(left)), mp_context=context, initializer=_start_worker, initargs=(counter,),
            max_tasks_per_child=TASKS_PER_WORKER)
        try:
            with _ctrl_c_later():
                waiting = {executor.submit(_work, task): task for task in left}
            while waiting:
                done, _ = wait(waiting, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    task = waiting.pop(future)
                    chunk = future.result()
                    left.remove(task)
                    finished += 1
                    yield task, chunk
                report(finished + counter.value / _SHARES)
        except BrokenProcessPool as error:
            breaks += 1
            if breaks > MOST_BREAKS:
                raise MachineError(
                    f"worker processes were killed {breaks} times (out of memory?); what was finished is kept: "
                    "run the same command again with fewer --workers") from error
        finally:
            _stop(executor)


def _stop(executor: ProcessPoolExecutor) -> None:
    """End the pool now, also in the middle of a chunk."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join(timeout=5)


def available_memory_bytes() -> int | None:
    """Memory that the machine has free, or None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None
