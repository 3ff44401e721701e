"""From the primary's shedding to settled cells and tallies, exact for any number shed.

Every shed cell meets one of these ends, independently of the others: died in transit; arrested in a
niche and died there; arrested, alive and inert; settled (competent). The day's shed count is Poisson;
settled cells are split off by sequential conditional binomials. The rest is only counted: over an
output interval the failures of each kind are independent Poisson counts, so given their total they
are multinomial with the integrated intensities as weights. That is how they are drawn, once an
interval, and it is exact for the totals.
"""

from __future__ import annotations

import numpy as np

from sim.numerics.jit import kernel
from sim.numerics.samplers import binomial_from, binomial_inverse, poisson
from sim.numerics.streams import SETTLE, SHED, TALLY, days_word, many_uniforms, tag_word


@kernel
def shed_cells(
    key: np.uint64,
    patient: np.ndarray,
    alive: np.ndarray,
    day: int,
    source: int,
    expected: np.ndarray,
    shed_today: np.ndarray,
    shed_total: np.ndarray,
) -> None:
    """Cells shed today, Poisson with mean `expected` (lanes,); added to `shed_total`."""
    days = days_word(day, 0)
    tag = tag_word(SHED, 0, source)
    for lane in range(patient.size):
        shed_today[lane] = poisson(expected[lane], key, patient[lane], 0, days, tag) if alive[lane] else 0
        shed_total[lane] += shed_today[lane]


@kernel
def settle_cells(
    key: np.uint64,
    patient: np.ndarray,
    alive: np.ndarray,
    day: int,
    source: int,
    shed_today: np.ndarray,
    chance: np.ndarray,
    settled_today: np.ndarray,
    settled_total: np.ndarray,
    failures: np.ndarray,
) -> np.int64:
    """Split today's settled cells off the shed ones; returns how many settled in all.

    `chance` (lanes, niches) is the probability that a shed cell settles there; the others add to `failures`. One
    uniform a niche (two niches share a Philox block) and inversion: a niche's count is monotone in its chance.
    """
    total = np.int64(0)
    niches = chance.shape[1]
    pairs = (niches + 1) // 2
    size = patient.size * pairs
    who, tag, zero = np.empty(size, np.uint64), np.empty(size, np.uint64), np.zeros(size, np.uint64)
    days = np.full(size, days_word(day, 0))
    draws = np.empty((2, size))
    for lane in range(patient.size):
        for pair in range(pairs):
            who[lane * pairs + pair] = np.uint64(patient[lane])
            tag[lane * pairs + pair] = tag_word(SETTLE, pair, source)
    many_uniforms(key, who, zero, days, tag, draws[0], draws[1])
    for lane in range(patient.size):
        left = shed_today[lane]
        rest = 1.0
        if left == 0:
            settled_today[lane, :] = 0
            continue
        for niche in range(niches):
            p = chance[lane, niche] / rest
            u = draws[niche & 1, lane * pairs + (niche >> 1)]
            count = np.int64(0)
            if u > 1.0 - left * p:  # else none: P(0) = (1 - p)^n is at least 1 - n p
                count = binomial_inverse(left, p, u)
            settled_today[lane, niche] = count
            settled_total[lane, niche] += count
            left -= count
            rest -= chance[lane, niche]
            total += count
        failures[lane] += left
    return total


@kernel
def todays_chances(
    soil: np.ndarray,
    receptivity: np.ndarray,
    competent_share: np.ndarray,
    competence: np.ndarray,
    viable: np.ndarray,
    competent: np.ndarray,
) -> None:
    """Set today's chances that an arrested cell survives, and that one of the primary can found a colony.

    `viable` (lanes, niches) is that it survives and extravasates, soil x receptivity, at most 1; `competent` (lanes,)
    that such a cell of the primary can found a colony, share x competence (above one counts as one).
    """
    for lane in range(competent.size):
        competent[lane] = competent_share[lane] * competence[lane]
        for niche in range(soil.shape[1]):
            viable[lane, niche] = min(soil[lane, niche] * receptivity[lane, niche], 1.0)


@kernel
def circulate(
    alive: np.ndarray,
    expected: np.ndarray,
    arrest: np.ndarray,
    transit: np.ndarray,
    viable: np.ndarray,
    competent: np.ndarray,
    potential: np.ndarray,
    chance: np.ndarray,
    weight_transit: np.ndarray,
    weight_died: np.ndarray,
    weight_inert: np.ndarray,
) -> None:
    """Set the `chance` (lanes, niches) that an event settles; add a day's expected failures to the interval's weights.

    `viable` and `competent` as `todays_chances` sets them for single cells; `potential` (lanes,) multiplies
    `competent`.
    """
    for lane in range(alive.size):
        able = min(competent[lane] * potential[lane], 1.0)
        for niche in range(arrest.shape[1]):
            chance[lane, niche] = arrest[lane, niche] * viable[lane, niche] * able
        if alive[lane]:
            weight_transit[lane] += expected[lane] * transit[lane]
            for niche in range(arrest.shape[1]):
                arrested = expected[lane] * arrest[lane, niche]
                weight_died[lane, niche] += arrested * (1.0 - viable[lane, niche])
                weight_inert[lane, niche] += arrested * viable[lane, niche] * (1.0 - able)


@kernel
def split_failures(
    key: np.uint64,
    patient: np.ndarray,
    due: np.ndarray,
    day: int,
    source: int,
    failures: np.ndarray,
    weight_transit: np.ndarray,
    weight_died: np.ndarray,
    weight_inert: np.ndarray,
    transit_total: np.ndarray,
    died_total: np.ndarray,
    inert_total: np.ndarray,
) -> None:
    """Draw the interval's failures by kind for the lanes that are `due`, add them up, clear the weights."""
    niches = weight_died.shape[1]
    draws = 2 * niches  # of a lane: cells that died and inert ones, niche by niche
    size = draws * np.count_nonzero(due)
    who, kinds, tags = np.empty(size, np.uint64), np.empty(size, np.uint64), np.empty(size, np.uint64)
    days = np.full(size, days_word(day, 0))
    k = 0
    for lane in range(patient.size):
        if due[lane]:
            for niche in range(niches):
                for kind in range(2):
                    who[k], kinds[k], tags[k] = np.uint64(patient[lane]), kind, tag_word(TALLY, niche, source)
                    k += 1
    first, second = np.empty(size), np.empty(size)
    many_uniforms(key, who, kinds, days, tags, first, second)
    k = -1
    for lane in range(patient.size):
        if not due[lane]:
            continue
        left = failures[lane]
        failures[lane] = 0
        rest = weight_transit[lane]
        for niche in range(niches):
            rest += weight_died[lane, niche] + weight_inert[lane, niche]
        for niche in range(niches):
            for kind in range(2):
                k += 1
                weight = weight_died[lane, niche] if kind == 0 else weight_inert[lane, niche]
                count = np.int64(0)
                if left > 0 and weight > 0.0:
                    share = min(1.0, weight / rest)
                    count = binomial_from(first[k], second[k], left, share, key, who[k], kinds[k], days[k], tags[k])
                left -= count
                rest -= weight
                if kind == 0:
                    died_total[lane, niche] += count
                    weight_died[lane, niche] = 0.0
                else:
                    inert_total[lane, niche] += count
                    weight_inert[lane, niche] = 0.0
        transit_total[lane] += left
        weight_transit[lane] = 0.0
