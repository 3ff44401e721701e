"""A sweep of many small runs: `python -m benchmarks.sweep '{"points": 10000, "workers": 1}'`.

Design points of 10 patients and one year of the headline scenario, in a Latin hypercube. Told as JSON:
wall and CPU seconds; the CPU milliseconds a point that are not spent in the days of the models (making the
plan, building models, tables, files); and the peak memory. With `light` the cells are made rare, so that
10,000 points take minutes: the work beside the days is the same.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

PATIENTS = 10
PLAN = """title = "Many small runs"
scenarios = ["one_year.toml"]
patients = {patients}
[sample]
points = {points}
[sample.parameters]
inflammation_gain = {{}}
vesicle_release = {{}}
sleep_probability = {{}}
cycling_birth_per_day = {{}}
"""
SCENARIO = """extends = "{headline}"
horizon = "1 year"
[parameters]
competent_share = {{ value = {competent_share!r}, reason = "benchmark" }}
"""
RARE = 1e-3
"""Factor on the competent share of the headline scenario where the benchmark is `light`."""


def plan_in(folder: Path, points: int, light: bool) -> Path:
    """The plan and its scenario, written into `folder`."""
    from sim import scenario

    headline = scenario.find("colorectal").resolve()
    share = scenario.load(headline).parameters["competent_share"].value * (RARE if light else 1.0)
    (folder / "one_year.toml").write_text(
        SCENARIO.format(headline=headline.as_posix(), competent_share=share), encoding="utf-8"
    )
    file = folder / "many.toml"
    file.write_text(PLAN.format(patients=PATIENTS, points=points), encoding="utf-8")
    return file


def measure(points: int, workers: int, light: bool) -> dict:
    """Run the sweep once, with everything from the plan's text to the tables."""
    from sim.machine import peak_memory
    from sim.model import MetastasisModel
    from sim.sweeps import plan as plans
    from sim.sweeps.executors import LocalExecutor
    from sim.sweeps.run import run_sweep

    days, real = 0.0, MetastasisModel.run

    def timed(model, report=None):
        nonlocal days
        start = time.process_time()
        real(model, report)
        days += time.process_time() - start

    MetastasisModel.run = timed  # seen with one worker, which is this process
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = plan_in(Path(folder), points, light)
            wall, cpu = time.perf_counter(), time.process_time()
            swept = run_sweep(plans.load(file), out=Path(folder) / "sweep", executor=LocalExecutor(workers))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert swept.finished == points
            written = sum(path.stat().st_size for path in (Path(folder) / "sweep").rglob("*.parquet"))
    finally:
        MetastasisModel.run = real
    told = {
        "points": points,
        "patients": PATIENTS,
        "workers": workers,
        "light": light,
        "wall_seconds": wall,
        "parquet_bytes": written,
        "peak_memory_bytes": peak_memory(),
    }
    if workers == 1:
        told |= {"cpu_seconds": cpu, "cpu_seconds_of_days": days, "overhead_ms_per_point": (cpu - days) / points * 1000}
    return told


if __name__ == "__main__":
    settings = {"points": 10_000, "workers": 1, "light": True} | (json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
    measure(20, settings["workers"], True)  # the machine code is in its cache, and the libraries are loaded
    print(json.dumps(measure(settings["points"], settings["workers"], settings["light"])))
