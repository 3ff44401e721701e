"""`report`: a run, or a sweep, as one page."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.values import shown


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page. [default: report.html in the folder of the run]",
)
def report(run: Path, out: Path | None) -> None:
    """Write one page about a run, or a sweep, that opens offline and prints.

    RUN is the folder of a run or of a sweep. Question, results with figures, mechanisms, every parameter with
    its source, and how to reproduce it.
    """
    from sim.report.shareable import page_of
    from sim.results.storage import check_file, write_text

    path = out or run / "report.html"
    if out is not None or run.is_dir():
        check_file(path)  # before anything is drawn
    write_text(path, page_of(run))
    click.echo(shown(path))
