"""The command `export`: the tables of a run as CSV."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.values import shown


@click.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--csv",
    "csv_folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the CSV files.",
)
def export(run_folder: Path, csv_folder: Path) -> None:
    """Write the tables of RUN as CSV, for a spreadsheet."""
    from sim.results import reading as results

    results.open(run_folder).export_csv(csv_folder)
    click.echo(shown(csv_folder))
