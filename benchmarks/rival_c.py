"""The same cell life-cycle in C: compiled at benchmark time, run on the pinned work.

With the engine's keyed draws it sheds the same cells, and what settles and becomes of them must be alike; with
xoshiro256++ it shows what the keys cost.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.work import HERE, Work, daily_rates
from sim.names import MICROMETASTASIS_CELLS, NICHES

FLAGS = ("-std=gnu11", "-O3")
VARIANTS = {"keyed": (), "xoshiro": ("-DXOSHIRO",)}


def compiler() -> str | None:
    """The C compiler, or None where there is none."""
    return shutil.which("gcc") or shutil.which("cc")


def compile_rival(variant: str, folder: Path) -> Path:
    """Compile a variant into `folder`. Raises RuntimeError without a compiler, CalledProcessError if it fails."""
    found = compiler()
    if found is None:
        raise RuntimeError("there is no C compiler here")
    program = folder / f"life_cycle_{variant}"
    subprocess.run([found, *FLAGS, *VARIANTS[variant], "-o", program, HERE / "c" / "life_cycle.c", "-lm"], check=True)
    return program


def write_work(work: Work, path: Path) -> Path:
    """The work as the C program reads it: its parameters, and the rates of every day."""
    v = work.values
    limit, capacity = v["avascular_limit_cells"], v["metastasis_capacity_cells"]
    log_limit = np.log(limit)
    early = v["metastasis_gompertz_per_day"] * (np.log(capacity) - log_limit)
    birth = max(v["cycling_birth_per_day"], early)
    certain = np.ceil((2.0 * birth - early) / early / v["colony_noise"] ** 2)
    header = [
        work.days,
        work.seed & 0xFFFFFFFF,
        work.seed >> 32,
        v["sleep_probability"],
        v["dormancy_narrow_share"],
        v["dormancy_narrow_scale_days"],
        v["dormancy_narrow_shape"],
        v["dormancy_broad_scale_days"],
        v["dormancy_broad_shape"],
        v["sleeper_death_per_day"],
        birth,
        birth - early,
        early,
        log_limit,
        np.log(capacity) - log_limit,
        v["metastasis_gompertz_per_day"],
        np.clip(certain, 1, min(limit, MICROMETASTASIS_CELLS)),
        np.log(MICROMETASTASIS_CELLS),
        np.log(work.visible_cells),
        *(v[f"feeding.{niche}"] for niche in NICHES),
    ]
    expected, chance = daily_rates(work)
    path.write_bytes(b"".join(np.asarray(a, dtype=np.float64).tobytes() for a in (header, expected, chance)))
    return path


def run(program: Path, work_file: Path, first: int, patients: int) -> dict:
    """Totals over the patients and the CPU seconds that they took."""
    done = subprocess.run([program, work_file, str(first), str(patients)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
