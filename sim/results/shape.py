"""What a manifest must look like to be read: a file that a hand or a disk changed is refused by the key that is wrong.

A shape is a type or several, a number within bounds, a list of one shape, a table of named shapes (a name with ? may be
missing), or a table with any names and one shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.messages import describe

NUMBER = (int, float)


@dataclass(frozen=True)
class Each:
    """A table whose values all have one shape."""

    of: Any


@dataclass(frozen=True)
class Many:
    """A list whose items all have one shape."""

    of: Any


@dataclass(frozen=True)
class Within:
    """A number (whole where the lower bound is) between two others."""

    low: float
    high: float


@dataclass(frozen=True)
class Words:
    """One of some texts."""

    allowed: tuple[str, ...]


def fault(value: Any, shape: Any, at: str = "") -> str | None:
    """The first thing that is wrong with a value, as "key: found ...; allowed: ..."; None where nothing is."""
    if isinstance(shape, Mapping):
        return _table(value, shape, at)
    if isinstance(shape, Each):
        if not isinstance(value, dict):
            return _words(at, value, "a table")
        return _first(value.items(), lambda item: fault(item[1], shape.of, _below(at, item[0])))
    if isinstance(shape, Many):
        if not isinstance(value, list):
            return _words(at, value, "a list")
        return _first(enumerate(value), lambda item: fault(item[1], shape.of, _below(at, str(item[0]))))
    if isinstance(shape, Words):
        return None if value in shape.allowed else _words(at, value, ", ".join(shape.allowed))
    if isinstance(shape, Within):
        kinds = (int,) if isinstance(shape.low, int) else NUMBER
        good = isinstance(value, kinds) and not isinstance(value, bool) and shape.low <= value <= shape.high
        return None if good else _words(at, value, f"a number from {shape.low:g} to {shape.high:g}")
    kinds = shape if isinstance(shape, tuple) else (shape,)
    good = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    if good and isinstance(value, float):
        good = math.isfinite(value)
    return None if good else _words(at, value, " or ".join(_NAMES[kind] for kind in kinds))


_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    type(None): "null",
}


def _table(value: Any, shape: Mapping[str, Any], at: str) -> str | None:
    if not isinstance(value, dict):
        return _words(at, value, "a table")
    for name, inner in shape.items():
        key = name.removesuffix("?")
        if key not in value:
            if name == key:
                return f"{_below(at, key)}: the key is missing"
        elif (wrong := fault(value[key], inner, _below(at, key))) is not None:
            return wrong
    return None


def _first(items: Any, look: Callable[[Any], str | None]) -> str | None:
    return next((wrong for item in items if (wrong := look(item)) is not None), None)


def _below(at: str, name: object) -> str:
    return f"{at}.{name}" if at else str(name)


def _words(at: str, value: Any, allowed: str) -> str:
    return f"{at or 'the file'}: found {'null' if value is None else describe(value)}; allowed: {allowed}"
