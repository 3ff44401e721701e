"""What the functions of the library are given, checked as scenario files and command lines are, with the same words."""

from __future__ import annotations

import inspect
import operator
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any, TypedDict

from sim.catalog import load as load_catalogue
from sim.catalog.checks import unknown_parameter
from sim.errors import InputError, Remark
from sim.messages import describe, unknown
from sim.names import LARGEST_SEED
from sim.scenario import Scenario, find
from sim.scenario.chain import Document, read_chain
from sim.scenario.comparison import Comparison, whole_of
from sim.scenario.read import read_documents
from sim.scenario.text import Places
from sim.units import memory_bytes

KEYWORDS, GIVEN = Path("keywords"), Path("dict")
"""What stands in a message where a file's name would."""
Source = Scenario | str | os.PathLike[str] | Mapping[str, Any]
"""A scenario: its name among the shipped ones, a file's path, what a file holds as a dict, or one that is loaded."""
Number = float | str
"""A number in the catalogue's unit, or text with a unit that fits."""


class ScenarioKeys(TypedDict, total=False):
    """The keys of a scenario file, as keywords; docs/tutorial.md and `sim/scenario/file.py` say what each may be."""

    title: str
    question: str
    primary: str
    horizon: str
    observe: str
    output_every: str
    cohort: Mapping[str, Any]
    mechanisms: Mapping[str, bool]
    treatments: Iterable[Mapping[str, Any]]
    parameters: Mapping[str, Mapping[str, Any]]
    comparison: Mapping[str, Any]


def load(
    scenario: Source,
    *,
    patients: int | None = None,
    on: Iterable[str] = (),
    off: Iterable[str] = (),
    set: Mapping[str, Number] | None = None,  # noqa: A002
    **keys: Any,
) -> Scenario:
    """The scenario, resolved to every number that a run needs, and frozen.

    `scenario` is the name of a shipped one, a path, or a dict with what a file holds. `keys` are the scenario file's
    own (`ScenarioKeys`): they change it as a file changes the file that it extends. `patients`, `on`, `off` (names of
    mechanisms) and `set` (numbers in the catalogue's units, or text with a unit) do what they do on the command line.
    Raises InputError with all problems, one a line.
    """
    refuse_unknown(load, keys)
    return read(scenario, keys, patients=patients, on=on, off=off, set_=set)[0]


def read(
    scenario: Source,
    keys: Mapping[str, Any],
    *,
    patients: int | None = None,
    on: Iterable[str] = (),
    off: Iterable[str] = (),
    set_: Mapping[str, Number] | None = None,
) -> tuple[Scenario, Comparison | None]:
    """The scenario and its comparison, which only `keys` change.

    Raises InputError, of the comparison too, as for files.
    """
    comparison = None
    if isinstance(scenario, Scenario):
        if keys:
            raise InputError(
                f"{', '.join(keys)}: found with a scenario that is loaded already; "
                "allowed: with a name, a path or a dict"
            )
        loaded = scenario
    else:
        file, chain = _chain(scenario)
        if keys:
            chain.insert(0, Document(KEYWORDS, plain(keys), Places()))
        merged = read_documents(chain)
        name = _slug(merged["title"]) if isinstance(scenario, Mapping) else None
        loaded, comparison = whole_of(file, merged, name)
    on, off, assigned = _names("on", on), _names("off", off), _assignments(set_)
    if patients is None and not (on or off or assigned):
        return loaded, comparison
    return loaded.with_(
        patients=whole(patients), on=on, off=off, set_=assigned, reason="set by a call of the library"
    ), comparison


def _chain(scenario: str | os.PathLike[str] | Mapping[str, Any]) -> tuple[Path, list[Document]]:
    """The file that a scenario is in, or seems to be in, and what it and all that it extends hold."""
    if isinstance(scenario, str | os.PathLike):
        file = find(os.fspath(scenario))
        return file, read_chain(file)
    if not isinstance(scenario, Mapping):
        raise InputError(f"scenario: found {describe(scenario)}; allowed: a name, a path, a dict or a loaded scenario")
    given = Document(GIVEN, plain(scenario), Places())
    parent = given.raw.get("extends")
    return GIVEN, [given, *(read_chain(find(parent)) if isinstance(parent, str) and parent.strip() else [])]


def _slug(title: str) -> str:
    return re.sub(r"[^\w-]+", "_", title.casefold()).strip("_")[:60] or "scenario"


def plain(value: Any) -> Any:
    """A value as TOML would give it: dicts, lists, numbers and text. Raises InputError for a key that is no text."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InputError(f"found the key {describe(key)}; allowed: keys that are text")
        return {key: plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _names(option: str, names: Iterable[str]) -> list[str]:
    found = [] if isinstance(names, str | Mapping) or not isinstance(names, Iterable) else list(names)
    if not (found or isinstance(names, list | tuple | set | frozenset)) or not all(isinstance(n, str) for n in found):
        raise InputError(f'{option}: found {describe(names)}; allowed: a list of mechanisms, such as ["dormancy"]')
    return found


def _assignments(values: Mapping[str, Number] | None) -> list[str]:
    """Numbers as the command line has them: name=value."""
    if values is None:
        return []
    if not isinstance(values, Mapping):
        raise InputError(f'set: found {describe(values)}; allowed: a dict of numbers, such as {{"soil.liver": 0.2}}')
    assigned = []
    for name, value in values.items():
        if not isinstance(name, str) or (words := unknown_parameter(name, load_catalogue())) is not None:
            words = words if isinstance(name, str) else f"found the name {describe(name)}; allowed: text"
            raise InputError(f"--set {name}: {words}")
        if isinstance(value, bool) or not isinstance(value, Real | str):
            raise InputError(f"--set {name}: found {describe(value)}; allowed: a number, or text with a unit")
        assigned.append(f"{name}={value}" if isinstance(value, str) else f"{name}={float(value)!r}")
    return assigned


def refuse_unknown(function: Callable[..., Any], keys: Mapping[str, Any], scenario_keys: bool = True) -> None:
    """Raises InputError for a keyword that neither the function nor a scenario file knows."""
    own = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    files = list(ScenarioKeys.__annotations__) if scenario_keys else []
    for name in keys:
        if name == "extends":
            raise InputError(
                "extends: found as a keyword; allowed: in a file or a dict, since keywords extend the scenario"
            )
        if name not in files:
            raise InputError(unknown("keyword", name, [*own, *files]))


def whole(value: Any) -> Any:
    """A whole number of whatever kind as Python's own; anything else as it is, for others to refuse."""
    if value is None or isinstance(value, bool):
        return value
    try:
        return operator.index(value)
    except TypeError:
        return value


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A keyword that must be a whole number. Raises InputError."""
    found = whole(value)
    if isinstance(found, bool) or not isinstance(found, int) or found < least or (most is not None and found > most):
        allowed = f"{least} or more" if most is None else f"{least} to {most}"
        raise InputError(f"{name}: found {describe(value)}; allowed: a whole number, {allowed}")
    return found


def seed_number(seed: Any) -> int:
    """A seed. Raises InputError."""
    return whole_number("seed", seed, 0, LARGEST_SEED)


def folder(out: Any) -> Path | None:
    """Where results go, or None: nowhere. Raises InputError."""
    if out is None:
        return None
    if isinstance(out, str | os.PathLike) and os.fspath(out):
        return Path(os.fsdecode(out))
    raise InputError(f"out: found {describe(out)}; allowed: a folder")


def bytes_allowed(limit: Any) -> int | None:
    """An amount of memory, as bytes: a whole number of them, or text such as "4GB" or "2GiB". Raises InputError."""
    if limit is None:
        return None
    found = whole(limit)
    if isinstance(found, int) and not isinstance(found, bool) and found > 0:
        return found
    if isinstance(limit, str) and (size := memory_bytes(limit)):
        return size
    raise InputError(f'max_memory: found {describe(limit)}; allowed: bytes, or a number and a unit, such as "4GB"')


def warn(remarks: Iterable[str]) -> None:
    """A warning each, at the line of the caller's that asked."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == "sim":
        frame, level = frame.f_back, level + 1
    for remark in remarks:
        warnings.warn(remark, Remark, stacklevel=level)
