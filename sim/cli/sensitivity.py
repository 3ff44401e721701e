"""The command `sensitivity`: which of the catalogue's numbers matter for the outcome of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import analysis_options, change_options, load, scenario_argument
from sim.cli.values import PROGRAM, WholeNumber, cores, default_analysis_folder, shown
from sim.errors import Interrupted, MachineError

if TYPE_CHECKING:
    from sim.analysis.sensitivity import Study
    from sim.analysis.sensitivity_study import Asked
    from sim.scenario import Scenario

KINDS = ("assumed", "derived", "calibrated", "measured")


@click.command()
@scenario_argument
@change_options
@analysis_options
@click.option(
    "--method",
    type=click.Choice(["both", "morris", "sobol"]),
    default="both",
    show_default=True,
    help="Morris screens all numbers, Sobol ranks the --keep most influential of them; or one of the two alone.",
)
@click.option(
    "--outcome",
    type=click.Choice(["patients", "colonies"]),
    default="patients",
    show_default=True,
    help="What is ranked by: patients with a visible metastasis, or the logarithm of their mean number. The tables "
    "hold both.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(KINDS),
    multiple=True,
    default=("assumed",),
    show_default=True,
    help="Kinds of numbers to vary (repeatable).",
)
@click.option("--parameters", metavar="A,B,...", default="", help="Vary these parameters only, whatever their kind.")
@click.option(
    "--trajectories",
    type=WholeNumber(minimum=2),
    metavar="N",
    default=20,
    show_default=True,
    help="Morris: trajectories through the ranges.",
)
@click.option(
    "--samples",
    type=WholeNumber(minimum=8),
    metavar="N",
    default=128,
    show_default=True,
    help="Sobol: base samples, a power of two.",
)
@click.option(
    "--keep",
    type=WholeNumber(minimum=2),
    metavar="N",
    default=12,
    show_default=True,
    help="How many numbers go from Morris to Sobol.",
)
@click.option(
    "--simulate", is_flag=True, help="Draw every cell, instead of the closed form; for narrow choices of --parameters."
)
@click.pass_context
def sensitivity(
    context: click.Context,
    scenario: str,
    patients: int | None,
    on: tuple[str, ...],
    off: tuple[str, ...],
    set_: tuple[str, ...],
    seed: int,
    workers: int | None,
    out: Path | None,
    quiet: bool,
    method: str,
    outcome: str,
    kinds: tuple[str, ...],
    parameters: str,
    trajectories: int,
    samples: int,
    keep: int,
    simulate: bool,
) -> None:
    """Find out which numbers matter.

    Varies the catalogue's numbers over their own ranges, in the same patients (24 unless --patients says
    otherwise), and reports how far each moves the outcome. By default in closed form, which needs no cells
    and leaves out deaths from metastases. Needs the extra "sensitivity" of the package.
    """
    from sim.analysis import sensitivity as methods
    from sim.analysis import sensitivity_study as study

    resolved = study.with_few_patients(load(scenario, patients, on, off, set_)[0], patients)
    names = tuple(dict.fromkeys(name.strip() for name in parameters.split(",") if name.strip()))
    factors = tuple(methods.factors_of(resolved, kinds=kinds, names=names))
    methods.check_samples(samples)
    asked = study.Asked(factors, method, outcome, trajectories, samples, keep, simulate)
    if out is None:
        out = default_analysis_folder(resolved, study.KIND, seed, [str(asked)])
    try:
        studies = study.sensitivity_study(
            resolved,
            asked,
            seed=seed,
            out=out,
            workers=workers or cores(),
            progress=not quiet,
            command_line=[PROGRAM, *context.find_root().meta.get("arguments", ())],
        )
    except KeyboardInterrupt:
        raise Interrupted("finished parts are kept; the same command continues from there") from None
    figures = _draw(studies, asked, resolved, out)
    if quiet:
        click.echo(shown(out))
        return
    from sim.report.sensitivity import sensitivity_text

    click.echo(sensitivity_text(studies, asked, resolved.title, resolved.patients))
    click.echo()
    click.echo(f"results  {shown(out)}")
    for figure in figures:
        click.echo(f"figure   {shown(figure)}")


def _draw(studies: Mapping[str, Study], asked: Asked, resolved: Scenario, out: Path) -> list[Path]:
    from sim.plots.sensitivity import sensitivity_bars

    try:
        return sensitivity_bars(studies, asked, resolved.title, out / "figures" / "sensitivity")
    except MachineError as error:
        raise MachineError(f"the results are complete in {shown(out)}, but {error}") from error
