"""The command `demo` as a user meets it: address, messages, Ctrl-C."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import default_signals
import pytest

from sim.demo import server
from sim.demo.server import LOOPBACK
from sim.errors import InputError

pytest.importorskip("nicegui", reason="the classroom's server needs the extra 'demo'")
PATIENCE_SECONDS = 120


@contextlib.contextmanager
def serving(repository, *options, port=None):
    """The classroom as a process of its own, once it says that it is open: (process, its first line, port)."""
    port = port or server.free_port()
    command = [sys.executable, str(repository / "run_sim.py"), "demo", "--no-browser", "--port", str(port), *options]
    # NiceGUI behaves otherwise where it believes that it is tested from inside.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    process = default_signals.start(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**environment, "PYTHONUNBUFFERED": "1"}
    )
    try:
        yield process, process.stdout.readline(), port
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            stream.close()


def children(pid: int) -> list[int]:
    """All processes below one, from the system's list."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/stat", encoding="ascii") as file:
                words = file.read().rsplit(")", 1)[1].split()
            if int(words[1]) == pid and words[0] != "Z":
                found += [int(entry), *children(int(entry))]
    return found


def test_it_prints_its_address_serves_the_page_and_stops_on_ctrl_c(repository):
    with serving(repository) as (process, line, port):
        assert line == f"The classroom is open at http://{LOOPBACK}:{port}/ (Ctrl-C closes it)\n"
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/", timeout=PATIENCE_SECONDS) as answer:
            page = answer.read().decode()
        assert "Seed and soil" in page
        assert "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page.replace(
            "https://quasar.dev", ""
        ), "no foreign address"
        below = children(process.pid) if sys.platform == "linux" else []
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 130 and out == "" and errors.strip() in ("", "interrupted")
        end = time.monotonic() + PATIENCE_SECONDS
        while any(os.path.exists(f"/proc/{pid}") for pid in below):
            assert time.monotonic() < end, "Ctrl-C left processes behind"
            time.sleep(0.05)


def test_a_port_in_use_is_a_clear_message(front_door):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = front_door("demo", "--no-browser", "--port", port)
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.startswith(
        f"error: --port: found {port}, which another program uses (another classroom?); allowed: a free port, such as --port "
    )
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "options, words",
    [
        (("--port", "0"), "'--port'"),
        (("--port", "70000"), "70000"),
        (("--port", "http"), "'http'"),
        (
            ("--host", "no.such.host.invalid"),
            "--host: found 'no.such.host.invalid', which is no address of this machine",
        ),
        (("--host", "192.0.2.1"), "--host: found '192.0.2.1', which is no address of this machine"),
    ],
)
def test_a_wrong_address_is_refused(front_door, options, words):
    refused = front_door("demo", "--no-browser", *options)
    assert refused.returncode == 2
    assert words in refused.stderr and "Traceback" not in refused.stderr


def test_an_address_that_others_reach_is_warned_about(repository):
    with serving(repository, "--host", "0.0.0.0") as (process, line, port):
        assert line == f"The classroom is open at http://{LOOPBACK}:{port}/ (Ctrl-C closes it)\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert errors.startswith(
        "warning: at 0.0.0.0 everybody on the network can open the classroom, without a password\n"
    )


@pytest.mark.parametrize(
    "host, alone",
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.8.0.1", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("::", False),
        ("teacher.local", False),
    ],
)
def test_what_is_loopback(host, alone):
    assert server.is_loopback(host) is alone


def test_addresses_to_open():
    assert server.address_of("0.0.0.0", 80) == f"http://{LOOPBACK}:80/"
    assert server.address_of("::1", 8080) == "http://[::1]:8080/"


def test_a_reserved_or_free_port():
    server.check_address("127.0.0.1", server.free_port())
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(InputError, match="which another program uses"):
        server.check_address("127.0.0.1", other.getsockname()[1])


def test_without_the_extra_it_says_what_to_install(front_door, tmp_path):
    """A Python that does not find NiceGUI."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'nicegui' else found(name, package)\n",
        encoding="utf-8",
    )
    refused = front_door("demo", "--no-browser", PYTHONPATH=str(tmp_path))
    assert refused.returncode == 2
    assert (
        "the classroom needs the package nicegui, which is not installed; install it: python -m pip install -e "
        in refused.stderr
    )


def test_help_is_instant_because_it_imports_nothing_heavy(repository):
    code = (
        "import sys; sys.argv = ['run_sim.py', 'demo', '--help']; from sim.cli import main; main(['demo', '--help']); "
        "print(sorted({'nicegui', 'fastapi', 'numba', 'mesa', 'scipy'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]" and "--no-browser" in shown.stdout


def test_the_server_itself_stays_light(repository):
    """The engine loads in the workers; the page must not wait for it."""
    code = (
        "import sys; import sim.demo.entrance, sim.demo.server; from sim.demo.settings import Settings; Settings().arms(); "
        "print(sorted({'numba', 'mesa', 'scipy', 'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"
