"""Whether a model of a scenario can be built: values that are fine one by one need not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from sim.disease.presentation import NO_THRESHOLD_CELLS
from sim.errors import InputError
from sim.runs.chunk import build_model
from sim.scenario import Scenario

PATIENTS = 100
"""Of a scenario: patients differ in how old they become, and in how their tumours grow."""
TOGETHER = 200
"""Points that are built as lanes of one model."""


def refuse_unbuildable(scenarios: Iterable[Scenario]) -> None:
    """Build a model of the first patients of each scenario. Raises InputError as a run of it would at once."""
    for scenario in scenarios:
        _build(scenario, [scenario.effective()], min(scenario.patients, PATIENTS))


def unbuildable(scenario: Scenario, arms: Sequence[Mapping[str, float]]) -> dict[int, str]:
    """The arms of which no model can be built, by their place, with the reason. Each is built, many together."""
    found: dict[int, str] = {}
    places = [(start, min(start + TOGETHER, len(arms))) for start in range(0, len(arms), TOGETHER)]
    while places:
        start, stop = places.pop()
        try:
            _build(scenario, arms[start:stop])
        except InputError as error:
            if stop - start == 1:
                found[start] = str(error)
            else:
                middle = (start + stop) // 2
                places += [(start, middle), (middle, stop)]
    return dict(sorted(found.items()))


def _build(scenario: Scenario, arms: Sequence[Mapping[str, float]], patients: int = 1) -> None:
    # Who presents by metastases takes a run until the reference day, and never comes later than that.
    arms = [{**arm, "symptom_cells": NO_THRESHOLD_CELLS} for arm in arms]
    model = build_model(scenario, seed=1, patients=np.arange(patients), arms=arms, collect=False)
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents
