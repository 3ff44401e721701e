"""Which files of this program something is made from: its module and what that imports, directly or not.

What was computed once stays good as long as none of these files changes: machine code (`sim.numerics.jit`), finished
chunks of a run, finished runs of a sweep. Read from the import lines of the sources, so that nothing has to
be imported to ask, and no list has to be kept. `sim/__init__.py` loads nothing and is not followed.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(sim[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+(sim\.[\w.]+))", re.MULTILINE
)
_TYPES_ONLY = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+[^\n]*\n|\n)+", re.M)
"""Imports that no running program makes."""
_COMMENT = re.compile(r"#[^\n]*")


def modules(package: Path | None = None) -> dict[str, Path]:
    """Every module of the package by its dotted name (`sim`, `sim.model`, ...)."""
    package = PACKAGE if package is None else package
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = ("sim", *path.relative_to(package).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _named(text: str) -> Iterator[str]:
    """Dotted names that the import lines of a source name, wherever they stand."""
    for base, names, plain in _IMPORT.findall(_TYPES_ONLY.sub("", text)):
        if plain:
            yield plain
        for name in _COMMENT.sub("", names).strip("()").split(","):
            if words := name.split():
                yield f"{base}.{words[0]}"


def imported(text: str, known: Iterable[str]) -> set[str]:
    """Modules among `known` that a source imports: themselves, and the packages in which they stand."""
    out = set()
    for name in _named(text):
        parts = name.split(".")
        # The last part may be a name inside a module; a package's __init__ runs before what stands in it.
        out |= {".".join(parts[:depth]) for depth in range(2, len(parts) + 1)}
    return out & set(known)


def reached(starts: Iterable[str], package: Path | None = None) -> dict[str, Path]:
    """The files that these modules (dotted names) are made from, themselves among them. Raises KeyError."""
    known = modules(package)
    left, found = list(starts), {}
    while left:
        name = left.pop()
        if name not in found:
            found[name] = known[name]
            parts = name.split(".")
            left += [".".join(parts[:depth]) for depth in range(2, len(parts))]
            left += imported(known[name].read_text(encoding="utf-8"), known)
    return dict(sorted(found.items()))


def digest(files: dict[str, Path]) -> str:
    """Hexadecimal digits that change when one of these files changes its name or text."""
    out = hashlib.sha256()
    for name, path in files.items():
        text = path.read_bytes()
        out.update(f"{name}\0{len(text)}\0".encode() + text)
    return out.hexdigest()


@functools.cache
def digest_of(*starts: str) -> str:
    """The digest of all files that these modules are made from, as they were when it was first asked."""
    return digest(reached(starts))
