"""The scenarios and plans that come with the program, found by name from any folder.

In a checkout they are the folders beside `sim/`, where an edit is seen at once; a wheel carries them in `sim/shipped/`.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sim.errors import InputError
from sim.messages import describe, listed, nearest, printable

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent
IS_CHECKOUT = (_CHECKOUT / "run_sim.py").is_file()
"""Whether the program runs from its repository, not from a wheel."""
HOME = _CHECKOUT if IS_CHECKOUT else _PACKAGE / "shipped"
SCENARIOS = HOME / "scenarios"
PLANS = HOME / "plans"


def install(extra: str) -> str:
    """How to install what an extra of the package needs, as a command."""
    return (
        f'python -m pip install -e "{HOME}[{extra}]"'
        if IS_CHECKOUT
        else f'python -m pip install "metastatic-seeding[{extra}]"'
    )


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; a name that no file can have does not exist."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    return exists(path) and not path.is_dir()


def handle(file: Path, folder: Path) -> str:
    """The name by which one asks for a file of one of the folders: "colorectal", "autopsy/colon"."""
    return file.relative_to(folder).with_suffix("").as_posix()


def files(folder: Path) -> list[Path]:
    """The files of one of the folders, bases (names that start with _) left out; those in sub-folders last."""
    found = [
        file
        for file in folder.rglob("*.toml")
        if not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    ]
    return sorted(found, key=lambda file: (len(file.parts), file.parts))


def spellings(name: str) -> list[Path]:
    """The paths that a name may mean below a folder: itself, and with the ending that one may leave out."""
    return [Path(name), Path(f"{name}.toml")]


def find_shipped(name: str, folder: Path) -> Path | None:
    """The file in `folder` that `name` names ("colorectal", "scenarios/colorectal.toml"); None if there is none."""
    for path in [folder / path for path in spellings(name)] + [folder.parent / path for path in spellings(name)]:
        if _is_file(path) and path.resolve().is_relative_to(folder.resolve()):
            return path
    return None


def find_beside(name: str, file: Path, folder: Path) -> Path | None:
    """What `file` means by a name: a file beside it (or a folder), else one shipped in `folder`; None if neither.

    A file that names itself means the shipped one after which it is called, where it is not that one.
    """
    found = find_shipped(name, folder)
    for path in spellings(name):
        beside = file.parent / path
        if exists(beside) and (found is None or not _same(beside, file) or _same(found, file)):
            return beside
    return found


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def find(path: Path | str, folder: Path, what: str) -> Path:
    """The file that `path` names, first as a path, then among what is shipped in `folder`; or a folder.

    A folder is refused by reading. `what` it should be, such as "scenario". Raises InputError where there is none.
    """
    text = str(path)
    if not text.strip():
        raise InputError(
            f"found an empty {what} name; allowed: a {what} file (.toml) or one of {listed(known(folder))}"
        )
    for candidate in spellings(text):
        if _is_file(candidate):
            return candidate
    found = find_shipped(text, folder)
    if found is not None:
        return found
    if exists(Path(text)):
        return Path(text)
    hint = f"; did you mean {' or '.join(near)}?" if (near := near_names(text, folder)) else ";"
    raise InputError(
        f"{printable(describe(text))}: no such {what} file, neither in {printable(str(Path.cwd()))} "
        f"nor among those that come with the program{hint} allowed: a file (.toml) or one of {listed(known(folder))}"
    )


def known(folder: Path) -> list[str]:
    """The names of what is shipped in `folder`."""
    return [handle(file, folder) for file in files(folder)]


def near_names(name: str, folder: Path) -> list[str]:
    """Names of shipped files that are like one that does not exist, spelt as it is: with their ending, or without."""
    ending = ".toml" if name.endswith(".toml") else ""
    wanted = Path(name.removesuffix(ending))
    found = nearest(wanted.as_posix().removeprefix(f"{folder.name}/"), known(folder)) or nearest(
        wanted.name, known(folder)
    )
    return [near + ending for near in found]


def key_of(file: Path) -> str:
    """What tells a file from all others without naming a path of this machine: two files may have one name."""
    file = file.resolve()
    if file.is_relative_to(HOME):
        return file.relative_to(HOME).as_posix()
    return hashlib.sha256(os.fsencode(file)).hexdigest()[:16]


def apart(folder: Path, file: Path, found: str | None) -> Path:
    """`folder`, or its neighbour where `found`, the key of what lies there, is that of another file of that name."""
    key = key_of(file)
    if found in (None, key):
        return folder
    return folder.with_name(f"{folder.name}_{hashlib.sha256(key.encode()).hexdigest()[:8]}")
