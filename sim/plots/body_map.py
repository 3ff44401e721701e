"""The body map: organs shaded by how often they get metastases, vessels as wide as their traffic of tumour cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.ticker import FuncFormatter

from sim.analysis.traffic import ARTERY, PORTAL, VEIN, Traffic, vessel_traffic
from sim.names import ORGANS
from sim.plots import body_shapes as shapes
from sim.plots.frame import (
    SCOPE,
    Room,
    changes,
    frame,
    per_cent,
    power,
    provenance,
    size_named,
    threshold_text,
    title_of,
)
from sim.plots.labels import figure_inches, spread
from sim.plots.style import INK, QUIET, SHADES, Size, styled
from sim.results import incidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

    from sim.results.reading import Run

VESSEL_COLOURS = {ARTERY: "#c1440e", PORTAL: "#332288", VEIN: "#7fb2d6"}
"""Three lightnesses, three hues."""
DECADES = 4
"""Vessels with less than 10^-4 of the widest one's traffic are all drawn alike, as thin as a hair."""
_WIDEST, _THINNEST = 3.6, 0.25
_LABEL_X = 0.62


def body_map_figure(run: Run, size: str = "column") -> Figure:
    """A body (our own drawing): each organ's patch has gid `organ:<name>`, each vessel `<kind>:<where>`.

    Shade: per cent of all diagnosed with a visible metastasis there by the end of follow-up. Width: cells
    from the primary per patient, on a log scale. `size` is "column" or "slide". Raises InputError for an
    unknown size and for a manifest without the vessels' parameters.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(run, measures)


def _draw(run: Run, size: Size) -> Figure:
    patients = len(incidence.follow_up_years(run))
    shares = {
        organ: 100 * len(years) / max(patients, 1) for organ, years in incidence.first_detection_years(run).items()
    }
    traffic = vessel_traffic(run)
    room = Room(above_lines=0.8, below_lines=6.2, left_inches=0.05, right_inches=0.05)
    figure, (axes,) = frame(size, title_of(run), _footer(run, traffic), (1.0,), room, panels_inches=3.5)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-0.98, 0.98)
    axes.set_ylim(-0.02, shapes.HEIGHT + 0.03)
    axes.add_patch(
        PathPatch(
            shapes.OUTLINE,
            facecolor="#f1f1f1",
            edgecolor="#cfcfcf",
            linewidth=0.5 * size.line_points,
            zorder=1,
            gid="outline",
        )
    )
    axes.add_patch(
        PathPatch(
            shapes.GUT,
            facecolor="#fafafa",
            edgecolor="#bdbdbd",
            linewidth=0.4 * size.line_points,
            zorder=1.5,
            gid="gut",
        )
    )
    most = max([1.0, *shares.values()])
    norm = PowerNorm(0.5, 0, most)
    for organ, parts in shapes.ORGANS.items():
        for path in parts:
            axes.add_patch(
                PathPatch(
                    path,
                    facecolor=SHADES(norm(shares[organ])),
                    edgecolor=INK,
                    linewidth=0.4 * size.line_points,
                    zorder=3 if organ != "lung" else 2.9,
                    gid=f"organ:{organ}",
                )
            )
    _vessels(axes, traffic, size)
    _primary(axes, run, size)
    _labels(axes, shares, size)
    _keys(figure, norm, most, patients, traffic, size)
    return figure


def _width(cells: float, traffic: Traffic, size: Size) -> float:
    """Line width for so many cells per patient, by powers of ten below the widest vessel."""
    if cells <= 0 or traffic.shed <= 0:
        return 0.0
    level = 1 + math.log10(min(1.0, max(cells / _most(traffic), 10.0**-DECADES))) / DECADES
    return size.line_points * (_THINNEST + (_WIDEST - _THINNEST) * level)


def _most(traffic: Traffic) -> float:
    return max(traffic.shed, traffic.vena_cava, traffic.aorta, traffic.portal_vein)


def _vessels(axes: Axes, traffic: Traffic, size: Size) -> None:
    def vessel(points: Sequence[tuple[float, float]], cells: float, kind: str, where: str, zorder: float = 3.4) -> None:
        width = _width(cells, traffic, size)
        if width:
            axes.add_patch(
                PathPatch(
                    shapes.smooth(points, closed=False),
                    facecolor="none",
                    edgecolor=VESSEL_COLOURS[kind],
                    linewidth=width,
                    capstyle="round",
                    zorder=zorder,
                    gid=f"{kind}:{where}",
                )
            )

    vessel(shapes.VENA_CAVA, traffic.vena_cava, VEIN, "vena cava", 2.5)
    for side, points in shapes.PULMONARY_ARTERY.items():
        vessel(points, traffic.pulmonary_artery, VEIN, f"lung, {side}", 2.95)
    vessel(shapes.HEPATIC_VEIN, traffic.vein["liver"], VEIN, "liver")
    vessel(
        shapes.SHUNT,
        sum(traffic.vein[bed] for bed in traffic.portal) + traffic.drainage["portal"] - _kept(traffic),
        VEIN,
        "shunt",
    )
    vessel(shapes.AORTA, traffic.aorta, ARTERY, "aorta", 2.6)
    for bed, points in shapes.ARTERIES.items():
        vessel(
            points, traffic.artery[bed], ARTERY, bed, 2.7 if bed in ("brain", "muscle", "bone", "skin", "gut") else 3.4
        )
    for bed, points in shapes.PORTAL.items():
        own = traffic.portal[bed] + (_kept(traffic) if bed == "gut" else 0.0)
        vessel(points, own, PORTAL, bed, 3.2)


def _kept(traffic: Traffic) -> float:
    """What of the primary's portal drainage reaches the liver."""
    return traffic.portal_vein - sum(traffic.portal.values())


def _primary(axes: Axes, run: Run, size: Size) -> None:
    site = run.manifest["scenario"].get("primary")
    if site in shapes.PRIMARY_PLACE:
        axes.plot(
            *shapes.PRIMARY_PLACE[site],
            marker="*",
            markersize=1.1 * size.font_points,
            color="#ffd92f",
            markeredgecolor=INK,
            markeredgewidth=0.5 * size.line_points,
            linestyle="",
            zorder=5,
            gid=f"primary:{site}",
        )


def _labels(axes: Axes, shares: dict[str, float], size: Size) -> None:
    """Names and shares in two columns beside the body, each tied to its organ."""
    panel_inches = axes.get_position().height * figure_inches(axes)
    line = 1.3 * size.font_points / 72 * (shapes.HEIGHT + 0.05) / panel_inches
    for side, organs in shapes.LABEL_SIDES.items():
        sign = -1 if side == "left" else 1
        listed = [*organs, *(["elsewhere"] if side == "right" else [])]
        wanted = {organ: shapes.LABEL_FROM.get(organ, (0.0, 0.05))[1] for organ in listed}
        order = sorted(listed, key=wanted.__getitem__)
        places = spread([wanted[organ] for organ in order], line, 0.02, shapes.HEIGHT - 0.02)
        for organ, place in zip(order, places, strict=True):
            if organ in shapes.LABEL_FROM:
                x, y = shapes.LABEL_FROM[organ]
                axes.plot(
                    [x, sign * (_LABEL_X - 0.1), sign * (_LABEL_X - 0.02)],
                    [y, place, place],
                    color=QUIET,
                    linewidth=0.35 * size.line_points,
                    zorder=4,
                    gid=f"leader:{organ}",
                    solid_joinstyle="round",
                )
                axes.plot([x], [y], marker="o", markersize=0.16 * size.font_points, color=INK, zorder=4.1, linestyle="")
            axes.text(
                sign * _LABEL_X,
                place,
                f"{organ} {per_cent(shares[organ])}",
                ha="right" if sign < 0 else "left",
                va="center",
                gid="organ-label",
                zorder=4,
            )


def _keys(figure: Figure, norm: Normalize, most: float, patients: int, traffic: Traffic, size: Size) -> None:
    """Below the body: the scale of shades, and samples of vessels."""
    line, height, width = size.font_points / 72, figure.get_figheight(), figure.get_figwidth()
    footer = next(text for text in figure.texts if text.get_gid() == "footer").get_text().count("\n") + 1
    base = line * (0.78 * 1.42 * footer + 0.9)
    half = min(0.5 * width, 20 * line)
    scale = figure.add_axes(
        (
            (0.5 * width - half + 1.2 * line) / width,
            (base + 3.6 * line) / height,
            (half - 3.2 * line) / width,
            0.7 * line / height,
        )
    )
    bar = figure.colorbar(ScalarMappable(norm, SHADES), cax=scale, orientation="horizontal")
    ticks = [tick for tick in (0, 0.1, 1, 5, 10, 20, 40, 60, 80, 100) if tick <= most]
    kept = [0.0]
    for tick in ticks[1:]:
        if norm(tick) - norm(kept[-1]) > 0.17:
            kept.append(tick)
    bar.set_ticks(kept)
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.minorticks_off()
    bar.outline.set_linewidth(0.4 * size.line_points)
    scale.set_xlabel(f"metastasis there, % of {patients:,}", labelpad=0.2 * size.font_points)
    scale.set_gid("shades")
    keys = figure.add_axes(
        ((0.5 * width + 1.0 * line) / width, base / height, (half - 1.5 * line) / width, 5.8 * line / height)
    )
    keys.set_axis_off()
    keys.set_xlim(0, 1)
    keys.set_ylim(0, 5.8)
    keys.set_gid("vessel-key")
    column = (half - 1.5 * line) / line  # width of the key in lines of type
    for row, kind in enumerate((ARTERY, PORTAL, VEIN)):
        y = 5.0 - 1.5 * row
        keys.add_line(
            Line2D([0, 2 / column], [y, y], color=VESSEL_COLOURS[kind], linewidth=1.8 * size.line_points, gid="key")
        )
        keys.text(2.5 / column, y, kind, va="center", gid="key-text")
    if traffic.shed > 0:
        top = math.floor(math.log10(_most(traffic)))
        for row, exponent in enumerate((top, top - 1, top - 3)):
            if exponent < 0:
                break
            y = 5.0 - 1.5 * row
            keys.add_line(
                Line2D(
                    [9.2 / column, 11.2 / column],
                    [y, y],
                    color=QUIET,
                    linewidth=_width(10.0**exponent, traffic, size),
                    gid="key",
                )
            )
            keys.text(11.7 / column, y, f"{power(10.0**exponent)} cells", va="center", gid="key-text")


def _footer(run: Run, traffic: Traffic) -> list[str]:
    site = run.manifest["scenario"].get("primary", "primary")
    star = f"Star: primary ({site}). " if site in shapes.PRIMARY_PLACE else ""
    return [
        *changes(run),
        f"{provenance(run)} Shade: share of all diagnosed with a colony past {threshold_text(run)}, in life. "
        f"{star}Vessels: cells from the "
        f"primary that pass, per patient, expected from the run's routing; {power(float(f'{traffic.shed:.1e}'))} "
        "were shed. Darker and wider is more. "
        f"Not to scale. {SCOPE}",
    ]


assert set(shapes.ORGANS) == set(ORGANS) == {organ for side in shapes.LABEL_SIDES.values() for organ in side}
