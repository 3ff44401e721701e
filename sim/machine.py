"""The one place that knows how systems differ: locks, signals, memory, how processes start, how folders change places.

Everybody else asks here, and gets the same behaviour on Linux and macOS, and the nearest there is on Windows.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

EXIT_TERMINATED = 128 + 15
"""What a program returns that was ended by SIGTERM, as shells and supervisors expect it."""
_AT_THE_CURRENT_FOLDER = {"linux": -100, "darwin": -2}
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


# -- locks -------------------------------------------------------------------------------------------


def try_lock(descriptor: int, *, shared: bool = False) -> None:
    """Lock an open file until it is closed, without waiting. Raises OSError where somebody has it, or none can be had.

    `shared` locks go together with each other, not with one that is not (Windows has none: there they do not).
    """
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # Windows has them
    else:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


# -- folders -----------------------------------------------------------------------------------------


def exchange(one: Path, other: Path) -> bool:
    """Have two paths change places in one step that no kill can halve; False where this system or disk cannot."""
    call = _exchange_call()
    return call is not None and call(os.fsencode(one), os.fsencode(other)) == 0


@functools.cache
def _exchange_call() -> Callable[[bytes, bytes], int] | None:
    name = {"linux": "renameat2", "darwin": "renameatx_np"}.get(sys.platform)
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name or "")
    except (AttributeError, OSError, TypeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    here = _AT_THE_CURRENT_FOLDER[sys.platform]
    return lambda one, other: function(here, one, here, other, _EXCHANGE)


# -- memory ------------------------------------------------------------------------------------------


def peak_memory() -> int | None:
    """Largest resident memory of this process so far, in bytes; None where the system does not tell.

    Linux's `ru_maxrss` survives fork and exec, so a worker would report its parent's peak: VmHWM does not.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def available_memory_bytes() -> int | None:
    """Memory that the machine has free, or None where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


# -- signals -----------------------------------------------------------------------------------------


class Terminated(KeyboardInterrupt):
    """SIGTERM came: whatever Ctrl-C would end and keep is ended and kept."""


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def terminated_like_interrupted() -> Iterator[Callable[[], bool]]:
    """In here SIGTERM raises `Terminated`, once, unless the caller has plans of its own for it; yields whether it came.

    A second one must not spoil what the first one asked for.
    """
    came = False

    def end(*_: object) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    ours = _in_main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, end)
    try:
        yield lambda: came
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def deaf() -> Iterator[None]:
    """In here neither Ctrl-C nor SIGTERM does anything; for a moment only."""
    if not _in_main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_ctrl_c_to_the_parent() -> None:
    """In a worker: the parent decides what Ctrl-C means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """What is started in here never sees Ctrl-C, where the system can hand that down."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would lift our mask when it starts
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


# -- processes ---------------------------------------------------------------------------------------


def _end_servers() -> None:
    """Wait for the helpers that multiprocessing leaves to the system: in a container nobody else buries them."""
    from multiprocessing import forkserver, resource_tracker

    for helper in (forkserver._forkserver, resource_tracker._resource_tracker):
        if hasattr(helper, "_stop"):
            helper._stop()


_at_exit = None


def start_context(preload: Sequence[str], quietly: Callable[[], AbstractContextManager[None]]) -> Any:
    """How workers are started: from a server that has loaded the modules `preload`, else from nothing. Never by fork.

    Returns at once: the server loads in the background, started inside `quietly`. There is one a program; the first
    call decides.
    """
    from multiprocessing import get_all_start_methods, get_context, util

    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    from multiprocessing import forkserver

    context = get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with quietly():
        forkserver.ensure_running()
    global _at_exit
    # A negative priority: after multiprocessing has ended the workers themselves.
    _at_exit = _at_exit or util.Finalize(None, _end_servers, exitpriority=-100)
    return context
