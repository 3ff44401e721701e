"""Hazard ratios between arms, with errors that know which patients are the same.

A patient's influence on a log hazard ratio is the row of Cox's score residuals times the inverse information; the same
patient's influences in several arms are summed before they are squared (Lin and Wei 1989, J Am Stat Assoc
84:1074-1078, clustered by patient), so that pairs are pairs and groups are groups.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim.analysis.cox import cox
from sim.analysis.survival import TimesToEvent
from sim.errors import InputError
from sim.scenario.expectations import Contrast

Times = Mapping[str, TimesToEvent]
"""By arm, those who count."""
EFFECT = "effect"
"""Stands for an arm where a contrast has become one number a patient."""


def cox_influence(time: np.ndarray, happened: np.ndarray, covariates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log hazard ratios (covariates,), and the influence of each row on them (rows, covariates).

    Arguments and refusals (nan) as for `sim.analysis.cox.cox`, ties after Breslow.
    """
    beta, _ = cox(time, happened, covariates)
    rows, number = covariates.shape
    if not np.isfinite(beta).all():
        return beta, np.full((rows, number), np.nan)
    order = np.argsort(time, kind="stable")
    t, event = time[order], happened[order]
    x = covariates[order] - covariates.mean(axis=0)
    weight = np.exp(x @ beta)

    def at_risk(part: np.ndarray) -> np.ndarray:
        return np.cumsum(part[::-1], axis=0)[::-1]

    start = np.searchsorted(t, t)  # the first row of those with the same time: who is at risk begins there
    total = at_risk(weight)[start]
    mean = at_risk(weight[:, None] * x)[start] / total[:, None]
    square = at_risk(weight[:, None, None] * (x[:, :, None] * x[:, None, :]))[start] / total[:, None, None]
    information = (square - mean[:, :, None] * mean[:, None, :])[event].sum(axis=0)
    step, part = np.where(event, 1.0 / total, 0.0), np.where(event[:, None], mean / total[:, None], 0.0)
    end = np.searchsorted(t, t, side="right") - 1  # events of one's own day count in full
    hazard, weighed = np.cumsum(step)[end], np.cumsum(part, axis=0)[end]
    score = np.where(event[:, None], x - mean, 0.0) - weight[:, None] * (x * hazard[:, None] - weighed)
    influence = np.empty_like(score)
    influence[order] = score @ np.linalg.inv(information)
    return beta, influence


def hazard_influence(
    contrast: Contrast, times: Times, conditions: Mapping[str, str | None]
) -> tuple[float, np.ndarray, np.ndarray]:
    """A contrast of log hazards: its value, patients (patients,) who count, and their influences (patients,).

    Arms of one condition (`conditions`, by arm) form a stratum with a baseline of its own, wherever the contrast
    compares arms within each; else all arms share one. nan where a stratum has no events to compare. Raises InputError
    where the weights of a stratum do not sum to zero: a hazard alone is no ratio.
    """
    weights = dict(contrast.weights)
    if sum(weights.values()):
        raise InputError(
            f'comparison: expect: found "{contrast.text}" with an outcome of hazard; allowed: arms compared in equal '
            "number, such as a < b, or a - b < c - d"
        )
    strata: dict[str | None, list[str]] = {}
    for arm in weights:
        strata.setdefault(conditions[arm], []).append(arm)
    if any(sum(weights[arm] for arm in arms) for arms in strata.values()):
        strata = {None: list(weights)}
    patients = np.unique(np.concatenate([times[arm].patient for arm in weights]))
    value, influence = 0.0, np.zeros(len(patients))
    for arms in strata.values():
        lengths = [len(times[arm]) for arm in arms]
        x = np.zeros((sum(lengths), len(arms) - 1))
        ends = np.cumsum([0, *lengths])
        for place in range(1, len(arms)):
            x[ends[place] : ends[place + 1], place - 1] = 1.0
        parts = [times[arm] for arm in arms]
        beta, rows = cox_influence(
            np.concatenate([p.days for p in parts]), np.concatenate([p.happened for p in parts]), x
        )
        along = np.array([weights[arm] for arm in arms[1:]], dtype=float)
        value += float(beta @ along)
        np.add.at(influence, np.searchsorted(patients, np.concatenate([p.patient for p in parts])), rows @ along)
    return value, patients, influence


def hazard_contrast(contrast: Contrast, times: Times, conditions: Mapping[str, str | None]) -> tuple[float, float, int]:
    """As `hazard_influence`: value, standard error by patient, and the patients of the smallest arm."""
    value, patients, influence = hazard_influence(contrast, times, conditions)
    n = max(len(patients), 2)
    return (
        value,
        float(np.sqrt((influence**2).sum() * n / (n - 1))),
        min(len(times[arm]) for arm, _ in contrast.weights),
    )


def pseudo_values(
    contrast: Contrast, times: Times, conditions: Mapping[str, str | None], everybody: np.ndarray
) -> tuple[Contrast, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """A contrast of hazards as the mean of one number a patient: the value of all plus the patients times an influence.

    For `everybody` (patients,), ascending: the numbers (nan for those who do not count), and who counts. The mean over
    some of the patients is, to first order, the contrast in these alone.
    """
    value, patients, influence = hazard_influence(contrast, times, conditions)
    pseudo = np.full(len(everybody), np.nan)
    pseudo[np.searchsorted(everybody, patients)] = value + len(patients) * influence
    one = Contrast(contrast.text, ((EFFECT, 1),), contrast.sign, contrast.within)
    return one, {EFFECT: (pseudo, np.isfinite(pseudo))}
