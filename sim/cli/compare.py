"""`compare`: two runs of the same patients, paired."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sim import finding
from sim.cli.plot import FORMATS, Names
from sim.cli.values import shown


@click.command()
@click.argument("run_a", metavar="A", type=click.Path(path_type=Path))
@click.argument("run_b", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the comparison. [default: compared_with_A in B]",
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
def compare(run_a: Path, run_b: Path, out: Path | None, formats: tuple[str, ...], size: str) -> None:
    """Compare two runs patient by patient.

    A is the reference. Both must hold the same patients: the same seed and the same number of them.
    Prints who got metastases in one run only, differences and risk ratios with intervals, and one
    sentence; writes compare.json, compare.csv, compare_curves.csv and a figure.
    """
    from sim.results import reading as results

    first, second = results.open(run_a), results.open(run_b)
    from sim.analysis.compare import compare as compare_runs
    from sim.report import comparison as compare_text
    from sim.results.storage import check_file, csv_text, json_text, write_text

    folder = out or _own_folder(first.folder, second.folder / f"compared_with_{first.folder.resolve().name}")
    check_file(folder / "compare.csv")  # before anything is compared
    found = compare_runs(first, second)
    write_text(folder / "compare.csv", csv_text(compare_text.rows(found)))
    write_text(folder / "compare_curves.csv", csv_text(compare_text.curve_rows(found)))
    write_text(folder / "compare.json", json_text(compare_text.as_dict(found)))
    from sim.plots.compare import comparison_curves

    figures = comparison_curves(found, folder / "compare", size, formats)
    click.echo(compare_text.table(found))
    click.echo()
    click.echo(f"comparison  {shown(folder)}")
    for figure in figures:
        click.echo(f"figure      {shown(figure)}")


def _own_folder(reference: Path, folder: Path) -> Path:
    """`folder`, or its neighbour where the comparison with another run of the same name lies there."""
    try:
        found = json.loads((folder / "compare.json").read_text(encoding="utf-8"))["a"]["key"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        found = None
    return finding.apart(folder, reference, found)
