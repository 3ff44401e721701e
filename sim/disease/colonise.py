"""Deterministic growth of colonies: exponential to the avascular limit, at rest there, then Gompertz."""

from __future__ import annotations

import math

import numpy as np

from sim.disease.identity import day_of, index_of, lane_of, niche_of, source_of
from sim.numerics.elementary import exp
from sim.numerics.jit import inlined, kernel
from sim.numerics.streams import SWITCH, days_word, exponential, tag_word

_BLOCK = 256
"""Colonies at once: their columns stay in the processor's nearest memory."""


@kernel
def switch_delays(key: np.uint64, patient: np.ndarray, identity: np.ndarray, mean_days: np.ndarray) -> np.ndarray:
    """Days that each colony rests at the avascular limit: exponential with mean `mean_days` (lanes,)."""
    out = np.zeros(identity.size)
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        if mean_days[lane] > 0.0:
            out[i] = mean_days[lane] * exponential(
                key,
                patient[lane],
                index_of(ident),
                days_word(day_of(ident), 0),
                tag_word(SWITCH, niche_of(ident), source_of(ident)),
            )
    return out


@inlined
def grown_log_cells(
    days: float,
    start_log_cells: float,
    delay: float,
    early_rate: float,
    limit_log_cells: float,
    limit_gap: float,
    gompertz_rate: float,
) -> float:
    """log cells of a deterministic colony `days` after its start; without branches, for loops over many.

    Exponential to the avascular limit, at rest there for `delay` days, then Gompertz.
    """
    early = start_log_cells + early_rate * days
    late_days = max(0.0, (early - limit_log_cells) / early_rate - delay)
    late = limit_log_cells + limit_gap * (1.0 - exp(-gompertz_rate * late_days))
    return early if early <= limit_log_cells else late


@kernel
def grown_days_to(
    log_cells: float,
    start_log_cells: float,
    delay: float,
    early_rate: float,
    limit_log_cells: float,
    limit_gap: float,
    gompertz_rate: float,
) -> float:
    """Days from its start until a deterministic colony has `log_cells`; infinite if it never does."""
    if log_cells <= start_log_cells:
        return 0.0
    if log_cells <= limit_log_cells:
        return (log_cells - start_log_cells) / early_rate
    left = 1.0 - (log_cells - limit_log_cells) / limit_gap
    if left <= 0.0:
        return np.inf
    late_days = -math.log(left) / gompertz_rate
    return max(0.0, (limit_log_cells - start_log_cells) / early_rate) + delay + late_days


@kernel
def grown_sizes(
    day: np.ndarray,
    start_day: np.ndarray,
    start_log_cells: np.ndarray,
    delay: np.ndarray,
    early_rate: np.ndarray,
    limit_log_cells: np.ndarray,
    limit_gap: np.ndarray,
    gompertz_rate: np.ndarray,
) -> np.ndarray:
    """Cells of deterministic colonies on their days; all arguments (colonies,)."""
    out = np.empty(day.size)
    for i in range(day.size):
        out[i] = exp(
            grown_log_cells(
                day[i] - start_day[i],
                start_log_cells[i],
                delay[i],
                early_rate[i],
                limit_log_cells[i],
                limit_gap[i],
                gompertz_rate[i],
            )
        )
    return out


@kernel
def grown_reach_days(
    log_cells: np.ndarray,
    start_day: np.ndarray,
    start_log_cells: np.ndarray,
    delay: np.ndarray,
    early_rate: np.ndarray,
    limit_log_cells: np.ndarray,
    limit_gap: np.ndarray,
    gompertz_rate: np.ndarray,
) -> np.ndarray:
    """Day on which deterministic colonies reach `log_cells`; all arguments (colonies,)."""
    out = np.empty(start_day.size)
    for i in range(start_day.size):
        out[i] = start_day[i] + grown_days_to(
            log_cells[i],
            start_log_cells[i],
            delay[i],
            early_rate[i],
            limit_log_cells[i],
            limit_gap[i],
            gompertz_rate[i],
        )
    return out


@kernel
def grown_by_niche(
    day: float,
    count: int,
    identity: np.ndarray,
    start_day: np.ndarray,
    start_log_cells: np.ndarray,
    delay: np.ndarray,
    pace: np.ndarray,
    early_rate: np.ndarray,
    limit_log_cells: np.ndarray,
    limit_gap: np.ndarray,
    gompertz_rate: np.ndarray,
    living: np.ndarray,
    alive: np.ndarray,
    small_log_cells: float,
    large_log_cells: np.ndarray,
    young_cells: np.ndarray,
    small: np.ndarray,
    large: np.ndarray,
    burden: np.ndarray,
) -> None:
    """Size of every deterministic colony at the start of `day`, summed by lane and niche.

    Rates are by lane and niche, times a colony's own `pace`, limits by lane, `limit_gap` = log(capacity / limit).
    Colonies below `small_log_cells` add their cells to `young_cells`; the others are counted in `small` or, from
    `large_log_cells` (lanes,) on, in `large`. All add to `burden`. The sums are set in `living` lanes (numbers), which
    are those `alive` (bool).
    """
    for lane in living:
        young_cells[lane, :], small[lane, :], large[lane, :], burden[lane, :] = 0.0, 0, 0, 0.0
    lanes, niches = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    days, start_cells, rest = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    early, limit, gap, late = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    log_cells, size = np.empty(_BLOCK), np.empty(_BLOCK)
    i = 0
    while i < count:
        n = 0
        while n < _BLOCK and i < count:  # those of ended lanes are passed over
            lane, niche = lane_of(identity[i]), niche_of(identity[i])
            if alive[lane]:
                lanes[n], niches[n] = lane, niche
                days[n], start_cells[n], rest[n] = day - start_day[i], start_log_cells[i], delay[i]
                early[n], late[n] = early_rate[lane, niche] * pace[i], gompertz_rate[lane, niche] * pace[i]
                limit[n], gap[n] = limit_log_cells[lane], limit_gap[lane]
                n += 1
            i += 1
        for k in range(n):
            log_cells[k] = grown_log_cells(days[k], start_cells[k], rest[k], early[k], limit[k], gap[k], late[k])
            size[k] = exp(log_cells[k])
        for k in range(n):
            lane, niche = lanes[k], niches[k]
            is_young, is_large = log_cells[k] < small_log_cells, log_cells[k] >= large_log_cells[lane]
            young_cells[lane, niche] += size[k] if is_young else 0.0
            small[lane, niche] += not (is_young or is_large)
            large[lane, niche] += is_large and not is_young
            burden[lane, niche] += size[k]
