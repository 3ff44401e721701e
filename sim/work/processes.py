"""How processes are started here: quietly, and where possible from a server that has the libraries loaded.

Light on purpose: a program that only starts workers need not load what they compute with.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sim import machine
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
    main = sys.modules["__main__"]
    try:
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_ROOT, kept["PYTHONPATH"])))
        os.environ["PYTHONSAFEPATH"] = "1"  # a sim.py in the current folder is not ours
        with machine.ctrl_c_blocked():
            yield
    finally:
        sys.modules["__main__"] = main
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def start_context(preload: Sequence[str]) -> Any:
    """How workers are started here (see `sim.machine.start_context`), with one folder of machine code for all."""
    machine_code.prepare()  # also where it is temporary
    return machine.start_context(preload, quiet_start)
