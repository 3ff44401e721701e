"""The engine at the pinned work, in a fresh process: `python -m benchmarks.engine '{"patients": 250, ...}'`.

Prints totals as JSON. CPU seconds are those of the process, after a warm-up that loads the compiled
kernels from their cache.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks.work import Work, build, headline
from sim.machine import peak_memory
from sim.names import ALL_ORGANS, QUANTITIES, STAGES

_WARM_UP = {"patients": 2, "days": 400, "settled": 2000.0}
ALL_ASLEEP = ALL_ORGANS.index("all") * len(STAGES) + STAGES.index("dormant")
COUNTS = ("settled", "sleeping", "woke", "died_asleep", "extinct")


def run(work: Work, doomed: bool = True) -> dict:
    """Run the work in chunks, one after the other; totals over all patients, and what they cost.

    All tables are made of it, or with `doomed` false those of metastases. `cell_days` is the sum over days of the cells
    that are alive: sleepers by the trapezoid rule over the output grid, colonies with a row (one agent each, whatever
    their size) as of every week.
    """
    totals = dict.fromkeys((*COUNTS, "shed", "small", "grown", "micrometastases", "macrometastases", "cell_days"), 0)
    totals["burden_cells"], bytes_used = 0.0, 0
    start = time.process_time()
    for first in range(0, work.patients, work.chunk_patients):
        model = build(work, first, min(work.chunk_patients, work.patients - first), doomed)
        cells = model.cells
        colonies = 0
        while model.running:
            model.step()
            totals["cell_days"] += colonies
            if model.day % 7 == 0:
                colonies = cells.small.count + cells.grown.count
        told = model.observer.sparse()["first_cell"]
        sleepers = told["row"] % QUANTITIES == ALL_ASLEEP
        days = np.append(told["row"][sleepers] // QUANTITIES * model.observer.every_days, work.days)
        number = np.append(told["total"][sleepers], 0)
        number[-1] = cells.promising["sleeping"].sum() if not doomed else cells.sleeping.sum()
        totals["cell_days"] += int(np.trapezoid(number, days))
        for name in COUNTS:
            totals[name] += int((getattr(cells, name) if doomed or name == "settled" else cells.promising[name]).sum())
        totals["shed"] += int(model.shed_total.sum())
        totals["small"] += int((cells.colonies if doomed else cells.promising["colonies"]).sum())
        totals["grown"] += cells.grown.count
        totals["micrometastases"] += int(model.small_metastases.sum())
        totals["macrometastases"] += int(model.large_metastases.sum())
        totals["burden_cells"] += float(model.burden_cells.sum())
        bytes_used += cells.bytes
        model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    cpu = time.process_time() - start
    living = totals["sleeping"] + totals["small"] + totals["grown"]
    return totals | {
        "cpu_seconds": cpu,
        "peak_bytes": peak_memory(),
        "bytes_per_cell": bytes_used / max(living, 1),
        "alive_at_end": living,
    }


def configured(settings: dict) -> Work:
    """The headline with some settings changed: patients, chunk_patients, days, settled, dormancy."""
    settings = {name: value for name, value in settings.items() if name != "doomed"}
    dormancy = settings.pop("dormancy", True)
    work = headline().scaled(**settings)
    return work if dormancy else work.without_dormancy()


if __name__ == "__main__":
    start = time.process_time()
    run(configured(_WARM_UP))
    run(configured(_WARM_UP | {"dormancy": False}))
    warm_up = time.process_time() - start
    settings = json.loads(sys.argv[1])
    done = run(configured(settings), settings.get("doomed", True))
    print(json.dumps(done | {"warm_up_cpu_seconds": warm_up}))
