"""The attribution as bars: by organ, what is left with all mechanisms off, and what each mechanism adds or prevents."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from sim.analysis import products
from sim.analysis.attribution_rows import SUBJECT, own_block, ranked_organs, rows_of
from sim.plots.labels import text_points
from sim.plots.save import save
from sim.plots.style import INK, OTHER, QUIET, SIZES, Size, styled
from sim.results.schema import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAUSES, PREVENTS = "#c1440e", "#0072b2"
MOST_ROWS = 36
"""Rows of bars that a page takes; organs are left out from the rarest on."""
_ROW_EMS = 1.55
_SIZE = SIZES["column"]
_LEAST, _MOST = -200.0, 300.0
"""Per cent: the axis never goes further; a bar or an interval that does ends in an arrow."""


def attribution_bars(
    table: Mapping[str, Sequence], title: str, outcome: str, path_without_suffix: Path | str
) -> list[Path]:
    """Draw the shares of one outcome and save them as PNG and PDF; returns both paths.

    `table` holds the columns of `attribution.parquet`. Raises InputError and MachineError as `save`.
    """
    figure = attribution_figure(table, title, outcome)
    with styled(_SIZE):
        return save(figure, path_without_suffix)


def attribution_figure(table: Mapping[str, Sequence], title: str, outcome: str) -> Figure:
    """The figure of `attribution_bars`, not saved.

    One bar an organ and part, its `gid` is `bar:<organ>:<part>`; its interval is a line of gid
    `interval:<organ>:<part>`. Where inflammation was also computed across its assumed range, a line of
    gid `range:<organ>` spans its shares.
    """
    with styled(_SIZE):
        return _draw(rows_of(table, outcome), title, outcome, _SIZE)


def _shown(rows: Sequence[dict]) -> list[list[dict]]:
    """Rows of every organ that is drawn: all off first, then the mechanisms."""
    own = [row for row in own_block(rows) if row["part"] != "all on"]
    groups = [[row for row in own if row["organ"] == organ] for organ in ranked_organs(rows)]
    most = max(1, MOST_ROWS // (1 + len(groups[0]))) if groups else 0
    return groups[:most]


def _limits(groups: Sequence[Sequence[dict]]) -> tuple[float, float]:
    ends = [
        100 * row[key]
        for group in groups
        for row in group
        for key in ("share", "share_low", "share_high")
        if not math.isnan(row[key])
    ]
    low, high = min([0.0, *ends]), max([100.0, *ends])
    margin = 0.03 * (high - low)
    return max(low - margin, _LEAST) if low < 0 else 0.0, min(high + margin, _MOST)


def _draw(rows: Sequence[dict], title: str, outcome: str, size: Size) -> Figure:
    groups = _shown(rows)
    em = size.font_points / 72
    heading = textwrap.wrap(f"What causes the {SUBJECT[outcome]}: {title}", size.title_characters)
    footer = textwrap.wrap(_footer(rows, groups), size.footer_characters)
    count = sum(len(group) + 1 for group in groups) or 1
    names = [row["part"].replace("_", " ") for group in groups for row in group]
    left = (
        max([text_points(name, size.font_points * 0.93) for name in names], default=0) + 1.6 * size.font_points
    ) / 72
    values = [_value(row) for group in groups for row in group]
    right = (
        max([text_points(value, size.font_points * 0.93) for value in values], default=0) + 1.5 * size.font_points
    ) / 72
    top, bottom = (1.6 * len(heading) + 0.8) * em, (1.1 * len(footer) + 4.0) * em
    height = top + bottom + count * _ROW_EMS * em
    figure = Figure(figsize=(size.width_inches, height))
    axes = figure.add_axes(
        (left / size.width_inches, bottom / height, 1 - (left + right) / size.width_inches, 1 - (top + bottom) / height)
    )
    figure.text(
        0.3 * em / size.width_inches,
        1 - 0.5 * em / height,
        "\n".join(heading),
        ha="left",
        va="top",
        weight="bold",
        size=size.font_points * 1.15,
        gid="title",
    )
    figure.text(
        0.3 * em / size.width_inches,
        0.5 * em / height,
        "\n".join(footer),
        ha="left",
        va="bottom",
        size=size.font_points * 0.78,
        color=QUIET,
        linespacing=1.3,
        gid="footer",
    )
    axes.set_xlabel(f"share of the organ's {SUBJECT[outcome]} (%)" if groups else "", loc="right")
    axes.set_ylim(count - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    if not groups:
        axes.set_axis_off()
        axes.text(
            0.5, 0.5, "nobody got a visible metastasis", transform=axes.transAxes, ha="center", va="center", gid="empty"
        )
        return figure
    axes.set_xlim(*_limits(groups))
    axes.axvline(0, color=INK, linewidth=size.line_points * 0.7, zorder=3, gid="zero")
    place, ticks = 0, []
    for group in groups:
        organ = group[0]["organ"]
        axes.text(
            -left / size.width_inches / axes.get_position().width + 0.01,
            place,
            _organ_title(organ),
            transform=axes.get_yaxis_transform(),
            ha="left",
            va="center",
            weight="bold",
            gid=f"organ:{organ}",
        )
        for row in group:
            place += 1
            ticks.append(place)
            _bar(axes, place, row, size)
            if row["part"] == products.MECHANISM:
                _assumed_range(axes, place, rows, organ, size)
        place += 1
    axes.set_yticks(ticks, names)
    axes.tick_params(axis="y", length=0)
    return figure


def _organ_title(organ: str) -> str:
    return "all organs" if organ == ALL else organ


def _value(row: Mapping) -> str:
    return f"{100 * row['share']:.0f} %".replace("-", "\N{MINUS SIGN}")


def _bar(axes: Axes, place: int, row: Mapping, size: Size) -> None:
    share, low, high = (100 * row[key] for key in ("share", "share_low", "share_high"))
    protects = share < 0
    baseline = row["part"] == "all off"
    colour = OTHER if baseline else PREVENTS if protects else CAUSES
    start, end = axes.get_xlim()
    axes.barh(
        place,
        np.clip(share, start, end),
        height=0.72,
        color=colour,
        hatch="////" if protects and not baseline else None,
        edgecolor="white",
        linewidth=0,
        zorder=2,
        gid=f"bar:{row['organ']}:{row['part']}",
    )
    if not math.isnan(low):
        axes.plot(
            [max(low, start), min(high, end)],
            [place, place],
            color=INK,
            linewidth=size.line_points * 0.8,
            zorder=4,
            solid_capstyle="butt",
            gid=f"interval:{row['organ']}:{row['part']}",
        )
    for beyond, edge, arrow in ((min(share, low) < start, start, "<"), (max(share, high) > end, end, ">")):
        if beyond:
            axes.plot(
                [edge],
                [place],
                marker=arrow,
                color=INK,
                markersize=size.font_points * 0.45,
                clip_on=False,
                zorder=4,
                gid="beyond",
            )
    axes.text(
        1.03,
        place,
        _value(row),
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="center_baseline",
        size=size.font_points * 0.93,
        color=INK,
        gid=f"value:{row['organ']}:{row['part']}",
    )


def _assumed_range(axes: Axes, place: int, rows: Sequence[dict], organ: str, size: Size) -> None:
    """A thin bracket below the bar: from the smallest to the largest share across the assumed gain."""
    shares = [100 * row["share"] for row in rows if row["organ"] == organ and row["part"] == products.MECHANISM]
    if len(shares) > 1 and max(shares) > min(shares):
        axes.plot(
            np.clip([min(shares), max(shares)], *axes.get_xlim()),
            [place + 0.42] * 2,
            color=QUIET,
            marker="|",
            linewidth=size.line_points * 0.7,
            markersize=size.font_points * 0.4,
            zorder=4,
            gid=f"range:{organ}",
        )


def _footer(rows: Sequence[dict], groups: Sequence) -> str:
    parts = [
        f"{rows[0]['patients']:,} patients, the same in every combination of mechanisms; Shapley values; lines: 95 % "
        "intervals."
    ]
    if any(row["share"] < 0 for group in groups for row in group):
        parts.append("Hatched, to the left: the mechanism prevents metastases.")
    gains = sorted({row[products.GAIN] for row in rows if row[products.GAIN] is not None})
    if len(gains) > 1:
        parts.append(f"Bracket: inflammation's share for gains from {gains[0]:g} to {gains[-1]:g}, soil refitted.")
    left_out = len(ranked_organs(rows)) - len(groups)
    if left_out > 0:
        parts.append(f"Organs with fewer metastases are in the table only ({left_out}).")
    return " ".join(parts)
