"""What a treatment is, and the plan by which a scenario gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals

DIAGNOSIS, SURGERY, FIRST_METASTASIS = AFTER = ("diagnosis", "surgery", "first metastasis")
"""What the start of a treatment is counted from."""
OPERATION = "resection"
"""The treatment that `after = "surgery"` waits for."""


@dataclass(frozen=True)
class Plan:
    """One treatment as a scenario gives it: `cycles` doses, one every `every_days`, from `start_days` after an event.

    `dose` 1 is the standard dose. Each dose is taken with probability `adherence`. `organ` is the target of a local
    treatment, else None. `turn` numbers the plans of one scenario that give the same treatment.
    """

    name: str
    after: str
    start_days: int
    dose: float
    cycles: int
    every_days: int
    adherence: float
    organ: str | None = None
    turn: int = 0


class Today:
    """What this morning's treatments leave of the tumour: shares, all 1 at first.

    `cycling` (classes, lanes, niches) of cycling cells by the drugs that a colony resists, `drugs` (alike) what of
    that is the work of drugs, which kill less where fewer cells cycle, `sleeping` (alike) of sleepers by what they
    resist, `shrink` (lanes, niches) of grown colonies where the immune system attacks them, `primary` (lanes,) of the
    primary. `operations` are (niche, share (lanes,), least and most cells (lanes,) of what is removed).
    """

    def __init__(self, day: int, lanes: int, niches: int, classes: int) -> None:
        self.day = day
        self.cycling, self.drugs = np.ones((classes, lanes, niches)), np.ones((classes, lanes, niches))
        self.sleeping = np.ones((classes, lanes, niches))
        self.shrink = np.ones((lanes, niches))
        self.primary = np.ones(lanes)
        self.doses: dict[int, np.ndarray] = {}
        self.operations: list[tuple] = []


class TreatedModel(Protocol):
    """What a treatment sees and changes of the model that gives it."""

    resection_day: np.ndarray

    def visible_metastases(self, lanes: np.ndarray) -> np.ndarray:
        """How many metastases imaging sees this morning, (lanes, niches), in these `lanes` (bool)."""


@dataclass
class Course:
    """A plan in the lanes that get it, and what the treatment carries from day to day.

    `level` (lanes,) is the dose that acts today, 0 where none does; `marker(number)` a uniform in (0, 1) by lane for
    a trait of the tumour that a treatment asks for; `memory` its own arrays by name.
    """

    plan: Plan
    parameters: LaneParameters
    level: np.ndarray
    marker: Callable[[int], np.ndarray]
    memory: dict[str, np.ndarray] = field(default_factory=dict)

    def held(self, name: str, start: float = 0.0) -> np.ndarray:
        """The array (lanes,) that the treatment keeps under a name."""
        return self.memory.setdefault(name, np.full(len(self.level), start))


def _nothing(*_args: object) -> None:
    """A treatment without doses that strike at once, or without signals, or without rates."""


def does(function: Callable) -> bool:
    """Whether a treatment has this part."""
    return function is not _nothing


@dataclass(frozen=True)
class Treatment:
    """One treatment.

    `give(today, course, lanes, model)` acts at once where a dose is taken (`lanes`, bool); `signal(signals,
    course)` acts on the body's signals on every day, `hold(rates, course)` on the day's rates, `daily(today, course,
    signals)` on the tumour, by yesterday's signals. A dose acts until the next
    one is due. `local` treatments need an organ; `early` ones may start before diagnosis, because they leave the
    primary's growth alone. `code` numbers the treatment for ever: draws are keyed by it.
    `cycles` and `every_days` are the usual course, where a scenario says nothing else. `needs` names the mechanism
    through which alone it acts, None where it needs none.
    """

    name: str
    title: str
    code: int
    cycles: int
    every_days: int
    local: bool = False
    early: bool = False
    needs: str | None = None
    give: Callable[[Today, Course, np.ndarray, TreatedModel], None] = field(default=_nothing)
    signal: Callable[[Signals, Course], None] = field(default=_nothing)
    hold: Callable[[Rates, Course], None] = field(default=_nothing)
    daily: Callable[[Today, Course, Signals], None] = field(default=_nothing)


def left_after(share: np.ndarray, level: np.ndarray) -> np.ndarray:
    """What doses of `level` leave where one standard dose takes `share` away; exactly 1 at level 0."""
    return (1.0 - share) ** level


def stacked(plans_of_arm: Sequence[Sequence[Plan]], arm_of_lane: np.ndarray) -> list[tuple[Plan, np.ndarray]]:
    """Plans with the lanes (bool) that get them, for lanes of several arms; a plan that arms share is one."""
    given: dict[Plan, np.ndarray] = {}
    for arm, plans in enumerate(plans_of_arm):
        for plan in plans:
            given[plan] = given.get(plan, False) | (np.asarray(arm_of_lane) == arm)
    return list(given.items())
