"""What the natural history of a cohort is measured on: one row a patient, whoever simulated it.

The program's runs and the sketch (`sketch.py`) give the same record, so that every published row is measured by one
piece of code.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from sim.names import NICHES, STAGES_AT_DIAGNOSIS

if TYPE_CHECKING:
    from sim.results.reading import Run

OTHER, PRIMARY, METASTASES = 0, 1, 2
"""Causes of death; -1 for the living."""
_CAUSES = {"other causes": OTHER, "primary": PRIMARY, "metastases": METASTASES}


@dataclass(frozen=True)
class Course:
    """Patients of one arm: arrays (patients,), days from the first malignant cell, inf where a thing did not happen.

    `visible_day` (patients, niches) is when the first metastasis of a niche was large enough for imaging, `visible`
    (patients, niches) how many were on the day of diagnosis. `cells_at_diagnosis` and `cells_at_end` are those of all
    metastases, `doubling_days` is that of the largest metastasis on the day on which it was found (diagnosis, or when
    it became visible after it). `diagnosis_day` is inf where the cancer was found at death; `resection_day` where
    nobody operated. `stage` counts 0 to 3 for I to IV; `deep`, `nodes`, `grade`, `distant_nodes` and `peritoneum` are
    what pathology sees (`sim.disease.stage`).
    """

    reference_day: np.ndarray
    diagnosis_day: np.ndarray
    resection_day: np.ndarray
    death_day: np.ndarray
    cause: np.ndarray
    last_day: np.ndarray
    primary_cells: np.ndarray
    stage: np.ndarray
    nodes: np.ndarray
    deep: np.ndarray
    grade: np.ndarray
    distant_nodes: np.ndarray
    peritoneum: np.ndarray
    visible_day: np.ndarray
    visible: np.ndarray
    cells_at_diagnosis: np.ndarray
    cells_at_end: np.ndarray
    doubling_days: np.ndarray

    def of(self, chosen: np.ndarray) -> Course:
        """The patients who are `chosen`, (patients,) bool or indices."""
        return Course(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def __len__(self) -> int:
        return len(self.reference_day)


def together(*courses: Course) -> Course:
    """The patients of several courses as one cohort, in that order."""
    return Course(**{f.name: np.concatenate([getattr(c, f.name) for c in courses]) for f in fields(Course)})


def of_run(run: Run) -> Course:
    """The course of the patients of a run in which every metastasis was found when it was large enough to be seen."""
    people = run.patients.sort_values("patient").reset_index(drop=True)
    found = run.metastases

    def day(name: str) -> np.ndarray:
        return people[name].to_numpy(dtype=float, na_value=np.inf)

    place = {patient: row for row, patient in enumerate(people["patient"])}
    row = found["patient"].map(place).to_numpy(dtype=int)
    niche = found["organ"].map({name: i for i, name in enumerate(NICHES)}).to_numpy(dtype=int)
    detected = found["detected_day"].to_numpy(dtype=float, na_value=np.inf)
    shape = (len(people), len(NICHES))
    visible_day, visible = np.full(shape, np.inf), np.zeros(shape)
    np.minimum.at(visible_day, (row, niche), detected)
    diagnosis = day("diagnosis_day")
    there = detected <= diagnosis[row]
    np.add.at(visible, (row[there], niche[there]), 1.0)
    at_diagnosis = found["cells_at_diagnosis"].to_numpy(dtype=float, na_value=0.0)
    at_end = found["cells"].to_numpy(dtype=float, na_value=0.0)
    totals = [np.bincount(row, weights=cells, minlength=len(people)) for cells in (at_diagnosis, at_end)]
    # The largest at diagnosis has grown since it became visible: its doubling time is read from the size on that day.
    size = np.where(there, at_diagnosis, found["cells_at_detection"].to_numpy(dtype=float, na_value=0.0))
    doubling = found["doubling_days_at_detection"].to_numpy(dtype=float, na_value=np.nan)
    parameters = run.manifest["scenario"]["parameters"]
    capacity = np.log(parameters["metastasis_capacity_cells"]["value"])
    seen = np.maximum(found["cells_at_detection"].to_numpy(dtype=float, na_value=1.0), 1.0)
    doubling = doubling * (capacity - np.log(seen)) / (capacity - np.log(np.maximum(size, 1.0)))
    largest = np.full(len(people), np.nan)
    order = np.lexsort((size, ~there, row))[::-1]  # of those at diagnosis the largest, else the first found
    later = np.lexsort((detected, row))[::-1]
    largest[row[later]] = np.where(np.isfinite(detected[later]), doubling[later], np.nan)
    order = np.lexsort((size, row))
    order = order[there[order]]
    largest[row[order]] = doubling[order]

    def observed(name: str) -> np.ndarray:
        return people[name].astype("boolean").fillna(False).to_numpy(dtype=bool)

    stages = {name: i for i, name in enumerate(STAGES_AT_DIAGNOSIS)}
    return Course(
        reference_day=day("reference_day"),
        diagnosis_day=diagnosis,
        resection_day=day("resection_day"),
        death_day=day("death_day"),
        cause=people["death_cause"].map(_CAUSES).fillna(-1).to_numpy(dtype=int),
        last_day=day("last_day"),
        primary_cells=people["primary_cells_at_diagnosis"].to_numpy(dtype=float, na_value=np.nan),
        stage=people["stage"].astype(object).map(stages).fillna(-1).to_numpy(dtype=int),
        nodes=observed("nodes_positive"),
        deep=~people["t_category"].astype(object).isin(("T1", "T1-2")).to_numpy(dtype=bool),
        grade=people["grade"].fillna(0).to_numpy(dtype=int),
        distant_nodes=observed("distant_nodes"),
        peritoneum=observed("peritoneum"),
        visible_day=visible_day,
        visible=visible,
        cells_at_diagnosis=totals[0],
        cells_at_end=totals[1],
        doubling_days=largest,
    )
