"""The clones of a primary: what power to metastasise each has, relative to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.disease.hosts import Hosts  # heavy, and this file is on the path of `list` and `show`


def potentials(z: np.ndarray, log_sd: np.ndarray) -> np.ndarray:
    """Potential of each clone, (lanes, clones), mean one over clones."""
    return np.exp(log_sd[:, None] * z - 0.5 * log_sd[:, None] ** 2)


def mean_potential(hosts: Hosts, log_sd: np.ndarray) -> np.ndarray:
    """Mean potential of each primary's cells, (lanes,); 1 without clones.

    Shares and potentials of its clones do not change.
    """
    return 1.0 + (hosts.clone_share * (potentials(hosts.clone_z, log_sd) - 1.0)).sum(axis=1)
