"""Every figure of runs by name: what it shows, whether it takes several runs, and how to draw and save it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sim.plots.body_map import body_map_figure
from sim.plots.cascade import cascade_figure
from sim.plots.cells import cells_figure
from sim.plots.family_tree import chosen_patient, lineage_figure
from sim.plots.frame import size_named
from sim.plots.hazard import hazard_figure
from sim.plots.organ_incidence import incidence_figure
from sim.plots.save import BOTH, save
from sim.plots.seeding import seeding_figure
from sim.plots.style import styled
from sim.plots.survival import survival_figure

if TYPE_CHECKING:
    from sim.plots.frame import ShownFigure
    from sim.results.reading import Run


@dataclass(frozen=True)
class Kind:
    """One kind of figure: file name, what it shows, function, whether that takes several runs as arms, or a patient."""

    file: str
    shows: str
    function: Callable
    overlays: bool = False
    one_patient: bool = False


FIGURES = {
    "seeding": Kind("seeding_curves", "who gets a first metastasis where, and what cells they carry", seeding_figure),
    "incidence": Kind(
        "incidence_by_organ", "cumulative incidence by organ, death as a competing risk", incidence_figure
    ),
    "survival": Kind(
        "survival", "overall and metastasis-free survival; several runs as arms", survival_figure, overlays=True
    ),
    "body": Kind("body_map", "organs shaded by incidence, vessels by traffic", body_map_figure),
    "cascade": Kind("cascade", "the funnel from shed cells to metastases", cascade_figure),
    "cells": Kind("cells", "sleeping and cycling cells over time", cells_figure),
    "hazard": Kind("recurrence_hazard", "hazard of recurrence over time", hazard_figure),
    "lineage": Kind(
        "lineage", "colonies of one patient: descent over time, and who seeded whom", lineage_figure, one_patient=True
    ),
}


def draw(what: str, runs: Sequence, size: str = "column", patient: int | None = None) -> ShownFigure:
    """The figure `what` of FIGURES; of one run, or of several where the kind overlays them.

    Raises KeyError for another name.
    """
    kind = FIGURES[what]
    if kind.one_patient:
        return kind.function(runs[0], size, patient)
    return kind.function(runs if kind.overlays else runs[0], size)


def write(
    what: str,
    runs: Sequence,
    folder: Path | str,
    size: str = "column",
    formats: Sequence[str] = BOTH,
    patient: int | None = None,
) -> list[Path]:
    """Draw `what` of `runs` and save it in `folder`, a file a format; returns the paths. See `sim.plots.save.save`."""
    kind = FIGURES[what]
    figure = draw(what, runs, size, patient)
    name = f"{kind.file}_of_patient_{patient}" if kind.one_patient and patient is not None else kind.file
    with styled(size_named(size)):
        return save(figure, Path(folder) / name, formats)


check_patient = chosen_patient
"""Raises InputError for a patient that a run does not hold."""


def seeding_curves(
    run: Run, path_without_suffix: Path | str, size: str = "column", formats: Sequence[str] = BOTH
) -> list[Path]:
    """Draw the seeding curves of `run` and save them under a name of one's own; see `write`."""
    figure = seeding_figure(run, size)
    with styled(size_named(size)):
        return save(figure, path_without_suffix, formats)
