"""Who descends from whom: the parent and the clone of every seed that a metastasis shed, drawn as it settles.

Seeds of metastases are noted in blocks, one a source organ and day of shedding (metastases shed once a week); a block
is a run of groups, one a lane and niche, in which seeds stand in order of their index: so a seed is found by its
identity alone and costs eight bytes, its index and the number of its parent among the `shedders`. What the primary shed
is not noted: its clones are keyed draws of the identity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.disease.birth_death import STEP_DAYS
from sim.disease.founders import founders_of
from sim.disease.identity import day_of, index_of, lane_of, niche_of, pack, source_of
from sim.numerics.jit import kernel
from sim.numerics.streams import CLONE, PARENT, days_word, many_uniforms, tag_word, uniform

_BATCH = 256
MIXED = 255
"""The clone of a shedder that several cells founded."""


class Finder(NamedTuple):
    """Where the shedder of a seed is looked up.

    `block_first`, `block_end` (blocks,) are groups, `place` (groups,) their lane and niche, of so many `niches`,
    `first` (groups,) the row of their first seed, `number` (seeds,) the index of each, ascending in a group, `shedder`
    (seeds,) what is looked up.
    """

    niches: int
    block_first: np.ndarray
    block_end: np.ndarray
    place: np.ndarray
    first: np.ndarray
    number: np.ndarray
    shedder: np.ndarray


class Clones(NamedTuple):
    """What tells a cell's clone: of the primary's cells by lane, of seeds by their shedder's.

    `mean_cells` (lanes,) of a cluster, `promising` (lanes, niches), `cumulative` weights and `potential` (lanes,
    clones); `finder`, and by shedder its `clones`, and for MIXED ones the row `mixture` of `mixtures`, the cumulative
    shares of clones among the seeds of a colony that several cells founded.
    """

    mean_cells: np.ndarray
    promising: np.ndarray
    cumulative: np.ndarray
    potential: np.ndarray
    finder: Finder
    clones: np.ndarray
    mixture: np.ndarray
    mixtures: np.ndarray


@kernel
def shedder_of(ident: np.uint64, finder: Finder) -> np.int64:
    """The shedder of a seed that a metastasis shed, -1 for one that was never noted."""
    niches, block_first, block_end, place, first, number, shedder = finder
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
def shedders_of(
    identity: np.ndarray,
    finder: Finder,
    out: np.ndarray,
) -> None:
    """`shedder_of` many."""
    for i in range(identity.size):
        out[i] = shedder_of(identity[i], finder)


@kernel
def founder_clone(key: np.uint64, patient: int, ident: np.uint64, founder: int, cumulative: np.ndarray) -> int:
    """The clone of founding cell `founder` of what the primary shed; `cumulative` weights (clones,), the last 1."""
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
def mix_clones(
    key: np.uint64,
    patient: int,
    ident: np.uint64,
    number: int,
    cumulative: np.ndarray,
    potential: np.ndarray,
    out: np.ndarray,
) -> float:
    """Cumulative shares of clones among the seeds of a colony of `number` founders, in `out` (clones,).

    A founder's clone has seeds in proportion to its potential. Returns the colony's mean potential.
    """
    out[:] = 0.0
    for founder in range(number):
        clone = founder_clone(key, patient, ident, founder, cumulative)
        out[clone] += potential[clone]
    total = out.sum()
    running = 0.0
    for clone in range(out.size):
        running += out[clone]
        out[clone] = running / total
    return total / number


@kernel
def seed_clone(key: np.uint64, patient: int, ident: np.uint64, shedder: int, law: Clones) -> np.int64:
    """The clone of a seed: its parent's, or one of those that founded its parent."""
    clone = law.clones[shedder]
    if clone != MIXED:
        return np.int64(clone)
    u = uniform(
        key, patient, index_of(ident), days_word(day_of(ident), 0), tag_word(CLONE, niche_of(ident), source_of(ident))
    )
    shares = law.mixtures[law.mixture[shedder]]
    chosen = np.int64(0)
    while chosen < shares.size - 1 and u >= shares[chosen]:
        chosen += 1
    return chosen


@kernel
def draw_clones(
    key: np.uint64,
    patient: np.ndarray,
    identity: np.ndarray,
    founder: np.ndarray,
    law: Clones,
    out: np.ndarray,
) -> None:
    """The clone of founding cell number `founder` of each identity."""
    cumulative, finder = law.cumulative, law.finder
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        if source_of(ident) > 0:
            at = shedder_of(ident, finder)
            out[i] = seed_clone(key, patient[lane], ident, at, law)
        else:
            out[i] = founder_clone(key, patient[lane], ident, founder[i], cumulative[lane])


@kernel
def everybody(
    day: int, source: int, first_index: int, promising: np.ndarray, doomed: np.ndarray, out: np.ndarray
) -> None:
    """Identities of all that settled today from a stream, in order of lane, niche and index.

    The `doomed` (lanes, niches) counts come before the `promising` (identities). Fills `out` (uint64).
    """
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
    key: np.uint64,
    patient: np.ndarray,
    identity: np.ndarray,
    has_clones: np.ndarray,
    law: Clones,
    parent: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add the founding cells of what settled today (`identity`) to `out` (lanes, clones), where patients have clones.

    `parent` (seeds,) is the shedder of each, if a metastasis shed them.
    """
    mean_cells, promising, cumulative = law.mean_cells, law.promising, law.cumulative
    for i in range(identity.size):
        ident = identity[i]
        lane = lane_of(ident)
        if not has_clones[lane]:
            continue
        if source_of(ident) > 0:
            at = parent[i]
            out[
                lane,
                seed_clone(key, patient[lane], ident, at, law),
            ] += 1
            continue
        for founder in range(
            founders_of(key, patient[lane], ident, mean_cells[lane], promising[lane, niche_of(ident)])
        ):
            out[lane, founder_clone(key, patient[lane], ident, founder, cumulative[lane])] += 1


@kernel
def count_doomed_clones(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    source: int,
    first_index: int,
    places: np.ndarray,
    doomed: np.ndarray,
    has_clones: np.ndarray,
    law: Clones,
    start_of: np.ndarray,
    parent: np.ndarray,
    weight: np.ndarray,
    out: np.ndarray,
) -> None:
    """`count_clones` of the `doomed` (lanes, niches) that settled today at some `places`, without a row for any.

    A seed of a metastasis has the clone of the parent that `sim.disease.parents.draw_parents` would draw, from the same
    uniform: parents stand there in order of their clones. `start_of`, `parent` and `weight` as there.
    """
    mean_cells, promising, cumulative = law.mean_cells, law.promising, law.cumulative
    niches, last, kinds = doomed.shape[1], cumulative.shape[1] - 1, cumulative.shape[1] + 1
    bound = np.empty(kinds)
    who, index, days, tag = (
        np.empty(_BATCH, np.uint64),
        np.empty(_BATCH, np.uint64),
        np.full(_BATCH, days_word(day, 0)),
        np.empty(_BATCH, np.uint64),
    )
    u, spare = np.empty(_BATCH), np.empty(_BATCH)
    for place in places:
        lane, niche = place // niches, place % niches
        if not has_clones[lane]:
            continue
        number = doomed[lane, niche]
        if source == 0 and first_index > 0:
            for i in range(number):
                ident = pack(lane, day, first_index + i, niche, source)
                for founder in range(founders_of(key, patient[lane], ident, mean_cells[lane], promising[lane, niche])):
                    out[lane, founder_clone(key, patient[lane], ident, founder, cumulative[lane])] += 1
            continue
        purpose = CLONE if source == 0 else PARENT
        begin, stop = 0, 0
        bound[:last] = cumulative[lane, :last]
        if source > 0:
            begin, stop = start_of[(lane * niches + source - 1) * kinds], start_of[(lane * niches + source) * kinds]
            for before in range(kinds - 1):
                end = start_of[(lane * niches + source - 1) * kinds + before + 1]
                bound[before] = weight[end - 1] if end > begin else 0.0
        for first in range(0, number, _BATCH):
            n = min(_BATCH, number - first)
            for k in range(n):
                who[k], index[k] = np.uint64(patient[lane]), np.uint64(first_index + first + k)
                tag[k] = tag_word(purpose, niche, source)
            many_uniforms(key, who[:n], index[:n], days[:n], tag[:n], u, spare)
            if source == 0:
                for k in range(n):
                    kind = np.int64(0)
                    for before in range(last):
                        kind += u[k] >= bound[before]
                    out[lane, kind] += 1
                continue
            for k in range(n):
                target, kind = weight[stop - 1] * u[k], np.int64(0)
                for before in range(kinds - 1):
                    kind += bound[before] <= target
                if kind < kinds - 1:
                    out[lane, kind] += 1
                    continue
                low, high = begin, stop - 1
                while low < high:
                    middle = (low + high) // 2
                    if weight[middle] <= target:
                        low = middle + 1
                    else:
                        high = middle
                at = parent[low]
                ident = pack(lane, day, first_index + first + k, niche, source)
                out[lane, seed_clone(key, patient[lane], ident, at, law)] += 1


@kernel
def shedder_traits(
    key: np.uint64,
    patient: np.ndarray,
    identity: np.ndarray,
    has_clones: np.ndarray,
    law: Clones,
    out_clone: np.ndarray,
    out_potential: np.ndarray,
    out_mixture: np.ndarray,
) -> None:
    """Clone (or MIXED) and mean potential of the cells of colonies; 0 and 1 in patients without clones.

    `out_mixture` (colonies, clones) takes the cumulative shares of a MIXED one's clones.
    """
    mean_cells, promising, cumulative, potential, finder = (
        law.mean_cells,
        law.promising,
        law.cumulative,
        law.potential,
        law.finder,
    )
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
            at = shedder_of(ident, finder)
            clone = seed_clone(key, patient[lane], ident, at, law)
        else:
            clone = np.int64(founder_clone(key, patient[lane], ident, 0, cumulative[lane]))
        out_clone[i], out_potential[i] = clone, potential[lane, clone]
        if cells > 1:
            out_clone[i] = MIXED
            out_potential[i] = mix_clones(
                key, patient[lane], ident, cells, cumulative[lane], potential[lane], out_mixture[i]
            )
