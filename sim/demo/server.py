"""The server of the classroom: one process that serves pages, and a worker process for each tab."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import threading
import webbrowser
from collections.abc import Callable

from sim.errors import InputError, MachineError

LOOPBACK = "127.0.0.1"
_RECONNECT_SECONDS = 30.0
"""How long a page whose connection is lost may come back as it was. Connections are given up after a third of
that without a word, so that a busy machine does not lose them."""
_SHUTDOWN_SECONDS = 1


def check_address(host: str, port: int) -> None:
    """Refuse an address that cannot be served. Raises InputError (a name, a port in use) or MachineError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise InputError(
            f"--host: found {host!r}, which is no address of this machine; allowed: a name or an IP address, such as "
            f"{LOOPBACK}"
        ) from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise InputError(
                    f"--port: found {port}, which another program uses (another classroom?); allowed: a free port, "
                    f"such as --port {free_port(host)}"
                ) from None
            if error.errno in (errno.EACCES, errno.EPERM):
                raise InputError(f"--port: found {port}, which this system reserves; allowed: 1024 to 65535") from None
            if error.errno == errno.EADDRNOTAVAIL:
                raise InputError(
                    f"--host: found {host!r}, which is no address of this machine; allowed: {LOOPBACK}, or one of "
                    "its own addresses"
                ) from None
            raise MachineError(f"port {port} of {host} cannot be opened: {error.strerror or error}") from error


def free_port(host: str = LOOPBACK) -> int:
    """A port that nobody uses now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(host: str, port: int) -> str:
    """The address to open in a browser on this machine."""
    reachable = LOOPBACK if host in ("0.0.0.0", "::") else host
    return f"http://[{reachable}]:{port}/" if ":" in reachable else f"http://{reachable}:{port}/"


def build(host: str = LOOPBACK) -> None:
    """Declare the pages and files of a classroom at `host`, and whom it answers; NiceGUI is imported here."""
    from nicegui import app, core

    from sim.demo import entrance as tab
    from sim.demo import files, gate
    from sim.demo.session import Classroom

    classroom = Classroom()
    files.serve(app)
    tab.declare(classroom)
    alone = is_loopback(host)
    app.add_middleware(gate.Gate, names=gate.names_of(host, alone), alone=alone)
    gate.harden(core.sio)
    app.on_shutdown(classroom.close)


async def _until_open(host: str, port: int) -> None:
    """The server's own start comes before it listens: wait until a browser would be answered."""
    reachable = LOOPBACK if host in ("0.0.0.0", "::") else host
    while True:
        try:
            _, writer = await asyncio.open_connection(reachable, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


def run(host: str, port: int, *, open_browser: bool, say: Callable[[str], None]) -> None:
    """Serve the classroom until Ctrl-C. Raises InputError where the address cannot be served."""
    check_address(host, port)
    from sim.demo import worker_handle as link
    from sim.demo.gate import MOST_BYTES

    link.warm_up()  # its libraries load in the background while ours do
    from nicegui import app, background_tasks, ui

    build(host)

    async def ready() -> None:
        await _until_open(host, port)
        say(f"The classroom is open at {address_of(host, port)} (Ctrl-C closes it)")
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(address_of(host, port),), daemon=True).start()

    app.on_startup(lambda: background_tasks.create(ready()))
    ui.run(
        host=host,
        port=port,
        title="Seed and soil",
        reload=False,
        show=False,
        show_welcome_message=False,
        tailwind=False,
        favicon="🌱",
        reconnect_timeout=_RECONNECT_SECONDS,
        binding_refresh_interval=None,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        ws_max_size=MOST_BYTES,
    )
