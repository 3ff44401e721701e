"""From a finished model to the columns of the contract (see `sim.results.schema`), lane by lane in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.disease import sleep
from sim.disease.growth import gompertz_rate_per_day
from sim.disease.identity import colony_id, unpack
from sim.disease.stage import stage, t_category
from sim.disease.trajectories import Trajectories
from sim.names import MICROMETASTASIS_CELLS, NEVER, NICHES, PRESENTATIONS
from sim.runs.cascade import FOLLOWS, ONE_SUM, ONLY_IN_ALL, SOURCES
from sim.runs.descent_columns import DescentColumns

if TYPE_CHECKING:
    from sim.model import MetastasisModel

DEATH_CAUSES = ("other causes", "primary tumour", "metastases")
HORIZON = "end of horizon"
_ORGAN, _SOURCE = np.array(NICHES), np.array(SOURCES)


def _nullable(values: np.ndarray, present: np.ndarray) -> np.ma.MaskedArray:
    """Values where they are present, null elsewhere."""
    present = np.broadcast_to(present, np.shape(values))
    return np.ma.MaskedArray(np.where(present, values, 0), mask=~present)


class Metastases:
    """The colonies that reached 10^6 cells in the patient's time, sorted by lane and identity: arrays (colonies,)."""

    def __init__(self, model: MetastasisModel) -> None:
        paths = Trajectories(model.cells, model.law)
        reached = paths.first_day(np.full(len(paths.identity), float(MICROMETASTASIS_CELLS)))
        first = paths.first
        keep = reached <= model.last_day[paths.lane[first]]
        self._paths, self._keep = paths, keep
        self.identity, self.reached_day = paths.colony[keep], reached[keep]
        self.lane, self.woke = paths.lane[first][keep], paths.woke[first][keep].astype(np.int64)
        self.traits = paths.traits[paths.last][keep]
        self.early_rate, _, _, self.gompertz_rate = (a[first][keep] for a in paths.path[3:])
        self.ended_day, self.was_removed = self._ends(model)
        self.cells_at_end = self._cells_at_end(model)

    def _ends(self, model: MetastasisModel) -> tuple[np.ndarray, np.ndarray]:
        """Day on which each colony was removed or lost its last cell (NEVER while it is there), and whether removed."""
        ended = model.cells.ended
        day, removed = np.full(len(self.identity), NEVER, dtype=np.int64), np.zeros(len(self.identity), dtype=bool)
        row = np.searchsorted(self.identity, ended.column("identity"))
        known = row < len(self.identity)
        known[known] = self.identity[row[known]] == ended.column("identity")[known]
        day[row[known]], removed[row[known]] = ended.column("day")[known], ended.column("removed")[known]
        return day, removed

    def _cells_at_end(self, model: MetastasisModel) -> np.ndarray:
        """Cells on the patient's last day, of those that treatment made small too; of the ended none."""
        cells, small = self.cells_on(model.last_day[self.lane]), model.cells.small
        unknown = np.flatnonzero(np.isnan(cells))
        cells[unknown] = 0.0
        if unknown.size and small.count:
            lanes = np.zeros(len(model.last_day), dtype=bool)
            lanes[self.lane[unknown]] = True
            sizes = small.sizes(model.last_day, lanes, np.zeros(model.cells.settled.shape))
            order = np.argsort(small.column("identity"))
            sorted_identity = small.column("identity")[order]
            row = np.minimum(np.searchsorted(sorted_identity, self.identity[unknown]), small.count - 1)
            there = sorted_identity[row] == self.identity[unknown]
            cells[unknown] = np.where(there, sizes[order[row]], 0)
        cells[self.ended_day <= model.last_day[self.lane]] = 0.0
        return cells

    def day_of(self, cells: np.ndarray) -> np.ndarray:
        """First day on which each colony has that many cells; a huge day if never. `cells` (lanes,)."""
        return self._paths.first_day(cells[self._paths.lane])[self._keep]

    def visible(self, model: MetastasisModel) -> np.ndarray:
        """Whether each colony crossed the detection threshold in its patient's life."""
        return self.day_of(model.visible_cells) <= model.last_day[self.lane]

    def detected_day(self, model: MetastasisModel) -> np.ndarray:
        """Day on which each colony was found; a huge day if it never was."""
        return model.follow_up.detected_day(self.identity, self.lane, self.day_of(model.visible_cells))

    def cells_on(self, day: np.ndarray) -> np.ndarray:
        """Cells on a day each; nan while a colony is small."""
        at = np.zeros(len(self._keep), dtype=np.int64)
        at[self._keep] = day
        return self._paths.cells_on(at)[self._keep]


def _whole(cells: np.ndarray) -> np.ndarray:
    return np.rint(cells).astype(np.int64)


def metastases_table(model: MetastasisModel, found: Metastases, lineage: DescentColumns) -> dict[str, np.ndarray]:
    """Columns of `metastases.parquet`."""
    lane, parts = found.lane, unpack(found.identity)
    patient, last = model.hosts.patient[lane], model.last_day[lane]
    diagnosis = model.hosts.diagnosis_day[lane]
    detected = found.detected_day(model)
    seen = detected <= last
    at_detection = np.where(seen, found.cells_on(detected), 1.0)
    p = model.parameters
    limit = p["avascular_limit_cells"][lane]
    rate = np.where(
        at_detection < limit,
        found.early_rate,
        gompertz_rate_per_day(at_detection, p["metastasis_capacity_cells"][lane], found.gompertz_rate),
    )
    at_diagnosis = np.where(parts["day"] >= diagnosis, 0.0, found.cells_on(diagnosis))
    known = ~np.isnan(at_diagnosis)
    ended = found.ended_day <= last
    drugged = (
        np.zeros(len(lane), dtype=bool) if model.cells.resistance is None else model.cells.resistance.treated[lane]
    )
    return {
        "patient": patient,
        "colony": colony_id(patient, found.identity),
        "parent_colony": lineage.parent_colony(found.identity),
        "organ": _ORGAN[parts["niche"]],
        "source": _SOURCE[parts["source"]],
        "clone": lineage.clone_of(found.identity),
        "founders": model.cells.founders(found.identity),
        "arrived_day": parts["day"],
        "woke_day": _nullable(found.woke, found.woke > parts["day"]),
        "reached_day": found.reached_day,
        "detected_day": _nullable(detected, seen),
        "removed_day": _nullable(found.ended_day, ended & found.was_removed),
        "extinct_day": _nullable(found.ended_day, ended & ~found.was_removed),
        "cells": _whole(found.cells_at_end),
        "cells_at_diagnosis": _nullable(_whole(np.where(known, at_diagnosis, 0.0)), known),
        "cells_at_detection": _nullable(_whole(at_detection), seen),
        "doubling_days_at_detection": _nullable(np.log(2.0) / rate, seen),
        "resistant": _nullable(found.traits & (model.law.classes - 1) > 0, drugged).astype(bool),
    }


def _first(lane: np.ndarray, day: np.ndarray, lanes: int) -> np.ndarray:
    """Smallest day by lane; a huge day where there is none."""
    out = np.full(lanes, NEVER, dtype=np.int64)
    np.minimum.at(out, lane, day)
    return out


def patients_table(model: MetastasisModel, found: Metastases) -> dict[str, np.ndarray | None]:
    """Columns of `patients.parquet`."""
    hosts, n = model.hosts, len(model.hosts.patient)
    detected = found.detected_day(model)
    detected = np.where(detected <= model.last_day[found.lane], detected, NEVER)
    first = _first(found.lane, detected, n)
    imaged = _first(found.lane, found.day_of(model.parameters["imaging_threshold_cells"]), n)
    diagnosed = model.last_day >= hosts.diagnosis_day
    died = model.death_day >= 0
    cells: Any = model.cells  # whose tallies are made by name
    settled = cells.settled.sum(axis=1)
    arrested = settled + model.died_on_arrival.sum(axis=1) + model.inert.sum(axis=1)
    return {
        "patient": hosts.patient,
        "age_years": hosts.age_years,
        "sex": None,
        "bmi": hosts.bmi,
        "primary": hosts.site,
        "frailty": hosts.frailty,
        "growth_factor": hosts.growth_factor,
        "diagnosis_day": _nullable(hosts.diagnosis_day, diagnosed),
        "reference_day": hosts.reference_day,
        "presentation": np.array(PRESENTATIONS)[
            np.where(diagnosed, hosts.diagnosis_day < hosts.reference_day, 2).astype(int)
        ],
        "primary_cells_at_diagnosis": _nullable(_whole(model.primary.cells_at_diagnosis), diagnosed),
        "metastatic_at_diagnosis": _nullable(imaged <= hosts.diagnosis_day, diagnosed).astype(bool),
        "nodes_positive": _nullable(hosts.nodes, diagnosed).astype(bool),
        "stage": np.ma.MaskedArray(stage(hosts.deep, hosts.nodes, imaged <= hosts.diagnosis_day), mask=~diagnosed),
        "t_category": np.ma.MaskedArray(t_category(hosts.site, hosts.diagnosis_cells, hosts.deep), mask=~diagnosed),
        "grade": _nullable(hosts.grade, diagnosed),
        "distant_nodes": _nullable(hosts.distant_nodes, diagnosed).astype(bool),
        "peritoneum": _nullable(hosts.peritoneum, diagnosed).astype(bool),
        "resection_day": _nullable(model.resection_day, model.resection_day >= 0),
        "first_detected_day": _nullable(first, first < NEVER),
        "liver_symptom_day": _nullable(model.follow_up.symptom_day, model.follow_up.symptom_day >= 0),
        "death_day": _nullable(model.death_day, died),
        "death_cause": np.ma.MaskedArray(np.array(DEATH_CAUSES)[np.maximum(model.death_cause, 0)], mask=~died),
        "last_day": model.last_day,
        "censor_reason": np.ma.MaskedArray(np.full(n, HORIZON), mask=died),
        "shed_cells": model.shed_total,
        "arrested_cells": arrested,
        "settled_cells": settled,
    }


def founders_table(lineage: DescentColumns, found: Metastases) -> dict[str, np.ndarray]:
    """Columns of `founders.parquet`: a row a colony and clone among its founders."""
    return lineage.founders(found.identity)


def ancestors_table(model: MetastasisModel, lineage: DescentColumns, found: Metastases) -> dict[str, np.ndarray]:
    """Columns of `ancestors.parquet`: the colonies below 10^6 cells from which these descend."""
    identity = lineage.ancestors(found.identity)
    parts = unpack(identity)
    patient = model.hosts.patient[parts["lane"]]
    return {
        "patient": patient,
        "colony": colony_id(patient, identity),
        "parent_colony": lineage.parent_colony(identity),
        "organ": _ORGAN[parts["niche"]],
        "source": _SOURCE[parts["source"]],
        "clone": lineage.clone_of(identity),
        "arrived_day": parts["day"],
    }


def cascade_counts(model: MetastasisModel, found: Metastases) -> dict[str, np.ndarray]:
    """Cells by step of the cascade, summed over the lanes: int64, (sources, niches), or (sources, 1) without an organ.

    Sources are the primary and every niche; (1, niches) for steps between settling and growth, whose source
    is not counted; these are left out where the doomed cells are not computed.
    """
    cells, parts = model.cells, unpack(found.identity)
    visible = found.visible(model)
    out = {
        step: np.zeros((len(SOURCES), 1 if step in ONLY_IN_ALL else len(NICHES)), dtype=np.int64)
        for step in FOLLOWS
        if step not in ONE_SUM
    }
    for stream in model.streams:
        for step in ("shed", "died_in_transit"):
            out[step][stream.code] += getattr(stream, step).sum()
        for step in ("died_on_arrival", "inert", "settled"):
            counts = getattr(stream, step).sum(axis=0)
            out[step][stream.code] += counts
            out["arrested"][stream.code] += counts
    np.add.at(out["micrometastasis"], (parts["source"], parts["niche"]), 1)
    np.add.at(out["macrometastasis"], (parts["source"][visible], parts["niche"][visible]), 1)
    if cells.doomed is None:
        return out
    return out | {step: getattr(cells, step).sum(axis=0)[None, :] for step in ONE_SUM}


def every_seed(model: MetastasisModel) -> dict[str, np.ndarray]:
    """Every competent settled cell, promising and doomed, in order of identity: arrays (seeds,).

    `identity`, `slept`, `threshold_days`, and `woke_day` and `died_day`, -1 where it did not; who never slept has not
    woken.
    """
    seeds, fates = model.cells.seeds, model.cells.fates
    order = np.argsort(seeds.column("identity"), kind="stable")
    identity, coded = seeds.column("identity")[order], seeds.column("coded_threshold")[order]

    def day_of(fate: int) -> np.ndarray:
        mine = fates.column("fate") == fate
        day = np.full(len(identity), -1, dtype=np.int64)
        day[np.searchsorted(identity, fates.column("identity")[mine])] = fates.column("day")[mine]
        return day

    out = {
        "identity": identity,
        "slept": (coded & np.uint64(1)).astype(bool),
        "threshold_days": (coded >> np.uint64(1)).astype(float) / 1024.0,
        "woke_day": day_of(sleep.WOKE),
        "died_day": day_of(sleep.DIED),
    }
    doomed = model.cells.known_doomed.everybody(model.cells.morning)
    slept = doomed.threshold >= 0.0
    more = {
        "identity": doomed.identity,
        "slept": slept,
        "threshold_days": np.where(slept, np.floor(doomed.threshold * 1024.0) / 1024.0, 0.0),
        "woke_day": np.where(slept, doomed.woke, -1),
        "died_day": doomed.died,
    }
    out = {name: np.concatenate([values, more[name]]) for name, values in out.items()}
    order = np.argsort(out["identity"], kind="stable")
    return {name: values[order] for name, values in out.items()}


def seeds_table(model: MetastasisModel, found: Metastases, lineage: DescentColumns) -> dict[str, np.ndarray]:
    """Columns of `seeds.parquet`: every competent settled cell, also those that never woke."""
    seeds = every_seed(model)
    identity = seeds["identity"]
    parts = unpack(identity)
    patient = model.hosts.patient[parts["lane"]]
    colony, is_metastasis = np.zeros(len(identity), dtype=np.int64), np.isin(identity, found.identity)
    colony[is_metastasis] = colony_id(patient[is_metastasis], identity[is_metastasis])
    return {
        "patient": patient,
        "seed": (identity & np.uint64((1 << 48) - 1)).astype(np.int64),
        "organ": _ORGAN[parts["niche"]],
        "source": _SOURCE[parts["source"]],
        "clone": lineage.clone_of(identity),
        "arrived_day": parts["day"],
        "slept": seeds["slept"],
        "threshold_days": _nullable(seeds["threshold_days"], seeds["slept"]),
        "woke_day": _nullable(seeds["woke_day"], seeds["woke_day"] >= 0),
        "died_day": _nullable(seeds["died_day"], seeds["died_day"] >= 0),
        "colony": _nullable(colony, is_metastasis),
    }


def events_table(seeds: Mapping[str, np.ndarray], metastases: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns of `events.parquet`, by patient and day: what happened to every competent settled cell."""
    parts = []
    for what, column in (("arrive", "arrived_day"), ("wake", "woke_day"), ("die", "died_day")):
        days = np.ma.asarray(seeds[column])
        there = ~np.ma.getmaskarray(days)
        parts.append((seeds["patient"][there], days.data[there], seeds["colony"][there], seeds["organ"][there], what))
    reached = np.ma.asarray(metastases["colony"])
    parts.append((metastases["patient"], metastases["reached_day"], reached, metastases["organ"], "reach"))
    patient, day = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    colony = np.ma.concatenate([np.ma.asarray(part[2]) for part in parts])
    organ = np.concatenate([part[3] for part in parts])
    event = np.concatenate([np.full(len(part[0]), part[4]) for part in parts])
    order = np.lexsort((day, patient))
    return {
        "patient": patient[order],
        "day": day[order],
        "colony": colony[order],
        "organ": organ[order],
        "event": event[order],
    }
