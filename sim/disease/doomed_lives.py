"""Doomed founders: their lives, drawn from their birth identity when somebody asks, up to a day.

Nothing that they do feeds back, so they are only counted on the day on which they settle. One Philox block a founder
tells its life: a uniform is used up to the decision that it makes and stretched again for the next one. The clocks of
its lane are read up to the day that is asked for and no further, so asking earlier, later, or often gives the same
life.

A life is told in days: asleep until `woke` (the day of arrival for who never slept), then a colony from the next
morning until `gone`. A doomed colony is a birth-death process with birth d and death b (see `sim.disease.birth_death`);
a dose on a morning thins it to so many cells, which live on as new colonies do. T cells clear it as a whole, at any
size.
"""

from __future__ import annotations

import math

import numpy as np

from sim.disease.birth_death import end_days
from sim.disease.clocks_kernels import record_on, time_of, value_at
from sim.disease.doomed_colonies import AT_A_DOSE, colony
from sim.disease.doomed_records import Life, Lives
from sim.disease.doses import drugs_resisted, pace_of
from sim.disease.founders import founders_of
from sim.disease.identity import day_of, index_of, is_cluster, lane_of, niche_of, source_of
from sim.names import NEVER
from sim.numerics.elementary import exp, log
from sim.numerics.jit import kernel
from sim.numerics.streams import (
    DOOMED,
    DOOMED_CLEARED,
    days_word,
    exponential,
    many_uniforms,
    tag_word,
)

BATCH = 512
_TINY, _MOST, _LONG = 1e-300, 1.0 - 2.0**-53, 1e6
_NEVER, _NICHES = float(NEVER), 16
_32, _M16 = np.uint64(32), np.uint64(0xFFFF)
_SHARE, _OF_SLEEP, _OF_AWAKE, _PER_ENERGY, _HAZARD, _PROMISING, _PER_NET = range(7)
_THRESHOLD, _FIRST, _SECOND, _START, _END, _CLEARED, _GONE, _DIED = range(0, 8 * BATCH, BATCH)
"""Where the columns of a batch stand in its work."""


@kernel
def _asleep(u: float, lane: int, niche: int, day: int, wakes: float, kind: int, lives: Lives) -> tuple[float, float]:
    """The end of a sleep since the evening of `day`: time of death or infinite, and what is left of the uniform.

    `wakes` is the time at which it would wake, `u` below the chance to live till then decides. A dose kills in the
    morning.
    """
    until = min(wakes, float(lives.end[lane]))
    start = value_at(lives.hazard, lane, niche, float(day + 1))
    dies_at = -math.log(u)
    doses, jumps = lives.doses, 0.0
    for row in range(doses.first[lane], doses.first[lane + 1]):
        morning = doses.day[row]
        if morning >= until:
            break
        if morning <= day or doses.drug[row] >= 0:
            continue
        share = doses.sleeping[row, kind, niche]
        if share >= 1.0:
            continue
        if dies_at < value_at(lives.hazard, lane, niche, morning) - start + jumps:
            break
        jumps -= math.log(share)
        if dies_at < value_at(lives.hazard, lane, niche, morning) - start + jumps:
            return morning + AT_A_DOSE, 0.0
    hazard = value_at(lives.hazard, lane, niche, until) - start + jumps
    if dies_at < hazard:
        return time_of(lives.hazard, lane, niche, dies_at - jumps + start, day + 1), 0.0
    return np.inf, min(math.exp(hazard - dies_at), 1.0)


@kernel
def new_life() -> Life:
    """Room for a batch."""
    work = np.empty(8 * BATCH)
    return Life(
        work,
        work[_THRESHOLD : _THRESHOLD + BATCH],
        work[_FIRST : _FIRST + BATCH],
        work[_SECOND : _SECOND + BATCH],
        work[_START : _START + BATCH],
        work[_END : _END + BATCH],
        work[_CLEARED : _CLEARED + BATCH],
        work[_GONE : _GONE + BATCH],
        work[_DIED : _DIED + BATCH],
        np.empty(BATCH, np.int64),
        np.empty((4, BATCH), np.uint64),
    )


@kernel
def _is_plain(lane: int, lives: Lives) -> bool:
    """Whether what a lane's sleepers live by never changed and nobody is dosed: then lives have closed forms."""
    return (
        lives.doses.first[lane + 1] == lives.doses.first[lane]
        and lives.chance.first[lane + 1] - lives.chance.first[lane] == 1
        and lives.energy.first[lane + 1] - lives.energy.first[lane] == 1
        and lives.hazard.first[lane + 1] - lives.hazard.first[lane] == 1
    )


@kernel
def _thresholds(ident: np.ndarray, begin: int, lives: Lives, life: Life) -> None:
    """Who sleeps, and for how much energy (-1: who does not); the first uniform is stretched to what is left of it."""
    sleep, scale, root = lives.sleep, life.start[begin:], life.end[begin:]
    first, threshold = life.first[begin:], life.threshold[begin:]
    for i in range(ident.size):
        lane, niche = lane_of(ident[i]), niche_of(ident[i])
        row = lives.chance.first[lane]
        if lives.chance.first[lane + 1] - row > 1:
            row = record_on(lives.chance, lane, day_of(ident[i]))
        share = lives.chance.rate[row, niche]
        u = first[i]
        if u < share:
            u /= share
            narrow = sleep.narrow_share[lane]
            if u < narrow:
                u, scale[i], root[i] = u / narrow, sleep.narrow_scale[lane], 1.0 / sleep.narrow_shape[lane]
            else:
                u = (u - narrow) / (1.0 - narrow)
                scale[i], root[i] = sleep.broad_scale[lane], 1.0 / sleep.broad_shape[lane]
            threshold[i] = 1.0
        else:
            u, threshold[i], scale[i], root[i] = (u - share) / (1.0 - share), -1.0, 1.0, 1.0
        first[i] = min(max(u, _TINY), _MOST)
    for i in range(ident.size):
        wait = scale[i] * exp(root[i] * log(-log(first[i])))
        threshold[i] = wait if threshold[i] > 0.0 else -1.0


@kernel
def _cleared(key: np.uint64, ident: np.uint64, start: int, stop: float, lives: Lives) -> float:
    """The time at which T cells clear a colony that cycles from the morning of `start`; infinite if not by `stop`."""
    lane, niche = lane_of(ident), niche_of(ident)
    tag = tag_word(DOOMED_CLEARED, niche, source_of(ident))
    more = exponential(key, lives.patient[lane], index_of(ident), days_word(day_of(ident), 0), tag)
    value = value_at(lives.clearance, lane, 0, start) + more
    if value_at(lives.clearance, lane, 0, stop) < value:
        return np.inf
    return time_of(lives.clearance, lane, 0, value, start)


@kernel
def _of_niches(lane: int, lives: Lives) -> np.ndarray:
    """What the lives of a plain lane depend on, eight numbers a niche in a row: see the places below."""
    table = np.zeros(8 * _NICHES)
    for niche in range(lives.growth.net.shape[1]):
        at = 8 * niche
        share = lives.chance.rate[lives.chance.first[lane], niche]
        energy = lives.energy.rate[lives.energy.first[lane], niche]
        table[at + _SHARE] = share
        table[at + _OF_SLEEP] = 1.0 / share if share > 0.0 else 0.0
        table[at + _OF_AWAKE] = 1.0 / (1.0 - share) if share < 1.0 else 0.0
        table[at + _PER_ENERGY] = 1.0 / energy if energy > 0.0 else _LONG
        table[at + _HAZARD] = lives.hazard.rate[lives.hazard.first[lane], niche]
        table[at + _PROMISING] = lives.growth.net[lane, niche] / lives.growth.birth[lane, niche]
        table[at + _PER_NET] = 1.0 / lives.growth.net[lane, niche]
    return table


@kernel
def _clear(key: np.uint64, ident: np.ndarray, begin: int, lives: Lives, life: Life) -> None:
    """`_cleared` of those that cycle, in one lane that never had a dose: most end before T cells would clear them."""
    lane, n, w = lane_of(ident[0]), 0, life.work[begin:]
    stop = float(lives.end[lane])
    size = ident.size
    at, who, index, days, tag = (
        np.empty(size, np.int64),
        np.empty(size, np.uint64),
        np.empty(size, np.uint64),
        np.empty(size, np.uint64),
        np.empty(size, np.uint64),
    )
    for i in range(size):
        at[n] = i
        who[n] = np.uint64(lives.patient[lane])
        index[n], days[n] = np.uint64(index_of(ident[i])), days_word(day_of(ident[i]), 0)
        tag[n] = tag_word(DOOMED_CLEARED, niche_of(ident[i]), source_of(ident[i]))
        n += w[_START + i] < _NEVER
    u, spare = np.empty(n), np.empty(n)
    many_uniforms(key, who[:n], index[:n], days[:n], tag[:n], u, spare)
    for k in range(n):
        u[k] = -log(u[k])
    for k in range(n):
        i = at[k]
        start = w[_START + i]
        value = value_at(lives.clearance, lane, 0, start) + u[k]
        if value_at(lives.clearance, lane, 0, min(w[_END + i], stop)) >= value:
            cleared = time_of(lives.clearance, lane, 0, value, start)
            w[_CLEARED + i], w[_GONE + i] = cleared, min(cleared, w[_END + i])


@kernel
def _live_plainly(key: np.uint64, ident: np.ndarray, begin: int, lives: Lives, life: Life) -> None:
    """`live` in one lane whose rates never change, from place `begin` of the batch on.

    Its loops have no branches, and one array of work: then the compiler uses the processor's vectors.
    """
    lane, n = lane_of(ident[0]), ident.size
    end, table, w = float(lives.end[lane]), _of_niches(lane, lives), life.work[begin:]
    narrow = lives.sleep.narrow_share[lane]
    of_narrow = 1.0 / narrow if narrow > 0.0 else 0.0
    of_broad = 1.0 / (1.0 - narrow) if narrow < 1.0 else 0.0
    narrow_scale, narrow_root = lives.sleep.narrow_scale[lane], 1.0 / lives.sleep.narrow_shape[lane]
    broad_scale, broad_root = lives.sleep.broad_scale[lane], 1.0 / lives.sleep.broad_shape[lane]
    for i in range(n):
        at = 8 * niche_of(ident[i])
        u = w[_FIRST + i]
        share = table[at + _SHARE]
        sleeps = u < share
        v = u * table[at + _OF_SLEEP]
        is_narrow = v < narrow
        x = v * of_narrow if is_narrow else (v - narrow) * of_broad
        x = x if sleeps else (u - share) * table[at + _OF_AWAKE]
        w[_FIRST + i] = min(max(x, _TINY), _MOST)
        w[_END + i] = narrow_root if is_narrow else broad_root
        w[_CLEARED + i] = narrow_scale if is_narrow else broad_scale
        w[_THRESHOLD + i] = 1.0 if sleeps else -1.0
    for i in range(n):
        wait = w[_CLEARED + i] * exp(w[_END + i] * log(-log(w[_FIRST + i])))
        w[_THRESHOLD + i] = wait if w[_THRESHOLD + i] > 0.0 else -1.0
        w[_GONE + i] = -log(w[_SECOND + i])
    for i in range(n):
        at = 8 * niche_of(ident[i])
        w[_END + i] = min(w[_THRESHOLD + i] * table[at + _PER_ENERGY], _LONG)
        w[_START + i] = table[at + _HAZARD]
    for i in range(n):
        w[_CLEARED + i] = exp(w[_START + i] * w[_END + i] - w[_GONE + i])
    for i in range(n):
        hazard, lasts = w[_START + i], w[_GONE + i]
        sleeps = w[_THRESHOLD + i] >= 0.0
        since = np.float64(np.int64((ident[i] >> _32) & _M16)) + 1.0
        woken = since + w[_END + i]
        dead = sleeps and hazard * (min(woken, end) - since) > lasts
        dies = max(np.ceil(since + lasts / hazard) - 1.0, since)
        w[_DIED + i] = dies if dead else _NEVER
        stays = dead or (sleeps and woken > end)
        u = w[_CLEARED + i] if sleeps else w[_FIRST + i]
        u = min(max(u, _TINY), _MOST)
        begins = max(np.ceil(woken), since + 1.0) if sleeps else since
        w[_START + i] = _NEVER if stays else begins
        w[_FIRST + i] = u / (1.0 - u)
    for i in range(n):
        w[_END + i] = w[_FIRST + i] * table[8 * niche_of(ident[i]) + _PROMISING]
    for i in range(n):
        x = w[_END + i]
        long = log(1.0 + x)
        w[_END + i] = long if x > 1e-8 else x
    for i in range(n):
        w[_END + i] *= table[8 * niche_of(ident[i]) + _PER_NET]
    paced = lives.pace.log_sd[lane] > 0.0
    clusters = False
    for i in range(n):
        clusters |= is_cluster(ident[i])
    if paced or clusters:
        for i in range(n):
            if w[_START + i] < _NEVER:
                if is_cluster(ident[i]):
                    niche, odds = niche_of(ident[i]), w[_FIRST + i]
                    net, birth = lives.growth.net[lane, niche], lives.growth.birth[lane, niche]
                    promising, mean = lives.growth.promising[lane, niche], lives.growth.mean_cells[lane]
                    cells = founders_of(key, lives.patient[lane], ident[i], mean, promising)
                    w[_END + i] = end_days(odds / (1.0 + odds), cells, net, birth)
                if paced:
                    w[_END + i] /= pace_of(key, lives.patient[lane], ident[i], lives.pace)
    for i in range(n):
        w[_END + i] += w[_START + i]
        w[_GONE + i] = w[_END + i]
        w[_CLEARED + i] = np.inf
        life.kind[begin + i] = 0
    if lives.clears[lane]:
        _clear(key, ident, begin, lives, life)


@kernel
def _live_one(key: np.uint64, ident: np.uint64, i: int, lives: Lives, life: Life) -> None:
    """`live` of one founder, whatever its lane has been through."""
    lane, niche, day = lane_of(ident), niche_of(ident), day_of(ident)
    who = lives.patient[lane]
    life.died[i], life.cleared[i], life.kind[i], life.start[i] = NEVER, np.inf, 0, NEVER
    life.end[i] = life.gone[i] = np.inf
    dosed = lives.doses.first[lane + 1] > lives.doses.first[lane]
    if dosed and lives.doses.cycling.shape[1] > 1:
        life.kind[i] = drugs_resisted(key, lives.patient, ident, lives.origin)
    start, u = day + 1, life.first[i]
    if life.threshold[i] >= 0.0:
        begins_at = value_at(lives.energy, lane, niche, day + 1)
        wakes = time_of(lives.energy, lane, niche, begins_at + life.threshold[i], day + 1)
        dies, u = _asleep(life.second[i], lane, niche, day, wakes, life.kind[i], lives)
        if dies < np.inf:
            life.died[i] = max(np.int64(math.ceil(dies)) - 1, day + 1)
            return
        if wakes > lives.end[lane]:
            return
        start = max(np.int64(math.ceil(wakes)), day + 2)
    u = min(max(u, _TINY), _MOST)
    life.start[i] = start
    cells = founders_of(key, who, ident, lives.growth.mean_cells[lane], lives.growth.promising[lane, niche])
    lasts = end_days(u, cells, lives.growth.net[lane, niche], lives.growth.birth[lane, niche])
    life.end[i] = start + lasts / pace_of(key, who, ident, lives.pace)
    if lives.clears[lane]:
        stop = float(lives.end[lane]) if dosed else min(life.end[i], float(lives.end[lane]))
        life.cleared[i] = _cleared(key, ident, start, stop, lives)
    if not dosed:
        life.gone[i] = min(life.end[i], life.cleared[i])
        return
    life.gone[i] = colony(
        key, ident, start, life.end[i], life.cleared[i], life.kind[i], np.int64(lives.end[lane]), lives
    )[1]


@kernel
def live(key: np.uint64, ident: np.ndarray, lives: Lives, life: Life) -> None:
    """Fill `life` with the lives of doomed founders (identities, at most BATCH), up to their lane's `end`."""
    count = ident.size
    who, index, days, tag = life.words[0], life.words[1], life.words[2], life.words[3]
    for i in range(count):
        who[i] = np.uint64(lives.patient[lane_of(ident[i])])
        index[i] = np.uint64(index_of(ident[i]))
        days[i] = days_word(day_of(ident[i]), 0)
        tag[i] = tag_word(DOOMED, niche_of(ident[i]), source_of(ident[i]))
    many_uniforms(key, who[:count], index[:count], days[:count], tag[:count], life.first, life.second)
    begin = 0
    while begin < count:
        lane = lane_of(ident[begin])
        stop = begin + 1
        while stop < count and lane_of(ident[stop]) == lane:
            stop += 1
        if _is_plain(lane, lives):
            _live_plainly(key, ident[begin:stop], begin, lives, life)
        else:
            _thresholds(ident[begin:stop], begin, lives, life)
            for i in range(begin, stop):
                _live_one(key, ident[i], i, lives, life)
        begin = stop
