"""What is known only as a product: the liver's soil and its inflammation.

Soil was fitted to published shares of patients with all mechanisms on, so a stronger effect of inflammation
means a poorer soil: the shares fix soil x (1 + gain x readiness), not its factors. Here the soil that goes
with another gain is found in closed form, such that the share of patients with a visible liver metastasis stays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.analysis.points import expected_at_frailty_one, over_frailty
from sim.names import LIVER, NICHES
from sim.scenario import Scenario

MECHANISM, GAIN, SOIL = "inflammation", "inflammation_gain", "soil.liver"
PATIENTS = 200
"""Patients behind the refit: the same at every gain, so that few are enough."""
_FURTHEST = 1e4
_CLEAR = 1e-6
"""A share of patients nearer to none or all than this tells nothing of the soil: then the mean number is kept."""


def assumed_gains(scenario: Scenario) -> list[float]:
    """The scenario's own gain first, then the ends of the catalogue's range."""
    gain = scenario.parameters[GAIN]
    ends = {gain.parameter.low, gain.parameter.high} - {gain.value}
    return [gain.value, *sorted(ends)]


def refitted_soils(scenario: Scenario, gains: Sequence[float], *, seed: int, patients: int = PATIENTS) -> np.ndarray:
    """The liver's soil for each gain, (gains,), with which as many patients get visible liver metastases.

    All mechanisms on; in closed form (see `sim.analysis.points`), which leaves out the metastases' own deaths. A soil
    may come out above one, which no run accepts.
    """
    from scipy.optimize import brentq

    base = scenario.effective()
    arms = [{**base, GAIN: gain} for gain in (base[GAIN], *gains)]
    lanes = np.tile(np.arange(patients), len(arms)), np.repeat(np.arange(len(arms)), patients)
    expected = expected_at_frailty_one(scenario, arms, *lanes, seed)[:, LIVER].reshape(len(arms), patients)

    def share(number: int, log_factor: float) -> float:
        at_one = np.zeros((patients, len(NICHES)))
        at_one[:, LIVER] = expected[number] * math.exp(log_factor)
        return float(over_frailty(at_one, base)[1][:, LIVER].mean())

    wanted = share(0, 0.0)
    factors = []
    for number in range(1, len(arms)):
        factor = expected[0].sum() / expected[number].sum() if expected[number].any() else 1.0
        if _CLEAR < wanted < 1.0 - _CLEAR:
            middle, width = math.log(factor), math.log(_FURTHEST)
            factor = math.exp(
                brentq(lambda x, number=number: share(number, x) - wanted, middle - width, middle + width, xtol=1e-12)
            )
        factors.append(factor)
    return base[SOIL] * np.array(factors)
