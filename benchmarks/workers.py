"""One or two workers on the same run of the headline scenario: `python -m benchmarks.workers '{"workers": 2, ...}'`.

Wall seconds of `run_scenario`, with everything: starting the workers, merging, writing. The machine code
is in its cache, and a small run has gone before.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.work import HERE

STEP_PATIENTS = 500


def seconds(patients: int, workers: int) -> float:
    """Wall seconds of a run of this many colorectal patients."""
    from sim import scenario
    from sim.runs.run import run_scenario

    cohort = scenario.load(HERE.parent / "scenarios" / "colorectal.toml").with_(patients=patients)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run_scenario(
            cohort,
            seed=1,
            out=Path(folder) / "run",
            workers=workers,
            progress=False,
            command_line=["benchmarks.workers"],
        )
        return time.perf_counter() - start


def patients_for(wanted_seconds: float) -> int:
    """How many patients keep one worker busy for that long."""
    probe = seconds(STEP_PATIENTS, 1)
    return STEP_PATIENTS * max(1, -(-int(wanted_seconds * 1000) // int(probe * 1000)))


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    seconds(20, settings["workers"])
    if "patients" not in settings:
        settings["patients"] = patients_for(settings["seconds"])
    print(json.dumps(settings | {"wall_seconds": seconds(settings["patients"], settings["workers"])}))
