"""Sleeping cells: a cell is looked at only on the day on which it may wake or die.

A sleeper has two absolute thresholds, one on its niche's energy clock and one on its hazard clock. It is due on the
earliest day on which either could be reached if the clocks ran at the promised rates; looked at too early it waits for
another. A niche whose clock outruns its promise breaks it, and its sleepers get new days. Only promising founders have
rows, so there is no calendar: once a week those due within it move to the front, where a day looks through them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.disease.identity import index_of, lane_of, niche_of, source_of
from sim.numerics.elementary import exp, log
from sim.numerics.jit import kernel
from sim.numerics.streams import ASLEEP_DEATH, SLEEP, THRESHOLD, days_word, many_uniforms, tag_word

WOKE, DIED = 1, 2


class SleeperRows(NamedTuple):
    """The columns of `sim.disease.sleepers`, in order: thresholds on both clocks, and the day of the next look."""

    energy: np.ndarray
    hazard: np.ndarray
    identity: np.ndarray
    due: np.ndarray


class SleepLife(NamedTuple):
    """The law of thresholds by lane, (lanes,) each: share of the narrow component, scales (days) and shapes."""

    narrow_share: np.ndarray
    narrow_scale: np.ndarray
    narrow_shape: np.ndarray
    broad_scale: np.ndarray
    broad_shape: np.ndarray


@kernel
def _promised_day(
    day: int, last: int, energy_left: float, energy_rate: float, hazard_left: float, hazard_rate: float
) -> np.int64:
    """First later day on which a threshold can be reached; a hair early, never late."""
    days = np.inf
    if energy_rate > 0.0:
        days = energy_left / energy_rate
    if hazard_rate > 0.0:
        days = min(days, hazard_left / hazard_rate)
    days = math.ceil(days * (1.0 - 1e-12) - 1e-9) if days < 1e9 else 1e9
    return np.int64(min(float(last), day + max(1.0, days)))


@kernel
def _swap(rows: SleeperRows, one: int, other: int) -> None:
    if one != other:
        rows.energy[one], rows.energy[other] = rows.energy[other], rows.energy[one]
        rows.hazard[one], rows.hazard[other] = rows.hazard[other], rows.hazard[one]
        rows.identity[one], rows.identity[other] = rows.identity[other], rows.identity[one]
        rows.due[one], rows.due[other] = rows.due[other], rows.due[one]


@kernel
def _copy(rows: SleeperRows, source: int, target: int) -> None:
    rows.energy[target], rows.hazard[target] = rows.energy[source], rows.hazard[source]
    rows.identity[target], rows.due[target] = rows.identity[source], rows.due[source]


@kernel
def bring_near(rows: SleeperRows, near: int, count: int, before: int) -> int:
    """Move the rows that are due before a day to the front, behind the `near` ones; returns how many are there."""
    for i in range(near, count):
        if rows.due[i] < before:
            _swap(rows, near, i)
            near += 1
    return near


@kernel
def place_cells(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    last: int,
    settled: np.ndarray,
    sleep_chance: np.ndarray,
    life: SleepLife,
    energy_clock: np.ndarray,
    hazard_clock: np.ndarray,
    energy_promise: np.ndarray,
    hazard_promise: np.ndarray,
    sleeping: np.ndarray,
    rows: SleeperRows,
    near: int,
    count: int,
    before: int,
    awake: np.ndarray,
    woke_total: np.ndarray,
    kept: np.ndarray,
) -> tuple[int, int, int]:
    """Place promising founders that `settled` today (identities): asleep in rows from `count` on, or awake in `awake`.

    Returns how many are awake, and how many rows are near (due `before` a day) and in all. `sleeping`, the clocks (at
    the end of today) and the promises are (lanes, niches). A sleeper's energy threshold is a mixture of two Weibull
    components in days of reference feeding (scales and shapes by lane), its life asleep exponential on the hazard
    clock. `kept`, when it has rows, takes each cell's identity, and its threshold in 1/1024 day doubled, plus one if it
    sleeps.
    """
    narrow_share, narrow_scale, narrow_shape, broad_scale, broad_shape = life
    most = n = settled.size
    days = np.full(most, days_word(day, 0))
    identity = settled.copy()
    who, index, tag = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.uint64)
    for i in range(n):
        ident = identity[i]
        who[i] = np.uint64(patient[lane_of(ident)])
        index[i] = np.uint64(index_of(ident))
        tag[i] = tag_word(SLEEP, niche_of(ident), source_of(ident))
    first, second = np.empty(most), np.empty(most)
    many_uniforms(key, who, index, days, tag, first, second)
    keep = kept.shape[0] > 0
    n_awake = 0
    n_asleep = 0
    narrow = np.empty(most, np.bool_)
    step = tag_word(THRESHOLD, 0, 0) - tag_word(SLEEP, 0, 0)
    for i in range(n):
        ident = identity[i]
        lane, niche = lane_of(ident), niche_of(ident)
        asleep = first[i] < sleep_chance[lane, niche]
        if keep:
            kept[i, 0] = ident
            kept[i, 1] = np.uint64(asleep)
        if asleep:
            sleeping[lane, niche] += 1
            narrow[n_asleep] = second[i] < narrow_share[lane]
            identity[n_asleep], who[n_asleep], index[n_asleep] = ident, who[i], index[i]
            tag[n_asleep] = tag[i] + step
            n_asleep += 1
        else:
            awake[n_awake] = ident
            n_awake += 1
            woke_total[lane, niche] += 1
    energy, hazard, spare = np.empty(n_asleep), np.empty(n_asleep), np.empty(n_asleep)
    many_uniforms(key, who[:n_asleep], index[:n_asleep], days[:n_asleep], tag[:n_asleep], energy, spare)
    tag[:n_asleep] += tag_word(ASLEEP_DEATH, 0, 0) - tag_word(THRESHOLD, 0, 0)
    many_uniforms(key, who[:n_asleep], index[:n_asleep], days[:n_asleep], tag[:n_asleep], hazard, spare)
    scale, root = first, second  # their draws are used up
    for i in range(n_asleep):
        lane = lane_of(identity[i])
        scale[i] = narrow_scale[lane] if narrow[i] else broad_scale[lane]
        root[i] = 1.0 / (narrow_shape[lane] if narrow[i] else broad_shape[lane])
    for i in range(n_asleep):
        energy[i] = scale[i] * exp(root[i] * log(-log(energy[i])))
        hazard[i] = -log(hazard[i])
    if keep:
        asleep_row = 0
        for i in range(n):
            if kept[i, 1] > 0:
                kept[i, 1] += np.uint64(np.int64(energy[asleep_row] * 1024.0)) * np.uint64(2)
                asleep_row += 1
    for i in range(n_asleep):
        lane, niche = lane_of(identity[i]), niche_of(identity[i])
        rows.due[count] = _promised_day(
            day, last, energy[i], energy_promise[lane, niche], hazard[i], hazard_promise[lane, niche]
        )
        rows.energy[count] = energy_clock[lane, niche] + energy[i]
        rows.hazard[count] = hazard_clock[lane, niche] + hazard[i]
        rows.identity[count] = identity[i]
        if rows.due[count] < before:
            _swap(rows, near, count)
            near += 1
        count += 1
    return n_awake, near, count


@kernel
def wake_cells(
    day: int,
    last: int,
    alive: np.ndarray,
    energy_before: np.ndarray,
    feeding: np.ndarray,
    hazard_before: np.ndarray,
    hazard_rate: np.ndarray,
    energy_promise: np.ndarray,
    hazard_promise: np.ndarray,
    sleeping: np.ndarray,
    woke_total: np.ndarray,
    died_total: np.ndarray,
    rows: SleeperRows,
    near: int,
    count: int,
    before: int,
    woken: np.ndarray,
    died: np.ndarray,
) -> tuple[int, int, int, int]:
    """Look at the `near` sleepers that are due: wake them, bury them, or let them wait for another day.

    When both thresholds are reached on the same day, the one reached at the smaller fraction of the
    day decides. Returns how many woke and how many died (identities in `woken`, `died`), how many rows are near
    and in all. Sleepers of patients who are dead or censored are dropped without a count: their tally stands.
    """
    n_woken = 0
    n_died = 0
    i = 0
    while i < near:
        if rows.due[i] > day:
            i += 1
            continue
        identity = rows.identity[i]
        lane, niche = lane_of(identity), niche_of(identity)
        if alive[lane]:
            energy_left = rows.energy[i] - energy_before[lane, niche]
            hazard_left = rows.hazard[i] - hazard_before[lane, niche]
            wakes = energy_left <= feeding[lane, niche]
            dies = hazard_left <= hazard_rate[lane, niche]
            if wakes and dies:
                wakes = energy_left * hazard_rate[lane, niche] <= hazard_left * feeding[lane, niche]
            if wakes:
                sleeping[lane, niche] -= 1
                woke_total[lane, niche] += 1
                woken[n_woken] = identity
                n_woken += 1
            elif dies:
                sleeping[lane, niche] -= 1
                died_total[lane, niche] += 1
                died[n_died] = identity
                n_died += 1
            else:
                rows.due[i] = _promised_day(
                    day,
                    last,
                    energy_left - feeding[lane, niche],
                    energy_promise[lane, niche],
                    hazard_left - hazard_rate[lane, niche],
                    hazard_promise[lane, niche],
                )
                if rows.due[i] >= before:
                    near -= 1
                    _swap(rows, i, near)
                else:
                    i += 1
                continue
        near -= 1
        count -= 1
        _copy(rows, near, i)
        _copy(rows, count, near)
    return n_woken, n_died, near, count


@kernel
def renew_promises(
    feeding: np.ndarray,
    hazard_rate: np.ndarray,
    energy_promise: np.ndarray,
    hazard_promise: np.ndarray,
    headroom: float,
    broken: np.ndarray,
) -> int:
    """Where a rate exceeds its promise, raise the promises of that lane to `headroom` times today's rates.

    Fills `broken` (lanes,) bool; returns how many lanes did.
    """
    lanes = 0
    for lane in range(feeding.shape[0]):
        broken[lane] = False
        for niche in range(feeding.shape[1]):
            broken[lane] |= feeding[lane, niche] > energy_promise[lane, niche]
            broken[lane] |= hazard_rate[lane, niche] > hazard_promise[lane, niche]
        if broken[lane]:
            lanes += 1
            for niche in range(feeding.shape[1]):
                energy_promise[lane, niche] = max(energy_promise[lane, niche], headroom * feeding[lane, niche])
                hazard_promise[lane, niche] = max(hazard_promise[lane, niche], headroom * hazard_rate[lane, niche])
    return lanes


@kernel
def promise_again(
    day: int,
    last: int,
    broken: np.ndarray,
    energy_clock: np.ndarray,
    hazard_clock: np.ndarray,
    energy_promise: np.ndarray,
    hazard_promise: np.ndarray,
    rows: SleeperRows,
    near: int,
    count: int,
    before: int,
) -> int:
    """On the morning of `day`, new days for the sleepers of `broken` lanes; returns how many rows are near."""
    for i in range(count):
        lane = lane_of(rows.identity[i])
        if broken[lane]:
            niche = niche_of(rows.identity[i])
            rows.due[i] = _promised_day(
                day - 1,
                last,
                rows.energy[i] - energy_clock[lane, niche],
                energy_promise[lane, niche],
                rows.hazard[i] - hazard_clock[lane, niche],
                hazard_promise[lane, niche],
            )
    return bring_near(rows, near, count, before)
