"""Who seeded whom, and with which clone: the columns of a finished model's descent (`sim.disease.descent`).

A colony that a metastasis seeded descends from one of the colonies that had grown in the source organ, drawn as it
settled. A founder from the primary is of a clone in proportion to its share x potential (Quinn et al. 2021, LIN02),
each founder of a cluster on its own; a founder from a metastasis is of its parent's clone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.disease.hosts import CLONES
from sim.disease.identity import colony_id, unpack
from sim.results.schema import COLD_MARKER, HOT_MARKER

if TYPE_CHECKING:
    from sim.model import MetastasisModel


class DescentColumns:
    """The descent of a model's colonies; every argument `identity` is uint64, (colonies,), any number of them."""

    def __init__(self, model: MetastasisModel) -> None:
        self._patient, self._cells = model.hosts.patient, model.cells
        self._descent = model.descent

    def parents(self, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Identity of each colony's parent (its own if the primary shed it), and whether it has one (bool)."""
        return self._descent.parents(identity)

    def ancestors(self, identity: np.ndarray) -> np.ndarray:
        """The parents of these colonies, their parents, and so on, that are not among them: sorted, each once."""
        found = np.empty(0, dtype=np.uint64)
        youngest = identity
        while youngest.size:
            parent, has = self.parents(youngest)
            youngest = np.setdiff1d(parent[has], np.concatenate([identity, found]))
            found = np.union1d(found, youngest)
        return found

    def parent_colony(self, identity: np.ndarray) -> np.ma.MaskedArray:
        """Id of the colony that shed each colony's founder; null from the primary."""
        parent, has = self.parents(identity)
        return np.ma.MaskedArray(colony_id(self._patient[unpack(identity)["lane"]], parent), mask=~has)

    def _clones_of_founders(self, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row in `identity` and clone of every founding cell."""
        number = self._cells.founders(identity)
        row = np.repeat(np.arange(len(identity)), number)
        founder = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        return row, self._descent.clones(identity[row], founder)

    def founders(self, identity: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of `founders.parquet`: a row a colony and clone, in order of the colonies, then of the clones.

        A colony of a patient without clones has one row, whose clone is null.
        """
        row, clone = self._clones_of_founders(identity)
        known = self._descent.has_clones[unpack(identity)["lane"]]
        pairs, cells = np.unique(row * CLONES + np.where(known[row], clone, 0), return_counts=True)
        row, clone = np.divmod(pairs, CLONES)
        return {
            "colony": colony_id(self._patient[unpack(identity[row])["lane"]], identity[row]),
            "clone": np.ma.MaskedArray(clone, mask=~known[row]),
            "cells": cells.astype(np.int64),
        }

    def clones(self, identity: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of `clones.parquet`: a row a patient with clones and clone.

        `identity` are the colonies of `metastases.parquet`.
        """
        lanes, descent = np.flatnonzero(self._descent.has_clones), self._descent
        row, clone = self._clones_of_founders(identity)
        row, clone = np.divmod(np.unique(row * CLONES + clone), CLONES)
        metastases = np.zeros_like(descent.seeded)
        np.add.at(metastases, (unpack(identity)["lane"][row], clone), 1)
        potential = descent.clone_potential[lanes].ravel()
        return {
            "patient": np.repeat(self._patient[lanes], CLONES),
            "clone": np.tile(np.arange(CLONES), len(lanes)),
            "share_of_primary": descent.clone_share[lanes].ravel(),
            "potential": potential,
            "marker": np.ma.MaskedArray(np.where(potential > 1.0, HOT_MARKER, COLD_MARKER), mask=potential == 1.0),
            "seeded": np.ma.MaskedArray(descent.seeded[lanes].ravel(), mask=self._cells.doomed is None),
            "metastases": metastases[lanes].ravel(),
        }

    def clone_of(self, identity: np.ndarray) -> np.ma.MaskedArray:
        """The clone of each colony; null where several founded it, or the patient has no clones."""
        row, clone = self._clones_of_founders(identity)
        least = np.full(len(identity), np.iinfo(np.int64).max)
        most = np.full(len(identity), -1, dtype=np.int64)
        np.minimum.at(least, row, clone)
        np.maximum.at(most, row, clone)
        single = (least == most) & self._descent.has_clones[unpack(identity)["lane"]]
        return np.ma.MaskedArray(np.where(single, least, 0), mask=~single)
