"""Which metastases shed, and the parent of every seed: drawn by what each sheds of cells that can found a colony."""

from __future__ import annotations

import math

import numpy as np

from sim.disease.colonise import grown_log_cells
from sim.disease.hosts import CLONES
from sim.disease.identity import index_of, lane_of, niche_of
from sim.numerics.jit import kernel
from sim.numerics.streams import PARENT, days_word, tag_word, uniform

KINDS = CLONES + 1


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
    clone: np.ndarray,
    start_of: np.ndarray,
    parent: np.ndarray,
    weight: np.ndarray,
    surface: np.ndarray,
    mean_potential: np.ndarray,
) -> None:
    """What each grown colony contributes to the seeds of its organ on the morning of `day`.

    Fills `start_of` (lanes x niches x KINDS + 1) with the first of each organ's shedders of each kind in `parent`
    (their numbers, by kind, then in the order of the rows; the kind is the clone, the last one several clones),
    `weight` (alike) with the running sum within the organ of cells^`exponent` x potential,
    `surface` (lanes, niches) with the sum of cells^`exponent`, and `mean_potential` (alike) with the potential of the
    average cell shed, 1 where nothing is shed. `potential` and `clone` are those of the shedders.
    """
    niches = surface.shape[1]
    start_of[:] = 0
    surface[:] = 0.0
    mean_potential[:] = 0.0
    for i in range(count):
        if alive[lane_of(identity[i])]:
            kind = min(np.int64(clone[shedder[i]]), KINDS - 1)
            start_of[(lane_of(identity[i]) * niches + niche_of(identity[i])) * KINDS + kind + 1] += 1
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
        kind = (lane * niches + niche) * KINDS + min(np.int64(clone[shedder[i]]), KINDS - 1)
        parent[filled[kind]], weight[filled[kind]] = shedder[i], shed
        filled[kind] += 1
    for lane in range(surface.shape[0]):
        for niche in range(niches):
            here = (lane * niches + niche) * KINDS
            for at in range(start_of[here], start_of[here + KINDS]):
                surface[lane, niche] += weight[at]
                mean_potential[lane, niche] += weight[at] * potential[parent[at]]
                weight[at] = mean_potential[lane, niche]
            total = surface[lane, niche]
            mean_potential[lane, niche] = mean_potential[lane, niche] / total if total > 0.0 else 1.0


@kernel
def draw_parents(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    source: int,
    identity: np.ndarray,
    niches: int,
    start_of: np.ndarray,
    parent: np.ndarray,
    weight: np.ndarray,
    row: int,
    place: np.ndarray,
    first: np.ndarray,
    chosen: np.ndarray,
) -> int:
    """The shedder (`chosen`) of each seed settled today from organ number `source` - 1, in the order of `identity`.

    `row` is that of the first in the table of seeds. A parent is drawn in proportion to the cells that it shed times
    their chance to found a colony (see `weigh_shedders`). Fills `place` and `first` of each lane and niche that got a
    seed; returns how many groups there are, -1 where a seed has no parent.
    """
    groups = 0
    before = np.int64(-1)
    for n in range(identity.size):
        ident = identity[n]
        lane, niche = lane_of(ident), niche_of(ident)
        here = lane * niches + niche
        begin, stop = start_of[(lane * niches + source - 1) * KINDS], start_of[(lane * niches + source) * KINDS]
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
