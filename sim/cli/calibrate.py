"""The command `calibrate`: fit the catalogue's calibrated numbers to published rows."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.values import WholeNumber
from sim.errors import InputError
from sim.messages import unknown


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the fitted numbers to this file.",
)
@click.option("--write", is_flag=True, help="Replace the catalogue's own numbers by the fitted ones.")
@click.option(
    "--draws",
    type=WholeNumber(minimum=1),
    metavar="N",
    help="Also make N draws of calibrated and assumed numbers, for `run`, `ask` and `sweep` with --posterior (seconds "
    "each; continues).",
)
@click.option("--quiet", is_flag=True, help="Do not print the report.")
@click.option(
    "--part",
    type=click.Choice(["organs", "timing"]),
    default="organs",
    show_default=True,
    help="What to fit: the organ pattern, or timing, stage and survival by simulation (half an hour).",
)
@click.option("--site", "sites", multiple=True, help="Of timing, only this: colorectal or a site; may be repeated.")
@click.option("--patients", type=click.IntRange(min=100), help="Of timing: simulated patients a cohort.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of timing: keep every simulation in this file, so that a stopped fit goes on.",
)
@click.option("--profiles", is_flag=True, help="Of timing: profiles of what the rows hardly identify.")
def calibrate(
    out: Path | None,
    write: bool,
    draws: int | None,
    quiet: bool,
    part: str,
    sites: tuple[str, ...],
    patients: int | None,
    keep: Path | None,
    profiles: bool,
) -> None:
    """Fit soil, arrest and shedding to autopsies of five sites, or the course of the illness to registries.

    Reports the fit with its intervals. The catalogue stays as it is unless `--write` is given. Draws go into
    posterior.parquet, and those of the priors into prior.parquet, beside the fitted numbers.
    """
    of_timing = {"--site": sites, "--patients": patients, "--keep": keep, "--profiles": profiles}
    if part != "timing" and any(of_timing.values()):
        given = ", ".join(name for name, value in of_timing.items() if value)
        raise InputError(f"{given}: found with --part {part}; allowed: with --part timing")
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        found = "a folder" if out.is_dir() else f"there is no folder {out.parent}"
        raise InputError(f"--out {out}: {found}; give a file, such as calibrated.toml, in an existing folder")
    if draws is not None and part != "organs":
        raise InputError(f"--draws: found with --part {part}; allowed: with --part organs")
    if draws is not None and out is None and not write:
        raise InputError("--draws: found without a place for them; give --write or --out FILE too")
    from sim import catalog
    from sim.results.storage import check_file

    if out is not None or write:
        check_file(out or catalog.CALIBRATED_FILE)  # before anything is fitted
    if part == "timing":
        from sim.analysis.natural_history.calibrate import PARTS, calibrate_timing
        from sim.analysis.natural_history.fit import PATIENTS

        for site in sites:
            if site not in PARTS:
                raise InputError(f"--site {site}: {unknown('part of the fit', site, PARTS)}")
        report = calibrate_timing(
            out, write, parts=sites or PARTS, patients=patients or PATIENTS, kept=keep, profiles=profiles
        )
    else:
        from sim.analysis.calibration import calibrate as fit

        report = fit(out, write)
    if not quiet:
        click.echo(report)
    if draws is not None:
        _draw(draws, out, write, quiet)


def _draw(number: int, out: Path | None, write: bool, quiet: bool) -> None:
    """Draws of the posterior and, beside them, of the prior."""
    from sim.analysis.posterior import Drawing, draws
    from sim.analysis.prior import PriorDrawing
    from sim.catalog import posterior
    from sim.results.whole_file import machine_errors, write_whole
    from sim.work.progress import Bar

    for which, drawing in ((posterior.POSTERIOR, Drawing), (posterior.PRIOR, PriorDrawing)):
        file = posterior.file_of(which)
        beside = [] if out is None else [out.with_name(file.name)]
        places = [*beside, *([file] if write else [])]
        bar = Bar(number, f"draws of the {which}", not quiet, unit="draw")
        with machine_errors(places[0], "the draws cannot be kept"):
            columns = draws(number, bar.show, places[0].with_suffix(".part.jsonl"), drawing)
        bar.close()
        for place in places:
            with machine_errors(place, "the draws cannot be written"):
                write_whole(place, posterior.as_bytes(columns))
