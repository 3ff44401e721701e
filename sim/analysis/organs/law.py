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
from sim.numerics.jit import kernel

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


@kernel
def _none_seen(
    strength: np.ndarray, killing: np.ndarray, either: np.ndarray, frailty: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """P(no metastasis is seen at death) by organ, (organs,), averaged over patients and frailty; see the module.

    And its derivatives by log strength, (organs, organs): of the row's organ by the column's. With B = exp(-X E) and r
    the share of a step's new colonies that kill from another organ, it is the sum over steps of (B_before - B) r, and
    B at the end: each step's E, and numerator and denominator of r, carry a derivative.
    """
    organs, lanes, days = killing.shape
    out, slopes = np.zeros(organs), np.zeros((organs, organs))
    kill = np.empty(days)
    every, ratio = np.empty(days), np.empty(days + 1)
    by_level, by_step, rise = np.empty(days), np.empty(days), np.empty(days)
    for lane in range(lanes):
        for j in range(days):
            total = 0.0
            for o in range(organs):
                total += strength[o] * killing[o, lane, j]
            kill[j] = total
        for o in range(organs):
            was, k_was = 0.0, 0.0
            for j in range(days):
                every[j] = kill[j] + strength[o] * (either[o, lane, j] - killing[o, lane, j])
                k_now = kill[j] - strength[o] * killing[o, lane, j]
                rise[j] = every[j] - was
                ratio[j] = (k_now - k_was) / rise[j] if rise[j] > 0.0 else 0.0
                was, k_was = every[j], k_now
                by_level[j], by_step[j] = 0.0, 0.0
            ratio[days] = 1.0
            for q in range(frailty.size):
                before = 1.0
                for j in range(days):
                    now = math.exp(-frailty[q] * every[j])
                    out[o] += weight[q] * (before - now) * ratio[j]
                    by_level[j] += weight[q] * frailty[q] * now * (ratio[j] - ratio[j + 1])
                    if rise[j] > 0.0:
                        by_step[j] += weight[q] * (before - now) / rise[j]
                    before = now
                out[o] += weight[q] * before
            for m in range(organs):
                level_was, found = 0.0, 0.0
                for j in range(days):
                    level = strength[m] * (either[m, lane, j] if m == o else killing[m, lane, j])
                    step = level - level_was
                    found += by_level[j] * level + by_step[j] * ((0.0 if m == o else step) - ratio[j] * step)
                    level_was = level
                slopes[o, m] += found
    return out / lanes, slopes / lanes


def shares(strength: np.ndarray, exposed: Exposed, frailty: Frailties) -> np.ndarray:
    """Share of patients with a metastasis at death by organ, (organs,), for strengths (organs,)."""
    none, _ = _none_seen(strength, exposed.killing, exposed.either, frailty.value, frailty.weight)
    return frailty.able * (1.0 - none)


def shares_and_slopes(log_strength: np.ndarray, exposed: Exposed, frailty: Frailties) -> tuple[np.ndarray, np.ndarray]:
    """`shares`, and their derivatives by log strength, (organs, organs): of the row's organ by the column's."""
    strength = np.exp(log_strength)
    none, slopes = _none_seen(strength, exposed.killing, exposed.either, frailty.value, frailty.weight)
    return frailty.able * (1.0 - none), -frailty.able * slopes
