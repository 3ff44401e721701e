"""A heat map over two columns of a table: what an outcome is, on average, at each pair of levels (of a sweep, say)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sim.errors import InputError
from sim.plots.frame import Room, frame, notice, size_named
from sim.plots.labels import figure_inches, text_points
from sim.plots.style import INK, QUIET, SHADES, Size, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_LEVELS = 12
"""A column of numbers with more levels is cut into as many bins as fit a page, with equal numbers of rows."""
BINS = 8
SCALE_LINES = 4.6
"""Lines of type that the scale of shades needs below the panel."""


def heatmap_figure(
    table: pd.DataFrame,
    rows: str,
    columns: str,
    value: str,
    *,
    title: str,
    label: str,
    footer: Sequence[str] = (),
    size: str = "column",
) -> Figure:
    """Mean of `value` by levels of the columns `rows` (upwards) and `columns`; `table` is a pandas data frame.

    Each pair of levels that occurs is a patch of gid `cell:<column level>:<row level>` with its mean and
    the number of table rows in it; pairs that do not occur are hatched. `label` names the value with its
    unit. Missing values are left out. Raises InputError for a column that the table does not hold, for
    two axes with one column, and for values that are not numbers.
    """
    import pandas as pd

    measures = size_named(size)
    for name in (rows, columns, value):
        if name not in table.columns:
            raise InputError(
                f"heat map: found no column {name!r}; the table holds {', '.join(map(str, table.columns))}"
            )
    if rows == columns:
        raise InputError(f"heat map: {rows!r} cannot be both axes; give two columns")
    if not pd.api.types.is_numeric_dtype(table[value]):
        raise InputError(f"heat map: column {value!r} does not hold numbers")
    table = table[[rows, columns, value]].dropna()
    with styled(measures):
        return _draw(table, rows, columns, value, title, label, footer, measures)


def levels_of(values: pd.Series) -> tuple[list[str], np.ndarray]:
    """Names of the levels of a column in their order, and the number of each row's level; many numbers are binned."""
    import pandas as pd

    values = pd.Series(values)
    numbers = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numbers and values.nunique() > MOST_LEVELS:
        bins = pd.qcut(values.astype(float), BINS, duplicates="drop")
        low = float(values.min())  # the first bin is said to begin a little below it
        return [
            f"{max(part.left, low):.3g} to {part.right:.3g}" for part in bins.cat.categories
        ], bins.cat.codes.to_numpy()
    known = sorted(values.unique(), key=(float if numbers else str))
    place = {level: number for number, level in enumerate(known)}
    names = {True: "on", False: "off"} if pd.api.types.is_bool_dtype(values) else {}
    return [names.get(level, f"{level:g}" if numbers else str(level)) for level in known], values.map(place).to_numpy(
        dtype=int
    )


def _draw(
    table: pd.DataFrame, rows: str, columns: str, value: str, title: str, label: str, footer: Sequence[str], size: Size
) -> Figure:
    up, row = levels_of(table[rows])
    across, column = levels_of(table[columns])
    shape = (max(len(up), 1), max(len(across), 1))
    numbers = np.zeros(shape)
    sums = np.zeros(shape)
    np.add.at(numbers, (row, column), 1)
    np.add.at(sums, (row, column), table[value].to_numpy(dtype=float))
    means = np.divide(sums, numbers, out=np.full(shape, np.nan), where=numbers > 0)
    points = size.font_points
    left_inches = (max([text_points(name, points) for name in up], default=0) + 3.4 * points) / 72
    right_inches = 0.15
    cell_points = (72 * (size.width_inches - left_inches - right_inches)) / shape[1]
    longest = max([text_points(name, points) for name in across], default=0)
    turned = longest > 0.85 * cell_points
    names_lines = (longest / points if turned else 1.0) + 2.4  # the names of the levels, and of the column
    room = Room(
        above_lines=1.2, below_lines=names_lines + SCALE_LINES, left_inches=left_inches, right_inches=right_inches
    )
    figure, (axes,) = frame(
        size,
        title,
        [*footer, f"Mean of {len(table):,} rows; in brackets their number. Hatched: none."],
        (1.0,),
        room,
        panels_inches=min(max(0.34 * shape[0], 1.4), 3.6),
    )
    known = means[np.isfinite(means)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    norm = Normalize(min(low, 0.0) if low < 0.5 * high or low < 0 else low, high if high > low else low + 1.0)
    _cells(axes, means, numbers, norm, up, across, size)
    axes.set_xlim(0, shape[1])
    axes.set_ylim(0, shape[0])
    axes.set_yticks(np.arange(len(up)) + 0.5, up)
    axes.set_xticks(np.arange(len(across)) + 0.5, across, rotation=90 if turned else 0)
    axes.tick_params(length=0)
    axes.set_xlabel(columns.replace("_", " "), labelpad=0.25 * points)
    axes.set_ylabel(rows.replace("_", " "), labelpad=0.4 * points)
    if not known.size:
        notice(axes, "no row with a value")
    _scale(figure, axes, norm, label, names_lines, size)
    return figure


def _cells(
    axes: Axes,
    means: np.ndarray,
    numbers: np.ndarray,
    norm: Normalize,
    up: Sequence[str],
    across: Sequence[str],
    size: Size,
) -> None:
    from matplotlib.patches import Rectangle

    panel = axes.get_position()
    cell_points = (
        72 * panel.width * size.width_inches / means.shape[1],
        72 * panel.height * figure_inches(axes) / means.shape[0],
    )
    for (y, x), mean in np.ndenumerate(means):
        if not np.isfinite(mean):
            axes.add_patch(
                Rectangle((x, y), 1, 1, facecolor="white", edgecolor=QUIET, hatch="///", linewidth=0.0, gid="empty")
            )
            continue
        colour = SHADES(norm(mean))
        axes.add_patch(
            Rectangle(
                (x, y),
                1,
                1,
                facecolor=colour,
                edgecolor="white",
                linewidth=0.6 * size.line_points,
                gid=f"cell:{across[x]}:{up[y]}",
            )
        )
        text = f"{mean:.3g}"
        lines = [text, f"({int(numbers[y, x]):,})"]
        small = 0.85 * size.font_points
        if max(text_points(line, small) for line in lines) < 0.92 * cell_points[0] and 2.4 * small < cell_points[1]:
            dark = float(np.dot(colour[:3], [0.2126, 0.7152, 0.0722])) < 0.5
            axes.text(
                x + 0.5,
                y + 0.5,
                "\n".join(lines),
                ha="center",
                va="center",
                size=small,
                linespacing=1.1,
                color="white" if dark else INK,
                gid="mean",
            )


def _scale(figure: Figure, axes: Axes, norm: Normalize, label: str, names_lines: float, size: Size) -> None:
    """The scale of shades, between the panel and the footer."""
    line, height = size.font_points / 72, figure.get_figheight()
    panel = axes.get_position()
    bar_axes = figure.add_axes(
        (panel.x0, panel.y0 - (names_lines + 1.3) * line / height, panel.width, 0.6 * line / height)
    )
    bar = figure.colorbar(ScalarMappable(norm, SHADES), cax=bar_axes, orientation="horizontal")
    bar.outline.set_linewidth(0.4 * size.line_points)
    bar_axes.set_xlabel(label, labelpad=0.2 * size.font_points)
    bar_axes.set_gid("scale")
