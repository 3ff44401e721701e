"""A cell sits on the epithelial-mesenchymal axis, and late hybrids make the most metastases.

Position m (0 epithelial, 1 mesenchymal) is normal between patients' cells, cut to 0..1. Mesenchymal cells
shed and escape from vessels better, exp(a m); to colonise they must turn back, exp(-c m^4); so a settled
cell's position follows f(m) exp(a m - c m^4), with a hump between the ends (Simeonov et al. 2021, LIN01:
metastatic potential peaks in rare late-hybrid cells). Mesenchymal cells sleep more: a settled cell at m, or a
cluster, with probability min(1, s (1 + g m)), s where there is no such gain.

No position is stored. A cell's position decides whether it settles and whether it then sleeps, once, and nothing
after that; positions are independent. So the settled are as many, and sleep as often, each on its own draw, as if
each had its position: the integrals below are over the law of positions, with what caps the chance to sleep
within. One cap stays outside: where `competent_share` x frailty is so near to one that the best cells would pass
it, the mean is cut to one, not each cell's chance.
"""

from __future__ import annotations

import numpy as np

from sim.mechanisms.base import Mechanism
from sim.parameters import LaneParameters
from sim.rates import Rates, Signals

POSITIONS = (np.arange(40) + 0.5) / 40
"""Where the integrals over the axis are taken."""


def settled_positions(mean: np.ndarray, sd: np.ndarray, gain: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of exp(gain m - cost m^4) over cells, (lanes,), and the share of the settled at each of POSITIONS, (lanes, positions)."""
    density = np.exp(-0.5 * ((POSITIONS - mean[:, None]) / sd[:, None]) ** 2)
    density /= density.sum(axis=1, keepdims=True)
    settled = density * np.exp(gain[:, None] * POSITIONS - cost[:, None] * POSITIONS**4)
    total = settled.sum(axis=1)
    return total, settled / total[:, None]


def more_sleep(sleep: np.ndarray, gain: np.ndarray, settled: np.ndarray) -> np.ndarray:
    """By how much the settled sleep more often than `sleep` (lanes, niches): the mean of min(1, s (1 + g m)) - s, exactly 0 at gain 0.

    `gain` (lanes,); `settled` (lanes, positions) as from `settled_positions`.
    """
    more, most = np.zeros_like(sleep), 1.0 - sleep
    for position, share in zip(POSITIONS, settled.T, strict=True):
        more += share[:, None] * np.minimum(sleep * (gain * position)[:, None], most)
    return more


def _law(p: LaneParameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return p["emt_sd"], p["emt_escape_gain"], p["emt_return_cost"]


def _competence(p: LaneParameters) -> np.ndarray:
    success, _ = settled_positions(p["emt_mean"], *_law(p))
    at_reference, _ = settled_positions(p["emt_reference_mean"], *_law(p))
    null = (p["emt_escape_gain"] == 0.0) & (p["emt_return_cost"] == 0.0)
    return np.where(null, 1.0, success / at_reference)


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """More or fewer cells settle than at the reference position, and the mesenchymal among them sleep more."""
    rates.competence *= parameters.derived("emt_competence", _competence)
    _, settled = settled_positions(parameters["emt_mean"], *_law(parameters))
    rates.sleep += more_sleep(rates.sleep, parameters["emt_sleep_gain"], settled)
    np.minimum(rates.sleep, 1.0, out=rates.sleep)  # rounding alone could pass it


MECHANISM = Mechanism(
    name="emt",
    title="cells between epithelial and mesenchymal metastasise best",
    off="position on the axis makes no difference: no better escape, no cost of turning back, no deeper sleep",
    null={"emt_escape_gain": 0.0, "emt_return_cost": 0.0, "emt_sleep_gain": 0.0},
    act=act,
    constant=True,
)
