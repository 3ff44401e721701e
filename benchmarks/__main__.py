"""`python -m benchmarks`: everything, or some parts.

Prints a table; everything is written to report.json and details.json, parts with `--write`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks import paired, suite
from benchmarks.measure import median_of, rate
from benchmarks.work import HERE
from sim.results.manifest import commit

BARS = {
    "ratio_vs_plain_mesa": (">=", 500.0),
    "ratio_vs_plain_mesa_do": (">=", 300.0),
    "ratio_single_patient": (">=", 100.0),
    "ratio_vs_c": ("<=", 2.0),
    "headline_cpu_seconds": ("<=", 15.0),
    "dormancy_off_cpu_seconds": ("<=", 90.0),
    "bytes_per_cell": ("<=", 64.0),
    "slope_patients": ("<=", 1.05),
    "slope_cells": ("<=", 1.05),
    "speedup_2_workers": (">=", 1.8),
    "startup_run_cpu_seconds": ("<=", 4.0),
    "startup_run_no_figure_cpu_seconds": ("<=", 2.5),
    "startup_list_cpu_seconds": ("<=", 0.45),
}
PEAK_BAR_BYTES = 2**30
PARTS = ("cohort", "single_patient", "every_mechanism", "growth", "metaspread", "workers", "startup")


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def machine() -> dict:
    """What the figures depend on."""
    packages = {name: version(name) for name in ("mesa", "numpy", "numba", "scipy")}
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **packages,
    }


def table(report: dict, peak_bytes: float | None) -> str:
    """The figures beside their bars."""
    rows = [(key, report[key], *BARS.get(key, ("", None))) for key in suite.KEYS]
    if peak_bytes is not None:
        rows.append(("headline peak MiB", peak_bytes / 2**20, "<=", PEAK_BAR_BYTES / 2**20))
    lines = [f"{'figure':30}{'value':>16}{'bar':>12}"]
    for name, value, sign, bar in rows:
        shown = "not measured" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
        met = (
            ""
            if bar is None or value is None
            else "  met"
            if (value >= bar) == (sign == ">=") or value == bar
            else "  NOT MET"
        )
        lines.append(f"{name:30}{shown:>16}{'' if bar is None else f'{sign} {bar:,.4g}':>12}{met}")
    return "\n".join(lines)


def _read(name: str) -> dict:
    file = HERE / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def write(report: dict, details: dict, measured: dict) -> None:
    """Put what was measured over what report.json and details.json hold; `details["measured"]` says when and where."""
    before, runs = _read("report"), _read("details")
    report = {key: before.get(key) if report[key] is None else report[key] for key in suite.KEYS}
    times = runs.get("measured", {}) | dict.fromkeys(details, measured)
    details = {part: (runs | details)[part] for part in PARTS if part in runs | details} | {"measured": times}
    for name, content in (("report", report), ("details", details)):
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Run the parts asked for (all by default), or `paired`, which has options of its own and no bar."""
    if sys.argv[1:2] == ["paired"]:
        return paired.main(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"any of: {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--write", action="store_true", help="write the figures of these parts over those in the report"
    )
    asked = parser.parse_args()
    parts = asked.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    report: dict = dict.fromkeys(suite.KEYS)
    details: dict = {}
    measured = {
        "machine": machine(),
        "commit": commit(HERE.parent),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    for part in PARTS:
        if part not in parts:
            continue
        _say(f"[{part}]")
        if part == "metaspread":
            runs = details.get("cohort", {}).get("engine") or [suite.in_fresh_process("engine", {"patients": 250})]
            details[part] = suite.metaspread(report, _say, sorted(rate(run) for run in runs)[len(runs) // 2])
        else:
            details[part] = getattr(suite, part)(report, _say)
    engine = details.get("cohort", {}).get("engine")
    print(table(report, median_of(engine, "peak_bytes") if engine else None))
    if asked.write or set(parts) == set(PARTS):
        write(report, details, measured)
        print(f"\nwrote {(HERE / 'report.json').relative_to(HERE.parent)} and details.json beside it")


if __name__ == "__main__":
    main()
