"""An arrived cell may sleep until the energy that its niche supplies reaches its own threshold.

The niche's energy clock is the integral of its feeding rate; a sleeper's threshold is a mixture of a
narrow component (avascular rest, about three years) and a broad one (single-cell sleep, decades).
Waking and dying asleep are in `sim.disease.sleep`; this file says who sleeps and how niches feed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism


def sleep_of_site(parameters: LaneParameters, site_of_lane: Sequence[str] | np.ndarray) -> np.ndarray:
    """Probability that a competent cell of the lane's site falls asleep on arrival, (lanes,)."""
    factor = parameters.by_site("site_sleep_factor.{site}", site_of_lane)
    return np.minimum(parameters["sleep_probability"] * factor, 1.0)


def sleeper_death_of_site(parameters: LaneParameters, site_of_lane: Sequence[str] | np.ndarray) -> np.ndarray:
    """Hazard per day of dying asleep of the cells of the lane's site, (lanes,)."""
    return parameters["sleeper_death_per_day"] * parameters.by_site("site_sleeper_death_factor.{site}", site_of_lane)


def values_of_site(values: Mapping[str, float], site: str) -> dict[str, float]:
    """All parameter values with the sleep and the death of sleepers of a site in place of the colon's."""
    one = LaneParameters(values, 1)
    return {
        **values,
        "sleep_probability": float(sleep_of_site(one, [site])[0]),
        "sleeper_death_per_day": float(sleeper_death_of_site(one, [site])[0]),
    }


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """Who falls asleep, how fast the clock of each niche runs, and the hazard of dying asleep."""
    site = signals.hosts.site
    rates.sleep += sleep_of_site(parameters, site)[:, None]
    rates.feeding *= parameters.by_niche("feeding")
    rates.sleeper_death += sleeper_death_of_site(parameters, site)[:, None]


MECHANISM = Mechanism(
    name="dormancy",
    title="an arrived cell may sleep until its niche has fed it",
    off="threshold zero on arrival: every competent cell cycles at once",
    null={"sleep_probability": 0.0},
    act=act,
    constant=True,
    default=True,
)
