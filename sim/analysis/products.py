"""What is known only as a product: the liver's soil and its inflammation.

Soil was fitted with all mechanisms on, so a stronger effect of inflammation means a poorer soil: the
published shares of patients fix soil x (1 + gain x readiness), not its factors. Here the soil that goes
with another gain is found in closed form, such that the expected metastases of the liver stay the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.analysis.exposure import expected_metastases, measure, visible_within
from sim.mechanisms import effective_parameters
from sim.scenario import Scenario

MECHANISM, GAIN, SOIL = "inflammation", "inflammation_gain", "soil.liver"
PATIENTS = 200
"""Patients behind the refit: only a ratio over the same patients is taken, so that few are enough."""


def assumed_gains(scenario: Scenario) -> list[float]:
    """The scenario's own gain first, then the ends of the catalogue's range."""
    gain = scenario.parameters[GAIN]
    ends = {gain.parameter.low, gain.parameter.high} - {gain.value}
    return [gain.value, *sorted(ends)]


def refitted_soils(scenario: Scenario, gains: Sequence[float], *, seed: int, patients: int = PATIENTS) -> np.ndarray:
    """The liver's soil for each gain, (gains,), that keeps its expected metastases with all mechanisms on.

    They are proportional to soil x the exposure of patients of frailty one (see `sim.analysis.exposure`):
    frailty is drawn apart from what the exposure depends on, so its mean cancels. The metastases' own
    deaths are left out, as in the calibration; a soil may come out above one, which no run accepts.
    """
    base = effective_parameters({name: p.value for name, p in scenario.parameters.items()}, scenario.mechanisms)
    arms = [{**base, GAIN: gain} for gain in (base[GAIN], *gains)]
    exposure = measure(scenario, seed=seed, patients=patients, arms=arms)
    threshold = base[f"{scenario.observe}_threshold_cells"]
    visible = visible_within(scenario, threshold, len(exposure.shed) + 1)
    _, liver = expected_metastases(exposure, visible, exposure.last_day, exposure.last_day)
    expected = liver.reshape(len(arms), patients).sum(axis=1)
    return base[SOIL] * expected[0] / expected[1:]
