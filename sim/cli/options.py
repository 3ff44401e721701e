"""What several commands share: their options on the command line, and how they load a scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from sim.cli.values import WholeNumber
from sim.errors import InputError
from sim.names import LARGEST_SEED, MOST_PATIENTS

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.scenario.comparison import Question


Command = TypeVar("Command", bound=Callable)
"""What a decorator of click takes and gives: a function, or what the decorator before has made of it."""


def scenario_argument(command: Command) -> Command:
    """The scenario that a command is about."""
    return click.argument("scenario", metavar="SCENARIO")(command)


def change_options(command: Command) -> Command:
    """Options that change a scenario before it is shown or run."""
    for option in (
        click.option(
            "--set",
            "set_",
            multiple=True,
            metavar="NAME=VALUE",
            help="Set a parameter, e.g. soil.liver=0.2 or 'NAME=3 days' (repeatable).",
        ),
        click.option("--off", multiple=True, metavar="MECHANISM", help="Switch a mechanism off (repeatable)."),
        click.option("--on", multiple=True, metavar="MECHANISM", help="Switch a mechanism on (repeatable)."),
        click.option(
            "--patients",
            type=WholeNumber(minimum=1, maximum=MOST_PATIENTS),
            metavar="N",
            help="Number of virtual patients.",
        ),
    ):
        command = option(command)
    return command


def workers_option(command: Command) -> Command:
    """In how many processes a command computes."""
    return click.option(
        "--workers",
        type=WholeNumber(minimum=1),
        metavar="N",
        help="Processes to use; results do not depend on it. [default: all cores]",
    )(command)


def analysis_options(command: Command) -> Command:
    """Options of a command that computes many arms: seed, workers, where the results go."""
    for option in (
        click.option("--quiet", is_flag=True, help="No progress bar and no table: print the results' folder only."),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of the results. [default: results/<scenario>/<name>]",
        ),
        workers_option,
        click.option(
            "--seed",
            type=WholeNumber(minimum=0, maximum=LARGEST_SEED),
            metavar="N",
            default=1,
            show_default=True,
            help="Seed of every random draw.",
        ),
    ):
        command = option(command)
    return command


def load(
    scenario: str, patients: int | None, on: tuple[str, ...], off: tuple[str, ...], set_: tuple[str, ...]
) -> tuple[Scenario, Question | None]:
    """The scenario with what the options change, and its comparison (None where it has none). Raises InputError."""
    from sim.scenario.comparison import load_whole

    both = sorted(set(on) & set(off))
    if both:
        raise InputError(f"--on and --off both name {both[0]!r}: a mechanism is either on or off")
    loaded, comparison = load_whole(scenario)
    if patients is None and not (on or off or set_):
        return loaded, comparison
    return loaded.with_(patients=patients, on=tuple(on), off=tuple(off), set_=tuple(set_)), comparison


def tell(remarks: Iterable[str]) -> None:
    """Say what cannot act (see `sim.scenario.remarks`), a line each, beside the results and not among them."""
    for remark in remarks:
        click.echo(f"remark: {remark}", err=True)
