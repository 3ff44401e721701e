"""What a class can change: the row of what-ifs, and the panel of the patient. Each says what it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from sim.demo.phrases import MAIN_MECHANISMS, MORE_WHAT_IFS, WHAT_IFS
from sim.demo.settings import LARGEST_PATIENT, Settings
from sim.demo.treatments import MAIN_TREATMENTS, TREATMENTS
from sim.mechanisms import REGISTRY
from sim.names import SITES

if TYPE_CHECKING:
    from sim.demo.page import Page

DAYS_PER_MONTH = 30.4375
YOUNGEST, OLDEST = 20, 95
HORIZONS = ("5", "10", "20")
LATEST_MONTHS = 60


class Controls:
    """The controls of a page, drawn into its two empty places; `show()` draws them again from the settings."""

    def __init__(self, page: Page) -> None:
        self.page, self.words = page, page.words
        self._showing = False
        self._draw_what_ifs()
        with page.aside:
            self._draw_patient()
        self.show()

    # -- drawing, once -----------------------------------------------------------------------------

    def _heading(self, key: str, level: str = "h2") -> None:
        with ui.element(level):
            ui.html(self.words(key), sanitize=False, tag="span")

    def _draw_what_ifs(self) -> None:
        self._what_ifs: dict[str, ui.button] = {}
        with self.page.what_ifs:
            self._heading("ui.what_if")
            with ui.element("div").props(
                f'role=group aria-label="{self.words("ui.what_if")} {self.words("ui.what_if.help")}"'
            ):
                with ui.element("div").classes("chips"):
                    for what_if in (*WHAT_IFS, ""):
                        self._draw_what_if(what_if)
                self._others = self._more("ui.what_if.more")
                with self._others, ui.element("div").classes("chips"):
                    for what_if in MORE_WHAT_IFS:
                        self._draw_what_if(what_if)
            self._means = ui.label().classes("means").props("aria-live=polite")

    def _draw_what_if(self, what_if: str) -> None:
        label = self.words.what_if(what_if) if what_if else self.words("ui.what_if.none")
        button = ui.button(label, on_click=lambda: self.page.change(what_if=what_if), color=None)
        self._what_ifs[what_if] = button.props("no-caps flat").classes("chip").mark(f"if-{what_if or 'none'}")

    def _draw_patient(self) -> None:
        self._switches: dict[str, ui.switch] = {}
        self._states: dict[str, ui.label] = {}
        self._given: dict[str, tuple[ui.switch, ui.slider, ui.label]] = {}
        for draw in (self._draw_person, self._draw_mechanisms, self._draw_treatments, self._draw_luck):
            with ui.element("div").classes("group"):
                draw()

    def _draw_person(self) -> None:
        words = self.words
        self._heading("ui.controls")
        self._primary = self._select("ui.primary", {site: words(f"site.{site}") for site in SITES}, "primary")
        ui.label(words("ui.means.site")).classes("help")
        self._age = self._number("ui.age", YOUNGEST, OLDEST, "age")
        ui.label(words("ui.means.age")).classes("help")
        self._horizon = self._select("ui.horizon", {years: years for years in HORIZONS}, "horizon")
        ui.label(words("ui.means.horizon")).classes("help")

    def _draw_mechanisms(self) -> None:
        self._heading("ui.controls.mechanisms", "h3")
        for name in MAIN_MECHANISMS:
            self._draw_mechanism(name)
        with self._more("ui.controls.more"):
            for name in REGISTRY:
                if name not in MAIN_MECHANISMS:
                    self._draw_mechanism(name)

    def _draw_treatments(self) -> None:
        self._heading("ui.controls.treatments", "h3")
        for name in MAIN_TREATMENTS:
            self._draw_treatment(name)
        with self._more("ui.controls.more_treatments"):
            for name in TREATMENTS:
                if name not in MAIN_TREATMENTS:
                    self._draw_treatment(name)

    def _draw_luck(self) -> None:
        words = self.words
        self._heading("ui.controls.luck", "h3")
        with ui.element("div").classes("luck"):
            self._seed = self._number("ui.seed", 0, None, "seed")
            self._patient = self._number("ui.patient", 0, LARGEST_PATIENT, "patient")
            ui.button(words("ui.patient.next"), on_click=self._next_patient, color=None).props("no-caps outline").mark(
                "next-patient"
            )
        ui.label(words("ui.means.seed")).classes("help")
        ui.label(words("ui.means.patient")).classes("help")
        ui.button(words("ui.reset"), on_click=self._reset, color=None).props("no-caps outline").classes("reset").mark(
            "reset"
        )

    def _more(self, key: str) -> ui.element:
        with ui.element("details") as details, ui.element("summary"):
            ui.html(self.words(key), sanitize=False, tag="span")
        return details

    def _select(self, key: str, options: dict[str, str], name: str) -> ui.select:
        select = ui.select(options, label=self.words(key), on_change=lambda e: self._take(name, e.value))
        return select.props("outlined dense options-dense").classes("field").mark(name)

    def _number(self, key: str, low: int, high: int | None, name: str) -> ui.input:
        field = (
            ui.input(self.words(key))
            .props(f"outlined dense type=number inputmode=numeric step=1 min={low}")
            .classes("field")
            .mark(name)
        )
        if high is not None:
            field.props(f"max={high}")
        field.on("change", lambda: self._take(name, field.value))
        return field

    def _draw_mechanism(self, name: str) -> None:
        switch = ui.switch(self.words.mechanism(name), on_change=lambda e, name=name: self._switch(name, e.value))
        self._switches[name] = switch.classes("switch").mark(f"mechanism-{name}")
        self._states[name] = ui.label().classes("help").props(f'id="means-{name}"')
        switch.props(f'aria-describedby="means-{name}"')

    def _draw_treatment(self, name: str) -> None:
        """A switch, and its place on the time line from the diagnosis on."""
        with ui.element("div").classes("treatment"):
            switch = ui.switch(self.words.treatment(name), on_change=lambda e: self._treat(name, e.value))
            switch.classes("switch").mark(f"treatment-{name}")
            ui.label(self.words.treatment_means(name)).classes("help").props(f'id="treats-{name}"')
            switch.props(f'aria-describedby="treats-{name}"')
            slider = ui.slider(min=0, max=LATEST_MONTHS, step=1, value=0).props("dense snap").mark(f"start-{name}")
            # the value that the event brings: the element's own comes some milliseconds later
            slider.on("change", lambda event: self._treat(name, True, event.args))
            when = ui.label().classes("help when")
        self._given[name] = switch, slider, when

    # -- from the settings ---------------------------------------------------------------------------

    def show(self) -> None:
        """Put every control to what is set, without taking that for a change."""
        self._showing = True
        settings, words = self.page.settings, self.words
        self._primary.set_value(settings.primary)
        if settings.horizon not in self._horizon.options:
            self._horizon.set_options({years: years for years in (*self._horizon.options, settings.horizon)})
        self._horizon.set_value(settings.horizon)
        for field, value in ((self._age, settings.age), (self._seed, settings.seed), (self._patient, settings.patient)):
            field.set_value(value)
        first, *other = settings.arms()
        states = first.mechanisms
        for name, switch in self._switches.items():
            switch.set_value(states[name])
            self._states[name].set_text(_sentence(words.mechanism_means(name, states[name])))
        self._show_treatments(settings)
        for what_if, button in self._what_ifs.items():
            button.props(f"aria-pressed={'true' if what_if == settings.what_if else 'false'}")
        if settings.what_if in MORE_WHAT_IFS:
            self._others.props("open")
        self._means.set_text(
            words("ui.means.same") if first in other else words.means(settings.what_if) if other else ""
        )
        self._showing = False

    def _show_treatments(self, settings: Settings) -> None:
        for name, (switch, slider, when) in self._given.items():
            given = name in settings.treatments
            switch.set_value(given)
            slider.set_visibility(given)
            when.set_visibility(given)
            if given:
                months = round(float(settings.treatments[name]) / DAYS_PER_MONTH)
                slider.set_value(months)
                text = self.words("ui.controls.start", what=self.words.treatment(name), months=months)
                when.set_text(text)
                slider.props(f'aria-label="{text}"')

    # -- changes -------------------------------------------------------------------------------------

    def _change(self, **changes: Any) -> None:
        """Take changes, or put the controls back to what is set."""
        if not self.page.change(**changes):
            self.show()

    def _take(self, name: str, value: Any) -> None:
        value = "" if value is None else str(value)
        if not self._showing and value != getattr(self.page.settings, name):
            self._change(**{name: value})

    def _switch(self, name: str, on: bool) -> None:
        if self._showing:
            return
        settings = self.page.settings
        changes: dict[str, Any] = {"mechanisms": {**settings.mechanisms, name: on}}
        if settings.what_if == f"{'on' if on else 'off'}.{name}":  # both bodies would be the same
            changes["what_if"] = f"{'off' if on else 'on'}.{name}"
        self._change(**changes)

    def _treat(self, name: str, given: bool, months: float | None = None) -> None:
        if self._showing:
            return
        treatments = dict(self.page.settings.treatments)
        treatments.pop(name, None)
        if given:
            months = self._given[name][1].value if months is None else months
            treatments[name] = str(round(months * DAYS_PER_MONTH))
        self._change(treatments=treatments)

    def _next_patient(self) -> None:
        number = self.page.settings.patient
        self.page.change(patient=str(int(number) + 1 if int(number) < LARGEST_PATIENT else 0))

    def _reset(self) -> None:
        start = Settings(language=self.page.settings.language)
        self.page.change(**{name: getattr(start, name) for name in start.__dataclass_fields__})


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
