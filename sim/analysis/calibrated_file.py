"""Write what calibration found into the catalogue's file of calibrated numbers, with what made it.

A fit replaces the blocks that it fitted and leaves the others as they stand: several fits share the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim import catalog
from sim.errors import MachineError
from sim.results.whole_file import write_whole

HEADER = "# Made by `run_sim.py calibrate`; do not edit by hand."
_COMMON: dict[str, dict[str, Any]] = {
    "competent_share": {
        "spread": 1000.0,
        "maximum": 1.0,
        "outcome": "settled_cells",
        "direction": "+",
        "meaning": "share of viable arrested cells that can found a colony, in the median patient; known only as a "
        "product with the soil",
    },
    "site_shedding_factor": {
        "spread": 10.0,
        "outcome": "shed_cells",
        "direction": "+",
        "meaning": "shedding of a site relative to the average site, cell for cell",
    },
    "arrest_probability": {
        "low": 0.001,
        "high": 0.999,
        "maximum": 1.0,
        "outcome": "arrested_in_first_bed.{key}",
        "direction": "+",
        "meaning": "probability that a cell that survives a pass through the bed is arrested there",
    },
    "soil": {
        "spread": 10.0,
        "maximum": 1.0,
        "outcome": "settled_cells.{key}",
        "direction": "+",
        "meaning": "probability that a cell arrested in the niche survives and extravasates, before inflammation; "
        "fitted with all mechanisms on (elsewhere: the geometric mean of the twelve)",
    },
}


def _number(value: float) -> str:
    return repr(float(f"{value:.6g}"))


def _field(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value) if isinstance(value, int) else _number(value)


def _block(name: str, value: Any, rows: Sequence[str]) -> str:
    common = _COMMON[name]
    lines = [f"[{name}]"]
    if isinstance(value, Mapping):
        lines.append("values = { " + ", ".join(f"{k} = {_number(v)}" for k, v in value.items()) + " }")
    else:
        lines.append(f"value = {_number(value)}")
    listed = ", ".join(f'"{row}"' for row in rows)
    lines += ['unit = "1"', 'kind = "calibrated"', f"targets = [{listed}]"]
    lines += [f"{key} = {repr(v) if isinstance(v, float) else _field(v)}" for key, v in common.items()]
    return "\n".join(lines)


def _kept(path: Path) -> dict[str, str]:
    """The blocks of a file by name, as they stand."""
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"\n(?=\[)", text)[1:]
    return {part[1 : part.index("]")]: part.strip() for part in parts}


def write(path: Path, fit: str, fitted: Mapping[str, Any], rows: Sequence[str], provenance: Mapping[str, Any]) -> Path:
    """Write the blocks `fitted` (a number, or numbers by key) of the fit named `fit`; returns the path.

    `rows` are the ids of the published rows behind them, `provenance` what else is told about the fit. Blocks of other
    fits are those of the catalogue's own file. Written whole or not at all; raises MachineError where it cannot be.
    """
    blocks = _kept(catalog.CALIBRATED_FILE)
    blocks.pop("provenance", None)  # of a file from before there were several fits
    told = {"command": f"run_sim.py calibrate {fit}", **provenance}
    blocks[f"provenance.{fit}"] = "\n".join(
        [f"[provenance.{fit}]", *(f"{key} = {_field(value)}" for key, value in told.items())]
    )
    for name, value in fitted.items():
        blocks[name] = _block(name, value, rows)
    first = sorted(blocks, key=lambda name: not name.startswith("provenance"))
    text = "\n\n".join([HEADER, *(blocks[name] for name in first)]) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise MachineError(f"{path}: the calibrated catalogue cannot be written: {error.strerror}") from error
    return path
