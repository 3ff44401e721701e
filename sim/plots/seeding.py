"""The seeding curve: who gets a first visible metastasis where, and what cells they carry meanwhile."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from sim import incidence
from sim.errors import InputError
from sim.plots.labels import EndLabel, label_ends, room_inches, text_points
from sim.plots.save import save
from sim.plots.style import MARKER_EMS, ORGAN_LOOKS, OTHER, QUIET, SIZES, STAGE_LOOKS, Size, styled

NAMED_ORGANS = 6
YEARS_BEFORE = 3.0
SHORT_YEARS = 1.0
"""Shorter follow-up is shown in days."""
BAND_ALPHA = 0.14
FEWEST_AT_RISK = 10
"""Quantiles of fewer patients than this are noise, and not drawn (in a small cohort: of fewer than a tenth)."""
STAGE_LABELS = {"dormant": "asleep", "cycling": "cycling"}


def seeding_curves(run, path_without_suffix: Path | str, size: str = "column") -> list[Path]:
    """Draw the seeding curves of `run` and save them as PNG (300 dpi) and PDF; returns both paths.

    `size` is "column" (a journal's, 89 mm wide) or "slide" (16:9). The folder is made where it is
    missing; each file appears whole or not at all. Raises InputError for another size or a path
    that cannot be a file, MachineError where it cannot be written.
    """
    figure = seeding_figure(run, size)
    with styled(SIZES[size]):
        return save(figure, path_without_suffix)


def seeding_figure(run, size: str = "column") -> Figure:
    """The figure of `seeding_curves`, not saved.

    Two axes share years since diagnosis. The first holds one line an organ (its `gid` is
    `share:<organ>`): the share of all patients diagnosed with a first macrometastasis, in per cent.
    The second holds the lines `cells:dormant` and `cells:cycling`: the median of cells per patient at
    risk. Raises InputError for an unknown size.
    """
    if size not in SIZES:
        raise InputError(f"size: found {size!r}; allowed: {', '.join(SIZES)}")
    with styled(SIZES[size]):
        return _draw(run, SIZES[size])


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
            EndLabel(self.share(organ), f"{organ} {_per_cent(self.share(organ))}",
                     ORGAN_LOOKS[organ].colour, ORGAN_LOOKS[organ].marker, ORGAN_LOOKS[organ].marker_scale)
            for organ in self.named
        ]
        if self.others:
            highest = self.share(self.others[0])
            found.append(EndLabel(highest, f"others ≤ {_per_cent(highest)}", QUIET))
        return found


def _draw(run, size: Size) -> Figure:
    follow_up_years = incidence.follow_up_years(run).to_numpy()
    limits = _time_limits(follow_up_years, incidence.horizon_years(run))
    first = _Incidence(len(follow_up_years), incidence.first_detection_years(run), limits)
    stages = [EndLabel(0, text, "") for text in STAGE_LABELS.values()]
    right_inches = room_inches([*first.labels(), *stages], size.font_points)

    scenario = run.manifest["scenario"]
    title = textwrap.wrap(str(scenario.get("title") or scenario.get("name", "")), size.title_characters) or [""]
    footer = [line for text in _footer(run, first) for line in textwrap.wrap(text, size.footer_characters)]
    figure, top, bottom = _layout(size, len(title), len(footer), right_inches)
    margin_x, margin_y = 0.3 * size.font_points / 72 / figure.get_figwidth(), 0.5 * size.font_points / 72 / figure.get_figheight()
    figure.text(margin_x, 1 - margin_y, "\n".join(title), ha="left", va="top", weight="bold",
                size=size.font_points * 1.15, linespacing=1.15, gid="title")
    figure.text(margin_x, margin_y, "\n".join(footer), ha="left", va="bottom",
                size=size.font_points * 0.78, color=QUIET, linespacing=1.3, gid="footer")

    bottom.set_xlim(*limits)
    _draw_shares(top, first, size)
    _draw_cells(bottom, run, first.patients, limits, size)
    _draw_time(top, bottom, follow_up_years, limits, size)
    for axes in (top, bottom):
        # Both labels in one line, two lines of type from the figure's edge.
        axes_inches = axes.get_position().width * size.width_inches
        axes.yaxis.set_label_coords((2.85 * size.font_points / 72 - size.left_inches) / axes_inches, 0.5)
    return figure


def _layout(size: Size, title_lines: int, footer_lines: int, right_inches: float):
    """A figure whose parts keep their size in inches, however long title and footer are."""
    line_inches = size.font_points / 72
    above = line_inches * (1.4 * title_lines + 3.8)
    below = line_inches * 4.6
    footer = line_inches * (0.78 * 1.42 * footer_lines + 0.9)
    gap = line_inches * 1.5
    room = size.panels_inches
    if size.height_inches:
        room = size.height_inches - above - below - footer - gap
    height = above + room + gap + below + footer
    figure = Figure(figsize=(size.width_inches, height))
    FigureCanvasAgg(figure)
    left, width = size.left_inches / size.width_inches, 1 - (size.left_inches + right_inches) / size.width_inches
    low, lower, upper = (below + footer) / height, 0.42 * room / height, 0.58 * room / height
    bottom = figure.add_axes([left, low, width, lower])
    top = figure.add_axes([left, low + lower + gap / height, width, upper], sharex=bottom)
    return figure, top, bottom


def _time_limits(follow_up_years, horizon_years: float) -> tuple[float, float]:
    """Years shown: to the horizon, or as long as at least 1 % of patients are still followed."""
    end = horizon_years
    if len(follow_up_years):
        end = min(end, float(np.quantile(follow_up_years, 0.99, method="higher")))
    end = horizon_years if end > 0.97 * horizon_years else max(end, 0.02 * horizon_years)
    return -min(YEARS_BEFORE, 0.6 * end), end


def _draw_shares(axes, first: _Incidence, size: Size) -> None:
    start, end = first.limits
    highest = 0.0
    for organ in reversed(first.ranked):
        years = first.years[organ]
        times, counts, marks = _steps(years, first.limits, first.ranked.index(organ))
        per_cent = 100 * counts / first.patients
        highest = max(highest, per_cent[-1])
        if organ in first.others:
            axes.step(times, per_cent, where="post", color=OTHER, linewidth=size.line_points * 0.7, gid=f"share:{organ}")
            continue
        look = ORGAN_LOOKS[organ]
        low, high = incidence.wilson_interval(counts, first.patients)
        start = 0 if counts[0] > 0 else 1  # no band before the first patient
        axes.fill_between(times[start:], 100 * low[start:], 100 * high[start:], step="post", color=look.colour, alpha=BAND_ALPHA,
                          linewidth=0, gid=f"band:{organ}")
        highest = max(highest, 100 * float(high[-1]))
        axes.step(times, per_cent, where="post", color=look.colour, linestyle=look.line, marker=look.marker,
                  markersize=MARKER_EMS * look.marker_scale * size.font_points,
                  markevery=marks, markeredgecolor="white",
                  markeredgewidth=size.line_points * 0.35, zorder=3, gid=f"share:{organ}")
    if not first.ranked:
        axes.text(0.5, 0.5, "no macrometastasis in any organ", transform=axes.transAxes, ha="center", va="center",
                  color=QUIET, gid="nothing", zorder=4, bbox={"facecolor": "white", "edgecolor": "none"})
    axes.set_ylim(0, min(100.0, 1.12 * highest or 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylabel("patients with a first\nmacrometastasis (%)")
    label_ends(axes, first.labels(), size.font_points, size.line_points)


def _steps(years, limits, rank: int):
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


def _per_cent(value: float) -> str:
    digits = f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.095 else f"{value:.1g}"
    return f"{digits}\N{NO-BREAK SPACE}%"  # a space that does not break: a per cent sign never starts a line


def _fewest(patients: int) -> int:
    return min(FEWEST_AT_RISK, max(1, patients // 10))


def _draw_cells(axes, run, patients: int, limits, size: Size) -> None:
    rows = run.seeding
    rows = rows[(rows["clock"] == "diagnosis") & (rows["organ"] == "all") & (rows["n_at_risk"] >= _fewest(patients))]
    labels, highest = [], 1.0
    for stage, look in STAGE_LOOKS.items():
        part = rows[rows["stage"] == stage].sort_values("day")
        years = part["day"].to_numpy() / incidence.DAYS_PER_YEAR
        shown = (years >= limits[0]) & (years <= limits[1])
        if not shown.any():
            continue
        years, part = years[shown], part[shown]
        axes.fill_between(years, part["q05"].to_numpy(), part["q95"].to_numpy(), color=look.colour, alpha=BAND_ALPHA,
                          linewidth=0, gid=f"band:{stage}")
        median = part["q50"].to_numpy()
        axes.plot(years, median, color=look.colour, linestyle=look.line, gid=f"cells:{stage}")
        axes.plot([years[-1], limits[1]], [median[-1]] * 2, color=look.colour, linewidth=size.line_points * 0.45)
        highest = max(highest, float(part["q95"].max()))
        labels.append(EndLabel(float(median[-1]), STAGE_LABELS[stage], look.colour))
    # Zero, where many patients begin, has its place on the axis, with room for a tick of its own.
    decades = math.log10(1.6 * highest)
    panel_inches = axes.get_position().height * axes.figure.get_figheight()
    linear_part = 1.35 * size.font_points / 72 / panel_inches
    axes.set_yscale("symlog", linthresh=1, linscale=max(0.5, 0.9 * linear_part / (1 - linear_part) * decades))
    axes.set_ylim(-0.12, 1.6 * highest)
    powers = int(decades)
    every = max(1, -(-powers // 4))
    axes.yaxis.set_major_locator(FixedLocator([0, *(10.0**power for power in range(0, powers + 1, every))]))
    axes.yaxis.set_major_formatter(FuncFormatter(_cells_tick))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel("competent cells\nper patient")
    if not labels:
        axes.text(0.5, 0.5, "no cells recorded", transform=axes.transAxes, ha="center", va="center", color=QUIET,
                  gid="nothing", zorder=4, bbox={"facecolor": "white", "edgecolor": "none"})
    label_ends(axes, labels, size.font_points, size.line_points)


def _cells_tick(value: float, _position) -> str:
    return f"{value:.0f}" if value < 1000 else f"$10^{{{round(math.log10(value))}}}$"


def _draw_time(top, bottom, follow_up_years, limits, size: Size) -> None:
    """The shared axis of time: years below, days above, the day of diagnosis, and who is still at risk."""
    points = size.font_points
    for axes in (top, bottom):
        axes.axvline(0, color=QUIET, linewidth=size.line_points * 0.6, linestyle=(0, (2, 2)), zorder=1, gid="diagnosis")
    # Left of the line, where curves are low, unless there is no room.
    side = -1 if -limits[0] > 0.25 * (limits[1] - limits[0]) else 1
    top.annotate("diagnosis", xy=(0, 1), xycoords=("data", "axes fraction"), va="top",
                 xytext=(0.4 * side * points, -0.4 * points), textcoords="offset points", ha="right" if side < 0 else "left", color=QUIET, size=0.9 * points, gid="diagnosis-label")
    top.tick_params(axis="x", labelbottom=False)
    per_year = incidence.DAYS_PER_YEAR
    if limits[1] < SHORT_YEARS:
        locator = MaxNLocator(7, steps=[1, 2, 5, 10])
        bottom.xaxis.set_major_locator(FixedLocator(locator.tick_values(limits[0] * per_year, limits[1] * per_year) / per_year))
        bottom.xaxis.set_major_formatter(FuncFormatter(lambda years, _: f"{years * per_year:.0f}"))
        bottom.set_xlim(*limits)
    else:
        bottom.xaxis.set_major_locator(MaxNLocator(9, integer=limits[1] - limits[0] >= 3, steps=[1, 2, 5, 10]))
    bottom.set_xlabel(f"{'days' if limits[1] < SHORT_YEARS else 'years'} since diagnosis", labelpad=0.25 * points)

    if limits[1] >= SHORT_YEARS:
        days = top.secondary_xaxis("top", functions=(lambda years: years * per_year, lambda days: days / per_year))
        days.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        days.tick_params(colors=QUIET, labelsize=0.85 * points)
        days.spines["top"].set(visible=True, color=QUIET)
        days.set_xlabel("days since diagnosis", color=QUIET, size=0.85 * points, labelpad=0.35 * points)

    at_risk = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top", "size": 0.85 * points}
    ticks = [tick for tick in bottom.get_xticks() if 0 <= tick <= limits[1]]
    # A day of grace: a horizon in whole days ends some hours before its last year does.
    counts = [f"{int((follow_up_years >= tick - 1 / per_year).sum()):,}" for tick in ticks]
    room_points = 72 * bottom.get_position().width * size.width_inches / (limits[1] - limits[0]) * np.diff(ticks[:2]).sum()
    every = max(1, math.ceil((text_points(max(counts, key=len), 0.85 * points) + 0.4 * points) / max(room_points, 1)))
    for tick, count in list(zip(ticks, counts, strict=True))[::every]:
        bottom.annotate(count, xy=(tick, 0), xytext=(0, -3.5 * points), ha="center", gid="at-risk", **at_risk)
    bottom.annotate("at risk", xy=(limits[0], 0), xytext=(-0.5 * points, -3.5 * points), ha="right", color=QUIET,
                    gid="at-risk-label", **at_risk)


def _footer(run, first: _Incidence) -> list[str]:
    """Sentences below the figure: what is drawn, the grey organs, and the scope."""
    cells = incidence.threshold_cells(run)
    how = "autopsy" if run.manifest["scenario"].get("observe") == "autopsy" else "imaging"
    limit = "" if cells is None else f", {_power(cells)} cells"
    grey = ", ".join(f"{organ} {_per_cent(first.share(organ))}" for organ in first.others)
    interrupted = "Interrupted run. " if run.manifest["status"] == "interrupted" else ""
    changes = incidence.changes_text(run)
    return [
        *([f"Changed in this run: {changes}."] if changes else []),
        f"{interrupted}n = {incidence.patients_text(run)}, seed {run.manifest['seed']}. Top: share of all diagnosed, the dead "
        f"included, with a colony past the {how} threshold{limit}, in life; bands are 95\N{NO-BREAK SPACE}% Wilson intervals. "
        f"Bottom: median and 5 to 95\N{NO-BREAK SPACE}% of patients at risk, if {_fewest(first.patients)} or more.",
        " ".join([
            *([f"Others (grey): {grey}."] if grey else []),
            *([f"None in: {', '.join(first.unseen)}."] if first.unseen else []),
            "Blood-borne spread only.",
        ]),
    ]


def _power(value: float) -> str:
    if value < 10_000:
        return f"{value:.0f}"
    digits, power = f"{value:.1e}".split("e")
    raised = str(int(power)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if digits == "1.0" else f"{digits.removesuffix('.0')} × 10{raised}"
