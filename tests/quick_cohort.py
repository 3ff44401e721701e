"""Cohorts that run in a moment and yet hold everything: sleepers, deaths, metastases seen and unseen."""

import subprocess
import sys
import time
from pathlib import Path

import default_signals
from virtual_patients import PINNED

REPOSITORY = Path(__file__).parent.parent
QUICK = PINNED | {
    "other_cause_death_per_year_at_70": 0.4, "frailty_log_sd": 1.0, "growth_log_sd": 0.3, "competent_share": 1e-4,
    "metastasis_gompertz_per_day": 0.02, "imaging_threshold_cells": 1e7,
}  # fmt: skip
"""A disease of about a year, diagnosed after four months or so."""


def scenario_file(folder: Path, patients: int, horizon_days: int = 300) -> Path:
    """A scenario file with these patients in `folder`."""
    lines = [
        'title = "Quick"', 'question = "Does it run?"', 'primary = "colon"', f'horizon = "{horizon_days} days"',
        f"[cohort]\npatients = {patients}",
        '[cohort.age]\nmean = "67 years"\nsd = "11 years"\nlow = "30 years"\nhigh = "95 years"',
        "[parameters]", *(f'"{name}" = {{ value = {value!r}, reason = "quick" }}' for name, value in QUICK.items()),
    ]  # fmt: skip
    file = folder / "quick.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def tables(folder: Path) -> dict[str, bytes]:
    """Bytes of every table in a run's folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


def chunk_files(out: Path) -> list[Path]:
    """Chunks that are kept for the results in `out`."""
    return sorted(out.parent.glob(f".{out.name}.chunks/*/[!.]*.npz"))


def start_run(scenario: Path, out: Path, workers: int, *, chunk_patients: int, cwd=REPOSITORY):
    """`run` as a process of its own, in a process group of its own, with small chunks."""
    setup = ["import sys", f"sys.path.insert(0, {str(REPOSITORY)!r})", "from sim.runs import run",
             f"run.CHUNK_PATIENTS = {chunk_patients}", "from sim.cli import main"]  # fmt: skip
    setup.append(
        f"sys.exit(main(['run', {str(scenario)!r}, '--workers', '{workers}', '--out', {str(out)!r}, '--quiet']))"
    )
    return default_signals.start([sys.executable, "-c", "\n".join(setup)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, start_new_session=True)  # fmt: skip


def wait_for_chunks(process: subprocess.Popen, out: Path, chunks: int) -> None:
    """Wait until so many chunks are kept; fails if the run ends before."""
    until = time.monotonic() + 120
    while len(chunk_files(out)) < chunks:
        assert time.monotonic() < until, "too few chunks in two minutes"
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def _processes() -> list[tuple[int, int, int]]:
    """Process, parent and session of every process, zombies too, on Linux."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:  # it has just ended
            continue
        parent, _group, session = text.rpartition(")")[2].split()[1:4]
        found.append((int(text.split()[0]), int(parent), int(session)))
    return found


def children(of: int) -> list[int]:
    """Processes, zombies too, below a process, on Linux."""
    found, parents, processes = [], {of}, _processes()
    while parents:
        parents = {process for process, parent, _ in processes if parent in parents}
        found += parents
    return found


def left_of(run: subprocess.Popen) -> list[int]:
    """Processes, zombies too, that a run from `start_run` left behind, on Linux; none elsewhere."""
    return [process for process, _, session in _processes() if session == run.pid]
