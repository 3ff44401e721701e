"""Doomed founders: their lives, drawn from their birth identity when somebody asks, up to a day.

Nothing that they do feeds back, so they are only counted on the day on which they settle. One Philox block a founder tells
its life: a uniform is used up to the decision that it makes and stretched again for the next one. The clocks of its lane
are read up to the day that is asked for and no further, so asking earlier, later, or often gives the same life.

A life is told in days: asleep until `woke` (the day of arrival for who never slept), then a colony from the next morning
until `gone`. A doomed colony is a birth-death process with birth d and death b (see `sim.kernels.birth_death`); a dose on a
morning thins it to so many cells, which live on as new colonies do. T cells clear it as a whole, at any size.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.jit import kernel
from sim.kernels.birth_death import RASTER_DAYS, doomed_left_until, end_days
from sim.kernels.clocks import record_on, time_of, value_at
from sim.kernels.distributions import binomial
from sim.kernels.elementary import exp, log
from sim.kernels.founders import NEVER, founders_of
from sim.kernels.identity import CLUSTER_INDEX, day_of, index_of, lane_of, niche_of, pack, source_of
from sim.kernels.therapy import drugs_resisted, keyed_uniform
from sim.streams import ACQUIRES, DOOMED, DOOMED_CLEARED, DOSE_CELLS, END, days_word, exponential, many_uniforms, tag_word

BATCH = 512
ASLEEP, CELLS, WOKE, DIED, EXTINCT, COLONIES = range(6)
QUANTITIES = 6
"""What is counted: asleep, cells of cycling colonies, and colonies, on that morning; woken, dead asleep and extinct till then."""
AT_A_DOSE = 0.25
"""Who loses the last cell to a dose on a morning is gone so many days after it began: it was there when the day did."""
_TINY = 1e-300


class Sleep(NamedTuple):
    """Thresholds of sleepers by lane: a mixture of two Weibull laws, scales in days of reference feeding."""

    narrow_share: np.ndarray
    narrow_scale: np.ndarray
    narrow_shape: np.ndarray
    broad_scale: np.ndarray
    broad_shape: np.ndarray


class Doses(NamedTuple):
    """What treatment did to a lane's cells, in order of lane, then of time: `first` (lanes + 1,); by record the `day`, `drug` -1
    for a dose that leaves the shares `cycling` and `sleeping` (records, classes, niches), else the drug that survivors of
    the week's doses, the last on `dosed_day`, resist from that morning on with chance `chance`.
    """

    first: np.ndarray
    day: np.ndarray
    drug: np.ndarray
    cycling: np.ndarray
    sleeping: np.ndarray
    dosed_day: np.ndarray
    chance: np.ndarray


class Lives(NamedTuple):
    """What a founder's life depends on; `end` (lanes,) is the morning up to which clocks and doses are known."""

    patient: np.ndarray
    end: np.ndarray
    clears: np.ndarray
    sleep: Sleep
    growth: tuple
    chance: tuple
    energy: tuple
    hazard: tuple
    clearance: tuple
    doses: Doses
    origin: tuple


@kernel
def _advance(key, patient, ident, cells, at, to, end, net, birth, death):
    """Cells at `to` < `end` of a doomed colony that had `cells` at `at`, day by day of the raster."""
    while at < to:
        step = (at // RASTER_DAYS + 1) * RASTER_DAYS
        stop = min(step, to)
        cells = doomed_left_until(
            key, patient, ident, step, cells, float(stop - at), end - at, net, birth, death
        )
        at = stop
    return cells


@kernel
def colony(key, ident, start, u, cleared, kind, until, lives):
    """Cells on the morning of `until` of the colony of a doomed founder that cycles from the morning of `start`, and when it is gone.

    `u` is the uniform of its end, `cleared` the time at which T cells clear it, `kind` the drugs that it resists.
    """
    lane, niche, growth, doses = lane_of(ident), niche_of(ident), lives.growth, lives.doses
    who = lives.patient[lane]
    net, birth, death = growth.net[lane, niche], growth.birth[lane, niche], growth.death[lane, niche]
    cells = founders_of(key, who, ident, growth.mean_cells[lane], growth.promising[lane, niche])
    at = start
    end = at + end_days(u, cells, net, birth)
    row, last = doses.first[lane], doses.first[lane + 1]
    while row < last and doses.day[row] < start:
        row += 1
    while row < last and doses.day[row] < until and doses.day[row] < min(end, cleared):
        day, drug = np.int64(doses.day[row]), doses.drug[row]
        if drug >= 0:
            if not kind >> drug & 1 and start <= doses.dosed_day[row]:
                if keyed_uniform(key, who, ident, ACQUIRES + drug, day - 1) < doses.chance[row]:
                    kind |= np.int64(1) << drug
        elif doses.cycling[row, kind, niche] < 1.0:
            if day > at:
                cells = doomed_left_until(
                    key, who, ident, day, cells, float(day - at), end - at, net, birth, death
                )
            days, source = days_word(day_of(ident), day), source_of(ident)
            tag = tag_word(DOSE_CELLS, niche, source)
            cells = binomial(cells, doses.cycling[row, kind, niche], key, who, index_of(ident), days, tag)
            if cells == 0:
                return np.int64(0), day + AT_A_DOSE
            at = day
            end = at + end_days(keyed_uniform(key, who, ident, END, day), cells, net, birth)
        row += 1
    gone = min(end, cleared)
    if gone <= until:
        return np.int64(0), gone
    return _advance(key, who, ident, cells, at, until, end, net, birth, death), gone


@kernel
def _asleep(u, lane, niche, day, wakes, kind, lives):
    """The end of a sleep since the evening of `day`: (time of death or infinite, what is left of the uniform for who lives).

    `wakes` is the time at which it would wake, `u` below the chance to live till then decides. A dose kills in the morning.
    """
    until = min(wakes, float(lives.end[lane]))
    start = value_at(lives.hazard, lane, niche, day + 1)
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
        return time_of(lives.hazard, lane, niche, dies_at - jumps + start), 0.0
    return np.inf, min(math.exp(hazard - dies_at), 1.0)


@kernel
def live(key, ident, count, lives, threshold, died, start, u_end, cleared, kind, first, second, who, index, days, tag):
    """The lives of `count` doomed founders (identities), up to when their colonies begin; the rest are arrays (count,) to fill.

    `threshold` is the energy for which a sleeper waits, -1 for who never slept; `died` the day of a death asleep and `start` the
    morning from which it cycles, NEVER if not by the end; `u_end`, `cleared` and `kind` are those of `colony`. The
    last six are room.
    """
    for i in range(count):
        who[i] = np.uint64(lives.patient[lane_of(ident[i])])
        index[i] = np.uint64(index_of(ident[i]))
        days[i] = days_word(day_of(ident[i]), 0)
        tag[i] = tag_word(DOOMED, niche_of(ident[i]), source_of(ident[i]))
    many_uniforms(key, who[:count], index[:count], days[:count], tag[:count], first, second)
    sleep = lives.sleep
    for i in range(count):
        lane, niche, day = lane_of(ident[i]), niche_of(ident[i]), day_of(ident[i])
        row = lives.chance.first[lane]
        if lives.chance.first[lane + 1] - row > 1:
            row = record_on(lives.chance, lane, day)
        share = lives.chance.rate[row, niche if lives.chance.rate.shape[1] > 1 else 0]
        u = first[i]
        if u < share:
            u /= share
            narrow = sleep.narrow_share[lane]
            if u < narrow:
                first[i], start[i], u_end[i] = u / narrow, sleep.narrow_scale[lane], 1.0 / sleep.narrow_shape[lane]
            else:
                first[i] = (u - narrow) / (1.0 - narrow)
                start[i], u_end[i] = sleep.broad_scale[lane], 1.0 / sleep.broad_shape[lane]
            threshold[i] = 1.0
        else:
            threshold[i], first[i] = -1.0, (u - share) / (1.0 - share)
            start[i], u_end[i] = 1.0, 1.0
    for i in range(count):
        x = min(max(first[i], _TINY), 1.0 - 2.0**-53)
        wait = start[i] * exp(u_end[i] * log(-log(x)))
        first[i] = x
        threshold[i] = wait if threshold[i] > 0.0 else -1.0
    for i in range(count):
        lane, niche, day = lane_of(ident[i]), niche_of(ident[i]), day_of(ident[i])
        died[i], cleared[i], kind[i] = NEVER, np.inf, 0
        dosed = lives.doses.first[lane + 1] > lives.doses.first[lane]
        if dosed and lives.doses.cycling.shape[1] > 1:
            kind[i] = drugs_resisted(key, lives.patient, ident[i], *lives.origin)
        if threshold[i] < 0.0:
            start[i], u_end[i] = day + 1, first[i]
        else:
            row, rows = lives.energy.first[lane], lives.energy.first[lane + 1] - lives.energy.first[lane]
            if rows == 1:
                rate = lives.energy.rate[row, niche if lives.energy.rate.shape[1] > 1 else 0]
                wakes = day + 1 + threshold[i] / rate if rate > 0.0 else np.inf
            else:
                value = value_at(lives.energy, lane, niche, day + 1) + threshold[i]
                wakes = time_of(lives.energy, lane, niche, value)
            row, rows = lives.hazard.first[lane], lives.hazard.first[lane + 1] - lives.hazard.first[lane]
            if rows == 1 and not dosed:
                rate = lives.hazard.rate[row, niche if lives.hazard.rate.shape[1] > 1 else 0]
                until = min(wakes, float(lives.end[lane]))
                hazard = rate * (until - (day + 1))
                dies = np.inf
                left = second[i] * math.exp(hazard) if hazard > 0.0 else second[i]
                if left >= 1.0:
                    dies = day + 1 - math.log(second[i]) / rate
            else:
                dies, left = _asleep(second[i], lane, niche, day, wakes, kind[i], lives)
            if dies < np.inf:
                died[i], start[i] = max(np.int64(math.ceil(dies)) - 1, day + 1), NEVER
                continue
            if wakes > lives.end[lane]:
                start[i] = NEVER
                continue
            start[i] = max(math.ceil(wakes), day + 2.0)
            u_end[i] = left
        u_end[i] = min(max(u_end[i], _TINY), 1.0 - 2.0**-53)
        if lives.clears[lane]:
            begins = value_at(lives.clearance, lane, niche, start[i])
            tag_c = tag_word(DOOMED_CLEARED, niche, source_of(ident[i]))
            more = exponential(key, who[i], index[i], days[i], tag_c)
            cleared[i] = time_of(lives.clearance, lane, niche, begins + more)
