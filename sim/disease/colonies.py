"""How colonies grow: the rates of the small, and the law of the grown."""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.founders import Growth
from sim.disease.growth import gompertz_rate_per_day
from sim.names import LIVER, MICROMETASTASIS_CELLS, NICHES


def _liver_factor(p: LaneParameters) -> np.ndarray:
    """Factor on the growth of liver metastases, (lanes,).

    It is 1 + (`liver_growth_factor` - 1) x the portal inflow that no shunt takes. Written as a mean over the portal
    blood, it is the factor itself without a shunt, and one under a whole one, to the bit.
    """
    shunt = p["portocaval_shunt_fraction"]
    return shunt + p["liver_growth_factor"] * (1.0 - shunt)


class ColonyLaw:
    """Rates by lane and niche, (lanes, niches) each.

    Below the avascular limit the net rate is the Gompertz rate at the limit, so growth never jumps; a small colony
    becomes deterministic at `certain_cells`. In the liver the Gompertz rate is multiplied by `liver_growth_factor` as
    far as the portal vein still feeds it. Where drugs act, colonies fall into `classes` by the drugs that they resist.
    A patient's `growth` (lanes,) is a time scale of all of it: birth, death and the Gompertz rate, so that the chance
    of dying out stays; `niche_pace` is the same for all colonies of a niche. `promising` is the chance that a cell's
    colony lives for ever, `promising_cluster` a cluster's; `clears` (lanes,) bool says where T cells clear colonies.
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
        self.classes = classes
        self.promising = self.early_rate_per_day / self.birth
        self.promising_cluster = _promising_clusters(self.promising, p["cluster_mean_cells"][:, None])
        self.clears = p["immune_clearance_per_day"] > 0.0
        self.small = Growth(
            self.early_rate_per_day,
            self.birth,
            self.death,
            self.promising,
            self.certain_cells,
            np.where(self.clears, np.minimum(p["clearance_until_cells"], most[:, 0]), 0.0),
            np.ascontiguousarray(p["cluster_mean_cells"]),
        )

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


def _promising_clusters(promising: np.ndarray, mean_cells: np.ndarray) -> np.ndarray:
    """Chance that a cluster of 2 plus a geometric number of cells has an immortal line: 1 - E (1 - p)^n."""
    more = np.maximum(mean_cells - 2.0, 0.0)
    f, q = more / (1.0 + more), 1.0 - promising
    return 1.0 - q * q * (1.0 - f) / (1.0 - f * q)
