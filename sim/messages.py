"""The words of a refusal: what was found, what is allowed, what was perhaps meant."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 60
MOST_LISTED = 20


def describe(found: Any) -> str:
    """A value as it would stand in a file, shortened, with its type where that is not plain to see."""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str):
        text = " ".join(found.split())
        return f'"{_shorten(text)}"' if found.strip() else "an empty text"
    if isinstance(found, int):
        return f"{found} (a number)" if abs(found) < 10**30 else "a number of more than 30 digits"
    if isinstance(found, float):
        return f"{found!r} (a number)"
    if isinstance(found, Mapping):
        return "a table"
    if isinstance(found, list | tuple):
        return "a list"
    if isinstance(found, datetime.date | datetime.time):
        return f"{found} (a date or time)"
    return _shorten(str(found))


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def listed(names: Iterable[str]) -> str:
    """Names for a message; a long list is cut and counted."""
    names = list(names)
    if len(names) <= MOST_LISTED:
        return ", ".join(names)
    return ", ".join(names[:MOST_LISTED]) + f" and {len(names) - MOST_LISTED} more"


def nearest(name: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names most like `name`, best first; capital letters, blanks and hyphens count for nothing."""
    by_plain = {plain(known): known for known in names}
    found = difflib.get_close_matches(plain(name)[:200], by_plain, n=most, cutoff=0.6)
    return [by_plain[known] for known in found]


def plain(name: str) -> str:
    """A name as `nearest` compares it: without capital letters, blanks and hyphens."""
    return name.casefold().replace("-", "_").replace(" ", "_")


def unknown(what: str, name: str, names: Iterable[str]) -> str:
    """What is said of a name that is none: unknown <what> <name>; did you mean ...? allowed: ..."""
    names = list(names)
    near = nearest(name, names)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"unknown {what} {describe(name)}; {hint}allowed: {listed(names)}"


def printable(text: str) -> str:
    """The text with control characters, which would spoil a terminal, as question marks."""
    return "".join(character if character.isprintable() else "?" for character in text)
