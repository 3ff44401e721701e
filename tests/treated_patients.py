"""Small cohorts under treatment, and colonies put there by hand, so that closed forms apply."""

import numpy as np
from virtual_patients import on, plain_hosts, values

from sim.catalog.parameters import LaneParameters
from sim.disease.identity import pack
from sim.mechanisms import REGISTRY
from sim.model import MetastasisModel
from sim.names import NICHES
from sim.treatments.base import Plan, stacked

LIVER, LUNG = NICHES.index("liver"), NICHES.index("lung")
DIAGNOSIS_DAY = 20
NOTHING_SETTLES = {"competent_share": 0.0}
FROZEN = NOTHING_SETTLES | {"metastasis_gompertz_per_day": 1e-5, "cycling_birth_per_day": 0.001}
"""Colonies that neither grow nor die in a week."""
SPARED = {
    "sleeper_sparing__chemotherapy": 1.0,
    "resistant_share__chemotherapy": 0.0,
    "acquired_resistance__chemotherapy": 0.0,
}
LIVELY = on(*REGISTRY) | {
    "immune_clearance_per_day": 0.02, "secondary_shedding_factor": 0.03, "imaging_threshold_cells": 1e6, "competent_share": 3e-3,
    "cycling_birth_per_day": 0.3, "metastasis_gompertz_per_day": 0.02, "surgery_inflammation": 0.5, "fibrosis_prevalence": 0.3,
    "inflammation_gain": 3.0, "il6_half_cells": 1e5,
}  # fmt: skip
"""Every mechanism on, in a disease of a few months with many colonies."""

LIVER_DISEASE = LIVELY | {f"soil__{niche}": 1e-4 for niche in NICHES if niche != "liver"}
"""So that the operations on the liver have their patients too."""


def plan(name: str, **changes) -> Plan:
    """One dose of a treatment on the day of diagnosis, with changes."""
    return Plan(
        **(
            {
                "name": name,
                "after": "diagnosis",
                "start_days": 0,
                "dose": 1.0,
                "cycles": 1,
                "every_days": 1,
                "adherence": 1.0,
            }
            | changes
        )
    )


def treated_model(lanes: int, arms, *, days: int = 200, seed: int = 1, diagnosis_day: int = DIAGNOSIS_DAY, first_patient: int = 0,
                  arm_values=None, keep_seeds: bool = False, **overrides):  # fmt: skip
    """Equal patients, `lanes` of them in each arm; an arm is a list of plans. `arm_values`: overrides by arm."""
    arm_of_lane = np.repeat(np.arange(len(arms)), lanes)
    arm_values = [{}] * len(arms) if arm_values is None else arm_values
    parameters = LaneParameters.stack([values(**(overrides | own)) for own in arm_values], arm_of_lane)
    hosts = plain_hosts(lanes * len(arms), diagnosis_day=diagnosis_day)
    hosts.patient[:] = first_patient + np.tile(np.arange(lanes), len(arms))
    return MetastasisModel(hosts, parameters, seed=seed, horizon_days=days, visible_cells=parameters["imaging_threshold_cells"],
                           keep_seeds=keep_seeds, collect=False, treatments=stacked(arms, arm_of_lane))  # fmt: skip


def run_to(model, day: int):
    """Step a model to the morning of `day`."""
    while model.day < day:
        model.step()
    return model


def sizes(model) -> np.ndarray:
    """Cells of the small colonies that have a row, this morning."""
    return model.cells.small.sizes(model.day, model.alive, np.zeros(model.cells.settled.shape))


def put_small(model, per_lane: int, cells: int, niche: int = LIVER) -> None:
    """`per_lane` small colonies of so many cells in every lane, cycling from this morning on."""
    identity = np.array(
        [pack(lane, model.day, i, niche, 0) for lane in range(model.parameters.lanes) for i in range(per_lane)],
        dtype=np.uint64,
    )
    model.cells.small.fall(identity, cells, model.day, model.day - 1, 0, 1.0)
    model.cells.promising["colonies"][:, niche] += per_lane
    model.cells.promising["woke"][:, niche] += per_lane
    model.cells.settled[:, niche] += per_lane


def put_grown(model, cells: float, niche: int = LIVER, delay_days: float = 0.0, number: int = 0) -> None:
    """One grown colony of so many cells (at most the avascular limit) in every lane, from this morning on."""
    identity = np.array(
        [pack(lane, model.day, number, niche, 0) for lane in range(model.parameters.lanes)], dtype=np.uint64
    )
    model.cells.grown.append(identity=identity, woke=model.day - 1, traits=0, since=model.day, start_day=float(model.day),
                             start_log_cells=np.log(cells), delay_days=delay_days, pace=1.0, shedder=-1)  # fmt: skip
    model.cells.promising["woke"][:, niche] += 1
    model.cells.settled[:, niche] += 1
