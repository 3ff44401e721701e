"""The page of the classroom without a browser: NiceGUI's simulated user, real workers."""

import asyncio
import json
import sys
import types
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("nicegui", reason="the classroom's page needs the extra 'demo'")

from fastapi import Request  # noqa: E402
from nicegui import ui  # noqa: E402
from nicegui.testing import user_simulation  # noqa: E402

from sim.demo import lessons, tab  # noqa: E402
from sim.demo.lesson_panel import STEPS  # noqa: E402
from sim.demo.link import DIED, Worker  # noqa: E402
from sim.demo.page import Page  # noqa: E402
from sim.demo.session import FREE_SECONDS, Classroom  # noqa: E402
from sim.demo.settings import Settings  # noqa: E402
from sim.demo.words import MORE_WHAT_IFS, WHAT_IFS, Words  # noqa: E402


class Tab:
    """A simulated user's tab, and everything that its page was told to run."""

    def __init__(self, user):
        self.user, self.scripts, self.noticed = user, [], 0

    async def open(self, query: str = ""):
        await self.user.open(f"/?{query}")
        emit = self.user.client.outbox._emit

        async def listen(message):
            if message[1] == "run_javascript":
                self.scripts.append(message[2]["code"])
            await emit(message)

        self.user.client.outbox._emit = listen
        return self

    def labels(self) -> list[str]:
        return [element.text for element in self.user.client.elements.values() if isinstance(element, ui.label) and element.visible]

    def alert(self) -> str | None:
        shown = [e.text for e in self.user.client.elements.values() if "alert" in e._classes and e.visible]
        return shown[0] if shown else None

    def address(self) -> Settings:
        written = [script for script in self.scripts if "replaceState" in script]
        if not written:
            return Settings()
        last = written[-1]
        return Settings.from_query(last.split('"/')[1].rstrip('")').removeprefix("?"))

    def parts(self) -> list[dict]:
        films = [script for script in self.scripts if '"film", [' in script]
        return [json.loads(f"[{script.split('[', 1)[1].rsplit(']', 1)[0]}]")[0] for script in films]

    def told(self, method: str) -> int:
        """How often a drawing was told something."""
        return sum(f'"{method}", [' in script for script in self.scripts)

    def computing(self) -> bool:
        """Whether the page says that a film is being computed."""
        return Words("en")("ui.computing") in self.labels()

    def click(self, marker: str):
        self.user.find(marker=marker).click()

    async def connected(self):
        """Wait until the page knows that its browser is there, and listens for the loss of it."""
        client = self.user.client
        await self.until(lambda: client.disconnect_handlers and client.connect_handlers, "a connected page")

    def lose(self) -> str:
        """The connection is lost; gives the name under which it can come back."""
        client = self.user.client
        tab_id, client.tab_id = client.tab_id, None
        for handler in client.disconnect_handlers:
            client.safe_invoke(handler)
        return tab_id

    def come_back(self, tab_id: str):
        """The connection is there again."""
        client = self.user.client
        client.tab_id = tab_id
        for handler in client.connect_handlers:
            client.safe_invoke(handler)

    async def changed(self):
        """Wait until the address says something new, then forget that it did."""
        await self.until(lambda: self._addresses() > self.noticed, "a new address")
        self.noticed = self._addresses()

    def _addresses(self) -> int:
        return sum("replaceState" in script for script in self.scripts)

    async def until(self, condition, what: str):
        for _ in range(3000):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"waited in vain: {what}")


@asynccontextmanager
async def classroom(most_tabs: int = 9):
    """A running classroom and its first tab, not opened yet."""
    loaded = {}
    try:
        async with user_simulation() as user:
            room = Classroom(most_tabs)
            tab.declare(room)
            try:
                yield room, Tab(user)
            finally:
                room.close()
                loaded = dict(sys.modules)
    finally:  # the simulation forgets the modules of its pages, with all their parents: other tests need them
        sys.modules.update({name: module for name, module in loaded.items() if name not in sys.modules})


def play(scene, **options):
    """Run a scene. What fails in it is raised afterwards: the simulation's own end waits for ever in the middle of a failure."""
    failures = []

    async def whole():
        async with classroom(**options) as (room, first):
            try:
                await scene(room, first)
            except BaseException as error:
                failures.append(error)

    asyncio.run(whole())
    for error in failures:
        raise error


def test_the_page_opens_with_what_ifs_and_two_bodies_from_the_engine():
    async def scene(room, page):
        await page.open()
        for what_if in (*WHAT_IFS, *MORE_WHAT_IFS):
            assert page.user.find(marker=f"if-{what_if}").elements
        await page.until(lambda: any(part["kind"] == "frames" for part in page.parts()), "the film")
        head = next(part for part in page.parts() if part["kind"] == "head")
        assert [arm["mechanisms"]["dual_blood_supply"] for arm in head["arms"]] == [True, False]
        assert page.alert() is None and len(room.sessions) == 1

    play(scene)


def test_one_click_asks_another_what_if():
    async def scene(room, page):
        await page.open()
        page.click("if-off.dormancy")
        await page.until(lambda: page.parts() and any("head" == p["kind"] and not p["arms"][1]["mechanisms"]["dormancy"] for p in page.parts()), "its film")
        assert page.address().what_if == "off.dormancy"
        pressed = {m: next(iter(page.user.find(marker=f"if-{m}").elements))._props["aria-pressed"] for m in (*WHAT_IFS, *MORE_WHAT_IFS)}
        assert [m for m, state in pressed.items() if state == "true"] == ["off.dormancy"]
        assert any("nobody sleeps" in text for text in page.labels()), "it says what that is in biology"

    play(scene)


HEAD = '{"kind":"head"}'


ASK = Worker.ask


@pytest.fixture
def mute_workers(monkeypatch):
    """Workers compute nothing: a page hears only what the test says."""
    monkeypatch.setattr(Worker, "ask", lambda self, job: None)


async def asked(room, page):
    """Wait for the question of the page's first tab; gives its session."""
    await page.until(lambda: room.sessions and room.sessions[0]._job and room.sessions[0].pid, "the question")
    return room.sessions[0]


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


def test_a_what_if_that_changes_nothing_says_so():
    same = Words("en")("ui.means.same")

    async def scene(room, page):
        await page.open("age=40")
        for marker, nothing in (("if-age.40", True), ("if-age.85", False), ("mechanism-dormancy", False), ("if-off.dormancy", True)):
            page.click(marker)
            await page.changed()
            assert (same in page.labels()) is nothing, marker

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


def test_switching_a_mechanism_says_what_it_stands_for():
    async def scene(room, page):
        await page.open()
        switch = next(iter(page.user.find(marker="mechanism-inflammation").elements))
        assert switch.value is True and any("Il-6" in t or "IL-6" in t for t in page.labels())
        page.click("mechanism-inflammation")
        await page.changed()
        assert page.address().mechanisms == {"inflammation": False}
        assert any("STAT3 (a knock-out)" in text for text in page.labels())

    play(scene)


def test_a_switch_never_leaves_two_equal_bodies():
    async def scene(room, page):
        await page.open()
        page.click("mechanism-dual_blood_supply")
        await page.changed()
        assert page.address().what_if == "on.dual_blood_supply"

    play(scene)


@pytest.mark.parametrize("marker, value, words", [
    ("age", "1000", 'cohort.age.mean: found "1000 years"; allowed: 0 to 120 years'),
    ("seed", "-3", 'seed: found "-3"; allowed: a whole number'),
])
def test_a_wrong_value_is_refused_and_what_was_set_stays(marker, value, words):
    async def scene(room, page):
        await page.open("age=70")
        field = next(iter(page.user.find(marker=marker).elements))
        before = field.value
        field.value = value
        page.user.find(marker=marker).trigger("change")
        assert words in page.alert()
        assert field.value == before
        field.value = "44"
        page.user.find(marker=marker).trigger("change")
        assert page.alert() is None
        await page.changed()
        assert getattr(page.address(), marker) == "44"

    play(scene)


@pytest.mark.parametrize("query, words", [
    ("age=x", 'cohort.age.mean: found "x years"'), ("lesson=none", 'unknown lesson "none"'), ("lang=tlh", 'unknown language "tlh"'),
    ("if=off.gravity", 'unknown mechanism "gravity"'), ("colour=red", 'unknown key "colour"'), ("seed=1e3", 'seed: found "1e3"'),
])
def test_a_broken_address_opens_a_fresh_page_that_says_why(query, words):
    async def scene(room, page):
        await page.open(query)
        assert words in page.alert()
        assert page.user.find(marker="if-off.dormancy").elements

    play(scene)


def test_the_address_is_enough_to_go_on():
    async def scene(room, page):
        await page.open("site=breast&age=50&off=dormancy&if=off.inflammation&seed=3&patient=2")
        await page.until(lambda: page.parts() and page.parts()[-1]["kind"] == "frames", "the film")
        head = next(part for part in page.parts() if part["kind"] == "head")
        assert (head["seed"], head["patient"]) == (3, 2)
        assert [(a["primary"], a["age_years"]) for a in head["arms"]] == [("breast", 50.0)] * 2
        assert [(a["mechanisms"]["dormancy"], a["mechanisms"]["inflammation"]) for a in head["arms"]] == [(False, True), (False, False)]

    play(scene)


def test_reset_and_another_patient():
    async def scene(room, page):
        await page.open("age=50&patient=7&lang=zh-Hans")
        page.click("next-patient")
        await page.changed()
        assert page.address().patient == "8"
        page.click("reset")
        await page.changed()
        assert page.address() == Settings(language="zh-Hans")

    play(scene)


def test_a_lesson_from_prediction_to_questions():
    name = lessons.names()[0]
    lesson = lessons.load(name)
    words = Words("en")

    async def scene(room, page):
        await page.open()
        page.click(f"lesson-{name}")
        await page.user.should_see(words(f"lesson.{name}.prediction"))
        for _ in range(3):
            page.click("more-1")
        page.click("fewer-1")
        page.click("more-0")
        await page.until(lambda: sum(page.address().votes) == 3, "the votes")
        assert page.address().votes == tuple([1, 2] + [0] * (len(lesson.options) - 2))
        stage = next(e for e in page.user.client.elements.values() if "stage" in e._classes)
        assert "unseen" in stage._classes, "first the prediction"
        seen = [page.address().step]
        while STEPS[page.address().step] != "questions":
            page.click("lesson-next")
            await page.until(lambda: page.address().step == seen[-1] + 1, "the next step")
            seen.append(page.address().step)
            assert "unseen" not in stage._classes
            if STEPS[seen[-1]] == "explain":
                assert words(f"lesson.{name}.explanation") in page.labels() and words(f"lesson.{name}.source") in page.labels()
                assert any(text.endswith(words("ui.lesson.votes", votes=2)) for text in page.labels())
        assert seen == list(range(len(STEPS)))
        assert {words(f"lesson.{name}.question.1"), words(f"lesson.{name}.question.2")} <= set(page.labels())
        page.click("lesson-explore")
        await page.until(lambda: page.address().lesson == "", "the end of the lesson")
        parts = [[(a.primary, dict(a.mechanisms), {n: p.value for n, p in a.parameters.items()}) for a in arms] for arms in (page.address().arms(), lesson.arms)]
        assert parts[0] == parts[1]

    play(scene)


def test_a_lesson_goes_on_after_a_reload():
    name = lessons.names()[0]

    async def scene(room, page):
        await page.open(f"lesson={name}&step=3&votes=4,2")
        words = Words("en")
        assert words(f"lesson.{name}.explanation") in page.labels()
        assert any(words("ui.lesson.votes", votes=4) in text for text in page.labels())

    play(scene)


def test_every_lesson_can_be_drawn_in_every_language():
    async def scene(room, page):
        @ui.page("/still")
        def still(request: Request):  # a page that computes nothing
            drawn.append(Page(room, request.url.query))

        drawn: list[Page] = []
        for name in lessons.names():
            for language in ("en", "zh-Hans"):
                await page.user.open(f"/still?lang={language}&lesson={name}")
                for step in range(len(STEPS)):
                    drawn[-1].lesson_panel.go(step)
                    assert Words(language)(f"lesson.{name}.title") in page.labels()
                    assert Words(language)(f"ui.lesson.{STEPS[step]}") in page.labels()
        assert len(drawn) == 12

    play(scene)


def test_one_tab_too_many_gets_a_polite_page():
    async def scene(room, page):
        await page.open()
        await page.open()
        assert len(room.sessions) == 1
        await page.user.should_see(Words("en")("ui.full"), retries=20)
        assert any("1 pages are open" in text for text in page.labels())

    play(scene, most_tabs=1)


def test_closing_a_tab_frees_its_place():
    async def scene(room, page):
        await page.open()
        await page.until(lambda: len(room.sessions) == 1 and room.sessions[0].pid, "its worker")
        page.user.client.delete()
        assert room.sessions == []

    play(scene)


class Patience:
    """The waits for lost tabs, which end when the test says so."""

    def __init__(self, monkeypatch):
        self.ends = []
        monkeypatch.setattr("sim.demo.page.asyncio", types.SimpleNamespace(sleep=self.sleep))

    async def sleep(self, seconds):
        if seconds != FREE_SECONDS:
            return await asyncio.sleep(seconds)
        self.ends.append(asyncio.Event())
        await self.ends[-1].wait()


def test_a_lost_tab_frees_its_worker_and_goes_on_when_it_comes_back(monkeypatch, mute_workers):
    monkeypatch.setattr("sim.demo.page.FREE_SECONDS", 0.1)

    async def scene(room, page):
        await page.open("lesson=sleepers&step=1")
        await page.until(lambda: room.sessions and room.sessions[0].pid, "its worker")
        await page.connected()
        tab_id = page.lose()
        await page.until(lambda: room.sessions == [], "its end")
        monkeypatch.setattr(Worker, "ask", ASK)
        page.come_back(tab_id)
        await page.until(lambda: any(part["kind"] == "frames" for part in page.parts()), "the film of a new worker")
        assert len(room.sessions) == 1 and page.alert() is None
        assert Words("en")("lesson.sleepers.watch") in page.labels()

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
        await page.connected()
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


@pytest.mark.parametrize("kind, what, missing", [("done", None, None), ("progress", 0.5, "the cohort"), ("film", HEAD, "both")])
def test_what_is_there_is_not_computed_again_when_a_lost_tab_comes_back(monkeypatch, mute_workers, kind, what, missing):
    """A class that watches must not be thrown back to the start of its film."""
    patience = Patience(monkeypatch)

    async def scene(room, page):
        await page.open("lesson=sleepers&step=1")
        await page.connected()
        old = await asked(room, page)
        patient = old._job.patient
        old._hear((old._job.number, kind, what))
        tab_id = page.lose()
        await page.until(lambda: len(patience.ends) == 1, "the loss")
        patience.ends[0].set()
        await page.until(lambda: room.sessions == [], "the end of its worker")
        page.come_back(tab_id)
        await page.until(lambda: room.sessions and room.sessions[0] is not old, "the return")
        page.click("lesson-next")
        await page.changed()
        assert page.told("empty") == (1 if missing is None else 2), "emptied at the start, and for what is asked again"
        if missing:
            await page.until(lambda: room.sessions[0]._job, "the question")
            assert room.sessions[0]._job.patient == (patient if missing == "both" else None)

    play(scene)


def test_a_message_of_a_dead_worker_offers_another_try():
    async def scene(room, page):
        await page.open()
        await page.until(lambda: room.sessions and room.sessions[0].pid, "its worker")
        room.sessions[0]._worker._process.kill()
        await page.until(lambda: page.alert() is not None, "the message")
        assert page.alert() == Words("en")("ui.died")
        page.click("again")
        page.scripts.clear()
        await page.until(lambda: page.parts(), "a new worker's film")
        assert page.alert() is None

    play(scene)
