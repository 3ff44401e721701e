"""The words of a comparison: the directions in `expect`, the values in `across`, and what may be wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sim import catalog
from sim.catalog.checks import parameter_value, unknown_parameter
from sim.messages import describe, unknown
from sim.names import DAYS_PER_YEAR
from sim.results.conditions import CONDITIONS
from sim.results.outcomes import outcome
from sim.units import UnitError

_SIGNS = {"<": -1, ">": 1, "=": 0}


@dataclass(frozen=True)
class Contrast:
    """One expected direction: the sum of `weights` x arm is below zero (-1), above (1), or `within` of it (0)."""

    text: str
    weights: tuple[tuple[str, int], ...]
    sign: int
    within: float = 0.0


def slug(name: str) -> str:
    """An arm's name as the name of a folder."""
    return re.sub(r"[^\w]+", "_", name).strip("_").lower()


def contrasts(text: str, arms: list[str]) -> list[Contrast]:
    """The directions of one text of `expect`. Raises ValueError with the words of the refusal."""
    ending = re.fullmatch(r"(.*=.*\S)\s+within\s+(\S+)", text.strip())
    body, margin = ending.groups() if ending else (text.strip(), "")
    parts = [part.strip() for part in re.split(r"([<>=])", body)]
    sides = [_side(part, arms) for part in parts[::2]]
    signs = [_SIGNS[sign] for sign in parts[1::2]]
    allowed = 'allowed: arms compared, such as "a < b", "a < b < c", "a - b > c - d" or "a = b within 0.05"'
    if not signs:
        raise ValueError(f"found {describe(text)} without <, > or =; {allowed}")
    if (0 in signs) != bool(margin):
        raise ValueError(
            f"found {describe(text)}; a direction with = needs within and a number, others have none; {allowed}"
        )
    if margin and not re.fullmatch(r"\d+(\.\d+)?", margin):
        raise ValueError(f"found {describe(margin)} after within; allowed: a number, not negative")
    twice = [part for place, (part, side) in enumerate(zip(parts[::2], sides, strict=True)) if side in sides[:place]]
    if len(sides) > 2 and twice:
        raise ValueError(f"found {describe(text)}, with {describe(twice[0])} twice in one chain; {allowed}")
    within = float(margin or 0)
    found = []
    for left, sign, right, words in zip(
        sides, signs, sides[1:], zip(parts[::2], parts[1::2], parts[2::2], strict=False), strict=False
    ):
        weights = dict.fromkeys([*left, *right], 0)
        for side, factor in ((left, 1), (right, -1)):
            for arm, weight in side.items():
                weights[arm] += factor * weight
        if not any(weights.values()):
            raise ValueError(f"found {describe(text)}, which compares an arm with itself; {allowed}")
        found.append(
            Contrast(
                " ".join(words) + (f" within {within:g}" if margin else ""),
                tuple((arm, weight) for arm, weight in weights.items() if weight),
                sign,
                within,
            )
        )
    return found


def contradiction(found: list[Contrast]) -> str | None:
    """Directions that cannot all hold, as words: a pair of opposites, or a circle of arms; None where there is none."""
    ordered = [
        (contrast, {arm: weight * contrast.sign for arm, weight in contrast.weights})
        for contrast in found
        if contrast.sign
    ]
    for place, (contrast, weights) in enumerate(ordered):
        for other, opposite in ordered[:place]:
            if {arm: -weight for arm, weight in weights.items()} == opposite:
                return f"{describe(other.text)} and {describe(contrast.text)}"
    below: dict[str, set[str]] = {}
    for _, weights in ordered:
        if sorted(weights.values()) == [-1, 1]:
            low, high = sorted(weights, key=weights.__getitem__)
            below.setdefault(high, set()).add(low)
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return describe(" < ".join(error.args[1]))
    return None


def _side(text: str, arms: list[str]) -> dict[str, int]:
    terms = re.split(r"\s+-\s+", text.strip())
    if len(terms) > 2:
        raise ValueError(f"found {describe(text)}; allowed: an arm, or the difference of two")
    for term in terms:
        if term not in arms:
            spaces = "a difference is written with blanks around its -; " if "-" in term else ""
            raise ValueError(unknown("arm", term, arms).replace("; ", f"; {spaces}", 1))
    side = dict.fromkeys(terms, 0)
    for term, weight in zip(terms, (1, -1), strict=False):
        side[term] += weight
    return side


def across_values(entry: Mapping[str, Any]) -> tuple[float, ...]:
    """The values of an entry of `across`. Raises UnitError with the words of the refusal."""
    parameter = catalog.load()[entry["parameter"]]
    if entry["values"] == "range":
        return parameter.low, parameter.high
    return tuple(parameter_value(parameter, value) for value in entry["values"])


def problems(table: Mapping[str, Any], horizon_days: float | None) -> Iterator[tuple[tuple, str]]:
    """Key path and words of every fault of a merged comparison, whose keys and types are checked already."""
    for key, spelling in (
        ("outcome", 'outcome = "survival at 5 years"'),
        ("expect", 'expect = ["a < b"]'),
        ("arms", "two arms or more"),
    ):
        if not table.get(key):
            yield ("comparison",), f"missing key {key}; allowed: {spelling}"
    if "outcome" in table:
        try:
            asked = outcome(table["outcome"])
        except KeyError as error:
            yield ("comparison", "outcome"), error.args[0]
        else:
            if (
                asked.years is not None
                and horizon_days is not None
                and asked.years * DAYS_PER_YEAR > horizon_days + 0.5
            ):
                yield (
                    ("comparison", "outcome"),
                    f"found {asked.years:g} years, and patients are followed for "
                    f"{horizon_days / DAYS_PER_YEAR:g}; allowed: an outcome within the horizon",
                )
    arms = table.get("arms", [])
    names = [arm["name"] for arm in arms]
    if len(arms) == 1:
        yield ("comparison", "arms"), "found one arm; allowed: two or more"
    for place, arm in enumerate(arms):
        if slug(arm["name"]) in [slug(name) for name in names[:place]]:
            yield (
                ("comparison", "arms", place, "name"),
                f"found {describe(arm['name'])} twice; allowed: a name of its own for each arm",
            )
        if "only" in arm and arm["only"] not in CONDITIONS:
            yield ("comparison", "arms", place, "only"), unknown("condition", arm["only"], CONDITIONS)
    expected: list[Contrast] = []
    for place, text in enumerate(table.get("expect", []) if names else []):
        try:
            told = contrasts(text, names)
        except ValueError as error:
            yield ("comparison", "expect", place), str(error)
            continue
        words = contradiction([*expected, *told])
        if words is None:
            expected += told
        else:
            yield (
                ("comparison", "expect", place),
                f"found {words}, which cannot all hold; allowed: directions that can hold together",
            )
    for place, entry in enumerate(table.get("across", [])):
        refusal = unknown_parameter(entry["parameter"], catalog.load())
        if refusal is not None:
            yield ("comparison", "across", place, "parameter"), refusal
            continue
        try:
            if not across_values(entry):
                yield (
                    ("comparison", "across", place, "values"),
                    'found an empty list; allowed: a value or more, or "range"',
                )
        except UnitError as error:
            yield ("comparison", "across", place, "values"), str(error)
