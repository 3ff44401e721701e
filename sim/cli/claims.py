"""The command `claims`: every statement of the sources, asked in patients, with the level that its numbers allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.options import workers_option
from sim.cli.values import PROGRAM, WholeNumber, cores, results_folder, shown
from sim.errors import InputError
from sim.names import LARGEST_SEED, MOST_PATIENTS

if TYPE_CHECKING:
    from sim.analysis.claims.table import Answered


@click.command()
@click.argument("ids", nargs=-1, metavar="[IDS]...")
@click.option(
    "--small", is_flag=True, help="Few patients and draws: shows that all can be asked, and supports nothing."
)
@click.option(
    "--patients",
    type=WholeNumber(minimum=2, maximum=MOST_PATIENTS),
    metavar="N",
    help="At most so many patients in an arm. [default: as each statement plans]",
)
@click.option("--draws", type=WholeNumber(minimum=3), metavar="N", help="Draws of what is not known. [default: 60]")
@click.option(
    "--seed",
    type=WholeNumber(minimum=0, maximum=LARGEST_SEED),
    metavar="N",
    help="Seed of every random draw. [default: the one that stands with the statements]",
)
@workers_option
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder. [default: results/claims]")
@click.option("--quiet", is_flag=True, help="Print no line a statement, only the table's folder.")
@click.pass_context
def claims(
    context: click.Context,
    ids: tuple[str, ...],
    small: bool,
    patients: int | None,
    draws: int | None,
    seed: int | None,
    workers: int | None,
    out: Path | None,
    quiet: bool,
) -> None:
    """Ask the statements of the sources (all, or those of these IDS, such as C02) and say how far each is supported.

    Writes claims.md, claims.csv and a figure to DIR, and keeps each statement's result there: the same command goes on
    where it was stopped.
    """
    from sim.analysis.claims import statements, table
    from sim.report.claims import write
    from sim.results.storage import check_file

    if small and (patients is not None or draws is not None):
        raise InputError("--patients, --draws: found with --small, which sets both; allowed: one of them")
    seed = statements.SEED if seed is None else seed
    workers = workers or cores()
    plan = table.Plan.small(seed, workers) if small else table.Plan(seed, patients, draws or table.DRAWS, workers)
    plan.check()
    chosen = statements.chosen(ids)
    folder = out or results_folder() / ("claims_small" if small else "claims")
    check_file(folder / "claims.csv")  # before anything is computed
    command = " ".join([PROGRAM, *context.find_root().meta["arguments"]])

    def report(one: Answered, turn: int, number: int) -> None:
        if not quiet:
            click.echo(f"{one.statement.id}  {one.level.name}: {one.level.why}")
        if turn + 1 == number or one.found is not None:
            write(table.read(statements.load(), plan, folder), plan, folder, command, figures=turn + 1 == number)

    answered = table.ask(chosen, plan, folder, report)
    click.echo(", ".join(f"{number} {name}" for name, number in table.counts(answered).items()))
    click.echo(f"page     {shown(folder / 'claims.md')}")
