"""Hypoxia in a niche favours arrest into sleep.

`niche_hypoxia.<niche>` is 0 where oxygen is plenty and 1 where it is lowest; an arriving cell sleeps more
often by 1 + gain x hypoxia, up to always.
"""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """Cells that arrive in a hypoxic niche sleep more often."""
    rates.sleep *= 1.0 + parameters["hypoxia_sleep_gain"][:, None] * parameters.by_niche("niche_hypoxia")
    np.minimum(rates.sleep, 1.0, out=rates.sleep)


MECHANISM = Mechanism(
    name="hypoxia",
    title="cells fall asleep where oxygen is short",
    off="oxygen makes no difference to who falls asleep",
    null={"hypoxia_sleep_gain": 0.0},
    act=act,
    constant=True,
)
