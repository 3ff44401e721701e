"""The command `validate`: the model beside every published row."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.values import WholeNumber, shown

DEFAULT = Path("results") / "validation"


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help=f"Folder of page, table and figures. [default: {DEFAULT}]",
)
@click.option(
    "--patients",
    type=WholeNumber(minimum=0),
    metavar="N",
    help="Simulated autopsies a site beside the closed form; 0: none. [default: 250]",
)
@click.option(
    "--synthetic",
    type=WholeNumber(minimum=0),
    metavar="N",
    help="Synthetic data sets on which the fit's intervals are tried; 0: none. [default: 50]",
)
@click.option(
    "--cohort",
    type=WholeNumber(minimum=0),
    metavar="N",
    help="Patients of each cohort of the natural history, untreated and operated on; 0: none. [default: 2000]",
)
@click.option("--no-figures", is_flag=True, help="Do not draw figures.")
@click.option("--no-profiles", is_flag=True, help="Leave out what the data cannot tell apart.")
def validate(
    out: Path | None,
    patients: int | None,
    synthetic: int | None,
    cohort: int | None,
    no_figures: bool,
    no_profiles: bool,
) -> None:
    """Lay the model beside every published row: a scorecard.

    Writes validation.md, scorecard.csv and figures: published and model with intervals, inside or outside, fitted,
    predicted or not comparable, and why. Takes about ten minutes.
    """
    from sim.analysis.validation import profiles
    from sim.analysis.validation.natural_history import PATIENTS
    from sim.analysis.validation.organs import SIMULATED, SYNTHETIC
    from sim.analysis.validation.scorecard import scorecard
    from sim.report.validation import summary, write
    from sim.results.storage import check_file

    folder = DEFAULT if out is None else out
    check_file(folder / "scorecard.csv")  # before anything is simulated
    rows = scorecard(
        simulated=SIMULATED if patients is None else patients,
        synthetic=SYNTHETIC if synthetic is None else synthetic,
        cohort=PATIENTS if cohort is None else cohort,
    )
    sections = [] if no_profiles else profiles.sections()
    path = write(rows, folder, sections, figures=not no_figures)
    click.echo(summary(rows))
    click.echo()
    click.echo(f"page     {shown(path)}")
