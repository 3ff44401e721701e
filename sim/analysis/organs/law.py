"""Shares of patients with a metastasis at death, by organ, given how strongly a site seeds each organ.

Given frailty X, colonies of organ o that are seen or kill by a day are Poisson with mean X x strength x `Exposed`. A
patient dies of metastases with the first colony that is large enough to kill, or of something else on their last day.
With K the expected number of killing colonies of all organs and E those that kill or are seen in o, nothing is seen in
o at death with probability exp(-X E(last)) + the integral of X exp(-X E) over the colonies of other organs that kill:
exact but for taking one colony as the whole burden, and for the steps of time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.analysis.organs.exposed import Exposed
from sim.names import ORGANS
from sim.numerics.jit import kernel

FRAILTIES = 24
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(FRAILTIES)
STEP = 1e-4
"""Of the finite differences in log strength."""


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


@kernel
def _none_seen(
    strength: np.ndarray, killing: np.ndarray, either: np.ndarray, frailty: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """P(no metastasis is seen at death) by organ, (organs,), averaged over patients and frailty; see the module."""
    organs, lanes, days = killing.shape
    out = np.zeros(organs)
    kill = np.empty(days)
    every = np.empty((organs, days))
    for lane in range(lanes):
        for j in range(days):
            total = 0.0
            for o in range(organs):
                total += strength[o] * killing[o, lane, j]
            kill[j] = total
            for o in range(organs):
                every[o, j] = total + strength[o] * (either[o, lane, j] - killing[o, lane, j])
        for o in range(organs):
            for q in range(frailty.size):
                before, was, k_was = 1.0, 0.0, 0.0
                none = 0.0
                for j in range(days):
                    now = math.exp(-frailty[q] * every[o, j])
                    k_now = kill[j] - strength[o] * killing[o, lane, j]
                    rise = every[o, j] - was
                    if rise > 0.0:
                        none += (before - now) * (k_now - k_was) / rise
                    before, was, k_was = now, every[o, j], k_now
                out[o] += weight[q] * (none + before)
    return out / lanes


def shares(strength: np.ndarray, exposed: Exposed, frailty: Frailties) -> np.ndarray:
    """Share of patients with a metastasis at death by organ, (organs,), for strengths (organs,)."""
    none = _none_seen(strength, exposed.killing, exposed.either, frailty.value, frailty.weight)
    return frailty.able * (1.0 - none)


def shares_and_slopes(log_strength: np.ndarray, exposed: Exposed, frailty: Frailties) -> tuple[np.ndarray, np.ndarray]:
    """`shares`, and their derivatives by log strength, (organs, organs): of the row's organ by the column's."""
    base = shares(np.exp(log_strength), exposed, frailty)
    slopes = np.empty((len(ORGANS), len(ORGANS)))
    for place in range(len(ORGANS)):
        moved = log_strength.copy()
        moved[place] += STEP
        slopes[:, place] = (shares(np.exp(moved), exposed, frailty) - base) / STEP
    return base, slopes
