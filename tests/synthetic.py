"""A small made-up run that keeps the contract of the tables, for tests of what reads or draws a run.

The numbers look like a colorectal cohort; nothing here is the model.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sim.names import CLOCKS, DAYS_PER_YEAR, NICHES, STAGES
from sim.results import reading as results
from sim.results.schema import STEPS
from sim.scenario import load

HORIZON_DAYS = 5 * DAYS_PER_YEAR
SHARE_BY_ORGAN = dict(
    zip(
        NICHES,
        (0.33, 0.16, 0.07, 0.035, 0.03, 0.02, 0.006, 0.004, 0.008, 0.002, 0.012, 0.01, 0.045),
        strict=True,
    )
)
"""Share of patients who ever get a visible metastasis there."""


def _masked(values, happened):
    return np.ma.masked_array(np.asarray(values, dtype=np.int32), mask=~np.asarray(happened))


def patients(count: int, generator) -> dict:
    diagnosis_day = generator.integers(4000, 9000, count)
    survival_days = generator.exponential(4.5 * DAYS_PER_YEAR, count).astype(int) + 1
    dead = survival_days < HORIZON_DAYS
    last_day = diagnosis_day + np.minimum(survival_days, int(HORIZON_DAYS))
    cause = np.where(generator.random(count) < 0.7, "metastases", "other causes")
    shed = generator.lognormal(25, 1, count).astype(np.int64)
    return {
        "patient": np.arange(count),
        "age_years": generator.normal(67, 11, count).clip(30, 95),
        "sex": None,
        "bmi": None,
        "primary": ["colon"] * count,
        "frailty": generator.lognormal(0, 1, count),
        "growth_factor": generator.lognormal(0, 0.3, count),
        "diagnosis_day": diagnosis_day,
        "reference_day": diagnosis_day,
        "presentation": ["primary"] * count,
        "primary_cells_at_diagnosis": generator.lognormal(23.4, 0.5, count).astype(np.int64),
        "metastatic_at_diagnosis": np.zeros(count, bool),
        "nodes_positive": np.arange(count) % 3 == 2,
        "stage": [("I", "II", "III")[i % 3] for i in range(count)],
        "t_category": [("T1-2", "T3-4")[i % 3 > 0] for i in range(count)],
        "grade": 1 + np.arange(count) % 3,
        "distant_nodes": np.zeros(count, bool),
        "peritoneum": np.zeros(count, bool),
        "resection_day": None,
        "first_detected_day": None,
        "liver_symptom_day": None,
        "death_day": _masked(last_day, dead),
        "death_cause": [str(name) if died else None for name, died in zip(cause, dead, strict=True)],
        "last_day": last_day,
        "censor_reason": [None if died else "horizon" for died in dead],
        "shed_cells": shed,
        "arrested_cells": shed // 3,
        "settled_cells": shed // 10**7,
    }


def metastases(people: dict, generator, share_by_organ=SHARE_BY_ORGAN) -> dict:
    rows = []
    for patient, (diagnosis, last) in enumerate(zip(people["diagnosis_day"], people["last_day"], strict=True)):
        for organ, share in share_by_organ.items():
            for _ in range(generator.binomial(3, share / 2)):
                crossing = int(diagnosis + generator.normal(1.2, 1.3) * DAYS_PER_YEAR)
                rows.append((patient, organ, max(crossing, 2000), crossing <= last))
    count = len(rows)
    patient, organ, crossing, seen = (
        (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.zeros(0)] * 4
    )
    crossing, seen = crossing.astype(int), seen.astype(bool)
    return {
        "patient": patient.astype(int),
        "colony": np.arange(count) + 10**6,
        "parent_colony": None,
        "organ": list(organ),
        "source": ["primary"] * count,
        "clone": None,
        "founders": np.ones(count, int),
        "arrived_day": crossing - 1500,
        "woke_day": _masked(crossing - 1200, crossing % 2 == 0),
        "reached_day": crossing - 600,
        "detected_day": _masked(crossing, seen),
        "removed_day": None,
        "extinct_day": None,
        "cells": generator.lognormal(20, 1, count).astype(np.int64),
        "cells_at_diagnosis": generator.lognormal(15, 1, count).astype(np.int64),
        "cells_at_detection": np.ma.masked_array(np.full(count, 10**9), mask=~seen),
        "doubling_days_at_detection": np.where(seen, 90.0, np.nan),
        "resistant": None,
    }


def seeding(people: dict, scale: float = 1.0) -> dict:
    """Rows for every clock, day, organ (and `all`) and stage, smooth curves that rise with time."""
    follow_up_days = np.asarray(people["last_day"]) - np.asarray(people["diagnosis_day"])
    rows = []
    for clock in CLOCKS:
        start, end = (-9000, int(HORIZON_DAYS)) if clock == "diagnosis" else (0, 9000 + int(HORIZON_DAYS))
        for day in range(start // 28 * 28, end, 28):
            at_risk = int((follow_up_days >= day).sum()) if clock == "diagnosis" else len(follow_up_days)
            grown = scale * 1.6 ** ((day - start) / DAYS_PER_YEAR) / 60
            for organ, share in (SHARE_BY_ORGAN | {"all": 1.0}).items():
                for stage, factor in zip(STAGES, (1e7, 5.0, 4.0, 0.05, 0.005, 0.001), strict=True):
                    mean = grown * share * factor
                    q = [float(np.floor(mean * part)) for part in (0.05, 0.4, 0.8, 1.3, 4.0)]
                    row = (mean, *q, min(1.0, mean)) if at_risk else (np.nan,) * 7
                    rows.append((clock, day, organ, stage, *row, at_risk))
    names = (
        "clock",
        "day",
        "organ",
        "stage",
        "mean",
        "q05",
        "q25",
        "q50",
        "q75",
        "q95",
        "share_of_patients",
        "n_at_risk",
    )
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def cascade(shed_cells: int) -> dict:
    cells = [int(shed_cells * part) for part in 0.2 ** np.arange(len(STEPS))]
    return {
        "source": ["primary"] * len(STEPS),
        "organ": ["all"] * len(STEPS),
        "step": list(STEPS),
        "cells": cells,
        "share_of_previous": [None, *[0.2] * (len(STEPS) - 1)],
    }


def seeds(count: int) -> dict:
    number = np.arange(count)
    return {
        "patient": number // 100,
        "seed": number % 100,
        "organ": [NICHES[i % len(NICHES)] for i in number],
        "source": ["primary"] * count,
        "clone": None,
        "arrived_day": number % 5000,
        "slept": number % 3 > 0,
        "threshold_days": number * 0.5,
        "woke_day": _masked(number % 5000 + 10, number % 3 > 1),
        "died_day": None,
        "colony": None,
    }


def tables(count: int = 500, seed: int = 1, share_by_organ=SHARE_BY_ORGAN, scale: float = 1.0) -> dict:
    generator = np.random.default_rng(seed)
    people = patients(count, generator)
    colonies = metastases(people, generator, share_by_organ)
    first_day = np.full(count, 10**6)
    for patient, day in zip(colonies["patient"], colonies["detected_day"].tolist(), strict=True):
        if day is not None:
            first_day[patient] = min(first_day[patient], day)
    people["metastatic_at_diagnosis"] = first_day <= people["diagnosis_day"]
    people["first_detected_day"] = _masked(first_day, first_day < 10**6)
    founders = {"colony": colonies["colony"], "clone": None, "cells": colonies["founders"]}
    ancestors = dict.fromkeys(("patient", "colony", "parent_colony", "organ", "source", "clone", "arrived_day"), ())
    return {
        "patients": people,
        "metastases": colonies,
        "founders": founders,
        "ancestors": ancestors,
        "seeding": seeding(people, scale),
        "cascade": cascade(int(people["shed_cells"].sum())),
    }


@functools.cache
def _parameters() -> dict:
    """All parameters of the headline scenario, as its manifests hold them."""
    return load("colorectal").to_dict()["parameters"]


def scenario(count: int) -> dict:
    return {
        "name": "colorectal",
        "title": "Colorectal cancer, untreated",
        "question": "Where do metastases appear?",
        "primary": "colon",
        "patients": count,
        "horizon_days": HORIZON_DAYS,
        "observe": "imaging",
        "mechanisms": {"dormancy": True},
        "parameters": _parameters() | {"imaging_threshold_cells": {"value": 1e9, "unit": "cell"}},
    }


def write(
    folder: Path, count: int = 500, *, status: str = "complete", finished: int | None = None, extra=None, **kinds
):
    """Write a made-up run of `count` patients (of which `finished` are there) and open it."""
    finished = count if finished is None else finished
    manifest = results.build_manifest(
        scenario=scenario(count),
        seed=1,
        patients=count,
        patients_finished=finished,
        status=status,
        command_line=["run_sim.py", "run", "colorectal"],
        start=datetime(2026, 1, 1, tzinfo=UTC),
        wall_seconds=1.0,
    )
    results.write_run(folder, tables(finished, **kinds) | (extra or {}), manifest)
    return results.open(folder)


def write_empty(folder: Path):
    """One patient, no metastasis, no cells: the smallest run there is."""
    return write(folder, 1, share_by_organ=dict.fromkeys(NICHES, 0.0), scale=0.0)
