"""Sleeping cells in a calendar: a cell is looked at only on the day on which it may wake or die.

A sleeper has two absolute thresholds, one on its niche's energy clock and one on its hazard clock.
It is filed under the earliest day on which either could be reached if the clocks ran at the promised
rates; looked at too early it is filed again. A niche whose clock outruns its promise breaks it, and
its sleepers are filed anew. Days are lists of blocks of 16 records, with a free list.
"""

from __future__ import annotations

import math

import numpy as np

from sim.jit import kernel
from sim.kernels.identity import lane_of, niche_of, pack
from sim.streams import ASLEEP_DEATH, SLEEP, THRESHOLD, days_word, tag_word, uniforms

BLOCK = 16
FREE, USED, LOOKS = 0, 1, 2  # positions in `state`: free blocks on the list, blocks ever used, looks taken
WOKE, DIED = 1, 2


@kernel
def _insert(day, energy, hazard, identity, head, block_next, block_count, free, state, energies, hazards, identities):
    block = head[day]
    if block < 0 or block_count[block] == BLOCK:
        if state[FREE] > 0:
            state[FREE] -= 1
            fresh = free[state[FREE]]
        else:
            fresh = state[USED]
            state[USED] += 1
        block_next[fresh] = block
        block_count[fresh] = 0
        head[day] = fresh
        block = fresh
    at = block * BLOCK + block_count[block]
    block_count[block] += 1
    energies[at] = energy
    hazards[at] = hazard
    identities[at] = identity


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
def place_cells(key, patient, day, last, source, settled, sleep_chance, narrow_share, narrow_scale, narrow_shape,
                broad_scale, broad_shape, energy_clock, hazard_clock, energy_promise, hazard_promise, sleeping,
                head, block_next, block_count, free, state, energies, hazards, identities, awake, woke_total, log):
    """Place today's settled cells: asleep in the calendar, or awake in `awake`; returns how many are awake.

    `settled`, `sleeping`, the clocks (at the end of today) and the promises are (lanes, niches). A sleeper's
    energy threshold is a mixture of two Weibull components in days of reference feeding (scales and
    shapes by lane), its life asleep exponential on the hazard clock. `log`, when it has rows, takes each
    cell's identity, and its threshold in 1/1024 day doubled, plus one if it sleeps.
    """
    n_awake = 0
    n_placed = 0
    days = days_word(day, 0)
    keep = log.shape[0] > 0
    for lane in range(settled.shape[0]):
        for niche in range(settled.shape[1]):
            count = settled[lane, niche]
            for index in range(count):
                identity = pack(lane, day, index, niche, source)
                threshold = 0.0
                asleep = False
                if sleep_chance[lane, niche] > 0.0:
                    u, v = uniforms(key, patient[lane], index, days, tag_word(SLEEP, niche, source))
                    asleep = u < sleep_chance[lane, niche]
                    if asleep:
                        w, _ = uniforms(key, patient[lane], index, days, tag_word(THRESHOLD, niche, source))
                        if v < narrow_share[lane]:
                            threshold = narrow_scale[lane] * (-math.log(w)) ** (1.0 / narrow_shape[lane])
                        else:
                            threshold = broad_scale[lane] * (-math.log(w)) ** (1.0 / broad_shape[lane])
                if asleep:
                    x, _ = uniforms(key, patient[lane], index, days, tag_word(ASLEEP_DEATH, niche, source))
                    life = -math.log(x)
                    when = _promised_day(day, last, threshold, energy_promise[lane, niche], life,
                                         hazard_promise[lane, niche])
                    _insert(when, energy_clock[lane, niche] + threshold, hazard_clock[lane, niche] + life, identity,
                            head, block_next, block_count, free, state, energies, hazards, identities)
                    sleeping[lane, niche] += 1
                else:
                    awake[n_awake] = identity
                    n_awake += 1
                    woke_total[lane, niche] += 1
                if keep:
                    log[n_placed, 0] = identity
                    log[n_placed, 1] = np.uint64(np.int64(threshold * 1024.0)) * np.uint64(2) + np.uint64(asleep)
                n_placed += 1
    return n_awake


@kernel
def due_today(day, head, block_next, block_count):
    """How many records are filed under `day`."""
    total = 0
    block = head[day]
    while block >= 0:
        total += block_count[block]
        block = block_next[block]
    return total


@kernel
def wake_cells(day, last, alive, energy_before, feeding, hazard_before, hazard_rate, energy_promise, hazard_promise,
               sleeping, woke_total, died_total, head, block_next, block_count, free, state,
               energies, hazards, identities, woken, died):
    """Look at the sleepers filed under today: wake them, bury them, or file them again.

    When both thresholds are reached on the same day, the one reached at the smaller fraction of the
    day decides. Returns the number woken and the number that died (identities in `woken`, `died`).
    Sleepers of patients who are dead or censored are dropped without a count: their tally stands.
    """
    n_woken = 0
    n_died = 0
    block = head[day]
    head[day] = -1
    kept_energy = np.empty(BLOCK)
    kept_hazard = np.empty(BLOCK)
    kept_identity = np.empty(BLOCK, np.uint64)
    while block >= 0:
        following = block_next[block]
        size = block_count[block]
        for i in range(size):
            kept_energy[i] = energies[block * BLOCK + i]
            kept_hazard[i] = hazards[block * BLOCK + i]
            kept_identity[i] = identities[block * BLOCK + i]
        free[state[FREE]] = block
        state[FREE] += 1
        state[LOOKS] += size
        for i in range(size):
            identity = kept_identity[i]
            lane = lane_of(identity)
            if not alive[lane]:
                continue
            niche = niche_of(identity)
            energy_left = kept_energy[i] - energy_before[lane, niche]
            hazard_left = kept_hazard[i] - hazard_before[lane, niche]
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
                when = _promised_day(day, last, energy_left - feeding[lane, niche], energy_promise[lane, niche],
                                     hazard_left - hazard_rate[lane, niche], hazard_promise[lane, niche])
                _insert(when, kept_energy[i], kept_hazard[i], identity, head, block_next, block_count, free, state,
                        energies, hazards, identities)
        block = following
    return n_woken, n_died


@kernel
def renew_promises(feeding, hazard_rate, energy_promise, hazard_promise, headroom):
    """Where a rate exceeds its promise, promise `headroom` times the rate; returns whether any did."""
    found = False
    for lane in range(feeding.shape[0]):
        for niche in range(feeding.shape[1]):
            if feeding[lane, niche] > energy_promise[lane, niche]:
                energy_promise[lane, niche] = headroom * feeding[lane, niche]
                found = True
            if hazard_rate[lane, niche] > hazard_promise[lane, niche]:
                hazard_promise[lane, niche] = headroom * hazard_rate[lane, niche]
                found = True
    return found


@kernel
def file_again(day, last, energy_clock, hazard_clock, energy_promise, hazard_promise,
               head, block_next, block_count, free, state, energies, hazards, identities,
               old_energy, old_hazard, old_identity):
    """Take the whole calendar out and file it anew from the start of `day`; one pass over the sleepers."""
    n = 0
    for when in range(day, head.size):
        block = head[when]
        head[when] = -1
        while block >= 0:
            for i in range(block_count[block]):
                identity = identities[block * BLOCK + i]
                old_energy[n] = energies[block * BLOCK + i]
                old_hazard[n] = hazards[block * BLOCK + i]
                old_identity[n] = identity
                n += 1
            free[state[FREE]] = block
            state[FREE] += 1
            block = block_next[block]
    for i in range(n):
        lane, niche = lane_of(old_identity[i]), niche_of(old_identity[i])
        when = _promised_day(day - 1, last, old_energy[i] - energy_clock[lane, niche], energy_promise[lane, niche],
                             old_hazard[i] - hazard_clock[lane, niche], hazard_promise[lane, niche])
        _insert(when, old_energy[i], old_hazard[i], old_identity[i], head, block_next, block_count, free, state,
                energies, hazards, identities)
    return n
