"""The command `demo`: the classroom in the browser."""

from __future__ import annotations

import click

from sim.cli.values import WholeNumber
from sim.errors import InputError
from sim.finding import IS_CHECKOUT, install

DEFAULT_PORT = 8080
EXTRA = "demo"


@click.command()
@click.option(
    "--port",
    type=WholeNumber(minimum=1, maximum=65535),
    metavar="N",
    default=DEFAULT_PORT,
    show_default=True,
    help="Port of the address.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to serve; other than the default, others can reach it.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def demo(port: int, host: str, no_browser: bool) -> None:
    """Open the classroom in the browser.

    Two bodies side by side, what-ifs, lessons; the engine computes while the class watches. Works without a
    network. Ctrl-C closes it.
    """
    from importlib.util import find_spec

    if find_spec("nicegui") is None:
        raise InputError(
            f"the classroom needs the package nicegui, which is not installed; install it: {install(EXTRA)}"
            + (" (or: make demo)" if IS_CHECKOUT else "")
        )
    from sim.demo import server

    if not server.is_loopback(host):
        click.echo(f"warning: at {host} everybody on the network can open the classroom, without a password", err=True)
    server.run(host, port, open_browser=not no_browser, say=click.echo)
