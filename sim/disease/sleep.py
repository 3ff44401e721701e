"""Sleeping cells in a calendar: a cell is looked at only on the day on which it may wake or die.

A sleeper has two absolute thresholds, one on its niche's energy clock and one on its hazard clock.
It is filed under the earliest day on which either could be reached if the clocks ran at the promised
rates; looked at too early it is filed again. A niche whose clock outruns its promise breaks it, and
its sleepers are filed anew. Days are lists of blocks of 16 records, with a free list.
"""

from __future__ import annotations

import math

import numpy as np

from sim.disease.identity import index_of, lane_of, niche_of, source_of
from sim.numerics.elementary import exp, log
from sim.numerics.jit import kernel
from sim.numerics.streams import ASLEEP_DEATH, SLEEP, THRESHOLD, days_word, many_uniforms, tag_word

BLOCK = 16
SLEEPER = np.dtype([("energy", np.float64), ("hazard", np.float64), ("identity", np.uint64)])
"""A record of the calendar, in one piece: to file a sleeper is to touch one place of a memory far larger than the caches."""
FREE, USED, LOOKS = 0, 1, 2  # positions in `state`: free blocks on the list, blocks ever used, looks taken
WOKE, DIED = 1, 2


@kernel
def _file(n, when, at, energy, hazard, identity, head, filed, block_next, block_count, free, state, sleepers):
    """File n records under their days. Two loops on purpose: finding a place reads the block lists, and a
    processor that has just stored records elsewhere would wait with every such read (ten times slower).
    """
    for i in range(n):
        day = when[i]
        block = head[day]
        if block < 0 or block_count[block] == BLOCK:
            if state[FREE] > 0:
                state[FREE] -= 1
                fresh = np.int64(free[state[FREE]])
            else:
                fresh = state[USED]
                state[USED] += 1
            block_next[fresh] = block
            block_count[fresh] = 0
            head[day] = fresh
            block = fresh
        at[i] = np.int64(block) * BLOCK + block_count[block]
        block_count[block] += 1
        filed[day] += 1
    for i in range(n):
        record = sleepers[at[i]]
        record["energy"] = energy[i]
        record["hazard"] = hazard[i]
        record["identity"] = identity[i]


@kernel
def _promised_day(day, last, energy_left, energy_rate, hazard_left, hazard_rate):
    """First later day on which a threshold can be reached; a hair early, never late."""
    days = np.inf
    if energy_rate > 0.0:
        days = energy_left / energy_rate
    if hazard_rate > 0.0:
        days = min(days, hazard_left / hazard_rate)
    days = math.ceil(days * (1.0 - 1e-12) - 1e-9) if days < 1e9 else 1e9
    return np.int64(min(float(last), day + max(1.0, days)))


@kernel
def place_cells(
    key,
    patient,
    day,
    last,
    settled,
    sleep_chance,
    narrow_share,
    narrow_scale,
    narrow_shape,
    broad_scale,
    broad_shape,
    energy_clock,
    hazard_clock,
    energy_promise,
    hazard_promise,
    sleeping,
    head,
    filed,
    block_next,
    block_count,
    free,
    state,
    sleepers,
    awake,
    woke_total,
    kept,
):
    """Place promising founders that `settled` today (identities): asleep in the calendar, or awake in `awake`; returns how many are awake.

    `sleeping`, the clocks (at the end of today) and the promises are (lanes, niches). A sleeper's
    energy threshold is a mixture of two Weibull components in days of reference feeding (scales and
    shapes by lane), its life asleep exponential on the hazard clock. `kept`, when it has rows, takes each
    cell's identity, and its threshold in 1/1024 day doubled, plus one if it sleeps.
    """
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
    when, at = np.empty(n_asleep, np.int64), np.empty(n_asleep, np.int64)
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
        when[i] = _promised_day(
            day, last, energy[i], energy_promise[lane, niche], hazard[i], hazard_promise[lane, niche]
        )
        energy[i] += energy_clock[lane, niche]
        hazard[i] += hazard_clock[lane, niche]
    _file(n_asleep, when, at, energy, hazard, identity, head, filed, block_next, block_count, free, state, sleepers)
    return n_awake


@kernel
def wake_cells(
    day,
    last,
    alive,
    energy_before,
    feeding,
    hazard_before,
    hazard_rate,
    energy_promise,
    hazard_promise,
    sleeping,
    woke_total,
    died_total,
    head,
    filed,
    block_next,
    block_count,
    free,
    state,
    sleepers,
    woken,
    died,
):
    """Look at the sleepers filed under today: wake them, bury them, or file them again.

    When both thresholds are reached on the same day, the one reached at the smaller fraction of the
    day decides. Returns the number woken and the number that died (identities in `woken`, `died`).
    Sleepers of patients who are dead or censored are dropped without a count: their tally stands.
    """
    n_woken = 0
    n_died = 0
    n_kept = 0
    most = woken.size
    kept_energy, kept_hazard, kept_identity = np.empty(most), np.empty(most), np.empty(most, np.uint64)
    when, at = np.empty(most, np.int64), np.empty(most, np.int64)
    block = head[day]
    head[day] = -1
    filed[day] = 0
    n = 0
    while (
        block >= 0
    ):  # fetched before anything is decided: a wrong guess would throw away what is on its way from memory
        for i in range(block * BLOCK, block * BLOCK + block_count[block]):
            record = sleepers[i]
            kept_energy[n], kept_hazard[n], kept_identity[n] = record["energy"], record["hazard"], record["identity"]
            n += 1
        block_count[block] = 0  # who walks through all blocks must not meet stale records
        free[state[FREE]] = block
        state[FREE] += 1
        block = block_next[block]
    state[LOOKS] += n
    for i in range(n):
        energy, hazard, identity = kept_energy[i], kept_hazard[i], kept_identity[i]
        lane = lane_of(identity)
        if not alive[lane]:
            continue
        niche = niche_of(identity)
        energy_left = energy - energy_before[lane, niche]
        hazard_left = hazard - hazard_before[lane, niche]
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
            when[n_kept] = _promised_day(
                day,
                last,
                energy_left - feeding[lane, niche],
                energy_promise[lane, niche],
                hazard_left - hazard_rate[lane, niche],
                hazard_promise[lane, niche],
            )
            kept_energy[n_kept], kept_hazard[n_kept], kept_identity[n_kept] = energy, hazard, identity
            n_kept += 1
    _file(
        n_kept,
        when,
        at,
        kept_energy,
        kept_hazard,
        kept_identity,
        head,
        filed,
        block_next,
        block_count,
        free,
        state,
        sleepers,
    )
    return n_woken, n_died


@kernel
def renew_promises(feeding, hazard_rate, energy_promise, hazard_promise, headroom):
    """If a rate exceeds its promise, raise all promises to `headroom` times today's rates; returns whether one did.

    All of them, because filing anew passes over everybody's sleepers: niches that speed up together
    then break their promises together, not one after the other.
    """
    broken = False
    for lane in range(feeding.shape[0]):
        for niche in range(feeding.shape[1]):
            broken |= feeding[lane, niche] > energy_promise[lane, niche]
            broken |= hazard_rate[lane, niche] > hazard_promise[lane, niche]
    if broken:
        for lane in range(feeding.shape[0]):
            for niche in range(feeding.shape[1]):
                energy_promise[lane, niche] = max(energy_promise[lane, niche], headroom * feeding[lane, niche])
                hazard_promise[lane, niche] = max(hazard_promise[lane, niche], headroom * hazard_rate[lane, niche])
    return broken


@kernel
def file_again(
    day,
    last,
    energy_clock,
    hazard_clock,
    energy_promise,
    hazard_promise,
    head,
    filed,
    block_next,
    block_count,
    free,
    state,
    sleepers,
    old_energy,
    old_hazard,
    old_identity,
):
    """Take the whole calendar out and file it anew from the start of `day`; one pass over the sleepers."""
    n = 0
    for when in range(day, head.size):
        block = head[when]
        head[when] = -1
        filed[when] = 0
        while block >= 0:
            for i in range(block_count[block]):
                record = sleepers[block * BLOCK + i]
                old_energy[n], old_hazard[n], old_identity[n] = record["energy"], record["hazard"], record["identity"]
                n += 1
            block_count[block] = 0
            free[state[FREE]] = block
            state[FREE] += 1
            block = block_next[block]
    when, at = np.empty(n, np.int64), np.empty(n, np.int64)
    state[LOOKS] += n
    for i in range(n):
        lane, niche = lane_of(old_identity[i]), niche_of(old_identity[i])
        when[i] = _promised_day(
            day - 1,
            last,
            old_energy[i] - energy_clock[lane, niche],
            energy_promise[lane, niche],
            old_hazard[i] - hazard_clock[lane, niche],
            hazard_promise[lane, niche],
        )
    _file(
        n, when, at, old_energy, old_hazard, old_identity, head, filed, block_next, block_count, free, state, sleepers
    )
    return n
