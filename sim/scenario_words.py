"""The words of a refusal: what was found, what is allowed, what was perhaps meant.

Also the checks that scenario files and the command line share, so that both say the same.
"""

from __future__ import annotations

import datetime
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from sim.catalog import Parameter
from sim.names import NICHES, SITES, VEINS
from sim.units import UnitError, parse_quantity

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
    plain = {_plain(known): known for known in names}
    found = difflib.get_close_matches(_plain(name)[:200], plain, n=most, cutoff=0.6)
    return [plain[known] for known in found]


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


def unknown(what: str, name: str, names: Iterable[str]) -> str:
    """ "unknown <what> <name>; did you mean ...? allowed: ..." """
    names = list(names)
    near = nearest(name, names)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"unknown {what} {describe(name)}; {hint}allowed: {listed(names)}"


def unknown_parameter(name: str, catalogue: Mapping[str, Parameter]) -> str | None:
    """Why `name` is no parameter, with the near ones; None where it is one.

    In a dotted name the first part that does not exist is the one that is explained, so that a
    mistyped organ is answered with the organs.
    """
    if name in catalogue:
        return None
    parts = name.split(".")
    for depth in range(len(parts) + 1):
        # what may follow the parts before `depth`
        known = list(
            dict.fromkeys(
                other.split(".")[depth]
                for other in catalogue
                if other.split(".")[:depth] == parts[:depth] and other.count(".") >= depth
            )
        )
        prefix = ".".join(parts[:depth])
        if not known:
            return f"unknown parameter {describe(name)}; did you mean {prefix}?"
        if depth == len(parts):
            return f'{describe(name)} has one value for each name; choose one, such as "{name}.{known[0]}"; allowed: {listed(known)}'
        if parts[depth] not in known:
            if depth:
                return unknown(_kind(known), parts[depth], known)
            near = nearest(name, catalogue)
            near = near or [other for other in catalogue if _plain(name) and _plain(name) in other][:3]
            hint = f"did you mean {' or '.join(near)}?" if near else "none is like it"
            return f"unknown parameter {describe(name)}; {hint} (`show` lists all {len(catalogue)})"
    return None


def _kind(names: list[str]) -> str:
    for what, closed in (("organ", NICHES), ("primary site", SITES), ("vein", VEINS)):
        if set(names) <= set(closed):
            return what
    return "name"


def printable(text: str) -> str:
    """The text with control characters, which would spoil a terminal, as question marks."""
    return "".join(character if character.isprintable() else "?" for character in text)


def limits_text(parameter: Parameter) -> str:
    """The hard limits of a parameter with its unit, as words."""
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    if math.isfinite(parameter.minimum) and math.isfinite(parameter.maximum):
        return f"{parameter.minimum:g} to {parameter.maximum:g}{unit}"
    if math.isfinite(parameter.minimum):
        return f"{parameter.minimum:g}{unit} or more"
    if math.isfinite(parameter.maximum):
        return f"{parameter.maximum:g}{unit} or less"
    return f"any finite number{f' of{unit}' if unit else ''}"


def parameter_value(parameter: Parameter, found: Any) -> float:
    """`found` (a number in the parameter's unit, or text with a unit) as a number within the hard limits.

    Raises UnitError with the words of the refusal.
    """
    if isinstance(found, str):
        value = parse_quantity(found, parameter.unit, bare=True)
    elif isinstance(found, bool) or not isinstance(found, int | float):
        raise UnitError(f"found {describe(found)}; allowed: a number, {limits_text(parameter)}")
    else:
        try:
            value = float(found)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise UnitError(f"found {describe(found)}, which is not finite; allowed: {limits_text(parameter)}")
    if not parameter.minimum <= value <= parameter.maximum:
        raise UnitError(f"found {describe(found)}; allowed: {limits_text(parameter)}")
    return value
