"""Workers of the classroom: one a tab, started on demand, freed with the tab, and deaf to other tabs."""

import asyncio
import json
import multiprocessing
import os
import signal
import sys
import threading
import time

import pytest

from sim import scenario
from sim.demo import worker
from sim.demo.session import MOST_TABS, Classroom
from sim.demo.settings import Settings
from sim.demo.worker import Job
from sim.demo.worker_handle import DIED, Worker

PATIENCE_SECONDS = 90


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it ended just now
        return False


async def until(condition, what: str) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        await asyncio.sleep(0.02)


class Listener(list):
    """What a tab is shown."""

    def __call__(self, kind, what):
        self.append((kind, what))

    def kinds(self) -> set[str]:
        return {kind for kind, _ in self}

    def parts(self) -> list[dict]:
        return [json.loads(what) for kind, what in self if kind == "film"]


def test_two_tabs_see_their_own_patients_and_closing_one_frees_its_worker():
    async def scene():
        room, first, second = Classroom(), Listener(), Listener()
        tabs = room.enter(first), room.enter(second)
        assert tabs[0].pid is None, "a worker is started on demand"
        await asyncio.gather(
            tabs[0].ask(Settings().arms(), ["a", "b"], 1, 29, 4), tabs[1].ask(Settings().arms()[:1], ["a"], 2, 3, 4)
        )
        await until(lambda: "done" in first.kinds() and "done" in second.kinds(), "both cohorts")
        heads = [next(part for part in shown.parts() if part["kind"] == "head") for shown in (first, second)]
        assert [(head["seed"], head["patient"], len(head["arms"])) for head in heads] == [(1, 29, 2), (2, 3, 1)]
        curves = [json.loads([what for kind, what in shown if kind == "curves"][-1]) for shown in (first, second)]
        assert [len(data["arms"]) for data in curves] == [2, 1]
        pids = [tab.pid for tab in tabs]
        assert pids[0] != pids[1] and all(map(alive, pids))
        room.leave(tabs[0])
        await until(lambda: not alive(pids[0]), "the end of the closed tab's worker")
        assert alive(pids[1]) and tabs[0] not in room.sessions
        room.close()
        await until(lambda: not alive(pids[1]), "the end of the last worker")

    asyncio.run(scene())


def test_the_film_tells_what_the_engine_tells():
    """The counts of the last frame are those of the model built by hand."""
    import numpy as np

    from sim.demo import film
    from sim.runs.chunk import build_model

    async def scene():
        room, shown = Classroom(), Listener()
        tab = room.enter(shown)
        await tab.ask(Settings().arms(), ["a", "b"], 1, 29, 2)
        await until(lambda: "done" in shown.kinds(), "the cohort")
        room.close()
        return shown

    whole = film.assemble(asyncio.run(scene()).parts())
    for arm, resolved in zip(whole["arms"], Settings().arms(), strict=True):
        model = build_model(resolved, seed=1, patients=np.array([29]), collect=False)
        model.run()
        last = [steps[-1] if steps else 0 for steps in arm["counts"]["settled"]]
        assert last == model.cells.settled[0].tolist()
        assert arm["shed_cells"] == model.shed_total[0]
        assert sum(last) > 0


def test_a_newer_question_stops_the_older_one():
    async def scene():
        room, shown = Classroom(), Listener()
        tab = room.enter(shown)
        await tab.ask(Settings().arms(), ["a", "b"], 1, None, 2000)
        await until(lambda: "progress" in shown.kinds(), "the first cohort")
        pid = tab.pid
        await tab.ask(Settings().arms()[:1], ["a"], 5, 2, 2)
        shown.clear()
        await until(lambda: "done" in shown.kinds(), "the second cohort")  # the first would take longer than this waits
        assert tab.pid == pid, "the worker stays warm"
        assert [part["seed"] for part in shown.parts() if part["kind"] == "head"] == [5]
        assert all(json.loads(what)["patients"] == 2 for kind, what in shown if kind == "curves")
        room.close()

    asyncio.run(scene())


def test_a_worker_reads_every_question_at_once_and_answers_the_newest():
    """A class clicks faster than films are computed: the server must not wait, nor the class for what it left."""
    ours, theirs = multiprocessing.Pipe()
    ended = threading.Event()
    asked = worker._Asked(theirs, ended.set)
    asked.start()
    many = 12
    jobs = [Job(number, tuple(Settings().arms()), ("a", "b"), 1, 18, 4) for number in range(1, many + 1)]
    sender = threading.Thread(target=lambda: [ours.send(job) for job in jobs], daemon=True)
    sender.start()
    sender.join(timeout=PATIENCE_SECONDS)
    assert not sender.is_alive(), "the server waits for its worker"
    taken = [asked.newest().number]
    while taken[-1] < many:
        taken.append(asked.newest().number)
    assert taken == sorted(set(taken))
    asked.give_way(0.5)  # nothing newer: nothing happens
    assert worker._film(Told(), asked, jobs[0]) is True
    ours.send(jobs[1])
    told = Told()
    while worker._film(told, asked, jobs[0]):  # the question is on its way
        told.clear()
    assert "head" not in told, "the film of an old question is given up in the middle"
    assert asked.newest().number == 2
    ours.close()
    assert ended.wait(PATIENCE_SECONDS), "the end of the pipe is the end of the worker"


class Told(list):
    """The kinds of parts that a worker tells."""

    def tell_json(self, job, kind, what):
        self.append(what["kind"])


def test_a_cohort_yields_to_films():
    """The thread of a cohort has a lower priority than the process, where the system can tell threads apart."""
    if sys.platform != "linux":
        pytest.skip("only Linux gives threads a priority of their own")

    def niceness(pid) -> list[int]:
        out = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
                out.append(int(file.read().rsplit(")", 1)[1].split()[16]))
        return out

    async def scene():
        room, shown = Classroom(), Listener()
        tab = room.enter(shown)
        await tab.ask(Settings().arms()[:1], ["a"], 1, None, 500)
        await until(lambda: "progress" in shown.kinds(), "the cohort")
        nice = niceness(tab.pid)
        room.close()
        return nice

    nice = asyncio.run(scene())
    assert max(nice) > min(nice)


def test_a_killed_worker_is_told_and_replaced():
    async def scene():
        room, shown = Classroom(), Listener()
        tab = room.enter(shown)
        await tab.ask(Settings().arms()[:1], ["a"], 1, None, 2000)
        await until(lambda: "progress" in shown.kinds(), "the cohort")
        killed = tab.pid
        os.kill(killed, signal.SIGKILL)
        await until(lambda: "died" in shown.kinds(), "the message of its death")
        assert tab.pid is None
        shown.clear()
        await tab.ask(Settings().arms()[:1], ["a"], 1, None, 2)
        await until(lambda: "done" in shown.kinds(), "the new worker's cohort")
        assert tab.pid not in (None, killed) and "died" not in shown.kinds()
        room.close()

    asyncio.run(scene())


def test_values_that_do_not_fit_together_are_refused_in_words():
    wrong = scenario.load("colorectal").with_(set_=["primary_capacity_cells=1e6"])

    async def scene():
        room, shown = Classroom(), Listener()
        tab = room.enter(shown)
        await tab.ask([wrong], ["a"], 1, 1, 2)
        await until(lambda: "refused" in shown.kinds(), "the refusal")
        room.close()
        return dict(shown)

    assert "diagnosis_median_cells must not be above half of primary_capacity_cells" in asyncio.run(scene())["refused"]


def test_a_tab_closed_before_its_worker_runs_leaves_nothing_behind():
    async def scene():
        room, shown = Classroom(), Listener()
        tab = room.enter(shown)
        asking = asyncio.ensure_future(tab.ask(Settings().arms()[:1], ["a"], 1, 1, 2))
        await asyncio.sleep(0)
        room.leave(tab)
        await asking
        assert tab._worker is None
        assert shown == []

    asyncio.run(scene())


ARMS = Settings().arms()[:1]


async def ask(session):
    """A question of a tab, whose worker is mute."""
    await session.ask(ARMS, ["a"], 1, 18, 4)


def test_the_tenth_tab_waits_and_enters_as_others_are_done(monkeypatch):
    monkeypatch.setattr(Worker, "ask", lambda self, job: None)

    async def scene():
        room, shown = Classroom(), [Listener() for _ in range(12)]
        tabs = [room.enter(show) for show in shown]
        assert MOST_TABS == 9 and room.sessions == [], "a tab that computes nothing takes no place"
        for tab in tabs:
            await ask(tab)
        assert room.sessions == tabs[:9] and room.waiting == tabs[9:] and all(tab.pid for tab in tabs[:9])
        assert [show[-1:] for show in shown[8:]] == [[], *([("waiting", (place, 3))] for place in (1, 2, 3))]
        tabs[3]._hear((tabs[3]._jobs, "done", None))
        await until(lambda: tabs[9].pid, "the worker of the first that waited")
        assert tabs[3].pid is None and not tabs[3].closed, "its warm worker is given up only where somebody waits"
        assert shown[9][-1] == ("waiting", None) and shown[10][-1] == ("waiting", (1, 2))
        room.leave(tabs[0])
        await until(lambda: tabs[10].pid, "the next")
        tabs[11].drop()
        await ask(tabs[11])
        assert room.waiting == [tabs[11]], "who changes the question keeps the place in the queue"
        await ask(tabs[3])
        assert shown[3][-1] == ("waiting", (2, 2))
        room.leave(tabs[11])
        assert tabs[11].closed and shown[3][-1] == ("waiting", (1, 1))
        tabs[5].connected = False
        await ask(tabs[11])
        assert room.waiting == [tabs[3]], "a closed tab never enters again"
        tabs[7].withdraw()
        await until(lambda: tabs[3].pid, "the place of a tab that went to a lesson")
        assert room.waiting == [] and tabs[7].pid is None and not tabs[7].closed
        room.close()
        await until(lambda: not any(tab.pid for tab in tabs), "the end of all workers")

    asyncio.run(scene())


def test_a_lost_tab_gives_its_place_to_who_waits(monkeypatch):
    monkeypatch.setattr(Worker, "ask", lambda self, job: None)

    async def scene():
        room = Classroom(most_tabs=1)
        lost, next_one = room.enter(Listener()), room.enter(Listener())
        await ask(lost)
        lost.connected = False  # its page is being loaded again
        await ask(next_one)
        assert lost.closed and room.sessions == [next_one] and next_one.pid
        room.close()

    asyncio.run(scene())


def test_a_lesson_is_computed_once_for_all_who_watch_and_takes_no_place(monkeypatch):
    asked = []
    monkeypatch.setattr(Worker, "ask", lambda self, job: asked.append((self, job)))

    async def scene():
        room, early, late, other = Classroom(most_tabs=1), Listener(), Listener(), Listener()
        watched = ("sleepers", ARMS, ["a"], 1, 18, 200)
        away = room.watch(*watched, early)
        await until(lambda: asked, "the worker")
        worker, job = asked[0]
        for kind, what in (("film", "head"), ("film", "frames"), ("progress", 0.1), ("curves", "1"), ("progress", 0.2)):
            worker._hear((job.number, kind, what))
        room.watch(*watched, late)
        assert list(late) == [("film", "head"), ("film", "frames"), ("curves", "1"), ("progress", 0.2)]
        away()
        worker._hear((job.number, "curves", "2"))
        worker._hear((job.number, "done", None))
        assert ("curves", "2") not in early and late[-2:] == [("curves", "2"), ("done", None)]
        await until(lambda: not alive(worker.pid), "the end of the lesson's worker")
        room.watch(*watched, other)
        assert [kind for kind, _ in other] == ["film", "film", "progress", "curves", "done"] and len(asked) == 1
        assert room.sessions == [] and room.waiting == []
        room.watch("sleepers", ARMS, ["甲"], 1, 18, 200, Listener())
        await until(lambda: len(asked) == 2, "the same lesson in another language")
        asked[1][0]._hear(DIED)
        room.watch("sleepers", ARMS, ["甲"], 1, 18, 200, Listener())
        await until(lambda: len(asked) == 3, "a new try after its worker died")
        room.close()

    asyncio.run(scene())
