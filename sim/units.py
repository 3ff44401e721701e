"""Numbers with a unit, as a person writes them: "90 days", "0.5 1/day", "1e9 cells", "12 hours".

A unit is a product of powers of a few named atoms. Conversion is done in exact fractions and rounded
once, so "12 hours" is exactly half a day. A year is 365.25 days, a month is a twelfth of a year.
"""

from __future__ import annotations

import itertools
import math
import re
from fractions import Fraction

MAXIMUM_TEXT = 100
_YEAR = Fraction(1461, 4)
_ATOMS: dict[str, tuple[str, Fraction]] = {
    # atom: (dimension, size in the dimension's base); the first name of a size is the one shown
    "hour": ("time", Fraction(1, 24)),
    "day": ("time", Fraction(1)),
    "week": ("time", Fraction(7)),
    "month": ("time", _YEAR / 12),
    "year": ("time", _YEAR),
    "minute": ("time", Fraction(1, 1440)),
    "second": ("time", Fraction(1, 86400)),
    "cell": ("cells", Fraction(1)),
    "um": ("length", Fraction(1, 1000)),
    "mm": ("length", Fraction(1)),
    "cm": ("length", Fraction(10)),
    "ml": ("volume", Fraction(1000)),
    "l": ("volume", Fraction(1_000_000)),
    "g": ("mass", Fraction(1)),
    "kg": ("mass", Fraction(1000)),
    "mg": ("mass", Fraction(1, 1000)),
    "%": ("share", Fraction(1, 100)),
}
_SHOWN = {
    "time": ("hour", "day", "week", "month", "year"),
    "cells": ("cell",),
    "length": ("um", "mm", "cm"),
    "volume": ("ml", "l"),
    "mass": ("mg", "g", "kg"),
}
_ALIASES = {
    "µm": "um",
    "μm": "um",
    "mL": "ml",
    "L": "l",
    "litre": "l",
    "percent": "%",
    "h": "hour",
    "d": "day",
    "yr": "year",
    "min": "minute",
    "s": "second",
}
_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|nan)\b)\s*", re.ASCII)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?(?:[^\d,].*)?", re.ASCII | re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<atom>[A-Za-zµμ]+|%)(?:\^?(?P<power>-?[1-9])(?!\d))?|(?P<one>1)(?!\d)|(?P<mark>[*·/()]))"
)


class UnitError(ValueError):
    """A text is no quantity, or its unit does not fit; the message says what was found and what fits."""


def parse_quantity(text: str, unit: str, *, bare: bool = False) -> float:
    """The number in `text`, converted to `unit`.

    `bare` allows a number without a unit, which then counts as being in `unit` (a dimensionless
    number never needs one). Raises UnitError, whose message lists the units that fit.
    """
    shown = text if len(text) <= 40 else text[:37] + "..."
    match = _NUMBER.match(text) if len(text) <= MAXIMUM_TEXT else None
    if len(text) <= MAXIMUM_TEXT and _DECIMAL_COMMA.fullmatch(text):
        point = text.strip().replace(",", ".", 1)
        raise UnitError(f'found "{shown}", with a decimal comma; allowed: a decimal point, "{point}"')
    if match is None:
        allowed = fitting_text(unit) if unit == "1" else f"a number with a unit ({fitting_text(unit)})"
        raise UnitError(f'found "{shown}"; allowed: {allowed}')
    number = float(match[1])
    if not math.isfinite(number):
        raise UnitError(f'found "{shown}", which is not finite; allowed: a finite number')
    written = text[match.end() :].strip()
    if not written:
        if bare or unit == "1":
            return number
        raise UnitError(f'found "{shown}" without a unit; allowed units: {fitting_text(unit)}')
    factor = _factor(written, unit)
    if factor is None:
        raise UnitError(f'found "{shown}": the unit "{written[:30]}" does not fit; allowed: {fitting_text(unit)}')
    try:
        return float(Fraction(number) * factor)
    except OverflowError:
        raise UnitError(f'found "{shown}", too large a number; allowed: a finite number') from None


def fitting_units(unit: str) -> tuple[str, ...]:
    """Spellings that `parse_quantity` converts to `unit`, the catalogue's own spelling among them (at most ten)."""
    if unit == "1":
        return ("1", "%")
    parsed = _parse(unit)
    if parsed is None:
        return (unit,)
    powers = parsed[1]
    choices = [_SHOWN.get(_ATOMS[atom][0], (atom,)) for atom in powers]
    spellings = [
        _spell(dict(zip(combination, powers.values(), strict=True))) for combination in itertools.product(*choices)
    ]
    return tuple(dict.fromkeys([unit, *spellings]))[:10] if len(spellings) > 10 else tuple(dict.fromkeys(spellings))


def fitting_text(unit: str) -> str:
    """The units that fit, as words for a message."""
    return "a plain number or %" if unit == "1" else ", ".join(fitting_units(unit))


def _spell(powers: dict[str, int]) -> str:
    def product(side: list[tuple[str, int]]) -> str:
        return " ".join(atom + (str(abs(power)) if abs(power) > 1 else "") for atom, power in side)

    above = product([item for item in powers.items() if item[1] > 0])
    below = product([item for item in powers.items() if item[1] < 0])
    if not below:
        return above or "1"
    return f"{above or '1'}/{f'({below})' if ' ' in below else below}"


def _factor(written: str, unit: str) -> Fraction | None:
    """What to multiply a number in `written` by to have it in `unit`; None where the two do not fit."""
    if written == unit:
        return Fraction(1)
    source, target = _parse(written), _parse(unit)
    if source is None or target is None or _dimensions(source[1]) != _dimensions(target[1]):
        return None
    return source[0] / target[0]


def _dimensions(powers: dict[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for atom, power in powers.items():
        dimension = _ATOMS[atom][0]
        if dimension == "volume":
            dimension, power = "length", 3 * power
        found[dimension] = found.get(dimension, 0) + power
    return {dimension: power for dimension, power in found.items() if power and dimension != "share"}


def _atom(word: str) -> str | None:
    for name in (word, word.removesuffix("s")):
        name = _ALIASES.get(name, name)
        if name in _ATOMS:
            return name
    return None


def _parse(text: str) -> tuple[Fraction, dict[str, int]] | None:
    """Size in base units and powers of the atoms, in the order written; None if it is no unit we know."""
    tokens, position = [], 0
    text = re.sub(r"\bper\b", "/", text).strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        tokens.append(match)
        position = match.end()
    size = Fraction(1)
    powers: dict[str, int] = {}
    stack, after_slash, want = (
        [1],
        False,
        True,
    )  # the signs of the open brackets; a slash turns one factor: a/b c is (a/b) c
    for token in tokens:
        mark = token["mark"]
        if mark in ("*", "·", "/"):
            if want and not (mark == "/" and token is tokens[0]):
                return None
            after_slash, want = mark == "/", True
            continue
        sign = -1 if after_slash else 1
        if mark == "(":
            stack.append(stack[-1] * sign)
            after_slash, want = False, True
        elif mark == ")":
            if len(stack) == 1 or want:
                return None
            stack.pop()
            after_slash = False
        else:
            after_slash, want = False, False
            if token["one"]:
                continue
            atom = _atom(token["atom"])
            if atom is None:
                return None
            power = int(token["power"] or 1) * sign * stack[-1]
            size *= _ATOMS[atom][1] ** power
            powers[atom] = powers.get(atom, 0) + power
    return None if want or len(stack) > 1 else (size, powers)


_MEMORY = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([kmgt]?)(i?)b\s*", re.IGNORECASE)


def memory_bytes(text: str) -> int | None:
    """An amount of memory such as 500MB, 4GB or 2GiB, as bytes; None where the text is none."""
    match = _MEMORY.fullmatch(text)
    if match is None or (match[3] and not match[2]):
        return None
    return int(float(match[1]) * (1024 if match[3] else 1000) ** " kmgt".index(match[2].lower() or " "))
