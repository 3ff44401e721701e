"""How processes are started here: quietly, and where possible from a server that has the libraries loaded.

Light on purpose: a program that only starts workers need not load what they compute with.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context, util
from pathlib import Path
from types import ModuleType
from typing import Any

from sim.numerics import machine_code

_ROOT = str(Path(__file__).resolve().parent.parent.parent)
_one_at_a_time = threading.RLock()
"""The environment belongs to the whole program: threads that start processes must not restore each other's."""


@contextmanager
def quiet_start() -> Iterator[None]:
    """What a process inherits that is started in here: it never sees Ctrl-C, finds this package, and is ours.

    multiprocessing has a new process import the main module of its parent. That is the caller's: a notebook, a script
    that runs everything again where it has no main guard, or the standard input, which is no file. Workers need
    nothing of it, so for the moment of the start an empty module of ours stands in its place.
    """
    with _one_at_a_time:
        yield from _quietly()


def _quietly() -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
    blocked, main = None, sys.modules["__main__"]
    try:
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_ROOT, kept["PYTHONPATH"])))
        os.environ["PYTHONSAFEPATH"] = "1"  # a sim.py in the current folder is not ours
        if hasattr(signal, "pthread_sigmask"):
            from multiprocessing import resource_tracker

            resource_tracker.ensure_running()  # it would lift our mask when it starts
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        yield
    finally:
        sys.modules["__main__"] = main
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _end_servers() -> None:
    """Wait for the helpers that multiprocessing leaves to the system: in a container nobody else buries them."""
    from multiprocessing import forkserver, resource_tracker

    for helper in (forkserver._forkserver, resource_tracker._resource_tracker):
        if hasattr(helper, "_stop"):
            helper._stop()


_at_exit = None


def start_context(preload: Sequence[str]) -> Any:
    """How workers are started here: from a server that has loaded the modules `preload`, else from nothing.

    Returns at once: the server loads in the background. There is one a program; the first call decides.
    """
    machine_code.prepare()  # one folder for all of them, also where it is temporary
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    from multiprocessing import forkserver

    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with quiet_start():
        forkserver.ensure_running()
    global _at_exit
    # A negative priority: after multiprocessing has ended the workers themselves.
    _at_exit = _at_exit or util.Finalize(None, _end_servers, exitpriority=-100)
    return context
