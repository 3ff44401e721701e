"""A paired cohort for the classroom, in small chunks, so that curves appear while the class watches.

`paired_cohort` runs the same patients in one or two arms (scenarios) with the engine's own chunks and
yields, after each chunk, plain lists and numbers for JSON:

    {"done": 60, "patients": 300,              patients finished in every arm, and wanted
     "days": [0, 28, ...],                     from diagnosis
     "organs": ["all", "liver", ...],          where any patient of any arm has had a visible metastasis
     "arms": [{"found": {organ: {"share": [...], "low": [...], "high": [...]}},
               "sleeping": {organ: {"q25": [...], "q50": [...], "q75": [...]}}}, ...],
     "paired": {organ: {"share": [a, b], "only": [m, n], "difference": b - a, "low": ..., "high": ...}}}

`found` is the share of all patients in whom a metastasis there has become visible by that day (the
dead stay in the denominator), with Wilson's 95 % interval. `sleeping` are sleeping cells a living
patient: median and quartiles, None where too few are alive (`FEWEST`). `paired` compares the arms at the end of
follow-up: `only` counts the patients with a metastasis in the first arm only and in the second only. With one arm it is
empty.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from sim.names import NEVER, NICHES, TWO_SIDED_95
from sim.results.schema import ALL
from sim.scenario import Scenario

FIRST_CHUNK, LARGEST_CHUNK = 4, 80
"""Patients: the first curves within seconds also where each has very many cells, later chunks cheaper a patient."""
FEWEST, FEWEST_SHARE = 3, 0.1
"""A median of sleeping cells needs so many living patients, and so large a share of all: later it is not shown."""
_MOST_POINTS = 80
_DIGITS = 4


def chunks(patients: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of chunks, each as large as all before it."""
    start = 0
    while start < patients:
        stop = min(start + min(max(start, FIRST_CHUNK), LARGEST_CHUNK), patients)
        yield start, stop
        start = stop


def paired_cohort(
    arms: Sequence[Scenario], *, seed: int, patients: int, report: Callable[[float], None] = lambda share: None
) -> Iterator[dict]:
    """Run `patients` virtual patients in every arm and yield the curves so far after each chunk.

    `report(share)` is told the share of all work that is done, a few hundred times; it may raise to
    stop. Raises InputError where parameters do not fit together.
    """
    from sim.runs.chunk import run_chunk
    from sim.runs.seeding import merge
    from sim.runs.task import CohortTask

    horizon_days = min(arm.horizon_days for arm in arms)
    every_days = max(arm.output_every_days for arm in arms)
    days = np.arange(0, horizon_days + 1, every_days * math.ceil(horizon_days / every_days / _MOST_POINTS))
    seeding: list[dict] = [{} for _ in arms]
    first_days: list[np.ndarray] = [np.empty((0, len(NICHES) + 1), dtype=np.int64) for _ in arms]
    for start, stop in chunks(patients):
        for number, arm in enumerate(arms):
            before = (start * len(arms) + number * (stop - start)) / (patients * len(arms))
            weight = (stop - start) / (patients * len(arms))
            tell = functools.partial(_tell_part, report, before, weight)
            chunk = run_chunk(CohortTask(arm, seed, start, stop), tell)
            clock = chunk.seeding["diagnosis"]
            seeding[number] = merge([seeding[number], clock]) if seeding[number] else clock
            first_days[number] = np.concatenate([first_days[number], first_found_days(chunk.tables)])
        report(stop / patients)
        yield _curves(days, [arm.output_every_days for arm in arms], seeding, first_days, stop, patients)


def _tell_part(report: Callable[[float], None], before: float, weight: float, share: float) -> None:
    report(before + weight * share)


def first_found_days(tables: dict) -> np.ndarray:
    """Day after diagnosis on which each patient's first metastasis became visible, (patients, organs + 1).

    The last column is any organ; NEVER where there was none.
    """
    patients, metastases = tables["patients"], tables["metastases"]
    out = np.full((len(patients["patient"]), len(NICHES) + 1), NEVER, dtype=np.int64)
    detected = np.ma.asarray(metastases["detected_day"])
    seen = ~np.ma.getmaskarray(detected)
    row = np.searchsorted(patients["patient"], np.asarray(metastases["patient"])[seen])
    column = np.array([NICHES.index(organ) for organ in np.asarray(metastases["organ"])[seen]], dtype=np.int64)
    day = np.asarray(detected.data)[seen] - np.asarray(np.ma.getdata(patients["diagnosis_day"]))[row]
    np.minimum.at(out, (row, column), day)
    out[:, -1] = out[:, :-1].min(axis=1)
    return out


def wilson(count: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of a share `count` / n."""
    share, z2 = count / n, TWO_SIDED_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = TWO_SIDED_95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def paired_difference(only_first: int, only_second: int, n: int) -> tuple[float, float, float]:
    """Difference (second minus first) of two shares of the same n patients, with a 95 % interval.

    The interval is Wald's after half a patient is added to each of the four cells of the paired table,
    so that it has a width also where no pair differs.
    """
    first, second, total = only_first + 0.5, only_second + 0.5, n + 2
    middle = (second - first) / total
    half = TWO_SIDED_95 * math.sqrt(max(first + second - (second - first) ** 2 / total, 0.0)) / total
    return (only_second - only_first) / n, max(middle - half, -1.0), min(middle + half, 1.0)


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]


def _curves(
    days: np.ndarray,
    every_days: Sequence[int],
    seeding: Sequence[Mapping],
    first_days: Sequence[np.ndarray],
    done: int,
    patients: int,
) -> dict:
    names = (*NICHES, ALL)
    shown = [ALL] + [
        organ for column, organ in enumerate(NICHES) if any((f[:, column] < NEVER).any() for f in first_days)
    ]
    arms = []
    for part, every, first in zip(seeding, every_days, first_days, strict=True):
        found = {}
        for organ in shown:
            count = np.searchsorted(np.sort(first[:, names.index(organ)]), days, side="right")
            low, high = wilson(count, done)
            found[organ] = {"share": _rounded(count / done), "low": _rounded(low), "high": _rounded(high)}
        arms.append({"found": found, "sleeping": _sleeping(part, every, days, shown, max(FEWEST, FEWEST_SHARE * done))})
    paired = {}
    for organ in shown if len(arms) == 2 else ():
        first, second = (f[:, names.index(organ)] < NEVER for f in first_days)
        lost, gained = int((first & ~second).sum()), int((second & ~first).sum())
        change, lowest, highest = paired_difference(lost, gained, done)
        paired[organ] = {
            "share": _rounded([first.mean(), second.mean()]),
            "only": [lost, gained],
            **dict(zip(("difference", "low", "high"), _rounded([change, lowest, highest]), strict=True)),
        }
    return {
        "done": done,
        "patients": patients,
        "days": [int(day) for day in days],
        "organs": shown,
        "arms": arms,
        "paired": paired,
    }


def _sleeping(part: Mapping, every_days: int, days: np.ndarray, shown: list[str], fewest: float) -> dict:
    """Quartiles of sleeping cells on `days`; None where fewer than `fewest` patients are at risk."""
    from sim.runs.seeding import seeding_table

    # the other clock is not kept: an empty one takes its place
    empty = {key: np.empty(0, dtype=np.int64) for key in part}
    table = seeding_table({"first_cell": empty, "diagnosis": part}, every_days)
    dormant = (table["stage"] == "dormant") & (table["n_at_risk"] >= fewest)
    out = {}
    for organ in shown:
        mine = dormant & (table["organ"] == organ)
        place = {int(day): row for day, row in zip(table["day"][mine], np.flatnonzero(mine), strict=True)}
        rows = [place.get(int(day)) for day in days]
        out[organ] = {
            q: [None if row is None else round(float(table[q][row]), 1) for row in rows] for q in ("q25", "q50", "q75")
        }
    return out
