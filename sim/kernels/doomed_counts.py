"""Counting doomed founders on given days, and listing them: what they are asked for, from lives drawn in batches."""

from __future__ import annotations

import math

import numpy as np

from sim.jit import kernel
from sim.kernels.doomed import (
    ASLEEP,
    BATCH,
    CELLS,
    COLONIES,
    DIED,
    EXTINCT,
    QUANTITIES,
    WOKE,
    colony,
    live,
)
from sim.kernels.founders import NEVER
from sim.kernels.identity import CLUSTER_INDEX, day_of, index_of, lane_of, niche_of, pack, source_of


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
    """First look on a day or later."""
    return slots[min(day, end + 1)]


@kernel
def count_lives(key, lanes, arrivals, first_arrival, first_look, look_day, lives, out):
    """Count the doomed founders of some `lanes` (numbers) on the mornings of their looks.

    `look_day` holds the days of lane k of `lanes` from `first_look[k]` on, ascending and not after `lives.end`; `arrivals`
    those of all lanes in order of lane (see `by_lane`). Adds to `out` (looks, niches, QUANTITIES) int64.
    """
    ident = np.empty(BATCH, np.uint64)
    who, index = np.empty(BATCH, np.uint64), np.empty(BATCH, np.uint64)
    days, tag = np.empty(BATCH, np.uint64), np.empty(BATCH, np.uint64)
    first, second, threshold = np.empty(BATCH), np.empty(BATCH), np.empty(BATCH)
    start, u_end, cleared = np.empty(BATCH), np.empty(BATCH), np.empty(BATCH)
    died, kind = np.empty(BATCH, np.int64), np.empty(BATCH, np.int64)
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
            live(
                key, ident, n, lives, threshold, died, start, u_end, cleared, kind, first, second, who, index, days, tag
            )
            for i in range(n):
                niche, day = niche_of(ident[i]), day_of(ident[i])
                arrived = _slot(slots, day + 1, end)
                if threshold[i] >= 0.0:
                    if arrived < none:
                        out[arrived, niche, ASLEEP] += 1
                    if died[i] < NEVER:
                        slot = _slot(slots, died[i] + 1, end)
                        if slot < none:
                            out[slot, niche, ASLEEP] -= 1
                            out[slot, niche, DIED] += 1
                        continue
                    if start[i] >= NEVER:
                        continue
                morning = np.int64(start[i])
                slot = _slot(slots, morning, end)
                if slot < none:
                    out[slot, niche, WOKE] += 1
                    out[slot, niche, COLONIES] += 1
                    if threshold[i] >= 0.0:
                        out[slot, niche, ASLEEP] -= 1
                    _, gone = colony(key, ident[i], morning, u_end[i], cleared[i], kind[i], end, lives)
                    over = none
                    if gone <= end:
                        over = _slot(slots, np.int64(math.ceil(gone)), end)
                        if over < none:
                            out[over, niche, EXTINCT] += 1
                            out[over, niche, COLONIES] -= 1
                    for look in range(slot, over):
                        cells, _ = colony(
                            key, ident[i], morning, u_end[i], cleared[i], kind[i], np.int64(look_day[look]), lives
                        )
                        out[look, niche, CELLS] += cells
        for look in range(begin + 1, none):
            for niche in range(out.shape[1]):
                for quantity in range(QUANTITIES):
                    if quantity != CELLS:
                        out[look, niche, quantity] += out[look - 1, niche, quantity]


@kernel
def list_lives(key, ident, lives, threshold, woke, died, cells):
    """Of every doomed founder until its lane's `end`: the `threshold` of who slept, -1 else; the day on which it `woke` (of arrival
    for who never slept) and the one on which it `died`, asleep or awake, -1 each where it did not; the `cells` of its colony.
    """
    start, u_end, cleared = np.empty(BATCH), np.empty(BATCH), np.empty(BATCH)
    who, index = np.empty(BATCH, np.uint64), np.empty(BATCH, np.uint64)
    days, tag = np.empty(BATCH, np.uint64), np.empty(BATCH, np.uint64)
    first, second = np.empty(BATCH), np.empty(BATCH)
    dead, kind = np.empty(BATCH, np.int64), np.empty(BATCH, np.int64)
    for begin in range(0, ident.size, BATCH):
        n = min(BATCH, ident.size - begin)
        mine = ident[begin : begin + n]
        live(
            key,
            mine,
            n,
            lives,
            threshold[begin : begin + n],
            dead,
            start,
            u_end,
            cleared,
            kind,
            first,
            second,
            who,
            index,
            days,
            tag,
        )
        for i in range(n):
            k = begin + i
            woke[k], died[k], cells[k] = -1, -1, 0
            if dead[i] < NEVER:
                died[k] = dead[i]
            elif start[i] < NEVER:
                end = np.int64(lives.end[lane_of(mine[i])])
                woke[k] = np.int64(start[i]) - 1
                cells[k], gone = colony(
                    key, mine[i], np.int64(start[i]), u_end[i], cleared[i], kind[i], end, lives
                )
                if gone <= end:
                    died[k] = np.int64(math.ceil(gone)) - 1
