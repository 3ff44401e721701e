"""A linear birth-death process seen from its end: lines that live for ever, and lines that are doomed.

With birth b > death d a single cell founds a colony that lives for ever with chance p = 1 - d/b. Conditioned on the one
or the other (Waugh 1958; O'Connell 1993):

- a doomed line is a birth-death process with birth d and death b;
- a cell with an immortal line bears immortal ones at rate b - d, so these are a Yule process: given its limit E (the
  number of immortal lines times exp(-(b - d) t), for t without end) the new ones of a time are Poisson with mean
  E (exp((b - d) t) - 1), independent of what came before;
- with I lines at first and J at the end of a time, all its cells are J + NegBin(J + I, failure f), f as below.

All of it is told by one function of time, e(t) = (exp((b - d) t) - 1) / (b - d): a doomed line is alive at t with
chance 1 / (1 + b e), and if it is its cells are geometric with ratio f = d e / (1 + b e) (Kendall 1948).
"""

from __future__ import annotations

import math

import numpy as np

from sim.disease.identity import day_of, index_of, niche_of, source_of
from sim.numerics.elementary import exp, log
from sim.numerics.jit import inlined, kernel
from sim.numerics.samplers import binomial, negative_binomial
from sim.numerics.streams import DOOMED_OFFSPRING, DOOMED_SHAPE, LAST_LINE, SURVIVORS, days_word, tag_word, uniforms

STEP_DAYS = 7
"""Colonies become deterministic, and are measured, at the end of every week: on days 6, 13, 20 ..."""
RASTER_DAYS = 28
"""Sizes are drawn at multiples of so many days from day 0, whoever looks: a look between them keeps nothing."""
MOST_LINES = 1e17
"""Counts are 64-bit; growth is certain long before."""
LEAST_FAILURE = 1e-300


@kernel
def time_term(net: float, days: float) -> float:
    """e(t) of the text above; its limit at net = 0 is t."""
    x = net * days
    return days if abs(x) < 1e-12 else math.expm1(x) / net


@inlined
def _plain_term(net: float, days: float) -> float:
    """`time_term` where its last bits do not matter; several times faster."""
    x = net * days
    return days * (1.0 + 0.5 * x) if x < 1e-6 else (exp(x) - 1.0) / net


@kernel
def extinct_share(birth: float, term: float) -> float:
    """Chance that a doomed line is gone after a time with this term."""
    return birth * term / (1.0 + birth * term)


@kernel
def end_days(u: float, lines: int, net: float, birth: float) -> float:
    """Days until the last of so many doomed lines is gone, from a uniform u: the quantile of extinct_share^lines."""
    alive = -math.expm1(math.log(u) / lines)  # the chance that a line is alive then
    if alive <= 0.0:
        return np.inf
    term = (1.0 / alive - 1.0) / birth
    return term if net * term < 1e-12 else math.log1p(net * term) / net


@kernel
def doomed_left(
    key: np.uint64, patient: int, ident: np.uint64, draw_day: int, cells: int, alive: float, failure: float
) -> np.int64:
    """What is left of doomed cells: each has a line alive with chance `alive`, of a geometric number of cells."""
    if cells <= 0:
        return np.int64(0)
    niche, source = niche_of(ident), source_of(ident)
    index, days = index_of(ident), days_word(day_of(ident), draw_day)
    lines = binomial(cells, alive, key, patient, index, days, tag_word(SURVIVORS, niche, source))
    return lines + negative_binomial(
        lines,
        failure,
        key,
        patient,
        index,
        days,
        tag_word(DOOMED_SHAPE, niche, source),
        tag_word(DOOMED_OFFSPRING, niche, source),
    )


@inlined
def last_line_failure(days: float, rest: float, net: float, birth: float, death: float) -> float:
    """Failure f q of the line that dies last, `rest` days after a look `days` after its founding."""
    term, later = _plain_term(net, days), _plain_term(net, rest)
    alive = 1.0 / (1.0 + birth * term)
    return death * term * alive * (birth * later / (1.0 + birth * later))


@kernel
def doomed_left_until(
    key: np.uint64,
    patient: int,
    ident: np.uint64,
    draw_day: int,
    cells: int,
    days: float,
    days_to_end: float,
    net: float,
    birth: float,
    death: float,
) -> np.int64:
    """What is left of doomed cells after `days`, given that the last one of them dies after `days_to_end` > `days`.

    The line that dies last has 1 + NegBin(2, f q) cells, q the chance that a line is gone in the rest of the time; of
    each other line it is known that it is gone by then.
    """
    index, when = index_of(ident), days_word(day_of(ident), draw_day)
    failure = last_line_failure(days, days_to_end - days, net, birth, death)
    last = np.int64(1)
    if failure > LEAST_FAILURE:
        u, v = uniforms(key, patient, index, when, tag_word(LAST_LINE, niche_of(ident), source_of(ident)))
        scale = 1.0 / log(failure)
        last += np.int64(log(u) * scale) + np.int64(log(v) * scale)
    if cells <= 1:
        return last
    gone = extinct_share(birth, time_term(net, days))
    others = max(1.0 - gone / extinct_share(birth, time_term(net, days_to_end)), 0.0)
    return last + doomed_left(key, patient, ident, draw_day, cells - 1, others, failure)
