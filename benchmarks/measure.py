"""Measuring: every figure comes from a fresh process, one at a time, and is a median of several."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.work import HERE

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def last_json(text: str) -> dict:
    """The JSON object on the last line that holds one. Raises ValueError where there is none."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise ValueError("a measured process printed no result")


def in_fresh_process(module: str, settings: dict) -> dict:
    """Run `python -m benchmarks.<module> <settings>` and return what it prints. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", json.dumps(settings)],
        cwd=HERE.parent,
        env={**os.environ, **ONE_THREAD},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return last_json(done.stdout)


def median_of(runs: Sequence[dict], key: str) -> float:
    """The median of one figure."""
    return statistics.median(run[key] for run in runs)


def rate(run: dict) -> float:
    """Cell-days per CPU-second."""
    return run["cell_days"] / run["cpu_seconds"]


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios of pairs that were measured one after the other."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def log_log_slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Least-squares slope of log seconds on log size: 1 is proportional."""
    return statistics.linear_regression([math.log(x) for x in sizes], [math.log(y) for y in seconds]).slope
