"""What each factor of a sweep does: the outcome by level, or its rank correlation where there are many levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MOST_LEVELS = 8
"""A factor with more values is told by its rank correlation."""


@dataclass(frozen=True)
class Level:
    """The outcome over all runs with one value of a factor: mean over the runs, and the least and largest run."""

    value: str
    runs: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """One factor: its `levels`, or Spearman's rank correlation with the outcome.

    The correlation is None with levels, and where the outcome is constant.
    """

    factor: str
    levels: tuple[Level, ...]
    rank_correlation: float | None = None


def effects(runs: pd.DataFrame, factors: Sequence[str], outcome: str = "incidence") -> list[Effect]:
    """Effects of all `factors` (columns) on `outcome` in `runs`, a data frame with a row a run, in the plan's order."""
    return [_effect(runs, factor, outcome) for factor in factors]


def _effect(runs: pd.DataFrame, factor: str, outcome: str) -> Effect:
    values = runs[factor]
    if values.nunique() > MOST_LEVELS:
        from scipy.stats import spearmanr

        constant = runs[outcome].nunique() < 2
        return Effect(factor, (), None if constant else float(spearmanr(values.astype(float), runs[outcome]).statistic))
    levels = [
        Level(_text(value), len(group), float(group.mean()), float(group.min()), float(group.max()))
        for value, group in runs.groupby(factor, sort=True)[outcome]
    ]
    return Effect(factor, tuple(levels))


def _text(value: object) -> str:
    if isinstance(value, (bool,)) or str(value) in ("True", "False"):
        return "on" if str(value) == "True" else "off"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
