"""From a finished model of many runs to sums that add up over chunks of patients, and to columns.

The lanes of a model are all patients of the first run, all of the second, and so on. What is summed are
integers, so that no mean depends on how the patients were cut into models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sim.disease.doomed_records import ASLEEP, CELLS, DIED, EXTINCT, WOKE
from sim.disease.identity import unpack
from sim.names import ALL_ORGANS, DAYS_PER_YEAR, NEVER, NICHES

if TYPE_CHECKING:
    from sim.model import MetastasisModel
    from sim.observe import Observer
    from sim.runs.tables import Metastases

FAILED = ("died_on_arrival", "inert")
KEPT = ("settled", "died_asleep", "woke", "extinct")
PRESENT = ("dormant", "cycling", "micrometastasis", "macrometastasis")
"""Stages that are counted where they are found on the day, in those at risk."""
COUNTED = (*FAILED, *KEPT, *PRESENT)
BLOOD = ("shed", "died_in_transit")
REACHED = ("micrometastasis", "macrometastasis")
"""Steps that a colony takes once, on a day of its own."""
CUMULATIVE = (*BLOOD, "arrested", *FAILED, *KEPT, *REACHED)
"""Steps of the cascade, in their order, up to a day."""


def year_days(horizon_days: float, every_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Years since diagnosis that are recorded, and their days: whole years, then the end of follow-up.

    Follow-up ends with the horizon, which counts from the reference day: later than that after an earlier diagnosis.

    A whole year is read on the last day of the output grid that is not after it.
    """
    last = math.ceil(horizon_days)
    years = np.arange(math.ceil(horizon_days / DAYS_PER_YEAR - 1e-9), dtype=float)
    days = (years * DAYS_PER_YEAR // every_days).astype(np.int64) * every_days
    return np.append(years, round(horizon_days / DAYS_PER_YEAR, 6)), np.append(days, last)


DOOMED_COLUMNS = (
    ("died_asleep", DIED),
    ("woke", WOKE),
    ("extinct", EXTINCT),
    ("dormant", ASLEEP),
    ("cycling", CELLS),
)
"""Of COUNTED, what counts doomed cells too, with its place among what is counted of them."""


def _add_doomed(counts: np.ndarray, doomed: np.ndarray) -> None:
    """Add doomed cells, (..., niches, quantities), to everything of COUNTED, (..., niches, counted)."""
    for name, place in DOOMED_COLUMNS:
        counts[..., COUNTED.index(name)] += doomed[..., place]


def _counts(model: MetastasisModel, lanes: np.ndarray) -> np.ndarray:
    """Everything of COUNTED in some lanes but the doomed: int64, (lanes, niches, counted)."""
    cells = model.cells
    promising = {"settled": cells.settled, **cells.promising}
    chosen = np.zeros(len(model.alive), dtype=bool)
    chosen[lanes] = True
    columns = [getattr(model, name)[lanes] for name in FAILED] + [promising[name][lanes] for name in KEPT]
    columns += [
        promising["sleeping"][lanes],
        np.rint(model.promising_cells(cells.morning, chosen)[lanes]),
        model.small_metastases[lanes],
        model.large_metastases[lanes],
    ]
    return np.stack(columns, axis=2).astype(np.int64)


class YearRecorder:
    """Stands in for a model's recorder: the same days of the output grid, read only on those asked for.

    `counts` (days, lanes, niches, counted) and `blood` (days, lanes, 2) hold what was read from the lanes
    that were `seen` (days, lanes) alive.
    """

    def __init__(self, model: MetastasisModel, days: np.ndarray) -> None:
        self._model, self.days, grid = model, days, model.observer
        self.is_due, self.due = grid.is_due, grid.due  # the tallies of failures are drawn on these days
        lanes = len(model.hosts.patient)
        self.counts = np.zeros((len(days), lanes, len(NICHES), len(COUNTED)), dtype=np.int64)
        self.blood = np.zeros((len(days), lanes, len(BLOOD)), dtype=np.int64)
        self.seen = np.zeros((len(days), lanes), dtype=bool)
        self._wanted: dict[int, list[tuple[int, np.ndarray]]] = {}
        for slot, day in enumerate(days):
            on = model.hosts.diagnosis_day + day
            for now in np.unique(on):
                self._wanted.setdefault(int(now), []).append((slot, np.flatnonzero(on == now)))
        model.observer = cast("Observer", self)  # as far as the model asks its recorder anything

    def record(self, now: int, due: np.ndarray | None = None) -> None:
        """Read the state at the start of day `now`; which lanes are due on the output grid does not matter here."""
        model = self._model
        for slot, lanes in self._wanted.get(now, ()):
            lanes = lanes[model.alive[lanes]]
            self.seen[slot, lanes] = True
            self.counts[slot, lanes] = _counts(model, lanes)
            self.blood[slot, lanes] = np.stack([model.shed_total[lanes], model.died_in_transit[lanes]], axis=1)

    def complete(self) -> None:
        """After the run: count the doomed cells in."""
        slot, lane = np.nonzero(self.seen)
        order = np.lexsort((slot, lane))
        slot, lane = slot[order], lane[order]
        day = self._model.hosts.diagnosis_day[lane] + self.days[slot]
        first = np.append(True, (np.diff(lane) > 0) | (np.diff(day) > 0))  # a day that is asked for twice is one look
        doomed = self._model.cells.known_doomed.counts(lane[first], day[first], self._model.cells.morning)
        counts = self.counts[slot, lane]
        _add_doomed(counts, doomed[np.cumsum(first) - 1])
        self.counts[slot, lane] = counts


def detections(model: MetastasisModel, found: Metastases) -> tuple[np.ndarray, np.ndarray]:
    """Metastases detected in life, int32, and the day of the first, huge where there is none: (lanes, niches)."""
    shape = (len(model.hosts.patient), len(NICHES))
    niche, detected = unpack(found.identity)["niche"], _in_life(model, found, found.detected_day(model))
    number, first = np.zeros(shape, dtype=np.int32), np.full(shape, NEVER, dtype=np.int64)
    np.add.at(number, (found.lane, niche), detected < NEVER)
    np.minimum.at(first, (found.lane, niche), detected)
    return number, first


def _in_life(model: MetastasisModel, found: Metastases, day: np.ndarray) -> np.ndarray:
    """Days by colony, huge after the patient's last."""
    return np.where(day <= model.last_day[found.lane], day, NEVER)


class Sums:
    """Sums over the patients of each run: int64, (runs, times, organs), or (runs, times) for patients.

    Times are those of `year_days`, organs the niches and all.
    """

    def __init__(self, model: MetastasisModel, recorder: YearRecorder, found: Metastases, runs: int) -> None:
        lanes = len(model.hosts.patient)
        recorder.complete()
        everyone = _counts(model, np.arange(lanes))
        everyone[..., COUNTED.index("cycling")] = np.rint(model.promising_cells_at_end)
        _add_doomed(everyone, model.cells.known_doomed.tallies(model.cells.morning))
        blood = np.stack([model.shed_total, model.died_in_transit], axis=1)
        # Who is dead by then keeps the tallies of the last day.
        counts = np.where(recorder.seen[:, :, None, None], recorder.counts, everyone)
        counts = np.concatenate([counts, everyone[None]])
        blood = np.concatenate([np.where(recorder.seen[:, :, None], recorder.blood, blood), blood[None]])
        at_risk = np.concatenate([recorder.seen, (model.death_day < 0)[None]])
        present = len(COUNTED) - len(PRESENT)
        counts[..., present:] *= at_risk[:, :, None, None]

        def by_run(values: np.ndarray) -> np.ndarray:
            """(times, lanes, ...) to (runs, times, ...)."""
            times = values.shape[0]
            return values.reshape(times, runs, lanes // runs, *values.shape[2:]).sum(axis=2).swapaxes(0, 1)

        def and_all(values: np.ndarray) -> np.ndarray:
            return np.concatenate([values, values.sum(axis=-1, keepdims=True)], axis=-1)

        self.patients = lanes // runs
        self.parts = {"at_risk": by_run(at_risk.astype(np.int64))}
        summed = by_run(counts)
        for place, name in enumerate(COUNTED):
            self.parts[f"present_{name}" if name in PRESENT else name] = and_all(summed[..., place])
        self.parts["arrested"] = sum((self.parts[name] for name in (*FAILED, "settled")), np.zeros((), dtype=np.int64))
        for place, name in enumerate(BLOOD):
            self.parts[name] = by_run(blood[..., place])
        self._add_colonies(model, recorder, found, by_run, and_all)

    def _add_colonies(
        self,
        model: MetastasisModel,
        recorder: YearRecorder,
        found: Metastases,
        by_run: Callable[[np.ndarray], np.ndarray],
        and_all: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        """Colonies by the days on which they grew to a size; patients by their first that was seen."""
        _, first = detections(model, found)
        first = np.concatenate([first, first.min(axis=1, keepdims=True)], axis=1)
        runs, times = self.parts["at_risk"].shape
        run_of_colony = found.lane // self.patients
        place = run_of_colony * len(NICHES) + unpack(found.identity)["niche"]
        reached = {
            "micrometastasis": found.reached_day,
            "macrometastasis": _in_life(model, found, found.day_of(model.visible_cells)),
        }
        out = {name: np.zeros((runs, times, len(NICHES)), dtype=np.int64) for name in REACHED}
        incidence = np.zeros((times, *first.shape), dtype=np.int64)
        for time, day_of_lane in enumerate(
            [*(model.hosts.diagnosis_day + day for day in recorder.days), model.last_day]
        ):
            incidence[time] = first <= day_of_lane[:, None]
            for name, days in reached.items():
                here = place[days <= day_of_lane[found.lane]]
                out[name][:, time] = np.bincount(here, minlength=runs * len(NICHES)).reshape(runs, len(NICHES))
        self.parts["incidence"] = by_run(incidence)
        self.parts |= {name: and_all(values) for name, values in out.items()}

    def plus(self, other: Sums) -> Sums:
        """These sums with those of other patients of the same runs added."""
        self.patients += other.patients
        for name, values in other.parts.items():
            self.parts[name] = self.parts[name] + values
        return self

    def columns(self, names: Sequence[str], years: np.ndarray, days: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of the table of runs: a row a run (their `names`), time and organ.

        Steps are means over all patients (the dead keep what they had), `present_` those over patients at risk.
        """
        shape = (len(names), len(years), len(ALL_ORGANS))
        at_risk = np.broadcast_to(self.parts["at_risk"][:, :, None], shape)
        out = {
            "run": np.broadcast_to(np.array(names)[:, None, None], shape),
            "organ": np.broadcast_to(np.array(ALL_ORGANS), shape),
            "year": np.broadcast_to(years[None, :, None], shape),
            "day": np.broadcast_to(days[None, :, None], shape),
            "at_risk": at_risk,
            "survival": at_risk / self.patients,
            "incidence": self.parts["incidence"] / self.patients,
        }
        for name in CUMULATIVE:
            values = self.parts[name]
            if name in BLOOD:  # blood belongs to no organ
                values = np.ma.MaskedArray(np.zeros(shape), mask=True)
                values[:, :, -1] = self.parts[name]
            out[name] = values / self.patients
        for name in PRESENT:
            sums = self.parts[f"present_{name}"]
            out[f"present_{name}"] = np.ma.MaskedArray(sums / np.maximum(at_risk, 1), mask=at_risk == 0)
        return {name: values.reshape(-1) for name, values in out.items()}


def patient_columns(model: MetastasisModel, found: Metastases, names: Sequence[str]) -> dict[str, np.ndarray | None]:
    """Columns of the table of patients: those of `patients.parquet`, the run, and metastases by organ."""
    from sim.runs.tables import patients_table

    lanes = len(model.hosts.patient)
    out = {"run": np.repeat(np.array(names), lanes // len(names)), **patients_table(model, found)}
    number, first = detections(model, found)
    for place, organ in enumerate(NICHES):
        out[f"metastases_{organ}"] = number[:, place]
    for place, organ in enumerate(NICHES):
        day = first[:, place]
        out[f"first_detected_day_{organ}"] = np.ma.MaskedArray(np.where(day < NEVER, day, 0), mask=day >= NEVER)
    return out


def together(pieces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rows of several tables with the same columns; a column that is None is all null, and need not be in all."""
    lengths = [len(piece["run"]) for piece in pieces]
    return {name: _joined([piece[name] for piece in pieces], lengths) for name in pieces[0]}


def _joined(values: Sequence[Any], lengths: Sequence[int]) -> Any:
    if len(values) == 1 or all(value is None for value in values):
        return values[0]
    like = next(value for value in values if value is not None)
    values = [
        np.ma.MaskedArray(np.zeros(length, like.dtype), mask=True) if value is None else value
        for value, length in zip(values, lengths, strict=True)
    ]
    masked = any(isinstance(value, np.ma.MaskedArray) for value in values)
    return (np.ma if masked else np).concatenate(values)
