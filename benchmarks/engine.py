"""The engine at the pinned work, in a fresh process: `python -m benchmarks.engine '{"patients": 250, ...}'`.

Prints totals as JSON. CPU seconds are those of the process, after a warm-up that loads the compiled
kernels from their cache.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.work import Work, build, headline
from sim.machine import peak_memory

_WARM_UP = {"patients": 2, "days": 400, "settled": 2000.0}
COUNTS = ("settled", "sleeping", "woke", "died_asleep", "extinct")


def run(work: Work) -> dict:
    """Run the work in chunks, one after the other; totals over all patients, and what they cost.

    `cell_days` is the sum over days of the cells that are alive: sleepers as of every day, colonies (one agent
    each, whatever their size) as of every week.
    """
    totals = dict.fromkeys((*COUNTS, "shed", "small", "grown", "micrometastases", "macrometastases", "cell_days"), 0)
    totals["burden_cells"], bytes_used, living, looks = 0.0, 0, 0, 0
    start = time.process_time()
    for first in range(0, work.patients, work.chunk_patients):
        model = build(work, first, min(work.chunk_patients, work.patients - first))
        cells = model.cells
        colonies = 0
        while model.running:
            model.step()
            if model.day % 7 == 0:
                colonies = cells.small.count + cells.grown.count
            totals["cell_days"] += int(cells.sleeping.sum()) + colonies
        for name in COUNTS:
            totals[name] += int(getattr(cells, name).sum())
        totals["shed"] += int(model.shed_total.sum())
        totals["small"] += cells.small.count
        totals["grown"] += cells.grown.count
        totals["micrometastases"] += int(model.small_metastases.sum())
        totals["macrometastases"] += int(model.large_metastases.sum())
        totals["burden_cells"] += float(model.burden_cells.sum())
        bytes_used += cells.bytes
        living += len(cells)
        looks += cells.looks
        model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    cpu = time.process_time() - start
    return totals | {
        "cpu_seconds": cpu,
        "peak_bytes": peak_memory(),
        "bytes_per_cell": bytes_used / max(living, 1),
        "alive_at_end": living,
        "looks_per_settled_cell": looks / max(totals["settled"], 1),
    }


def configured(settings: dict) -> Work:
    """The headline with some settings changed: patients, chunk_patients, days, settled, dormancy."""
    settings = dict(settings)
    dormancy = settings.pop("dormancy", True)
    work = headline().scaled(**settings)
    return work if dormancy else work.without_dormancy()


if __name__ == "__main__":
    start = time.process_time()
    run(configured(_WARM_UP))
    run(configured(_WARM_UP | {"dormancy": False}))
    warm_up = time.process_time() - start
    print(json.dumps(run(configured(json.loads(sys.argv[1]))) | {"warm_up_cpu_seconds": warm_up}))
