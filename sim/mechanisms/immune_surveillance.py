"""T cells clear small cycling colonies and miss sleeping ones.

A small colony is cleared as a whole with a hazard in proportion to the T cells. These fall with age, with
obesity (tumour cells out-compete CD8 cells for fat: Ringel et al. 2020, IMC01) and with liver metastases,
which drain them. Effect sizes are not published: assumed. A colony that has outgrown its noise is no
longer cleared, so growth itself never jumps.
"""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism
from sim.names import LIVER

YOUNG_YEARS = 20.0


def t_cells(signals: Signals, parameters: LaneParameters) -> np.ndarray:
    """T cells by lane, as a share of a lean young person's without liver metastases."""
    aged = np.exp(-parameters["t_cell_decline_per_year"] * np.maximum(signals.age_years - YOUNG_YEARS, 0.0))
    drained = 1.0 / (1.0 + signals.burden_cells[:, LIVER] / parameters["liver_drain_half_cells"])
    return aged * drained * signals.t_cell_factor


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """The hazard of clearance, in every niche alike."""
    level = t_cells(signals, parameters)
    signals.level["t_cells"] = level
    rates.clearance += (parameters["immune_clearance_per_day"] * level)[:, None]


MECHANISM = Mechanism(
    name="immune_surveillance",
    title="T cells clear small colonies and miss the sleepers",
    off="no T cells against the tumour (as in a nude mouse): small colonies die by chance only",
    null={"immune_clearance_per_day": 0.0},
    act=act,
)
