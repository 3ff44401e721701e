"""`plot`: the figures of finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.values import WholeNumber, shown
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.results.reading import Run

FORMATS = ("png", "pdf", "svg")


class Names(click.ParamType):
    """A list of names, separated by commas."""

    name = "names"

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names, each once, in the order given."""
        names = [name.strip() for name in str(value).split(",") if name.strip()]
        for name in names:
            if name not in self.allowed:
                self.fail(f"{name!r} is not known (allowed: {', '.join(self.allowed)})", param, ctx)
        if not names:
            self.fail(f"{value!r} names nothing (allowed: {', '.join(self.allowed)})", param, ctx)
        return tuple(dict.fromkeys(names))


FIGURES = ("seeding", "incidence", "survival", "body", "cascade", "cells", "hazard", "lineage")
"""Names of `sim.plots.figures.FIGURES`, known here without importing matplotlib."""


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--what",
    type=Names(FIGURES),
    metavar="NAMES",
    help=f"Which figures, separated by commas: {', '.join(FIGURES)}. [default: all]",
)
@click.option(
    "--format",
    "formats",
    type=Names(FORMATS),
    metavar="NAMES",
    default="png,pdf",
    show_default=True,
    help="png, pdf, svg.",
)
@click.option(
    "--size",
    type=click.Choice(["column", "slide"]),
    default="column",
    show_default=True,
    help="For a journal column or a slide.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the figures. [default: figures in each run]",
)
@click.option(
    "--patient",
    type=WholeNumber(minimum=0),
    metavar="N",
    help="The patient whose lineage is drawn. [default: one with much to show]",
)
@click.option(
    "--rows",
    metavar="FACTOR",
    help="Of a sweep: the factor up the side of the heat map. [default: the second that varies]",
)
@click.option(
    "--columns", metavar="FACTOR", help="Of a sweep: the factor along the bottom. [default: the first that varies]"
)
@click.option(
    "--organ", multiple=True, metavar="ORGAN", help="Of a sweep: the organ (repeatable). [default: all, liver]"
)
def plot(
    runs: tuple[Path, ...],
    what: tuple[str, ...] | None,
    formats: tuple[str, ...],
    size: str,
    out: Path | None,
    patient: int | None,
    rows: str | None,
    columns: str | None,
    organ: tuple[str, ...],
) -> None:
    """Draw the figures of finished runs, or the heat maps of a sweep.

    Survival shows several runs as arms of one figure, in the folder of the first; all other figures are
    drawn run by run. RUN may be the folder of a sweep: then its incidence over two factors is drawn.
    """
    from sim.results import reading as results

    sweeps = [folder for folder in runs if (folder / "sweep.json").is_file()]
    if sweeps and (len(runs) > 1 or what or patient is not None):
        raise InputError(f"{sweeps[0]}: is a sweep; plot it alone, without --what and --patient")
    if sweeps:
        from sim.plots.sweep import ORGANS, write_sweep
        from sim.results.storage import check_file
        from sim.sweeps import read

        check_file((out or sweeps[0] / "figures") / "figure")

        for path in write_sweep(
            read.open(sweeps[0]),
            out or sweeps[0] / "figures",
            formats,
            size,
            organs=organ or ORGANS,
            rows=rows,
            columns=columns,
        ):
            click.echo(shown(path))
        return
    if rows or columns or organ:
        raise InputError("--rows, --columns and --organ are for sweeps; found runs only")
    opened = [results.open(folder) for folder in runs]  # all are checked before the first is drawn
    from sim.plots import figures
    from sim.results.storage import check_file

    folders = run_folders(opened, out)
    if patient is not None:
        for run in opened:
            figures.check_patient(run, patient)
    for folder in folders:
        check_file(folder / "figure")  # before anything is drawn
    for name in what or FIGURES:
        together = figures.FIGURES[name].overlays
        for group, folder in (
            [(opened, out or folders[0])]
            if together
            else [([run], folder) for run, folder in zip(opened, folders, strict=True)]
        ):
            for path in figures.write(name, group, folder, size, formats, patient):
                click.echo(shown(path))


def run_folders(runs: Sequence[Run], out: Path | None) -> list[Path]:
    """Where the figures of each run go: its own `figures`, `out`, or a folder a run in `out` where there are several.

    Raises InputError where two runs in `out` would write the same files.
    """
    if out is None:
        return [run.folder / "figures" for run in runs]
    if len(runs) == 1:
        return [out]
    names = [run.folder.resolve().name for run in runs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"--out {out}: two runs are called {twice!r}, and would write the same files; plot them one by one"
        )
    return [out / name for name in names]
