"""The command `list`: what there is."""

from __future__ import annotations

import click


@click.command("list")
def list_command() -> None:
    """List the scenarios and the mechanisms."""
    from sim import mechanisms, scenario
    from sim.cli.tables import listing_text

    click.echo(listing_text(scenario.listing(), mechanisms.REGISTRY))
