"""The colonies of doomed founders once they cycle: how many cells they have, and what doses leave of them."""

from __future__ import annotations

import numpy as np

from sim.disease.birth_death import RASTER_DAYS, doomed_left_until, end_days
from sim.disease.doomed_records import Lives
from sim.disease.doses import keyed_uniform, pace_of
from sim.disease.founders import founders_of
from sim.disease.identity import day_of, index_of, lane_of, niche_of, source_of
from sim.numerics.jit import kernel
from sim.numerics.samplers import binomial
from sim.numerics.streams import ACQUIRES, DOSE_CELLS, END, days_word, tag_word

AT_A_DOSE = 0.25
"""Who loses the last cell to a dose on a morning is gone so many days after it began: it was there when the day did."""


@kernel
def _advance(
    key: np.uint64,
    patient: int,
    ident: np.uint64,
    cells: np.int64,
    at: float,
    to: int,
    end: float,
    net: float,
    birth: float,
    death: float,
) -> np.int64:
    """Cells at `to` < `end` of a doomed colony that had `cells` at `at`, day by day of the raster."""
    while at < to:
        step = (at // RASTER_DAYS + 1) * RASTER_DAYS
        stop = min(step, to)
        cells = doomed_left_until(key, patient, ident, step, cells, float(stop - at), end - at, net, birth, death)
        at = stop
    return cells


@kernel
def undisturbed(
    key: np.uint64,
    ident: np.uint64,
    start: np.int64,
    end: float,
    at: np.int64,
    cells: np.int64,
    until: int,
    lives: Lives,
) -> tuple[np.int64, np.int64, np.int64]:
    """Cells on the morning of `until` of a colony that no dose ever met, from `cells` at `at`.

    No cells stand for its founders at `start`. With the last raster day up to then and the cells on it, from which a
    later look goes on.
    """
    lane, niche, growth = lane_of(ident), niche_of(ident), lives.growth
    who = lives.patient[lane]
    pace = pace_of(key, who, ident, lives.pace)
    net, birth, death = (
        pace * growth.net[lane, niche],
        pace * growth.birth[lane, niche],
        pace * growth.death[lane, niche],
    )
    if cells == 0:
        at, cells = start, founders_of(key, who, ident, growth.mean_cells[lane], growth.promising[lane, niche])
    raster = until // RASTER_DAYS * RASTER_DAYS
    if raster > at:
        cells = _advance(key, who, ident, cells, float(at), raster, end, net, birth, death)
        at = np.int64(raster)
    return _advance(key, who, ident, cells, float(at), until, end, net, birth, death), at, cells


@kernel
def colony(
    key: np.uint64,
    ident: np.uint64,
    start: np.int64,
    end: float,
    cleared: float,
    kind: np.int64,
    until: int,
    lives: Lives,
) -> tuple[np.int64, float]:
    """Cells on the morning of `until` of a doomed founder's colony, cycling from that of `start`, and when it is gone.

    `end` is the time of its end undisturbed, `cleared` that at which T cells clear it, `kind` the drugs that it
    resists.
    """
    lane, niche, growth, doses = lane_of(ident), niche_of(ident), lives.growth, lives.doses
    who = lives.patient[lane]
    pace = pace_of(key, who, ident, lives.pace)
    net, birth, death = (
        pace * growth.net[lane, niche],
        pace * growth.birth[lane, niche],
        pace * growth.death[lane, niche],
    )
    cells = founders_of(key, who, ident, growth.mean_cells[lane], growth.promising[lane, niche])
    at = start
    row, last = doses.first[lane], doses.first[lane + 1]
    while row < last and doses.day[row] < start:
        row += 1
    while row < last and doses.day[row] < until and doses.day[row] < min(end, cleared):
        day, drug = np.int64(doses.day[row]), doses.drug[row]
        if drug >= 0:
            hit = not kind >> drug & 1 and start <= doses.dosed_day[row]
            if hit and keyed_uniform(key, who, ident, ACQUIRES + drug, day - 1) < doses.chance[row]:
                kind |= np.int64(1) << drug
        elif doses.cycling[row, kind, niche] < 1.0:
            if day > at:
                cells = doomed_left_until(key, who, ident, day, cells, float(day - at), end - at, net, birth, death)
            days, source = days_word(day_of(ident), day), source_of(ident)
            tag = tag_word(DOSE_CELLS, niche, source)
            cells = binomial(cells, doses.cycling[row, kind, niche], key, who, index_of(ident), days, tag)
            if cells == 0:
                return np.int64(0), day + AT_A_DOSE
            at = day
            end = at + end_days(keyed_uniform(key, who, ident, END, day), cells, net, birth)
        row += 1
    gone = min(end, cleared)
    if gone <= until:
        return np.int64(0), gone
    return _advance(key, who, ident, cells, at, until, end, net, birth, death), gone
