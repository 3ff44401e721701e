"""The named rates through which mechanisms act, and the signals through which they meet.

Each day starts from base rates; a mechanism multiplies those it acts on by a factor that is exactly
1 at its null. No mechanism imports another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.names import NICHES

if TYPE_CHECKING:
    from sim.disease.hosts import Hosts  # heavy, and this file is on the path of `list` and `show`


class RatesNow(NamedTuple):
    """Today's rates for who reads them; factors unless stated otherwise.

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


_OF_SLEEPERS = {"sleep", "feeding", "sleeper_death"}


def _rate(name: str) -> property:
    def take(self: Rates) -> np.ndarray:
        self._taken.add(name)
        return getattr(self.now, name)

    def put(self: Rates, values: np.ndarray) -> None:
        self._taken.add(name)
        if values is not getattr(self.now, name):
            getattr(self.now, name)[...] = values

    return property(take, put, doc=f"`{name}` of today, to be changed in place.")


class Rates:
    """Today's rates, frozen at the state at the start of the day, for who acts on them: see `RatesNow`.

    Whoever takes a rate by its name may change it, so in the morning only those that were taken are put back. Who only
    reads them takes them from `now`.
    """

    shedding, competence, receptivity = _rate("shedding"), _rate("competence"), _rate("receptivity")
    sleep, feeding, sleeper_death = _rate("sleep"), _rate("feeding"), _rate("sleeper_death")
    clearance = _rate("clearance")

    def __init__(self, now: RatesNow):
        self.now, self._morning = now, RatesNow(*(rate.copy() for rate in now))
        self._taken: set[str] = set()
        self._were_taken: set[str] = set(_OF_SLEEPERS)

    @classmethod
    def base(cls, lanes: int) -> Rates:
        """Every factor 1, nobody asleep, nothing cleared."""
        shape = lanes, len(NICHES)
        return cls(
            RatesNow(
                np.ones(lanes),
                np.ones(lanes),
                np.ones(shape),
                np.zeros(shape),
                np.ones(shape),
                np.zeros(shape),
                np.zeros(shape),
            )
        )

    def keep_as_morning(self) -> None:
        """Let every day start from the present rates: those that depend on parameters alone are set once."""
        for morning, rate in zip(self._morning, self.now, strict=True):
            morning[...] = rate

    @property
    def may_differ_for_sleepers(self) -> bool:
        """Whether `sleep`, `feeding` or `sleeper_death` may be others than yesterday."""
        return bool((self._taken | self._were_taken) & _OF_SLEEPERS)

    def start_day(self) -> None:
        """Put every rate back to where a day starts, in place."""
        for name in self._taken:
            getattr(self.now, name)[...] = getattr(self._morning, name)
        self._were_taken, self._taken = self._taken, set()


@dataclass
class Signals:
    """The body's signals by lane, and what mechanisms and treatments may read of the patient.

    Of today: `age_years`, `primary_cells` (lanes,), `burden_cells` (lanes, niches, of the last weekly step);
    `living`, the numbers of the lanes whose course goes on (what is daily need not be moved in others).
    Fixed: `hosts`. Changed in place, and neutral again every morning, for those who come later in the order:
    `il6_extra`, `il6_factor`, `stat3_factor`, `senescence_factor`, `vesicle_factor`, `repression_factor`,
    `t_cell_factor`, `inflamed` (lanes, niches). `level` maps the name of a signal to an array (lanes,) that the
    mechanism that owns it carries from day to day.
    """

    age_years: np.ndarray
    primary_cells: np.ndarray
    burden_cells: np.ndarray
    hosts: Hosts
    level: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lanes = len(self.age_years)
        niches = len(NICHES)
        self.living = np.arange(lanes)
        self._neutral = np.repeat((0.0,) + (1.0,) * 6 + (0.0,) * niches, lanes)
        self._today = self._neutral.copy()
        (
            self.il6_extra,
            self.il6_factor,
            self.stat3_factor,
            self.senescence_factor,
            self.vesicle_factor,
            self.repression_factor,
            self.t_cell_factor,
        ) = self._today[: 7 * lanes].reshape(7, lanes)
        self.inflamed = self._today[7 * lanes :].reshape(lanes, niches)

    def start_day(self, age_years: np.ndarray, primary_cells: np.ndarray) -> None:
        """Take today's state; put the daily signals back to neutral, in place."""
        self.age_years, self.primary_cells = age_years, primary_cells
        self._today[:] = self._neutral


def decay(time_days: np.ndarray) -> np.ndarray:
    """What is left after a day of a deviation that decays with this time constant, elementwise."""
    return np.exp(-1.0 / time_days)


def passed_on(before_days: np.ndarray, time_days: np.ndarray) -> np.ndarray:
    """Share of a deviation in y that a follower x of it takes over in a day, elementwise.

    y relaxes to its target with `before_days` and dx/dt = (y - x) / time: e (exp(g) - 1) / (g time), with
    e = exp(-1 / time) and g = 1 / time - 1 / before_days; its limit at g = 0 is e / time.
    """
    gap = 1.0 / time_days - 1.0 / before_days
    safe = np.where(np.abs(gap) < 1e-12, 1.0, gap)
    ratio = np.where(np.abs(gap) < 1e-12, 1.0, np.expm1(safe) / safe)
    return decay(time_days) * ratio / time_days
