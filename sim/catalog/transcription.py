"""The catalogue typed a second time: what a separate pass read in stored texts, laid beside the first.

`second_transcription.csv` holds a row for every measured parameter and every published row: the value as read
again, a quotation of at most 25 words, its address, and a status. `python -m sim.catalog.transcription` prints the
counts.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sim import catalog

TRANSCRIPTION_FILE = catalog.FOLDER / "second_transcription.csv"
DRAINAGE_FILE = catalog.FOLDER / "drainage_sources.csv"
STATUSES = ("confirmed", "differs", "unverified")
DRAINAGE_STATUSES = ("stated", "route", "unverified")
"""The share itself is stated; only the way is, the share is a judgement within its range; nothing was found."""
LONGEST_QUOTATION_WORDS = 25
RELATIVE = 5e-3
"""Agreement of very small and very large numbers, which are not printed with fixed decimals."""


@dataclass(frozen=True)
class Reading:
    """A number as the catalogue has it and as it was read again; texts are empty where there is none."""

    id: str
    first: Mapping[str, str]
    second: Mapping[str, str]

    @property
    def status(self) -> str:
        """How well the second reading agrees, as its file says."""
        return self.second["status"]


def agree(first: str, second: str) -> bool:
    """Whether the second reading rounds to the first at the first's own decimals; texts apart from spaces."""
    try:
        a, b = float(first), float(second)
    except ValueError:
        return re.sub(r"\s", "", first) == re.sub(r"\s", "", second)
    if "e" in first.lower() or abs(a) > 1e5:
        return math.isclose(a, b, rel_tol=RELATIVE)
    return abs(a - b) <= 0.5 * 10.0 ** -len(first.partition(".")[2]) * (1 + 1e-6)


def found_status(first: Mapping[str, str], second: Mapping[str, str]) -> str:
    """The status that the numbers and the quotation deserve, whatever the file says."""
    if not (second["quotation"] and second["address"]):
        return "unverified"
    if not agree(first["value"], second["value"]):
        return "differs"
    ends = [(first[end], second[end]) for end in ("low", "high") if first[end] and second[end]]
    return "confirmed" if all(agree(*end) for end in ends) else "differs"


def _first() -> dict[str, dict[str, str]]:
    """Measured parameters (their range is the catalogue's own, not a reading) and published rows, by id."""
    measured = {
        name: {"value": f"{p.value:.12g}", "low": "", "high": "", "unit": p.unit}
        for name, p in catalog.load().items()
        if p.kind == "measured"
    }
    return {**measured, **catalog.literature()}


@functools.cache
def readings() -> Mapping[str, Reading]:
    """Every number that was, or should have been, typed twice. Raises KeyError where a row is of no known number."""
    first = _first()
    rows = catalog.read_rows(TRANSCRIPTION_FILE)
    return MappingProxyType({row["id"]: Reading(row["id"], first[row["id"]], row) for row in rows})


def counts() -> dict[str, Counter[str]]:
    """Status counts of the measured parameters, of the rows that something is fitted to, and of all rows."""
    parameters = catalog.load()
    fitted = {row for p in parameters.values() if p.kind == "calibrated" for row in p.targets}
    groups = {
        "measured parameters": set(parameters),
        "rows fitted to": fitted,
        "all published rows": set(catalog.literature()),
    }
    return {name: Counter(r.status for r in readings().values() if r.id in ids) for name, ids in groups.items()}


def differing() -> Iterator[Reading]:
    """Readings that do not agree, in the order of the file."""
    return (reading for reading in readings().values() if reading.status == "differs")


@functools.cache
def drainage() -> Mapping[str, Mapping[str, dict[str, str]]]:
    """Venous drainage from anatomy: rows by site and vein; the parameters `drainage` take their values from it."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in catalog.read_rows(DRAINAGE_FILE):
        found.setdefault(row["site"], {})[row["vein"]] = row
    return MappingProxyType(found)


def report() -> str:
    """Counts by status and the numbers that differ, as text."""
    lines = [f"{'':<22}" + "".join(f"{status:>12}" for status in STATUSES)]
    lines += [f"{name:<22}" + "".join(f"{found[s]:>12}" for s in STATUSES) for name, found in counts().items()]
    lines += ["", "differing: first and second reading"]
    lines += [f"{r.id:<10}{r.first['value']:>8}{r.second['value']:>8}  {r.second['note']}" for r in differing()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
