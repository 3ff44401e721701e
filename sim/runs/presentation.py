"""The day on which each patient of a cohort is diagnosed, from a run of those in whom metastases may come first.

Draws are keyed, so the course until diagnosis is the same in this run and in the one that follows: it is simulated
twice and never differs. Patients whose tumour cannot metastasise, or who have no threshold of symptoms, are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sim.disease.birth_death import STEP_DAYS
from sim.disease.hosts import Hosts
from sim.model import MetastasisModel


def may_come_first(hosts: Hosts, competent_share: np.ndarray) -> np.ndarray:
    """Lanes (bool) in which symptoms of metastases may come before the reference day."""
    return np.isfinite(hosts.symptom_cells) & (hosts.frailty > 0.0) & (competent_share > 0.0)


def presented(hosts: Hosts, lanes: np.ndarray, model_of: Callable[[np.ndarray], MetastasisModel]) -> Hosts:
    """The hosts with the days of diagnosis of `lanes` (indices), found by `model_of(lanes)`.

    That model ends on their reference days. Burden is measured with the week; the day of diagnosis is the morning
    after that.
    """
    model = model_of(lanes)
    day = hosts.reference_day[lanes].copy()
    while model.running:
        model.step()
        if model.day % STEP_DAYS == 0:
            first = model.alive & (model.mortality.burden >= model.hosts.symptom_cells) & (model.day < day)
            if first.any():
                day[first] = model.day
                model.end(first)
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    diagnosis_day = hosts.diagnosis_day.copy()
    diagnosis_day[lanes] = day
    return replace(hosts, diagnosis_day=diagnosis_day)
