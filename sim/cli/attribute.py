"""The command `attribute`: how much of each organ's metastases each mechanism causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from sim.cli.options import analysis_options, change_options, load, scenario_argument
from sim.cli.values import PROGRAM, WholeNumber, cores, default_analysis_folder, shown
from sim.errors import InputError, Interrupted, MachineError

LEAST_ORDERS = 4


@click.command()
@scenario_argument
@change_options
@analysis_options
@click.option(
    "--mechanisms",
    metavar="A,B,...",
    default="",
    help="Mechanisms to share out among; the others stay on. [default: all that are on]",
)
@click.option(
    "--outcome",
    type=click.Choice(["colonies", "patients"]),
    default="colonies",
    show_default=True,
    help="What is printed and drawn: visible metastases, or patients who get one. The tables hold both.",
)
@click.option(
    "--orders",
    type=WholeNumber(minimum=LEAST_ORDERS),
    metavar="N",
    default=64,
    show_default=True,
    help="Orders of joining to sample where there are more than 6 mechanisms (an even number).",
)
@click.pass_context
def attribute(
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
    mechanisms: str,
    outcome: str,
    orders: int,
) -> None:
    """Share each organ's metastases out among the mechanisms.

    Shapley values over the toggles, from the same patients in every combination of mechanisms: exact for
    up to 6 mechanisms, by sampled orders above. The shares and what is left with all mechanisms off sum to
    one; a mechanism that protects has a negative share. Where inflammation is among them, its share is
    also given at the ends of its assumed range, with the soil that fits.
    """
    resolved, _ = load(scenario, patients, on, off, set_)
    wanted = tuple(dict.fromkeys(name.strip() for name in mechanisms.split(",") if name.strip()))
    if orders % 2:
        raise InputError(f"--orders {orders}: orders are sampled in pairs; allowed: an even number from {LEAST_ORDERS}")
    from sim.analysis import attribution

    players = attribution.players_of(resolved, wanted)
    if out is None:
        out = default_analysis_folder(resolved, attribution.KIND, seed, [players, orders])
    try:
        table, notes = attribution.attribute(
            resolved,
            seed=seed,
            out=out,
            workers=workers or cores(),
            mechanisms=wanted,
            orders=orders,
            progress=not quiet,
            command_line=[PROGRAM, *context.find_root().meta.get("arguments", ())],
        )
    except KeyboardInterrupt:
        raise Interrupted("finished parts are kept; the same command continues from there") from None
    figures = _draw(table, resolved.title, outcome, out)
    if quiet:
        click.echo(shown(out))
        return
    from sim.report.attribution import attribution_text

    click.echo(attribution_text(table, resolved.title, outcome, notes))
    click.echo()
    click.echo(f"results  {shown(out)}")
    for figure in figures:
        click.echo(f"figure   {shown(figure)}")


def _draw(table: Mapping[str, Sequence], title: str, outcome: str, out: Path) -> list[Path]:
    from sim.plots.attribution import attribution_bars

    try:
        return attribution_bars(table, title, outcome, out / "figures" / "attribution")
    except MachineError as error:
        raise MachineError(f"the results are complete in {shown(out)}, but {error}") from error
