"""One tab: its layout, and what happens when something is changed.

Every change goes one way: new settings are resolved by the scenario loader; if it refuses, its message is
shown and nothing else happens; else they go into the address and to the tab's worker, and what comes back
goes straight to the drawings.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import background_tasks, ui

from sim.demo import lessons, texts
from sim.demo.controls import Controls
from sim.demo.elements import CurvesPanel, Stage
from sim.demo.lesson_panel import LessonPanel
from sim.demo.phrases import Phrases
from sim.demo.session import FREE_SECONDS, Classroom, Session
from sim.demo.settings import COHORT_PATIENTS, Settings
from sim.errors import InputError
from sim.scenario import Scenario

if TYPE_CHECKING:
    from sim.demo.lessons import Lesson

ACCENT = "#7a2e3a"
"""The colour of Quasar's controls, that of `--accent` in classroom.css."""
_DEBOUNCE_SECONDS = 0.15
_LONGEST_KEY, _MOST_KEYS = 40, 5


def _nothing() -> None:
    """Nobody is looked at."""


class Page:
    """A tab of the classroom. Build it in a NiceGUI page, then `await start()` once the browser is connected."""

    def __init__(self, classroom: Classroom, query: str) -> None:
        self.classroom, self.client = classroom, ui.context.client
        self.session: Session | None = None
        self._look_away: Callable[[], None] = _nothing
        self._gone, problem, ignored = False, None, Settings.unknown_keys(query)
        try:
            self.settings = Settings.from_query(query)
            self.words = Phrases(self.settings.language)
            self._resolve(self.settings)
            if self.settings.lesson:
                lessons.load(self.settings.lesson)
        except InputError as error:
            problem = str(error)
            self.settings = Settings()
            self.words = Phrases(self.settings.language)
        self._asked = self._losses = 0
        self._has_film = self._has_cohort = False
        self._build()
        if problem:
            self.alert("ui.address", what=problem)
        if ignored:
            keys = ", ".join(key[:_LONGEST_KEY] for key in ignored[:_MOST_KEYS])
            self._ignored.set_text(self.words("ui.address.ignored", keys=keys))
        self._ignored.set_visibility(bool(ignored))

    # -- layout ------------------------------------------------------------------------------------

    def _build(self) -> None:
        ui.page_title(self.words("ui.title"))
        ui.colors(primary=ACCENT)
        ui.add_head_html(f'<script>document.documentElement.lang = "{self.settings.language}"</script>')
        ui.add_head_html(f'<meta name="description" content="{self.words("ui.subtitle")}">')
        with ui.element("div").classes("classroom"):
            ui.link(self.words("ui.skip"), "#stage").classes("skip")
            self._header()
            ui.label(self.words("ui.lost")).classes("lost-note").props("role=status")
            self._alert = ui.label().classes("alert").props("role=alert")
            self._again = (
                ui.button(self.words("ui.again"), on_click=self._try_again, color=None)
                .props("no-caps unelevated")
                .classes("again")
                .mark("again")
            )
            self._waiting = ui.label().classes("waiting").props("role=status")
            self._waiting.set_visibility(False)
            self._ignored = ui.label().classes("waiting").props("role=status")
            self.hush()
            with ui.element("main").classes("columns") as self.columns:
                with ui.element("div").classes("top"):
                    self.lesson_panel = LessonPanel(self)
                    self.what_ifs = ui.element("section").classes("card what-ifs")
                self._stage()
                self._cohort()
                self.aside = (
                    ui.element("aside").classes("card settings").props(f'aria-label="{self.words("ui.controls")}"')
                )
            self.controls = Controls(self)
            ui.label(self.words("ui.foot")).classes("foot")
        self.lesson_panel.show()

    def _header(self) -> None:
        with ui.element("header"):
            with ui.element("div").classes("name"):
                with ui.element("h1"):
                    ui.html(self.words("ui.title"), sanitize=False, tag="span")
                ui.label(self.words("ui.subtitle")).classes("subtitle")
            with ui.element("nav").props(f'aria-label="{self.words("ui.language")}"').classes("languages"):
                for code in texts.languages():
                    link = ui.link(Phrases(code)("language.name"), self._address(language=code)).props(
                        f'lang="{code}" hreflang="{code}"'
                    )
                    link.mark(f"language-{code}")
                    link.on("click.prevent", lambda code=code: ui.navigate.to(self._address(language=code)))
                    if code == self.settings.language:
                        link.props('aria-current="true"')

    def _stage(self) -> None:
        with (
            ui.element("section")
            .classes("card stage")
            .props(f'id="stage" tabindex="-1" aria-label="{self.words("ui.stage")}"') as self.stage_card
        ):
            self._computing = ui.label(self.words("ui.computing")).classes("computing").props("role=status")
            self.stage = Stage(dict(self.words.catalogue))

    def _cohort(self) -> None:
        with (
            ui.element("section")
            .classes("card cohort")
            .props(f'aria-label="{self.words("ui.cohort")}"') as self.cohort_card
        ):
            with ui.element("h2"):
                ui.html(self.words("ui.cohort"), sanitize=False, tag="span")
            self._cohort_help = ui.label().classes("help")
            self._bar = ui.element("progress").props("max=1 value=0").classes("bar")
            self._bar_text = ui.label().classes("bar-text")
            self.curves = CurvesPanel(dict(self.words.catalogue), self.words.bodies(self.names()))

    # -- state -------------------------------------------------------------------------------------

    @property
    def lesson(self) -> Lesson | None:
        """The lesson that is being taught, or None."""
        return self.lesson_panel.lesson

    def _address(self, **changes: Any) -> str:
        query = self.settings.with_(**changes).query()
        return f"/?{query}" if query else "/"

    def _resolve(self, settings: Settings) -> tuple[list[Scenario], int, int]:
        """The bodies, seed and patient of some settings. Raises InputError with all that is wrong."""
        problems, out = [], []
        for part in (settings.arms, settings.numbers):
            try:
                out.append(part())
            except InputError as error:
                problems.append(str(error))
        if problems:
            raise InputError("\n".join(problems))
        return out[0], *out[1]

    @property
    def patients(self) -> int:
        """Size of the cohort."""
        return self.lesson.patients if self.lesson else COHORT_PATIENTS

    def names(self) -> list[str]:
        """What the bodies are called."""
        if self.lesson:
            return [self.words(f"arm.{name}") for name in self.lesson.names]
        return self.words.arms(self.settings)

    def change(self, **changes: Any) -> bool:
        """Take changed settings, compute anew; False (and a message) where they cannot be."""
        wanted = self.settings.with_(**changes)
        try:
            self._resolve(wanted)
        except InputError as error:
            self.alert("ui.refused", what=str(error))
            return False
        self.settings = wanted
        self.hush()
        self.remember()
        self.controls.show()
        self.recompute()
        return True

    def note(self, **changes: Any) -> None:
        """Settings that the model does not read (a lesson's step, votes): only the address changes."""
        self.settings = self.settings.with_(**changes)
        self.remember()

    def remember(self) -> None:
        """Put the settings into the page's address."""
        self.client.run_javascript(f'history.replaceState(null, "", "{self._address()}")')

    # -- computing ---------------------------------------------------------------------------------

    async def away(self) -> None:
        """The connection is lost: for a moment, or because the tab was closed. If it stays so, the worker is freed."""
        session = self.session
        if session is None:
            return
        self._losses += 1
        loss = self._losses
        session.connected = self.client.has_socket_connection
        await asyncio.sleep(FREE_SECONDS)
        if loss == self._losses and not session.connected and self.session is session:
            self._free()

    def back(self) -> None:
        """The connection is there (again): go on, or compute what is not there yet."""
        if self._gone:
            return
        if self.session is not None and not self.session.closed:
            self.session.connected = True
            return
        self.session = self.classroom.enter(self._show)
        if not self._has_cohort:
            self.recompute(patience_seconds=0.0, film=not self._has_film)

    def leave(self) -> None:
        """The tab is gone for good."""
        self._gone = True
        self._free()

    def _free(self) -> None:
        """Its place and its worker are free, until it comes back."""
        self._look_away()
        if self.session is not None:
            self.classroom.leave(self.session)
            self.session = None

    def recompute(self, patience_seconds: float = _DEBOUNCE_SECONDS, film: bool = True) -> None:
        """Ask for the film (unless it is there) and the cohort, but not at once: sliders pass many values."""
        self._asked += 1
        self._has_film, self._has_cohort = not film, False
        self._look_away()
        if self.session is not None:
            self.session.drop()
        self._computing.set_visibility(film)
        names = self.names()
        organ = self.lesson.organ if self.lesson else "all"
        self.curves.tell("empty", f"{json.dumps(self.words.bodies(names), ensure_ascii=False)}, {json.dumps(organ)}")
        if self.lesson and organ != "all":
            self.stage.tell("select", json.dumps(organ))
        self._progress(0.0)
        one = "" if len(names) == 2 else ".one"
        self._cohort_help.set_text(self.words(f"ui.cohort.help{one}", patients=self.patients))
        background_tasks.create(self._ask(self._asked, names, patience_seconds, film))

    def _try_again(self) -> None:
        self.hush()
        self.recompute()

    async def _ask(self, asked: int, names: list[str], patience_seconds: float, film: bool) -> None:
        await asyncio.sleep(patience_seconds)
        if asked != self._asked or self.session is None:
            return
        if self.lesson:
            lesson = self.lesson

            def show(kind: str, what: object) -> None:
                if film or kind != "film":
                    self._show(kind, what)

            self.session.withdraw()
            self._look_away = self.classroom.watch(
                lesson.name, lesson.arms, names, lesson.seed, lesson.patient, lesson.patients, show
            )
            return
        arms, seed, patient = self._resolve(self.settings)
        await self.session.ask(arms, names, seed, patient if film else None, self.patients)

    def _show(self, kind: str, what: Any) -> None:
        """A message of what computes for this tab."""
        with self.stage_card:
            if kind == "waiting":
                self._waiting.set_visibility(what is not None)
                if what is not None:
                    place, waiting = what
                    words = self.words("ui.waiting", tabs=self.classroom.most_tabs, place=place, waiting=waiting)
                    self._waiting.set_text(words)
                return
            if kind == "film":
                # A film starts by itself, unless the class must predict first: then the lesson starts it.
                self.stage.tell("film", f"{what}, {'false' if self.lesson_panel.hides_stage else 'true'}")
                if what.startswith('{"kind":"head"'):
                    self._computing.set_visibility(False)
                return
            self._has_film = True  # whole: the cohort comes after it
            if kind == "curves":
                self.curves.tell("update", what)
            elif kind == "progress":
                self._progress(what)
            elif kind == "done":
                self._has_cohort = True
                self._progress(1.0)
            else:
                self._stopped(kind, what)

    def _stopped(self, kind: str, what: object) -> None:
        """Nothing more will come: the page must not say that something is being computed."""
        self._has_film = False
        self._computing.set_visibility(False)
        self._bar_text.set_text("")
        self.alert(f"ui.{kind}", again=kind == "died", what=what)

    def _progress(self, share: float) -> None:
        self._bar.props(f"value={share:.3f}")
        done = share >= 1.0
        text = (
            self.words("ui.cohort.done", patients=self.patients)
            if done
            else self.words("ui.cohort.progress", percent=int(100 * share))
        )
        self._bar_text.set_text(text)

    # -- messages ----------------------------------------------------------------------------------

    def alert(self, key: str, again: bool = False, **values: object) -> None:
        """Say what is wrong, above everything and to screen readers."""
        self._alert.set_text(self.words(key, **values))
        self._alert.set_visibility(True)
        self._again.set_visibility(again)

    def hush(self) -> None:
        """Take the message back."""
        self._alert.set_visibility(False)
        self._again.set_visibility(False)
