"""Write what calibration found as a catalogue file, with what made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.errors import MachineError
from sim.results.whole_file import write_whole

_COMMON: dict[str, dict[str, Any]] = {
    "frailty_log_sd": {
        "low": 0.5,
        "high": 5.0,
        "maximum": 6.0,
        "outcome": "frailty_sd",
        "direction": "+",
        "targets": ("CRC01", "CRC02"),
        "meaning": "log-SD of the frailty: the factor by which patients differ in the share of their cells that can "
        "found a colony",
    },
    "competent_share": {
        "spread": 1000.0,
        "maximum": 1.0,
        "outcome": "settled_cells",
        "direction": "+",
        "targets": None,
        "meaning": "share of viable arrested cells that can found a colony, in the median patient; known only as a "
        "product with the soil",
    },
    "site_shedding_factor": {
        "spread": 10.0,
        "outcome": "shed_cells",
        "direction": "+",
        "targets": None,
        "meaning": "shedding of a site relative to the average site, cell for cell",
    },
    "arrest_probability": {
        "low": 0.001,
        "high": 0.999,
        "maximum": 1.0,
        "outcome": "arrested_in_first_bed.{key}",
        "direction": "+",
        "targets": None,
        "meaning": "probability that a cell that survives a pass through the bed is arrested there",
    },
    "soil": {
        "spread": 10.0,
        "maximum": 1.0,
        "outcome": "settled_cells.{key}",
        "direction": "+",
        "targets": None,
        "meaning": "probability that a cell arrested in the niche survives and extravasates, before inflammation; "
        "fitted with all mechanisms on (elsewhere: the geometric mean of the twelve)",
    },
}


def _number(value: float) -> str:
    return repr(float(f"{value:.6g}"))


def write(path: Path, fitted: Mapping, rows: Sequence[str], rms: float) -> Path:
    """Write the file atomically; returns its path. Raises MachineError where it cannot be written."""
    lines = [
        "# Made by `run_sim.py calibrate`; do not edit by hand. A first fit in closed form "
        "(sim/analysis/calibration.py).",
        "",
        "[provenance]",
        'command = "run_sim.py calibrate"',
        f'targets = "{rows[0]} to {rows[-1]} ({len(rows)} autopsy rows), CRC01, CRC02"',
        f"rms_of_standardised_residuals = {_number(rms)}",
    ]
    for name, value in fitted.items():
        common = _COMMON[name]
        lines += ["", f"[{name}]"]
        if isinstance(value, Mapping):
            lines.append("values = { " + ", ".join(f"{k} = {_number(v)}" for k, v in value.items()) + " }")
        else:
            lines.append(f"value = {_number(value)}")
        targets = common["targets"] or (*rows, "CRC01", "CRC02")
        lines += [
            'unit = "1"',
            'kind = "calibrated"',
            f"targets = [{', '.join(f'{chr(34)}{t}{chr(34)}' for t in targets)}]",
        ]
        for key in ("low", "high", "spread", "maximum"):
            if key in common:
                lines.append(f"{key} = {_number(common[key])}")
        lines += [
            f'outcome = "{common["outcome"]}"',
            f'direction = "{common["direction"]}"',
            f'meaning = "{common["meaning"]}"',
        ]
    try:
        write_whole(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise MachineError(f"{path}: the calibrated catalogue cannot be written: {error.strerror}") from error
    return path
