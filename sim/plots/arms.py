"""Several runs in one figure: what to call each, and the key above the panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from sim.errors import InputError
from sim.plots.frame import changes, provenance, text_room, title_lines, title_of
from sim.plots.labels import wrap
from sim.plots.style import ARM_LOOKS, MARKER_EMS, Size
from sim.results import incidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.results.reading import Run

_LINE_EMS = 3.2
LETTERS = "ABCDEF"
"""What rows of numbers call the arms."""


def arm_names(runs: Sequence[Run]) -> list[str]:
    """A short name a run, no two alike: by title, else by what was changed, else by seed, else by folder.

    Raises InputError for more runs than have a look of their own.
    """
    if len(runs) > len(ARM_LOOKS):
        raise InputError(f"{len(runs)} runs in one figure cannot be told apart; give {len(ARM_LOOKS)} at most")
    titles = [title_of(run) for run in runs]
    changed = [incidence.changes_text(run) or "as the scenario has it" for run in runs]
    seeds = [f"seed {run.manifest['seed']}" for run in runs]
    folders = [run.label for run in runs]
    paths = [run.place for run in runs]
    for names in (
        titles,
        changed,
        [f"{title}; {change}" for title, change in zip(titles, changed, strict=True)],
        seeds,
        folders,
        paths,
    ):
        if len(set(names)) == len(names):
            return names
    return [f"{number}. {path}" for number, path in enumerate(paths, 1)]


def arms_title(runs: Sequence[Run]) -> str:
    """The title that all runs share, or how many arms are compared."""
    titles = {title_of(run) for run in runs}
    return titles.pop() if len(titles) == 1 else f"{len(runs)} arms"


def lead(runs: Sequence[Run]) -> str:
    """First sentences of a footer: patients, seeds, and what was changed."""
    if len(runs) == 1:
        return " ".join([*changes(runs[0]), provenance(runs[0])])
    cohorts = [provenance(run).removesuffix(".") for run in runs]
    return f"{cohorts[0]} in each arm." if len(set(cohorts)) == 1 else f"By arm: {'; '.join(cohorts)}."


def _wrapped(names: Sequence[str], size: Size) -> list[list[str]]:
    return [
        wrap(f"{letter}  {name}", text_room(size, _LINE_EMS + 0.9), size.font_points)
        for letter, name in zip(LETTERS, names, strict=False)
    ]


def key_lines(names: Sequence[str], size: Size) -> float:
    """Lines of type that the key needs; none for a single run."""
    return 0.0 if len(names) < 2 else 0.4 + 1.3 * sum(map(len, _wrapped(names, size)))


def draw_key(figure: Figure, title: str, names: Sequence[str], size: Size) -> None:
    """A line sample and a name for each arm, between `title` and the panels, where no data are."""
    if len(names) < 2:
        return
    line = size.font_points / 72
    height, width = figure.get_figheight(), figure.get_figwidth()
    down = line * (1.4 * len(title_lines(size, title)) + 0.6)
    left = 0.3 * line / width
    for lines, look in zip(_wrapped(names, size), ARM_LOOKS[: len(names)], strict=True):
        middle = 1 - (down + 0.6 * line) / height
        figure.add_artist(
            Line2D(
                [left, left + _LINE_EMS * line / width],
                [middle, middle],
                color=look.colour,
                linestyle=look.line,
                linewidth=size.line_points,
                gid="key",
            )
        )
        figure.add_artist(
            Line2D(
                [left + _LINE_EMS / 2 * line / width],
                [middle],
                color=look.colour,
                marker=look.marker,
                linestyle="",
                markersize=MARKER_EMS * look.marker_scale * size.font_points,
                markeredgecolor="white",
                markeredgewidth=size.line_points * 0.35,
                gid="key-marker",
            )
        )
        figure.text(
            left + (_LINE_EMS + 0.6) * line / width,
            1 - down / height,
            "\n".join(lines),
            ha="left",
            va="top",
            linespacing=1.15,
            color=look.colour,
            gid="arm",
        )
        down += 1.3 * line * len(lines)
