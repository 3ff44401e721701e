"""Compiled loops. Each file is one purpose; none of them draws a number that is not keyed.

`from sim import kernels` and `kernels.signals.raise_niche(...)` load a file, and numba with it, when it is first used: for
modules on the path of `list` and `show`.
"""

import importlib


def __getattr__(name: str):
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
