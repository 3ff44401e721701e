"""The hazard of recurrence over time: how fast first metastases appear in those who had none at diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.analysis.survival import Hazard, recurrence_hazard
from sim.names import DAYS_PER_YEAR
from sim.plots.frame import (
    SCOPE,
    Room,
    align_y_labels,
    changes,
    frame,
    notice,
    provenance,
    size_named,
    threshold_text,
    title_of,
)
from sim.plots.labels import text_points
from sim.plots.organ_incidence import PANEL_SHARE
from sim.plots.style import BAND_ALPHA, INK, Size, styled
from sim.plots.time_axis import Counts, at_risk_counter, count_rows, end_of_follow_up, lines_below, years_axis
from sim.results import incidence

if TYPE_CHECKING:
    from sim.results.reading import Run

FEWEST_PATIENT_YEARS = 10.0
"""Intervals with less time at risk are not drawn: their rate could be anything."""


def hazard_figure(run: Run, size: str = "column") -> Figure:
    """First metastases per 100 patient-years since diagnosis, by interval (line `hazard`), with exact 95 % intervals.

    Below: patients at risk, and how many recurred so far. `size` is "column" or "slide". Raises
    InputError for an unknown size.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(run, measures)


def _draw(run: Run, size: Size) -> Figure:
    hazard = recurrence_hazard(run)
    end = end_of_follow_up(incidence.follow_up_years(run).to_numpy(), incidence.horizon_years(run))
    enough = hazard.patient_years >= FEWEST_PATIENT_YEARS
    shown = enough & (hazard.start_days / DAYS_PER_YEAR < end) & np.logical_and.accumulate(enough)
    room = Room(
        below_lines=lines_below(2), right_inches=(text_points(f"{hazard.patients:,}", size.font_points) / 2 + 3) / 72
    )
    figure, (axes,) = frame(
        size, title_of(run), _footer(run, hazard), (1.0,), room, panels_inches=PANEL_SHARE * size.panels_inches
    )
    top = 1.0
    if shown.any() and hazard.events.sum():
        rate, low, high = (100 * part[shown] for part in (hazard.per_year, hazard.low, hazard.high))
        edges = (
            np.append(hazard.start_days[shown], min(hazard.end_days[shown][-1], end * DAYS_PER_YEAR)) / DAYS_PER_YEAR
        )
        axes.fill_between(
            edges,
            np.append(low, low[-1]),
            np.append(high, high[-1]),
            step="post",
            color=INK,
            alpha=BAND_ALPHA,
            linewidth=0,
            gid="band:hazard",
        )
        axes.step(edges, np.append(rate, rate[-1]), where="post", color=INK, gid="hazard")
        top = 1.05 * float(high.max())
    else:
        reason = (
            "no recurrence"
            if not hazard.events.sum()
            else f"fewer than {FEWEST_PATIENT_YEARS:.0f} patient-years at risk"
        )
        notice(axes, reason if hazard.patients else "no patient to follow")
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylabel("first metastases per\n100 patient-years")
    years_axis(axes, (0, end), size)
    ended = hazard.end_days / DAYS_PER_YEAR
    counts = [
        Counts("at risk", at_risk_counter(hazard.follow_up.days, hazard.follow_up.happened)),
        Counts("recurred", lambda years: [hazard.events[ended <= year + 1e-6].sum() for year in years], gid="recurred"),
    ]
    count_rows(axes, counts, size)
    align_y_labels((axes,), size)
    return figure


def _footer(run: Run, hazard: Hazard) -> list[str]:
    months = (hazard.end_days[0] - hazard.start_days[0]) / DAYS_PER_YEAR * 12
    length = (
        f"{months:.0f} months"
        if months >= 1.5
        else "1 month"
        if months > 0.95
        else f"{months / 12 * DAYS_PER_YEAR:.0f} days"
    )
    return [
        *changes(run),
        f"{provenance(run)} Without a metastasis at diagnosis: {hazard.patients:,}; recurrences: "
        f"{int(hazard.events.sum()):,}, each the "
        f"first colony past {threshold_text(run)}, while alive. Rate in intervals of {length} with exact "
        f"95\N{NO-BREAK SPACE}% Poisson "
        f"intervals, if {FEWEST_PATIENT_YEARS:.0f} patient-years or more. {SCOPE}",
    ]
