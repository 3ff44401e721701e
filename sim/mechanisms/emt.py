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

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism

POSITIONS = (np.arange(40) + 0.5) / 40
FINE_POSITIONS = (np.arange(2000) + 0.5) / 2000
"""Where the integrals over the axis are taken; the fine ones for tumours whose cells lie too close for the others."""
NARROW_SD, NARROW_TAIL = 0.05, 0.08
"""What needs the fine ones: spread of the cells, and scale on which they thin out from an end beyond their mean."""


def is_narrow(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Lanes (bool) whose cells lie so close together that sums over POSITIONS could be off by more than a hundredth."""
    beyond = np.maximum(np.maximum(mean - 1.0, -mean), 0.0)
    return (sd < NARROW_SD) | (sd**2 < NARROW_TAIL * beyond)


def settled_positions(
    mean: np.ndarray, sd: np.ndarray, gain: np.ndarray, cost: np.ndarray, positions: np.ndarray = POSITIONS
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of exp(gain m - cost m^4) over cells, (lanes,), and the settled's shares by position, (lanes, positions)."""
    exponent = -0.5 * ((positions - mean[:, None]) / sd[:, None]) ** 2
    most = exponent.max(axis=1, keepdims=True)
    density = np.exp(exponent - np.where(most < -600.0, most, 0.0))  # else all would be too small to be told from 0
    density /= density.sum(axis=1, keepdims=True)
    settled = density * np.exp(gain[:, None] * positions - cost[:, None] * positions**4)
    total = settled.sum(axis=1)
    return total, settled / total[:, None]


def more_sleep(
    sleep: np.ndarray, gain: np.ndarray, settled: np.ndarray, positions: np.ndarray = POSITIONS
) -> np.ndarray:
    """By how much the settled sleep more often than `sleep` (lanes, niches): the mean of min(1, s (1 + g m)) - s.

    Exactly 0 at gain 0. `gain` (lanes,); `settled` (lanes, positions) as from `settled_positions`.
    """
    more, most = np.zeros_like(sleep), 1.0 - sleep
    for position, share in zip(positions, settled.T, strict=True):
        more += share[:, None] * np.minimum(sleep * (gain * position)[:, None], most)
    return more


def _grids(mean: np.ndarray, sd: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The positions to sum over, with the lanes (numbers) that need them; each lane once, whatever the others are."""
    narrow = is_narrow(mean, sd)
    return [
        (positions, lanes)
        for positions, lanes in ((POSITIONS, np.flatnonzero(~narrow)), (FINE_POSITIONS, np.flatnonzero(narrow)))
        if lanes.size
    ]


def _law(p: LaneParameters, lanes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return p["emt_sd"][lanes], p["emt_escape_gain"][lanes], p["emt_return_cost"][lanes]


def _success(p: LaneParameters, mean: np.ndarray) -> np.ndarray:
    out = np.empty(p.lanes)
    for positions, lanes in _grids(mean, p["emt_sd"]):
        out[lanes] = settled_positions(mean[lanes], *_law(p, lanes), positions)[0]
    return out


def _competence(p: LaneParameters) -> np.ndarray:
    null = (p["emt_escape_gain"] == 0.0) & (p["emt_return_cost"] == 0.0)
    return np.where(null, 1.0, _success(p, p["emt_mean"]) / _success(p, p["emt_reference_mean"]))


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """More or fewer cells settle than at the reference position, and the mesenchymal among them sleep more."""
    p = parameters
    rates.competence *= p.derived("emt_competence", _competence)
    for positions, lanes in _grids(p["emt_mean"], p["emt_sd"]):
        _, settled = settled_positions(p["emt_mean"][lanes], *_law(p, lanes), positions)
        rates.sleep[lanes] += more_sleep(rates.sleep[lanes], p["emt_sleep_gain"][lanes], settled, positions)
    np.minimum(rates.sleep, 1.0, out=rates.sleep)  # rounding alone could pass it


MECHANISM = Mechanism(
    name="emt",
    title="cells between epithelial and mesenchymal metastasise best",
    off="position on the axis makes no difference: no better escape, no cost of turning back, no deeper sleep",
    null={"emt_escape_gain": 0.0, "emt_return_cost": 0.0, "emt_sleep_gain": 0.0},
    act=act,
    constant=True,
)
