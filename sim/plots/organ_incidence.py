"""Cumulative incidence of metastases by organ, with death as a competing risk, and the numbers at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.analysis.competing_risks import incidence_by_organ
from sim.names import DAYS_PER_YEAR
from sim.plots.frame import (
    SCOPE,
    Room,
    align_y_labels,
    changes,
    frame,
    notice,
    per_cent,
    provenance,
    size_named,
    threshold_text,
    title_of,
)
from sim.plots.labels import EndLabel, label_ends, room_inches
from sim.plots.seeding import NAMED_ORGANS
from sim.plots.style import BAND_ALPHA, MARKER_EMS, ORGAN_LOOKS, OTHER, QUIET, Size, styled
from sim.plots.survival import curve_steps
from sim.plots.time_axis import Counts, at_risk_counter, count_rows, end_of_follow_up, lines_below, years_axis
from sim.results import incidence

if TYPE_CHECKING:
    from sim.results.reading import Run

PANEL_SHARE = 0.75
"""Height of the one panel, of what two panels have."""


def incidence_figure(run: Run, size: str = "column") -> Figure:
    """Aalen-Johansen curves of `run` by organ (lines `incidence:<organ>`), `size` "column" or "slide".

    In per cent of everybody diagnosed, by years since diagnosis; who has a metastasis at diagnosis
    counts at year 0. The first six organs have a 95 % band and a name. Raises InputError for an
    unknown size.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(run, measures)


def _draw(run: Run, size: Size) -> Figure:
    curves = incidence_by_organ(run)
    followed = incidence.follow_up_years(run).to_numpy()
    end = end_of_follow_up(followed, incidence.horizon_years(run))
    named, others = list(curves)[:NAMED_ORGANS], list(curves)[NAMED_ORGANS:]
    shares = {organ: 100 * curve.value[curve.days <= end * DAYS_PER_YEAR][-1] for organ, curve in curves.items()}
    labels = [
        EndLabel(
            shares[organ],
            f"{organ} {per_cent(shares[organ])}",
            ORGAN_LOOKS[organ].colour,
            ORGAN_LOOKS[organ].marker,
            ORGAN_LOOKS[organ].marker_scale,
        )
        for organ in named
    ]
    if others:
        highest = max(shares[organ] for organ in others)
        labels.append(EndLabel(highest, f"others ≤ {per_cent(highest)}", QUIET))
    room = Room(below_lines=lines_below(1), right_inches=room_inches(labels, size.font_points))
    figure, (axes,) = frame(
        size,
        title_of(run),
        _footer(run, {organ: shares[organ] for organ in others}),
        (1.0,),
        room,
        panels_inches=PANEL_SHARE * size.panels_inches,
    )
    top = 0.0
    for organ in reversed(curves):
        years, rows = curve_steps(curves[organ], end)
        values = 100 * curves[organ].value[rows]
        if organ in others:
            axes.step(
                years, values, where="post", color=OTHER, linewidth=size.line_points * 0.7, gid=f"incidence:{organ}"
            )
            continue
        look = ORGAN_LOOKS[organ]
        first = 0 if values[0] > 0 else min(1, len(years) - 1)  # no band before the first patient
        high = 100 * curves[organ].high[rows]
        axes.fill_between(
            years[first:],
            100 * curves[organ].low[rows][first:],
            high[first:],
            step="post",
            color=look.colour,
            alpha=BAND_ALPHA,
            linewidth=0,
            gid=f"band:{organ}",
        )
        wanted = end * (np.array([0.2, 0.45, 0.7, 0.9]) + 0.022 * (named.index(organ) - 2.5))
        axes.step(
            years, values, where="post", color=look.colour, linestyle=look.line, zorder=3, gid=f"incidence:{organ}"
        )
        axes.plot(
            wanted,
            values[np.searchsorted(years, wanted, side="right") - 1],
            linestyle="",
            marker=look.marker,
            color=look.colour,
            markersize=MARKER_EMS * look.marker_scale * size.font_points,
            markeredgecolor="white",
            markeredgewidth=size.line_points * 0.35,
            zorder=3.5,
            gid=f"marks:{organ}",
        )
        top = max(top, high[-1])
    if not curves:
        notice(axes, "no macrometastasis in any organ" if len(followed) else "no patient to follow")
    axes.set_ylim(0, min(100.0, 1.1 * top or 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylabel("patients with a first\nmacrometastasis there (%)")
    years_axis(axes, (0, end), size)
    label_ends(axes, labels, size.font_points, size.line_points)
    count_rows(axes, [Counts("alive", at_risk_counter(*incidence.follow_up(run)))], size)
    align_y_labels((axes,), size)
    return figure


def _footer(run: Run, others: dict[str, float]) -> list[str]:
    grey = ", ".join(f"{organ} {per_cent(share)}" for organ, share in others.items())
    return [
        *changes(run),
        f"{provenance(run)} Cumulative incidence of a first colony past {threshold_text(run)}, in life, with death "
        "as a competing "
        "risk (Aalen-Johansen); bands are pointwise 95\N{NO-BREAK SPACE}%. Metastases at diagnosis count at year 0. "
        + (f"Others (grey): {grey}. " if grey else "")
        + SCOPE,
    ]
