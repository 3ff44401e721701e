"""A scarred, chronically diseased liver takes fewer seeds, while acute inflammation prepares the soil.

Two meta-analyses give odds ratios of 0.26 and 0.32 for colorectal liver metastases (CLD01, CLD02), one
cohort a hazard ratio of 1.15 (CLD03). A patient has such a liver with `fibrosis_prevalence`; its
receptivity is then multiplied by `fibrosis_receptivity`.
"""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism
from sim.names import LIVER


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """Fewer seeds in the livers that are scarred."""
    scarred = signals.hosts.luck < parameters["fibrosis_prevalence"]
    rates.receptivity[:, LIVER] *= np.where(scarred, parameters["fibrosis_receptivity"], 1.0)


MECHANISM = Mechanism(
    name="liver_fibrosis",
    title="a scarred liver takes fewer seeds",
    off="scars make no difference: every liver takes seeds as a healthy one",
    null={"fibrosis_receptivity": 1.0},
    act=act,
    constant=True,
)
