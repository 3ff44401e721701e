"""The sensitivity as bars: how far each number moves the outcome, and its share of the outcome's variance."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from sim.analysis.sensitivity import Study
from sim.analysis.sensitivity_study import SCALE, Asked, leading, output
from sim.plots.labels import text_points
from sim.plots.save import save
from sim.plots.style import INK, OTHER, QUIET, SIZES, Size, styled
from sim.results.schema import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 15
EFFECT, ALONE = "#c1440e", "#0072b2"
_ROW_EMS = 1.55
_SIZE = SIZES["column"]
_AXIS = {
    "patients": "mean change of the share of patients (% points)",
    "colonies": "mean change of ln(metastases a patient)",
}


def sensitivity_bars(
    studies: Mapping[str, Study], asked: Asked, title: str, path_without_suffix: Path | str
) -> list[Path]:
    """Draw the studies for all organs together and save them as PNG and PDF; returns both paths.

    Raises InputError and MachineError as `save`.
    """
    figure = sensitivity_figure(studies, asked, title)
    with styled(_SIZE):
        return save(figure, path_without_suffix)


def sensitivity_figure(studies: Mapping[str, Study], asked: Asked, title: str) -> Figure:
    """The figure of `sensitivity_bars`, not saved.

    A panel a study. A bar's `gid` is `effect:<parameter>` (Morris), or `alone:<parameter>` in front of
    `total:<parameter>` (Sobol); its interval's is `interval:` and the bar's.
    """
    with styled(_SIZE):
        return _draw(studies, asked, title, _SIZE)


def _draw(studies: Mapping[str, Study], asked: Asked, title: str, size: Size) -> Figure:
    em = size.font_points / 72
    shown = {name: leading(study, asked.outcome)[:SHOWN] for name, study in studies.items()}
    names = [study.factors[i].name for name, study in studies.items() for i in shown[name]]
    heading = textwrap.wrap(f"Which numbers matter: {title}", size.title_characters)
    footer = textwrap.wrap(_footer(studies, asked), size.footer_characters)
    left = (
        max([text_points(name, size.font_points * 0.93) for name in names], default=0) + 1.6 * size.font_points
    ) / 72
    right, top, bottom, below = 1.2 * em, (1.6 * len(heading) + 0.8) * em, (1.1 * len(footer) + 1.0) * em, 3.6 * em
    heights = {name: (max(len(rows), 1) * _ROW_EMS + 0.6) * em for name, rows in shown.items()}
    height = top + bottom + sum(heights.values()) + below * len(shown)
    figure = Figure(figsize=(size.width_inches, height))
    lettering: tuple[tuple[str, float, str, dict[str, Any]], ...] = (
        (
            "\n".join(heading),
            1 - 0.5 * em / height,
            "top",
            {"weight": "bold", "size": size.font_points * 1.15, "gid": "title"},
        ),
        (
            "\n".join(footer),
            0.5 * em / height,
            "bottom",
            {"size": size.font_points * 0.78, "color": QUIET, "linespacing": 1.3, "gid": "footer"},
        ),
    )
    for text, y, anchor, style in lettering:
        figure.text(0.3 * em / size.width_inches, y, text, ha="left", va=anchor, **style)
    y = height - top
    for name, study in studies.items():
        y -= heights[name]
        axes = figure.add_axes(
            (left / size.width_inches, y / height, 1 - (left + right) / size.width_inches, heights[name] / height)
        )
        y -= below
        (_effects if name == "screening" else _indices)(axes, study, shown[name], asked, size)
        axes.set_yticks(range(len(shown[name])), [study.factors[i].name for i in shown[name]])
        axes.set_ylim(max(len(shown[name]), 1) - 0.4, -0.7)
        axes.set_xlim(left=0)
        axes.tick_params(axis="y", length=0)
    return figure


def _interval(axes: Axes, place: float, low: float, high: float, gid: str, size: Size) -> None:
    axes.plot(
        [max(low, 0.0), max(high, 0.0)],
        [place, place],
        color=INK,
        linewidth=size.line_points * 0.8,
        zorder=4,
        solid_capstyle="butt",
        gid=f"interval:{gid}",
    )


def _effects(axes: Axes, study: Study, shown: Sequence[int], asked: Asked, size: Size) -> None:
    o, scale = output(asked.outcome, ALL), SCALE[asked.outcome]
    for place, i in enumerate(shown):
        effect, low, high = (scale * study.figures[name][i, o] for name in ("effect", "effect_low", "effect_high"))
        gid = f"effect:{study.factors[i].name}"
        axes.barh(place, effect, height=0.72, color=EFFECT, linewidth=0, zorder=2, gid=gid)
        _interval(axes, place, low, high, gid, size)
    axes.set_xlabel(_AXIS[asked.outcome], loc="right")


def _indices(axes: Axes, study: Study, shown: Sequence[int], asked: Asked, size: Size) -> None:
    o = output(asked.outcome, ALL)
    for place, i in enumerate(shown):
        name = study.factors[i].name
        total, low, high = (study.figures[key][i, o] for key in ("total", "total_low", "total_high"))
        axes.barh(place, np.maximum(total, 0), height=0.72, color=OTHER, linewidth=0, zorder=2, gid=f"total:{name}")
        axes.barh(
            place,
            np.maximum(study.figures["first"][i, o], 0),
            height=0.36,
            color=ALONE,
            linewidth=0,
            zorder=3,
            gid=f"alone:{name}",
        )
        _interval(axes, place, low, high, f"total:{name}", size)
    axes.set_xlabel("share of the variance: grey in all, blue alone", loc="right")


def _footer(studies: Mapping[str, Study], asked: Asked) -> str:
    parts = ["Simulated cell by cell." if asked.simulate else "Closed form, without deaths from metastases."]
    if "screening" in studies:
        study = studies["screening"]
        parts.append(
            f"{'Above' if len(studies) > 1 else 'Shown'}: Morris, {len(study.points):,} points, {len(study.factors)} "
            "numbers, mean "
            "absolute effect of the catalogue's whole range."
        )
    if "ranking" in studies:
        parts.append(
            f"{'Below' if len(studies) > 1 else 'Shown'}: Sobol, {len(studies['ranking'].points):,} points, those "
            "with the largest effects."
        )
    return " ".join([*parts, "Lines: 95 % intervals."])
