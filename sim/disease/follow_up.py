"""When metastases are found: by imaging at diagnosis and at visits, or by the symptoms of a full liver.

With `follow_up_interval_days` = 0 a patient is watched all the time: a metastasis is found on the day on
which it is large enough to be seen, before diagnosis too. That is the null, and what an autopsy series is
read with. With an interval nothing is found before diagnosis. Imaging on the day of diagnosis stages the
disease (a visible metastasis is stage IV; T and N are in `sim.disease.stage`), visits
follow every so many days. A liver that holds `liver_symptom_cells`, or a burden from which the patient has symptoms
(`sim.disease.presentation`), sends him to imaging at once.
"""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.cells import TumourCells
from sim.disease.colonies import ColonyLaw
from sim.disease.hosts import Hosts
from sim.disease.identity import unpack
from sim.disease.imaging import visible_rows
from sim.names import LIVER, NEVER, NICHES
from sim.numerics.rows import Rows

"""A day that does not come."""


class FollowUp:
    """What the doctors know of every lane.

    `first_day` (lanes, niches) and `first_detected_day` (lanes,), int64: the day on which the first metastasis
    was found there, -1 while none is known. A watched lane learns of it with the week, so up to six days later.
    `symptom_day` (lanes,): the morning on which the liver sent the patient to imaging, -1 while it has not.
    `found`: the colonies found at visits and by symptoms, each once, with the day.
    """

    def __init__(self, parameters: LaneParameters, hosts: Hosts, visible_cells: np.ndarray):
        lanes = len(hosts.patient)
        self._interval_days = parameters["follow_up_interval_days"]
        self._diagnosis_day, self._visible_log_cells = hosts.diagnosis_day, np.log(visible_cells)
        self._liver_symptom_cells, self._symptom_cells = parameters["liver_symptom_cells"], hosts.symptom_cells
        self.by_visit = self._interval_days > 0.0
        self.has_visits = bool(self.by_visit.any())
        self._watched = ~self.by_visit
        self._all_watched = bool(self._watched.all())
        self.first_day = np.full((lanes, len(NICHES)), -1, dtype=np.int64)
        self.first_detected_day = np.full(lanes, -1, dtype=np.int64)
        self.symptom_day = np.full(lanes, -1, dtype=np.int64)
        self.found = Rows(identity=np.uint64, day=np.int64)
        self._known = np.empty(0, dtype=np.uint64)  # identities in `found`, sorted

    def visits(self, now: int) -> np.ndarray:
        """Lanes with a visit on the morning of day `now`, (lanes,) bool; the day of diagnosis is the first."""
        interval = np.where(self.by_visit, self._interval_days, 1.0)
        since = now - self._diagnosis_day
        return self.by_visit & (since >= 0) & (np.floor(since / interval) > np.floor((since - 1) / interval))

    def week(
        self,
        now: int,
        alive: np.ndarray,
        visible: np.ndarray,
        burden_cells: np.ndarray,
        weighted_burden: np.ndarray,
        cells: TumourCells,
        law: ColonyLaw,
    ) -> None:
        """The weekly look: `visible` metastases (counts) and `burden_cells` (lanes, niches) on the morning of `now`.

        `weighted_burden` (lanes,) is the burden weighed by organ.
        """
        if self._all_watched and not visible.any():
            return
        unknown = (visible > 0) & (self.first_day < 0)
        if not self._all_watched:
            unknown &= self._watched[:, None]
            full = alive & self.by_visit & (now >= self._diagnosis_day) & (self.symptom_day < 0)
            full &= (burden_cells[:, LIVER] >= self._liver_symptom_cells) | (weighted_burden >= self._symptom_cells)
            if full.any():
                self.symptom_day[full] = now
                self.image(now, full, cells, law)
        if unknown.any():
            rows, reached = self._look(now, np.any(unknown, axis=1), cells, law)
            self._note_first(cells.grown.identity[rows], reached)

    def image(self, now: int, lanes: np.ndarray, cells: TumourCells, law: ColonyLaw) -> None:
        """Find every metastasis that imaging shows in these lanes (bool) on the morning of `now`."""
        rows, _ = self._look(now, lanes, cells, law)
        if not rows.size:
            return
        identity = cells.grown.identity[rows]
        identity = identity[~np.isin(identity, self._known)]
        if identity.size:
            self.found.append(identity=identity, day=now)
            self._known = np.sort(self.found.column("identity"))
            self._note_first(identity, np.full(identity.size, now, dtype=np.int64))

    def _look(self, now: int, lanes: np.ndarray, cells: TumourCells, law: ColonyLaw) -> tuple[np.ndarray, np.ndarray]:
        grown = cells.grown
        rows, reached = np.empty(grown.count, dtype=np.int64), np.empty(grown.count, dtype=np.int64)
        n = visible_rows(
            now,
            grown.count,
            grown.identity,
            grown.start_day,
            grown.start_log_cells,
            grown.delay_days,
            grown.pace,
            law.early_rate_per_day,
            law.limit_log_cells,
            law.limit_gap,
            law.gompertz_per_day,
            lanes,
            self._visible_log_cells,
            rows,
            reached,
        )
        return rows[:n], reached[:n]

    def _note_first(self, identity: np.ndarray, day: np.ndarray) -> None:
        parts = unpack(identity)
        for first, where in (
            (self.first_day, (parts["lane"], parts["niche"])),
            (self.first_detected_day, parts["lane"]),
        ):
            earliest = np.where(first < 0, NEVER, first)
            np.minimum.at(earliest, where, day)
            first[...] = np.where(earliest == NEVER, -1, earliest)

    def detected_day(self, identity: np.ndarray, lane: np.ndarray, visible_day: np.ndarray) -> np.ndarray:
        """Day on which each colony was found, NEVER where it was not; `visible_day` is when it was large enough."""
        order = np.argsort(self.found.column("identity"), kind="stable")
        known, day = self.found.column("identity")[order], self.found.column("day")[order]
        at = np.minimum(np.searchsorted(known, identity), max(len(known) - 1, 0))
        by_visit = np.where(known[at] == identity, day[at], NEVER) if len(known) else np.full(len(identity), NEVER)
        return np.where(self.by_visit[lane], by_visit, visible_day)
