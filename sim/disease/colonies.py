"""How colonies grow: the rates of the small, the law of the grown, and the week in which they are stepped."""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.birth_death import STEP_DAYS, advance_week
from sim.disease.growth import gompertz_rate_per_day
from sim.names import LIVER, MICROMETASTASIS_CELLS, NICHES


def _liver_factor(p: LaneParameters) -> np.ndarray:
    """Factor on the growth of liver metastases, (lanes,).

    1 + (`liver_growth_factor` - 1) x the portal inflow that no shunt takes. Written as a mean over the portal blood,
    it is the factor itself without a shunt, and one under a whole one, to the bit.
    """
    shunt = p["portocaval_shunt_fraction"]
    return shunt + p["liver_growth_factor"] * (1.0 - shunt)


class ColonyLaw:
    """Rates by lane and niche, (lanes, niches) each, and the week composed so far.

    Below the avascular limit the net rate is the Gompertz rate at the limit, so growth never jumps; a
    small colony becomes deterministic at `certain_cells`. In the liver the Gompertz rate is multiplied by
    `liver_growth_factor` as far as the portal vein still feeds it. A patient's `growth` (lanes,) is a time scale of
    all of it: birth, death and the Gompertz rate, so that the chance of dying out stays; `niche_pace` is the same for
    all colonies of a niche. Where drugs act, colonies fall into `classes` by the drugs that they resist, and the week
    is composed for each class, (classes, STEP_DAYS + 1, lanes, niches).
    """

    def __init__(self, parameters: LaneParameters, classes: int = 1, growth: np.ndarray | None = None):
        def every(values: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(np.broadcast_to(values[:, None], (parameters.lanes, len(NICHES))))

        p = parameters
        pace = p.by_niche("niche_pace") * (1.0 if growth is None else np.asarray(growth, dtype=float)[:, None])
        limit, capacity = p["avascular_limit_cells"], p["metastasis_capacity_cells"]
        self.limit_log_cells, self.limit_gap = np.log(limit), np.log(capacity) - np.log(limit)
        self.gompertz_per_day = every(p["metastasis_gompertz_per_day"]).copy()
        self.gompertz_per_day[:, LIVER] *= _liver_factor(p)
        self.gompertz_per_day *= pace
        self.early_rate_per_day = gompertz_rate_per_day(limit[:, None], capacity[:, None], self.gompertz_per_day)
        self.birth = np.maximum(p["cycling_birth_per_day"][:, None] * pace, self.early_rate_per_day)
        self.death = self.birth - self.early_rate_per_day
        noise = p["colony_noise"][:, None] ** 2
        certain = (2.0 * self.birth - self.early_rate_per_day) / self.early_rate_per_day / noise
        most = np.minimum(limit, MICROMETASTASIS_CELLS)[:, None]
        self.certain_cells = np.clip(np.ceil(certain), 1, most).astype(np.int64)
        shape = (STEP_DAYS + 1, *self.birth.shape)
        self.classes = classes
        self.week_growth, self.week_spread = np.ones((classes, *shape)), np.zeros((classes, *shape))
        self.week_clearance = np.zeros(shape)
        self._clears = bool(p["immune_clearance_per_day"].any())
        self._treated = False
        self._plain_days = 0
        """So many first days of the week stand composed without treatment: every week begins like that."""
        self._day_terms = tuple(np.full(self.birth.shape, np.nan) for _ in range(4))

    def compose(self, position: int, clearance: np.ndarray, survival: np.ndarray | None = None) -> None:
        """Add a day to the week: birth and death, and the hazard of clearance (lanes, niches).

        `survival` (classes, lanes, niches) is the share of cycling cells that survived this morning's doses; None
        where nobody had one.
        """
        self._treated = survival is not None or (self._treated and position > 0)
        if self._treated or position >= self._plain_days:
            self._plain_days = min(self._plain_days, position) if self._treated else position + 1
            for kind in range(self.classes):
                growth = self.week_growth[kind]
                before = growth[position] if survival is None else growth[position] * survival[kind]
                advance_week(position, self.birth, self.death, *self._day_terms, before, growth, self.week_spread[kind])
        if self._clears:
            np.add(self.week_clearance[position], clearance, out=self.week_clearance[position + 1])

    def of_colonies(
        self, lane: np.ndarray, niche: np.ndarray, pace: float | np.ndarray = 1.0
    ) -> tuple[np.ndarray, ...]:
        """Early rate, limit, gap and Gompertz rate of colonies in these lanes and niches: (colonies,) each."""
        return (
            self.early_rate_per_day[lane, niche] * pace,
            self.limit_log_cells[lane],
            self.limit_gap[lane],
            self.gompertz_per_day[lane, niche] * pace,
        )
