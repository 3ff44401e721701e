"""Whom the classroom's server answers: its own pages, at its own addresses, in messages of a reasonable size.

A server on a teacher's machine can be reached by every page that the teacher's browser shows. A page of another origin
must not use it, nor one whose name was pointed at this machine (DNS rebinding): Host and Origin must be this server's.
"""

from __future__ import annotations

import inspect
import ipaddress
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

MOST_BYTES = 64 * 1024
"""Of one message from a page: its own are some hundred bytes."""
_LONGEST_MESSAGE = 200
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


def names_of(host: str, alone: bool) -> frozenset[str]:
    """The names under which a browser may ask a server at `host`; `alone`: only this machine can."""
    given = f"[{host}]" if ":" in host else host
    names = {*_LOCAL, given.lower()}
    if not alone:
        own = {socket.gethostname().lower(), socket.getfqdn().lower()}
        names |= own | {f"{name.partition('.')[0]}.local" for name in own}
    return frozenset(name for name in names if name)


class Gate:
    """An ASGI application that lets through what is for this server, and answers everything else with a short no."""

    def __init__(self, app: Application, names: Collection[str], alone: bool) -> None:
        self._app, self._names, self._alone = app, names, alone

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Let a request or a socket through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not self._is_ours(host, scope) or (origin is not None and not _is_same(origin, host)):
            await _refuse(scope, receive, send, 403, "This is a classroom that answers its own pages only.")
        elif _length(headers.get(b"content-length", "0")) > MOST_BYTES:
            await _refuse(scope, receive, send, 413, "This is more than a page of the classroom sends.")
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, host: str, scope: Scope) -> bool:
        """Whether a Host header names this server. Its port may be another: that of a tunnel's other end."""
        name = _name(host)
        if name in self._names:
            return True
        here = (scope.get("server") or ("",))[0]  # the address of this machine that the browser has reached
        address = _address(name)
        if address is None:
            return False
        return address.is_loopback if self._alone else address in (_address(here), *map(_address, self._names))


def _is_same(origin: str, host: str) -> bool:
    """Whether a page of this origin came from the server that it asks."""
    scheme, _, place = origin.strip().lower().partition("://")
    return scheme in ("http", "https") and place == host.strip().lower()


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.strip().lower().rpartition(":")
    return name if colon and port.isdigit() else host.strip().lower()


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _length(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else MOST_BYTES + 1


async def _refuse(scope: Scope, receive: Any, send: Any, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def harden(server: Any) -> None:
    """Have NiceGUI's socket.io server drop what no page of ours would send.

    A hostile event must neither end anything nor fill the terminal: each kind of exception is told once, in one line.
    """
    server.eio.max_http_buffer_size = MOST_BYTES
    for event, handler in list(server.handlers.get("/", {}).items()):
        server.on(event, _deaf_to_nonsense(event, handler))
    server.on("log", _nothing)  # what a page wants written on the teacher's terminal
    once = _Once()
    for name in ("engineio.server", "socketio.server", "asyncio", "uvicorn.error", "nicegui"):
        logging.getLogger(name).addFilter(once)


def _deaf_to_nonsense(event: str, handler: Callable) -> Callable:
    """A handler that drops messages which are none, and what they raise."""

    async def handle(*given: Any) -> Any:
        if event not in ("connect", "disconnect") and not (len(given) > 1 and isinstance(given[1], dict)):
            return None
        try:
            result = handler(*(given[:1] if event == "disconnect" else given))  # socket.io adds a reason
            return await result if inspect.isawaitable(result) else result
        except Exception as error:
            if type(error).__name__ == "ConnectionRefusedError":  # socket.io's own way to say no
                raise
            logging.getLogger("nicegui").error("a message was dropped", exc_info=error)
            return False

    return handle


async def _nothing(*_: Any) -> None:
    """Nothing comes of it."""


class _Once(logging.Filter):
    """Of what these libraries log with a traceback, one line a kind of exception; all of it with SIM_DEBUG=1."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written, and in what words."""
        if not record.exc_info or os.environ.get("SIM_DEBUG", "0") not in ("", "0"):
            return True
        error = record.exc_info[1]
        kind = type(error).__name__
        if kind in self._told:
            return False
        self._told.add(kind)
        what = "".join(c if c.isprintable() else "?" for c in str(error))[:_LONGEST_MESSAGE]
        record.msg, record.args = f"a message or page was given up ({kind}: {what}); SIM_DEBUG=1 shows where", ()
        record.exc_info = record.exc_text = None
        return True
