"""Colonies while they are small: the linear birth-death process, stepped exactly.

With birth b and death d constant over a day, one cell's descendants after it follow a zero-modified
geometric law (Kendall 1948). With m = exp(b - d) and q = b (1 - exp(-(b - d))) / (b - d) its generating
function satisfies 1/(1 - G(s)) = 1/(m (1 - s)) + q, so days compose by M = m1 m2 and Q = q1 + q2 / m1.
From M and Q: survival 1/(1/M + Q), and each surviving line has a geometric number of cells with
ratio Q x survival. Rates may differ from day to day; the step is exact all the same.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.disease.birth_death import STEP_DAYS, paced_week
from sim.disease.identity import day_of, index_of, lane_of, niche_of, source_of
from sim.numerics.elementary import cosine_of_turns, exp, log
from sim.numerics.jit import inlined, kernel
from sim.numerics.samplers import binomial_from, negative_binomial_from
from sim.numerics.streams import (
    CLEARED,
    OFFSPRING,
    OFFSPRING_SHAPE,
    SURVIVORS,
    SWITCH,
    days_word,
    exponential,
    many_uniforms,
    tag_word,
    uniform,
)

WAS_GROWN = 128
"""Trait of a colony in a byte: it had grown before a treatment made it small. The low bits are the drugs it resists."""


class SmallColonies(NamedTuple):
    """The columns of the small colonies, an entry a row (the first `count` are filled)."""

    cells: np.ndarray
    identity: np.ndarray
    since: np.ndarray
    woke: np.ndarray
    traits: np.ndarray
    pace: np.ndarray


class Week(NamedTuple):
    """A week composed day by day, as far as each: see `sim.disease.colonies.ColonyLaw`.

    `growth` and `spread` are (classes, STEP_DAYS + 1, lanes, niches), `clearance` (STEP_DAYS + 1, lanes, niches).
    """

    growth: np.ndarray
    spread: np.ndarray
    clearance: np.ndarray


@kernel
def step_colonies(
    key: np.uint64,
    patient: np.ndarray,
    alive: np.ndarray,
    day: int,
    start: int,
    count: int,
    small: SmallColonies,
    week: Week,
    paced: bool,
    birth: np.ndarray,
    death: np.ndarray,
    certain_cells: np.ndarray,
    colonies: np.ndarray,
    extinct_total: np.ndarray,
    grown_at: np.ndarray,
    grown_cells: np.ndarray,
    grown_pace: np.ndarray,
    gone: np.ndarray,
) -> tuple[int, int, int]:
    """Step all small colonies to the end of the week that `day` ends; returns how many are left, grown, gone.

    `start` is the day on which this week began; a colony that joined within it is stepped for its own
    part. `growth` and `spread` have a leading axis of classes: the drugs that a colony resists (the low bits of its
    `traits`) choose its class. Where colonies have a `pace` of their own (`paced`), their `birth` and `death` (lanes,
    niches) go that many times as fast, and the day's doses, read from `growth`, stay. `clearance` (STEP_DAYS + 1,
    lanes, niches) is the accumulated hazard of a whole colony's being cleared. Colonies that reached `certain_cells`
    (lanes, niches) leave for deterministic growth (their identity, waking day, traits, size and pace go to `grown_at`,
    `grown_cells`, `grown_pace`), extinct ones leave with their identity and traits in `gone` and a count in
    `extinct_total`.
    """
    cells, identity, since, woke, traits, pace = small
    growth, spread, clearance = week
    classes = growth.shape[0]
    survival, ratio, first, second = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    who, index = np.empty(count, np.uint64), np.empty(count, np.uint64)
    days, tag = np.empty(count, np.uint64), np.empty(count, np.uint64)
    for i in range(count):
        ident = identity[i]
        lane, niche = lane_of(ident), niche_of(ident)
        joined = max(since[i] - start, 0)
        kind = np.int64(traits[i]) & (classes - 1)
        before = growth[kind, joined, lane, niche]
        m = growth[kind, STEP_DAYS, lane, niche] / before
        q = (spread[kind, STEP_DAYS, lane, niche] - spread[kind, joined, lane, niche]) * before
        if paced and pace[i] != 1.0:
            shared = growth[kind, :, lane, niche]
            m, q = paced_week(joined, pace[i], birth[lane, niche], death[lane, niche], shared)
        survival[i] = 1.0 / (1.0 / m + q)
        ratio[i] = q * survival[i]
        who[i], index[i] = np.uint64(patient[lane]), np.uint64(index_of(ident))
        days[i], tag[i] = days_word(day_of(ident), day), tag_word(SURVIVORS, niche, source_of(ident))
    many_uniforms(key, who, index, days, tag, first, second)
    lines = np.empty(count, np.int64)
    row = np.empty(count, np.int64)
    n = 0
    for i in range(count):
        lines[i] = binomial_from(first[i], second[i], cells[i], survival[i], key, who[i], index[i], days[i], tag[i])
        if lines[i] > 0:
            row[n] = i
            who[n], index[n], days[n], tag[n] = who[i], index[i], days[i], tag[i]
            n += 1
    tag[:n] += tag_word(OFFSPRING, 0, 0) - tag_word(SURVIVORS, 0, 0)
    many_uniforms(key, who[:n], index[:n], days[:n], tag[:n], first, second)
    shape_tag = tag[:n] - (tag_word(OFFSPRING, 0, 0) - tag_word(OFFSPRING_SHAPE, 0, 0))
    normal, accept, spare = np.empty(n), np.empty(n), np.empty(n)
    many_uniforms(key, who[:n], index[:n], days[:n], shape_tag, normal, spare)
    for j in range(n):
        normal[j] = math.sqrt(-2.0 * log(normal[j])) * cosine_of_turns(spare[j])
    many_uniforms(key, who[:n], index[:n], days[:n], shape_tag + np.uint64(1), accept, spare)
    for j in range(n):
        i = row[j]
        lines[i] += negative_binomial_from(
            first[j],
            second[j],
            normal[j],
            accept[j],
            lines[i],
            ratio[i],
            key,
            who[j],
            index[j],
            days[j],
            shape_tag[j],
            tag[j],
        )
    left = 0
    n_grown = 0
    n_gone = 0
    for i in range(count):
        ident = identity[i]
        lane = lane_of(ident)
        if not alive[lane]:
            if traits[i] & WAS_GROWN:  # it has a row in the tables, with its last size
                cells[left], identity[left], since[left] = cells[i], ident, since[i]
                woke[left], traits[left], pace[left] = woke[i], traits[i], pace[i]
                left += 1
            continue
        niche = niche_of(ident)
        size = lines[i]
        hazard = 0.0
        if size > 0:
            joined = max(since[i] - start, 0)
            hazard = clearance[STEP_DAYS, lane, niche] - clearance[joined, lane, niche]
        if hazard > 0.0 and uniform(
            key,
            patient[lane],
            index_of(ident),
            days_word(day_of(ident), day),
            tag_word(CLEARED, niche, source_of(ident)),
        ) < -math.expm1(-hazard):
            size = np.int64(0)
        if size == 0:
            extinct_total[lane, niche] += 1
            colonies[lane, niche] -= 1
            gone[n_gone, 0] = ident
            gone[n_gone, 1] = np.uint64(traits[i])
            n_gone += 1
        elif size >= certain_cells[lane, niche]:
            colonies[lane, niche] -= 1
            grown_at[n_grown, 0] = ident
            grown_at[n_grown, 1] = np.uint64(woke[i])
            grown_at[n_grown, 2] = np.uint64(traits[i])
            grown_cells[n_grown] = size
            grown_pace[n_grown] = pace[i]
            n_grown += 1
        else:
            cells[left], identity[left], since[left] = size, ident, since[i]
            woke[left], traits[left], pace[left] = woke[i], traits[i], pace[i]
            left += 1
    return left, n_grown, n_gone


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


@kernel
def cells_by_niche(count: int, cells: np.ndarray, identity: np.ndarray, alive: np.ndarray, out: np.ndarray) -> None:
    """Add the small colonies' cells to `out` (lanes, niches), float64."""
    for i in range(count):
        lane = lane_of(identity[i])
        if alive[lane]:
            out[lane, niche_of(identity[i])] += cells[i]


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
    `large_log_cells` (lanes,) on, in `large`. All add to `burden`.
    """
    early, limit, gap, late = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    for i in range(count):
        lane, niche = lane_of(identity[i]), niche_of(identity[i])
        early[i], limit[i], gap[i], late[i] = (
            early_rate[lane, niche] * pace[i],
            limit_log_cells[lane],
            limit_gap[lane],
            gompertz_rate[lane, niche] * pace[i],
        )
    log_cells, size = np.empty(count), np.empty(count)
    for i in range(count):
        log_cells[i] = grown_log_cells(
            day - start_day[i], start_log_cells[i], delay[i], early[i], limit[i], gap[i], late[i]
        )
        size[i] = exp(log_cells[i])
    for i in range(count):
        lane = lane_of(identity[i])
        if not alive[lane]:
            continue
        niche = niche_of(identity[i])
        if log_cells[i] < small_log_cells:
            young_cells[lane, niche] += size[i]
        elif log_cells[i] < large_log_cells[lane]:
            small[lane, niche] += 1
        else:
            large[lane, niche] += 1
        burden[lane, niche] += size[i]
