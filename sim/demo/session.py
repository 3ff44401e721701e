"""One tab's computing: at most one worker and one job, whose messages reach this tab only.

`Classroom` is the register of all tabs of a server: it knows how many may compute at once, who waits, and what all who
watch a lesson are shown. A session never touches the page; it calls `show(kind, what)` in the event loop, with the
kinds of `sim.demo.worker`, "died" when the process was lost (it is started again with the next job), and "waiting" with
the tab's place in the queue and the length of it (None once it is over).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sim.demo.settings import COHORT_PATIENTS
from sim.demo.shared_lesson import SharedLesson
from sim.demo.worker import Job
from sim.demo.worker_handle import DIED, Worker
from sim.scenario import Scenario

FREE_SECONDS = 8.0
"""A tab whose connection has been lost for so long is taken for closed: its worker is freed."""
MOST_TABS = 9
"""Tabs that compute at once. The next waits until one of them is done: more would slow them all down."""
_OVER = ("done", "refused", "failed")


class Session:
    """The computing of one tab."""

    def __init__(self, room: Classroom, show: Callable[[str, object], None]):
        self._room, self._show = room, show
        self._worker: Worker | None = None
        self._starting = asyncio.Lock()
        self._job: Job | None = None
        self._jobs = 0
        self.computes = False
        self.connected = True
        self.closed = False

    @property
    def pid(self) -> int | None:
        """The worker process's number; None while there is none."""
        return self._worker.pid if self._worker else None

    async def ask(
        self, arms: list[Scenario], names: list[str], seed: int, patient: int | None, patients: int = COHORT_PATIENTS
    ) -> None:
        """Compute a film and a cohort (with `patient` None the cohort alone); what was asked before is dropped.

        Where all places are taken it waits, and begins by itself.
        """
        if self.closed:
            return
        self._jobs += 1
        self._job = Job(self._jobs, tuple(arms), tuple(names), seed, patient, patients)
        if self._room.has_place(self):
            await self.begin()

    async def begin(self) -> None:
        """There is a place: give the job to a worker."""
        self.computes = True  # nobody takes the place while the worker starts
        async with self._starting:
            job = self._job
            if self.closed:
                return
            if job is None:
                self._is_done()
                return
            if self._worker is None:
                worker = Worker(self._hear)
                self._worker = worker
                try:
                    await worker.start()
                except (OSError, EOFError) as error:
                    self._worker = None
                    self._show("failed", f"a worker process cannot be started ({error})")
                    self._is_done()
                    return
        if self._worker is not None and self._job is job:
            self._worker.ask(job)

    def drop(self) -> None:
        """What was asked is no longer wanted: nothing of it is shown from now on. A place in the queue stays."""
        self._job = None

    def withdraw(self) -> None:
        """Nothing is to be computed for this tab for now: others may have its place."""
        self.drop()
        self._room.needs_no_place(self)

    def tell(self, kind: str, what: object) -> None:
        """Say something to the tab."""
        self._show(kind, what)

    def _hear(self, message: tuple) -> None:
        number, kind, what = message
        if self.closed:
            return
        if message is DIED:
            if self._worker is None:
                return  # it was ended by us
            self._worker = None
            self._show("died", None)
            self._is_done()
        elif self._job is not None and number == self._job.number:
            self._show(kind, what)
            if kind in _OVER:
                self._is_done()

    def _is_done(self) -> None:
        self.computes = False
        self._room.is_done(self)

    def rest(self) -> None:
        """End the worker; the next job gets a new one."""
        self.computes = False
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def close(self) -> None:
        """Free the worker; the session is over."""
        self.closed = True
        self.rest()


class Classroom:
    """The tabs of one server: `sessions` have a place, and may have a worker; `waiting` come next, in their order."""

    def __init__(self, most_tabs: int = MOST_TABS):
        self.most_tabs = most_tabs
        self.sessions: list[Session] = []
        self.waiting: list[Session] = []
        self._lessons: dict[tuple[str, tuple[str, ...]], SharedLesson] = {}
        self._begun: set[asyncio.Task] = set()

    def enter(self, show: Callable[[str, object], None]) -> Session:
        """A session for a tab. It has no place until it computes."""
        return Session(self, show)

    def has_place(self, session: Session) -> bool:
        """Whether the session has a place, or finds one; else it stands in the queue, and is told so."""
        if session in self.sessions:
            return True
        if session not in self.waiting:
            self.waiting.append(session)
            self._let_in()
            if session in self.waiting:
                self._tell()
                return False
            return True
        return False

    def is_done(self, session: Session) -> None:
        """Its place, with the warm worker, is its own until somebody else needs it."""
        self._fill()

    def needs_no_place(self, session: Session) -> None:
        """Take it out of its place or the queue."""
        if session in self.waiting:
            self.waiting.remove(session)
            session.tell("waiting", None)
            self._tell()
        elif session in self.sessions:
            session.rest()
            self.sessions.remove(session)
            self._fill()

    def leave(self, session: Session) -> None:
        """The tab is closed: its worker is freed."""
        session.close()
        if session in self.waiting:
            self.waiting.remove(session)
            self._tell()
        elif session in self.sessions:
            self.sessions.remove(session)
            self._fill()

    def watch(
        self,
        name: str,
        arms: Sequence[Scenario],
        names: Sequence[str],
        seed: int,
        patient: int,
        patients: int,
        show: Callable[[str, object], None],
    ) -> Callable[[], None]:
        """Show a tab what a lesson shows, computed once for all; returns how to look away. It takes no place."""
        key = (name, tuple(names))
        if key not in self._lessons or self._lessons[key].is_broken:
            self._lessons[key] = SharedLesson(Job(1, tuple(arms), tuple(names), seed, patient, patients))
        return self._lessons[key].watch(show)

    def close(self) -> None:
        """The server stops."""
        self.waiting.clear()
        for lesson in self._lessons.values():
            lesson.close()
        for session in list(self.sessions):
            self.leave(session)

    def _fill(self) -> None:
        """Give free places to those who wait; tell the others how far they are."""
        entered = self._let_in()
        for session in entered:
            session.tell("waiting", None)
            task = asyncio.get_running_loop().create_task(session.begin())
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)
        if entered:
            self._tell()

    def _let_in(self) -> list[Session]:
        """Move from the queue as many as find a place: a free one, or that of a tab that does not compute."""
        entered: list[Session] = []
        while self.waiting and (len(self.sessions) < self.most_tabs or self._free_one(entered)):
            entered.append(self.waiting.pop(0))
            self.sessions.append(entered[-1])
        return entered

    def _free_one(self, entered: Sequence[Session]) -> bool:
        """Take the place of a tab whose connection is lost, or that is done."""
        idle = [session for session in self.sessions if session not in entered]
        gone = next((session for session in idle if not session.connected), None)
        done = next((session for session in idle if not session.computes), None)
        if gone is None and done is None:
            return False
        chosen = gone or done
        assert chosen is not None
        self.sessions.remove(chosen)
        chosen.rest() if chosen.connected else chosen.close()
        return True

    def _tell(self) -> None:
        for place, session in enumerate(self.waiting, 1):
            session.tell("waiting", (place, len(self.waiting)))
