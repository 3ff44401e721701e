"""What a lesson shows, computed once for everybody who watches it: a class of thirty needs one worker, not thirty.

A lesson's bodies, seed and patient never change, so a film and a cohort that are there are there for all; who comes
later is told all of it at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sim.demo.worker import Job
from sim.demo.worker_handle import DIED, Worker

_LAST_ONLY = ("progress", "curves")
"""Kinds of messages of which each replaces the one before."""
_BROKEN = ("refused", "failed", "died")


class SharedLesson:
    """One lesson's film and cohort, and the tabs that are shown them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._told: list[tuple[str, object]] = []
        self._watching: list[Callable[[str, object], None]] = []
        self._worker: Worker | None = None
        self._task: asyncio.Task | None = None
        self.is_broken = False

    def watch(self, show: Callable[[str, object], None]) -> Callable[[], None]:
        """Tell what is there, and what comes, through `show(kind, what)`; returns how to stop."""
        self._watching.append(show)
        for kind, what in list(self._told):
            show(kind, what)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._compute())

        def stop() -> None:
            if show in self._watching:
                self._watching.remove(show)

        return stop

    @property
    def pid(self) -> int | None:
        """The worker process's number; None while there is none."""
        return self._worker.pid if self._worker else None

    async def _compute(self) -> None:
        self._worker = Worker(self._hear)
        try:
            await self._worker.start()
        except (OSError, EOFError) as error:
            self._worker = None
            self._tell("failed", f"a worker process cannot be started ({error})")
            return
        if self._worker is not None:  # not closed meanwhile
            self._worker.ask(self._job)

    def _hear(self, message: tuple) -> None:
        if self._worker is None:
            return  # ended by us
        kind, what = ("died", None) if message is DIED else message[1:]
        self._tell(kind, what)
        if kind == "done" or kind in _BROKEN:
            self.close()

    def _tell(self, kind: str, what: object) -> None:
        self.is_broken = kind in _BROKEN
        if kind in _LAST_ONLY:
            self._told = [told for told in self._told if told[0] != kind]
        if not self.is_broken:
            self._told.append((kind, what))
        for show in list(self._watching):
            show(kind, what)

    def close(self) -> None:
        """End the worker; what it told stays."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None
