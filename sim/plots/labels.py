"""Labels at the ends of curves: beside the panel, never on the data, never on each other."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import ScaledTranslation

from sim.plots.style import MARKER_EMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

_MARKER_EMS, _TEXT_EMS, _LEADER_EMS = 1.15, 1.85, 0.75
"""Distances from the panel's edge, in units of the font's size."""


@dataclass(frozen=True)
class EndLabel:
    """A label for a curve that ends at `value` (in data units); `marker` may be empty."""

    value: float
    text: str
    colour: str
    marker: str = ""
    marker_scale: float = 1.0


@functools.lru_cache(maxsize=4096)
def text_points(text: str, font_points: float, weight: str = "normal") -> float:
    """Width of one line of text in points."""
    if not text.strip():
        return 0.0
    return float(
        TextPath((0, 0), text, size=font_points, prop=FontProperties(family="DejaVu Sans", weight=weight))
        .get_extents()
        .width
    )


def wrap(text: str, room_points: float, font_points: float, weight: str = "normal") -> list[str]:
    """Lines of `text`, broken at spaces, none wider than `room_points` unless a single word is."""
    none = text_points("nn", font_points, weight)
    space = text_points("n n", font_points, weight) - none
    lines, line, width = [], "", 0.0
    for word in text.split(" "):
        own = text_points(f"n{word}n", font_points, weight) - none  # with the room around its letters
        if line and width + space + own > room_points:
            lines.append(line)
            line, width = "", 0.0
        line, width = (f"{line} {word}", width + space + own) if line else (word, own)
    return [*lines, line]


def room_inches(labels: list[EndLabel], font_points: float) -> float:
    """Width in inches that the labels need to the right of the panel."""
    longest = max((text_points(label.text, font_points) for label in labels), default=0)
    return (longest + (_TEXT_EMS + 0.6) * font_points) / 72


def figure_inches(axes: Axes) -> float:
    """Height of the figure in which a panel stands."""
    return cast("Figure", axes.figure).get_figheight()  # not a part of a figure: we draw none of those


def label_ends(axes: Axes, labels: list[EndLabel], font_points: float, line_points: float) -> None:
    """Write each label beside the right edge of `axes` at the height of its curve, or as near as possible.

    Labels that would touch are moved apart; a thin line ties each to the end of its curve. The limits
    of `axes` must be final.
    """
    labels = sorted(labels, key=lambda label: (label.value, bool(label.marker)))
    figure = axes.figure
    to_axes = axes.transAxes.inverted()
    own = [to_axes.transform(axes.transData.transform((axes.get_xlim()[1], label.value)))[1] for label in labels]
    panel_inches = axes.get_position().height * figure_inches(axes)
    least_gap = 1.2 * font_points / 72 / panel_inches

    def beside(ems: float) -> Transform:
        return axes.transAxes + ScaledTranslation(ems * font_points / 72, 0, figure.dpi_scale_trans)

    for label, height, place in zip(labels, own, spread(own, least_gap, 0.0, 1.0), strict=True):
        axes.annotate(
            "",
            xy=(1, height),
            xycoords=axes.transAxes,
            xytext=(1, place),
            textcoords=beside(_LEADER_EMS),
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": label.colour,
                "linewidth": line_points * 0.45,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        if label.marker:
            axes.plot(
                [1],
                [place],
                transform=beside(_MARKER_EMS),
                color=label.colour,
                marker=label.marker,
                markersize=MARKER_EMS * label.marker_scale * font_points,
                linestyle="",
                markeredgewidth=0,
                clip_on=False,
                gid="key",
            )
        axes.text(
            1,
            place,
            label.text,
            transform=beside(_TEXT_EMS if label.marker else _LEADER_EMS + 0.2),
            va="center_baseline",
            ha="left",
            color=label.colour,
            gid="label",
        )


def spread(wanted: Sequence[float], least_gap: float, low: float, high: float) -> list[float]:
    """Positions near `wanted` (ascending), at least `least_gap` apart, within `low` to `high`.

    Minimises the squared distance from the wanted positions (pooling of neighbours that touch). Where
    the room is too small for all, the gap shrinks evenly. Units are the caller's.
    """
    count = len(wanted)
    if count > 1:
        least_gap = min(least_gap, (high - low) / (count - 1))
    # Subtracting the gaps turns "at least a gap apart" into "ascending": an isotonic regression.
    blocks: list[list[float]] = []
    for index, place in enumerate(wanted):
        blocks.append([float(place) - index * least_gap, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            before, size_before = blocks.pop()
            blocks.append([(mean * size + before * size_before) / (size + size_before), size + size_before])
    levels = [mean for mean, size in blocks for _ in range(int(size))]
    top = high - (count - 1) * least_gap
    return [min(max(level, low), top) + index * least_gap for index, level in enumerate(levels)]
