"""The axis of time, in years (or days) since diagnosis, and the numbers at risk below it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from sim.analysis.survival import at_risk
from sim.names import DAYS_PER_YEAR
from sim.plots.labels import text_points
from sim.plots.style import INK, QUIET, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHORT_YEARS = 1.0
"""Shorter follow-up is shown in days."""
AT_RISK_LINE = 1.25
"""Height of a row of numbers at risk, in units of the font's size."""
_FIRST_ROW, _SMALL = 3.5, 0.85


@dataclass(frozen=True)
class Counts:
    """A row of numbers under the axis: `count` maps years (array) to whole numbers."""

    label: str
    count: Callable
    colour: str = INK
    gid: str = "at-risk"


def lines_below(rows: int) -> float:
    """Lines of type that ticks, the axis' label and so many rows of counts need."""
    return 3.2 + AT_RISK_LINE * rows


def end_of_follow_up(follow_up_years: np.ndarray, horizon_years: float) -> float:
    """Last year shown: the horizon, or as long as at least 1 % of patients are still followed."""
    end = horizon_years
    if len(follow_up_years):
        end = min(end, float(np.quantile(follow_up_years, 0.99, method="higher")))
    return horizon_years if end > 0.97 * horizon_years else max(end, 0.02 * horizon_years)


def years_axis(axes: Axes, limits: tuple[float, float], size: Size, *, since: str = "diagnosis") -> None:
    """Ticks and label of the lowest panel's x axis; days where it spans less than a year."""
    in_days = limits[1] < SHORT_YEARS and limits[1] - limits[0] < 2 * SHORT_YEARS
    if in_days:
        wanted = MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(limits[0] * DAYS_PER_YEAR, limits[1] * DAYS_PER_YEAR)
        axes.xaxis.set_major_locator(FixedLocator([day / DAYS_PER_YEAR for day in wanted]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda years, _: f"{years * DAYS_PER_YEAR:.0f}"))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(9, integer=limits[1] - limits[0] >= 3, steps=[1, 2, 5, 10]))
    axes.set_xlim(*limits)
    axes.set_xlabel(f"{'days' if in_days else 'years'} since {since}", labelpad=0.25 * size.font_points)


def count_rows(
    axes: Axes,
    rows: Sequence[Counts],
    size: Size,
    *,
    first_line: float = _FIRST_ROW,
    places: Sequence[float] | None = None,
) -> None:
    """Write rows of counts below `axes`, at its ticks from zero on (or at `places`, in years), as many as fit.

    `first_line` is the first row's distance from the axis, in units of the font's size. The limits and
    ticks of `axes` must be final.
    """
    points, limits = size.font_points, axes.get_xlim()
    if places is None:
        places = [tick for tick in axes.get_xticks() if 0 <= tick <= limits[1]]
    at = np.asarray(places, dtype=float)
    texts = [[f"{int(count):,}" for count in row.count(at)] for row in rows]
    room_points = 72 * axes.get_position().width * size.width_inches / (limits[1] - limits[0]) * np.diff(at[:2]).sum()
    widest = max((text_points(text, _SMALL * points) for row in texts for text in row), default=0.0)
    every = max(1, math.ceil((widest + 0.4 * points) / max(room_points, 1)))
    style: dict[str, Any] = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "va": "top",
        "size": _SMALL * points,
    }
    for number, (row, counts) in enumerate(zip(rows, texts, strict=True)):
        down = -points * (first_line + AT_RISK_LINE * number)
        for place, text in list(zip(at, counts, strict=True))[::every]:
            axes.annotate(text, xy=(place, 0), xytext=(0, down), ha="center", color=row.colour, gid=row.gid, **style)
        # Left of the panel, and of a first count that stands at its edge.
        edge = counts and at[0] <= limits[0]
        aside = 0.5 * points + (text_points(counts[0], _SMALL * points) / 2 if edge else 0.0)
        axes.annotate(
            row.label,
            xy=(limits[0], 0),
            xytext=(-aside, down),
            ha="right",
            color=QUIET if row.colour == INK else row.colour,
            gid=f"{row.gid}-label",
            **style,
        )


def at_risk_counter(follow_up_days: np.ndarray, happened: np.ndarray) -> Callable:
    """Counts who is at risk at each of some years (see `sim.analysis.survival.at_risk`)."""
    return lambda years: at_risk(follow_up_days, happened, np.asarray(years, dtype=float) * DAYS_PER_YEAR)
