"""Arms compared: each patient's outcome in every arm, who counts, and the difference with its error and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.analysis.survival import follow_up, logrank
from sim.names import TWO_SIDED_95
from sim.results import reading as results
from sim.results.conditions import CONDITIONS
from sim.results.incidence import wilson_interval
from sim.results.outcomes import DIAGNOSIS, REFERENCE, SHARE
from sim.scenario.comparison import Arm, Question
from sim.scenario.expectations import Contrast

Measured = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Outcome by patient, and who counts, (patients,) each, by arm."""
YES, UNCLEAR, NO, SAME, NONE = "yes", "unclear", "no", "no difference", "too few"
"""Whether an expected direction was seen: the 95 % interval of the difference lies where it must; it reaches both
sides; it lies where it must not (reversed, or beyond the bound of an equality); every pair is exactly equal; fewer than
`FEWEST_PAIRS`, or an interval without width, in which no pair differs from another."""
FEWEST_PAIRS = 10
"""Patients of the smallest arm below whom nothing is said: a normal interval from three of them is no interval."""


def measure(comparison: Question, runs: Mapping[str, results.Run]) -> Measured:
    """Outcome by patient (float, nan where undefined) and who counts (bool), by arm; patients in the same order.

    A condition is read once, in the first arm: arms of a comparison with conditions are the same up to diagnosis
    (`sim.scenario.comparison` refuses others). A patient without a value in one arm is left out of all arms with its
    condition.
    """
    values = {
        arm.name: comparison.outcome.values(runs[arm.name]).sort_index().to_numpy(dtype=float)
        for arm in comparison.arms
    }
    defined: dict[str | None, np.ndarray] = {}
    for arm in comparison.arms:
        defined[arm.only] = np.isfinite(values[arm.name]) & defined.get(arm.only, True)
    first = runs[comparison.arms[0].name]
    counts = {
        only: CONDITIONS[only](first).sort_index().to_numpy(dtype=bool) if only else np.full(len(known), True)
        for only, known in defined.items()
    }
    return {arm.name: (values[arm.name], defined[arm.only] & counts[arm.only]) for arm in comparison.arms}


def one_arm_only(contrast: Contrast, runs: Mapping[str, results.Run], measured: Measured) -> dict[str, int]:
    """Patients of whom some of the contrast's arms know what others do not; only what is not zero.

    `diagnosed_in_some_arms`: found at death in the others; `defined_in_some_arms`: without a value of the outcome in
    the others, and so left out of the difference.
    """
    names = [arm for arm, _ in contrast.weights]
    diagnosed = [runs[arm].patients.sort_values("patient")["diagnosis_day"].notna().to_numpy(bool) for arm in names]
    defined = [np.isfinite(measured[arm][0]) for arm in names]
    told = {
        name: int((np.any(parts, axis=0) & ~np.all(parts, axis=0)).sum())
        for name, parts in (("diagnosed_in_some_arms", diagnosed), ("defined_in_some_arms", defined))
    }
    return {name: number for name, number in told.items() if number}


def contrast_influence(contrast: Contrast, measured: Measured) -> tuple[float, float]:
    """The contrast of the arms' means and its standard error; nan where an arm has fewer than two patients.

    Each patient's influence is summed over the arms in which they count: arms with the same patients are
    compared in pairs, arms with different patients as independent groups, and all between by the same sum.
    """
    estimate, influence, fewest = 0.0, np.zeros(()), np.inf
    for arm, weight in contrast.weights:
        values, counted = measured[arm]
        fewest = min(fewest, counted.sum())
        if fewest < 2:
            return float("nan"), float("nan")
        mean = values[counted].mean()
        estimate += weight * mean
        influence = influence + weight * np.where(
            counted, (np.where(counted, values, mean) - mean) / counted.sum(), 0.0
        )
    return float(estimate), float(np.sqrt((influence**2).sum() * fewest / (fewest - 1)))


def direction(contrast: Contrast, measured: Measured) -> dict[str, Any]:
    """One expected direction: the difference with its 95 % interval (normal), and whether it was seen.

    With the patients of its smallest arm; seen is one of YES, UNCLEAR, NO, SAME, NONE.
    """
    patients = int(min(measured[arm][1].sum() for arm, _ in contrast.weights))
    return _found(contrast, patients, *contrast_influence(contrast, measured))


def pooled(answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The directions of one question asked with several seeds: cohorts of other patients, so their mean and its error.

    The answers have the same arms, directions and number of patients.
    """
    out = []
    for same in zip(*(answer["directions"] for answer in answers), strict=True):
        contrast = Contrast(same[0]["expected"], (), same[0]["sign"], same[0]["within"])
        patients = sum(found["patients"] for found in same)
        numbers = np.array(
            [[found[key] for key in ("difference", "low", "high")] for found in same], dtype=float
        )  # None: nan
        errors = (numbers[:, 2] - numbers[:, 1]) / (2 * TWO_SIDED_95)
        out.append(_found(contrast, patients, numbers[:, 0].mean(), np.sqrt((errors**2).sum()) / len(same)))
    return out


def _found(contrast: Contrast, patients: int, difference: float, error: float) -> dict[str, Any]:
    half = TWO_SIDED_95 * error
    return found_direction(contrast, patients, difference, difference - half, difference + half)


def found_direction(contrast: Contrast, patients: int, difference: float, low: float, high: float) -> dict[str, Any]:
    """An expected direction, the difference with its 95 % interval, and whether it was seen."""
    return {
        "expected": contrast.text,
        "sign": contrast.sign,
        "within": contrast.within,
        "patients": patients,
        "difference": number_or_none(difference),
        "low": number_or_none(low),
        "high": number_or_none(high),
        "seen": _verdict(contrast, patients, difference, low, high),
    }


def _verdict(contrast: Contrast, patients: int, difference: float, low: float, high: float) -> str:
    if patients < FEWEST_PAIRS or not np.isfinite(low):
        return NONE
    if not contrast.sign:
        inside, outside = max(-low, high) <= contrast.within, min(-low, high) < -contrast.within
        return YES if inside else NO if outside else UNCLEAR
    if difference == low == high == 0.0:
        return SAME
    if low == high:
        return NONE
    return UNCLEAR if low <= 0.0 <= high else YES if contrast.sign * difference > 0 else NO


def logrank_p_values(
    comparison: Question, runs: Mapping[str, results.Run], measured: Measured
) -> list[dict[str, float]]:
    """`logrank_p` of each contrast of two arms where the outcome is of survival, else nothing.

    Mantel's test over the whole follow-up (`sim.analysis.survival.logrank`) takes the arms for independent groups.
    Where they hold the same patients that is cautious: the paired interval is the narrower.
    """
    if comparison.outcome.ends is None:
        return [{} for _ in comparison.contrasts]
    times = {}
    for arm in comparison.arms:
        since = DIAGNOSIS if comparison.outcome.from_diagnosis else REFERENCE
        followed = follow_up(runs[arm.name], comparison.outcome.ends, since=since)
        patients = np.sort(runs[arm.name].patients["patient"].to_numpy())[measured[arm.name][1]]
        times[arm.name] = followed.of(np.isin(followed.patient, patients))
    return [
        {"logrank_p": logrank(times[arms[0]], times[arms[1]]).p_value} if sorted(weights) == [-1, 1] else {}
        for arms, weights in (zip(*contrast.weights, strict=True) for contrast in comparison.contrasts)
    ]


def number_or_none(value: float) -> float | None:
    """JSON has no nan."""
    return float(value) if np.isfinite(value) else None


def arms_told(comparison: Question, measured: Measured) -> list[dict[str, Any]]:
    """A row an arm: who counts, and the mean of the outcome with its 95 % interval."""
    return [_arm(arm, comparison.outcome.unit == SHARE, *measured[arm.name]) for arm in comparison.arms]


def _arm(arm: Arm, share: bool, values: np.ndarray, counted: np.ndarray) -> dict[str, Any]:
    """Mean of an arm with its 95 % interval: Wilson's of a share, else a normal one."""
    n = int(counted.sum())
    mean = float(values[counted].mean()) if n else float("nan")
    half = TWO_SIDED_95 * float(values[counted].std(ddof=1)) / n**0.5 if n > 1 else float("nan")
    low, high = wilson_interval(values[counted].sum(), n) if share else (mean - half, mean + half)
    return {
        "arm": arm.name,
        "only": arm.only,
        "patients": n,
        "mean": number_or_none(mean),
        "low": number_or_none(float(low)),
        "high": number_or_none(float(high)),
    }
