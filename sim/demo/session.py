"""One tab's computing: at most one worker and one job, whose messages reach this tab only.

`Classroom` is the register of all tabs of a server: it knows how many there may be. A session never
touches the page; it calls `show(kind, what)` in the event loop, with the kinds of `sim.demo.worker`
and "died" when the process was lost (it is started again with the next job).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sim.demo.settings import COHORT_PATIENTS
from sim.demo.worker import Job
from sim.demo.worker_handle import DIED, Worker
from sim.scenario import Scenario

FREE_SECONDS = 8.0
"""A tab whose connection has been lost for so long is taken for closed: its worker is freed."""
MOST_TABS = 9
"""Tabs that compute at once. The next gets a polite message instead of a page that hardly moves."""


class Session:
    """The computing of one tab."""

    def __init__(self, show: Callable[[str, object], None]):
        self._show = show
        self._worker: Worker | None = None
        self._starting = asyncio.Lock()
        self._job: Job | None = None
        self._jobs = 0
        self.connected = True
        self.closed = False

    @property
    def pid(self) -> int | None:
        """The worker process's number; None while there is none."""
        return self._worker.pid if self._worker else None

    async def ask(
        self, arms: list[Scenario], names: list[str], seed: int, patient: int | None, patients: int = COHORT_PATIENTS
    ) -> None:
        """Compute a film and a cohort (with `patient` None the cohort alone); what was asked before is dropped."""
        self._jobs += 1
        self._job = job = Job(self._jobs, tuple(arms), tuple(names), seed, patient, patients)
        async with self._starting:
            if self.closed or self._job is not job:
                return
            if self._worker is None:
                worker = Worker(self._hear)
                self._worker = worker
                try:
                    await worker.start()
                except (OSError, EOFError) as error:
                    self._worker = None
                    self._show("failed", f"a worker process cannot be started ({error})")
                    return
        if self._worker is not None and self._job is job:
            self._worker.ask(job)

    def drop(self) -> None:
        """What was asked is no longer wanted: nothing of it is shown from now on."""
        self._job = None

    def _hear(self, message: tuple) -> None:
        number, kind, what = message
        if self.closed:
            return
        if message is DIED:
            self._worker = None
            self._show("died", None)
        elif self._job is not None and number == self._job.number:
            self._show(kind, what)

    def close(self) -> None:
        """Free the worker; the session is over."""
        self.closed = True
        if self._worker is not None:
            self._worker.end()
            self._worker = None


class Classroom:
    """The tabs of one server."""

    def __init__(self, most_tabs: int = MOST_TABS):
        self.most_tabs = most_tabs
        self.sessions: list[Session] = []

    @property
    def has_room(self) -> bool:
        """Whether a tab finds a place without taking that of one whose connection is lost."""
        return len(self.sessions) < self.most_tabs

    def enter(self, show: Callable[[str, object], None]) -> Session | None:
        """A session for a tab, or None where the room is full.

        A tab whose connection is lost keeps its place only until somebody else needs it: a reload finds room.
        """
        if not self.has_room:
            gone = next((session for session in self.sessions if not session.connected), None)
            if gone is None:
                return None
            self.leave(gone)
        session = Session(show)
        self.sessions.append(session)
        return session

    def leave(self, session: Session) -> None:
        """The tab is closed: its worker is freed."""
        session.close()
        if session in self.sessions:
            self.sessions.remove(session)

    def close(self) -> None:
        """The server stops."""
        for session in list(self.sessions):
            self.leave(session)
