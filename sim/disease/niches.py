"""The organ niches, Mesa agents: what settled, sleeps and grows in each, in every lane."""

from __future__ import annotations

import mesa
import numpy as np

from sim.names import NICHES


class Niche(mesa.Agent):
    """One organ as soil, in every lane: views of the model's columns, each of shape (lanes,)."""

    def __init__(self, model: mesa.Model, organ: str):
        super().__init__(model)
        self.organ = organ
        self._column = NICHES.index(organ)

    def _of(self, array: np.ndarray) -> np.ndarray:
        return array[:, self._column]

    @property
    def settled(self) -> np.ndarray:
        """Competent cells that ever settled here."""
        return self._of(self.model.cells.settled)

    @property
    def sleeping(self) -> np.ndarray:
        """Cells asleep here now."""
        return self._of(self.model.cells.sleeping)

    @property
    def colonies(self) -> np.ndarray:
        """Small colonies here now, lone cycling cells among them."""
        return self._of(self.model.cells.colonies)

    @property
    def micrometastases(self) -> np.ndarray:
        """Metastases below the detection threshold, as of the last weekly step."""
        return self._of(self.model.small_metastases)

    @property
    def macrometastases(self) -> np.ndarray:
        """Metastases above the detection threshold, as of the last weekly step."""
        return self._of(self.model.large_metastases)

    @property
    def burden_cells(self) -> np.ndarray:
        """Cells of all grown colonies, as of the last weekly step."""
        return self._of(self.model.burden_cells)

    @property
    def receptivity(self) -> np.ndarray:
        """Today's probability that an arrested cell survives and extravasates here."""
        return self._of(self.model.viable)
