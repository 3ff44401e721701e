"""Difference curves of two paired runs: metastases by organ above, survival below, with paired intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.analysis.compare import PairedRuns
from sim.analysis.competing_risks import ANY_ORGAN
from sim.names import DAYS_PER_YEAR
from sim.plots.frame import SCOPE, Room, align_y_labels, frame, provenance, size_named, threshold_text
from sim.plots.labels import EndLabel, label_ends, room_inches
from sim.plots.save import BOTH, save
from sim.plots.style import BAND_ALPHA, INK, MARKER_EMS, ORGAN_LOOKS, QUIET, Look, Size, styled
from sim.plots.time_axis import Counts, at_risk_counter, count_rows, lines_below, years_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ORGANS = 4


def comparison_curves(
    found: PairedRuns, path_without_suffix: Path | str, size: str = "column", formats: Sequence[str] = BOTH
) -> list[Path]:
    """Draw the difference curves and save them; returns the paths. See `sim.plots.save.save`."""
    figure = comparison_figure(found, size)
    with styled(size_named(size)):
        return save(figure, path_without_suffix, formats)


def comparison_figure(found: PairedRuns, size: str = "column") -> Figure:
    """B minus A in percentage points over years since diagnosis (or the reference day), with paired 95 % bands.

    Above: patients with a visible metastasis so far, in any organ and in the organs where most patients
    changed (lines `difference:<organ>`); below: patients alive (line `difference:alive`). Raises
    InputError for an unknown size.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(found, measures)


def _draw(found: PairedRuns, size: Size) -> Figure:
    days = found.grid_days()
    changed = [
        c.organ
        for c in sorted(found.organs, key=lambda c: -(c.pairs.only_first + c.pairs.only_second))
        if c.organ != ANY_ORGAN and c.pairs.only_first + c.pairs.only_second
    ]
    curves = {organ: found.incidence_curve(organ, days) for organ in (ANY_ORGAN, *changed[:MOST_ORGANS])}
    deaths = found.death_curve(days)
    labels = {organ: _label(organ, 100 * float(pairs.difference[-1])) for organ, pairs in curves.items()}
    alive = _label("alive", -100 * float(deaths.difference[-1]))
    room = Room(below_lines=lines_below(2), right_inches=room_inches([*labels.values(), alive], size.font_points))
    title = f"B minus A: {'; '.join(found.differences[:3]) or 'the same scenario'}" + (
        "; ..." if len(found.differences) > 3 else ""
    )
    figure, panels = frame(size, title, _footer(found), (0.58, 0.42), room)
    end = float(days[-1]) / DAYS_PER_YEAR
    years = days / DAYS_PER_YEAR
    for rank, (organ, pairs) in reversed(list(enumerate(curves.items()))):
        low, high = pairs.difference_interval
        _curve(panels[0], organ, years, 100 * pairs.difference, 100 * low, 100 * high, rank, size)
    low, high = deaths.difference_interval
    _curve(panels[1], "alive", years, -100 * deaths.difference, -100 * high, -100 * low, 0, size)
    for axes, text, ends in (
        (panels[0], "patients with a visible\nmetastasis, B − A (points)", list(labels.values())),
        (panels[1], "patients alive,\nB − A (points)", [alive]),
    ):
        axes.axhline(0, color=QUIET, linewidth=size.line_points * 0.6, linestyle=(0, (2, 2)), zorder=1, gid="zero")
        _limits(axes)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(_points))
        axes.set_ylabel(text)
        axes.set_xlim(0, end)
        label_ends(axes, ends, size.font_points, size.line_points)
    panels[0].tick_params(axis="x", labelbottom=False)
    years_axis(panels[1], (0, end), size, since=found.origin)
    lived = [
        Counts(name, at_risk_counter(np.minimum(arm, found.end_days), arm <= found.end_days))
        for name, arm in zip("AB", found.death_days, strict=True)
    ]
    count_rows(panels[1], lived, size)
    align_y_labels(panels, size)
    return figure


def _look(name: str) -> Look | None:
    return ORGAN_LOOKS.get(name)


def _label(name: str, value: float) -> EndLabel:
    look = _look(name)
    text = f"{name} {value:+.1f}".replace("-", "\N{MINUS SIGN}")
    return EndLabel(value, text, look.colour, look.marker, look.marker_scale) if look else EndLabel(value, text, INK)


def _points(value: float, _position: int | None) -> str:
    """Percentage points with their sign; zero has none."""
    return f"{value:+g}".replace("-", "\N{MINUS SIGN}") if abs(value) > 1e-9 else "0"


def _curve(
    axes: Axes,
    name: str,
    years: np.ndarray,
    difference: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    rank: int,
    size: Size,
) -> None:
    look = _look(name)
    colour = look.colour if look else INK
    axes.fill_between(years, low, high, color=colour, alpha=BAND_ALPHA, linewidth=0, gid=f"band:{name}")
    axes.plot(
        years,
        difference,
        color=colour,
        linestyle=look.line if look else "-",
        linewidth=size.line_points * (1 if look else 1.4),
        marker=look.marker if look else "",
        markevery=(int(len(years) * (0.12 + 0.035 * rank)), len(years) // 4),
        markersize=MARKER_EMS * (look.marker_scale if look else 1) * size.font_points,
        markeredgecolor="white",
        markeredgewidth=size.line_points * 0.35,
        zorder=3,
        gid=f"difference:{name}",
    )


def _limits(axes: Axes) -> None:
    """Room for every band, and at least half a point, with zero always in view."""
    low, high = axes.dataLim.y0, axes.dataLim.y1
    low, high = min(low, -0.5), max(high, 0.5)
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def _footer(found: PairedRuns) -> list[str]:
    names = " ".join(
        f"{name} is {run.label}: {provenance(run)}" for name, run in (("A", found.first), ("B", found.second))
    )
    return [
        f"{found.patients:,} pairs of the same patients. {names} Above: share of all "
        f"{'patients' if found.apart else 'diagnosed'} with a first colony "
        "past "
        f"{threshold_text(found.second)}, in life, B minus A in percentage points; below: share alive, and how many. "
        "Bands are pointwise "
        f"95\N{NO-BREAK SPACE}% intervals from the pairs. {SCOPE}",
    ]
