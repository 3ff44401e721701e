"""The funnel: how many of the cells that a primary sheds get how far, on a log scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sim.plots.frame import (
    SCOPE,
    Room,
    changes,
    frame,
    notice,
    power,
    power_tick,
    provenance,
    size_named,
    threshold_text,
    title_of,
)
from sim.plots.labels import text_points
from sim.plots.style import INK, MARKER_EMS, ORGAN_LOOKS, QUIET, Size, styled
from sim.results import incidence
from sim.results.schema import ALL, PRIMARY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.reading import Run

FUNNEL = {
    "shed": "shed",
    "arrested": "arrested",
    "settled": "settled",
    "woke": "woke",
    "micrometastasis": "reached 1 mm",
    "macrometastasis": "macrometastasis",
}
"""Steps drawn as bars, and their names; what happens to the others stands beside the bar before."""
LOST = {
    "shed": ("died_in_transit", "died in transit"),
    "arrested": ("died_on_arrival", "died on arrival"),
    "settled": ("died_asleep", "died asleep"),
    "woke": ("extinct", "died out"),
}
BEFORE = {
    "arrested": ("shed", "of shed"),
    "settled": ("arrested", "of arrested"),
    "woke": ("settled", "of settled"),
    "micrometastasis": ("woke", "of awake"),
    "macrometastasis": ("micrometastasis", "of these"),
}
ORGANS = 3


def cascade_figure(run: Run, size: str = "column") -> Figure:
    """Cells (colonies from 1 mm on) of all patients at each step, a bar a step, on a log scale.

    A bar's `gid` is `step:<step>`. Markers `organ:<organ>` show the three organs with most macrometastases. Beside each
    bar: the number, and the share of the step before. `size` is "column" or "slide". Raises InputError for an unknown
    size.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(run, measures)


def cascade_counts(run: Run) -> dict[str, dict[str, int]]:
    """By organ (and `all`): the number of each step, cells from whatever source together."""
    rows = run.cascade
    sources = set(rows["source"])
    rows = rows[rows["source"] == (ALL if ALL in sources else PRIMARY)]
    found: dict[str, dict[str, int]] = {}
    for organ, step, cells in zip(rows["organ"], rows["step"], rows["cells"], strict=True):
        found.setdefault(organ, {})[step] = int(cells)
    return found


def _draw(run: Run, size: Size) -> Figure:
    counts = cascade_counts(run)
    whole = counts.get(ALL, {})
    points = size.font_points
    left_inches = (max(text_points(name, points) for name in FUNNEL.values()) + 1.2 * points) / 72
    texts = {step: _texts(step, whole) for step in FUNNEL}
    right_inches = (
        max(
            text_points(line, points * scale)
            for pair in texts.values()
            for line, scale in zip(pair, (1, 0.85), strict=True)
        )
        + 1.2 * points
    ) / 72
    room = Room(above_lines=0.8 + 1.4, below_lines=3.2, left_inches=left_inches, right_inches=right_inches)
    figure, (axes,) = frame(size, title_of(run), _footer(run), (1.0,), room, panels_inches=size.panels_inches * 0.85)
    steps = list(FUNNEL)
    for place, step in enumerate(steps):
        value = whole.get(step, 0)
        if value > 0:
            axes.barh(place, value - 0.5, left=0.5, height=0.62, color="#c9c9c9", linewidth=0, gid=f"step:{step}")
        for line, (text, scale, colour) in enumerate(zip(texts[step], (1, 0.85), (INK, QUIET), strict=True)):
            axes.annotate(
                text,
                xy=(1, place),
                xycoords=("axes fraction", "data"),
                xytext=(0.6 * points, 0.65 * points * (1 - 2 * line)),
                textcoords="offset points",
                va="center",
                ha="left",
                size=points * scale,
                color=colour,
                gid=f"count:{step}",
                annotation_clip=False,
            )
    _organs(figure, axes, counts, steps, size, left_inches)
    axes.set_yticks(range(len(steps)), list(FUNNEL.values()))
    axes.set_ylim(len(steps) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xscale("log")
    axes.set_xlim(0.5, 3 * max(whole.get("shed", 0), 1))
    axes.xaxis.set_major_locator(LogLocator(numticks=6))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(power_tick))
    axes.set_xlabel(
        f"cells (from 1 mm on: colonies) of {incidence.patients_text(run)}", labelpad=0.25 * points, loc="left"
    )
    if not whole.get("shed"):
        notice(axes, "no cell was shed")
    return figure


def _texts(step: str, whole: dict[str, int]) -> tuple[str, str]:
    """The number at a step, and its share of the step before."""
    value, (before, called) = whole.get(step, 0), BEFORE.get(step, (None, ""))
    return power(value), _share(value / whole[before], called) if before and whole.get(before) else ""


def _share(share: float, called: str) -> str:
    if share >= 0.001:
        return f"{100 * share:.2g}\N{NO-BREAK SPACE}% {called}"
    return f"1 in {power(float(f'{1 / share:.1e}'))} {called}" if share else f"none {called}"


def _organs(
    figure: Figure, axes: Axes, counts: dict[str, dict[str, int]], steps: Sequence[str], size: Size, left_inches: float
) -> None:
    """Markers of the organs that get most macrometastases, with a key between title and panel."""
    ranked = sorted(
        (organ for organ in counts if organ != ALL and counts[organ].get("arrested")),
        key=lambda organ: [-counts[organ].get(step, 0) for step in reversed(steps)],
    )[:ORGANS]
    points = size.font_points
    for rank, organ in enumerate(ranked):
        look = ORGAN_LOOKS[organ]
        places = [(counts[organ][step], place) for place, step in enumerate(steps) if counts[organ].get(step)]
        style: dict[str, Any] = {
            "color": look.colour,
            "marker": look.marker,
            "linestyle": "",
            "markeredgecolor": "white",
            "markersize": MARKER_EMS * look.marker_scale * points,
            "markeredgewidth": size.line_points * 0.35,
        }
        axes.plot(
            [x for x, _ in places],
            [y + 0.2 * (rank - (len(ranked) - 1) / 2) for _, y in places],
            gid=f"organ:{organ}",
            zorder=3,
            **style,
        )
    if ranked:
        axes.legend(
            list(axes.lines),
            [str(line.get_gid()).removeprefix("organ:") for line in axes.lines],
            loc="lower left",
            bbox_to_anchor=(-0.02, 1.0),
            ncols=len(ranked),
            frameon=False,
            handletextpad=0.2,
            columnspacing=1.2,
            borderpad=0.1,
            borderaxespad=0.2,
        )


def _footer(run: Run) -> list[str]:
    whole = cascade_counts(run).get(ALL, {})
    lost = [f"{name} {power(whole[step])}" for _, (step, name) in LOST.items() if whole.get(step)]
    if whole.get("inert"):
        lost.insert(min(2, len(lost)), f"settled but unable to grow {power(whole['inert'])}")
    return [
        *changes(run),
        f"{provenance(run)} Bars: all organs together, until the last day of each patient; markers: single organs. "
        + (f"Lost: {', '.join(lost)}. " if lost else "")
        + f"A macrometastasis is past {threshold_text(run)}. Cells asleep at the end, and colonies below 1 mm, have "
        f"taken no further step. {SCOPE}",
    ]
