"""The treatments of a model's lanes, day by day: who gets a dose this morning, and what it does.

A day on which nobody has a dose, starts or ends costs one comparison a plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sim.disease import metastases as struck
from sim.disease.doses import keyed_adherence
from sim.disease.resistance import Resistance
from sim.disease.signals import Rates, Signals
from sim.names import DRUGS, NEVER, NICHES, RESISTANCE_CLASSES
from sim.numerics import streams
from sim.treatments import REGISTRY
from sim.treatments.base import (
    DIAGNOSIS,
    FIRST_METASTASIS,
    OPERATION,
    SURGERY,
    Course,
    Plan,
    Today,
    TreatedModel,
    does,
)

if TYPE_CHECKING:
    from sim.catalog.parameters import LaneParameters
    from sim.disease.cells import TumourCells
    from sim.disease.colonies import ColonyLaw
    from sim.disease.descent import Descent
    from sim.disease.hosts import Hosts
    from sim.disease.primary import PrimaryTumour

Given = Sequence[tuple[Plan, np.ndarray]]
"""Plans, each with the lanes (bool) that get it."""


def classes_of(given: Given) -> int:
    """Classes of colonies by the drugs that they may resist: one where nobody gets a drug."""
    return RESISTANCE_CLASSES if any(plan.name in DRUGS for plan, _ in given) else 1


class Timetable:
    """The days of a plan's doses by lane: start, then every `every_days`, `cycles` times.

    Of a course that would start before the first malignant cell, the days before it are over: it starts on day 0, and
    ends when it would have.
    """

    def __init__(self, plan: Plan, lanes: np.ndarray, key: np.uint64, patient: np.ndarray) -> None:
        self.plan, self.lanes = plan, lanes
        self._key, self._patient = key, patient
        self._code = REGISTRY[plan.name].code
        self._length = plan.cycles * plan.every_days
        self.start, self.end = (np.full(len(lanes), NEVER, dtype=np.int64) for _ in range(2))
        self.next_day = NEVER

    def begin(self, chosen: np.ndarray, event_day: np.ndarray, today: int) -> None:
        """Start (bool lanes) so many days after the event, today at the earliest; who has started stays."""
        new = chosen & self.lanes & (self.start == NEVER)
        if new.any():
            planned = event_day[new] + self.plan.start_days
            self.start[new] = np.maximum(planned, today)
            self.end[new] = self.start[new] + self._length + np.minimum(planned, 0)
            self.next_day = min(self.next_day, int(self.start[new].min()))

    def advance(self, day: int, alive: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Lanes (bool) that take a dose today; sets `level` (lanes,) where a dose begins or the last one ends."""
        since = day - self.start
        over = day >= self.end
        running = alive & (since >= 0) & ~over
        due = running & (since % self.plan.every_days == 0)
        level[over | ~alive] = 0.0
        taken = due.copy()
        if self.plan.adherence < 1.0:
            keyed_adherence(
                self._key,
                self._patient,
                self._code,
                self.plan.turn,
                since // self.plan.every_days,
                self.plan.adherence,
                taken,
            )
        level[due] = np.where(taken[due], self.plan.dose, 0.0)
        ahead = np.where(
            since < 0, self.start, np.minimum(day + self.plan.every_days - since % self.plan.every_days, self.end)
        )
        ahead[~alive | over] = NEVER
        self.next_day = int(ahead.min())
        return taken & (self.plan.dose > 0.0)


class WholeModel(TreatedModel, Protocol):
    """What the courses of a model ask it for, and change in it."""

    key: np.uint64
    day: int
    alive: np.ndarray
    hosts: Hosts
    parameters: LaneParameters
    primary: PrimaryTumour
    signals: Signals
    cells: TumourCells
    law: ColonyLaw
    descent: Descent
    first_detected_day: np.ndarray


class Therapy:
    """All courses of a model. `given`: plans with their lanes; `seed` of the run."""

    def __init__(self, model: WholeModel, given: Given, seed: int) -> None:
        self._model = model
        lanes, p, hosts = model.parameters.lanes, model.parameters, model.hosts
        self._shape = (lanes, len(NICHES))
        self._markers: dict[int, np.ndarray] = {}
        self._seed = seed
        order = (DIAGNOSIS, SURGERY, FIRST_METASTASIS)
        # Resections come first: what is given after surgery may begin on the same morning.
        given = sorted(given, key=lambda entry: (entry[0].name != OPERATION, order.index(entry[0].after)))
        self._tables = [Timetable(plan, np.asarray(mask, dtype=bool), model.key, hosts.patient) for plan, mask in given]
        self._courses = [Course(plan, p, np.zeros(lanes), self.marker) for plan, _ in given]
        self._treatments = [REGISTRY[plan.name] for plan, _ in given]
        self._acts = [False] * len(given)
        self._waits = {after: [table for table in self._tables if table.plan.after == after] for after in order}
        everybody = np.ones(lanes, dtype=bool)
        for table in self._waits[DIAGNOSIS]:
            # What comes before diagnosis starts from the reference day, which no metastasis moves.
            early = table.plan.start_days < 0
            table.begin(everybody, hosts.reference_day if early else hosts.diagnosis_day, 0)
        self.resistance = Resistance(model.key, hosts.patient, p, model.descent) if model.law.classes > 1 else None
        cells: Any = model.cells  # which has no resistance before it is told of some
        cells.resistance = self.resistance

    def marker(self, number: int) -> np.ndarray:
        """A uniform in (0, 1) by lane that says whether a patient's tumour has a marker (below its prevalence)."""
        if number not in self._markers:
            self._markers[number] = streams.patient_uniforms(
                self._seed, self._model.hosts.patient, streams.MARKER, number
            )
        return self._markers[number]

    def starts(self) -> list[tuple[str, np.ndarray]]:
        """What each plan gives, and from which day on, (lanes,) int64: NEVER where its occasion has not come."""
        return [(table.plan.name, table.start) for table in self._tables]

    def treat(self) -> None:
        """Give the doses and operations of this morning."""
        model = self._model
        today: Today | None = None
        for table in self._waits[FIRST_METASTASIS]:
            # One that is seen before the primary is found is treated from diagnosis on.
            known = (model.first_detected_day >= 0) & (model.day >= model.hosts.diagnosis_day)
            table.begin(known, np.maximum(model.first_detected_day, model.hosts.diagnosis_day), model.day)
        for number, table in enumerate(self._tables):
            course, treatment = self._courses[number], self._treatments[number]
            taken: np.ndarray | None = None
            if model.day >= table.next_day:
                taken = table.advance(model.day, model.alive, course.level)
                self._acts[number] = bool(course.level.any())
            striking = taken if taken is not None and does(treatment.give) and taken.any() else None
            if striking is not None or (self._acts[number] and does(treatment.daily)):
                today = Today(model.day, *self._shape, model.law.classes) if today is None else today
                if striking is not None:
                    treatment.give(today, course, striking, model)
                treatment.daily(today, course, model.signals)
            if striking is not None and treatment.name == OPERATION:
                for later in self._waits[SURGERY]:
                    later.begin(model.resection_day == model.day, model.resection_day, model.day)
        if today is not None:
            self._strike(today)

    def _strike(self, today: Today) -> None:
        """Let the primary, the sleepers and the colonies feel this morning's treatments."""
        model, cells = self._model, self._model.cells
        left, primary = today.primary, model.primary
        share = struck.cycling_share(
            primary.log_capacity - primary.gap,
            model.law.limit_log_cells,
            primary.log_capacity - model.law.limit_log_cells,
        )
        for drug, survival in today.doses.items():
            assert self.resistance is not None, "where drugs are given, colonies may resist them"
            left = left * self.resistance.dose(today.day, drug, survival**share)
        if (left < 1.0).any():
            model.primary.cut(left)
        if (today.sleeping < 1.0).any():
            cells.kill_sleepers(today.day, today.sleeping)
        if cells.doomed is not None and min(today.sleeping.min(), today.cycling.min()) < 1.0:
            cells.doomed.dose(today.day, today.cycling, today.sleeping)
        if (today.cycling < 1.0).any():
            cells.small.dose(today.day, model.alive, today.cycling)
        struck.strike(cells, model.law, model.key, model.alive, today.day, today.cycling, today.drugs, today.shrink)
        for niche, share, least, most in today.operations:
            struck.remove(cells, model.law, model.key, today.day, share, niche, least, most)

    def signal(self, signals: Signals) -> None:
        """What courses do to the body's signals today."""
        for acts, course, treatment in zip(self._acts, self._courses, self._treatments, strict=True):
            if acts or course.memory:
                treatment.signal(signals, course)

    def hold(self, rates: Rates) -> None:
        """What courses do to today's rates."""
        for acts, course, treatment in zip(self._acts, self._courses, self._treatments, strict=True):
            if acts:
                treatment.hold(rates, course)

    def after_week(self) -> None:
        """After small colonies were stepped: survivors may resist from now on."""
        if self.resistance is not None:
            self.resistance.end_week(self._model.cells, self._model.day)
