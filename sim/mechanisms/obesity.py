"""Adiposity raises IL-6 and senescence and starves CD8 cells.

Adiposity is the body-mass index above 25, in tens. It adds to IL-6 before STAT3 sees it, multiplies the
senescent share of the liver, and divides the T cells (Ringel et al. 2020, IMC01). No effect size was
read: all three are assumed.
"""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Signals
from sim.mechanisms.base import Mechanism

LEAN_BMI, STEP_BMI = 25.0, 10.0


def start(signals: Signals, parameters: LaneParameters) -> None:
    """What a body weight, the same on every day, adds to IL-6 and multiplies or divides."""
    adiposity = np.maximum(signals.hosts.bmi - LEAN_BMI, 0.0) / STEP_BMI
    signals.level["il6_of_fat"] = parameters["obesity_il6_gain"] * adiposity
    signals.level["senescence_of_fat"] = 1.0 + parameters["obesity_senescence_gain"] * adiposity
    signals.level["t_cell_cost_of_fat"] = 1.0 + parameters["obesity_t_cell_cost"] * adiposity


def advance(signals: Signals, parameters: LaneParameters) -> None:
    """Change what inflammation, vesicles and T cells start from today."""
    signals.il6_extra += signals.level["il6_of_fat"]
    signals.senescence_factor *= signals.level["senescence_of_fat"]
    signals.t_cell_factor /= signals.level["t_cell_cost_of_fat"]


MECHANISM = Mechanism(
    name="obesity",
    title="adiposity inflames, ages the liver and starves T cells",
    off="body weight makes no difference: everybody is as lean as a body-mass index of 25",
    null={"obesity_il6_gain": 0.0, "obesity_senescence_gain": 0.0, "obesity_t_cell_cost": 0.0},
    start=start,
    advance=advance,
)
