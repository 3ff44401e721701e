"""How an illness comes to light: by the primary, by the symptoms of metastases, or at death.

The reference day is the day on which the primary alone would present: the same in all arms. The burden of a patient's
metastases, weighed by organ (`burden_weight`), makes symptoms from the patient's own threshold on, log-normal between
patients; it kills from that threshold times the patient's own factor on, which is at least LEAST_LETHAL_FACTOR. The
day of diagnosis is the first of reference day and symptoms. Whoever dies before it is found at death.

Before its own reference day a primary makes no symptoms, by definition, and so it does not kill either: tumours that
present by perforation or bleeding to death are out of scope.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.numerics import streams

NO_THRESHOLD_CELLS = 1e18
"""A median threshold of so many cells, a thousand tonnes, is none.

Nobody has symptoms of metastases then, or dies of their bulk.
"""
LEAST_LETHAL_FACTOR = 1.5


def thresholds(parameters: LaneParameters, normal: Callable[[int], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Weighted cells of metastases from which a patient has symptoms, and from which he dies: (lanes,) each.

    `normal(purpose)` is a keyed standard normal by lane. The lethal factor is LEAST_LETHAL_FACTOR plus a log-normal, so
    that symptoms always come first.
    """
    p = parameters
    median = np.where(p["symptom_cells"] >= NO_THRESHOLD_CELLS, np.inf, p["symptom_cells"])
    symptoms = median * np.exp(p["symptom_log_sd"] * normal(streams.SYMPTOMS))
    beyond = p["lethal_factor"] - LEAST_LETHAL_FACTOR
    lethal = symptoms * (LEAST_LETHAL_FACTOR + beyond * np.exp(p["lethal_log_sd"] * normal(streams.LETHAL)))
    return symptoms, lethal
