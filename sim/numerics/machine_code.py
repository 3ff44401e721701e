"""Where the machine code of compiled functions is kept, and whether all of it is there: answered without numba.

numba's own cache does not notice an edit in a file that a kernel imports, so the folder carries a hash of all
sources that can reach compiled code; a new hash starts an empty folder. The command `compile` fills it and leaves
a mark for this kind of machine. A folder with that mark need not be writable: so a read-only installation uses what
its owner compiled.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from sim.numerics import sources

PACKAGE = sources.PACKAGE
VARIABLE = "NUMBA_CACHE_DIR"
PREFIX = "kernels-"
_TEMPORARY = "metastatic-seeding-"
_DECORATORS = re.compile(r"^from sim\.numerics\.jit import .*\b(?:kernel|inlined)\b", re.M)
_CPU_LINES = re.compile(r"^(?:model name|flags|Features|CPU part)\s*:.*$", re.M)


def compiled_modules(package: Path | None = None) -> list[str]:
    """Modules that hold compiled functions: those that import a decorator of `sim.numerics.jit`."""
    known = sources.modules(package)
    return [name for name, path in known.items() if _DECORATORS.search(path.read_text(encoding="utf-8"))]


def source_hash(package: Path | None = None) -> str:
    """Twelve hexadecimal digits that change with the modules that hold compiled functions and what they import."""
    return sources.digest(sources.reached(["sim.numerics.jit", *compiled_modules(package)], package))[:12]


def prepare() -> Path:
    """The folder of this state of the sources; numba and the processes that we start find it in the environment."""
    folder = cache_folder()
    os.environ[VARIABLE] = str(folder)
    return folder


def cache_folder() -> Path:
    """Where this state of the sources has its machine code: in the package, else in the user's cache, else temporary.

    One that is complete may be read-only; any other must be writable.
    """
    name = PREFIX + source_hash(PACKAGE)
    for parent in _candidates():
        folder = parent / name
        if is_complete(folder):
            return folder
        is_new = not folder.exists()
        if _writable(folder):
            if is_new:
                _remove_old(parent, keep=name)
            return folder
    return _temporary() / name


def _user_cache() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "metastatic-seeding"


def _candidates() -> Iterator[Path]:
    """Parents of the cache folder, best first."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        # A worker inherits the folder that its parent set: do not nest a second one inside it.
        yield Path(chosen).parent if Path(chosen).name.startswith(PREFIX) else Path(chosen)
    yield PACKAGE / "__pycache__"
    with suppress(RuntimeError):  # no home folder
        yield _user_cache()


def _writable(folder: Path) -> bool:
    """Whether files can be made in the folder, which is made if need be; a folder that fails is not left behind."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        for place in made:
            with suppress(OSError):
                place.rmdir()
        return False


def _remove_old(parent: Path, keep: str) -> None:
    for old in parent.glob(PREFIX + "*"):
        if old.name != keep:
            shutil.rmtree(old, ignore_errors=True)


# -- a folder for one start ---------------------------------------------------------------------------


def _temporary() -> Path:
    """A private folder that goes when this process ends: cached code is executed, so a known name would be unsafe."""
    from multiprocessing import util

    _remove_orphans()
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{os.getpid()}-"))
    except OSError:  # nowhere at all: what is compiled is not kept (see `sim.numerics.jit`)
        return PACKAGE / "__pycache__"
    # Also at the end of a worker, which knows no atexit; a fork of this process leaves the folder alone. Late: after
    # the workers have ended.
    util.Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-200)
    return folder


def _remove_orphans() -> None:
    """Remove what processes left behind that were killed."""
    if os.name != "posix":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*-*"):
        number = folder.name.removeprefix(_TEMPORARY).partition("-")[0]
        with suppress(OSError, OverflowError):
            if number.isdecimal() and folder.lstat().st_uid == os.getuid() and not _lives(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


# -- the mark of completeness -------------------------------------------------------------------------


def machine() -> dict[str, str]:
    """What machine code is good for, besides the sources: Python, numba, its compiler, the processor."""
    from importlib.metadata import version

    return {
        "python": sys.implementation.cache_tag or sys.version,
        "numba": version("numba"),
        "llvmlite": version("llvmlite"),
        "system": f"{sys.platform} {platform.machine()}",
        "processor": _processor(),
        "chosen": " ".join(os.environ.get(name, "") for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")).strip(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read(8192).partition("\n\n")[0]
    except OSError:
        return platform.processor()
    return hashlib.sha256("\n".join(_CPU_LINES.findall(first)).encode()).hexdigest()[:12]


def _mark(folder: Path) -> Path:
    told = json.dumps(machine(), sort_keys=True)
    return folder / f"complete-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"


def _kept(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*.nbc"))


def is_complete(folder: Path) -> bool:
    """Whether everything was compiled into the folder on this kind of machine, and is still there."""
    try:
        mark = json.loads(_mark(folder).read_text(encoding="utf-8"))
        return 0 < mark["files"] <= _kept(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def mark_complete(folder: Path, write: Callable[[Path, bytes], object]) -> None:
    """Say that everything has been compiled into the folder, by `write`; where it is read-only, nothing is said."""
    files = _kept(folder)
    if files:  # none where compilation is switched off, or nothing can be kept
        with suppress(OSError):
            write(_mark(folder), (json.dumps({**machine(), "files": files}, indent=2) + "\n").encode())
