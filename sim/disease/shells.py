"""Which of the cells that settle are promising: a mark v of each, uniform; promising is who has v < p.

The settled are split into shells v in [2^-(j+1), 2^-j) by binomial quantiles: first the number below 2^-ANCHOR, then
the smaller shells by halves, then the larger ones as shares of the rest. No node of this tree knows p, so a founder has
the same shell, number and mark in every arm; only shells below p are opened into identities, and only in the one that
holds p do marks decide. Everybody else is doomed, and only counted.
"""

from __future__ import annotations

import math

import numpy as np

from sim.disease.identity import IN_SHELL, PROMISING_INDEX, SHELLS, pack
from sim.numerics.jit import kernel
from sim.numerics.samplers import binomial_inverse
from sim.numerics.streams import MARK, SHELL, days_word, many_uniforms, tag_word, uniform, uniforms

ANCHOR = 5
"""1/32: a little above the share that is promising at usual rates of birth and death."""
FULL = -1
"""What `open_shells` returns where a shell has more founders than identities."""


@kernel
def _open(
    key: np.uint64,
    patient: int,
    lane: int,
    day: int,
    niche: int,
    source: int,
    first_index: int,
    shell: int,
    count: int,
    bound: float,
    identity: np.ndarray,
    n: int,
) -> int:
    """Write the founders of a shell that are promising from row n on; returns the next row."""
    low = 0.0 if shell == SHELLS - 1 else math.ldexp(1.0, -(shell + 1))
    high = math.ldexp(1.0, -shell)
    for i in range(count):
        ident = pack(lane, day, first_index + PROMISING_INDEX + shell * IN_SHELL + i, niche, source)
        if high > bound:
            mark = uniform(
                key,
                patient,
                first_index + PROMISING_INDEX + shell * IN_SHELL + i,
                days_word(day, 0),
                tag_word(MARK, niche, source),
            )
            if low + (high - low) * mark >= bound:
                continue
        identity[n] = ident
        n += 1
    return n


@kernel
def open_shells(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    source: int,
    tag: int,
    first_index: int,
    places: np.ndarray,
    settled: np.ndarray,
    bound: np.ndarray,
    identity: np.ndarray,
    doomed: np.ndarray,
) -> int:
    """Promising founders among the cells that `settled` today, (lanes, niches), in order of lane, niche and index.

    `places` are those where any did, lane x niches + niche, in order; `bound` (lanes, niches) is the chance to be
    promising; `source` and `tag` are those of the stream, `first_index`
    says whether it is one of clusters. Fills `identity`, which has room for all, and `doomed` (lanes, niches). Returns
    how many are promising, or FULL.
    """
    niches, count_places = settled.shape[1], places.size
    doomed[:] = 0
    anchor = math.ldexp(1.0, -ANCHOR)
    who, tags = np.empty(count_places, np.uint64), np.empty(count_places, np.uint64)
    for k in range(count_places):
        lane, niche = places[k] // niches, places[k] % niches
        who[k], tags[k] = np.uint64(patient[lane]), tag_word(SHELL, niche, tag)
    days = days_word(day, 0)
    first, second = np.empty(count_places), np.empty(count_places)
    many_uniforms(key, who, np.zeros(count_places, np.uint64), np.full(count_places, days), tags, first, second)
    in_shell = np.zeros(SHELLS, np.int64)
    n = 0
    for k in range(count_places):
        lane, niche = places[k] // niches, places[k] % niches
        count, p = settled[lane, niche], bound[lane, niche]
        begin = n
        below = np.int64(0)
        if first[k] > 1.0 - count * anchor:  # else none: P(0) = (1 - q)^n is at least 1 - n q
            below = binomial_inverse(count, anchor, first[k])
        low, high = ANCHOR, ANCHOR  # the shells from `low` on and below `high` are filled
        u, left = second[k], count - below
        while low > 0 and math.ldexp(1.0, -low) < p and left > 0:
            # Of those with v >= 2^-low, the share below 2^-(low-1).
            low -= 1
            least = math.ldexp(1.0, -(low + 1))
            in_shell[low] = left
            if low > 0:
                v = uniforms(key, who[k], 2, days, tags[k] + np.uint64(low))[0]
                in_shell[low] = binomial_inverse(left, least / (1.0 - least), v)
            left -= in_shell[low]
        while below > 0:
            smaller = np.int64(0)
            if high < SHELLS - 1:
                smaller = binomial_inverse(below, 0.5, u)
                u = uniforms(key, who[k], 1, days, tags[k] + np.uint64(high))[0]
            in_shell[high] = below - smaller
            below = smaller
            high += 1
        for shell in range(low, high):
            if in_shell[shell] > IN_SHELL:
                return FULL
            if in_shell[shell] > 0 and math.ldexp(1.0, -(shell + 1)) < p:
                n = _open(
                    key, patient[lane], lane, day, niche, source, first_index, shell, in_shell[shell], p, identity, n
                )
        doomed[lane, niche] = count - (n - begin)
    return n
