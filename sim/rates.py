"""The named rates through which mechanisms act, and the signals through which they meet.

Each day starts from base rates; a mechanism multiplies those it acts on by a factor that is exactly
1 at its null. No mechanism imports another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.names import NICHES

if TYPE_CHECKING:
    from sim.cohort import Hosts  # heavy, and this file is on the path of `list` and `show`


@dataclass
class Rates:
    """Today's rates, frozen at the state at the start of the day; factors unless stated otherwise.

    `shedding` (lanes,) of the primary; `competence` (lanes,) on the share of cells that can found a
    colony; `receptivity` (lanes, niches) on the soil; `sleep` (lanes, niches) probability that an arrived
    cell sleeps; `feeding` (lanes, niches) days of reference feeding per day; `sleeper_death` (lanes,
    niches) hazard asleep per day; `clearance` (lanes, niches) hazard per day of a small cycling colony.
    """

    shedding: np.ndarray
    competence: np.ndarray
    receptivity: np.ndarray
    sleep: np.ndarray
    feeding: np.ndarray
    sleeper_death: np.ndarray
    clearance: np.ndarray

    @classmethod
    def base(cls, lanes: int) -> Rates:
        """Every factor 1, nobody asleep, nothing cleared."""
        shape = (lanes, len(NICHES))
        return cls(np.ones(lanes), np.ones(lanes), np.ones(shape), np.zeros(shape), np.ones(shape), np.zeros(shape),
                   np.zeros(shape))

    def start_day(self) -> None:
        """Put every rate back to its base, in place: a day allocates nothing for mechanisms that are off."""
        for rate in (self.shedding, self.competence, self.receptivity, self.feeding):
            rate.fill(1.0)
        for rate in (self.sleep, self.sleeper_death, self.clearance):
            rate.fill(0.0)


@dataclass
class Signals:
    """The body's signals by lane, and what mechanisms and treatments may read of the patient.

    Of today: `age_years`, `primary_cells` (lanes,), `burden_cells` (lanes, niches, of the last weekly step).
    Fixed: `hosts`. Set anew every day, for those who come later
    in the order: `il6_extra`, `il6_factor`, `stat3_factor`, `senescence_factor`, `vesicle_factor`,
    `repression_factor`, `t_cell_factor`, `inflamed` (lanes, niches). `level` maps the name of a signal to an
    array (lanes,) that the mechanism that owns it carries from day to day.
    """

    age_years: np.ndarray
    primary_cells: np.ndarray
    burden_cells: np.ndarray
    hosts: Hosts
    level: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        lanes = len(self.age_years)
        self._neutral = np.zeros(lanes), np.ones((6, lanes)), np.zeros((lanes, len(NICHES)))
        self._factors = tuple(self._neutral[1])
        self.start_day(self.age_years, self.primary_cells)

    def start_day(self, age_years: np.ndarray, primary_cells: np.ndarray) -> None:
        """Take today's state; put the daily signals back to neutral."""
        self.age_years, self.primary_cells = age_years, primary_cells
        for array, value in zip(self._neutral, (0.0, 1.0, 0.0), strict=True):  # in place: most days nobody acts
            array.fill(value)
        self.il6_extra, _, self.inflamed = self._neutral
        (self.il6_factor, self.stat3_factor, self.senescence_factor, self.vesicle_factor, self.repression_factor,
         self.t_cell_factor) = self._factors


def decay(time_days: np.ndarray) -> np.ndarray:
    """What is left after a day of a deviation that decays with this time constant, elementwise."""
    return np.exp(-1.0 / time_days)


def relax(level: np.ndarray, target: np.ndarray, day_decay: np.ndarray) -> np.ndarray:
    """One day of dx/dt = (target - x) / time, exact for a target frozen over the day; `day_decay` = decay(time)."""
    return target + (level - target) * day_decay


def passed_on(before_days: np.ndarray, time_days: np.ndarray) -> np.ndarray:
    """Share of a deviation in y that a follower x of it takes over in a day, elementwise.

    y relaxes to its target with `before_days` and dx/dt = (y - x) / time: e (exp(g) - 1) / (g time), with
    e = exp(-1 / time) and g = 1 / time - 1 / before_days; its limit at g = 0 is e / time.
    """
    gap = 1.0 / time_days - 1.0 / before_days
    safe = np.where(np.abs(gap) < 1e-12, 1.0, gap)
    ratio = np.where(np.abs(gap) < 1e-12, 1.0, np.expm1(safe) / safe)
    return decay(time_days) * ratio / time_days
