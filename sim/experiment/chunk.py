"""A chunk of a cohort: build the model, run it, and keep only columns and integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sim.cohort import draw_hosts
from sim.errors import InputError
from sim.mechanisms import effective_parameters
from sim.model import MetastasisModel
from sim.parameters import LaneParameters
from sim.scenario import Scenario


@dataclass(frozen=True)
class Task:
    """What a worker needs to compute patients `start` to `stop` of a cohort."""

    scenario: Scenario
    seed: int
    start: int
    stop: int
    keep_seeds: bool = False
    keep_events: bool = False

    @property
    def name(self) -> str:
        """Stable name of the chunk."""
        return f"{self.start:08d}-{self.stop:08d}"


@dataclass
class Chunk:
    """What is left of a chunk: tables by name, sparse histograms by clock, cascade counts by step, and costs."""

    tables: dict[str, dict] = field(default_factory=dict)
    seeding: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    cascade: dict[str, np.ndarray] = field(default_factory=dict)


def build_model(scenario: Scenario, *, seed: int, patients: np.ndarray, keep_seeds: bool = False,
                collect: bool = True) -> MetastasisModel:
    """The model of some patients of a scenario (ids, shape (lanes,)), ready to run.

    Raises InputError where parameter values, fine one by one, do not fit together.
    """
    values = {name: parameter.value for name, parameter in scenario.parameters.items()}
    n = len(patients)
    if scenario.observe == "autopsy" and values["follow_up_interval_days"] > 0.0:
        raise InputError(f"{scenario.name}: follow_up_interval_days: found {values['follow_up_interval_days']:g} days with observe = autopsy; "
                         "allowed: 0, since an autopsy looks once, or observe = imaging")
    try:
        parameters = LaneParameters(effective_parameters(values, scenario.mechanisms), n)
        hosts = draw_hosts(seed, patients, [scenario.primary] * n, [scenario.age] * n, parameters)
        return MetastasisModel(
            hosts, parameters, seed=seed, horizon_days=scenario.horizon_days,
            visible_cells=parameters[f"{scenario.observe}_threshold_cells"],
            output_every_days=scenario.output_every_days, keep_seeds=keep_seeds, collect=collect,
            treatments=[(plan, np.ones(n, dtype=bool)) for plan in scenario.treatments])
    except ValueError as error:
        raise InputError(f"{scenario.name}: {error}") from error


def run_chunk(task: Task, report: Callable[[float], None] | None = None) -> Chunk:
    """Run a chunk; `report(share)` is told the share of its days that is done."""
    from sim.experiment import tables
    from sim.experiment.lineage import Lineage

    keep = task.keep_seeds or task.keep_events
    model = build_model(task.scenario, seed=task.seed, patients=np.arange(task.start, task.stop), keep_seeds=keep,
                        collect=False)
    longest = float(model.last_day.max())
    try:
        model.run(None if report is None else lambda day: report(day / longest))
    except ValueError as error:
        raise InputError(f"{task.scenario.name}: {error}") from error
    found, lineage = tables.Metastases(model), Lineage(model)
    chunk = Chunk(
        tables={
            "patients": tables.patients_table(model, found),
            "metastases": tables.metastases_table(model, found, lineage),
            "founders": tables.founders_table(lineage, found),
        },
        seeding={name: clock.sparse() for name, clock in model.observer.clocks.items()},
        cascade=tables.cascade_counts(model, found),
    )
    if keep:
        seeds = tables.seeds_table(model, found)
        if task.keep_events:
            chunk.tables["events"] = tables.events_table(seeds, chunk.tables["metastases"])
        if task.keep_seeds:
            chunk.tables["seeds"] = seeds
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents; this lets its arrays go
    return chunk
