"""Stage and grade at diagnosis: what pathologists and imaging see. Correlates of the illness, without an effect.

Depth (T) goes with the size of the primary and the ability to spread, positive nodes (N) with both; metastases (M) are
what imaging shows. Grade goes with the pace of the metastases and the ability to spread; metastases in distant nodes
and in the peritoneum, which the model does not simulate, go with that ability. All of them explain a part of the
variance that is there: nothing else reads them, and none of them sheds a cell. They are those of the reference day,
so that they are the same in all arms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from scipy.special import expit, ndtri

from sim.catalog.parameters import LaneParameters
from sim.names import STAGES_AT_DIAGNOSIS, T_CATEGORIES
from sim.numerics import streams

SIZE_CUTS_CM: Mapping[str, tuple[float, ...]] = MappingProxyType({"breast": (2.0, 5.0), "lung": (3.0, 5.0, 7.0)})
"""Diameters above which T1 becomes T2, and so on (TNM, 8th edition), where size decides. What decides beside it (chest
wall, bronchus) is not modelled."""
CELLS_PER_CM3 = 1e9


def competence(able: np.ndarray, share: np.ndarray, frailty: np.ndarray) -> np.ndarray:
    """The ability to spread in one standard normal, (lanes,): those who cannot come first, in any order.

    `able` and `frailty` (lanes,) are the uniforms that decide whether a tumour can metastasise (below `share`), and how
    well.
    """
    return np.asarray(ndtri(np.where(able < share, 1.0 - share * (1.0 - frailty), 1.0 - able)))


def diameter_cm(cells: np.ndarray) -> np.ndarray:
    """Diameter of a ball of so many cells."""
    return np.cbrt(6.0 / np.pi * cells / CELLS_PER_CM3)


def _beyond_t1(site: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where size decides on T (bool), and by how many cuts it is exceeded (0 elsewhere), (lanes,) each."""
    decides, passed = np.zeros(len(site), dtype=bool), np.zeros(len(site), dtype=int)
    for name, cuts in SIZE_CUTS_CM.items():
        mine = site == name
        decides |= mine
        passed[mine] = np.searchsorted(cuts, diameter_cm(cells[mine]), side="left")
    return decides, passed


def primary_stage(
    parameters: LaneParameters,
    normal: Callable[[int], np.ndarray],
    uniform: Callable[[int], np.ndarray],
    site: np.ndarray,
    cells: np.ndarray,
    median_cells: np.ndarray,
    able: np.ndarray,
    frailty_z: np.ndarray,
    competence_z: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the primary is deep (T3 or T4; beyond T1 where size decides), and whether its nodes are positive.

    (lanes,) bool each. `cells` (lanes,) is the size of the primary, `median_cells` (lanes,) that of the median patient
    of its site. `normal(purpose)` and `uniform(purpose)` are keyed draws by lane; `frailty_z` is the frailty in
    standard deviations, read where the tumour is `able` to metastasise, `competence_z` that of `competence`. Depth is
    log-normal around the size; the log-odds of nodes are linear.
    """
    p = parameters
    shared = p["depth_competence_correlation"]
    own = shared * competence_z + np.sqrt(1.0 - shared**2) * normal(streams.DEPTH)
    deep = cells * np.exp(p["depth_log_sd"] * own) >= p["deep_from_cells"]
    by_size, passed = _beyond_t1(site, cells)
    log_odds = p["node_log_odds"] + p["node_size_log_odds"] * np.log(cells / median_cells)
    log_odds = log_odds + np.where(able, p["node_able_log_odds"] + p["node_frailty_log_odds"] * frailty_z, 0.0)
    return np.where(by_size, passed > 0, deep), uniform(streams.NODES) < expit(log_odds)


def t_category(site: np.ndarray, cells: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """T1 to T4 by size in breast and lung (T1 to T3 in the breast), elsewhere T1-2 or T3-4 by depth: (lanes,) text."""
    by_size, passed = _beyond_t1(site, cells)
    return np.array(T_CATEGORIES)[np.where(by_size, passed, 4 + deep.astype(int))]


def grade(
    parameters: LaneParameters, uniform: Callable[[int], np.ndarray], growth_z: np.ndarray, competence_z: np.ndarray
) -> np.ndarray:
    """Grade 1 (well), 2 or 3 (poorly differentiated), (lanes,).

    `growth_z` and `competence_z` (lanes,) are the pace of the metastases and the ability to spread in standard
    deviations. A standard normal that correlates with them, cut at the published shares. Raises ValueError where the
    shares of grades 1 and 3 leave none for grade 2.
    """
    p = parameters
    if np.any(p["grade_1_share"] + p["grade_3_share"] > 1.0):
        raise ValueError("grade_1_share and grade_3_share must not be above one together")
    of_growth, together = p["grade_growth_share"], p["grade_correlation"]
    explained = np.sqrt(of_growth) * growth_z + np.sqrt(1.0 - of_growth) * competence_z
    z = together * explained + np.sqrt(1.0 - together**2) * ndtri(uniform(streams.GRADE))
    return 1 + (z > ndtri(p["grade_1_share"])).astype(int) + (z > ndtri(1.0 - p["grade_3_share"])).astype(int)


def beyond_blood(
    parameters: LaneParameters, uniform: Callable[[int], np.ndarray], site: np.ndarray, competence_z: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether distant nodes, and the peritoneum, hold metastases at diagnosis, (lanes,) bool each.

    Observed: a standard normal that correlates with the ability to spread is above the quantile of the site's share.
    """

    def found(name: str, purpose: int) -> np.ndarray:
        together = parameters[f"{name}_correlation"]
        z = together * competence_z + np.sqrt(1.0 - together**2) * ndtri(uniform(purpose))
        return np.asarray(z > ndtri(1.0 - parameters.by_site(f"{name}_share.{{site}}", site)))

    return found("distant_nodes", streams.DISTANT_NODES), found("peritoneum", streams.PERITONEUM)


def stage(deep: np.ndarray, nodes: np.ndarray, metastatic: np.ndarray) -> np.ndarray:
    """Stage I to IV, (lanes,) text: I shallow, II deep, III nodes, IV metastases that imaging shows."""
    return np.array(STAGES_AT_DIAGNOSIS)[np.where(metastatic, 3, np.where(nodes, 2, deep.astype(int)))]
