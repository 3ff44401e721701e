"""What a command costs before it does any work: CPU seconds of a whole process and of those that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPEATS = 5
RUN = ("run", "colorectal", "--patients", "1", "--quiet")
COMMANDS = {
    "startup_run_cpu_seconds": RUN,
    "startup_run_no_figure_cpu_seconds": (*RUN, "--no-figure"),
    "startup_list_cpu_seconds": ("list",),
}
"""The command line of each figure."""


def cpu_seconds(arguments: tuple[str, ...], folder: Path) -> float:
    """User and system time of `python -m sim` with these arguments, in an empty folder. Raises CalledProcessError."""
    import resource  # not on Windows

    out = ("--out", str(folder / "run")) if arguments[0] == "run" else ()
    root = str(Path(__file__).resolve().parent.parent)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "sim", *arguments, *out],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(repeats: int = REPEATS) -> dict[str, list[float]]:
    """Every command in turn, `repeats` times, once more before anything counts (compiling, byte code)."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(repeats + 1):
        for name, arguments in COMMANDS.items():
            with tempfile.TemporaryDirectory() as folder:
                took = cpu_seconds(arguments, Path(folder))
            if turn:
                seconds[name].append(took)
    return seconds
