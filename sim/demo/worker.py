"""The process that computes for one tab: the film of its patient, then its cohort, until something newer is asked.

A job comes through a pipe and goes back as small messages, each a tuple (job number, kind, ...), texts already
in JSON: "film" (a part of the film), "progress" (share of the cohort), "curves" (the cohort so far), "done",
"refused" (wrong input, in words) and "failed" (a defect, in words). The end of the pipe is the end of the
process, and the death of either side is noticed by the other.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.machine import leave_ctrl_c_to_the_parent
from sim.scenario import Scenario

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LOWER_PRIORITY = 10
"""Steps of niceness by which a cohort yields to the films of other tabs."""
_PERCENT = 0.01


@dataclass(frozen=True)
class Job:
    """What a tab wants to see: a film of one patient (unless `patient` is None), then a cohort of `patients`."""

    number: int
    arms: tuple[Scenario, ...]
    names: tuple[str, ...]
    seed: int
    patient: int | None
    patients: int


class _Newer(BaseException):
    """Something newer was asked."""


def serve(pipe: Connection) -> None:
    """A worker's life: jobs in, messages out, until None comes or the other side is gone."""
    leave_ctrl_c_to_the_parent()
    teller, cohort = _Teller(pipe), None
    asked = _Asked(pipe, lambda: os._exit(0))  # what is still being computed has nobody to be told to
    asked.start()
    try:
        while True:
            job = asked.newest()
            if cohort is not None:
                cohort.stop()
            if job.patient is None or _film(teller, asked, job):
                cohort = _Cohort(teller, job)
                cohort.start()
    except OSError:
        os._exit(0)


class _Asked(threading.Thread):
    """What is asked, read at once whatever is being computed: the server never waits, and only the newest counts."""

    def __init__(self, pipe: Connection, at_end: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._pipe, self._at_end = pipe, at_end
        self._job: Job | None = None
        self._news = threading.Condition()

    def run(self) -> None:
        try:
            while (job := self._pipe.recv()) is not None:
                with self._news:
                    self._job = job
                    self._news.notify()
        except (EOFError, OSError):
            pass
        self._at_end()

    def newest(self) -> Job:
        """Wait for a job that was not taken yet, and take it."""
        with self._news:
            while (job := self._job) is None:
                self._news.wait()
            self._job = None
            return job

    def give_way(self, share: float) -> None:
        """Raises _Newer where something newer waits."""
        if self._job is not None:
            raise _Newer


class _Teller:
    """The way out, shared by two threads."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def tell(self, job: Job, kind: str, what: object) -> None:
        with self._lock:
            self._pipe.send((job.number, kind, what))

    def tell_json(self, job: Job, kind: str, what: dict) -> None:
        self.tell(job, kind, json.dumps(what, separators=(",", ":"), ensure_ascii=False))


def _film(teller: _Teller, asked: _Asked, job: Job) -> bool:
    """Tell the film; False where it could not be made, or something newer is asked meanwhile."""
    from sim.demo import film

    assert job.patient is not None  # else nobody asks for a film
    try:
        for part in film.stream(job.arms, names=job.names, seed=job.seed, patient=job.patient, report=asked.give_way):
            teller.tell_json(job, "film", part)
    except _Newer:
        return False
    except InputError as error:
        teller.tell(job, "refused", str(error))
        return False
    except OSError:
        raise
    except Exception as error:
        teller.tell(job, "failed", f"{type(error).__name__}: {error}")
        return False
    return True


def _yield_to_others() -> None:
    """Lower the priority of this thread alone. Only Linux gives threads their own; elsewhere nothing happens."""
    if sys.platform == "linux":
        me = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, me, min(os.getpriority(os.PRIO_PROCESS, me) + LOWER_PRIORITY, 19))


class _Cohort(threading.Thread):
    """The cohort of a job at lower priority, stopped within a few days of the model's time."""

    def __init__(self, teller: _Teller, job: Job) -> None:
        super().__init__(daemon=True)
        self._teller, self._job = teller, job
        self._stopped, self._told = False, 0.0

    def stop(self) -> None:
        self._stopped = True
        self.join()

    def run(self) -> None:
        from sim.demo.cohort import paired_cohort

        job = self._job
        _yield_to_others()
        try:
            for data in paired_cohort(job.arms, seed=job.seed, patients=job.patients, report=self._report):
                self._teller.tell_json(job, "curves", data)
            self._teller.tell(job, "done", None)
        except (_Newer, OSError):
            pass
        except InputError as error:
            self._teller.tell(job, "refused", str(error))
        except Exception as error:
            self._teller.tell(job, "failed", f"{type(error).__name__}: {error}")

    def _report(self, share: float) -> None:
        if self._stopped:
            raise _Newer
        if share >= self._told + _PERCENT:
            self._told = share
            self._teller.tell(self._job, "progress", share)
