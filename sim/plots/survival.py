"""Kaplan-Meier curves: overall and metastasis-free survival, several runs as arms, with numbers at risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.analysis import survival
from sim.analysis.survival import Curve, Estimate
from sim.names import DAYS_PER_YEAR
from sim.plots.arms import LETTERS, arm_names, arms_title, draw_key, key_lines, lead
from sim.plots.frame import SCOPE, Room, align_y_labels, frame, notice, per_cent, size_named, threshold_text
from sim.plots.labels import EndLabel, label_ends, room_inches
from sim.plots.style import ARM_LOOKS, BAND_ALPHA, MARKER_EMS, Size, styled
from sim.plots.time_axis import Counts, at_risk_counter, count_rows, end_of_follow_up, lines_below, years_axis
from sim.results import incidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.reading import Run

PANELS = {survival.OVERALL: "alive (%)", survival.METASTASIS_FREE: "alive, free of\nmetastasis (%)"}


def survival_figure(runs: Sequence[Run], size: str = "column") -> Figure:
    """Kaplan-Meier curves of `runs` (a sequence, one arm each), `size` "column" or "slide".

    Two panels: overall survival (lines `overall:<number of the arm>`) and metastasis-free survival of
    those without a metastasis at diagnosis (`metastasis_free:<number>`), each with its 95 % band, over
    years since diagnosis; below each panel the numbers at risk, a row an arm. Raises InputError for an
    unknown size and for more runs than can be told apart.
    """
    measures, names = size_named(size), arm_names(runs)
    with styled(measures):
        return _draw(runs, names, measures)


def _draw(runs: Sequence[Run], names: Sequence[str], size: Size) -> Figure:
    curves = {kind: [survival.survival_curve(run, kind) for run in runs] for kind in PANELS}
    followed = (
        np.concatenate([np.zeros(0), *(curve.follow_up.days for curve in curves[survival.OVERALL])]) / DAYS_PER_YEAR
    )
    end = end_of_follow_up(followed, max(incidence.horizon_years(run) for run in runs))
    labels = {kind: _labels(found, end) for kind, found in curves.items()}
    right_inches = room_inches([label for found in labels.values() for label in found], size.font_points)
    rows = len(runs)
    beside = bool(size.height_inches)  # a slide is wider than high
    room = Room(
        above_lines=1.0 + key_lines(names, size),
        below_lines=lines_below(rows),
        gap_lines=lines_below(rows) - 0.4,
        right_inches=right_inches + (0.5 * size.font_points / 72 if beside else 0.0),
    )
    title = arms_title(runs)
    figure, panels = frame(size, title, _footer(runs, beside), (0.5, 0.5), room, beside=beside)
    draw_key(figure, title, names, size)
    for axes, (kind, found) in zip(panels, curves.items(), strict=True):
        _panel(axes, kind, found, labels[kind], end, size)
        lowest = beside or axes is panels[-1]
        if not lowest:
            axes.set_xlabel("")
        counts = [
            Counts(
                "at risk" if rows == 1 else LETTERS[number],
                at_risk_counter(curve.follow_up.days, curve.follow_up.happened),
                look.colour,
            )
            for number, (curve, look) in enumerate(zip(found, ARM_LOOKS[: len(found)], strict=True))
        ]
        count_rows(axes, counts, size, first_line=3.5 if lowest else 1.9)
    align_y_labels(panels, size)
    return figure


def _labels(curves: Sequence[Curve], end: float) -> list[EndLabel]:
    ends = [100 * _on(curve, end).value for curve in curves]
    return [
        EndLabel(value, per_cent(value), look.colour, look.marker if len(curves) > 1 else "", look.marker_scale)
        for value, look in zip(ends, ARM_LOOKS[: len(ends)], strict=True)
        if not math.isnan(value)
    ]


def _on(curve: Curve, years: float) -> Estimate:
    return curve.at(min(years * DAYS_PER_YEAR, curve.last_day))


def _panel(axes: Axes, kind: str, curves: Sequence[Curve], labels: list[EndLabel], end: float, size: Size) -> None:
    for number, (curve, look) in enumerate(zip(curves, ARM_LOOKS[: len(curves)], strict=True)):
        if not curve.patients:
            continue
        last = min(end, curve.last_day / DAYS_PER_YEAR)
        years, rows = curve_steps(curve, last)
        axes.fill_between(
            years,
            100 * curve.low[rows],
            100 * curve.high[rows],
            step="post",
            color=look.colour,
            alpha=BAND_ALPHA,
            linewidth=0,
            gid=f"band:{kind}:{number}",
        )
        several = len(curves) > 1
        axes.step(
            years,
            100 * curve.value[rows],
            where="post",
            color=look.colour,
            linestyle=look.line,
            marker=look.marker if several else "",
            markevery=_marks(years, number),
            markeredgecolor="white",
            markersize=MARKER_EMS * look.marker_scale * size.font_points,
            markeredgewidth=size.line_points * 0.35,
            zorder=3,
            gid=f"{kind}:{number}",
        )
    axes.set_ylim(0, 102)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylabel(PANELS[kind])
    years_axis(axes, (0, end), size)
    if not any(curve.patients for curve in curves):
        notice(axes, "no patient to follow")
    label_ends(axes, labels, size.font_points, size.line_points)


def curve_steps(curve: Curve, end_years: float) -> tuple[np.ndarray, np.ndarray]:
    """Years and row numbers of a curve's steps up to `end_years`, which closes them; of steps on one day, the last."""
    inside = np.flatnonzero((curve.days / DAYS_PER_YEAR <= end_years) & np.append(np.diff(curve.days) > 0, True))
    return np.append(curve.days[inside] / DAYS_PER_YEAR, end_years), np.append(inside, inside[-1])


def _marks(years: np.ndarray, number: int) -> list[int]:
    """A few steps that carry a marker, shifted from arm to arm."""
    wanted = years[-1] * (np.array([0.15, 0.4, 0.65, 0.9]) + 0.03 * number)
    return sorted({int(place) for place in np.searchsorted(years, wanted[wanted < years[-1]])} - {0})


def _footer(runs: Sequence[Run], beside: bool) -> list[str]:
    at_five = [survival.survival_at_years(run) for run in runs]
    five = "; ".join(
        f"{f'{letter} ' if len(runs) > 1 else ''}{per_cent(100 * here.value)} ({100 * here.low:.1f} to "
        f"{100 * here.high:.1f})"
        for letter, here in zip(LETTERS, at_five, strict=False)
        if not math.isnan(here.value)
    )
    below = "Numbers below: at risk. " if len(runs) > 1 else ""
    places = ("Left", "Right") if beside else ("Top", "Bottom")
    return [
        f"{lead(runs)} "
        + (f"Alive at five years: {five}. " if five else "")
        + f"Kaplan-Meier with pointwise 95\N{NO-BREAK SPACE}% bands; those alive at the end are censored. "
        f"{below}{places[0]}: all diagnosed. "
        f"{places[1]}: those without a metastasis at diagnosis, until death or a colony past "
        f"{threshold_text(runs[0])}. {SCOPE}",
    ]
