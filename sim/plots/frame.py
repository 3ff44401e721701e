"""The frame of every figure: title above, panels that keep their height, footer below, room for labels."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.errors import InputError
from sim.plots.labels import wrap
from sim.plots.save import PNG_DPI
from sim.plots.style import QUIET, SIZES, Size
from sim.results import incidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.reading import Run

TITLE_EMS, FOOTER_EMS = 1.15, 0.78
"""Sizes of type, in units of the font's size."""
SCOPE = "Blood-borne spread only."
MOST_NAMED = 10
"""Changed parameters that a footer names: panels of a size with a height of its own shrink by what stands below."""


SCREEN_DPI = 150
"""Of a figure in a notebook."""


class ShownFigure(Figure):
    """A matplotlib figure that a notebook shows by itself, whether or not pyplot was ever imported there."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=SCREEN_DPI)
        return buffer.getvalue()


@dataclass(frozen=True)
class Room:
    """Space around the panels: lines of type above, below and between them, inches to both sides.

    `left_inches` of None is what the size asks for.
    """

    above_lines: float = 1.0
    below_lines: float = 3.2
    gap_lines: float = 1.5
    right_inches: float = 0.1
    left_inches: float | None = None


def size_named(name: str) -> Size:
    """The size called `name`. Raises InputError for an unknown one."""
    if name not in SIZES:
        raise InputError(f"size: found {name!r}; allowed: {', '.join(SIZES)}")
    return SIZES[name]


def frame(
    size: Size,
    title: str,
    footer: Sequence[str],
    shares: Sequence[float],
    room: Room,
    *,
    panels_inches: float | None = None,
    beside: bool = False,
    share_x: bool = True,
) -> tuple[ShownFigure, list[Axes]]:
    """A figure and its axes; each part keeps its size in inches, however long title and footer are.

    Panels stand one above the other and, unless `share_x` is False, share the x axis; `shares` of their height (they
    sum to one) go to each, top to bottom, and `panels_inches` is their height together where the size leaves it open
    (by default the size's own). With `beside` they stand side by side instead, with `shares` of the width. Returns
    (Figure, list of Axes).
    """
    line = size.font_points / 72
    titles = title_lines(size, title)
    footers = [part for text in footer for part in wrap(text, text_room(size), size.font_points * FOOTER_EMS)]
    above = line * (1.4 * len(titles) + room.above_lines)
    below = line * room.below_lines
    foot = line * (FOOTER_EMS * 1.42 * len(footers) + 0.9)
    gap = 0.0 if beside else line * room.gap_lines * (len(shares) - 1)
    inner = size.panels_inches if panels_inches is None else panels_inches
    if size.height_inches:
        inner = size.height_inches - above - below - foot - gap
    height = above + inner + gap + below + foot
    figure = ShownFigure(figsize=(size.width_inches, height), dpi=PNG_DPI)
    FigureCanvasAgg(figure)
    left = (size.left_inches if room.left_inches is None else room.left_inches) / size.width_inches
    right, base = room.right_inches / size.width_inches, (below + foot) / height
    axes: list[Axes] = []
    if beside:
        width, edge = 1 - len(shares) * (left + right), left
        for share in shares:
            axes.append(figure.add_axes((edge, base, share * width, inner / height)))
            edge += share * width + right + left
    else:
        for share in reversed(shares):  # from the bottom up, so that those above share the last one's x axis
            axes.insert(
                0,
                figure.add_axes(
                    (left, base, 1 - left - right, share * inner / height),
                    sharex=axes[-1] if axes and share_x else None,
                ),
            )
            base += (share * inner + line * room.gap_lines) / height
    margin_x, margin_y = 0.3 * line / figure.get_figwidth(), 0.5 * line / height
    figure.text(
        margin_x,
        1 - margin_y,
        "\n".join(titles),
        ha="left",
        va="top",
        weight="bold",
        size=size.font_points * TITLE_EMS,
        linespacing=1.15,
        gid="title",
    )
    figure.text(
        margin_x,
        margin_y,
        "\n".join(footers),
        ha="left",
        va="bottom",
        size=size.font_points * FOOTER_EMS,
        color=QUIET,
        linespacing=1.3,
        gid="footer",
    )
    return figure, axes


def title_lines(size: Size, title: str) -> list[str]:
    """The title, broken into lines that fit the figure."""
    return wrap(title, text_room(size), size.font_points * TITLE_EMS, "bold")


def text_room(size: Size, indent_ems: float = 0.0) -> float:
    """Points that a line of text may take; letters on a grid of pixels are up to 3 % wider than measured."""
    return 0.97 * (size.width_inches * 72 - (0.6 + indent_ems) * size.font_points)


def align_y_labels(axes: Sequence[Axes], size: Size, left_inches: float | None = None) -> None:
    """All labels of the y axes in one line, two lines of type from the figure's edge."""
    left_inches = size.left_inches if left_inches is None else left_inches
    for panel in axes:
        width_inches = panel.get_position().width * size.width_inches
        panel.yaxis.set_label_coords((2.85 * size.font_points / 72 - left_inches) / width_inches, 0.5)


def notice(axes: Axes, text: str) -> None:
    """Say in the middle of a panel why it is empty."""
    axes.text(
        0.5,
        0.5,
        text,
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=QUIET,
        gid="nothing",
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none"},
    )


def title_of(run: Run) -> str:
    """The scenario's title, or its name."""
    scenario = run.manifest["scenario"]
    return str(scenario.get("title") or scenario.get("name", ""))


def provenance(run: Run) -> str:
    """How many patients, which seed, and whether the run was interrupted, as one sentence."""
    interrupted = "Interrupted run. " if run.manifest["status"] == "interrupted" else ""
    return f"{interrupted}n = {incidence.patients_text(run)}, seed {run.manifest['seed']}."


def changes(run: Run) -> list[str]:
    """A sentence on what sets the run apart from the plain model, of a footer's length; none where nothing does."""
    changed = incidence.changes_text(run, MOST_NAMED)
    return [f"Changed in this run: {changed}."] if changed else []


def threshold_text(run: Run) -> str:
    """What counts as a macrometastasis: "the imaging threshold, 10^9 cells"."""
    cells = incidence.threshold_cells(run)
    how = "autopsy" if run.manifest["scenario"].get("observe") == "autopsy" else "imaging"
    return f"the {how} threshold" + ("" if cells is None else f", {power(cells)} cells")


def per_cent(value: float) -> str:
    """A number of per cent, as short as its size allows; the space does not break."""
    digits = f"{value:.0f}" if value >= 9.95 or value == 0 else f"{value:.1f}" if value >= 0.095 else f"{value:.1g}"
    return f"{digits}\N{NO-BREAK SPACE}%"  # a per cent sign never starts a line


def power_tick(value: float, _position: int | None = None) -> str:
    """A tick of a logarithmic axis: 0.01, 1, 100, 10³, 10⁹."""
    if value <= 0 or 1e-4 <= value < 1000:
        return f"{value:g}"
    return f"10{_raised(round(math.log10(value)))}"


def _raised(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def power(value: float) -> str:
    """A count in print: 950, 10⁹, 6.4 × 10¹³."""
    if value < 10_000:
        return f"{value:.0f}"
    digits, exponent = f"{value:.1e}".split("e")
    raised = _raised(int(exponent))
    return f"10{raised}" if digits == "1.0" else f"{digits.removesuffix('.0')} × 10{raised}"
