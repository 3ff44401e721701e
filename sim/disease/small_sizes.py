"""Sizes of small promising colonies, drawn when somebody looks, and what a dose does to them.

A row moves from one day of a fixed raster to the next by draws that do not know who looked (see
`sim.disease.founders`).
"""

from __future__ import annotations

import math

import numpy as np

from sim.disease.birth_death import MOST_LINES, RASTER_DAYS, doomed_left_until, time_term
from sim.disease.founders import Colonies, Growth, foresee
from sim.disease.identity import day_of, index_of, lane_of, niche_of, source_of
from sim.names import NEVER
from sim.numerics.elementary import cosine_of_turns, exp, log
from sim.numerics.jit import kernel
from sim.numerics.samplers import (
    binomial,
    binomial_from,
    gamma,
    negative_binomial,
    negative_binomial_from,
    poisson,
    poisson_from,
)
from sim.numerics.streams import (
    DOSE_CELLS,
    DOSE_LINES,
    DOSE_REST,
    DOSE_SHARE,
    NEW_LINES,
    OFFSPRING,
    OFFSPRING_SHAPE,
    SURVIVORS,
    days_word,
    many_uniforms,
    tag_word,
    uniforms,
)

KEYED_LINES = 64
"""Up to so many immortal lines have each a mark and a share of the limit at a dose: survivors are nested in doses."""


@kernel
def _forward(
    key: np.uint64, patient: np.ndarray, i: int, rows: Colonies, growth: Growth, to: int, draw_day: int
) -> tuple[np.int64, np.int64]:
    """Immortal lines and doomed cells of a row on the morning of `to`, from where it stands, by the key of `draw_day`.

    What is left of the doomed cells and what immortal lines have borne is negative binomial with the same failure: one
    draw.
    """
    ident, days = rows.identity[i], float(to - rows.at[i])
    immortal, doomed = rows.immortal[i], rows.doomed[i]
    if days <= 0.0:
        return immortal, doomed
    lane, niche, source = lane_of(ident), niche_of(ident), source_of(ident)
    pace = rows.pace[i]
    net, birth, death = (
        pace * growth.net[lane, niche],
        pace * growth.birth[lane, niche],
        pace * growth.death[lane, niche],
    )
    who = patient[lane]
    if immortal == 0:
        if rows.end[i] <= to or doomed == 0:
            return np.int64(0), np.int64(0)
        to_end = rows.end[i] - rows.at[i]
        return np.int64(0), doomed_left_until(key, who, ident, draw_day, doomed, days, to_end, net, birth, death)
    term = time_term(net, days)
    alive = 1.0 / (1.0 + birth * term)
    mean = rows.limit[i] * math.exp(net * (rows.at[i] - rows.since[i])) * net * term
    index, when = index_of(ident), days_word(day_of(ident), draw_day)
    lines = immortal + poisson(min(mean, MOST_LINES), key, who, index, when, tag_word(NEW_LINES, niche, source))
    left = binomial(doomed, alive, key, who, index, when, tag_word(SURVIVORS, niche, source))
    shape, tag = tag_word(OFFSPRING_SHAPE, niche, source), tag_word(OFFSPRING, niche, source)
    more = negative_binomial(immortal + lines + left, death * term * alive, key, who, index, when, shape, tag)
    return lines, left + more


@kernel
def _forward_many(
    key: np.uint64,
    patient: np.ndarray,
    at: np.ndarray,
    to: np.ndarray,
    draw_day: np.ndarray,
    rows: Colonies,
    growth: Growth,
    lines: np.ndarray,
    cells: np.ndarray,
) -> None:
    """`_forward` of the rows number `at` (n,) to days `to`, several times faster: fills `lines`, `cells` (n,)."""
    n = at.size
    who, index, days, tag = (
        np.empty(n, np.uint64),
        np.empty(n, np.uint64),
        np.empty(n, np.uint64),
        np.empty(n, np.uint64),
    )
    mean, alive, failure = np.empty(n), np.empty(n), np.empty(n)
    for k in range(n):
        i = at[k]
        ident = rows.identity[i]
        lane, niche = lane_of(ident), niche_of(ident)
        pace = rows.pace[i]
        net, birth = pace * growth.net[lane, niche], pace * growth.birth[lane, niche]
        grown = exp(net * (to[k] - rows.at[i]))
        term = (grown - 1.0) / net
        if net * (to[k] - rows.at[i]) < 1e-3:
            term = time_term(net, float(to[k] - rows.at[i]))
        alive[k] = 1.0 / (1.0 + birth * term)
        failure[k] = pace * growth.death[lane, niche] * term * alive[k]
        mean[k] = min(rows.limit[i] * exp(net * (rows.at[i] - rows.since[i])) * net * term, MOST_LINES)
        who[k], index[k] = np.uint64(patient[lane]), np.uint64(index_of(ident))
        days[k], tag[k] = days_word(day_of(ident), draw_day[k]), tag_word(NEW_LINES, niche, source_of(ident))
    first, second, normal, accept, spare = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    many_uniforms(key, who, index, days, tag, first, second)
    for k in range(n):
        lines[k] = rows.immortal[at[k]] + poisson_from(
            first[k], second[k], mean[k], key, who[k], index[k], days[k], tag[k]
        )
    tag -= tag_word(NEW_LINES, 0, 0) - tag_word(SURVIVORS, 0, 0)
    many_uniforms(key, who, index, days, tag, first, second)
    for k in range(n):
        cells[k] = binomial_from(
            first[k], second[k], rows.doomed[at[k]], alive[k], key, who[k], index[k], days[k], tag[k]
        )
    tag += tag_word(OFFSPRING, 0, 0) - tag_word(SURVIVORS, 0, 0)
    shape = tag - (tag_word(OFFSPRING, 0, 0) - tag_word(OFFSPRING_SHAPE, 0, 0))
    many_uniforms(key, who, index, days, shape, normal, spare)
    for k in range(n):
        normal[k] = math.sqrt(-2.0 * log(normal[k])) * cosine_of_turns(spare[k])
    many_uniforms(key, who, index, days, shape + np.uint64(1), accept, spare)
    many_uniforms(key, who, index, days, tag, first, second)
    for k in range(n):
        cells[k] += negative_binomial_from(
            first[k],
            second[k],
            normal[k],
            accept[k],
            rows.immortal[at[k]] + lines[k] + cells[k],
            failure[k],
            key,
            who[k],
            index[k],
            days[k],
            shape[k],
            tag[k],
        )


@kernel
def _to_raster(
    key: np.uint64, patient: np.ndarray, chosen: np.ndarray, n: int, day: np.ndarray, rows: Colonies, growth: Growth
) -> None:
    """Bring the first `n` rows in `chosen` (numbers) to the last raster day up to the `day` (lanes,) of their lane."""
    at, to = np.empty(n, np.int64), np.empty(n, np.int64)
    lines, cells = np.empty(n, np.int64), np.empty(n, np.int64)
    while True:
        m = 0
        for k in range(n):
            i = chosen[k]
            last = day[lane_of(rows.identity[i])] // RASTER_DAYS * RASTER_DAYS
            if rows.at[i] >= last:
                continue
            step = (rows.at[i] // RASTER_DAYS + 1) * RASTER_DAYS
            if rows.immortal[i] > 0:
                at[m], to[m] = i, step
                m += 1
                continue
            while rows.at[i] < last:
                rows.immortal[i], rows.doomed[i] = _forward(key, patient, i, rows, growth, step, step)
                rows.at[i] = step
                step += RASTER_DAYS
        if m == 0:
            return
        _forward_many(key, patient, at[:m], to[:m], to[:m], rows, growth, lines, cells)
        for k in range(m):
            i = at[k]
            rows.at[i], rows.immortal[i], rows.doomed[i] = to[k], lines[k], cells[k]


@kernel
def look(
    key: np.uint64,
    patient: np.ndarray,
    day: np.ndarray,
    lanes: np.ndarray,
    count: int,
    rows: Colonies,
    growth: Growth,
    cells: np.ndarray,
    total: np.ndarray,
) -> None:
    """Cells of every small colony on the morning of `day` (lanes,) in some `lanes` (bool).

    They are added to `total` (lanes, niches) float64. Fills `cells` (count,), 0 in other lanes. Rows move along the
    raster, by draws that do not know who looked; a look between its days draws forward with the key of the next one,
    and keeps nothing.
    """
    chosen = np.empty(count, np.int64)
    n = 0
    for i in range(count):
        cells[i] = 0
        if lanes[lane_of(rows.identity[i])]:
            chosen[n] = i
            n += 1
    _to_raster(key, patient, chosen, n, day, rows, growth)
    at, to, draw_day = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    m = 0
    for k in range(n):
        i = chosen[k]
        today = day[lane_of(rows.identity[i])]
        if rows.at[i] >= today:
            cells[i] = rows.immortal[i] + rows.doomed[i]
        elif rows.immortal[i] == 0:
            cells[i] = _forward(key, patient, i, rows, growth, today, (today // RASTER_DAYS + 1) * RASTER_DAYS)[1]
        else:
            at[m], to[m], draw_day[m] = i, today, (today // RASTER_DAYS + 1) * RASTER_DAYS
            m += 1
    lines, more = np.empty(m, np.int64), np.empty(m, np.int64)
    _forward_many(key, patient, at[:m], to[:m], draw_day[:m], rows, growth, lines, more)
    for k in range(m):
        cells[at[k]] = lines[k] + more[k]
    for k in range(n):
        i = chosen[k]
        total[lane_of(rows.identity[i]), niche_of(rows.identity[i])] += cells[i]


@kernel
def dose(
    key: np.uint64,
    patient: np.ndarray,
    alive: np.ndarray,
    day: int,
    survival: np.ndarray,
    count: int,
    rows: Colonies,
    growth: Growth,
) -> bool:
    """Thin the small colonies on the morning of `day`; `survival` (classes, lanes, niches) of cells, by resisted drugs.

    Each immortal line and each doomed cell survives by itself; the limit keeps the share of the lines that do. Returns
    whether a colony was hit.
    """
    classes = survival.shape[0]
    chosen = np.empty(count, np.int64)
    n = 0
    for i in range(count):
        lane, niche = lane_of(rows.identity[i]), niche_of(rows.identity[i])
        if alive[lane] and survival[np.int64(rows.traits[i]) & (classes - 1), lane, niche] < 1.0:
            chosen[n] = i
            n += 1
    _to_raster(key, patient, chosen, n, np.full(alive.size, np.int64(day)), rows, growth)
    for place in range(n):
        i = chosen[place]
        ident = rows.identity[i]
        lane, niche = lane_of(ident), niche_of(ident)
        share = survival[np.int64(rows.traits[i]) & (classes - 1), lane, niche]
        immortal, doomed = _forward(key, patient, i, rows, growth, day, day)
        limit = rows.limit[i] * math.exp(rows.pace[i] * growth.net[lane, niche] * (day - rows.since[i]))
        index, days, source = index_of(ident), days_word(day_of(ident), day), source_of(ident)
        who = patient[lane]
        doomed = binomial(doomed, share, key, who, index, days, tag_word(DOSE_CELLS, niche, source))
        tag = tag_word(DOSE_LINES, niche, source)
        left = np.int64(0)
        if immortal <= KEYED_LINES:
            kept, lost = 0.0, 0.0
            for line in range(immortal):
                mark, part = uniforms(key, who, index, days, tag + np.uint64(line))
                if mark < share:
                    left += 1
                    kept -= math.log(part)
                else:
                    lost -= math.log(part)
        else:
            left = binomial(immortal, share, key, who, index, days, tag)
            kept = lost = 0.0
            if 0 < left < immortal:
                kept = gamma(float(left), key, who, index, days, tag_word(DOSE_SHARE, niche, source))
                lost = gamma(float(immortal - left), key, who, index, days, tag_word(DOSE_REST, niche, source))
        rows.since[i], rows.immortal[i], rows.doomed[i] = day, left, doomed
        rows.limit[i] = 0.0 if left == 0 else limit if left == immortal else limit * (kept / (kept + lost))
        if left + doomed > 0:
            foresee(key, patient, i, rows, growth)
        else:
            rows.at[i], rows.end[i], rows.due[i], rows.hidden[i] = day, float(day), day, NEVER
    return n > 0
