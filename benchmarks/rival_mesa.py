"""Plain Mesa at the pinned work, in a fresh process: one `mesa.Agent` a cell, from tests/reference/plain.py.

    python -m benchmarks.rival_mesa '{"activation": "shuffle_do", "settled": 50000}'

One patient, whose cells arrive at the pinned rates of every day. Prints totals as JSON.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.engine import configured
from benchmarks.work import HERE, Work, daily_rates
from sim.names import NICHES

sys.path.append(str(HERE.parent / "tests"))
from reference.plain import PlainModel


class PinnedPatient(PlainModel):
    """A patient whose settled cells are Poisson with the pinned mean of each day and niche."""

    def __init__(self, work: Work, activation: str, seed: int):
        super().__init__(dict.fromkeys(NICHES, 0.0), work.values, activation=activation, seed=seed)
        expected, chance = daily_rates(work)
        self.means = expected[:, None] * chance

    def arrivals(self):
        """Cells that settle today, by organ."""
        return dict(zip(NICHES, self.rng.poisson(self.means[self.day]).tolist(), strict=True))


def run(work: Work, activation: str, seed: int = 0) -> dict:
    """One patient; counts over all niches, and the CPU seconds of the process."""
    model = PinnedPatient(work, activation, seed)
    start = time.process_time()
    for _ in range(work.days):
        model.step()
    cpu = time.process_time() - start
    totals = {
        name: sum(model.counts[name, niche] for niche in NICHES)
        for name in ("settled", "woke", "died_asleep", "extinct", "metastasis")
    }
    return totals | {"cpu_seconds": cpu, "cell_days": model.cell_days, "alive_at_end": len(model.agents)}


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    activation, seed = settings.pop("activation"), settings.pop("seed", 0)
    run(configured({"days": 200, "settled": 2000}), activation)
    print(json.dumps(run(configured(settings), activation, seed)))
