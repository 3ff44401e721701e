"""Where a key stands in a TOML text: tomllib gives values, this scanner gives their lines.

It reads only what it needs: headers, (dotted) keys, strings, arrays and inline tables. It is used on
text that tomllib has read, or has refused for a key that stands twice; where it meets what it does
not understand it stops, and what it has found so far still serves.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field

KeyPath = tuple[str | int, ...]
MOST_PARTS = 1000
_ONE_KEY = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEY = re.compile(rf"{_ONE_KEY}(?:[ \t]*\.[ \t]*{_ONE_KEY})*")
_HEADER = re.compile(r"(\[\[?)[ \t]*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}' r"|'''(?:[^']|'(?!''))*'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'"
)
_BARE = re.compile(r"[^,\]}\n#]+")
_SPACE = re.compile(r"[ \t]*")
_SPACE_AND_COMMENTS = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")


@dataclass
class Places:
    """Lines (counted from 1) of the keys of a text, and the keys that stand twice with both their lines."""

    lines: dict[KeyPath, int] = field(default_factory=dict)
    repeated: list[tuple[KeyPath, int, int]] = field(default_factory=list)

    def line(self, path: KeyPath) -> int | None:
        """The line of the key at `path`, or of the nearest table around it; None where there is none."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


class _Stop(Exception):
    """The text is not TOML from here on."""


def key_parts(raw: str) -> tuple[str, ...]:
    """The parts of a dotted key as it stands in the text: `a."b.c"` gives ("a", "b.c")."""
    if raw.count(".") > MOST_PARTS:
        raise _Stop  # nobody means it, and every part costs as much as all before it
    node, parts = tomllib.loads(f"{raw} = 0"), []
    while isinstance(node, dict):
        key, node = next(iter(node.items()))
        parts.append(key)
    return tuple(parts)


def locate(text: str) -> Places:
    """The places of all keys in `text`, as far as it is TOML; never raises."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    with suppress(_Stop, tomllib.TOMLDecodeError, RecursionError):
        scanner.document()
    return scanner.places


class _Scanner:
    def __init__(self, text: str):
        self.text = text
        self.position = 0
        self.places = Places()
        self.valued: set[KeyPath] = set()
        self.array_sizes: dict[KeyPath, int] = {}
        self._counted_to = 0
        self._line = 1

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.position)
        self._counted_to = self.position
        return self._line

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.text, self.position)
        if match is None:
            raise _Stop
        self.position = match.end()
        return match

    def document(self) -> None:
        table: KeyPath = ()
        while True:
            self.take(_SPACE_AND_COMMENTS)
            if self.position >= len(self.text):
                return
            if self.text[self.position] == "[":
                table = self.header()
            else:
                self.pair(table)

    def header(self) -> KeyPath:
        line = self.line()
        brackets = self.take(_HEADER)[1]
        table: KeyPath = ()
        parts = key_parts(self.take(_KEY)[0])
        for number, part in enumerate(parts):
            table += (part,)
            if table in self.array_sizes and not (brackets == "[[" and number == len(parts) - 1):
                table += (self.array_sizes[table] - 1,)
        self.take(_SPACE)
        if not self.text.startswith("]" * len(brackets), self.position):
            raise _Stop
        self.position += len(brackets)
        if brackets == "[[":
            self.array_sizes[table] = self.array_sizes.get(table, 0) + 1
            self.mark(table, line)
            table += (self.array_sizes[table] - 1,)
            self.mark(table, line)
        else:
            self.mark(table, line, whole=True)
        return table

    def pair(self, table: KeyPath) -> None:
        line = self.line()
        path = table + key_parts(self.take(_KEY)[0])
        self.mark(path, line, whole=True, above=len(table))
        self.take(_SPACE)
        if not self.text.startswith("=", self.position):
            raise _Stop
        self.position += 1
        self.take(_SPACE)
        self.value(path)

    def mark(self, path: KeyPath, line: int, *, whole: bool = False, above: int = 0) -> None:
        if whole and path in self.valued:
            self.places.repeated.append((path, self.places.lines[path], line))
            return
        for length in range(above + 1, len(path) + 1):
            self.places.lines.setdefault(path[:length], line)
        if whole:
            self.valued.add(path)
            self.places.lines[path] = line

    def value(self, path: KeyPath) -> None:
        opening = self.text[self.position : self.position + 1]
        if opening == "{":
            self.sequence(path, "}")
        elif opening == "[":
            self.sequence(path, "]")
        elif opening in ('"', "'"):
            self.take(_STRING)
        else:
            self.take(_BARE)

    def sequence(self, path: KeyPath, closing: str) -> None:
        """An inline table or an array, from its opening bracket to its closing one."""
        self.position += 1
        number = 0
        while True:
            self.take(_SPACE_AND_COMMENTS)
            if self.text.startswith(closing, self.position):
                self.position += 1
                return
            if closing == "}":
                self.pair(path)
            else:
                self.mark((*path, number), self.line())
                self.value((*path, number))
                number += 1
            self.take(_SPACE_AND_COMMENTS)
            if self.text.startswith(",", self.position):
                self.position += 1
            elif not self.text.startswith(closing, self.position):
                raise _Stop
