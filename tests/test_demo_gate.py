"""Whom the classroom's server answers, and what hostile pages and programs do to it: nothing."""

import asyncio
import http.client
import json
import random
import re
import signal
import threading
import urllib.request

import pytest
import websockets.sync.client as sockets
from test_demo_server import PATIENCE_SECONDS, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sim.demo import gate
from sim.demo.gate import MOST_BYTES, Gate, names_of
from sim.demo.server import LOOPBACK

pytest.importorskip("nicegui", reason="the classroom's server needs the extra 'demo'")
HOSTILE_EVENTS = 300


def answer(headers, host="127.0.0.1", alone=True, kind="http", server=("127.0.0.1", 8080)):
    """What a gate says to a request: "through", or the status (or code) with which it was refused."""
    said = []

    async def app(scope, receive, send):
        said.append("through")

    async def send(message):
        said.append(message.get("status") or message.get("code"))

    async def receive():
        return {"type": "websocket.connect"}

    scope = {
        "type": kind,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": server,
    }
    asyncio.run(Gate(app, names_of(host, alone), alone)(scope, receive, send))
    return said[0]


@pytest.mark.parametrize("kind, no", [("http", 403), ("websocket", 1008)])
@pytest.mark.parametrize(
    "headers, ours",
    [
        ({"host": "127.0.0.1:8080"}, True),
        ({"host": "LOCALHOST:8080", "origin": "http://localhost:8080"}, True),
        ({"host": "[::1]:8080"}, True),
        ({"host": "127.9.9.9"}, True),
        ({"host": "localhost:9999", "origin": "http://localhost:9999"}, True),  # the other end of a tunnel
        ({"host": "localhost:8080", "origin": "http://localhost:3000"}, False),  # another program's page
        ({"host": "localhost:8080", "origin": f"http://{LOOPBACK}:8080"}, False),
        ({"host": "localhost:8080", "origin": "https://example.org"}, False),
        ({"host": "localhost:8080", "origin": "null"}, False),
        ({"host": "localhost:8080", "origin": "file://"}, False),
        ({"host": "example.org:8080"}, False),  # a name that was pointed at this machine
        ({"host": "localhost.example.org"}, False),
        ({"host": "192.0.2.7:8080"}, False),
        ({"host": ""}, False),
        ({}, False),
    ],
)
def test_on_loopback_only_loopback_names_and_own_pages_are_served(headers, ours, kind, no):
    assert answer(headers, kind=kind) == ("through" if ours else no)


@pytest.mark.parametrize(
    "headers, ours",
    [
        ({"host": "192.0.2.7:8080"}, True),  # the address that the browser has reached
        ({"host": "teacher:8080", "origin": "http://teacher:8080"}, True),
        ({"host": "teacher.local:8080"}, True),
        ({"host": "localhost:8080"}, True),
        ({"host": "192.0.2.8:8080"}, False),
        ({"host": "example.org:8080"}, False),
    ],
)
@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7"])
def test_on_a_network_the_given_address_and_this_machines_own_names_are_served(monkeypatch, headers, ours, host):
    monkeypatch.setattr("socket.gethostname", lambda: "Teacher")
    monkeypatch.setattr("socket.getfqdn", lambda: "teacher.school.example")
    assert answer(headers, host=host, alone=False, server=("192.0.2.7", 8080)) == ("through" if ours else 403)


@pytest.mark.parametrize(
    "length, said", [("100", "through"), (str(MOST_BYTES), "through"), (str(MOST_BYTES + 1), 413), ("x", 413)]
)
def test_a_request_that_is_too_large_is_refused(length, said):
    assert answer({"host": "localhost", "content-length": length}) == said


# -- a real server -----------------------------------------------------------------------------------------


class Visitor:
    """A program that speaks a page's language: it gets the page, opens its socket, and says what it likes."""

    def __init__(self, port):
        page = urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", timeout=PATIENCE_SECONDS).read().decode()
        self.client = re.search(r"[\"']client_id[\"']: ?[\"']([0-9a-f-]{36})", page)[1]
        query = (
            f"client_id={self.client}&next_message_id=0&implicit_handshake=true&tab_id=t-{self.client}&document_id=d"
        )
        address = f"ws://127.0.0.1:{port}/_nicegui_ws/socket.io/?{query}&EIO=4&transport=websocket"
        self._opened = sockets.connect(address, max_size=None, origin=f"http://{LOOPBACK}:{port}")
        self.socket = self._opened.__enter__()
        assert self.socket.recv().startswith("0")
        self.socket.send("40")
        while not self.socket.recv(timeout=PATIENCE_SECONDS).startswith("40"):
            pass

    def say(self, event, what):
        self.socket.send("42" + json.dumps([event, what]))

    def close(self):
        self.socket.close()


def hostile(dice, client):
    """An event that no page of ours sends."""
    value = dice.choice(
        [None, 1, -1, 2.5e300, "", "x" * 100, [], {}, {"a": []}, [[[]]], True, "\x1b[2J", float(10**20)]
    )
    event = dice.choice(
        ["event", "event", "event", "javascript_response", "ack", "log", "handshake", "nonsense", "connect", ""]
    )
    if dice.random() < 0.2:
        return event, value
    message = {
        "client_id": dice.choice([client, client, client, value]), "id": dice.choice([dice.randrange(60), value]),
        "listener_id": dice.choice(["x", value]), "args": dice.choice([["1"], ["not json"], value, [json.dumps(value)]]),
        "level": dice.choice(["error", value]), "message": value, "request_id": value, "result": value,
        "next_message_id": value, "tab_id": value, "document_id": value, "old_tab_id": value,
    }  # fmt: skip
    for key in dice.sample(sorted(message), dice.randrange(4)):
        del message[key]
    return event, message


def test_hostile_events_messages_and_requests_do_nothing_to_a_classroom(repository):
    dice = random.Random(1)
    with serving(repository) as (process, line, port):
        assert "open" in line
        said = []
        reader = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
        reader.start()
        for _ in range(9):  # a link preview, a health check
            urllib.request.urlopen(f"http://{LOOPBACK}:{port}/?fbclid=x", timeout=PATIENCE_SECONDS).read()
        visitor = Visitor(port)
        for _ in range(HOSTILE_EVENTS):
            try:
                visitor.say(*hostile(dice, visitor.client))
            except ConnectionClosed:
                visitor = Visitor(port)
        for raw in (
            "42",
            "42[",
            "4",
            "9",
            "42{}",
            '451-["event",{"_placeholder":true,"num":0}]',
            "\x00",
            "42[1]",
            b"\x00\xff",
        ):
            socket = Visitor(port).socket
            socket.send(raw)
            socket.close()
        large = Visitor(port)
        large.say("event", "x" * MOST_BYTES)
        with pytest.raises(ConnectionClosed):
            while True:
                large.socket.recv(timeout=PATIENCE_SECONDS)
        with (
            pytest.raises(InvalidStatus),
            sockets.connect(
                f"ws://127.0.0.1:{port}/_nicegui_ws/socket.io/?EIO=4&transport=websocket",
                origin="http://localhost:3000",
            ),
        ):
            pass
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        connection.request("GET", "/", headers={"Host": "example.org"})
        assert connection.getresponse().status == 403
        connection.close()
        well = Visitor(port)  # and who comes as a page does is served
        well.socket.recv(timeout=PATIENCE_SECONDS)
        well.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_SECONDS) == 130
        reader.join(timeout=10)
    text = "".join(said)
    assert "positional argument" not in text, "NiceGUI's own handlers are called as it wants them"
    assert "Traceback" not in text and "\x1b" not in text and len(text.splitlines()) < 20, text


def test_a_log_filter_tells_each_kind_once(monkeypatch):
    import logging

    monkeypatch.delenv("SIM_DEBUG", raising=False)
    once = gate._Once()

    def record(error):
        made = logging.LogRecord("x", logging.ERROR, "", 0, "told", (), (type(error), error, None))
        return once.filter(made), made.getMessage(), made.exc_info

    assert record(ValueError("a\nb")) == (
        True,
        "a message or page was given up (ValueError: a?b); SIM_DEBUG=1 shows where",
        None,
    )
    assert record(ValueError("c"))[0] is False and record(KeyError("d"))[0] is True
    monkeypatch.setenv("SIM_DEBUG", "1")
    assert record(ValueError("c"))[1] == "told"
