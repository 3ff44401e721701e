"""The command `compile`: the kernels, once for all who use this installation."""

from __future__ import annotations

import click

from sim.cli.values import shown


@click.command("compile")
@click.option("--quiet", is_flag=True, help="Say nothing when everything is compiled already.")
def compile_command(quiet: bool) -> None:
    """Compile the model's kernels now, so that no later start has to.

    Whoever installs the program where others may only read it does this once for all of them.
    """
    from sim.numerics import machine_code

    folder = machine_code.prepare()
    if machine_code.is_complete(folder):
        if not quiet:
            click.echo(f"everything is compiled already, in {shown(folder)}")
        return
    click.echo("compiling the kernels (a minute or two)", err=True)
    from sim.runs.warm_up import warm_up

    warm_up()
    click.echo(f"compiled into {shown(folder)}")
