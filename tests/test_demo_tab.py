"""What can come too early, too late or not at all: answers to old questions, lost connections, dead workers, tabs too many."""

import asyncio

import pytest
from nicegui import Client
from simulated_tab import ASK, HEAD, Patience, asked, mute_workers, play  # noqa: F401

from sim.demo.phrases import Phrases
from sim.demo.worker_handle import DIED, Worker


def test_what_was_asked_before_is_not_shown_once_something_else_is_set(mute_workers):
    """Also in the moment before the new question goes out."""

    async def scene(room, page):
        await page.open()
        session = await asked(room, page)
        old = session._job
        page.click("if-off.dormancy")
        await page.changed()
        for _ in ("before the new question", "after it"):
            for kind, what in (("film", HEAD), ("curves", "{}"), ("done", None)):
                session._hear((old.number, kind, what))
            assert page.computing() and not any("are computed" in text for text in page.labels())
            await page.until(lambda: session._job and session._job is not old, "the new question")
        session._hear((session._job.number, "film", HEAD))
        assert not page.computing()
        await page.until(lambda: page.parts(), "the new film")
        assert len(page.parts()) == 1 and page.told("update") == 0

    play(scene)


@pytest.mark.parametrize("kind, what", [("refused", "too large"), ("failed", "KeyError"), ("died", None)])
def test_nothing_is_said_to_be_computed_once_nothing_more_will_come(mute_workers, kind, what):
    async def scene(room, page):
        await page.open()
        session = await asked(room, page)
        assert page.computing() and any(text.startswith("Computing") for text in page.labels())
        session._hear(DIED if kind == "died" else (session._job.number, kind, what))
        assert page.alert() and not page.computing()
        assert not any(text.startswith("Computing") for text in page.labels())

    play(scene)


def test_the_place_at_which_a_slider_is_let_go_counts():
    """The browser tells the place at once, and the element's own value some milliseconds later."""

    async def scene(room, page):
        await page.open("treat=resection@0")
        page.user.find(marker="start-resection").trigger("change", 25)
        await page.changed()
        assert page.address().treatments == {"resection": "761"}
        assert any("in month 25 after" in text for text in page.labels())

    play(scene)


def test_one_tab_too_many_waits_and_is_told_how_many_wait(mute_workers):
    async def scene(room, page):
        def waits():
            return [text for text in page.labels() if "Waiting: 1; this page is number 1" in text]

        await page.open()
        first = await asked(room, page)
        await page.open()
        await page.until(lambda: room.waiting, "the second tab's question")
        assert room.sessions == [first] and waits() and page.user.find(marker="if-off.dormancy").elements
        first._hear((first._job.number, "done", None))
        await page.until(lambda: room.sessions and room.sessions[0] is not first and room.sessions[0].pid, "its place")
        assert not waits() and room.waiting == []

    play(scene, most_tabs=1)


def test_watching_a_lesson_takes_no_place(mute_workers):
    async def scene(room, page):
        await page.open()
        await asked(room, page)
        await page.open("lesson=sleepers&step=1")
        await page.until(lambda: room._lessons, "the lesson")
        assert len(room.sessions) == 1 and room.waiting == []
        assert not any("Waiting" in text for text in page.labels())
        (lesson,) = room._lessons.values()
        await page.until(lambda: lesson.pid, "its worker")
        lesson._hear((1, "film", HEAD))
        await page.until(lambda: page.parts(), "the film")
        page.user.client.delete()
        assert lesson._watching == []

    play(scene, most_tabs=1)


def test_a_request_without_a_browser_takes_no_place_for_ever():
    """A link preview, a health check, an image on another page: nine of them made the classroom full."""

    async def scene(room, page):
        clients = []
        for _ in range(9):
            answer = await page.user.http_client.get("/")
            assert answer.status_code == 200
            clients += [client for client in Client.instances.values() if client not in clients]
        assert room.sessions == [] == room.waiting
        for client in clients:
            if not client.is_deleted:
                client.delete()
            for handler in client.connect_handlers:
                client.safe_invoke(handler)  # a browser that comes too late
        await asyncio.sleep(0.3)
        assert room.sessions == [] == room.waiting
        await page.open()
        await page.until(lambda: room.sessions and room.sessions[0].pid, "a worker for who really comes")

    play(scene)


def test_closing_a_tab_frees_its_place():
    async def scene(room, page):
        await page.open()
        await page.until(lambda: len(room.sessions) == 1 and room.sessions[0].pid, "its worker")
        page.user.client.delete()
        assert room.sessions == []

    play(scene)


def test_a_lost_tab_frees_its_worker_and_goes_on_when_it_comes_back(monkeypatch, mute_workers):
    monkeypatch.setattr("sim.demo.page.FREE_SECONDS", 0.1)

    async def scene(room, page):
        await page.open()
        await page.until(lambda: room.sessions and room.sessions[0].pid, "its worker")
        await page.connected()
        tab_id = page.lose()
        await page.until(lambda: room.sessions == [], "its end")
        monkeypatch.setattr(Worker, "ask", ASK)
        page.come_back(tab_id)
        await page.until(lambda: any(part["kind"] == "frames" for part in page.parts()), "the film of a new worker")
        assert len(room.sessions) == 1 and page.alert() is None

    play(scene)


def test_a_short_loss_of_the_connection_keeps_the_worker(monkeypatch):
    patience = Patience(monkeypatch)

    async def scene(room, page):
        await page.open()
        await page.until(lambda: room.sessions and room.sessions[0].pid, "its worker")
        await page.connected()
        session = room.sessions[0]
        tab_id = page.lose()
        await page.until(lambda: not session.connected, "the loss")
        page.come_back(tab_id)
        await page.until(lambda: session.connected, "the return")
        patience.ends[0].set()
        await asyncio.sleep(0.1)
        assert room.sessions == [session] and session.pid

    play(scene)


def test_every_loss_of_the_connection_has_its_whole_patience(monkeypatch):
    patience = Patience(monkeypatch)

    async def scene(room, page):
        await page.open()
        await page.until(lambda: room.sessions, "its question")
        session = room.sessions[0]
        tab_id = page.lose()
        await page.until(lambda: len(patience.ends) == 1, "the first loss")
        page.come_back(tab_id)
        await page.until(lambda: session.connected, "the return")
        page.lose()
        await page.until(lambda: len(patience.ends) == 2, "the second loss")
        patience.ends[0].set()
        await asyncio.sleep(0.1)
        assert room.sessions == [session], "the patience of the first loss is over, not that of the second"
        patience.ends[1].set()
        await page.until(lambda: room.sessions == [], "the end of the second")

    play(scene)


@pytest.mark.parametrize(
    "kind, what, missing", [("done", None, None), ("progress", 0.5, "the cohort"), ("film", HEAD, "both")]
)
def test_what_is_there_is_not_computed_again_when_a_lost_tab_comes_back(monkeypatch, mute_workers, kind, what, missing):
    """A class that watches must not be thrown back to the start of its film."""
    patience = Patience(monkeypatch)

    async def scene(room, page):
        await page.open()
        old = await asked(room, page)
        patient = old._job.patient
        old._hear((old._job.number, kind, what))
        tab_id = page.lose()
        await page.until(lambda: len(patience.ends) == 1, "the loss")
        patience.ends[0].set()
        await page.until(lambda: room.sessions == [], "the end of its worker")
        page.come_back(tab_id)
        await asyncio.sleep(0.3)
        assert page.told("empty") == (1 if missing is None else 2), "emptied at the start, and for what is asked again"
        if missing:
            await page.until(lambda: room.sessions and room.sessions[0]._job, "the question")
            assert room.sessions[0]._job.patient == (patient if missing == "both" else None)

    play(scene)


def test_a_message_of_a_dead_worker_offers_another_try():
    async def scene(room, page):
        await page.open()
        await page.until(lambda: room.sessions and room.sessions[0].pid, "its worker")
        room.sessions[0]._worker._process.kill()
        await page.until(lambda: page.alert() is not None, "the message")
        assert page.alert() == Phrases("en")("ui.died")
        page.click("again")
        page.scripts.clear()
        await page.until(lambda: page.parts(), "a new worker's film")
        assert page.alert() is None

    play(scene)
