"""The compiled loop of the law: it imports nothing of the model, so that no edit of a mechanism compiles it again."""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.jit import kernel


@kernel
def none_seen(
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
