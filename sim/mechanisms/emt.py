"""A cell sits on the epithelial-mesenchymal axis, and late hybrids make the most metastases.

Position m (0 epithelial, 1 mesenchymal) is normal between patients' cells, cut to 0..1. Mesenchymal cells
shed and escape from vessels better, exp(a m); to colonise they must turn back, exp(-c m^4); so a settled
cell's position follows f(m) exp(a m - c m^4), with a hump between the ends (Simeonov et al. 2021, LIN01:
metastatic potential peaks in rare late-hybrid cells). Mesenchymal cells sleep more. Only the mean over
settled cells acts, exactly, because nothing else depends on a single cell's position.
"""

from __future__ import annotations

import numpy as np

from sim.mechanisms.base import Mechanism
from sim.parameters import LaneParameters
from sim.rates import Rates, Signals

_POSITION = (np.arange(40) + 0.5) / 40


def settled_position(mean: np.ndarray, sd: np.ndarray, gain: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of exp(gain m - cost m^4) over cells, and mean position of the settled, (lanes,) each."""
    density = np.exp(-0.5 * ((_POSITION - mean[:, None]) / sd[:, None]) ** 2)
    density /= density.sum(axis=1, keepdims=True)
    success = np.exp(gain[:, None] * _POSITION - cost[:, None] * _POSITION**4)
    settled = density * success
    total = settled.sum(axis=1)
    return total, (settled * _POSITION).sum(axis=1) / total


def _law(p: LaneParameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return p["emt_sd"], p["emt_escape_gain"], p["emt_return_cost"]


def _competence(p: LaneParameters) -> np.ndarray:
    success, _ = settled_position(p["emt_mean"], *_law(p))
    at_reference, _ = settled_position(p["emt_reference_mean"], *_law(p))
    null = (p["emt_escape_gain"] == 0.0) & (p["emt_return_cost"] == 0.0)
    return np.where(null, 1.0, success / at_reference)


def _sleep(p: LaneParameters) -> np.ndarray:
    _, position = settled_position(p["emt_mean"], *_law(p))
    return 1.0 + (p["emt_sleep_gain"] * position)[:, None]


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """More or fewer cells settle than at the reference position, and the mesenchymal among them sleep more."""
    rates.competence *= parameters.derived("emt_competence", _competence)
    rates.sleep *= parameters.derived("emt_sleep", _sleep)
    np.minimum(rates.sleep, 1.0, out=rates.sleep)


MECHANISM = Mechanism(
    name="emt",
    title="cells between epithelial and mesenchymal metastasise best",
    off="position on the axis makes no difference: no better escape, no cost of turning back, no deeper sleep",
    null={"emt_escape_gain": 0.0, "emt_return_cost": 0.0, "emt_sleep_gain": 0.0},
    act=act,
    constant=True,
)
