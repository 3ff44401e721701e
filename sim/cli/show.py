"""The command `show`: a scenario, resolved."""

from __future__ import annotations

import json

import click

from sim.cli.options import change_options, load, scenario_argument


@click.command()
@scenario_argument
@change_options
@click.option("--json", "as_json", is_flag=True, help="Print everything that is resolved as JSON.")
def show(
    scenario: str,
    patients: int | None,
    on: tuple[str, ...],
    off: tuple[str, ...],
    set_: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show all resolved parameters with their sources.

    One line a parameter of SCENARIO: value, unit, kind of evidence, range and source, and what each
    mechanism's off means. The options show what a run with the same options would use.
    """
    resolved, comparison = load(scenario, patients, on, off, set_)
    if as_json:
        click.echo(json.dumps(resolved.to_dict(), indent=2, ensure_ascii=False))
        return
    from sim import mechanisms
    from sim.cli.tables import scenario_text

    click.echo(scenario_text(resolved, mechanisms.REGISTRY, comparison))
