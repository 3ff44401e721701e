"""Grown colonies under treatment: their path bends, they become small again, or they are gone.

A path of `cells.grown` says a colony's size in closed form from the morning of day `since` on. Whoever
changes a colony keeps its former path in `cells.past`, with the last morning on which it told the size
(before that day's treatment), so that what was true stays true.
"""

from __future__ import annotations

import numpy as np

from sim.disease import colonise, founders
from sim.disease import doses as therapy
from sim.disease.cells import TumourCells
from sim.disease.colonies import ColonyLaw
from sim.disease.identity import unpack
from sim.numerics.streams import ACQUIRES, REMOVED

MOST_LOG_CELLS = np.log(1e18)
"""Counts are 64-bit."""


def rows_in(cells: TumourCells, lanes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the grown colonies in some lanes (bool by lane), with their lanes and niches."""
    parts = unpack(cells.grown.column("identity"))
    rows = np.flatnonzero(lanes[parts["lane"]])
    return rows, parts["lane"][rows], parts["niche"][rows]


def log_cells(
    cells: TumourCells, law: ColonyLaw, rows: np.ndarray, lane: np.ndarray, niche: np.ndarray, day: int
) -> np.ndarray:
    """log cells of grown colonies on the morning of `day`, (rows,)."""
    path = (cells.grown.column(name)[rows] for name in ("start_day", "start_log_cells", "delay_days"))
    return np.log(
        colonise.grown_sizes(
            np.full(len(rows), float(day)), *path, *law.of_colonies(lane, niche, cells.grown.column("pace")[rows])
        )
    )


def keep_past(cells: TumourCells, rows: np.ndarray, until: int) -> None:
    """Remember the present paths of these colonies, true until the morning of `until`."""
    grown = cells.grown
    cells.past.append(until=until, **{name: grown.column(name)[rows] for name in grown.names})


def drop(cells: TumourCells, rows: np.ndarray) -> None:
    """Take these rows out of the grown colonies; the others keep their order."""
    stay = np.ones(cells.grown.count, dtype=bool)
    stay[rows] = False
    cells.grown.keep(stay)


def cycling_share(log_cells: np.ndarray, limit_log_cells: np.ndarray, limit_gap: np.ndarray) -> np.ndarray:
    """Share of a tumour's cells that cycle, 1 up to the avascular limit: growth relative to that there (Gompertz)."""
    return np.minimum(1.0 - (log_cells - limit_log_cells) / limit_gap, 1.0)


def strike(
    cells: TumourCells,
    law: ColonyLaw,
    key: np.uint64,
    alive: np.ndarray,
    day: int,
    survival: np.ndarray,
    drugs: np.ndarray,
    shrink: np.ndarray,
) -> None:
    """Reduce grown colonies on the morning of `day` to a share of their cells.

    `survival` (classes, lanes, niches) is what today's doses leave of cycling cells, `drugs` (alike) the part of drugs,
    which hit only the share that cycles; `shrink` (lanes, niches) what the immune system has left since it last struck.
    A colony that falls below the size at which growth is certain goes back to the small ones, cell by cell, so that it
    can die out; cells that did not cycle this morning are counted as so many more that did.
    """
    touched = alive & ((survival < 1.0).any(axis=(0, 2)) | (shrink < 1.0).any(axis=1))
    if not touched.any():
        return
    rows, lane, niche = rows_in(cells, touched)
    kind = cells.grown.column("traits")[rows] & (law.classes - 1)
    by_dose, by_drugs = survival[kind, lane, niche], drugs[kind, lane, niche]
    by_immunity = shrink[lane, niche]
    hit = by_dose * by_immunity < 1.0
    rows, lane, niche, by_dose, by_drugs, by_immunity = (
        a[hit] for a in (rows, lane, niche, by_dose, by_drugs, by_immunity)
    )
    if not rows.size:
        return
    before = log_cells(cells, law, rows, lane, niche, day)
    resting = 1.0 - cycling_share(before, law.limit_log_cells[lane], law.limit_gap[lane])
    after = before + np.log(by_dose * by_immunity) - resting * np.log(by_drugs)
    keep_past(cells, rows, day)
    falls = after < np.log(law.certain_cells[lane, niche])
    bend(cells, law, rows[~falls], lane[~falls], niche[~falls], day, after[~falls])
    _become_small(
        cells,
        key,
        rows[falls],
        lane[falls],
        niche[falls],
        day,
        (before - resting * np.log(by_drugs))[falls],
        (by_dose * by_immunity)[falls],
    )


def bend(
    cells: TumourCells,
    law: ColonyLaw,
    rows: np.ndarray,
    lane: np.ndarray,
    niche: np.ndarray,
    day: int,
    after: np.ndarray,
) -> None:
    """Let colonies grow on from exp(`after`) cells on the morning of `day`; what is left of a rest they still rest."""
    grown = cells.grown
    early, limit, gap, gompertz = law.of_colonies(lane, niche, grown.column("pace")[rows])
    start_day, start, delay = (grown.column(name)[rows] for name in ("start_day", "start_log_cells", "delay_days"))
    rest = therapy.rest_left(day - start_day, start, delay, early, limit)
    above = after > limit
    # Above the limit the path is told from the day on which it would have passed it.
    late = therapy.late_days(np.where(above, after, limit), limit, gap, gompertz)
    grown.column("since")[rows] = day + 1
    grown.column("start_day")[rows] = day - late
    grown.column("start_log_cells")[rows] = np.where(above, limit, after)
    grown.column("delay_days")[rows] = np.where(above, 0.0, rest)


def _become_small(
    cells: TumourCells,
    key: np.uint64,
    rows: np.ndarray,
    lane: np.ndarray,
    niche: np.ndarray,
    day: int,
    before: np.ndarray,
    left: np.ndarray,
) -> None:
    """Make colonies of exp(`before`) cells small, each cell of which survives this morning with chance `left`."""
    grown = cells.grown
    identity, woke = grown.column("identity")[rows], grown.column("woke")[rows]
    traits = grown.column("traits")[rows] | np.uint8(founders.WAS_GROWN)
    number = np.rint(np.exp(np.minimum(before, MOST_LOG_CELLS))).astype(np.int64)
    therapy.thin(key, cells.patient, day, identity, left, number)
    cells.small.fall(identity, number, day, woke, traits, grown.column("pace")[rows])
    np.add.at(cells.promising["colonies"], (lane, niche), 1)
    drop(cells, rows)


def remove(
    cells: TumourCells,
    law: ColonyLaw,
    key: np.uint64,
    day: int,
    share: np.ndarray,
    niche: int,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    """Take away metastases of a niche with `low` to `high` cells (lanes,), each with probability `share` (lanes,)."""
    rows, lane, here = rows_in(cells, share > 0.0)
    size = np.exp(log_cells(cells, law, rows, lane, here, day))
    draw = np.empty(len(rows))
    therapy.keyed_uniforms(key, cells.patient, cells.grown.column("identity")[rows], REMOVED, day, draw)
    gone = (here == niche) & (size >= low[lane]) & (size <= high[lane]) & (draw < share[lane])
    rows, lane, here = rows[gone], lane[gone], here[gone]
    if rows.size:
        keep_past(cells, rows, day)
        cells.ended.append(identity=cells.grown.column("identity")[rows], day=day, removed=True)
        np.add.at(cells.removed, (lane, here), 1)
        drop(cells, rows)


def visible_by_niche(
    cells: TumourCells, law: ColonyLaw, day: int, lanes: np.ndarray, least_cells: np.ndarray
) -> np.ndarray:
    """Number of metastases of at least `least_cells` (lanes,) on a morning, (lanes, niches); zero outside `lanes`."""
    out = np.zeros(cells.settled.shape, dtype=np.int64)
    rows, lane, niche = rows_in(cells, lanes)
    seen = log_cells(cells, law, rows, lane, niche, day) >= np.log(least_cells[lane])
    np.add.at(out, (lane[seen], niche[seen]), 1)
    return out


def acquire(cells: TumourCells, key: np.uint64, day: int, drug: int, dosed_day: np.ndarray, chance: np.ndarray) -> None:
    """At the end of `day`: colonies that lived through this week's doses of a drug may resist it from now on.

    `dosed_day` (lanes,) is the day of the last dose, `chance` (lanes,) the probability (0 without a dose).
    """
    bit = np.uint8(1 << drug)
    if cells.doomed is not None:
        cells.doomed.acquire(day, drug, dosed_day, chance)
    for colonies in (cells.small, cells.grown):
        lane = unpack(colonies.column("identity"))["lane"]
        rows = np.flatnonzero(
            (chance[lane] > 0.0) & (colonies.column("traits") & bit == 0) & (colonies.column("woke") < dosed_day[lane])
        )
        if not rows.size:
            continue
        draw = np.empty(rows.size)
        therapy.keyed_uniforms(key, cells.patient, colonies.column("identity")[rows], ACQUIRES + drug, day, draw)
        rows = rows[draw < chance[lane[rows]]]
        if colonies is cells.grown and rows.size:
            older = rows[cells.grown.column("since")[rows] <= day]
            keep_past(cells, older, day)
            cells.grown.column("since")[older] = day + 1
        colonies.column("traits")[rows] |= bit
