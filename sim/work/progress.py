"""A progress bar in chunks (or runs), with the time left; silent when not wanted."""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec
from typing import Any


def in_notebook() -> bool:
    """Whether output goes to a notebook's page: no terminal, and yet somebody sees it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _tqdm() -> Any:
    """The kind of bar that the place can show (tqdm.auto would warn where widgets are missing)."""
    if in_notebook() and find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm as in_page

        return in_page
    from tqdm import tqdm

    return tqdm


class Bar:
    """Chunks done of `total`, the running ones in part; `rate` shows how many `unit`s a second.

    Where it is wanted it shows in a terminal and in a notebook; elsewhere nobody would see it move.
    """

    def __init__(self, total: int, name: str, wanted: bool, *, unit: str = "chunk", rate: bool = False):
        tqdm = _tqdm()
        tqdm.set_lock(threading.RLock())  # one process draws: the default lock would start another, to track it
        self._skipped = 0.0
        self._bar = tqdm(
            total=total,
            desc=name,
            unit=unit,
            disable=(False if in_notebook() else None) if wanted else True,
            leave=False,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} so far, {remaining} left"
            + (", {rate_noinv_fmt}{postfix}" if rate else ""),
            file=sys.stderr,
        )

    def skip(self, done: int) -> None:
        """Chunks that an earlier run left: they say nothing about the time that the others take."""
        self._skipped = done
        self._bar.initial = done
        self._bar.update(done)
        self._bar.unpause()

    def show(self, done: float) -> None:
        """Chunks done since then, running ones in part."""
        self._bar.update(max(0.0, self._skipped + done - self._bar.n))

    def note(self, text: str) -> None:
        """Words behind the bar."""
        self._bar.set_postfix_str(text, refresh=False)

    def close(self) -> None:
        """Show where it got to, then take the bar away."""
        self._bar.refresh()
        self._bar.close()
