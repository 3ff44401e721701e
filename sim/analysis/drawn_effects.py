"""The effect of a comparison in each draw of what is not known, and the chance that it is as large as matters.

Patients run under their own draws, the same in every arm: a pair is of one draw. A draw has few pairs, and their own
spread may happen to be zero; so the spread within draws is pooled over all of them, which leaves the variance between
draws unbiased however much draws differ in spread. A share has half a patient more in each of the four cells of its
pairs (Agresti and Min 2005), so that no event is not no error. Where a draw has a mechanism at its null, arms may be
the same by law, or a treatment have nothing to act on, and then no pair differs: its effect is zero, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from sim.analysis import random_effects
from sim.analysis.contrasts import Measured
from sim.scenario.expectations import Contrast

ROUNDING = 1e-12
BY_CHANCE = 1e-3
"""So seldom may all pairs of a draw be equal by chance for it to be taken to have no effect."""


@dataclass(frozen=True)
class PerDraw:
    """One contrast by draw: `draw` numbers, `effect` and its `variance` of chance, `patients` of the smallest group.

    `no_effect` says in which draws the arms are the same by law, or hold so many equal pairs that they are taken to be:
    their effect is zero without error. Arrays (draws,); a draw in which nobody of an arm counts is left out.
    `all_equal`: no pair of any draw differs.
    """

    draw: np.ndarray
    effect: np.ndarray
    variance: np.ndarray
    patients: np.ndarray
    no_effect: np.ndarray
    all_equal: bool

    def together(self) -> random_effects.Pooled | None:
        """Mean effect, and how chance and parameters spread it; None with too few draws, or no error to tell.

        A draw without an effect by law has no chance in it either: what chance adds between draws is that much less.
        """
        if len(self.effect) < random_effects.FEWEST_DRAWS or not np.isfinite(self.variance).all():
            return None
        return random_effects.pooled(self.effect, self.variance * (~self.no_effect).mean())


def per_draw(contrast: Contrast, measured: Measured, draw: np.ndarray, same: np.ndarray, *, share: bool) -> PerDraw:
    """The contrast in each draw; `draw` (patients,) is each patient's, `same` (draws,) where arms are one by law.

    Arms in which the same patients count are compared in pairs, others as groups (`share`: of patients).
    """
    groups: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    for arm, weight in contrast.weights:
        values, counted = measured[arm]
        key = counted.tobytes()
        before = groups[key][1] if key in groups else np.zeros(len(values))
        groups[key] = (counted, before + weight * np.where(counted, values, 0.0))
    masks, sums = (np.array([part[i] for part in groups.values()]) for i in (0, 1))
    number = len(same)

    def per(values: np.ndarray) -> np.ndarray:
        return np.bincount(draw, values, minlength=number)

    count = np.array([per(mask.astype(float)) for mask in masks])
    if len(masks) == 1:
        same = same | _none_differs(per((np.abs(sums[0]) > ROUNDING).astype(float)), count[0])
    mean = np.array([per(part) for part in sums]) / np.maximum(count, 1.0)
    rest = np.where(masks, sums - mean[:, draw], 0.0)
    variance = np.zeros(number)
    for one in range(len(masks)):
        for other in range(len(masks)):
            both = per((masks[one] & masks[other]).astype(float))
            spread = (rest[one] * rest[other]).sum() + (1.0 if share and one == other else 0.0)
            freedom = np.maximum(both - 1.0, 0.0)[~same].sum() + (2.0 if share and one == other else 0.0)
            pairs = np.maximum(count[one] * count[other], 1.0)
            variance += (spread / freedom if freedom else np.nan) * both / pairs if both.any() else 0.0
    used = np.flatnonzero((count > 0).all(axis=0))
    # Equal within a share's pairs says nothing of groups whose patients differ.
    equal = len(masks) == 1 and not sums.any()
    effect = mean.sum(axis=0)[used]
    return PerDraw(used, effect, variance[used], count.min(axis=0)[used].astype(int), same[used], equal)


def _none_differs(differ: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Draws (bool) without a differing pair, where by the draws that have some that is next to impossible by chance."""
    some = differ > 0
    equal = 1.0 - differ[some].sum() / count[some].sum() if some.any() else 1.0
    return (count > 0) & ~some & (equal**count < BY_CHANCE)


def chance_beyond(found: PerDraw, contrast: Contrast, least: float) -> float | None:
    """Probability, over the draws, that the true effect is on the expected side by more than `least`.

    Of an equality: that it lies within its bound. Each draw has the chance that its own true effect is so, given what
    was seen of all (`random_effects.each`); a draw without an effect has one of zero. None
    where a draw has no error to tell.
    """
    own = ~found.no_effect
    if not len(found.effect) or not np.isfinite(found.variance[own]).all():
        return None
    chances = np.zeros(len(found.effect))
    chances[~own] = 1.0 if contrast.sign == 0 else 0.0
    middle, sd = random_effects.each(found.effect[own], found.variance[own])
    if contrast.sign:
        chances[own] = _above(contrast.sign * middle - least, sd)
    else:
        chances[own] = _above(middle + contrast.within, sd) - _above(middle - contrast.within, sd)
        certain = sd == 0.0
        chances[np.flatnonzero(own)[certain]] = np.abs(middle[certain]) <= contrast.within
    return float(chances.mean())


def _above(middle: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Chance of a normal above zero; without a spread it is or is not."""
    return np.where(sd > 0.0, norm.cdf(middle / np.where(sd > 0.0, sd, 1.0)), middle > 0.0)
