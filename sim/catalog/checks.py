"""Whether a name is a parameter and a value allowed: the checks that files, the command line and the library share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sim.catalog import Parameter
from sim.messages import describe, listed, nearest, plain, unknown
from sim.names import NICHES, SITES, VEINS
from sim.units import UnitError, parse_quantity


def unknown_parameter(name: str, catalogue: Mapping[str, object]) -> str | None:
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
            return (
                f'{describe(name)} has one value for each name; choose one, such as "{name}.{known[0]}"; '
                f"allowed: {listed(known)}"
            )
        if parts[depth] not in known:
            if depth:
                return unknown(_kind(known), parts[depth], known)
            near = nearest(name, catalogue)
            near = near or [other for other in catalogue if plain(name) and plain(name) in other][:3]
            hint = f"did you mean {' or '.join(near)}?" if near else "none is like it"
            return f"unknown parameter {describe(name)}; {hint} (`show` lists all {len(catalogue)})"
    return None


def _kind(names: list[str]) -> str:
    for what, closed in (("organ", NICHES), ("primary site", SITES), ("vein", VEINS)):
        if set(names) <= set(closed):
            return what
    return "name"


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
