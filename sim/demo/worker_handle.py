"""The server's end of a worker: start it, ask it, hear it, end it, without ever holding up the page."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.demo.worker import Job, serve
from sim.work.processes import quiet_start, start_context

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess, SpawnProcess

PRELOAD = ("sim.demo.warm",)
DIED = (0, "died", None)
"""The message that stands for the end of a worker that nobody ended."""
_PATIENCE_SECONDS = 2.0


def warm_up() -> None:
    """Start the server of processes, which loads libraries and kernels in the background. Returns at once."""
    start_context(PRELOAD)


class Worker:
    """One worker process. `hear(message)` is called in the event loop for each of its messages, and for its death."""

    def __init__(self, hear: Callable[[tuple], None]):
        self._hear, self._loop = hear, asyncio.get_running_loop()
        self._pipe: Connection  # both from the start of the process on
        self._process: ForkServerProcess | SpawnProcess
        self._ended = self._started = False
        self._lock = threading.Lock()

    async def start(self) -> None:
        """Start the process. Raises OSError or EOFError where the machine cannot."""
        await asyncio.to_thread(self._start)
        threading.Thread(target=self._listen, daemon=True).start()

    def _start(self) -> None:
        context = start_context(PRELOAD)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        with quiet_start():
            self._process.start()
        theirs.close()  # so that the pipe ends when the worker does
        with self._lock:
            self._started = True
            ended = self._ended
        if ended:  # the tab was closed meanwhile
            self._stop()

    def _listen(self) -> None:
        """Pass messages on until the pipe ends; nobody else closes it."""
        with self._pipe:
            while True:
                try:
                    message = self._pipe.recv()
                except (EOFError, OSError):
                    message = DIED
                if self._ended:
                    return
                try:
                    self._loop.call_soon_threadsafe(self._hear, message)
                except RuntimeError:  # the loop is closed: the program ends
                    return
                if message is DIED:
                    return

    @property
    def pid(self) -> int | None:
        """The process's number; None before it has started."""
        return self._process.pid if self._started else None

    def ask(self, job: Job) -> None:
        """Give it a job; what it did before is left. A dead worker says so through `hear`."""
        with contextlib.suppress(OSError):
            self._pipe.send(job)

    def end(self) -> None:
        """End the process, in the background."""
        with self._lock:
            stop = self._started and not self._ended  # else the start itself ends it
            self._ended = True
        if stop:
            threading.Thread(target=self._stop).start()

    def _stop(self) -> None:
        self._process.terminate()
        self._process.join(timeout=_PATIENCE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
