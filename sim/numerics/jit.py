"""The one decorator of compiled functions, and the folder where their machine code is kept.

numba's own cache does not notice an edit in a file that a kernel imports, so the folder carries a
hash of all sources that can reach compiled code; a new hash starts an empty folder. Import this
module before numba. The command `compile` compiles everything once.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from sim.numerics import sources

PACKAGE = sources.PACKAGE
PREFIX = "kernels-"
_DECORATORS = re.compile(r"^from sim\.numerics\.jit import .*\b(?:kernel|inlined)\b", re.M)


def compiled_modules(package: Path | None = None) -> list[str]:
    """Modules that hold compiled functions: those that import a decorator from here."""
    known = sources.modules(package)
    return [name for name, path in known.items() if _DECORATORS.search(path.read_text(encoding="utf-8"))]


def source_hash(package: Path | None = None) -> str:
    """Twelve hexadecimal digits that change with the modules that hold compiled functions and what they import."""
    return sources.digest(sources.reached(["sim.numerics.jit", *compiled_modules(package)], package))[:12]


def _user_cache() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "metastatic-seeding"


def _candidates():
    """Parents of the cache folder, best first."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        # A worker inherits the folder that its parent set: do not nest a second one inside it.
        yield Path(chosen).parent if Path(chosen).name.startswith(PREFIX) else Path(chosen)
    yield PACKAGE / "__pycache__"
    try:
        yield _user_cache()
    except RuntimeError:  # no home folder
        pass


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _remove_old(parent: Path, keep: str) -> None:
    for old in parent.glob(PREFIX + "*"):
        if old.name != keep:
            shutil.rmtree(old, ignore_errors=True)


def cache_folder() -> Path:
    """A writable folder for this state of the sources: in the package, else the user's cache, else temporary."""
    name = PREFIX + source_hash(PACKAGE)
    for parent in _candidates():
        folder = parent / name
        is_new = not folder.exists()
        if _writable(folder):
            if is_new:
                _remove_old(parent, keep=name)
            return folder
    # A private folder: cached code is executed, so a shared temporary place with a known name is unsafe.
    return Path(tempfile.mkdtemp(prefix="metastatic-seeding-")) / name


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())

import numba  # noqa: E402  (reads its cache folder from the environment when it is imported)

numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # in case somebody imported numba before us

kernel = numba.njit(cache=True, nogil=True, error_model="numpy")
"""Decorator of every compiled function. No fastmath and no parallel: both change the last bits."""

inlined = numba.njit(inline="always", error_model="numpy")
"""For what must become part of its caller's loop, so that the compiler can use the processor's vectors."""
