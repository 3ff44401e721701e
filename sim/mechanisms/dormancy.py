"""An arrived cell may sleep until the energy that its niche supplies reaches its own threshold.

The niche's energy clock is the integral of its feeding rate; a sleeper's threshold is a mixture of a
narrow component (avascular rest, about three years) and a broad one (single-cell sleep, decades).
Waking and dying asleep are in `sim.disease.sleep`; this file says who sleeps and how niches feed.
"""

from __future__ import annotations

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """Who falls asleep, how fast the clock of each niche runs, and the hazard of dying asleep."""
    rates.sleep += parameters["sleep_probability"][:, None]
    rates.feeding *= parameters.by_niche("feeding")
    rates.sleeper_death += parameters["sleeper_death_per_day"][:, None]


MECHANISM = Mechanism(
    name="dormancy",
    title="an arrived cell may sleep until its niche has fed it",
    off="threshold zero on arrival: every competent cell cycles at once",
    null={"sleep_probability": 0.0},
    act=act,
    constant=True,
    default=True,
)
