"""The daily arithmetic of the body's signals, one loop over the lanes each.

For one patient it is numpy's fixed price that counts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.numerics.jit import kernel

if TYPE_CHECKING:
    import numpy as np


@kernel
def follow_inflammation(
    lanes: np.ndarray,
    cells: np.ndarray,
    extra: np.ndarray,
    factor: np.ndarray,
    half_cells: np.ndarray,
    exponent: np.ndarray,
    half_power: np.ndarray,
    stat3_factor: np.ndarray,
    saa_decay: np.ndarray,
    niche_decay: np.ndarray,
    niche_taken: np.ndarray,
    il6: np.ndarray,
    stat3: np.ndarray,
    saa: np.ndarray,
    readiness: np.ndarray,
) -> None:
    """Move `il6`, `stat3`, `saa` and `readiness` by a day, in place (see `sim.mechanisms.inflammation`).

    In some `lanes` (numbers); the others are all (lanes,).

    `saa_decay`, `niche_decay` and `niche_taken` are `sim.disease.signals.decay` and `passed_on` of the two time
    constants.
    """
    for lane in lanes:
        il6[lane] = (cells[lane] / (cells[lane] + half_cells[lane]) + extra[lane]) * factor[lane]
        power = il6[lane] ** exponent[lane]
        target = power / (power + half_power[lane]) * stat3_factor[lane]
        readiness[lane] = (
            target + (readiness[lane] - target) * niche_decay[lane] + (saa[lane] - target) * niche_taken[lane]
        )
        saa[lane] = target + (saa[lane] - target) * saa_decay[lane]
        stat3[lane] = target


@kernel
def logistic_share(
    lanes: np.ndarray,
    age_years: np.ndarray,
    half_age_years: np.ndarray,
    width_years: np.ndarray,
    maximum: np.ndarray,
    out: np.ndarray,
) -> None:
    """maximum / (1 + exp(-(age - half age) / width)) in some `lanes` (numbers); the others are all (lanes,)."""
    for lane in lanes:
        steps = (age_years[lane] - half_age_years[lane]) / width_years[lane]
        out[lane] = maximum[lane] / (1.0 + math.exp(-steps))


@kernel
def release_vesicles(
    lanes: np.ndarray,
    age_years: np.ndarray,
    half_age_years: np.ndarray,
    width_years: np.ndarray,
    maximum: np.ndarray,
    senescence_factor: np.ndarray,
    release: np.ndarray,
    vesicle_factor: np.ndarray,
    repression_factor: np.ndarray,
    vesicles: np.ndarray,
    held: np.ndarray,
) -> None:
    """Vesicles of the share that is senescent, and what they leave of PTEN and of LATS2, in place.

    In some `lanes` (numbers); `age_years` to `maximum` are those of `logistic_share`, the others are all (lanes,).
    """
    logistic_share(lanes, age_years, half_age_years, width_years, maximum, vesicles)
    for lane in lanes:
        vesicles[lane] = release[lane] * min(vesicles[lane] * senescence_factor[lane], 1.0) * vesicle_factor[lane]
        held[lane] = 1.0 / (1.0 + vesicles[lane] * repression_factor[lane])


@kernel
def raise_niche(lanes: np.ndarray, rate: np.ndarray, niche: int, gain: np.ndarray, level: np.ndarray) -> None:
    """Multiply a niche's column of `rate` (lanes, niches) by 1 + gain x level, (lanes,), in some `lanes` (numbers)."""
    for lane in lanes:
        rate[lane, niche] *= 1.0 + gain[lane] * level[lane]


@kernel
def raise_shedding(lanes: np.ndarray, rate: np.ndarray, gain: np.ndarray, pten: np.ndarray, lats2: np.ndarray) -> None:
    """Multiply `rate` by 1 + gain x the share of PTEN x LATS2 that is lost; (lanes,), in some `lanes` (numbers)."""
    for lane in lanes:
        rate[lane] *= 1.0 + gain[lane] * (1.0 - pten[lane] * lats2[lane])
