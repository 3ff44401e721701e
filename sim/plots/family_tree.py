"""One patient: every colony's life and descent over time, and the migration graph between organs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from sim.errors import InputError
from sim.names import DAYS_PER_YEAR, NICHES
from sim.plots.frame import SCOPE, Room, changes, frame, notice, size_named, title_of
from sim.plots.labels import EndLabel, label_ends, room_inches
from sim.plots.style import INK, MARKER_EMS, ORGAN_LOOKS, QUIET, Size, styled
from sim.plots.time_axis import years_axis
from sim.results.schema import PRIMARY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.results.reading import Run

MOST_ROWS = 20
"""So many colonies are drawn one by one: the largest, and those that they descend from."""
NAMED_WAYS = 6


def lineage_figure(run: Run, size: str = "column", patient: int | None = None) -> Figure:
    """Two panels for one patient of `run`; `size` is "column" or "slide".

    The first has a row a colony (line `colony:<id>`; `asleep:<id>` before it woke), in order of descent,
    tied to the colony or primary that seeded it (`link:<id>`). The second has a node an organ (`node:<organ>`) and
    an arrow for each way on which colonies were seeded (`way:<source> to <organ>`). Without `patient`, one who
    shows much is taken. Raises InputError for an unknown size, or a patient that the run does not hold.
    """
    measures = size_named(size)
    with styled(measures):
        return _draw(run, chosen_patient(run, patient), measures)


def chosen_patient(run: Run, patient: int | None) -> int | None:
    """`patient`, or where it is None one with colonies from and in many organs, but not too many to draw.

    None in an empty run. Raises InputError for a patient that the run does not hold.
    """
    known = run.patients["patient"]
    if patient is not None:
        if not (known == patient).any():
            held = f"{known.min()} to {known.max()}" if len(known) else "none"
            raise InputError(f"{run.place}: patient: found {patient}, the run holds {held}")
        return patient
    if run.metastases.empty:
        return int(known.min()) if len(known) else None
    by_patient = run.metastases.groupby("patient")
    found = by_patient[["source", "organ"]].nunique().assign(colonies=by_patient.size()).reset_index()
    few = found[found["colonies"] <= MOST_ROWS]
    ranked = (few if len(few) else found).sort_values(
        ["source", "organ", "colonies", "patient"], ascending=[False, False, False, True]
    )
    return int(ranked["patient"].iloc[0])


def _draw(run: Run, patient: int | None, size: Size) -> Figure:
    people = run.patients[run.patients["patient"] == patient].to_dict("records")
    colonies = run.metastases[run.metastases["patient"] == patient]
    rows = descent_order(colonies)
    names = [EndLabel(0, _name(row), "", "o") for row in rows] + [EndLabel(0, "primary", "")]
    beside = bool(size.height_inches)
    room = Room(
        above_lines=1.0,
        below_lines=3.2,
        gap_lines=3.4,
        right_inches=room_inches(names, size.font_points),
        left_inches=0.2,
    )
    tree_inches = 1.32 * size.font_points / 72 * (len(rows) + 3)
    graph_inches = 2.0
    shares = (
        (0.58, 0.42)
        if beside
        else (tree_inches / (tree_inches + graph_inches), graph_inches / (tree_inches + graph_inches))
    )
    title = title_of(run) if patient is None else f"{title_of(run)}: patient {patient}"
    figure, (tree, graph) = frame(
        size,
        title,
        _footer(run, people, colonies, rows),
        shares,
        room,
        panels_inches=tree_inches + graph_inches,
        beside=beside,
        share_x=False,
    )
    _tree(tree, people[0] if people else None, rows, size)
    _graph(graph, colonies, size)
    return figure


def descent_order(colonies: pd.DataFrame) -> list[dict]:
    """Colonies to draw as dicts, in order of descent: each followed by those that it seeded, the earliest first.

    Of more than MOST_ROWS only the largest, and their ancestors, are in it.
    """
    records = {int(row["colony"]): row for row in colonies.to_dict("records")}
    largest = sorted(records, key=lambda colony: (-int(records[colony]["cells"]), colony))[:MOST_ROWS]
    shown: set[int] = set()
    for colony in largest:
        here: int | None = colony
        while here in records and here not in shown:
            shown.add(here)
            here = _parent(records[here])
    children: dict = {}
    for colony in sorted(shown, key=lambda colony: (records[colony]["arrived_day"], colony)):
        parent = _parent(records[colony])
        children.setdefault(parent if parent in shown else None, []).append(colony)
    ordered, waiting = [], children.get(None, [])[::-1]
    while waiting:
        colony = waiting.pop()
        ordered.append(records[colony])
        waiting += children.get(colony, [])[::-1]
    return ordered


def _parent(row: Mapping[str, Any]) -> int | None:
    return None if _missing(row["parent_colony"]) else int(row["parent_colony"])


def _missing(value: object) -> bool:
    return value is None or value != value or str(value) == "<NA>"


def _name(row: Mapping[str, Any]) -> str:
    return row["organ"] + ("" if _missing(row["clone"]) else f", clone {int(row['clone'])}")


def _tree(axes: Axes, person: Mapping[str, Any] | None, rows: list[dict], size: Size) -> None:
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if person is None or _missing(person["diagnosis_day"]):
        axes.set_xticks([])
        axes.set_xlabel("years since diagnosis")
        notice(axes, "no patient to follow")
        return

    def year(day: float) -> float:
        return (float(day) - float(person["diagnosis_day"])) / DAYS_PER_YEAR

    end = year(person["last_day"])
    start = min([year(row["arrived_day"]) for row in rows], default=-1.0)
    margin = 0.03 * max(end - start, 0.1)
    axes.set_xlim(start - margin, end if end > start else start + 1.0)
    axes.set_ylim(-len(rows) - 0.8, 0.8)
    primary_end = end if _missing(person["resection_day"]) else year(person["resection_day"])
    axes.plot(
        [start - margin, primary_end],
        [0, 0],
        color=INK,
        linewidth=1.6 * size.line_points,
        solid_capstyle="butt",
        gid="primary",
    )
    place = {row["colony"]: -number for number, row in enumerate(rows, 1)}
    labels = [EndLabel(0, "primary", INK)]
    for row in rows:
        y, look = place[row["colony"]], ORGAN_LOOKS[row["organ"]]
        arrived, reached = year(row["arrived_day"]), year(row["reached_day"])
        woke = arrived if _missing(row["woke_day"]) else year(row["woke_day"])
        gone = min([end, *(year(row[name]) for name in ("removed_day", "extinct_day") if not _missing(row[name]))])
        parent = place.get(_parent(row), 0)
        from_unseen = row["source"] != PRIMARY and parent == 0
        axes.plot(
            [arrived, arrived],
            [parent, y],
            color=look.colour,
            linewidth=0.35 * size.line_points,
            zorder=1,
            linestyle=":" if from_unseen else "-",
            gid=f"link:{row['colony']}",
        )
        if woke > arrived:
            axes.plot(
                [arrived, woke],
                [y, y],
                color=look.colour,
                linewidth=0.8 * size.line_points,
                linestyle=(0, (1, 1.4)),
                gid=f"asleep:{row['colony']}",
            )
        axes.plot(
            [woke, min(reached, gone)],
            [y, y],
            color=look.colour,
            linewidth=0.6 * size.line_points,
            gid=f"small:{row['colony']}",
        )
        axes.plot(
            [min(reached, gone), gone],
            [y, y],
            color=look.colour,
            linewidth=1.8 * size.line_points,
            solid_capstyle="butt",
            gid=f"colony:{row['colony']}",
        )
        if not _missing(row["detected_day"]):
            axes.plot(
                [year(row["detected_day"])],
                [y],
                marker=look.marker,
                markersize=MARKER_EMS * look.marker_scale * size.font_points,
                color=look.colour,
                markeredgecolor="white",
                markeredgewidth=0.35 * size.line_points,
                linestyle="",
                zorder=3,
                gid=f"detected:{row['colony']}",
            )
        labels.append(EndLabel(y, _name(row), look.colour, look.marker, look.marker_scale))
    if axes.get_xlim()[0] < 0 < axes.get_xlim()[1]:
        axes.axvline(
            0, color=QUIET, linewidth=0.6 * size.line_points, linestyle=(0, (2, 2)), zorder=0.5, gid="diagnosis"
        )
    years_axis(axes, axes.get_xlim(), size)
    if not rows:
        notice(axes, "no colony reached 1 mm")
    label_ends(axes, labels, size.font_points, size.line_points)


def _graph(axes: Axes, colonies: pd.DataFrame, size: Size) -> None:
    """The primary in the middle, organs around it, arrows as wide as they are travelled."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-1.75, 1.75)
    axes.set_ylim(-1.2, 1.2)
    axes.plot(
        [0],
        [0],
        marker="*",
        markersize=1.9 * size.font_points,
        color="#ffd92f",
        markeredgecolor=INK,
        markeredgewidth=0.5 * size.line_points,
        zorder=4,
        gid="node:primary",
    )
    counts = Counter(colonies["organ"])
    organs = [organ for organ in NICHES if counts[organ]]
    if not organs:
        return
    angles = np.pi / 2 - 2 * np.pi * (np.arange(len(organs)) + 0.5) / len(organs)
    places = {PRIMARY: (0.0, 0.0)} | {
        organ: (1.2 * np.cos(a), 0.85 * np.sin(a)) for organ, a in zip(organs, angles, strict=True)
    }
    ways = Counter(zip(colonies["source"], colonies["organ"], strict=True))
    most = max(ways.values())
    for (source, organ), count in sorted(ways.items(), key=lambda item: item[1]):
        if source not in places or source == organ:
            continue
        axes.add_patch(
            FancyArrowPatch(
                places[source],
                places[organ],
                arrowstyle="-|>",
                mutation_scale=0.9 * size.font_points,
                shrinkA=0.8 * size.font_points,
                shrinkB=0.9 * size.font_points,
                connectionstyle="arc3,rad=0" if source == PRIMARY else "arc3,rad=0.22",
                color=INK if source == PRIMARY else ORGAN_LOOKS[source].colour,
                linewidth=size.line_points * (0.4 + 2.2 * np.log1p(count) / np.log1p(most)),
                zorder=2,
                gid=f"way:{source} to {organ}",
            )
        )
    for organ in organs:
        (x, y), look = places[organ], ORGAN_LOOKS[organ]
        axes.plot(
            [x],
            [y],
            marker=look.marker,
            markersize=1.1 * look.marker_scale * size.font_points,
            color=look.colour,
            markeredgecolor="white",
            markeredgewidth=0.5 * size.line_points,
            zorder=4,
            gid=f"node:{organ}",
        )
        upright = abs(x) < 0.2  # straight above or below the primary
        offset = (0, np.sign(y) * 1.3) if upright else (np.sign(x) * 0.95, 0)
        axes.annotate(
            f"{organ} {counts[organ]:,}",
            (x, y),
            xytext=(offset[0] * size.font_points, offset[1] * size.font_points),
            textcoords="offset points",
            ha="center" if upright else "left" if x >= 0 else "right",
            va="center",
            color=look.colour,
            zorder=5,
            gid="node-label",
        )


def _footer(
    run: Run, people: Sequence[Mapping[str, Any]], colonies: pd.DataFrame, rows: Sequence[Mapping[str, Any]]
) -> list[str]:
    ways = Counter(zip(colonies["source"], colonies["organ"], strict=True))
    secondary = [(f"{source} to {organ}", count) for (source, organ), count in ways.most_common() if source != PRIMARY]
    person = people[0] if people else None
    who = (
        ""
        if person is None
        else f"age {person['age_years']:.0f} at diagnosis, "
        + ("alive at the end" if _missing(person["death_cause"]) else f"died of {person['death_cause']}")
    )
    some = (
        f"the {len(rows)} largest, with their ancestors, of {len(colonies):,} colonies"
        if len(rows) < len(colonies)
        else f"all {len(rows)} colonies"
    )
    listed = ", ".join(f"{way} {count:,}" for way, count in secondary[:NAMED_WAYS]) + (
        ", ..." if len(secondary) > NAMED_WAYS else ""
    )
    clones = "" if colonies.empty or colonies["clone"].notna().any() else "The run has no clones. "
    return [
        *changes(run),
        f"n = {f'1 patient ({who})' if who else '0 patients'}, seed {run.manifest['seed']}. Colonies that reached 1 "
        f"mm, {some}: dotted while asleep, thin until "
        "1 mm, thick from then on, marked where they became visible; upright lines lead to what seeded them. Graph: "
        "number of colonies by organ, arrows "
        "by log number. "
        + (f"From metastases: {listed}. " if listed else "All came from the primary. " if len(colonies) else "")
        + clones
        + SCOPE,
    ]
