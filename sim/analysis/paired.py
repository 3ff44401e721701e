"""Two arms of the same patients: what a pair tells that two separate groups do not.

Each patient is their own control, so only those whose outcome differs between the arms carry
information; intervals come from them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.names import TWO_SIDED_95

if TYPE_CHECKING:
    import numpy.typing as npt


Number = Any
"""A number, or an array of them, one a time: the same arithmetic serves both."""


@dataclass(frozen=True)
class Shares:
    """Share of patients with an outcome in the first and the second arm, and what the pairs say of the difference.

    `both`, `only_first`, `only_second` and `neither` count patients; `difference` is second minus first,
    `ratio` second over first (nan where nobody in the first arm has the outcome), both with 95 % bounds;
    `p_value` is McNemar's exact one. All may be numbers, or arrays of one shape without `p_value`.
    """

    both: Number
    only_first: Number
    only_second: Number
    neither: Number

    @property
    def patients(self) -> Number:
        """How many pairs there are."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def first(self) -> Number:
        """Share of the patients with the outcome in the first arm."""
        return (self.both + self.only_first) / self.patients

    @property
    def second(self) -> Number:
        """Share of the patients with the outcome in the second arm."""
        return (self.both + self.only_second) / self.patients

    @property
    def difference(self) -> Number:
        """The second arm's share minus the first one's."""
        return (self.only_second - self.only_first) / self.patients

    @property
    def difference_interval(self) -> tuple[Number, Number]:
        """(low, high): Wald's interval with half a patient added to each of the four counts (Agresti and Min 2005)."""
        lost, gained, count = self.only_first, self.only_second, self.patients + 2
        centre = (gained - lost) / count
        half = TWO_SIDED_95 * np.sqrt((lost + gained + 1) - (gained - lost) ** 2 / count) / count
        return np.clip(centre - half, -1, self.difference), np.clip(centre + half, self.difference, 1)

    @property
    def ratio(self) -> float:
        """The second arm's share over the first one's; nan where nobody in the first arm has the outcome."""
        here, there = self.both + self.only_second, self.both + self.only_first
        return here / there if there else math.nan

    @property
    def ratio_interval(self) -> tuple[float, float]:
        """(low, high) on the log scale, half a patient added to each discordant count; (nan, nan) without outcomes.

        The variance of the log ratio of paired shares is (only first + only second) / (first x second), all in
        patients (delta method).
        """
        here, there = self.both + self.only_second, self.both + self.only_first
        if not there:
            return math.nan, math.nan
        half = TWO_SIDED_95 * math.sqrt((self.only_first + self.only_second + 1) / ((here + 0.5) * (there + 0.5)))
        centre = (here + 0.5) / (there + 0.5)
        return min(centre * math.exp(-half), self.ratio), max(centre * math.exp(half), self.ratio)

    @property
    def p_value(self) -> float:
        """McNemar's exact test (1947): among patients who changed, each way is equally likely."""
        from scipy.stats import binomtest

        changed = self.only_first + self.only_second
        return float(binomtest(min(self.only_first, self.only_second), changed, 0.5).pvalue) if changed else 1.0


def shares(first: npt.ArrayLike, second: npt.ArrayLike) -> Shares:
    """Count the pairs: `first` and `second` (patients,) bool say who has the outcome in each arm."""
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    counts = ((first & second), (first & ~second), (~first & second), (~first & ~second))
    return Shares(*(int(kind.sum()) for kind in counts))


def shares_over_time(first_days: np.ndarray, second_days: np.ndarray, days: npt.ArrayLike) -> Shares:
    """Pairs counted on each of `days`: who has met the outcome by then.

    `first_days` and `second_days` (patients,) hold inf for never.
    """
    first, second, later = (
        np.sort(np.asarray(x, dtype=float)) for x in (first_days, second_days, np.maximum(first_days, second_days))
    )
    in_first, in_second, both = (np.searchsorted(ordered, days, side="right") for ordered in (first, second, later))
    return Shares(both, in_first - both, in_second - both, len(first) - in_first - in_second + both)


@dataclass(frozen=True)
class Means:
    """Mean of a number per patient in both arms; `difference` is second minus first, with its paired 95 % bounds."""

    first: float
    second: float
    difference: float
    low: float
    high: float


def means(first: npt.ArrayLike, second: npt.ArrayLike) -> Means:
    """Compare a number per patient; (patients,) float each. The interval needs two patients, else it is nan."""
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    change = second - first
    half = TWO_SIDED_95 * change.std(ddof=1) / math.sqrt(len(change)) if len(change) > 1 else math.nan
    middle = float(change.mean())
    return Means(float(first.mean()), float(second.mean()), middle, middle - half, middle + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979), in the order given."""
    order, adjusted, highest = np.argsort(p_values, kind="stable"), [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * float(p_values[place])))
        adjusted[place] = highest
    return adjusted
