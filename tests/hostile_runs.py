"""The suite, however it is started: `make hostile` runs it once in each of these ways, and tells what held.

    python -m tests.hostile_runs                              all ways, the whole suite (hours)
    python -m tests.hostile_runs busy folder tests/test_x.py  some ways, some tests

busy: beside four processes that compute. background: without a terminal, deaf to Ctrl-C and hang-ups, its input closed. locale: with a
decimal comma and another alphabet, or none. user: as a user made for it (needs root). folder: from an empty folder.
order-1, order-2, order-3: files and tests in random order.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
WAYS = ("busy", "background", "locale", "user", "folder", "order-1", "order-2", "order-3")
BUSY = 4
USER = "metseed-tests"
SKIPPED = "SKIPPED"


@contextmanager
def busy() -> Iterator[None]:
    """Four processes that compute."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def user() -> Iterator[str]:
    """A user of the system, made and removed again."""
    subprocess.run(["useradd", "--create-home", USER], check=True, capture_output=True)
    try:
        yield USER
    finally:
        subprocess.run(["userdel", "--remove", USER], capture_output=True)


def locale() -> str:
    """A locale that this machine has, as unlike ours as can be."""
    there = (
        subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
        if shutil.which("locale")
        else []
    )
    wanted = ("tr_TR", "de_DE", "fa_IR", "zh_CN")
    return next((name for want in wanted for name in there if name.startswith(want)), "C")


def start(way: str, tests: list[str], log: Path, stack: ExitStack) -> subprocess.Popen:
    """The suite as a process."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "--rootdir", str(REPOSITORY),
               "-c", str(REPOSITORY / "pyproject.toml"), *(str(REPOSITORY / test) for test in tests)]  # fmt: skip
    environment, options = dict(os.environ), {"cwd": REPOSITORY}
    if way == "busy":
        stack.enter_context(busy())
    elif way == "background":
        options |= {"stdin": subprocess.DEVNULL, "start_new_session": True}
        command = ["nohup", *command] if shutil.which("nohup") else command
    elif way == "locale":
        environment |= {"LC_ALL": locale(), "LANG": locale(), "LANGUAGE": "tr", "PYTHONUTF8": "0"}
    elif way == "folder":
        options["cwd"] = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment["PYTHONPATH"] = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tests")))
    elif way == "user":
        name = stack.enter_context(user())
        about = pwd.getpwnam(name)
        environment |= {"HOME": about.pw_dir, "USER": name, "LOGNAME": name}
        environment = {key: value for key, value in environment.items() if key != "XDG_CACHE_HOME"}
        options |= {"user": about.pw_uid, "group": about.pw_gid}
    elif way.startswith("order-"):
        environment["TESTS_IN_ORDER"] = way.partition("-")[2]
    with log.open("w") as told:
        return subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT, env=environment, **options)


def run(way: str, tests: list[str], folder: Path) -> tuple[str, str]:
    """(ok, FAILED or SKIPPED; what to say)."""
    if way == "user" and (os.name == "nt" or os.geteuid() != 0 or not shutil.which("useradd")):
        return SKIPPED, "making a user needs root"
    began, log = time.monotonic(), folder / f"{way}.log"
    with ExitStack() as stack:
        try:
            process = start(way, tests, log, stack)
        except PermissionError as error:
            return SKIPPED, f"another user may not start this Python ({error.filename})"
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGKILL)
            raise
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return (
        "ok" if code == 0 else "FAILED"
    ), f"{lines[-1] if lines else code} ({time.monotonic() - began:.0f} s, {log})"


def main(arguments: list[str]) -> int:
    """Run them one after the other."""
    ways = [word for word in arguments if word in WAYS] or list(WAYS)
    tests = [word for word in arguments if word not in WAYS] or ["tests"]
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    good = True
    for way in ways:
        verdict, said = run(way, tests, folder)
        good &= verdict != "FAILED"
        print(f"{verdict:8}{way:12}{said}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
