"""A lesson on the page: the class predicts and votes before it looks, then watches, compares, explains and asks on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from sim.demo import lessons
from sim.demo.settings import MOST_VOTES, Settings

if TYPE_CHECKING:
    from sim.demo.page import Page

STEPS = ("predict", "watch", "many", "explain", "questions")
"""The steps of every lesson, each with its heading `ui.lesson.<step>`."""


class LessonPanel:
    """The list of lessons, and the one that is being taught."""

    def __init__(self, page: Page):
        self.page, self.words = page, page.words
        self.lesson: lessons.Lesson | None = None
        if page.settings.lesson:
            self.lesson = lessons.load(page.settings.lesson)
        self._menu = ui.element("nav").classes("card lessons").props(f'aria-label="{self.words("ui.lessons")}"')
        self._card = ui.element("section").classes("card lesson").props('tabindex="-1"')

    @property
    def step(self) -> str:
        """The step that is shown."""
        return STEPS[min(self.page.settings.step, len(STEPS) - 1)]

    @property
    def _taught(self) -> lessons.Lesson:
        """The lesson, for what is drawn and asked only while there is one."""
        assert self.lesson is not None
        return self.lesson

    @property
    def hides_stage(self) -> bool:
        """Whether the class must predict before it sees anything."""
        return self.lesson is not None and self.step == "predict"

    def _text(self, key: str) -> str:
        return self.words(f"lesson.{self._taught.name}.{key}")

    # -- drawing -------------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw the list, or the step of the lesson; show and hide the rest of the page accordingly."""
        page, teaching = self.page, self.lesson is not None
        self._menu.set_visibility(not teaching)
        self._card.set_visibility(teaching)
        for part in (page.what_ifs, page.aside):
            part.set_visibility(not teaching)
        # Hidden without leaving the layout: the player measures its drawing when a film comes.
        page.stage_card.classes(add="unseen" if self.hides_stage else "", remove="" if self.hides_stage else "unseen")
        page.cohort_card.set_visibility(not teaching or self.step not in ("predict", "watch"))
        later = teaching and self.step not in ("predict", "watch")
        page.columns.classes(add="cohort-first" if later else "", remove="" if later else "cohort-first")
        self._menu.clear()
        self._card.clear()
        if teaching:
            with self._card:
                self._draw_step()
        else:
            with self._menu:
                self._draw_menu()

    def _heading(self, level: str, text: str) -> ui.element:
        with ui.element(level) as heading:
            ui.label(text).classes("inline")
        return heading

    def _draw_menu(self) -> None:
        self._heading("h2", self.words("ui.lessons"))
        with ui.element("div").classes("chips"):
            for name in lessons.names():
                lesson = lessons.load(name)
                button = ui.button(
                    self.words(f"lesson.{name}.title"), on_click=lambda name=name: self.begin(name), color=None
                )
                button.props("no-caps flat").classes("chip").mark(f"lesson-{name}")
                button.props(f'title="{self.words("ui.lessons.minutes", minutes=lesson.minutes)}"')

    def _draw_step(self) -> None:
        number, step = STEPS.index(self.step), self.step
        with ui.element("div").classes("lesson-head"):
            with ui.element("div"):
                self._heading("h2", self._text("title"))
                ui.label(self.words("ui.lesson.step", step=number + 1, steps=len(STEPS))).classes("help").props(
                    "role=status"
                ).mark("lesson-step")
            ui.button(self.words("ui.lesson.leave"), on_click=self.leave, color=None).props("no-caps flat").classes(
                "quiet"
            ).mark("lesson-leave")
        with ui.element("div").classes("steps").props("aria-hidden=true"):
            for i in range(len(STEPS)):
                ui.element("span").classes("passed" if i <= number else "")
        with ui.element("div").classes(f"lesson-body step-{step}"):
            with ui.element("div").classes("lesson-text"):
                self._heading("h3", self.words(f"ui.lesson.{step}"))
                getattr(self, f"_draw_{step}")()
            self._draw_foot(number, step)

    def _draw_foot(self, number: int, step: str) -> None:
        with ui.element("div").classes("lesson-foot"):
            if number:
                ui.button(self.words("ui.lesson.back"), on_click=lambda: self.go(number - 1), color=None).props(
                    "no-caps outline"
                ).mark("lesson-back")
            if number + 1 < len(STEPS):
                key = "ui.lesson.run" if step == "predict" else "ui.lesson.next"
                ui.button(self.words(key), on_click=lambda: self.go(number + 1), color=None).props(
                    "no-caps unelevated"
                ).mark("lesson-next")
            else:
                ui.button(self.words("ui.lesson.end"), on_click=self.leave, color=None).props("no-caps outline").mark(
                    "lesson-end"
                )
                ui.button(self.words("ui.lesson.explore"), on_click=self.explore, color=None).props(
                    "no-caps unelevated"
                ).mark("lesson-explore")

    def _draw_predict(self) -> None:
        with ui.element("div").classes("halves"):
            ui.label(self._text("intro")).classes("prose")
            with ui.element("div"):
                ui.label(self._text("prediction")).classes("question")
                ui.label(self.words("ui.lesson.vote")).classes("help")
                self._draw_votes()

    def _draw_votes(self) -> None:
        votes, self._counts = self._votes(), []
        for i, option in enumerate(self._taught.options):
            text = self.words(option)
            with ui.element("div").classes("vote").props(f'role=group aria-label="{text}"'):
                ui.label(text).classes("vote-text")
                ui.button("−", on_click=lambda i=i: self.vote(i, -1), color=None).props(
                    f'flat aria-label="{self.words("ui.lesson.fewer", option=text)}"'
                ).mark(f"fewer-{i}")
                count = ui.label(str(votes[i])).classes("votes").props("role=status").mark(f"votes-{i}")
                ui.button("+", on_click=lambda i=i: self.vote(i, 1), color=None).props(
                    f'flat aria-label="{self.words("ui.lesson.more", option=text)}"'
                ).mark(f"more-{i}")
                self._counts.append((count, ui.element("progress").classes("share").props("aria-hidden=true")))
        self._count()

    def _draw_watch(self) -> None:
        ui.label(self._text("watch")).classes("prose")

    def _draw_many(self) -> None:
        ui.label(self._text("many")).classes("prose")

    def _draw_explain(self) -> None:
        votes = self._votes()
        with ui.element("div").classes("halves"):
            with ui.element("ul").classes("answers"):
                for i, option in enumerate(self._taught.options):
                    right = i == self._taught.answer
                    with ui.element("li").classes("right" if right else ""):
                        ui.label(self.words(option)).classes("answer")
                        note = [self.words("ui.lesson.answer")] if right else []
                        note += [self.words("ui.lesson.votes", votes=votes[i])] if any(votes) else []
                        if note:
                            ui.label(" · ".join(note)).classes("help")
            ui.label(self._text("explanation")).classes("prose").mark("explanation")
        with ui.element("div").classes("source"):
            self._heading("h4", self.words("ui.lesson.source"))
            ui.label(self._text("source")).mark("source")

    def _draw_questions(self) -> None:
        with ui.element("ol").classes("questions"):
            for i in (1, 2):
                with ui.element("li"):
                    ui.label(self._text(f"question.{i}")).mark(f"question-{i}")
        ui.label(self.words("ui.lesson.handout", name=self._taught.name, language=self.page.settings.language)).classes(
            "help"
        )

    # -- moving --------------------------------------------------------------------------------------

    def begin(self, name: str) -> None:
        """Teach a lesson from its start."""
        self.lesson = lessons.load(name)
        self.page.note(lesson=name, step=0, votes=())
        self.page.stage.tell("clear")
        self._arrive()
        self.page.recompute()

    def go(self, step: int) -> None:
        """Go to a step; the film starts when it may be seen."""
        was_hidden = self.hides_stage
        self.page.note(step=step)
        self._arrive()
        if was_hidden:
            self.page.stage.tell("play")
        elif self.hides_stage:
            self.page.stage.tell("pause")

    def _arrive(self) -> None:
        self.show()
        self.page.client.run_javascript(
            "window.scrollTo({top: 0}); setTimeout(() => "
            'document.querySelector(".card.lesson")?.focus({preventScroll: true}), 50)'
        )

    def leave(self) -> None:
        """Back to exploring freely, with what was set before."""
        self.lesson = None
        self.page.note(lesson="", step=0, votes=())
        self.show()
        self.page.recompute()

    def explore(self) -> None:
        """Explore on with what the lesson showed."""
        settings = Settings.of_arms(self._taught.arms, self._taught.seed, self._taught.patient)
        self.lesson = None
        self.show()
        self.page.change(
            **{name: getattr(settings, name) for name in settings.__dataclass_fields__ if name != "language"}
        )

    def vote(self, option: int, by: int) -> None:
        """Count a vote."""
        votes = self._votes()
        votes[option] = min(max(votes[option] + by, 0), MOST_VOTES)
        self.page.note(votes=tuple(votes))
        self._count()

    def _count(self) -> None:
        """Show the votes without drawing the buttons anew: a keyboard must keep its place."""
        votes = self._votes()
        for (count, share), number in zip(self._counts, votes, strict=True):
            count.set_text(str(number))
            share.props(f"max={max(1, sum(votes))} value={number}")

    def _votes(self) -> list[int]:
        votes = list(self.page.settings.votes)[: len(self._taught.options)]
        return votes + [0] * (len(self._taught.options) - len(votes))
