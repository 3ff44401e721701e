"""Counting doomed founders on given days, and listing them: what they are asked for, from lives drawn in batches."""

from __future__ import annotations

import math

import numpy as np

from sim.disease.doomed_lives import ASLEEP, BATCH, CELLS, COLONIES, DIED, EXTINCT, WOKE, colony, live, new_life
from sim.disease.identity import CLUSTER_INDEX, day_of, index_of, lane_of, niche_of, pack, source_of
from sim.names import NEVER
from sim.numerics.jit import kernel

_STEPS = 6


@kernel
def note_arrivals(day, source, first_index, doomed, rows, count):
    """Note how many doomed founders settled today, (lanes, niches): packed like an identity, with the number as its index."""
    for lane in range(doomed.shape[0]):
        for niche in range(doomed.shape[1]):
            if doomed[lane, niche] > 0:
                rows[count] = pack(lane, day, first_index + doomed[lane, niche], niche, source)
                count += 1
    return count


@kernel
def by_lane(arrivals, lanes):
    """Rows of `arrivals` in order of lane, in each as they came, and where each lane begins, (lanes + 1,)."""
    first = np.zeros(lanes + 1, np.int64)
    for i in range(arrivals.size):
        first[lane_of(arrivals[i]) + 1] += 1
    for lane in range(lanes):
        first[lane + 1] += first[lane]
    at, order = first[:-1].copy(), np.empty(arrivals.size, np.uint64)
    for i in range(arrivals.size):
        lane = lane_of(arrivals[i])
        order[at[lane]] = arrivals[i]
        at[lane] += 1
    return order, first


@kernel
def spread(arrivals, out):
    """The identities of the founders that `arrivals` count, one by one, in `out`; returns how many (with empty `out` only that)."""
    n = 0
    for i in range(arrivals.size):
        packed = arrivals[i]
        number = index_of(packed)
        first = number & CLUSTER_INDEX
        number -= first
        if out.size:
            for k in range(number):
                out[n + k] = pack(lane_of(packed), day_of(packed), first + k, niche_of(packed), source_of(packed))
        n += number
    return n


@kernel
def _slot(slots, day, end):
    """Number of a lane's first look on a day or later."""
    return slots[min(day, end + 1)]


@kernel
def count_lives(key, lanes, arrivals, first_arrival, first_look, look_day, lives, out):
    """Count the doomed founders of some `lanes` (numbers) on the mornings of their looks.

    `look_day` holds the days of lane k of `lanes` from `first_look[k]` on, ascending and not after `lives.end`; `arrivals`
    those of all lanes in order of lane (see `by_lane`). Fills `out` (looks, niches, QUANTITIES) int64, zeros at first.
    """
    ident, life = np.empty(BATCH, np.uint64), new_life()
    for k in range(lanes.size):
        lane = lanes[k]
        end = np.int64(lives.end[lane])
        begin, looks = first_look[k], first_look[k + 1] - first_look[k]
        slots = np.empty(end + 2, np.int64)
        at = 0
        for day in range(end + 1):
            while at < looks and look_day[begin + at] < day:
                at += 1
            slots[day] = begin + at
        none = begin + looks
        slots[end + 1] = none
        for day in range(end + 2):
            slots[day] -= begin
        steps = np.zeros(
            (out.shape[1], _STEPS, looks + 1), np.int32
        )  # changes by look; those after the last in the last
        record, last_record = first_arrival[lane], first_arrival[lane + 1]
        number, done = np.int64(0), np.int64(0)
        while record < last_record or done < number:
            n = 0
            while n < BATCH and (record < last_record or done < number):
                if done == number:
                    packed = arrivals[record]
                    record += 1
                    number = index_of(packed)
                    cluster = number & CLUSTER_INDEX
                    number -= cluster
                    done = 0
                    day, niche, source = day_of(packed), niche_of(packed), source_of(packed)
                more = min(number - done, BATCH - n)
                for i in range(more):
                    ident[n + i] = pack(lane, day, cluster + done + i, niche, source)
                n += more
                done += more
            live(key, ident[:n], lives, life)
            for i in range(n):
                niche, day = niche_of(ident[i]), day_of(ident[i])
                arrived = _slot(slots, day + 1, end)
                of_niche = steps[niche]
                morning = np.int64(life.start[i])
                if life.threshold[i] >= 0.0:
                    of_niche[ASLEEP, arrived] += 1
                    if morning == NEVER:
                        if life.died[i] < NEVER:
                            slot = _slot(slots, life.died[i] + 1, end)
                            of_niche[ASLEEP, slot] -= 1
                            of_niche[DIED, slot] += 1
                        continue
                    of_niche[ASLEEP, _slot(slots, morning, end)] -= 1
                slot = _slot(slots, morning, end)
                of_niche[WOKE, slot] += 1
                over = np.int64(looks)
                if life.gone[i] <= end:
                    over = _slot(slots, np.int64(math.ceil(life.gone[i])), end)
                    of_niche[EXTINCT, over] += 1
                for look in range(begin + slot, begin + over):
                    out[look, niche, CELLS] += colony(
                        key,
                        ident[i],
                        morning,
                        life.end[i],
                        life.cleared[i],
                        life.kind[i],
                        np.int64(look_day[look]),
                        lives,
                    )[0]
        for niche in range(out.shape[1]):
            for quantity in (ASLEEP, WOKE, DIED, EXTINCT):
                total = np.int64(0)
                for look in range(looks):
                    total += steps[niche, quantity, look]
                    out[begin + look, niche, quantity] = total
            for look in range(begin, none):
                out[look, niche, COLONIES] = out[look, niche, WOKE] - out[look, niche, EXTINCT]


@kernel
def list_lives(key, ident, lives, threshold, woke, died, cells, kind):
    """Of every doomed founder until its lane's `end`: the `threshold` of who slept, -1 else; the day on which it `woke` (of arrival
    for who never slept) and the one on which it `died`, asleep or awake, -1 each where it did not; the `cells` of its colony, and the `kind` of drugs that it resists of birth.
    """
    life = new_life()
    for begin in range(0, ident.size, BATCH):
        n = min(BATCH, ident.size - begin)
        live(key, ident[begin : begin + n], lives, life)
        for i in range(n):
            k = begin + i
            threshold[k] = life.threshold[i]
            woke[k], died[k], cells[k], kind[k] = -1, -1, 0, life.kind[i]
            if life.died[i] < NEVER:
                died[k] = life.died[i]
            elif life.start[i] < NEVER:
                end = np.int64(lives.end[lane_of(ident[k])])
                woke[k] = np.int64(life.start[i]) - 1
                if life.gone[i] <= end:
                    died[k] = np.int64(math.ceil(life.gone[i])) - 1
                else:
                    cells[k] = colony(
                        key,
                        ident[k],
                        np.int64(life.start[i]),
                        life.end[i],
                        life.cleared[i],
                        life.kind[i],
                        end,
                        lives,
                    )[0]
