"""Sleeping and cycling cells over time: what a patient carries where, on average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sim.names import DAYS_PER_YEAR
from sim.plots.frame import (
    SCOPE,
    Room,
    align_y_labels,
    changes,
    frame,
    notice,
    power_tick,
    provenance,
    size_named,
    title_of,
)
from sim.plots.labels import EndLabel, label_ends, room_inches
from sim.plots.seeding import NAMED_ORGANS, YEARS_BEFORE, fewest
from sim.plots.style import BAND_ALPHA, INK, MARKER_EMS, ORGAN_LOOKS, QUIET, Size, styled
from sim.plots.time_axis import Counts, at_risk_counter, count_rows, end_of_follow_up, lines_below, years_axis
from sim.results import incidence

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.results.reading import Run

STAGES = {"dormant": "asleep, mean\ncells per patient", "cycling": "cycling, mean\ncells per patient"}
SHORTEST = 0.02
"""Share of the follow-up that is shown at least."""
DECADES = 7
"""Below the highest curve so many powers of ten are shown."""


def cells_figure(run: Run, size: str = "column") -> Figure:
    """Mean numbers of sleeping (top) and cycling cells (bottom) per patient at risk, by organ, on a log scale.

    Lines `<stage>:<organ>` for the organs with most cells and `<stage>:all` for the body, which has a
    band from the 5 % to the 95 % quantile of patients. Years since diagnosis; `size` is "column" or
    "slide". Raises InputError for an unknown size.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(run, measures)


def _draw(run: Run, size: Size) -> Figure:
    followed = incidence.follow_up_years(run).to_numpy()
    end = end_of_follow_up(followed, incidence.horizon_years(run))
    limits = (-min(YEARS_BEFORE, 0.6 * end), end)
    rows = run.seeding
    rows = rows[
        (rows["clock"] == "diagnosis") & (rows["n_at_risk"] >= fewest(len(followed))) & rows["stage"].isin(list(STAGES))
    ]
    rows = rows.assign(years=rows["day"] / DAYS_PER_YEAR)
    rows = rows[rows["years"].between(*limits)].sort_values("years")
    if len(rows):
        limits = (limits[0], min(limits[1], max(float(rows["years"].max()), SHORTEST * limits[1])))
    curves = {stage: _curves(rows[rows["stage"] == stage]) for stage in STAGES}
    named = {organ for found in curves.values() for organ in found}
    right_inches = room_inches([EndLabel(0, organ, "", "o") for organ in named or {"all"}], size.font_points)
    room = Room(below_lines=lines_below(1), gap_lines=1.2, right_inches=right_inches)
    figure, panels = frame(size, title_of(run), _footer(run, len(followed)), (0.5, 0.5), room)
    for axes, (stage, found) in zip(panels, curves.items(), strict=True):
        _panel(axes, stage, found, limits, size)
    panels[0].tick_params(axis="x", labelbottom=False)
    years_axis(panels[1], limits, size)
    count_rows(panels[1], [Counts("at risk", at_risk_counter(*incidence.follow_up(run)))], size)
    align_y_labels(panels, size)
    return figure


def _curves(rows: pd.DataFrame) -> dict:
    """For the body and the organs that ever hold most: a data frame of the seeding table's rows by time."""
    by_organ = {organ: part for organ, part in rows.groupby("organ", observed=True) if part["mean"].max() > 0}
    organs = sorted((organ for organ in by_organ if organ != "all"), key=lambda organ: -by_organ[organ]["mean"].mean())
    return {organ: by_organ[organ] for organ in ("all", *organs[:NAMED_ORGANS]) if organ in by_organ}


def _panel(axes: Axes, stage: str, curves: dict, limits: tuple[float, float], size: Size) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(power_tick))
    axes.set_xlim(*limits)
    top = max((float(np.nanmax(part[["mean", "q95"]].to_numpy())) for part in curves.values()), default=1.0)
    means = [float(part["mean"][part["mean"] > 0].min()) for part in curves.values()]
    bottom = max(min(means, default=0.1), top / 10**DECADES)
    axes.set_ylim(0.6 * bottom, 2.0 * top)
    labels = []
    for rank, (organ, part) in enumerate(curves.items()):
        years, mean = part["years"].to_numpy(), part["mean"].to_numpy()
        look = None if organ == "all" else ORGAN_LOOKS[organ]
        if look is None:
            axes.fill_between(
                years,
                np.maximum(part["q05"].to_numpy(), 1e-12),
                np.maximum(part["q95"].to_numpy(), 1e-12),
                color=QUIET,
                alpha=BAND_ALPHA,
                linewidth=0,
                gid=f"band:{stage}",
            )
        positive = np.where(mean > 0, mean, np.nan)  # zero has no place on a log scale
        axes.plot(
            years,
            positive,
            color=look.colour if look else INK,
            linestyle=look.line if look else "-",
            linewidth=size.line_points * (1.0 if look else 2.6),
            zorder=3 if look else 2,
            gid=f"{stage}:{organ}",
            marker=look.marker if look else "",
            markevery=(int(len(years) * (0.1 + 0.035 * rank)), max(1, len(years) // 4)),
            markersize=MARKER_EMS * (look.marker_scale if look else 1) * size.font_points,
            markeredgecolor="white",
            markeredgewidth=size.line_points * 0.35,
        )
        at_end = max(float(mean[-1]), axes.get_ylim()[0])  # who has none left is labelled at the bottom
        labels.append(
            EndLabel(
                at_end,
                organ,
                look.colour if look else INK,
                look.marker if look else "",
                look.marker_scale if look else 1.0,
            )
        )
    axes.axvline(0, color=QUIET, linewidth=size.line_points * 0.6, linestyle=(0, (2, 2)), zorder=1, gid="diagnosis")
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(STAGES[stage])
    if not curves:
        notice(axes, f"no cell {'asleep' if stage == 'dormant' else 'cycling'}")
    label_ends(axes, labels, size.font_points, size.line_points)


def _footer(run: Run, patients: int) -> list[str]:
    return [
        *changes(run),
        f"{provenance(run)} Mean of competent cells per patient alive and followed, if {fewest(patients)} or more "
        "are; grey band: 5 to "
        f"95\N{NO-BREAK SPACE}% of patients, whole body. A few patients carry most cells, so the mean lies above "
        "most of them. "
        f"Dotted: diagnosis. {SCOPE}",
    ]
