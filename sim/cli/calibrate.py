"""The command `calibrate`: fit the catalogue's calibrated numbers to published rows."""

from __future__ import annotations

from pathlib import Path

import click

from sim.errors import InputError


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the fitted numbers to this file.",
)
@click.option("--write", is_flag=True, help="Replace the catalogue's own numbers by the fitted ones.")
@click.option("--quiet", is_flag=True, help="Do not print the report.")
def calibrate(out: Path | None, write: bool, quiet: bool) -> None:
    """Fit soil, arrest and shedding to autopsies of five sites.

    Reports the fit with its intervals. The catalogue stays as it is unless `--write` is given.
    """
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        found = "a folder" if out.is_dir() else f"there is no folder {out.parent}"
        raise InputError(f"--out {out}: {found}; give a file, such as calibrated.toml, in an existing folder")
    from sim.analysis.calibration import calibrate as fit

    report = fit(out, write)
    if not quiet:
        click.echo(report)
