"""Put fitted numbers into a catalogue file, number for number: everything else in it stays as it is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim import catalog
from sim.results.whole_file import write_whole

FILE = catalog.FOLDER / "natural_history.toml"
PRIORS = catalog.FOLDER / "priors.toml"


def blocks(path: Path = FILE) -> dict[str, dict[str, Any]]:
    """The blocks of the file by name, without its provenance."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: block for name, block in found.items() if "unit" in block}


def number(value: float) -> str:
    """Four significant digits: no fit by simulation knows more."""
    return repr(float(f"{value:.4g}"))


def with_values(text: str, fitted: Mapping[str, float]) -> str:
    """`text` with the numbers of `fitted` (by full name, such as "niche_pace.lung") in place of those it has.

    Raises KeyError for a name that the text does not have.
    """
    for name, value in fitted.items():
        block, _, key = name.partition(".")
        head = rf"(^\[{re.escape(block)}\]\n(?:(?!^\[).*\n)*?"
        tail = rf"values = \{{.*?\b{re.escape(key)} = )[^,\s}}]+" if key else r"value = )\S+"
        text, hits = re.subn(head + tail, rf"\g<1>{number(value)}", text, flags=re.M)
        if hits != 1:
            raise KeyError(name)
    return text


def write(out: Path, fitted: Mapping[str, float]) -> Path:
    """The catalogue's file with the `fitted` numbers, written to `out`; returns its path."""
    write_whole(out, with_values(FILE.read_text(encoding="utf-8"), fitted).encode())
    return out


def write_strengths(told: Mapping[str, Mapping[str, float]], path: Path = PRIORS) -> Path:
    """The organs' fit told of log strengths by site and organ, those of other sites as they are; returns the path."""
    text = path.read_text(encoding="utf-8")
    known = tomllib.loads(text)["organ_fit"]["known_strength"]["log"] | {site: dict(log) for site, log in told.items()}
    inner = ", ".join(
        f"{site} = {{ " + ", ".join(f"{organ} = {log:.2f}" for organ, log in organs.items()) + " }"
        for site, organs in known.items()
    )
    line = f"log = {{ {inner} }}"
    text, hits = re.subn(
        r"(?m)(^\[organ_fit\.known_strength\]\n(?:(?!^\[).*\n)*?)^log = .*$", lambda m: m[1] + line, text
    )
    if hits != 1:
        raise KeyError("organ_fit.known_strength.log")
    write_whole(path, text.encode())
    return path
