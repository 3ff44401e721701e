"""What the mechanisms cost: `python -m benchmarks.every_mechanism '{"patients": 250, "every": true}'`.

CPU seconds of the colorectal cohort as `run` builds it, model and no tables, with the mechanisms that are on by
default or with all that there are. It is the catalogue's cohort, so the figure moves with the catalogue.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from benchmarks.work import HERE
from sim import scenario
from sim.mechanisms import REGISTRY
from sim.runs.chunk import build_model


def run(patients: int, every: bool) -> dict:
    """Run the cohort to its end; what it cost and how many cells settled."""
    cohort = scenario.load(HERE.parent / "scenarios" / "colorectal.toml").with_(on=tuple(REGISTRY) if every else ())
    model = build_model(cohort, seed=1, patients=np.arange(patients), collect=False)
    start = time.process_time()
    model.run()
    return {
        "mechanisms": len(model.mechanisms),
        "settled": int(model.cells.settled.sum()),
        "cpu_seconds": time.process_time() - start,
    }


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    run(2, settings["every"])
    print(json.dumps(settings | run(**settings)))
