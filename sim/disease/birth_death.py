"""A week of the linear birth-death process, composed day by day (`sim.disease.colonise` has the law).

A week of colonies that share their rates is composed once; a colony with a pace of its own has its own.
"""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.jit import kernel

STEP_DAYS = 7
"""Small colonies are stepped together at the end of every week: on days 6, 13, 20 ..."""


@kernel
def day_generating_terms(birth: float, death: float) -> tuple[float, float]:
    """m and q of one day; the limit at birth = death is q = birth."""
    net = birth - death
    m = math.exp(net)
    q = birth if abs(net) < 1e-12 else birth * (-math.expm1(-net)) / net
    return m, q


@kernel
def advance_week(
    position: int,
    birth: np.ndarray,
    death: np.ndarray,
    known_birth: np.ndarray,
    known_death: np.ndarray,
    day_growth: np.ndarray,
    day_spread: np.ndarray,
    before_growth: np.ndarray,
    growth: np.ndarray,
    spread: np.ndarray,
) -> None:
    """Compose today into the week so far: `growth` (M) and `spread` (Q), shape (STEP_DAYS + 1, lanes, niches).

    `before_growth` (lanes, niches) is M at the start of the day: `growth[position]`, times the share of cells that
    survived a dose this morning. Thinning by s is a step of its own with m = s and q = 0. `day_growth` and
    `day_spread` (lanes, niches) keep m and q of the rates `known_birth` and `known_death`, which seldom change.
    """
    for lane in range(birth.shape[0]):
        for niche in range(birth.shape[1]):
            if birth[lane, niche] != known_birth[lane, niche] or death[lane, niche] != known_death[lane, niche]:
                known_birth[lane, niche], known_death[lane, niche] = birth[lane, niche], death[lane, niche]
                m, q = day_generating_terms(birth[lane, niche], death[lane, niche])
                day_growth[lane, niche], day_spread[lane, niche] = m, q
            before = before_growth[lane, niche]
            growth[position + 1, lane, niche] = before * day_growth[lane, niche]
            spread[position + 1, lane, niche] = spread[position, lane, niche] + day_spread[lane, niche] / before


@kernel
def paced_week(joined: int, pace: float, birth: float, death: float, growth: np.ndarray) -> tuple[float, float]:
    """M and Q from day `joined` to the week's end of a colony whose birth and death go `pace` times as fast.

    `growth` (STEP_DAYS + 1,) is M of the same week at pace one; what it holds beyond birth and death are doses.
    """
    plain, _ = day_generating_terms(birth, death)
    own_m, own_q = day_generating_terms(pace * birth, pace * death)
    m, q = 1.0, 0.0
    for day in range(joined, STEP_DAYS):
        m *= growth[day + 1] / (growth[day] * plain)
        q += own_q / m
        m *= own_m
    return m, q
