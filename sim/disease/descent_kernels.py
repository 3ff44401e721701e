"""Who descends from whom: the parent and the clone of every seed that a metastasis shed, drawn as it settles.

Seeds of metastases are noted in blocks, one a source organ and day of shedding (metastases shed once a week); a block is a
run of groups, one a lane and niche, in which seeds stand in order of their index: so a seed is found by its identity alone
and costs eight bytes, its index and the number of its parent among the `shedders`. What the primary shed is not noted: its clones are
keyed draws of the identity.
"""

from __future__ import annotations

import math

import numpy as np

from sim.disease.colonise import grown_log_cells
from sim.disease.birth_death import STEP_DAYS
from sim.disease.founders import founders_of
from sim.disease.identity import day_of, index_of, lane_of, niche_of, pack, source_of
from sim.numerics.jit import kernel
from sim.numerics.streams import CLONE, PARENT, days_word, tag_word, uniform

MIXED = 255
"""The clone of a shedder that several cells founded."""


@kernel
def shedder_of(ident, niches, block_first, block_end, place, first, number, shedder):
    """The shedder of a seed that a metastasis shed, -1 for one that was never noted.

    `block_first`, `block_end` (blocks,) are groups, `place` (groups,) their lane and niche, `first` (groups,) the row of
    their first seed, `number` (seeds,) the index of each, ascending in a group, `shedder` (seeds,) what is looked up.
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
    row, end = first[low], first[low + 1] if low + 1 < first.size else shedder.size
    last, index = end, index_of(ident)
    while row < end:
        middle = (row + end) // 2
        if number[middle] < index:
            row = middle + 1
        else:
            end = middle
    return np.int64(shedder[row]) if row < last and number[row] == index else np.int64(-1)


@kernel
def shedders_of(identity, niches, block_first, block_end, place, first, number, shedder, out):
    """`shedder_of` many."""
    for i in range(identity.size):
        out[i] = shedder_of(identity[i], niches, block_first, block_end, place, first, number, shedder)


@kernel
def founder_clone(key, patient, ident, founder, cumulative):
    """The clone of founding cell number `founder` of what the primary shed; `cumulative` weights (clones,), the last 1."""
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
def seed_clone(key, patient, ident, parent, clone, mean_cells, promising, cumulative, potential):
    """The clone of a seed: its parent's `clone`; of a parent with several founders one of theirs, in proportion to potential.

    `promising` (niches,) is the lane's chance that a cell is (see `founders_of`).
    """
    if clone != MIXED:
        return np.int64(clone)
    number = founders_of(key, patient, parent, mean_cells, promising[niche_of(parent)])
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
    key,
    patient,
    identity,
    founder,
    mean_cells,
    promising,
    cumulative,
    potential,
    niches,
    block_first,
    block_end,
    place,
    first,
    number,
    shedder,
    shedders,
    clones,
    out,
):
    """The clone of founding cell number `founder` of each identity; `shedders` and `clones` are those of the shedders."""
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        if source_of(ident) > 0:
            at = shedder_of(ident, niches, block_first, block_end, place, first, number, shedder)
            out[i] = seed_clone(
                key,
                patient[lane],
                ident,
                shedders[at],
                clones[at],
                mean_cells[lane],
                promising[lane],
                cumulative[lane],
                potential[lane],
            )
        else:
            out[i] = founder_clone(key, patient[lane], ident, founder[i], cumulative[lane])


@kernel
def everybody(day, source, first_index, promising, doomed, out):
    """Identities of all that settled today from a stream, in order of lane, niche and index: the doomed, (lanes, niches) counts, before
    the promising (identities). Fills `out` (uint64)."""
    n, k = 0, 0
    for lane in range(doomed.shape[0]):
        for niche in range(doomed.shape[1]):
            for i in range(doomed[lane, niche]):
                out[n] = pack(lane, day, first_index + i, niche, source)
                n += 1
            while k < promising.size and lane_of(promising[k]) == lane and niche_of(promising[k]) == niche:
                out[n] = promising[k]
                n += 1
                k += 1


@kernel
def count_clones(
    key,
    patient,
    identity,
    has_clones,
    mean_cells,
    promising,
    cumulative,
    potential,
    parent,
    shedders,
    clones,
    out,
):
    """Add the founding cells of what settled today (`identity`) to `out` (lanes, clones), where patients have clones.

    `parent` (seeds,) is the shedder of each, if a metastasis shed them.
    """
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        if not has_clones[lane]:
            continue
        if source_of(ident) > 0:
            at = parent[i]
            out[
                lane,
                seed_clone(
                    key,
                    patient[lane],
                    ident,
                    shedders[at],
                    clones[at],
                    mean_cells[lane],
                    promising[lane],
                    cumulative[lane],
                    potential[lane],
                ),
            ] += 1
            continue
        for founder in range(
            founders_of(key, patient[lane], ident, mean_cells[lane], promising[lane, niche_of(ident)])
        ):
            out[lane, founder_clone(key, patient[lane], ident, founder, cumulative[lane])] += 1


@kernel
def shedder_traits(
    key,
    patient,
    identity,
    has_clones,
    mean_cells,
    promising,
    cumulative,
    potential,
    niches,
    block_first,
    block_end,
    place,
    first,
    number,
    shedder,
    shedders,
    clones,
    out_clone,
    out_potential,
):
    """Clone (or MIXED) and mean potential of the cells of colonies; 0 and 1 in patients without clones."""
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        out_clone[i], out_potential[i] = 0, 1.0
        if not has_clones[lane]:
            continue
        cells = np.int64(1)
        if source_of(ident) == 0:
            cells = founders_of(key, patient[lane], ident, mean_cells[lane], promising[lane, niche_of(ident)])
        if source_of(ident) > 0:
            at = shedder_of(ident, niches, block_first, block_end, place, first, number, shedder)
            clone = seed_clone(
                key,
                patient[lane],
                ident,
                shedders[at],
                clones[at],
                mean_cells[lane],
                promising[lane],
                cumulative[lane],
                potential[lane],
            )
        else:
            clone = np.int64(founder_clone(key, patient[lane], ident, 0, cumulative[lane]))
        out_clone[i], out_potential[i] = clone, potential[lane, clone]
        if cells > 1:
            total = 0.0
            for founder in range(cells):
                total += potential[lane, founder_clone(key, patient[lane], ident, founder, cumulative[lane])]
            out_clone[i], out_potential[i] = MIXED, total / cells


@kernel
def find_new(count, identity, alive, traits, resistances, shedder, resists, rows):
    """Rows of grown colonies that are not yet among the shedders with what they resist; returns how many."""
    n = 0
    for i in range(count):
        if alive[lane_of(identity[i])] and (shedder[i] < 0 or resists[shedder[i]] != traits[i] & resistances):
            rows[n] = i
            n += 1
    return n


@kernel
def weigh_shedders(
    alive,
    day,
    count,
    identity,
    start_day,
    start_log_cells,
    delay,
    pace,
    shedder,
    early_rate,
    limit_log_cells,
    limit_gap,
    gompertz_rate,
    exponent,
    potential,
    start_of,
    parent,
    weight,
    surface,
    mean_potential,
):
    """What each grown colony contributes to the seeds of its organ on the morning of `day`.

    Fills `start_of` (lanes x niches + 1) with the first of each organ's shedders in `parent` (their numbers, in the order of
    the rows), `weight` (alike) with the running sum within the organ of cells^`exponent` x potential, `surface` (lanes,
    niches) with the sum of cells^`exponent`, and `mean_potential` (alike) with the potential of the average cell shed, 1
    where nothing is shed. `potential` is that of the shedders.
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
def draw_parents(key, patient, day, source, identity, niches, start_of, parent, weight, row, place, first, chosen):
    """The shedder (`chosen`) of each seed settled today from organ number `source` - 1, in the order of `identity`.

    `row` is that of the first in the table of seeds. A parent is drawn in proportion
    to the cells that it shed times their chance to found a colony (see `weigh_shedders`). Fills `place` and `first` of each
    lane and niche that got a seed; returns how many groups there are, -1 where a seed has no parent.
    """
    groups = 0
    before = np.int64(-1)
    for n in range(identity.size):
        ident = identity[n]
        lane, niche = lane_of(ident), niche_of(ident)
        here = lane * niches + niche
        begin, stop = start_of[lane * niches + source - 1], start_of[lane * niches + source]
        if stop == begin:
            return -1
        if here != before:
            place[groups], first[groups] = here, row + n
            groups += 1
            before = here
        target = weight[stop - 1] * uniform(
            key, patient[lane], index_of(ident), days_word(day, 0), tag_word(PARENT, niche, source)
        )
        low, high = begin, stop - 1
        while low < high:
            middle = (low + high) // 2
            if weight[middle] <= target:
                low = middle + 1
            else:
                high = middle
        chosen[n] = parent[low]
    return groups
