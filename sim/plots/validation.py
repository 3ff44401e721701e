"""The scorecard as figures: observed shares against the model's, and a forest of all rows in per cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.plots.frame import Room, frame, size_named
from sim.plots.style import ARM_LOOKS, INK, MARKER_EMS, OTHER, QUIET, styled

if TYPE_CHECKING:
    from sim.plots.frame import ShownFigure

MISS = "#b3261e"
"""Colour of rows that the model misses."""
SMALLEST_PERCENT = 0.2
"""Shares below are drawn here: an axis of logarithms has no zero."""


@dataclass(frozen=True)
class Compared:
    """A published value and the model's with their ends, in one unit: what both figures draw."""

    name: str
    group: str
    observed: tuple[float, float, float]
    model: tuple[float, float, float]
    missed: bool


def observed_against_fitted(
    rows: Sequence[Compared], title: str, footer: Sequence[str] = (), size: str = "column"
) -> ShownFigure:
    """Published per cent (across) against the model's (up), on axes of logarithms, with both intervals.

    A group (such as a primary site) has a colour and a marker; what is missed has a red edge.
    """
    measures = size_named(size)
    with styled(measures):
        figure, (axes,) = frame(measures, title, footer, (1.0,), Room())
        groups = list(dict.fromkeys(row.group for row in rows))
        axes.plot((SMALLEST_PERCENT, 100), (SMALLEST_PERCENT, 100), color=QUIET, linewidth=0.7, zorder=1)
        for number, group in enumerate(groups):
            mine = [row for row in rows if row.group == group]
            look = ARM_LOOKS[number % len(ARM_LOOKS)]
            seen, made = (np.array([getattr(row, which) for row in mine]) for which in ("observed", "model"))
            seen, made = np.maximum(seen, SMALLEST_PERCENT), np.maximum(made, SMALLEST_PERCENT)
            axes.errorbar(
                seen[:, 0],
                made[:, 0],
                xerr=_arms(seen),
                yerr=_arms(made),
                fmt="none",
                ecolor=OTHER,
                linewidth=0.5,
                zorder=2,
            )
            axes.scatter(
                seen[:, 0],
                made[:, 0],
                s=(measures.font_points * MARKER_EMS * look.marker_scale) ** 2,
                marker=look.marker,
                facecolor=look.colour,
                edgecolor=[MISS if row.missed else "white" for row in mine],
                linewidth=[1.2 if row.missed else 0.3 for row in mine],
                label=group,
                zorder=3,
                gid=f"group:{group}",
            )
        axes.set(xscale="log", yscale="log", xlim=(SMALLEST_PERCENT, 100), ylim=(SMALLEST_PERCENT, 100))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
        axes.set_xlabel("published, % of patients")
        axes.set_ylabel("model, % of patients")
        axes.legend(loc="upper left", frameon=False, handletextpad=0.2, fontsize=measures.font_points * 0.9)
        return figure


def forest(rows: Sequence[Compared], title: str, footer: Sequence[str] = (), size: str = "column") -> ShownFigure:
    """A line a row: the published value (circle) above the model's (square), both with intervals; misses in red."""
    measures = size_named(size)
    with styled(measures):
        height = 0.105 * measures.font_points / 7 * max(len(rows), 4) * 1.25
        room = Room(left_inches=1.25 * measures.font_points / 7)
        figure, (axes,) = frame(measures, title, footer, (1.0,), room, panels_inches=height)
        place = np.arange(len(rows))[::-1].astype(float)
        for which, offset, marker, colour in (("observed", 0.17, "o", INK), ("model", -0.17, "s", ARM_LOOKS[2].colour)):
            values = np.array([getattr(row, which) for row in rows])
            colours = [MISS if row.missed else colour for row in rows]
            axes.hlines(place + offset, values[:, 1], values[:, 2], color=colours, linewidth=0.7)
            axes.scatter(
                values[:, 0],
                place + offset,
                s=measures.font_points * 0.7,
                marker=marker,
                color=colours,
                label=_LABEL[which],
            )
        axes.set_yticks(place, [f"{row.group}, {row.name}" for row in rows], fontsize=measures.font_points * 0.72)
        axes.set_ylim(-1, len(rows))
        axes.set_xlim(left=0)
        axes.set_xlabel("% of patients")
        axes.legend(loc="lower right", frameon=False)
        return figure


_LABEL = {"observed": "published", "model": "model"}


def _arms(values: np.ndarray) -> np.ndarray:
    """Lengths of error bars, (2, rows), from values with their ends, (rows, 3)."""
    return np.maximum(np.stack([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]]), 0.0)
