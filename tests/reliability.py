"""Figures of docs/reliability.md: `python -m tests.reliability flips [400]` flips bits in stored results, and counts who notices.

A flip that changes a number is one after which the tables, read without digests, are read and differ; all of them must be caught. Bits of
manifests and of kept chunks are flipped too, and must be caught as well.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from stored import flip, rewrite  # noqa: E402


def flips(count: int) -> int:
    """Flip bits in a run's tables, manifests and kept chunks; returns how many were missed."""
    from quick_cohort import scenario_file

    from sim import scenario
    from sim.errors import InputError
    from sim.results import reading, schema
    from sim.runs.chunk import run_chunk
    from sim.runs.run import chunk_tasks, run_scenario
    from sim.work.packing import Packed, pack

    dice, told = random.Random(1), Counter()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as top:
        quick = scenario.load(scenario_file(Path(top), 200))
        run = run_scenario(quick, seed=1, out=Path(top) / "x")
        bare = Path(top) / "bare"
        shutil.copytree(run.path, bare)
        rewrite(bare, digests=False)
        names = [f"{table}.parquet" for table in schema.TABLES if (run.path / f"{table}.parquet").is_file()]
        sizes = [(run.path / name).stat().st_size for name in names]
        whole = {name: run.arrow(name.removesuffix(".parquet")) for name in names}
        for _ in range(count):
            name = dice.choices(names, sizes)[0]
            bit, table = dice.randrange(8 * (run.path / name).stat().st_size), name.removesuffix(".parquet")
            for folder in (run.path, bare):
                flip(folder / name, bit)
            told["tables: bits flipped"] += 1
            try:
                changes = not reading.open(bare).arrow(table).equals(whole[name])
            except InputError:
                changes = False  # noticed without digests
            told["tables: read as other numbers without digests"] += changes
            try:
                reading.open(run.path)
            except InputError:
                told["tables: caught"] += 1
            for folder in (run.path, bare):
                flip(folder / name, bit)
        manifest = run.path / "manifest.json"
        for _ in range(count):
            bit = dice.randrange(8 * manifest.stat().st_size)
            flip(manifest, bit)
            told["manifest: bits flipped"] += 1
            try:
                reading.open(run.path)
            except InputError:
                told["manifest: caught"] += 1
            flip(manifest, bit)
        chunk = Path(top) / "chunk.npz"
        task = chunk_tasks(quick, 1, False, False)[0]
        chunk.write_bytes(pack(run_chunk(task)))
        for _ in range(count):
            bit = dice.randrange(8 * chunk.stat().st_size)
            flip(chunk, bit)
            told["kept chunk: bits flipped"] += 1
            told["kept chunk: caught"] += not Packed(chunk).is_whole(task.start, task.stop)
            flip(chunk, bit)
    for what, number in told.items():
        print(f"{what}: {number}")
    return 3 * count - sum(number for what, number in told.items() if what.endswith("caught"))


if __name__ == "__main__":
    missed = flips(int(sys.argv[2]) if len(sys.argv) > 2 else 400)
    print(f"missed: {missed}")
    sys.exit(1 if missed else 0)
