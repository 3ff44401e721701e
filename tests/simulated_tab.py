"""The page of the classroom without a browser, for tests: NiceGUI's simulated user, real workers unless they are mute."""

import asyncio
import json
import sys
import types
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("nicegui", reason="the classroom's page needs the extra 'demo'")

from nicegui import ui
from nicegui.testing import user_simulation

from sim.demo import entrance as tab
from sim.demo.phrases import Phrases
from sim.demo.session import FREE_SECONDS, Classroom
from sim.demo.settings import Settings
from sim.demo.worker_handle import Worker


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
        return [
            element.text
            for element in self.user.client.elements.values()
            if isinstance(element, ui.label) and element.visible
        ]

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
        return Phrases("en")("ui.computing") in self.labels()

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
