"""The command `calibrate`: a first fit of the catalogue."""

from __future__ import annotations

from pathlib import Path

import click

from sim.errors import InputError


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write the fitted numbers. [default: the catalogue's own file]",
)
@click.option("--quiet", is_flag=True, help="Do not print the report.")
def calibrate(out: Path | None, quiet: bool) -> None:
    """Fit organs, sites and timing to published rows.

    Writes the catalogue file of calibrated parameters, with what it was fitted to, and reports the fit.
    """
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        found = "a folder" if out.is_dir() else f"there is no folder {out.parent}"
        raise InputError(f"--out {out}: {found}; give a file, such as calibrated.toml, in an existing folder")
    from sim import catalog
    from sim.analysis.calibration import calibrate as fit
    from sim.results.storage import check_file

    check_file(out or catalog.CALIBRATED_FILE)  # before anything is fitted

    report = fit(out, quiet)
    if not quiet:
        click.echo(report)
