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
from sim.numerics.rare_events import rare_binomial_inverse
from sim.numerics.samplers import binomial_from, poisson_from
from sim.numerics.streams import SETTLE, SHED, TALLY, days_word, many_uniforms, many_words, tag_word, uniform

_MOST = 1.0 - 2.0**-53


_TOP = 2.0**-6
"""Which of a lane's uniforms are above 1 - _TOP is drawn first: where no niche expects so much, only those matter."""
_FIRST, _UPPER = 255, 128
"""In place of the organ in a tag: the draw of those above, and, added to the niche, the uniform of one of them."""
_WORDS = 4


@kernel
def shed_cells(
    key: np.uint64,
    patient: np.ndarray,
    living: np.ndarray,
    day: int,
    source: int,
    expected: np.ndarray,
    shed_today: np.ndarray,
    shed_total: np.ndarray,
) -> None:
    """Cells shed today in `living` lanes (numbers), Poisson with mean `expected` (lanes,); added to `shed_total`."""
    days, tag = days_word(day, 0), tag_word(SHED, 0, source)
    shed_today[:] = 0
    at, n = np.empty(living.size, np.int64), 0
    for lane in living:
        at[n] = lane
        n += expected[lane] > 0.0
    who, first, second = np.empty(n, np.uint64), np.empty(n), np.empty(n)
    for k in range(n):
        who[k] = np.uint64(patient[at[k]])
    many_uniforms(key, who, np.zeros(n, np.uint64), np.full(n, days), np.full(n, tag), first, second)
    for k in range(n):
        lane = at[k]
        shed_today[lane] = poisson_from(first[k], second[k], expected[lane], key, patient[lane], 0, days, tag)
        shed_total[lane] += shed_today[lane]


@kernel
def _choose(number: int, w: float, upper: np.ndarray) -> None:
    """Mark so many of `upper` (bool), chosen at random by a uniform w."""
    left = number
    for niche in range(upper.size):
        share = left / (upper.size - niche)
        upper[niche] = w < share
        if upper[niche]:
            left -= 1
            w /= share
        elif share > 0.0:
            w = (w - share) / (1.0 - share)


@kernel
def _above(u: float, niches: int) -> int:
    """How many of so many uniforms are above 1 - _TOP: the binomial quantile at u."""
    mass = (1.0 - _TOP) ** niches
    total, k = mass, 0
    while total < u and k < niches:
        mass *= (niches - k) / (k + 1.0) * (_TOP / (1.0 - _TOP))
        k += 1
        total += mass
    return k


@kernel
def settle_cells(
    key: np.uint64,
    patient: np.ndarray,
    living: np.ndarray,
    day: int,
    source: int,
    shed_today: np.ndarray,
    chance: np.ndarray,
    settled_today: np.ndarray,
    settled_total: np.ndarray,
    settled_of_source: np.ndarray,
    failures: np.ndarray,
    places: np.ndarray,
) -> tuple[int, int]:
    """Split today's settled cells off the shed ones; returns how many settled in all, and in how many places.

    `living` are the numbers of the lanes whose course goes on. `chance` (lanes, niches) is the probability that a shed
    cell settles there; the others add to `failures`. `places` takes lane x niches + niche where any settled, in order.
    One uniform a niche, the same whatever the chances are, and inversion: a niche's count is monotone in its chance.
    First comes how many of a lane's uniforms lie above 1 - _TOP. Those have 52 bits more; the others, drawn only where
    they matter, have 32.
    """
    niches = chance.shape[1]
    none = (1.0 - _TOP) ** niches
    days = days_word(day, 0)
    settled_today[:] = 0
    at, n = np.empty(living.size, np.int64), 0
    most, together = np.empty(living.size), np.empty(living.size)
    for lane in living:
        at[n], most[n], together[n] = lane, 0.0, 0.0
        for niche in range(niches):
            together[n] += chance[lane, niche]
            most[n] = max(most[n], chance[lane, niche])
        failures[lane] += shed_today[lane]  # all of them, until some settle
        n += shed_today[lane] > 0 and together[n] > 0.0
    who, first, second = np.empty(n, np.uint64), np.empty(n), np.empty(n)
    for k in range(n):
        who[k] = np.uint64(patient[at[k]])
    zero, when = np.zeros(n, np.uint64), np.full(n, days)
    many_uniforms(key, who, zero, when, np.full(n, tag_word(SETTLE, _FIRST, source)), first, second)
    m = 0
    for k in range(n):
        lane = at[k]
        all_matter = shed_today[lane] * most[k] >= _TOP * (1.0 - together[k])
        if all_matter or first[k] > none:
            at[m], who[m], first[m], second[m] = lane, who[k], first[k], second[k] if all_matter else -second[k]
            m += 1
    blocks = (niches + _WORDS - 1) // _WORDS
    of_block, b = np.full(m, -1), 0
    for k in range(m):
        if second[k] > 0.0:
            of_block[k] = b
            b += 1
    below = np.empty((blocks, _WORDS, b))
    if b > 0:
        some = np.empty(b, np.uint64)
        for k in range(m):
            if of_block[k] >= 0:
                some[of_block[k]] = who[k]
        for block in range(blocks):
            many_words(key, some, zero[:b], when[:b], np.full(b, tag_word(SETTLE, block, source)), below[block])
    total, n = 0, 0
    upper = np.empty(niches, np.bool_)
    for k in range(m):
        lane = at[k]
        _choose(_above(first[k], niches), abs(second[k]), upper)
        left, rest = shed_today[lane], 1.0
        for niche in range(niches):
            if left > 0 and (upper[niche] or of_block[k] >= 0):
                p = chance[lane, niche] / rest
                if upper[niche]:
                    w = _TOP * uniform(key, patient[lane], 0, days, tag_word(SETTLE, _UPPER + niche, source))
                else:
                    w = 1.0 - (1.0 - _TOP) * below[niche // _WORDS, niche % _WORDS, of_block[k]]
                if w < left * p:  # else none: P(0) = (1 - p)^n is at least 1 - n p
                    count = rare_binomial_inverse(left, p, min(1.0 - w, _MOST))
                    if count > 0:
                        settled_today[lane, niche] = count
                        settled_total[lane, niche] += count
                        settled_of_source[lane, niche] += count
                        places[n] = lane * niches + niche
                        n += 1
                        left -= count
                        total += count
            rest -= chance[lane, niche]
        failures[lane] -= shed_today[lane] - left
    return total, n


@kernel
def todays_chances(
    lanes: np.ndarray,
    soil: np.ndarray,
    receptivity: np.ndarray,
    competent_share: np.ndarray,
    competence: np.ndarray,
    viable: np.ndarray,
    competent: np.ndarray,
) -> None:
    """Set today's chances that an arrested cell survives, and that one of the primary can found a colony.

    In some `lanes` (numbers). `viable` (lanes, niches) is that it survives and extravasates, soil x receptivity, at
    most 1; `competent` (lanes,) that such a cell of the primary can found a colony, share x competence (above one
    counts as one).
    """
    for lane in lanes:
        competent[lane] = competent_share[lane] * competence[lane]
        for niche in range(soil.shape[1]):
            viable[lane, niche] = min(soil[lane, niche] * receptivity[lane, niche], 1.0)


@kernel
def circulate(
    living: np.ndarray,
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

    In `living` lanes (numbers). `viable` and `competent` as `todays_chances` sets them for single cells; `potential`
    (lanes,) multiplies `competent`.
    """
    for lane in living:
        if expected[lane] == 0.0:
            continue
        able = min(competent[lane] * potential[lane], 1.0)
        weight_transit[lane] += expected[lane] * transit[lane]
        for niche in range(arrest.shape[1]):
            chance[lane, niche] = arrest[lane, niche] * viable[lane, niche] * able
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
    transit_of_source: np.ndarray,
    died_of_source: np.ndarray,
    inert_of_source: np.ndarray,
) -> None:
    """Draw the interval's failures by kind for the lanes that are `due`, add them up, clear the weights.

    They are added to the totals of all sources, and to those of this one.
    """
    niches = weight_died.shape[1]
    draws = 2 * niches  # of a lane: cells that died and inert ones, niche by niche
    days = days_word(day, 0)
    who, kinds, tags = np.empty(draws, np.uint64), np.empty(draws, np.uint64), np.empty(draws, np.uint64)
    for k in range(draws):
        kinds[k], tags[k] = k % 2, tag_word(TALLY, k // 2, source)
    first, second, when = np.empty(draws), np.empty(draws), np.full(draws, days)
    for lane in range(patient.size):
        if not due[lane]:
            continue
        left = failures[lane]
        if left > 0:
            who[:] = np.uint64(patient[lane])
            many_uniforms(key, who, kinds, when, tags, first, second)
            failures[lane] = 0
            rest = weight_transit[lane]
            for niche in range(niches):
                rest += weight_died[lane, niche] + weight_inert[lane, niche]
            for k in range(draws):
                niche = k // 2
                weight = weight_died[lane, niche] if k % 2 == 0 else weight_inert[lane, niche]
                count = np.int64(0)
                if left > 0 and weight > 0.0:
                    share = min(1.0, weight / rest)
                    count = binomial_from(first[k], second[k], left, share, key, who[k], kinds[k], days, tags[k])
                left -= count
                rest -= weight
                if k % 2 == 0:
                    died_total[lane, niche] += count
                    died_of_source[lane, niche] += count
                else:
                    inert_total[lane, niche] += count
                    inert_of_source[lane, niche] += count
            transit_total[lane] += left
            transit_of_source[lane] += left
        weight_transit[lane] = 0.0
        weight_died[lane, :] = 0.0
        weight_inert[lane, :] = 0.0


@kernel
def split_failures_of_all(
    key: np.uint64,
    patient: np.ndarray,
    due: np.ndarray,
    day: int,
    sources: np.ndarray,
    has_shed: np.ndarray,
    failures: np.ndarray,
    weight_transit: np.ndarray,
    weight_died: np.ndarray,
    weight_inert: np.ndarray,
    transit_of_source: np.ndarray,
    died_of_source: np.ndarray,
    inert_of_source: np.ndarray,
    transit_total: np.ndarray,
    died_total: np.ndarray,
    inert_total: np.ndarray,
) -> None:
    """`split_failures` of all `sources` that have shed; arrays by source have it as first axis."""
    for s in range(sources.size):
        if has_shed[s]:
            split_failures(
                key,
                patient,
                due,
                day,
                sources[s],
                failures[s],
                weight_transit[s],
                weight_died[s],
                weight_inert[s],
                transit_total,
                died_total,
                inert_total,
                transit_of_source[s],
                died_of_source[s],
                inert_of_source[s],
            )
