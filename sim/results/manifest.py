"""What made a run: the manifest, with everything needed to repeat it and to cite it."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from sim.machine import peak_memory
from sim.names import VERSION
from sim.results.schema import SCHEMA_VERSION, TABLES_ALL
from sim.results.shape import Each, Many, Within, Words

ENGINE_VERSION = "2"
"""Of what draws the numbers: the same seed gives other patients' courses under another one.

1 gave every settled cell a row; 2 tells promising founders from doomed ones when they settle.
"""
STATUSES = ("complete", "interrupted")
_BIG = 2**63
_TEXT_OR_NONE = (str, type(None))
SCENARIO_SHAPE: Mapping[str, Any] = {
    "name": str,
    "title?": str,
    "question?": str,
    "primary?": str,
    "observe?": str,
    "patients?": Within(1, _BIG),
    "horizon_days": Within(1.0, 1e6),
    "output_every_days?": Within(1, 10**6),
    "mechanisms?": Each(bool),
    "treatments?": Many(dict),
    "overrides?": Each({"value": (int, float), "reason?": _TEXT_OR_NONE}),
    "parameters?": Each(
        {"value": (int, float), "unit?": str, "kind?": str, "source?": _TEXT_OR_NONE, "reason?": _TEXT_OR_NONE}
    ),
}
"""What readers of a resolved scenario rely on (see `sim.scenario.Scenario.to_dict`)."""
SHAPE: Mapping[str, Any] = {
    "schema_version": str,
    "status": Words(STATUSES),
    "scenario": SCENARIO_SHAPE,
    "seed": Within(0, _BIG),
    "patients": Within(1, _BIG),
    "patients_finished": Within(0, _BIG),
    "command_line?": Many(str),
    "versions?": Each(str),
    "commit?": str,
    "start?": str,
    "wall_seconds?": Within(0.0, 1e12),
    "peak_memory_bytes?": (int, type(None)),
    "files?": Each(str),
}
LIBRARIES = ("numpy", "numba", "mesa", "pyarrow", "scipy", "pandas")


def build_manifest(
    *,
    scenario: Mapping,
    seed: int,
    patients: int,
    patients_finished: int,
    status: str,
    command_line: Sequence[str],
    start: datetime,
    wall_seconds: float,
    peak_memory_bytes: int | None = None,
    tables: str = TABLES_ALL,
) -> dict:
    """The manifest of a run as a dict that JSON can hold.

    `scenario` is `Scenario.to_dict()`; `start` is an aware datetime; `peak_memory_bytes` is measured
    here (of this process) where it is not given, and is None where the system
    does not tell; `tables` says what was computed. Raises ValueError for a status outside STATUSES.
    """
    if status not in STATUSES:
        raise ValueError(f"status {status!r} is none of {', '.join(STATUSES)}")
    return {
        "schema_version": SCHEMA_VERSION,
        "engine_version": ENGINE_VERSION,
        "tables": tables,
        "status": status,
        "command_line": [str(word) for word in command_line],
        "scenario": dict(scenario),
        "seed": int(seed),
        "patients": int(patients),
        "patients_finished": int(patients_finished),
        "versions": versions(),
        "commit": commit(),
        "start": start.astimezone(UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(float(wall_seconds), 3),
        "peak_memory_bytes": peak_memory() if peak_memory_bytes is None else int(peak_memory_bytes),
    }


def versions() -> dict[str, str]:
    """Versions of Python, the platform, its processor, the libraries that numbers depend on, and this program."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "metastatic-seeding": VERSION,
    }
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor() -> str:
    """The processor's own name: results are bit-identical on one kind of processor only."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def commit(folder: Path | None = None) -> str:
    """The commit of the repository at `folder` (by default the one that holds this program).

    "+changes" is appended where tracked files differ from it; "unknown" where there is no git, no
    repository, or only one that merely surrounds an installed copy.
    """
    folder = Path(__file__).resolve().parent.parent.parent if folder is None else Path(folder).resolve()

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder:
            return "unknown"
        name = git("rev-parse", "HEAD")
        return name + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
