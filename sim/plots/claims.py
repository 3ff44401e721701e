"""The effects of all statements as a forest: one panel a unit, one line a contrast, coloured by its level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.plots.frame import Room, frame, size_named
from sim.plots.style import INK, OTHER, QUIET, styled

if TYPE_CHECKING:
    from sim.plots.frame import ShownFigure

COLOURS = ("#0072b2", "#6b6b6b", "#b87a00", "#a8a8a8", "#b3261e", OTHER, OTHER, OTHER)
"""Of the levels in their order: blue supported, grey by construction, ochre conditional, pale not, red contradicted."""
MARKERS = ("o", "s", "D", "x", "^", ".", ".", ".")
LONGEST_LABEL = 46
LINE_INCHES = 0.17


@dataclass(frozen=True)
class Effect:
    """A contrast's mean and its 95 % interval of a new draw, in `unit`, with the published value and the level."""

    name: str
    unit: str
    effect: tuple[float, float, float]
    published: float | None
    level: str


def effects_forest(effects: Sequence[Effect], levels: Sequence[str], size: str = "column") -> ShownFigure:
    """A line an effect, with its interval; a diamond outline is the published value. `levels` in their order.

    Panels, one a unit, stand one above the other; the line at zero is no effect.
    """
    measures = size_named(size)
    units = list(dict.fromkeys(effect.unit for effect in effects))
    groups = [[effect for effect in effects if effect.unit == unit] for unit in units]
    lines = [len(group) + 0.8 for group in groups]
    with styled(measures):
        scale = measures.font_points / 7
        figure, axes = frame(
            measures,
            "Effects of the statements",
            ["Mean and 95 % interval of a new draw of what is not known. Open diamond: published. Line: no effect."],
            [n / sum(lines) for n in lines],
            Room(left_inches=1.75 * scale, above_lines=4.6, gap_lines=4.4),
            panels_inches=LINE_INCHES * scale * sum(lines),
            share_x=False,
        )
        shown: set[str] = set()
        for panel, unit, group in zip(axes, units, groups, strict=True):
            panel.axvline(0.0, color=QUIET, linewidth=0.7, zorder=1)
            for place, effect in zip(range(len(group) - 1, -1, -1), group, strict=True):
                number = list(levels).index(effect.level)
                mean, low, high = effect.effect
                panel.hlines(place, low, high, color=COLOURS[number], linewidth=1.0, zorder=2)
                panel.scatter(
                    [mean],
                    [place],
                    marker=MARKERS[number],
                    color=COLOURS[number],
                    s=measures.font_points * 1.6,
                    zorder=3,
                    label=None if effect.level in shown else effect.level,
                    gid=f"effect:{effect.name}",
                )
                shown.add(effect.level)
                if effect.published is not None:
                    panel.scatter(
                        [effect.published],
                        [place],
                        marker="D",
                        facecolor="none",
                        edgecolor=INK,
                        s=measures.font_points * 2.6,
                        linewidth=0.8,
                        zorder=4,
                    )
            panel.set_yticks(
                range(len(group) - 1, -1, -1),
                [_short(effect.name) for effect in group],
                fontsize=measures.font_points * 0.7,
            )
            panel.set_ylim(-0.7, len(group) - 0.3)
            panel.set_xlabel(unit)
        handles = [part for panel in axes for part in zip(*panel.get_legend_handles_labels(), strict=True)]
        axes[0].legend(
            [handle for handle, _ in handles],
            [label for _, label in handles],
            loc="lower left",
            bbox_to_anchor=(-0.95, 1.0),
            ncols=2,
            frameon=False,
            borderaxespad=0.2,
            handletextpad=0.1,
            columnspacing=1.0,
            fontsize=measures.font_points * 0.8,
        )
        return figure


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 3].rstrip() + "..."
