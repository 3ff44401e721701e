"""Who seeded whom, and with which clone: told of a finished model, by keyed draws (see `sim.kernels.descent`).

A colony that a metastasis seeded descends from one of the colonies that had grown in the source organ,
in proportion to what each shed on that day: exactly the law by which the organ shed. A founder from the
primary is of a clone in proportion to its share x potential (Quinn et al. 2021, LIN02), each founder of a
cluster on its own; a founder from a metastasis is of its parent's clone, of one of the parent's founders
where these were several.
"""

from __future__ import annotations

import numpy as np

from sim.cohort import CLONES
from sim.kernels import descent
from sim.kernels.identity import colony_id, unpack
from sim.mechanisms.lineage import potentials
from sim.trajectories import Trajectories


class Lineage:
    """The descent of a model's colonies; every argument `identity` is uint64, (colonies,), any number of them."""

    def __init__(self, model):
        self._key, self._patient, self._cells = model.key, model.hosts.patient, model.cells
        self._exponent = model.parameters["shedding_exponent"]
        log_sd = model.parameters["clone_potential_log_sd"]
        self._has_clones = log_sd > 0.0
        weight = model.hosts.clone_share * potentials(model.hosts.clone_z, log_sd)
        self._cumulative = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        self._paths = Trajectories(model.cells, model.law)

    def parents(self, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Identity of each colony's parent (its own if the primary shed it), and whether it has one (bool)."""
        parts = unpack(identity)
        child = np.flatnonzero(parts["source"] > 0)
        parent, has = identity.copy(), np.zeros(len(identity), dtype=bool)
        if child.size:
            row = self._paths.parents(self._key, self._patient, self._exponent, identity[child])
            if (row < 0).any():
                raise AssertionError("a metastasis was seeded from an organ in which no colony had grown")
            parent[child], has[child] = self._paths.identity[row], True
        return parent, has

    def parent_colony(self, identity: np.ndarray) -> np.ma.MaskedArray:
        """Id of the colony that shed each colony's founder; null from the primary."""
        parent, has = self.parents(identity)
        return np.ma.MaskedArray(colony_id(self._patient[unpack(identity)["lane"]], parent), mask=~has)

    def _origin(self, identity: np.ndarray, founder: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The colony from the primary, and the number of its founder, that each founder descends from."""
        parent, has = self.parents(identity)
        if not has.any():
            return identity, founder
        identity, founder = identity.copy(), founder.copy()
        child = identity[has]
        founders = self._cells.founders(self._key, parent[has])
        chosen = np.empty(len(child), dtype=np.int64)
        descent.draw_founders(self._key, self._patient, child, founders, chosen)
        identity[has], founder[has] = self._origin(parent[has], chosen)
        return identity, founder

    def _clones_of_founders(self, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row in `identity` and clone of every founding cell."""
        number = self._cells.founders(self._key, identity)
        row = np.repeat(np.arange(len(identity)), number)
        founder = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        clone = np.empty(len(row), dtype=np.int64)
        descent.draw_clones(self._key, self._patient, *self._origin(identity[row], founder), self._cumulative, clone)
        return row, clone

    def founders(self, identity: np.ndarray) -> dict:
        """Columns of `founders.parquet`: a row a colony and clone, in order of the colonies, then of the clones.

        A colony of a patient without clones has one row, whose clone is null.
        """
        row, clone = self._clones_of_founders(identity)
        known = self._has_clones[unpack(identity)["lane"]]
        pairs, cells = np.unique(row * CLONES + np.where(known[row], clone, 0), return_counts=True)
        row, clone = np.divmod(pairs, CLONES)
        return {
            "colony": colony_id(self._patient[unpack(identity[row])["lane"]], identity[row]),
            "clone": np.ma.MaskedArray(clone, mask=~known[row]),
            "cells": cells.astype(np.int64),
        }

    def clone_of(self, identity: np.ndarray) -> np.ma.MaskedArray:
        """The clone of each colony; null where several founded it, or the patient has no clones."""
        row, clone = self._clones_of_founders(identity)
        least = np.full(len(identity), np.iinfo(np.int64).max)
        most = np.full(len(identity), -1, dtype=np.int64)
        np.minimum.at(least, row, clone)
        np.maximum.at(most, row, clone)
        single = (least == most) & self._has_clones[unpack(identity)["lane"]]
        return np.ma.MaskedArray(np.where(single, least, 0), mask=~single)
