"""The daily arithmetic of the body's signals, one loop over the lanes each: for one patient it is numpy's fixed price that counts."""

from __future__ import annotations

import math

from sim.numerics.jit import kernel


@kernel
def follow_inflammation(
    cells,
    extra,
    factor,
    half_cells,
    exponent,
    half_power,
    stat3_factor,
    saa_decay,
    niche_decay,
    niche_taken,
    il6,
    stat3,
    saa,
    readiness,
):
    """Move `il6`, `stat3`, `saa` and `readiness` by a day, in place (see `sim.mechanisms.inflammation`); all (lanes,).

    `saa_decay`, `niche_decay` and `niche_taken` are `sim.disease.signals.decay` and `passed_on` of the two time constants.
    """
    for lane in range(cells.size):
        il6[lane] = (cells[lane] / (cells[lane] + half_cells[lane]) + extra[lane]) * factor[lane]
        power = il6[lane] ** exponent[lane]
        target = power / (power + half_power[lane]) * stat3_factor[lane]
        readiness[lane] = (
            target + (readiness[lane] - target) * niche_decay[lane] + (saa[lane] - target) * niche_taken[lane]
        )
        saa[lane] = target + (saa[lane] - target) * saa_decay[lane]
        stat3[lane] = target


@kernel
def logistic_share(age_years, half_age_years, width_years, maximum, out):
    """maximum / (1 + exp(-(age - half age) / width)); all (lanes,)."""
    for lane in range(age_years.size):
        steps = (age_years[lane] - half_age_years[lane]) / width_years[lane]
        out[lane] = maximum[lane] / (1.0 + math.exp(-steps))


@kernel
def release_vesicles(senescent, senescence_factor, release, vesicle_factor, repression_factor, vesicles, held):
    """Vesicles of the `senescent` share, and what they leave of PTEN and of LATS2, in place; all (lanes,)."""
    for lane in range(senescent.size):
        vesicles[lane] = release[lane] * min(senescent[lane] * senescence_factor[lane], 1.0) * vesicle_factor[lane]
        held[lane] = 1.0 / (1.0 + vesicles[lane] * repression_factor[lane])


@kernel
def raise_niche(rate, niche, gain, level):
    """Multiply one niche's column of `rate` (lanes, niches) by 1 + gain x level, (lanes,) each."""
    for lane in range(gain.size):
        rate[lane, niche] *= 1.0 + gain[lane] * level[lane]


@kernel
def raise_shedding(rate, gain, pten, lats2):
    """Multiply `rate` by 1 + gain x the share of PTEN x LATS2 that is lost; all (lanes,)."""
    for lane in range(rate.size):
        rate[lane] *= 1.0 + gain[lane] * (1.0 - pten[lane] * lats2[lane])
