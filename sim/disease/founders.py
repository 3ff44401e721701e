"""How a colony begins: its founding cells, and its row among the small ones."""

from __future__ import annotations

import math

import numpy as np

from sim.disease.identity import day_of, index_of, is_cluster, lane_of, niche_of, source_of
from sim.numerics.jit import kernel
from sim.numerics.streams import CLUSTER_SIZE, days_word, tag_word, uniform


@kernel
def founders_of(key: np.uint64, patient: int, ident: np.uint64, cluster_mean_cells: float) -> np.int64:
    """Founding cells of a colony: one, or a cluster's size, 2 plus a geometric number with that mean."""
    if not is_cluster(ident):
        return np.int64(1)
    more = cluster_mean_cells - 2.0
    if more <= 0.0:
        return np.int64(2)
    u = uniform(
        key,
        patient,
        index_of(ident),
        days_word(day_of(ident), 0),
        tag_word(CLUSTER_SIZE, niche_of(ident), source_of(ident)),
    )
    return np.int64(2) + np.int64(math.floor(math.log(u) / math.log(more / (1.0 + more))))


@kernel
def founders(
    key: np.uint64, patient: np.ndarray, identity: np.ndarray, cluster_mean_cells: np.ndarray, out: np.ndarray
) -> None:
    """Founding cells of each colony; `patient` and `cluster_mean_cells` by lane."""
    for i in range(identity.size):
        lane = lane_of(identity[i])
        out[i] = founders_of(key, patient[lane], identity[i], cluster_mean_cells[lane])


@kernel
def begin_colonies(
    day: int,
    identity: np.ndarray,
    founding_cells: np.ndarray,
    traits: np.ndarray,
    pace: np.ndarray,
    count: int,
    cells: np.ndarray,
    identities: np.ndarray,
    since: np.ndarray,
    woke: np.ndarray,
    all_traits: np.ndarray,
    all_paces: np.ndarray,
    colonies: np.ndarray,
) -> None:
    """Write colonies that begin at the end of `day` into the rows from `count` on.

    They are counted in `colonies` (lanes, niches). Empty `founding_cells`, `traits` or `pace` stand for one cell, for
    no trait, and for pace one, each.
    """
    for i in range(identity.size):
        row = count + i
        cells[row] = founding_cells[i] if founding_cells.size else 1
        identities[row] = identity[i]
        since[row] = day + 1
        woke[row] = day
        all_traits[row] = traits[i] if traits.size else 0
        all_paces[row] = pace[i] if pace.size else 1.0
        colonies[lane_of(identity[i]), niche_of(identity[i])] += 1
