"""The primary tumour, a Mesa agent: its size in every lane, and the surface that sheds."""

from __future__ import annotations

import mesa
import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.growth import gap_at_nodes, power_integral_over_day, shed_and_grow
from sim.disease.hosts import Hosts


class PrimaryTumour(mesa.Agent):
    """The primary of every lane, as of its end where that has come: Gompertz growth, arrays of shape (lanes,)."""

    def __init__(self, model: mesa.Model, hosts: Hosts, parameters: LaneParameters):
        super().__init__(model)
        self.log_capacity = np.log(parameters["primary_capacity_cells"])
        self.rate_per_day = parameters["primary_gompertz_per_day"] * hosts.growth_factor
        self.exponent = parameters["shedding_exponent"]
        self.gap = self.log_capacity.copy()  # log(capacity / cells); one cell on day 0
        self.diagnosis_day = hosts.diagnosis_day
        self.cells_at_diagnosis = np.exp(
            self.log_capacity - self.log_capacity * np.exp(-self.rate_per_day * hosts.diagnosis_day)
        )
        self._shrink, self._shrunk = np.exp(-self.rate_per_day), gap_at_nodes(self.rate_per_day)

    @property
    def cells(self) -> np.ndarray:
        """Cells at the start of the day, (lanes,)."""
        return np.exp(self.log_capacity - self.gap)

    def shedding_surface(self) -> np.ndarray:
        """Integral of cells^exponent over today, (lanes,)."""
        return power_integral_over_day(self.log_capacity, self.gap, self._shrunk, self.exponent)

    def step(self, lanes: np.ndarray, per_surface: np.ndarray, factor: np.ndarray, expected: np.ndarray) -> None:
        """Grow by a day, exactly, in some `lanes` (numbers).

        Sets what today's surface is `expected` to shed there, at `per_surface` x `factor`; all (lanes,).
        """
        shed_and_grow(
            lanes,
            per_surface,
            factor,
            self.log_capacity,
            self.gap,
            self._shrink,
            self._shrunk,
            self.exponent,
            expected,
        )

    def cut(self, share: np.ndarray) -> None:
        """Leave this share (lanes,) of the cells; less than one cell is none."""
        with np.errstate(divide="ignore"):
            gap = self.gap - np.log(share)
        self.gap = np.where((share < 1.0) & (gap > self.log_capacity), np.inf, gap)

    def take_in(self, returned_cells: np.ndarray, today: int) -> None:
        """Cells that came back join the primary at the end of today, (lanes,); none where there is no primary any more.

        It never exceeds its capacity. The day of diagnosis stays the one that growth alone sets.
        """
        cells = self.cells
        there = cells >= 1.0
        more = np.log1p(returned_cells / np.where(there, cells, 1.0))
        self.gap = np.where(there, np.maximum(self.gap - more, 0.0), self.gap)
        diagnosed = self.diagnosis_day == today + 1
        if diagnosed.any():
            self.cells_at_diagnosis[diagnosed] = self.cells[diagnosed]
