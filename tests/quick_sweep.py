"""Plans that run in a moment, and sweeps of them as processes."""

import subprocess
import sys
import time
from pathlib import Path

import default_signals
from quick_cohort import REPOSITORY, scenario_file

HEAD = 'title = "Quick sweep"\nscenarios = ["quick.toml"]\n'
PLAN = (
    HEAD
    + """replicates = 2
[mechanisms]
names = ["dormancy", "inflammation"]
[parameters]
vesicle_release = { values = [0.0, 1.0, 4.0] }
"""
)
"""Twelve points, two replicates: 24 runs."""
PATIENTS = 5


def plan_file(folder: Path, text: str = PLAN, patients: int = PATIENTS, horizon_days: int = 200) -> Path:
    """A plan in `folder`, with the quick scenario beside it."""
    scenario_file(folder, patients, horizon_days)
    file = folder / "quick_plan.toml"
    file.write_text(text, encoding="utf-8")
    return file


def data(folder: Path) -> dict[str, bytes]:
    """The bytes of every table of a sweep."""
    files = [*sorted(folder.glob("*/scenario=*/*.parquet")), *folder.glob("*.parquet")]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def part_files(out: Path) -> list[Path]:
    """The finished parts of the sweep in `out`."""
    return sorted(out.glob(".sweep/parts/*.part"))


def start_sweep(plan: Path, out: Path, workers: int, *options: str, block_runs: int = 1, before: str = ""):
    """`sweep` as a process of its own, in a process group of its own, with small blocks; `before` is run first."""
    lines = ["import sys", f"sys.path.insert(0, {str(REPOSITORY)!r})", "from sim.sweeps import plan",
             f"plan.BLOCK_RUNS = {block_runs}", before, "from sim.cli import main"]  # fmt: skip
    arguments = ["sweep", str(plan), "--workers", str(workers), "--out", str(out), "--quiet", *options]
    lines.append(f"if __name__ == '__main__': sys.exit(main({arguments!r}))")
    return default_signals.start([sys.executable, "-c", "\n".join(lines)], cwd=REPOSITORY, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip


def wait_for_parts(process: subprocess.Popen, out: Path, parts: int) -> None:
    """Wait until so many parts are finished; fails if the sweep ends before."""
    until = time.monotonic() + 120
    while len(part_files(out)) < parts:
        assert time.monotonic() < until, "too few parts in two minutes"
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
