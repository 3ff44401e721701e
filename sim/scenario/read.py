"""Check the files of a scenario's chain, and merge them key by key.

All problems of a chain are collected and raised together, one a line, each with file and line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim import catalog, mechanisms
from sim.catalog.checks import parameter_value, unknown_parameter
from sim.errors import InputError
from sim.messages import describe, listed, nearest, unknown
from sim.names import MOST_PATIENTS
from sim.scenario.chain import Document, dotted, read_chain
from sim.scenario.faults import faults, found_and_allowed
from sim.scenario.text import KeyPath
from sim.units import UnitError


def check(document: Document) -> None:
    """Check one file by itself: `checked` gets its values, `problems` its faults."""
    from pydantic import ValidationError

    from sim.scenario.file import ScenarioFile

    blamed = _check_names(document)
    try:
        model = ScenarioFile.model_validate(document.raw)
    except ValidationError as error:
        for path, fault in faults(error):
            if not any(path[: len(name)] == name for name in blamed):
                document.refuse(path, _words(path, fault))
        return
    document.checked = model.model_dump(exclude_unset=True)
    if blamed:
        return
    comparison = document.checked.get("comparison", {})
    for changes in (document.checked, comparison.get("small", {}), *comparison.get("arms", ())):
        for name, entry in changes.get("parameters", {}).items():
            entry["value"] = parameter_value(catalog.load()[name], entry["value"])


def _check_names(document: Document) -> set[KeyPath]:
    """Mechanisms and parameters against their lists; the paths of those whose every fault is told."""
    blamed = _check_names_of(document, document.raw, ())
    comparison = document.raw.get("comparison")
    comparison = comparison if isinstance(comparison, dict) else {}
    arms = comparison.get("arms")
    tables = {("comparison", "arms", place): arm for place, arm in enumerate(arms if isinstance(arms, list) else [])}
    for where, table in ({("comparison", "small"): comparison.get("small")} | tables).items():
        if isinstance(table, dict):
            blamed |= _check_names_of(document, table, where)
    return blamed


def _check_names_of(document: Document, raw: Mapping[str, Any], where: KeyPath) -> set[KeyPath]:
    blamed: set[KeyPath] = set()
    for table, refusal in (("mechanisms", _mechanism_refusal), ("parameters", _parameter_refusal)):
        entries = raw.get(table)
        if not isinstance(entries, dict):
            continue
        for name, entry in entries.items():
            path, words = refusal(name, entry)
            if words:
                document.refuse((*where, *path), words)
                blamed.add((*where, *path))
    return blamed


def _mechanism_refusal(name: str, _entry: Any) -> tuple[KeyPath, str | None]:
    path = ("mechanisms", name)
    if name in mechanisms.REGISTRY:
        return path, None
    return path, unknown("mechanism", name, mechanisms.REGISTRY) + _belongs(name, ("mechanisms",))


def _parameter_refusal(name: str, entry: Any) -> tuple[KeyPath, str | None]:
    path = ("parameters", name)
    catalogue = catalog.load()
    words = unknown_parameter(name, catalogue)
    if words is not None:
        if isinstance(entry, dict) and entry and all(isinstance(inner, dict) for inner in entry.values()):
            first = f"{name}.{next(iter(entry))}"
            words = f'found a dotted name without quotes; allowed: "{first}" = {{ value = ..., reason = "..." }}'
        return path, words + _belongs(name, ("parameters",))
    if not isinstance(entry, dict):
        return path, f'found {describe(entry)}; allowed: {{ value = ..., reason = "..." }}'
    if "value" not in entry:
        return path, None
    try:
        parameter_value(catalogue[name], entry["value"])
    except UnitError as error:
        return (*path, "value"), str(error)
    return path, None


def _belongs(key: str, table: KeyPath) -> str:
    """A hint for a key that another table has, or one like it."""
    from sim.scenario.file import KEYS

    elsewhere = {other: home for home, keys in KEYS.items() for other in keys if home != table}
    own = KEYS.get(table, ("value", "reason"))
    for other in [key] if key in elsewhere else [] if nearest(key, own) else nearest(key, elsewhere, most=1):
        home = f"in [{dotted(elsewhere[other])}]" if elsewhere[other] else "at the top, before the first [table]"
        return f" ({other} stands {home})"
    return ""


def _words(path: KeyPath, fault: Mapping[str, Any]) -> str:
    """A fault of pydantic's in our words: what was found, what is allowed."""
    from sim.names import SITES
    from sim.scenario.file import KEYS, OverrideTable

    kind, found = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        table = tuple(part for part in path[:-1] if isinstance(part, str))
        keys = KEYS.get(table) or tuple(OverrideTable.model_fields)
        return unknown("key", str(path[-1]), keys) + _belongs(str(path[-1]), table)
    if "treatments" in path:
        return _treatment_words(path, fault)
    if kind == "missing" and path[0] == "comparison" and path[-1] in ("name", "parameter", "values"):
        return f"missing key {path[-1]}; allowed: {path[-1]} = ..."
    if kind == "missing":
        return f"missing; allowed: {path[-1]} = ..., since an override brings both its value and its reason"
    if kind == "literal_error" and path[-1] == "primary":
        return (
            unknown("primary site", found, SITES) if isinstance(found, str) else found_and_allowed(fault, listed(SITES))
        )
    allowed = None
    if path[0] == "comparison" and path[-1] == "name" and kind == "string_pattern_mismatch":
        allowed = "words of letters and digits, with single blanks or hyphens between them"
    if path == ("cohort", "patients"):
        allowed = f"a whole number, 1 to {MOST_PATIENTS:,}"
    return found_and_allowed(fault, allowed)


def _treatment_words(path: KeyPath, fault: Mapping[str, Any]) -> str:
    """A fault within `[[treatments]]`; `path` ends at the key, at the table, or at the list."""
    from sim.treatments import REGISTRY

    key, found = path[-1], fault["input"]
    if fault["type"] == "missing":
        return f"missing key {key}; allowed: {key} = ..., one of {listed(REGISTRY)}"
    if key == "name":
        return (
            unknown("treatment", found, REGISTRY)
            if isinstance(found, str)
            else found_and_allowed(fault, listed(REGISTRY))
        )
    if fault["type"] in ("literal_error", "quantity"):
        return found_and_allowed(fault)
    allowed: dict[str | int, str] = {
        "dose": "a number, 0 to 10",
        "adherence": "a number, 0 to 1",
        "cycles": "a whole number, 1 to 36,525",
        "treatments": "[[treatments]] tables, at most 100",
    }
    return found_and_allowed(fault, allowed.get(key, "a table"))


def merge(chain: list[Document]) -> dict[str, Any]:
    """The checked keys of a chain; what extends wins over what is extended, key by key."""
    merged: dict[str, Any] = {}
    for document in reversed(chain):
        merge_into(merged, document.checked)
    merged.pop("extends", None)
    return merged


def merge_into(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Change `target` by what `source` brings, key by key; a list is replaced as a whole."""
    for key, value in source.items():
        if isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            merge_into(target[key], value)
        else:
            target[key] = value


def read(path: Path, changes: Document | None = None, *, text: str | None = None) -> dict[str, Any]:
    """Read, check and merge: the nested keys of one scenario, quantities in days and years.

    `changes` are keys that stand elsewhere, as if in a file that extends this one; `text`, where given, stands for
    what the file at `path` holds. Raises InputError with every problem of the chain, one a line.
    """
    return read_documents(([changes] if changes else []) + read_chain(path, text))


def read_documents(chain: list[Document]) -> dict[str, Any]:
    """Check and merge a chain of documents that are read already. Raises InputError as `read`."""
    for document in chain:
        check(document)
    merged = merge(chain)
    _check_presence(chain)
    _check_ages(chain, merged)
    _check_treatments(chain)
    _check_comparison(chain, merged)
    problems = [text for document in chain for _, text in sorted(document.problems, key=lambda problem: problem[0])]
    if problems:
        raise InputError("\n".join(problems))
    return merged


def _check_presence(chain: list[Document]) -> None:
    """Refuse what the whole chain leaves out, each table once and not again for its keys."""
    from sim.scenario.file import REQUIRED

    if "extends" in chain[-1].raw:
        return  # refused already: nobody knows what it would have brought
    present: dict[str, Any] = {}
    for document in reversed(chain):
        merge_into(present, document.raw)
    absent: list[str] = []
    base = " (a file whose name starts with _ is a base for others)" if chain[0].path.name.startswith("_") else ""
    for key, spelling in REQUIRED:
        if any(key.startswith(f"{missing}.") for missing in absent):
            continue
        node: Any = present
        for part in key.split("."):
            if not isinstance(node, dict):
                break  # the wrong type is told already
            if part not in node:
                absent.append(key)
                chain[0].refuse((), f"missing key {key}; allowed: {spelling}{base}")
                break
            node = node[part]


def _check_ages(chain: list[Document], merged: Mapping[str, Any]) -> None:
    """The bounds of the age distribution against each other, blamed on the last file that touched them."""
    age = merged.get("cohort", {}).get("age", {})
    if len(age) < 4 or age["low"] <= age["mean"] <= age["high"]:
        return
    words = f"found low {age['low']:g}, mean {age['mean']:g}, high {age['high']:g} years; allowed: low <= mean <= high"
    touched = [document for document in chain if "age" in document.checked.get("cohort", {})]
    touched[0].refuse(("cohort", "age"), words)


def _check_treatments(chain: list[Document]) -> None:
    """What treatments ask of one another, in every file that names some."""
    from sim.scenario.treatments import problems

    for document in chain:
        arms = document.checked.get("comparison", {}).get("arms", ())
        named = {("comparison", "arms", place): arm for place, arm in enumerate(arms)}
        for where, table in ({(): document.checked} | named).items():
            for path, words in problems(table.get("treatments", [])):
                document.refuse((*where, "treatments", *path), words)


def _check_comparison(chain: list[Document], merged: Mapping[str, Any]) -> None:
    """The comparison of the whole chain, blamed on the last file that touched the key in question."""
    if "comparison" not in merged:
        return
    from sim.scenario.expectations import problems

    touched = [document for document in chain if "comparison" in document.checked]
    for path, words in problems(merged["comparison"], merged.get("horizon")):
        blamed = [document for document in touched if path[1:2] and path[1] in document.checked["comparison"]]
        (blamed or touched)[0].refuse(path, words)
