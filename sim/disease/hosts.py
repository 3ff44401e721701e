"""Virtual patients: the traits with which a patient starts, each a keyed draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from sim.catalog.parameters import LaneParameters
from sim.disease.growth import gompertz_days
from sim.disease.presentation import thresholds
from sim.disease.stage import beyond_blood, competence, grade, primary_stage
from sim.numerics import streams

MOST_DAYS_TO_DIAGNOSIS = 22_000
LARGEST_DIAGNOSED_SHARE = 0.5
CLONES = 8
AGE_FIELDS = ("mean_years", "sd_years", "low_years", "high_years")
_NEUTRAL: Any = None  # in place of an array that is left out, until `Hosts` has filled it in


class Undiagnosable(ValueError):
    """Some tumours would not be diagnosed in a lifetime: `lanes` (lanes,) bool says whose."""

    def __init__(self, message: str, lanes: np.ndarray):
        super().__init__(message)
        self.lanes = lanes


@dataclass(frozen=True)
class Hosts:
    """Traits by lane, each of shape (lanes,) but for the clones'.

    `luck` is a uniform that decides who has a condition (below its prevalence). `clone_share` and `clone_z`
    (lanes, CLONES) are the shares of the primary's clones and their standard normal potentials. What is left
    out is that of a lean patient without any condition, whose clones are equal. `frailty` is zero where no cell of the
    tumour can found a colony. `metastasis_growth` is a time scale: of a patient's metastases, birth and death go that
    many times as fast. `age_years` is the age on the `reference_day`, on which the primary alone would present
    (`sim.disease.presentation`); `diagnosis_day` is never later. `symptom_cells` and `lethal_cells` are the patient's
    own weighted burdens of metastases, `primary_danger` a factor on the hazard of the primary. `deep`, `nodes`,
    `grade`, `distant_nodes` and `peritoneum` are for the tables (`sim.disease.stage`).
    """

    patient: np.ndarray
    site: np.ndarray
    age_years: np.ndarray
    growth_factor: np.ndarray
    frailty: np.ndarray
    diagnosis_cells: np.ndarray
    diagnosis_day: np.ndarray
    death_threshold: np.ndarray
    bmi: np.ndarray = _NEUTRAL
    metastasis_growth: np.ndarray = _NEUTRAL
    reference_day: np.ndarray = _NEUTRAL
    symptom_cells: np.ndarray = _NEUTRAL
    lethal_cells: np.ndarray = _NEUTRAL
    primary_danger: np.ndarray = _NEUTRAL
    deep: np.ndarray = _NEUTRAL
    nodes: np.ndarray = _NEUTRAL
    grade: np.ndarray = _NEUTRAL
    distant_nodes: np.ndarray = _NEUTRAL
    peritoneum: np.ndarray = _NEUTRAL
    luck: np.ndarray = _NEUTRAL
    clone_share: np.ndarray = _NEUTRAL
    clone_z: np.ndarray = _NEUTRAL

    def __post_init__(self) -> None:
        lanes = len(self.patient)
        neutral = {
            "bmi": np.full(lanes, 25.0),
            "luck": np.ones(lanes),
            "metastasis_growth": np.ones(lanes),
            "reference_day": self.diagnosis_day,
            "symptom_cells": np.full(lanes, np.inf),
            "lethal_cells": np.full(lanes, np.inf),
            "primary_danger": np.ones(lanes),
            "deep": np.zeros(lanes, dtype=bool),
            "nodes": np.zeros(lanes, dtype=bool),
            "grade": np.full(lanes, 2),
            "distant_nodes": np.zeros(lanes, dtype=bool),
            "peritoneum": np.zeros(lanes, dtype=bool),
            "clone_share": np.full((lanes, CLONES), 1.0 / CLONES),
            "clone_z": np.zeros((lanes, CLONES)),
        }
        for name, values in neutral.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, values)

    def some(self, lanes: np.ndarray) -> Hosts:
        """The hosts of some lanes (indices)."""
        return Hosts(**{field.name: getattr(self, field.name)[lanes] for field in fields(self)})


def _truncated_normal(
    uniform: np.ndarray,
    mean: float | np.ndarray,
    sd: float | np.ndarray,
    low: float | np.ndarray,
    high: float | np.ndarray,
) -> np.ndarray:
    """The quantile of a truncated normal; a zero SD gives the mean."""
    sd = np.maximum(sd, 1e-12)
    below, above = ndtr((low - mean) / sd), ndtr((high - mean) / sd)
    return np.clip(mean + sd * ndtri(below + (above - below) * uniform), low, high)


def _clones(seed: int, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the clones (uniform on the simplex) and a standard normal each, (lanes, CLONES)."""
    share = np.stack(
        [-np.log(streams.patient_uniforms(seed, patients, streams.CLONE_SHARE, clone)) for clone in range(CLONES)],
        axis=1,
    )
    z = ndtri(
        np.stack(
            [streams.patient_uniforms(seed, patients, streams.CLONE_POTENTIAL, clone) for clone in range(CLONES)],
            axis=1,
        )
    )
    return share / share.sum(axis=1, keepdims=True), z


def draw_hosts(
    seed: int,
    patients: np.ndarray,
    site_of_lane: Sequence[str] | np.ndarray,
    age_of_lane: Sequence[object],
    parameters: LaneParameters,
) -> Hosts:
    """Draw the patients of a chunk; a patient's traits depend on the seed and its id alone.

    `patients` (lanes,) integer ids, equal in paired arms; `age_of_lane` a sequence of objects with
    `mean_years`, `sd_years`, `low_years`, `high_years` (a normal distribution cut off at the last two).
    Raises ValueError when a lane's tumour could not be diagnosed within its limits.
    """
    patients = np.asarray(patients, dtype=np.int64)
    fields = [np.array([getattr(age, f) for age in age_of_lane], dtype=float) for f in AGE_FIELDS]
    age_years = _truncated_normal(streams.patient_uniforms(seed, patients, streams.AGE), *fields)

    def normal(purpose: int, cut_sd: np.ndarray) -> np.ndarray:
        return _truncated_normal(streams.patient_uniforms(seed, patients, purpose), 0.0, 1.0, -cut_sd, cut_sd)

    def log_normal(purpose: int, log_sd: np.ndarray, cut_sd: np.ndarray) -> np.ndarray:
        return np.exp(log_sd * normal(purpose, cut_sd))

    def of_site(name: str) -> np.ndarray:
        return parameters.by_site(f"{name}.{{site}}", site_of_lane)

    cut = parameters["trait_truncation_sd"]
    growth_factor = of_site("site_primary_pace") * log_normal(streams.GROWTH, parameters["growth_log_sd"], cut)
    frailty = log_normal(streams.FRAILTY, parameters["frailty_log_sd"], parameters["frailty_truncation_sd"])
    able_share, ability = of_site("metastatic_share"), streams.patient_uniforms(seed, patients, streams.ABLE)
    able = ability < able_share
    frailty = np.where(able, frailty, 0.0)
    shared = parameters["growth_correlation"]
    own = np.sqrt(1.0 - shared**2) * normal(streams.METASTASIS_GROWTH, cut) + shared * normal(streams.GROWTH, cut)
    metastasis_growth = of_site("site_metastasis_pace") * np.exp(parameters["metastasis_growth_log_sd"] * own)
    size = log_normal(streams.DIAGNOSIS_SIZE, parameters["diagnosis_log_sd"], cut)
    capacity = parameters["primary_capacity_cells"]
    era = of_site("old_series_factor") ** parameters["old_series"]
    median = parameters["diagnosis_median_cells"] * of_site("site_diagnosis_factor") * era
    if np.any(median > LARGEST_DIAGNOSED_SHARE * capacity):
        raise ValueError(
            "diagnosis_median_cells must not be above half of primary_capacity_cells: a tumour never reaches it"
        )
    size = np.minimum(median * size, LARGEST_DIAGNOSED_SHARE * capacity)
    if np.any(size < 2.0):
        raise ValueError("diagnosis_median_cells is too small: a tumour must be seen at two cells or more")
    rate = parameters["primary_gompertz_per_day"] * growth_factor
    days = gompertz_days(1.0, size, capacity, rate)
    if np.any(days > MOST_DAYS_TO_DIAGNOSIS):
        raise Undiagnosable(
            "primary_gompertz_per_day is too small: a tumour would need over 60 years to be diagnosed",
            days > MOST_DAYS_TO_DIAGNOSIS,
        )
    mean, sd = parameters["bmi_mean"], parameters["bmi_sd"]
    bmi = _truncated_normal(
        streams.patient_uniforms(seed, patients, streams.BODY_MASS), mean, sd, mean - 2.5 * sd, mean + 3.5 * sd
    )
    threshold = -np.log(streams.patient_uniforms(seed, patients, streams.DEATH))
    reference_day = np.ceil(days).astype(np.int64)
    symptoms, lethal = thresholds(parameters, lambda purpose: normal(purpose, cut))
    site = np.asarray(site_of_lane)
    spreads = competence(ability, able_share, streams.patient_uniforms(seed, patients, streams.FRAILTY))

    def uniform(purpose: int) -> np.ndarray:
        return streams.patient_uniforms(seed, patients, purpose)

    return Hosts(
        patients,
        site,
        age_years,
        growth_factor,
        frailty,
        size,
        reference_day,
        threshold,
        bmi,
        metastasis_growth,
        reference_day,
        symptoms,
        lethal,
        log_normal(streams.DANGER, parameters["primary_danger_log_sd"], cut),
        *primary_stage(
            parameters,
            lambda purpose: normal(purpose, cut),
            uniform,
            site,
            size,
            median,
            able,
            normal(streams.FRAILTY, parameters["frailty_truncation_sd"]),
            spreads,
        ),
        grade(parameters, uniform, own, spreads),
        *beyond_blood(parameters, uniform, site, spreads),
        streams.patient_uniforms(seed, patients, streams.LUCK),
        *_clones(seed, patients),
    )
