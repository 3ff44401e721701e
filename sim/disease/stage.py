"""Stage at diagnosis: what pathologists and imaging see. Correlates of the illness, without an effect of their own.

Depth (T) goes with the size of the primary, positive nodes (N) with its ability to spread and its size; metastases (M)
are what imaging shows. They explain a part of the variance that is there: nothing else reads them. T and N are those
of the reference day, so that they are the same in all arms.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from sim.catalog.parameters import LaneParameters
from sim.names import STAGES_AT_DIAGNOSIS
from sim.numerics import streams


def primary_stage(
    parameters: LaneParameters,
    normal: Callable[[int], np.ndarray],
    uniform: Callable[[int], np.ndarray],
    cells: np.ndarray,
    median_cells: np.ndarray,
    able: np.ndarray,
    frailty_z: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the primary is deep (T3 or T4), and whether its nodes are positive: (lanes,) bool each.

    `cells` (lanes,) is the size of the primary, `median_cells` (lanes,) that of the median patient of its site.
    `normal(purpose)` and `uniform(purpose)` are keyed draws by lane; `frailty_z` is the frailty in standard deviations,
    read where the tumour is `able` to metastasise. Depth is log-normal around the size; the log-odds of nodes are
    linear.
    """
    p = parameters
    deep = cells * np.exp(p["depth_log_sd"] * normal(streams.DEPTH)) >= p["deep_from_cells"]
    log_odds = p["node_log_odds"] + p["node_size_log_odds"] * np.log(cells / median_cells)
    log_odds = log_odds + np.where(able, p["node_able_log_odds"] + p["node_frailty_log_odds"] * frailty_z, 0.0)
    return deep, uniform(streams.NODES) < expit(log_odds)


def stage(deep: np.ndarray, nodes: np.ndarray, metastatic: np.ndarray) -> np.ndarray:
    """Stage I to IV, (lanes,) text: I shallow, II deep, III nodes, IV metastases that imaging shows."""
    return np.array(STAGES_AT_DIAGNOSIS)[np.where(metastatic, 3, np.where(nodes, 2, deep.astype(int)))]
