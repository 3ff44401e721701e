"""Shares of patients with a metastasis at death, by organ, given how strongly a site seeds each organ.

Given frailty X, colonies of organ o that are seen or kill by a day are Poisson with mean X x strength x `Exposed`. A
patient dies of metastases with the first colony that is large enough to kill, or of something else on their last day.
With K the expected number of killing colonies of all organs and E those that kill or are seen in o, nothing is seen in
o at death with probability exp(-X E(last)) + the integral of X exp(-X E) over the colonies of other organs that kill:
exact but for taking one colony as the whole burden, and for the steps of time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.analysis.organs.exposed import Exposed
from sim.analysis.organs.none_seen import none_seen

FRAILTIES = 24
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(FRAILTIES)


@dataclass(frozen=True)
class Frailties:
    """Points of the frailty (points,) with their weights, and the share of patients who can metastasise at all."""

    value: np.ndarray
    weight: np.ndarray
    able: float


def frailties(log_sd: float, cut_sd: float, able: float) -> Frailties:
    """Gauss-Legendre points of a log-normal that is cut off at `cut_sd` standard deviations."""
    z = cut_sd * _NODES
    weight = _WEIGHTS * np.exp(-0.5 * z**2)
    return Frailties(np.exp(log_sd * z), weight / weight.sum(), able)


def shares(strength: np.ndarray, exposed: Exposed, frailty: Frailties) -> np.ndarray:
    """Share of patients with a metastasis at death by organ, (organs,), for strengths (organs,)."""
    none, _ = none_seen(strength, exposed.killing, exposed.either, frailty.value, frailty.weight)
    return frailty.able * (1.0 - none)


def shares_and_slopes(log_strength: np.ndarray, exposed: Exposed, frailty: Frailties) -> tuple[np.ndarray, np.ndarray]:
    """`shares`, and their derivatives by log strength, (organs, organs): of the row's organ by the column's."""
    strength = np.exp(log_strength)
    none, slopes = none_seen(strength, exposed.killing, exposed.either, frailty.value, frailty.weight)
    return frailty.able * (1.0 - none), -frailty.able * slopes
