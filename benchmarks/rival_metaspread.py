"""MetaSpread from PyPI, in an environment of its own beside this file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from benchmarks.measure import last_json
from benchmarks.work import HERE

ENVIRONMENT = HERE / ".venv-metaspread"
_PYTHON = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(version: str) -> Path:
    """Make the environment where it is missing; returns its Python. Raises CalledProcessError if pip fails."""
    wanted = f"metaspread=={version}"
    marker = ENVIRONMENT / ".installed"
    if not marker.is_file() or marker.read_text() != wanted:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        subprocess.run(
            [_PYTHON, "-m", "pip", "--disable-pip-version-check", "-qq", "install", wanted],
            check=True,
            stdout=sys.stderr,
        )
        marker.write_text(wanted)
    return _PYTHON


def run(python: Path, cells: int, steps: int) -> dict:
    """Agent-steps and CPU seconds of a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, HERE / "metaspread_steps.py", str(cells), str(steps)],
            cwd=folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    found = last_json(done.stdout.replace("\r", "\n"))
    return found | {"agent_steps_per_cpu_second": found["agent_steps"] / found["cpu_seconds"]}
