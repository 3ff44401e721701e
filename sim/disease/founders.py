"""Promising colonies while they are small: immortal lines, doomed cells, and the limit that they grow to.

A row holds what the colony was at its last event (it began to cycle, or had a dose) on the morning of `since`:
`immortal` lines and `limit` E (see `sim.disease.birth_death`). From E follows the day on which it is certain to grow,
so between events a row costs nothing. Its size on a morning is drawn when somebody looks, from one day of a fixed
raster to the next: (`at`, `immortal`, `doomed`) is the last one. A colony that a dose left without an immortal line
dies out at `end`, drawn at the dose.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.disease.birth_death import STEP_DAYS, end_days
from sim.disease.identity import day_of, index_of, is_cluster, is_promising, lane_of, niche_of, source_of
from sim.names import NEVER
from sim.numerics.jit import kernel
from sim.numerics.samplers import (
    binomial,
    gamma,
)
from sim.numerics.streams import (
    CLEARED,
    CLUSTER_LINES,
    CLUSTER_SIZE,
    END,
    FALLEN_LINES,
    LIMIT,
    LIMIT_SHAPE,
    days_word,
    exponential,
    tag_word,
    uniform,
)

WAS_GROWN = 128
"""Trait of a colony in a byte: it had grown before a treatment made it small. The low bits are the drugs that it
resists, in the order of `sim.disease.resistance.DRUGS`.
"""


class Growth(NamedTuple):
    """The law of small colonies, (lanes, niches) each, but for what is said to be (lanes,).

    Net growth b - d, birth b, death d per day, p = 1 - d/b, and the cells from which on growth is certain; T cells
    clear a colony until it has `seen_until` (lanes,) cells, zero where they clear none; a cluster has `mean_cells`
    (lanes,).
    """

    net: np.ndarray
    birth: np.ndarray
    death: np.ndarray
    promising: np.ndarray
    certain_cells: np.ndarray
    seen_until: np.ndarray
    mean_cells: np.ndarray


class Colonies(NamedTuple):
    """The columns of `sim.disease.small_colonies`, in their order."""

    identity: np.ndarray
    woke: np.ndarray
    traits: np.ndarray
    since: np.ndarray
    at: np.ndarray
    immortal: np.ndarray
    doomed: np.ndarray
    limit: np.ndarray
    end: np.ndarray
    due: np.ndarray
    cleared: np.ndarray
    hidden: np.ndarray
    pace: np.ndarray


@kernel
def founders_of(key: np.uint64, patient: int, ident: np.uint64, mean_cells: float, promising: float) -> np.int64:
    """Founding cells: one, or a cluster's: 2 plus a geometric number k with mean `mean_cells` - 2, P(k) ~ f^k.

    A cluster of n is promising with chance 1 - (1 - p)^n, p = `promising`; so of those that are, n follows f^k (1 -
    (1-p)^n), and of the doomed f^k (1 - p)^n, both by inversion of one uniform.
    """
    if not is_cluster(ident):
        return np.int64(1)
    more = mean_cells - 2.0
    if more <= 0.0:
        return np.int64(2)
    u = uniform(
        key,
        patient,
        index_of(ident),
        days_word(day_of(ident), 0),
        tag_word(CLUSTER_SIZE, niche_of(ident), source_of(ident)),
    )
    f, q = more / (1.0 + more), 1.0 - promising
    if not is_promising(ident):
        return np.int64(2) + np.int64(math.floor(math.log(u) / math.log(f * q)))
    lost = q * q * (1.0 - f) / (1.0 - f * q)  # the share of all clusters that is doomed
    k, left, both = 1, f, f * q
    while k < 100_000 and left - lost * both > u * (1.0 - lost):  # P(at least k more) > u
        k += 1
        left *= f
        both *= f * q
    return np.int64(1 + k)


@kernel
def founders(
    key: np.uint64,
    patient: np.ndarray,
    identity: np.ndarray,
    mean_cells: np.ndarray,
    promising: np.ndarray,
    out: np.ndarray,
) -> None:
    """`founders_of` many; `patient` and `mean_cells` by lane, `promising` by lane and niche."""
    for i in range(identity.size):
        lane = lane_of(identity[i])
        out[i] = founders_of(key, patient[lane], identity[i], mean_cells[lane], promising[lane, niche_of(identity[i])])


@kernel
def _immortal_founders(u: float, cells: int, promising: float) -> np.int64:
    """Immortal lines among the founders of a promising cluster: binomial given at least one, by inversion."""
    if promising >= 1.0:
        return np.int64(cells)
    none = math.exp(cells * math.log1p(-promising))
    k, mass = 1, none * cells * promising / (1.0 - promising)
    total, wanted = mass, u * (1.0 - none)
    while total < wanted and k < cells:
        mass *= (cells - k) / (k + 1.0) * promising / (1.0 - promising)
        k += 1
        total += mass
    return np.int64(k)


@kernel
def _week_morning(since: int, days: float) -> np.int64:
    """First morning after `since`, at the end of a week, that is at least `days` later."""
    if not days < NEVER:
        return np.int64(NEVER)
    morning = since + max(np.int64(math.ceil(days)), np.int64(1))
    return (morning + STEP_DAYS - 1) // STEP_DAYS * STEP_DAYS


@kernel
def foresee(key: np.uint64, patient: np.ndarray, i: int, rows: Colonies, growth: Growth) -> None:
    """Set what is known of a row from its last event on: the evening on which it is `due`, `end` and `hidden`."""
    ident, since = rows.identity[i], rows.since[i]
    lane, niche = lane_of(ident), niche_of(ident)
    pace, p = rows.pace[i], growth.promising[lane, niche]
    net, birth = pace * growth.net[lane, niche], pace * growth.birth[lane, niche]
    rows.at[i] = since
    if rows.immortal[i] == 0:
        u = uniform(
            key,
            patient[lane],
            index_of(ident),
            days_word(day_of(ident), since),
            tag_word(END, niche, source_of(ident)),
        )
        rows.end[i] = since + end_days(u, rows.doomed[i], net, birth)
        rows.due[i] = min(np.int64(math.ceil(min(rows.end[i], float(NEVER)))) - 1, NEVER)
        rows.hidden[i] = NEVER
        return
    rows.end[i] = np.inf
    # As long as T cells clear it, it is followed here, though its growth be certain.
    followed = max(float(growth.certain_cells[lane, niche]), growth.seen_until[lane])
    certain = math.log(followed * p / rows.limit[i]) / net
    rows.due[i] = _week_morning(since, max(certain, 0.0)) - 1
    hidden = math.log(max(growth.seen_until[lane], 1.0) * p / rows.limit[i]) / net
    hidden = max(hidden, 0.0)
    rows.hidden[i] = np.int64(min(math.ceil(since + hidden), NEVER))


@kernel
def begin(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    identity: np.ndarray,
    traits: np.ndarray,
    pace: np.ndarray,
    count: int,
    rows: Colonies,
    growth: Growth,
    clearance_clock: np.ndarray,
    colonies: np.ndarray,
) -> None:
    """Write founders that begin to cycle at the end of `day` into the rows from `count` on.

    Empty `traits` and `pace` stand for no trait and pace one each; `clearance_clock` (lanes, niches) is that of the end
    of the day; `colonies` (lanes, niches) counts them.
    """
    for k in range(identity.size):
        i, ident = count + k, identity[k]
        lane, niche, source = lane_of(ident), niche_of(ident), source_of(ident)
        index, days = index_of(ident), days_word(day_of(ident), 0)
        p = growth.promising[lane, niche]
        cells = founders_of(key, patient[lane], ident, growth.mean_cells[lane], p)
        immortal = np.int64(1)
        if cells > 1:
            u = uniform(key, patient[lane], index, days, tag_word(CLUSTER_LINES, niche, source))
            immortal = _immortal_founders(u, cells, p)
        if immortal == 1:
            limit = exponential(key, patient[lane], index, days, tag_word(LIMIT, niche, source))
        else:
            limit = gamma(float(immortal), key, patient[lane], index, days, tag_word(LIMIT_SHAPE, niche, source))
        rows.identity[i], rows.woke[i], rows.since[i] = ident, day, day + 1
        rows.traits[i] = traits[k] if traits.size else 0
        rows.pace[i] = pace[k] if pace.size else 1.0
        rows.immortal[i], rows.doomed[i], rows.limit[i] = immortal, cells - immortal, limit
        rows.cleared[i] = clearance_clock[lane, niche] + exponential(
            key, patient[lane], index, days, tag_word(CLEARED, niche, source)
        )
        foresee(key, patient, i, rows, growth)
        colonies[lane, niche] += 1


@kernel
def fall(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    cells: np.ndarray,
    count: int,
    rows: Colonies,
    growth: Growth,
    clearance_clock: np.ndarray,
) -> None:
    """Make small again, on the morning of `day`, colonies of `cells` cells each (int64) in the rows from `count` on.

    Their identity, waking day, traits and pace stand there already. Each cell has an immortal line with chance p.
    """
    for k in range(cells.size):
        i = count + k
        ident = rows.identity[i]
        lane, niche, source = lane_of(ident), niche_of(ident), source_of(ident)
        index, days = index_of(ident), days_word(day_of(ident), day)
        p = growth.promising[lane, niche]
        immortal = binomial(cells[k], p, key, patient[lane], index, days, tag_word(FALLEN_LINES, niche, source))
        rows.since[i], rows.immortal[i], rows.doomed[i], rows.limit[i] = day, immortal, cells[k] - immortal, 0.0
        if immortal > 0:
            rows.limit[i] = gamma(
                float(immortal), key, patient[lane], index, days, tag_word(LIMIT_SHAPE, niche, source)
            )
        rows.cleared[i] = clearance_clock[lane, niche] + exponential(
            key, patient[lane], index, days, tag_word(CLEARED, niche, source)
        )
        if cells[k] > 0:
            foresee(key, patient, i, rows, growth)
        else:
            rows.at[i], rows.end[i], rows.due[i], rows.hidden[i] = day, float(day), day, NEVER


@kernel
def _copy(rows: Colonies, source: int, target: int) -> None:
    rows.identity[target], rows.woke[target], rows.traits[target] = (
        rows.identity[source],
        rows.woke[source],
        rows.traits[source],
    )
    rows.since[target], rows.at[target] = rows.since[source], rows.at[source]
    rows.immortal[target], rows.doomed[target] = rows.immortal[source], rows.doomed[source]
    rows.limit[target], rows.end[target], rows.due[target] = rows.limit[source], rows.end[source], rows.due[source]
    rows.cleared[target], rows.hidden[target] = rows.cleared[source], rows.hidden[source]
    rows.pace[target] = rows.pace[source]


@kernel
def anybody_cleared(day: int, clears: np.ndarray, clearance_clock: np.ndarray, count: int, rows: Colonies) -> bool:
    """Whether T cells have cleared a small colony by the evening of `day`: seldom, so it is asked first."""
    for i in range(count):
        lane = lane_of(rows.identity[i])
        if (
            clears[lane]
            and day < rows.hidden[i]
            and clearance_clock[lane, niche_of(rows.identity[i])] >= rows.cleared[i]
        ):
            return True
    return False


@kernel
def end_day(
    day: int,
    alive: np.ndarray,
    clears: np.ndarray,
    clearance_clock: np.ndarray,
    count: int,
    rows: Colonies,
    colonies: np.ndarray,
    extinct: np.ndarray,
    grown: Grown,
    gone: np.ndarray,
) -> tuple[int, int, int, np.int64]:
    """The evening of `day`: who is certain to grow, who has lost the last cell, whom T cells have cleared.

    `clears` (lanes,) bool says where T cells clear colonies; `clearance_clock` (lanes, niches) is that of the end of
    today. Rows of lanes that have ended are dropped, but for those with a row in the tables. `grown` and `gone` take
    the rows' old places: [place, place, ...] and identity with traits. Returns how many are left, grown and gone, and
    the next due evening.
    """
    left, n_grown, n_gone = 0, 0, 0
    next_due = np.int64(NEVER)
    for i in range(count):
        ident = rows.identity[i]
        lane = lane_of(ident)
        if not alive[lane]:
            if rows.traits[i] & WAS_GROWN:
                if left != i:
                    _copy(rows, i, left)
                left += 1
            continue
        niche = niche_of(ident)
        is_due = rows.due[i] <= day
        cleared = clears[lane] and day < rows.hidden[i] and clearance_clock[lane, niche] >= rows.cleared[i]
        if cleared or (is_due and rows.immortal[i] == 0):
            colonies[lane, niche] -= 1
            extinct[lane, niche] += 1
            gone[n_gone, 0], gone[n_gone, 1] = ident, np.uint64(rows.traits[i])
            n_gone += 1
        elif is_due:
            colonies[lane, niche] -= 1
            grown.identity[n_grown], grown.woke[n_grown] = ident, rows.woke[i]
            grown.traits[n_grown] = rows.traits[i]
            grown.since[n_grown], grown.limit[n_grown] = rows.since[i], rows.limit[i]
            grown.pace[n_grown] = rows.pace[i]
            n_grown += 1
        else:
            next_due = min(next_due, np.int64(rows.due[i]))
            if left != i:
                _copy(rows, i, left)
            left += 1
    return left, n_grown, n_gone, next_due


class Grown(NamedTuple):
    """Colonies that leave for deterministic growth, as `end_day` writes them."""

    identity: np.ndarray
    woke: np.ndarray
    traits: np.ndarray
    since: np.ndarray
    limit: np.ndarray
    pace: np.ndarray
