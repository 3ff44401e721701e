"""Compile every kernel once, by running tiny cohorts: later starts read the machine code from the cache."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim import scenario as scenarios
from sim.numerics import jit, machine_code
from sim.results.whole_file import write_whole
from sim.runs.chunk import build_model, run_chunk
from sim.runs.task import CohortTask
from sim.scenario.treatments import plans


def warm_up() -> None:
    """Compile every kernel by running two patients, with sleepers filed anew once, and two under treatment.

    Then leave the mark that all of it is there.
    """
    small = replace(scenarios.load("colorectal"), patients=2).with_(set_=["primary_gompertz_per_day=0.01"])
    run_chunk(CohortTask(small, 1, 0, 2, keep_seeds=True, keep_events=True))
    many = small.with_(set_=["competent_share=1e-4", "frailty_log_sd=0", "metastasis_gompertz_per_day=0.01"])
    names = ("chemotherapy", "liver_resection", "checkpoint_inhibition")
    treated = plans([{"name": name, "adherence": 0.9, "cycles": 20, "every_days": 7} for name in names])
    run_chunk(
        CohortTask(
            replace(many.with_(on=["immune_surveillance", "lineage", "secondary_seeding"]), treatments=treated), 1, 0, 2
        )
    )
    model = build_model(small, seed=1, patients=np.arange(2), collect=False)
    model.run()
    model.cells.sleepers.promise_again(model.day)
    machine_code.mark_complete(jit.FOLDER, write_whole)
