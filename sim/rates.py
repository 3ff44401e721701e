"""The named rates through which mechanisms act, and the signals through which they meet.

Each day starts from base rates; a mechanism multiplies those it acts on by a factor that is exactly
1 at its null. No mechanism imports another.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.names import NICHES


@dataclass
class Rates:
    """Today's rates, frozen at the state at the start of the day.

    `shedding` (lanes,) factor on the primary's shedding; `receptivity` (lanes, niches) factor on the
    soil; `sleep` (lanes, niches) probability that an arrived cell sleeps; `feeding` (lanes, niches)
    days of reference feeding per day; `sleeper_death` (lanes, niches) hazard asleep per day.
    """

    shedding: np.ndarray
    receptivity: np.ndarray
    sleep: np.ndarray
    feeding: np.ndarray
    sleeper_death: np.ndarray

    @classmethod
    def base(cls, lanes: int) -> Rates:
        """Every factor 1, nobody asleep."""
        shape = (lanes, len(NICHES))
        return cls(np.ones(lanes), np.ones(shape), np.zeros(shape), np.ones(shape), np.zeros(shape))

    def copy(self) -> Rates:
        """The same rates in arrays of their own (a day starts with this: cheaper than making them anew)."""
        return Rates(self.shedding.copy(), self.receptivity.copy(), self.sleep.copy(), self.feeding.copy(),
                     self.sleeper_death.copy())


@dataclass
class Signals:
    """The body's signals by lane, and what mechanisms may read of the patient.

    `level` maps a signal's name to an array of shape (lanes,); each signal belongs to the mechanism
    that advances it. `age_years` and `primary_cells` are of today.
    """

    age_years: np.ndarray
    primary_cells: np.ndarray
    level: dict[str, np.ndarray] = field(default_factory=dict)


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
