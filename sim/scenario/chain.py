"""Find and read the text of a scenario file and of the files that it extends; no meaning yet.

Here end the files that are missing, folders, empty, not UTF-8, not TOML, or that extend themselves.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim import finding
from sim.errors import InputError, MachineError
from sim.messages import describe, listed, nearest, printable
from sim.scenario.text import KeyPath, Places, locate

MAXIMUM_BYTES = 1_000_000
LONGEST_CHAIN = 50
DEEPEST = 50
"""Tables within tables: no file needs over six."""
_KEYS_OF = {
    "a scenario": 'title, question, primary, ..., or extends = "..."',
    "a plan": 'title, scenarios = ["..."], ...',
    "a lesson": "scenario, arms, options, answer, ...",
}


@dataclass
class Document:
    """One file of a chain: its text's places, its raw keys, its checked keys, its problems."""

    path: Path
    raw: dict[str, Any]
    places: Places
    checked: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, path: KeyPath, words: str) -> None:
        """Note a problem with the key at `path`, once."""
        line = self.places.line(path) or 0
        problem = (line, message(self.path, line, dotted(path), words))
        if problem not in self.problems:
            self.problems.append(problem)


def shown(path: Path) -> str:
    """A path for a message: relative to the current folder where it lies below it."""
    absolute = os.path.abspath(path)
    relative = os.path.relpath(absolute) if absolute.startswith(os.getcwd() + os.sep) else absolute
    return Path(relative).as_posix()


def dotted(path: KeyPath) -> str:
    """A key path as one writes it in TOML."""
    return ".".join(str(part) if re.fullmatch(r"[A-Za-z0-9_-]+", str(part)) else f'"{part}"' for part in path)


def message(path: Path, line: int, key: str, words: str, *, column: int = 0) -> str:
    """One problem on one line: `file, line 7: key: words`."""
    where = shown(path) + (f", line {line}" if line else "") + (f", column {column}" if column else "")
    return printable(f"{where}: {key}: {words}" if key else f"{where}: {words}")


def read_text(path: Path, what: str = "a scenario") -> str:
    """The text of a file, which should be that of `what`; a leading byte-order mark is dropped.

    Raises InputError where it is no text that one may read, MachineError where the machine fails.
    """
    if path.is_dir():
        names = sorted(child.name for child in path.glob("*.toml") if not child.name.startswith("_"))
        inside = f"; files in it: {listed(names)}" if names else ""
        raise InputError(f"{shown(path)}: found a folder; allowed: {what} file (.toml){inside}")
    if not path.is_file():
        raise InputError(f"{shown(path)}: not an ordinary file; allowed: {what} file (.toml)")
    try:
        with path.open("rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
    except PermissionError:
        raise InputError(
            f"{shown(path)}: found a file that may not be read; allowed: one that you have the right to read"
        ) from None
    except OSError as error:
        raise MachineError(f"{shown(path)}: cannot be read: {error.strerror or error}") from None
    if len(data) > MAXIMUM_BYTES:
        raise InputError(
            f"{shown(path)}: found more than {MAXIMUM_BYTES:,} bytes; allowed: {what}, which is a short text"
        )
    mark = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    try:
        text = data[mark:].decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + mark
        line = data.count(b"\n", 0, offset) + 1
        hint = "; it looks like UTF-16: save it as UTF-8" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        words = f"not UTF-8: found byte 0x{data[offset]:02x} at byte offset {offset}; allowed: text in UTF-8{hint}"
        raise InputError(message(path, line, "", words)) from None
    if "\0" in text:  # ASCII in UTF-16 is UTF-8 with a zero in every other place
        line = text.count("\n", 0, text.index("\0")) + 1
        words = "found a zero byte; allowed: text in UTF-8"
        raise InputError(message(path, line, "", f"{words}; it looks like UTF-16: save it as UTF-8"))
    if not text.strip():
        raise InputError(f"{shown(path)}: found an empty file; allowed: {what} ({_KEYS_OF[what]})")
    return text


def parse(path: Path, text: str, what: str = "a scenario") -> tuple[dict[str, Any], Places]:
    """The keys of a TOML text and their places. Raises InputError with line and column where it is not TOML."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError, OverflowError) as error:
        places = locate(text)
        words = str(error)
        found = re.search(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)", words)
        if isinstance(error, RecursionError):
            raise InputError(f"{shown(path)}: not TOML that one can read: brackets nested too deep") from None
        if found is None:  # Python refuses to read integers of thousands of digits
            raise InputError(
                f"{shown(path)}: found a number with too many digits; allowed: numbers of ordinary size"
            ) from None
        words = words.replace(found[0], "")
        line, column = (
            (int(found[1]), int(found[2])) if found[1] else (text.count("\n") + 1, len(text) - text.rfind("\n"))
        )
        if places.repeated:
            key, first, line = places.repeated[0]
            raise InputError(
                message(path, line, dotted(key), f"found twice (first in line {first}); allowed: once")
            ) from None
        raise InputError(message(path, line, "", f"not valid TOML: {words}", column=column)) from None
    if _is_deep(raw):
        raise InputError(
            f"{shown(path)}: found tables nested over {DEEPEST} deep, or a dotted key of as many parts; "
            f"allowed: {what}, which is flat ({_KEYS_OF[what]})"
        )
    if not raw:
        raise InputError(f"{shown(path)}: found no keys; allowed: {what} ({_KEYS_OF[what]})")
    return raw, locate(text)


def _is_deep(raw: dict[str, Any]) -> bool:
    """Whether something lies deeper in it than what reads it can follow."""
    level: list[Any] = [raw]
    for _ in range(DEEPEST):
        level = [inner for node in level for inner in (node.values() if isinstance(node, dict) else node)]
        level = [node for node in level if isinstance(node, dict | list)]
        if not level:
            return False
    return True


def read_chain(path: Path, text: str | None = None) -> list[Document]:
    """The file and all that it extends, from the file itself to its root, unchecked.

    `text`, where given, stands for what the file at `path` holds.
    Raises InputError where one is missing, broken, or extends itself by way of others.
    """
    chain: list[Document] = []
    seen: list[Path] = []
    while True:
        resolved = path.resolve()
        if resolved in seen or len(chain) == LONGEST_CHAIN:
            circle = " -> ".join(document.path.name for document in chain[:8]) + f" -> {path.name}"
            what = "circular" if resolved in seen else f"a chain of more than {LONGEST_CHAIN} files"
            raise InputError(_extends(chain[-1], f"{what}: {circle}; allowed: a chain that ends"))
        seen.append(resolved)
        try:
            raw, places = parse(path, read_text(path) if text is None or chain else text)
        except InputError as error:
            if not chain:
                raise
            files = " -> ".join(shown(document.path) for document in chain)
            raise InputError(f"{error} (extended by {files})") from None
        chain.append(Document(path, raw, places))
        parent = raw.get("extends")
        if not isinstance(parent, str) or not parent.strip():
            return chain
        path = _extended(parent.strip(), chain)


def _extended(name: str, chain: list[Document]) -> Path:
    """The file that the last one of a chain extends: beside it, else one that comes with the program.

    Raises InputError where there is none.
    """
    own = chain[-1].path
    found = finding.find_beside(name, own, finding.SCENARIOS)
    if found is not None:
        return found
    folder = (own.parent / name).parent
    names = [child.name for child in sorted(folder.glob("*.toml"))] if finding.exists(folder) else []
    near = nearest(Path(name).name, names) or finding.near_names(name, finding.SCENARIOS)
    hint = f"; did you mean {' or '.join(near)}?" if near else ";"
    beside = f"beside this one ({listed(names)})" if names else "beside this one"
    files = " -> ".join([document.path.name for document in chain] + [name])
    words = (
        f"found {describe(name)}: no such file, neither in {printable(shown(folder))} nor among the scenarios that "
        f"come with the program{hint} allowed: a file {beside}, or one of "
        f"{listed(finding.known(finding.SCENARIOS))} (chain: {files})"
    )
    raise InputError(_extends(chain[-1], words))


def _extends(document: Document, words: str) -> str:
    return message(document.path, document.places.line(("extends",)) or 0, "extends", words)
