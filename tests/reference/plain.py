"""A cell's life from settlement on, written plainly: textbook Mesa 3, one `mesa.Agent` a cell.

It is meant to be read, not to be fast, and takes nothing from `sim`: numpy's generator draws every
number, each cell looks at itself on each day, and every rule is written from the description of the
model. A day: every cell steps (sleeps, divides or grows), then today's cells arrive.

    model = PlainModel(10.0, values, activation="shuffle_do", seed=1)
    for _ in range(365):
        model.step()
    model.counts["woke", "liver"], len(model.agents), model.cell_days
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import exp, log
from typing import NamedTuple

import mesa

METASTASIS_CELLS = 10**6
ASLEEP, CYCLING, GROWN = "asleep", "cycling", "grown"


class Event(NamedTuple):
    """What happened once to a cell, during `day`: woke, died_asleep, extinct, or metastasis (10^6 cells)."""

    what: str
    organ: str
    arrived_day: int
    day: int


def birth_and_death(rng, cells: int, birth: float, death: float, single_events_below: int = 0) -> int:
    """Cells after one day of linear birth and death (rates per day, birth > death).

    Fewer than `single_events_below` cells: event by event (Gillespie 1977). Else the law of the number
    of descendants (Bailey 1964, section 8.6): a line dies out with `lost`, else it is geometric.
    """
    days_left = 1.0
    while 0 < cells < single_events_below:
        days_left -= rng.exponential(1.0 / ((birth + death) * cells))
        if days_left <= 0.0:
            return cells
        cells += 1 if rng.random() * (birth + death) < birth else -1
    if cells == 0:
        return 0
    growth = exp((birth - death) * days_left)
    lost = death * (growth - 1.0) / (birth * growth - death)
    one_more = birth * (growth - 1.0) / (birth * growth - death)
    lines = rng.binomial(cells, 1.0 - lost)
    return int(lines + rng.negative_binomial(lines, 1.0 - one_more)) if lines else 0


class Cell(mesa.Agent):
    """A competent cell that settled in an organ, and the colony that it founds."""

    def __init__(self, model: PlainModel, organ: str):
        super().__init__(model)
        self.organ, self.arrived_day = organ, model.day
        self.cells = 1
        self.is_metastasis = False
        self.state = CYCLING
        if self.falls_asleep():
            self.state = ASLEEP
            self.energy_needed_days = model.draw_energy_threshold_days()

    def falls_asleep(self) -> bool:
        """Whether it sleeps on arrival."""
        return self.model.rng.random() < self.model.sleep_probability

    def step(self) -> None:
        """One day, whatever the cell does."""
        if self.state == ASLEEP:
            self.sleep()
        elif self.state == CYCLING:
            self.divide()
        else:
            self.grow()

    def sleep(self) -> None:
        """Gather energy; wake when there is enough of it, unless death comes first."""
        model = self.model
        fed = model.feeding[self.organ]
        if self.energy_needed_days > fed:
            self.energy_needed_days -= fed
            if model.rng.random() < model.death_asleep:
                self.end("died_asleep")
        # The day on which it wakes is not a whole day at risk.
        elif model.rng.random() < 1.0 - exp(-model.sleeper_death_per_day * self.energy_needed_days / fed):
            self.end("died_asleep")
        else:
            self.state = CYCLING
            model.note("woke", self)

    def divide(self) -> None:
        """Births and deaths, until the colony is gone or needs vessels of its own."""
        model = self.model
        self.cells = birth_and_death(model.rng, self.cells, model.birth, model.death, model.single_events_below_cells)
        if self.cells == 0:
            self.end("extinct")
            return
        self.look_for_metastasis()
        if self.cells >= model.avascular_limit_cells:
            self.state = GROWN

    def grow(self) -> None:
        """A day of Gompertz growth."""
        model = self.model
        gap = log(model.capacity_cells / self.cells)
        self.cells = model.capacity_cells * exp(-gap * exp(-model.gompertz_per_day))
        self.look_for_metastasis()

    def look_for_metastasis(self) -> None:
        """Note the day on which the colony has reached 10^6 cells."""
        if not self.is_metastasis and self.cells >= METASTASIS_CELLS:
            self.is_metastasis = True
            self.model.note("metastasis", self)

    def end(self, what: str) -> None:
        """Leave the model."""
        self.model.note(what, self)
        self.remove()


class PlainModel(mesa.Model):
    """One patient's competent cells.

    `settled_per_day`: mean number of cells that settle each day, by organ (a single number means all in
    the liver). `values`: parameters by their names in the catalogue, in its units; an organ without
    `feeding.<organ>` feeds at 1. `activation`: the method of `AgentSet` that steps the cells, "do" or
    "shuffle_do". `single_events_below_cells`: colonies smaller than this go event by event (slower).

    After `step()`: `day`; `counts[what, organ]` with what = settled, woke, died_asleep, extinct or
    metastasis; `events`, a list of `Event`; `cell_days`, the sum over days of the cells that stepped.
    """

    cell_class = Cell

    def __init__(
        self,
        settled_per_day: float | Mapping[str, float],
        values: Mapping[str, float],
        *,
        activation: str = "do",
        seed: int = 0,
        single_events_below_cells: int = 0,
    ):
        super().__init__(rng=seed)
        if activation not in ("do", "shuffle_do"):
            raise ValueError(f"activation is 'do' or 'shuffle_do', not {activation!r}")
        by_organ = isinstance(settled_per_day, Mapping)
        self.settled_per_day = dict(settled_per_day) if by_organ else {"liver": float(settled_per_day)}
        self.values, self.activation, self.single_events_below_cells = values, activation, single_events_below_cells
        self.sleep_probability = values["sleep_probability"]
        self.sleeper_death_per_day = values["sleeper_death_per_day"]
        self.death_asleep = 1.0 - exp(-self.sleeper_death_per_day)
        self.feeding = {organ: values.get(f"feeding.{organ}", 1.0) for organ in self.settled_per_day}
        self.capacity_cells = values["metastasis_capacity_cells"]
        self.avascular_limit_cells = values["avascular_limit_cells"]
        self.gompertz_per_day = values["metastasis_gompertz_per_day"]
        # A colony multiplies as fast before the angiogenic switch as at it.
        net = self.gompertz_per_day * log(self.capacity_cells / self.avascular_limit_cells)
        self.birth = max(values["cycling_birth_per_day"], net)
        self.death = self.birth - net
        self.day, self.cell_days = 0, 0
        self.counts: Counter[tuple[str, str]] = Counter()
        self.events: list[Event] = []

    def draw_energy_threshold_days(self) -> float:
        """Days of reference feeding until a sleeper wakes: a narrow or a broad Weibull variate."""
        kind = "narrow" if self.rng.random() < self.values["dormancy_narrow_share"] else "broad"
        return self.values[f"dormancy_{kind}_scale_days"] * self.rng.weibull(self.values[f"dormancy_{kind}_shape"])

    def note(self, what: str, cell: Cell) -> None:
        """Remember what happened to a cell today."""
        self.counts[what, cell.organ] += 1
        self.events.append(Event(what, cell.organ, cell.arrived_day, self.day))

    def arrivals(self) -> Mapping[str, int]:
        """Cells that settle today, by organ."""
        return {organ: self.rng.poisson(mean) for organ, mean in self.settled_per_day.items()}

    def step(self) -> None:
        """One day: the cells of earlier days step, then today's arrive (their clocks start at its end)."""
        self.cell_days += len(self.agents)
        getattr(self.agents, self.activation)("step")
        for organ, number in self.arrivals().items():
            self.counts["settled", organ] += number
            for _ in range(number):
                self.cell_class(self, organ)
        self.day += 1
