"""Every number of the model, once: value, unit, kind of evidence, source, range, direction.

The numbers stand in the TOML files beside this module; `targets.csv`, `natural_history.csv` and
`autopsies_more.csv` hold the published rows, which they cite by id. A parameter that exists for every organ or site is
one block with `values`; it becomes one parameter a key, named `soil.liver`. A block with `table` takes its values,
ranges and reasons from a CSV file of site, vein, share, low, high, reason, citation and address.
"""

from __future__ import annotations

import csv
import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

FOLDER = Path(__file__).parent
TARGETS_FILE = FOLDER / "targets.csv"
LITERATURE_FILES = (TARGETS_FILE, FOLDER / "natural_history.csv", FOLDER / "autopsies_more.csv")
CALIBRATED_FILE = FOLDER / "calibrated.toml"
KINDS = ("measured", "derived", "calibrated", "assumed")
PROOF = {"measured": "source", "derived": "formula", "calibrated": "targets", "assumed": "why"}
"""What each kind must bring as its proof."""
DIRECTIONS = ("+", "-", "^", "0")
"""How an outcome may move when a value rises (see `Parameter`)."""


@dataclass(frozen=True)
class Parameter:
    """One number of the model.

    `direction` is how `outcome` moves when the value rises: "+", "-", "^" for one that rises up to `optimum` and falls
    beyond it (None for the others), or "0" for a numerical setting that must not move it; a test of direction exists
    for each. `low` to `high` is the plausible range, `minimum` to `maximum` what the program accepts. `file` is where
    it stands, such as "treatments".
    """

    name: str
    value: float
    unit: str
    kind: str
    source: str
    low: float
    high: float
    outcome: str
    direction: str
    optimum: float | None
    meaning: str
    mechanism: str | None
    targets: tuple[str, ...]
    minimum: float
    maximum: float
    file: str


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Key and value pairs of a nested table, keys joined by dots."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _rows_text(rows: Sequence[str]) -> str:
    """Row ids of the literature file in words: runs of autopsy rows by their first and last."""
    autopsies = [row for row in rows if row.startswith("AUT")]
    text = [f"{len(autopsies)} autopsy rows ({autopsies[0]} to {autopsies[-1]})"] if autopsies else []
    return ", ".join([*text, *(row for row in rows if row not in autopsies)])


def _pick(field: Any, key: str) -> Any:
    """A field that is one for all keys, or a table by key or by the key's last part."""
    if isinstance(field, dict):
        return field[key] if key in field else field[key.rpartition(".")[2]]
    return field


def _proof(block: Mapping[str, Any], key: str) -> str:
    """Why a number of a block is what it is, in words."""
    if block["kind"] == "calibrated":
        return "fitted to " + _rows_text(block["targets"])
    return "; ".join(str(_pick(block[p], key)) for p in ("source", "formula", "why") if block.get(p))


def _check_shape(parameter: Parameter) -> None:
    if parameter.direction not in DIRECTIONS:
        raise ValueError(
            f"catalogue: {parameter.name}: direction {parameter.direction!r} is none of {', '.join(DIRECTIONS)}"
        )
    if (parameter.direction == "^") != (parameter.optimum is not None):
        raise ValueError(f"catalogue: {parameter.name}: the direction ^ and an optimum come together")
    if parameter.optimum is not None and not parameter.low < parameter.optimum < parameter.high:
        raise ValueError(
            f"catalogue: {parameter.name}: its optimum {parameter.optimum} lies outside its range {parameter.low} to "
            f"{parameter.high}"
        )


def _expand(name: str, block: dict, file: str) -> list[Parameter]:
    kind = block["kind"]
    if kind not in KINDS:
        raise ValueError(f"catalogue: {name}: kind {kind!r} is none of {', '.join(KINDS)}")
    if not block.get(PROOF[kind]):
        raise ValueError(f"catalogue: {name}: a {kind} number needs {PROOF[kind]!r}")
    out = []
    for key, value in _flat(block["values"]) if "values" in block else [("", block["value"])]:
        full = f"{name}.{key}" if key else name
        spread = block.get("spread")
        minimum, maximum = float(block.get("minimum", 0.0)), float(block.get("maximum", "inf"))
        if spread:
            low, high = max(value / spread, minimum), min(value * spread, maximum)
        else:
            low, high = _pick(block["low"], key), _pick(block["high"], key)
        last = key.rpartition(".")[2]
        parameter = Parameter(
            name=full,
            value=float(value),
            unit=block["unit"],
            kind=kind,
            source=_proof(block, key),
            low=float(low),
            high=float(high),
            outcome=_pick(block["outcome"], key).replace("{key}", last),
            direction=_pick(block["direction"], key),
            optimum=None if "optimum" not in block else float(block["optimum"]),
            meaning=block["meaning"],
            mechanism=block.get("mechanism"),
            targets=tuple(_pick(block.get("targets", ()), key)),
            minimum=minimum,
            maximum=maximum,
            file=file,
        )
        if not parameter.low <= parameter.value <= parameter.high:
            raise ValueError(f"catalogue: {full} = {value} lies outside its range {parameter.low} to {parameter.high}")
        _check_shape(parameter)
        out.append(parameter)
    return out


def _with_table(block: dict[str, Any]) -> dict[str, Any]:
    """A block with the rows of its table filled in as `values`, `low`, `high` and `why`, keyed `site.vein`."""
    rows = {f"{row['site']}.{row['vein']}": row for row in read_rows(FOLDER / block["table"])}

    def why(row: Mapping[str, str]) -> str:
        found = [row["reason"], *(row[name] for name in ("citation", "address") if row[name])]
        return "; ".join(found)

    return {
        **block,
        "values": {key: float(row["share"]) for key, row in rows.items()},
        "low": {key: float(row["low"]) for key, row in rows.items()},
        "high": {key: float(row["high"]) for key, row in rows.items()},
        "why": {key: why(row) for key, row in rows.items()},
    }


def blocks(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and blocks of parameters of one file of the catalogue, tables filled in; what has no unit is left out."""
    for name, block in tomllib.loads(path.read_text(encoding="utf-8")).items():
        if "unit" in block:
            yield name, _with_table(block) if "table" in block else block


@functools.cache
def load() -> Mapping[str, Parameter]:
    """All parameters by name, in the order of the files (read once a process).

    Raises ValueError when an entry lacks its kind's proof, lies outside its range, has no known direction or stands
    twice: a defect of the package, not of the user's input.
    """
    found: dict[str, Parameter] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        for name, block in blocks(path):
            for parameter in _expand(name, block, path.stem):
                if parameter.name in found:
                    raise ValueError(f"catalogue: {parameter.name} stands twice (again in {path.name})")
                found[parameter.name] = parameter
    return MappingProxyType(found)


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of one of the catalogue's CSV files, fields as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@functools.cache
def literature() -> Mapping[str, dict[str, str]]:
    """The published rows by id, fields as text: the files one after the other, with the same columns.

    `study` names where a row comes from (one study counts once in a likelihood), `cohort` the registry behind it,
    `era` ("old", "modern") and `survival` ("relative", "net", "overall", ...) what must not be mixed, `contiguous` why
    an organ is reached by direct extension, `same_as` and `disagrees_with` other rows. Raises ValueError when an id
    stands twice.
    """
    found: dict[str, dict[str, str]] = {}
    for path in LITERATURE_FILES:
        for row in read_rows(path):
            if found.setdefault(row["id"], row) is not row:
                raise ValueError(f"catalogue: row {row['id']} stands twice (again in {path.name})")
    return MappingProxyType(found)
