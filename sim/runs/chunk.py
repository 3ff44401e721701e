"""A chunk of a cohort: build the model, run it, and keep only columns and integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import Hosts, Undiagnosable, draw_hosts
from sim.errors import InputError
from sim.model import MetastasisModel
from sim.observe import SELDOM_DAYS
from sim.runs import tables
from sim.runs.descent_columns import DescentColumns
from sim.runs.presentation import may_come_first, presented
from sim.runs.task import CohortTask
from sim.scenario import Scenario
from sim.work.packing import Chunk


def build_model(
    scenario: Scenario,
    *,
    seed: int,
    patients: np.ndarray,
    keep_seeds: bool = False,
    collect: bool = True,
    arms: Sequence[Mapping[str, float]] | None = None,
    arm_of_lane: np.ndarray | None = None,
    doomed: bool = True,
) -> MetastasisModel:
    """The model of some patients of a scenario (ids, shape (patients,)), ready to run.

    `arms` holds all parameter values of each arm, nulls set; by default there is one, the scenario's own, or its draws
    of the posterior, under which patients run in turn. The lanes are all patients in the first arm, all in the second,
    and so on; or `patients` and `arm_of_lane` (lanes,) say of each lane which patient in which arm it is. Where nobody
    asks for the `doomed` cells they are not computed. Raises InputError where parameter values, fine one by one, do not
    fit together.
    """
    if arms is None:
        arms = scenario.arms()
        arm_of_lane = np.asarray(patients) % len(arms)  # of a draw of its own, whatever the chunk
    if arm_of_lane is None:
        patients, arm_of_lane = np.tile(patients, len(arms)), np.repeat(np.arange(len(arms)), len(patients))
    n = len(patients)
    visits = max(values["follow_up_interval_days"] for values in arms)
    if scenario.observe == "autopsy" and visits > 0.0:
        raise InputError(
            f"{scenario.name}: follow_up_interval_days: found {visits:g} days with observe = autopsy; "
            "allowed: 0, since an autopsy looks once, or observe = imaging"
        )
    arm_of_lane = np.asarray(arm_of_lane)

    def model_of(hosts: Hosts, parameters: LaneParameters, **settings: Any) -> MetastasisModel:
        return MetastasisModel(
            hosts,
            parameters,
            seed=seed,
            visible_cells=parameters[f"{scenario.observe}_threshold_cells"],
            treatments=[(plan, np.ones(parameters.lanes, dtype=bool)) for plan in scenario.treatments],
            **settings,
        )

    def until_diagnosis(lanes: np.ndarray) -> MetastasisModel:
        parameters = LaneParameters.stack(arms, arm_of_lane[lanes])
        return model_of(
            hosts.some(lanes), parameters, horizon_days=0, output_every_days=SELDOM_DAYS, collect=False, doomed=False
        )

    try:
        parameters = LaneParameters.stack(arms, arm_of_lane)
        hosts = draw_hosts(seed, patients, [scenario.primary] * n, [scenario.age] * n, parameters)
        first = np.flatnonzero(may_come_first(hosts, parameters["competent_share"]))
        if first.size:
            hosts = presented(hosts, first, until_diagnosis)
        return model_of(
            hosts,
            parameters,
            horizon_days=scenario.horizon_days,
            output_every_days=scenario.output_every_days,
            keep_seeds=keep_seeds,
            collect=collect,
            doomed=doomed,
        )
    except ValueError as error:
        raise InputError(f"{scenario.name}: {error}") from error


@dataclass(frozen=True)
class Lanes:
    """Which patient and arm each lane is, and the day of its diagnosis: (lanes,) each."""

    patient: np.ndarray
    arm: np.ndarray
    diagnosis_day: np.ndarray


def stacked_lanes(scenario: Scenario, arms: Sequence[Mapping[str, float]], *, seed: int, patients: np.ndarray) -> Lanes:
    """Every patient in every arm: all patients in the first arm, all in the second, and so on.

    Left out are patients whose tumour would, with an arm's values, not be diagnosed in a lifetime: the
    cohort is conditioned on diagnosis. Raises InputError where nobody is left in an arm, or values do not
    fit together.
    """
    patient, arm = np.tile(patients, len(arms)), np.repeat(np.arange(len(arms)), len(patients))

    def draw() -> Hosts:
        n = len(patient)
        return draw_hosts(seed, patient, [scenario.primary] * n, [scenario.age] * n, LaneParameters.stack(arms, arm))

    try:
        try:
            hosts = draw()
        except Undiagnosable as error:
            patient, arm = patient[~error.lanes], arm[~error.lanes]
            if len(np.unique(arm)) < len(arms):
                raise ValueError(f"{error}, in every patient") from error
            hosts = draw()
    except ValueError as error:
        raise InputError(f"{scenario.name}: {error}") from error
    return Lanes(patient, arm, hosts.diagnosis_day)


def run_chunk(task: CohortTask, report: Callable[[float], None] | None = None) -> Chunk:
    """Run a chunk; `report(share)` is told the share of its days that is done."""
    keep = task.keep_seeds or task.keep_events
    model = build_model(
        task.scenario,
        seed=task.seed,
        patients=np.arange(task.start, task.stop),
        keep_seeds=keep,
        collect=False,
        doomed=task.doomed,
    )
    longest = float(model.last_day.max())
    try:
        model.run(None if report is None else lambda day: report(day / longest))
    except ValueError as error:
        raise InputError(f"{task.scenario.name}: {error}") from error
    found, lineage = tables.Metastases(model), DescentColumns(model)
    chunk = Chunk(
        tables={
            "patients": tables.patients_table(model, found),
            "metastases": tables.metastases_table(model, found, lineage),
            "founders": tables.founders_table(lineage, found),
            "ancestors": tables.ancestors_table(model, lineage, found),
        },
        seeding=model.observer.sparse(),
        cascade=tables.cascade_counts(model, found),
    )
    if task.has_clones:
        chunk.tables["clones"] = lineage.clones(found.identity)
    if keep:
        seeds = tables.seeds_table(model, found, lineage)
        if task.keep_events:
            chunk.tables["events"] = tables.events_table(seeds, chunk.tables["metastases"])
        if task.keep_seeds:
            chunk.tables["seeds"] = seeds
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents; this lets its arrays go
    return chunk
