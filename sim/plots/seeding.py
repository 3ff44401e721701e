"""The seeding curve: who gets a first visible metastasis where, and what cells they carry meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from sim.names import DAYS_PER_YEAR
from sim.plots.frame import (
    SCOPE,
    Room,
    align_y_labels,
    changes,
    frame,
    notice,
    per_cent,
    power_tick,
    provenance,
    size_named,
    threshold_text,
    title_of,
)
from sim.plots.labels import EndLabel, figure_inches, label_ends, room_inches
from sim.plots.style import BAND_ALPHA, MARKER_EMS, ORGAN_LOOKS, OTHER, QUIET, STAGE_LOOKS, Size, styled
from sim.plots.time_axis import (
    SHORT_YEARS,
    Counts,
    at_risk_counter,
    count_rows,
    end_of_follow_up,
    lines_below,
    years_axis,
)
from sim.results import incidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.reading import Run

NAMED_ORGANS = 6
YEARS_BEFORE = 3.0
FEWEST_AT_RISK = 10
"""Quantiles of fewer patients than this are noise, and not drawn (in a small cohort: of fewer than a tenth)."""
STAGE_LABELS = {"dormant": "asleep", "cycling": "cycling"}


def seeding_figure(run: Run, size: str = "column") -> Figure:
    """The seeding curves of `run`; `size` is "column" (a journal's, 89 mm wide) or "slide" (16:9).

    Two axes share years since diagnosis. The first holds one line an organ (its `gid` is
    `share:<organ>`): the share of all patients diagnosed with a first macrometastasis, in per cent.
    The second holds the lines `cells:dormant` and `cells:cycling`: the median of cells per patient at
    risk. Raises InputError for an unknown size.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(run, measures)


@dataclass(frozen=True)
class _Incidence:
    """What the upper panel shows: for every organ the sorted years of first detection, and the ranking."""

    patients: int
    years: dict
    limits: tuple[float, float]

    def share(self, organ: str) -> float:
        """Per cent of patients by the end of the axis."""
        return 100 * float((self.years[organ] <= self.limits[1]).sum()) / max(self.patients, 1)

    @property
    def ranked(self) -> list[str]:
        return sorted((organ for organ in self.years if self.share(organ) > 0), key=lambda organ: -self.share(organ))

    @property
    def named(self) -> list[str]:
        return self.ranked[:NAMED_ORGANS]

    @property
    def others(self) -> list[str]:
        return self.ranked[NAMED_ORGANS:]

    @property
    def unseen(self) -> list[str]:
        return [organ for organ in self.years if organ not in self.ranked]

    def labels(self) -> list[EndLabel]:
        found = [
            EndLabel(
                self.share(organ),
                f"{organ} {per_cent(self.share(organ))}",
                ORGAN_LOOKS[organ].colour,
                ORGAN_LOOKS[organ].marker,
                ORGAN_LOOKS[organ].marker_scale,
            )
            for organ in self.named
        ]
        if self.others:
            highest = self.share(self.others[0])
            found.append(EndLabel(highest, f"others ≤ {per_cent(highest)}", QUIET))
        return found


def _draw(run: Run, size: Size) -> Figure:
    follow_up_years = incidence.follow_up_years(run).to_numpy()
    end = end_of_follow_up(follow_up_years, incidence.horizon_years(run))
    limits = (-min(YEARS_BEFORE, 0.6 * end), end)
    first = _Incidence(len(follow_up_years), incidence.first_detection_years(run), limits)
    stages = [EndLabel(0, text, "") for text in STAGE_LABELS.values()]
    right_inches = room_inches([*first.labels(), *stages], size.font_points)

    room = Room(above_lines=3.8, below_lines=lines_below(1), right_inches=right_inches)
    figure, (top, bottom) = frame(size, title_of(run), _footer(run, first), (0.58, 0.42), room)
    bottom.set_xlim(*limits)
    _draw_shares(top, first, size)
    _draw_cells(bottom, run, first.patients, limits, size)
    _draw_time(top, bottom, incidence.follow_up(run), limits, size)
    align_y_labels((top, bottom), size)
    return figure


def _draw_shares(axes: Axes, first: _Incidence, size: Size) -> None:
    highest = 0.0
    for organ in reversed(first.ranked):
        years = first.years[organ]
        times, counts, marks = _steps(years, first.limits, first.ranked.index(organ))
        shares = 100 * counts / first.patients
        highest = max(highest, shares[-1])
        if organ in first.others:
            axes.step(times, shares, where="post", color=OTHER, linewidth=size.line_points * 0.7, gid=f"share:{organ}")
            continue
        look = ORGAN_LOOKS[organ]
        low, high = incidence.wilson_interval(counts, first.patients)
        start = 0 if counts[0] > 0 else 1  # no band before the first patient
        axes.fill_between(
            times[start:],
            100 * low[start:],
            100 * high[start:],
            step="post",
            color=look.colour,
            alpha=BAND_ALPHA,
            linewidth=0,
            gid=f"band:{organ}",
        )
        highest = max(highest, 100 * float(high[-1]))
        axes.step(
            times,
            shares,
            where="post",
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markersize=MARKER_EMS * look.marker_scale * size.font_points,
            markevery=marks,
            markeredgecolor="white",
            markeredgewidth=size.line_points * 0.35,
            zorder=3,
            gid=f"share:{organ}",
        )
    if not first.ranked:
        notice(axes, "no macrometastasis in any organ")
    axes.set_ylim(0, min(100.0, 1.12 * highest or 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylabel("patients with a first\nmacrometastasis (%)")
    label_ends(axes, first.labels(), size.font_points, size.line_points)


def _steps(years: np.ndarray, limits: tuple[float, float], rank: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Times and counts of one curve's steps, and the indices of its markers (shifted from curve to curve).

    A curve starts where it leaves zero, so that the flat beginnings do not hide each other.
    """
    start, end = limits
    before = int((years <= start).sum())
    opening = start if before else years[0]
    wanted = start + (end - start) * (np.array([0.3, 0.5, 0.7, 0.88]) + 0.022 * (rank - 2.5))
    wanted = wanted[(wanted > opening) & (wanted < end)]
    times = np.unique(np.concatenate([years[(years > start) & (years <= end)], wanted, [end]]))
    counts = np.searchsorted(years, times, side="right")
    marks = [int(place) + 1 for place in np.searchsorted(times, wanted)]
    return np.concatenate([[opening], times]), np.concatenate([[before], counts]), marks


def fewest(patients: int) -> int:
    """Fewer patients at risk than this are not drawn: see FEWEST_AT_RISK."""
    return min(FEWEST_AT_RISK, max(1, patients // 10))


def _draw_cells(axes: Axes, run: Run, patients: int, limits: tuple[float, float], size: Size) -> None:
    rows = run.seeding
    rows = rows[(rows["clock"] == "diagnosis") & (rows["organ"] == "all") & (rows["n_at_risk"] >= fewest(patients))]
    labels, highest = [], 1.0
    for stage, look in STAGE_LOOKS.items():
        part = rows[rows["stage"] == stage].sort_values("day")
        years = part["day"].to_numpy() / DAYS_PER_YEAR
        shown = (years >= limits[0]) & (years <= limits[1])
        if not shown.any():
            continue
        years, part = years[shown], part[shown]
        axes.fill_between(
            years,
            part["q05"].to_numpy(),
            part["q95"].to_numpy(),
            color=look.colour,
            alpha=BAND_ALPHA,
            linewidth=0,
            gid=f"band:{stage}",
        )
        median = part["q50"].to_numpy()
        axes.plot(years, median, color=look.colour, linestyle=look.line, gid=f"cells:{stage}")
        axes.plot([years[-1], limits[1]], [median[-1]] * 2, color=look.colour, linewidth=size.line_points * 0.45)
        highest = max(highest, float(part["q95"].max()))
        labels.append(EndLabel(float(median[-1]), STAGE_LABELS[stage], look.colour))
    # Zero, where many patients begin, has its place on the axis, with room for a tick of its own.
    decades = math.log10(1.6 * highest)
    panel_inches = axes.get_position().height * figure_inches(axes)
    linear_part = 1.35 * size.font_points / 72 / panel_inches
    axes.set_yscale("symlog", linthresh=1, linscale=max(0.5, 0.9 * linear_part / (1 - linear_part) * decades))
    axes.set_ylim(-0.12, 1.6 * highest)
    powers = int(decades)
    every = max(1, -(-powers // 4))
    axes.yaxis.set_major_locator(FixedLocator([0, *(10.0**power for power in range(0, powers + 1, every))]))
    axes.yaxis.set_major_formatter(FuncFormatter(power_tick))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel("competent cells\nper patient")
    if not labels:
        notice(axes, "no cells recorded")
    label_ends(axes, labels, size.font_points, size.line_points)


def _draw_time(
    top: Axes, bottom: Axes, follow_up: tuple[np.ndarray, np.ndarray], limits: tuple[float, float], size: Size
) -> None:
    """The shared axis of time: years below, days above, the day of diagnosis, and who is still at risk."""
    points = size.font_points
    for axes in (top, bottom):
        axes.axvline(0, color=QUIET, linewidth=size.line_points * 0.6, linestyle=(0, (2, 2)), zorder=1, gid="diagnosis")
    # Left of the line, where curves are low, unless there is no room.
    side = -1 if -limits[0] > 0.25 * (limits[1] - limits[0]) else 1
    top.annotate(
        "diagnosis",
        xy=(0, 1),
        xycoords=("data", "axes fraction"),
        va="top",
        xytext=(0.4 * side * points, -0.4 * points),
        textcoords="offset points",
        ha="right" if side < 0 else "left",
        color=QUIET,
        size=0.9 * points,
        gid="diagnosis-label",
    )
    top.tick_params(axis="x", labelbottom=False)
    years_axis(bottom, limits, size)
    if limits[1] >= SHORT_YEARS:
        per_year = DAYS_PER_YEAR
        days = top.secondary_xaxis(
            "top", functions=(lambda years: np.asarray(years) * per_year, lambda days: np.asarray(days) / per_year)
        )
        days.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        days.tick_params(colors=QUIET, labelsize=0.85 * points)
        days.spines["top"].set(visible=True, color=QUIET)
        days.set_xlabel("days since diagnosis", color=QUIET, size=0.85 * points, labelpad=0.35 * points)
    count_rows(bottom, [Counts("at risk", at_risk_counter(*follow_up))], size)


def _footer(run: Run, first: _Incidence) -> list[str]:
    """Sentences below the figure: what is drawn, the grey organs, and the scope."""
    grey = ", ".join(f"{organ} {per_cent(first.share(organ))}" for organ in first.others)
    return [
        *changes(run),
        f"{provenance(run)} Top: share of all diagnosed, the dead included, with a colony past "
        f"{threshold_text(run)}, in life; "
        "bands are 95\N{NO-BREAK SPACE}% Wilson intervals. "
        f"Bottom: median and 5 to 95\N{NO-BREAK SPACE}% of patients at risk, if {fewest(first.patients)} or more.",
        " ".join(
            [
                *([f"Others (grey): {grey}."] if grey else []),
                *([f"None in: {', '.join(first.unseen)}."] if first.unseen else []),
                SCOPE,
            ]
        ),
    ]
