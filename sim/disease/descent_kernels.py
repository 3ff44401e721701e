"""Who descends from whom: the parent and the clone of every seed that a metastasis shed, drawn as it settles.

Seeds of metastases are noted in blocks, one a source organ and day of shedding (metastases shed once a week); a block
is a run of groups, one a lane and niche, and a seed's index is its place in the group: so a seed is found by its
identity alone and costs four bytes, the number of its parent among the `shedders`. What the primary shed is not
noted: its clones are keyed draws of the identity.
"""

from __future__ import annotations

import math

import numpy as np

from sim.disease.birth_death import STEP_DAYS
from sim.disease.colonise import grown_log_cells
from sim.disease.founders import founders_of
from sim.disease.identity import day_of, index_of, lane_of, niche_of, pack, source_of
from sim.numerics.jit import kernel
from sim.numerics.streams import CLONE, PARENT, days_word, tag_word, uniform

MIXED = 255
"""The clone of a shedder that several cells founded."""


@kernel
def shedder_of(
    ident: np.uint64,
    niches: int,
    block_first: np.ndarray,
    block_end: np.ndarray,
    place: np.ndarray,
    first: np.ndarray,
    shedder: np.ndarray,
) -> np.int64:
    """The shedder of a seed that a metastasis shed, -1 for one that was never noted.

    `block_first`, `block_end` (blocks,) are groups, `place` (groups,) their lane and niche, `first` (groups,) the row
    of their first seed, `shedder` (seeds,) what is looked up.
    """
    block = day_of(ident) // STEP_DAYS * niches + source_of(ident) - 1
    if block >= block_first.size or day_of(ident) % STEP_DAYS:
        return np.int64(-1)
    low, high = block_first[block], block_end[block]
    wanted = lane_of(ident) * niches + niche_of(ident)
    while low < high:
        middle = (low + high) // 2
        if place[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    if low >= block_end[block] or place[low] != wanted:
        return np.int64(-1)
    row = first[low] + index_of(ident)
    end = first[low + 1] if low + 1 < first.size else shedder.size
    return np.int64(shedder[row]) if row < end else np.int64(-1)


@kernel
def shedders_of(
    identity: np.ndarray,
    niches: int,
    block_first: np.ndarray,
    block_end: np.ndarray,
    place: np.ndarray,
    first: np.ndarray,
    shedder: np.ndarray,
    out: np.ndarray,
) -> None:
    """`shedder_of` many."""
    for i in range(identity.size):
        out[i] = shedder_of(identity[i], niches, block_first, block_end, place, first, shedder)


@kernel
def founder_clone(key: np.uint64, patient: int, ident: np.uint64, founder: int, cumulative: np.ndarray) -> int:
    """The clone of founding cell number `founder` of what the primary shed.

    `cumulative` weights (clones,), the last 1.
    """
    u = uniform(
        key,
        patient,
        index_of(ident),
        days_word(day_of(ident), founder),
        tag_word(CLONE, niche_of(ident), source_of(ident)),
    )
    clone = 0
    while clone < cumulative.size - 1 and u >= cumulative[clone]:
        clone += 1
    return clone


@kernel
def seed_clone(
    key: np.uint64,
    patient: int,
    ident: np.uint64,
    parent: np.uint64,
    clone: int,
    mean_cells: float,
    cumulative: np.ndarray,
    potential: np.ndarray,
) -> np.int64:
    """The clone of a seed: its parent's `clone`.

    Of a parent with several founders one of theirs, in proportion to potential.
    """
    if clone != MIXED:
        return np.int64(clone)
    number = founders_of(key, patient, parent, mean_cells)
    left = 0.0
    for founder in range(number):
        left += potential[founder_clone(key, patient, parent, founder, cumulative)]
    left *= uniform(
        key, patient, index_of(ident), days_word(day_of(ident), 0), tag_word(CLONE, niche_of(ident), source_of(ident))
    )
    chosen = np.int64(0)
    for founder in range(number):
        chosen = np.int64(founder_clone(key, patient, parent, founder, cumulative))
        left -= potential[chosen]
        if left < 0.0:
            break
    return chosen


@kernel
def draw_clones(
    key: np.uint64,
    patient: np.ndarray,
    identity: np.ndarray,
    founder: np.ndarray,
    mean_cells: np.ndarray,
    cumulative: np.ndarray,
    potential: np.ndarray,
    niches: int,
    block_first: np.ndarray,
    block_end: np.ndarray,
    place: np.ndarray,
    first: np.ndarray,
    shedder: np.ndarray,
    shedders: np.ndarray,
    clones: np.ndarray,
    out: np.ndarray,
) -> None:
    """The clone of founding cell number `founder` of each identity.

    `shedders` and `clones` are those of the shedders.
    """
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        if source_of(ident) > 0:
            at = shedder_of(ident, niches, block_first, block_end, place, first, shedder)
            out[i] = seed_clone(
                key, patient[lane], ident, shedders[at], clones[at], mean_cells[lane], cumulative[lane], potential[lane]
            )
        else:
            out[i] = founder_clone(key, patient[lane], ident, founder[i], cumulative[lane])


@kernel
def count_clones(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    source: int,
    first_index: int,
    settled: np.ndarray,
    has_clones: np.ndarray,
    mean_cells: np.ndarray,
    cumulative: np.ndarray,
    potential: np.ndarray,
    parent: np.ndarray,
    shedders: np.ndarray,
    clones: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add the founding cells of what settled today to `out` (lanes, clones), where patients have clones.

    `settled` is (lanes, niches). Indices begin at `first_index`; `parent` (seeds,) is the shedder of each in order of
    lane, niche and index, if a metastasis shed them.
    """
    row = 0
    for lane in range(settled.shape[0]):
        for niche in range(settled.shape[1]):
            count = settled[lane, niche]
            if count and has_clones[lane]:
                for i in range(count):
                    ident = pack(lane, day, first_index + i, niche, source)
                    if source > 0:
                        at = parent[row + i]
                        out[
                            lane,
                            seed_clone(
                                key,
                                patient[lane],
                                ident,
                                shedders[at],
                                clones[at],
                                mean_cells[lane],
                                cumulative[lane],
                                potential[lane],
                            ),
                        ] += 1
                        continue
                    for founder in range(founders_of(key, patient[lane], ident, mean_cells[lane])):
                        out[lane, founder_clone(key, patient[lane], ident, founder, cumulative[lane])] += 1
            row += count


@kernel
def shedder_traits(
    key: np.uint64,
    patient: np.ndarray,
    identity: np.ndarray,
    has_clones: np.ndarray,
    mean_cells: np.ndarray,
    cumulative: np.ndarray,
    potential: np.ndarray,
    niches: int,
    block_first: np.ndarray,
    block_end: np.ndarray,
    place: np.ndarray,
    first: np.ndarray,
    shedder: np.ndarray,
    shedders: np.ndarray,
    clones: np.ndarray,
    out_clone: np.ndarray,
    out_potential: np.ndarray,
) -> None:
    """Clone (or MIXED) and mean potential of the cells of colonies; 0 and 1 in patients without clones."""
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        out_clone[i], out_potential[i] = 0, 1.0
        if not has_clones[lane]:
            continue
        number = founders_of(key, patient[lane], ident, mean_cells[lane]) if source_of(ident) == 0 else np.int64(1)
        if source_of(ident) > 0:
            at = shedder_of(ident, niches, block_first, block_end, place, first, shedder)
            clone = seed_clone(
                key, patient[lane], ident, shedders[at], clones[at], mean_cells[lane], cumulative[lane], potential[lane]
            )
        else:
            clone = np.int64(founder_clone(key, patient[lane], ident, 0, cumulative[lane]))
        out_clone[i], out_potential[i] = clone, potential[lane, clone]
        if number > 1:
            total = 0.0
            for founder in range(number):
                total += potential[lane, founder_clone(key, patient[lane], ident, founder, cumulative[lane])]
            out_clone[i], out_potential[i] = MIXED, total / number


@kernel
def find_new(
    count: int,
    identity: np.ndarray,
    alive: np.ndarray,
    traits: np.ndarray,
    resistances: int,
    shedder: np.ndarray,
    resists: np.ndarray,
    rows: np.ndarray,
) -> int:
    """Rows of grown colonies that are not yet among the shedders with what they resist; returns how many."""
    n = 0
    for i in range(count):
        if alive[lane_of(identity[i])] and (shedder[i] < 0 or resists[shedder[i]] != traits[i] & resistances):
            rows[n] = i
            n += 1
    return n


@kernel
def weigh_shedders(
    alive: np.ndarray,
    day: float,
    count: int,
    identity: np.ndarray,
    start_day: np.ndarray,
    start_log_cells: np.ndarray,
    delay: np.ndarray,
    pace: np.ndarray,
    shedder: np.ndarray,
    early_rate: np.ndarray,
    limit_log_cells: np.ndarray,
    limit_gap: np.ndarray,
    gompertz_rate: np.ndarray,
    exponent: np.ndarray,
    potential: np.ndarray,
    start_of: np.ndarray,
    parent: np.ndarray,
    weight: np.ndarray,
    surface: np.ndarray,
    mean_potential: np.ndarray,
) -> None:
    """What each grown colony contributes to the seeds of its organ on the morning of `day`.

    Fills `start_of` (lanes x niches + 1) with the first of each organ's shedders in `parent` (their numbers, in the
    order of the rows), `weight` (alike) with the running sum within the organ of cells^`exponent` x potential,
    `surface` (lanes, niches) with the sum of cells^`exponent`, and `mean_potential` (alike) with the potential of the
    average cell shed, 1 where nothing is shed. `potential` is that of the shedders.
    """
    niches = surface.shape[1]
    start_of[:] = 0
    surface[:] = 0.0
    mean_potential[:] = 0.0
    for i in range(count):
        if alive[lane_of(identity[i])]:
            start_of[lane_of(identity[i]) * niches + niche_of(identity[i]) + 1] += 1
    for group in range(1, start_of.size):
        start_of[group] += start_of[group - 1]
    filled = start_of[:-1].copy()
    for i in range(count):
        lane, niche = lane_of(identity[i]), niche_of(identity[i])
        if not alive[lane]:
            continue
        shed = math.exp(
            exponent[lane]
            * grown_log_cells(
                day - start_day[i],
                start_log_cells[i],
                delay[i],
                early_rate[lane, niche] * pace[i],
                limit_log_cells[lane],
                limit_gap[lane],
                gompertz_rate[lane, niche] * pace[i],
            )
        )
        surface[lane, niche] += shed
        mean_potential[lane, niche] += shed * potential[shedder[i]]
        at = filled[lane * niches + niche]
        filled[lane * niches + niche] += 1
        parent[at], weight[at] = shedder[i], mean_potential[lane, niche]
    for lane in range(surface.shape[0]):
        for niche in range(niches):
            total = surface[lane, niche]
            mean_potential[lane, niche] = mean_potential[lane, niche] / total if total > 0.0 else 1.0


@kernel
def draw_parents(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    source: int,
    settled: np.ndarray,
    start_of: np.ndarray,
    parent: np.ndarray,
    weight: np.ndarray,
    row: int,
    place: np.ndarray,
    first: np.ndarray,
    chosen: np.ndarray,
) -> bool:
    """The shedder (`chosen`) of each seed settled today from organ number `source` - 1, by lane, niche and index.

    `settled` (lanes, niches) counts them; `row` is that of the first in the table of seeds. A parent is drawn in
    proportion to the cells that it shed times their chance to found a colony (see `weigh_shedders`). Fills `place`
    and `first` of each lane and niche that got a seed; returns whether every seed has a parent.
    """
    n = 0
    groups = 0
    niches = settled.shape[1]
    for lane in range(settled.shape[0]):
        begin, stop = start_of[lane * niches + source - 1], start_of[lane * niches + source]
        for niche in range(niches):
            if settled[lane, niche] == 0:
                continue
            if stop == begin:
                return False
            place[groups], first[groups] = lane * niches + niche, row + n
            groups += 1
            for i in range(settled[lane, niche]):
                target = weight[stop - 1] * uniform(
                    key, patient[lane], i, days_word(day, 0), tag_word(PARENT, niche, source)
                )
                low, high = begin, stop - 1
                while low < high:
                    middle = (low + high) // 2
                    if weight[middle] <= target:
                        low = middle + 1
                    else:
                        high = middle
                chosen[n] = parent[low]
                n += 1
    return True
