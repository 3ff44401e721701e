"""The tumour cells, as arrays: sleepers in a calendar, small colonies, and grown (deterministic) ones.

An array-backed agent set in Mesa's sense: one row an agent, 24 bytes a sleeper, 32 a small colony,
with `agent(...)` views for one cell. Only competent cells that settled are here; all the others are
tallies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import colonise, founders, sleep
from sim.disease import doses as therapy
from sim.disease.birth_death import STEP_DAYS
from sim.disease.calendar import Calendar
from sim.disease.colonies import ColonyLaw
from sim.disease.identity import CLUSTER_INDEX, MOST_INDEX, colony_id, unpack
from sim.disease.shedding import Stream
from sim.disease.signals import Rates
from sim.names import NICHES
from sim.numerics.rows import Rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from sim.disease.resistance import Resistance

_ONE_CELL_EACH, _NO_TRAITS = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8)
_PACE_ONE, _NO_RATES = np.empty(0), np.empty((0, 0))
_NO_LOG = np.empty((0, 2), dtype=np.uint64)
_NOBODY = np.empty(0, dtype=np.uint64)
NO_RESISTANCE = therapy.Origin(
    np.zeros((0, 0), np.int64),
    np.zeros((0, 0, 0), np.int64),
    np.zeros((0, 0, 0)),
    len(NICHES),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.uint32),
    np.zeros(0, np.uint8),
)
"""What the kernels take of resistance where nobody gets a drug."""


@dataclass(frozen=True)
class TumourCell:
    """A view of one disseminated cell or of the colony that it founded."""

    patient: int
    colony: int
    organ: str
    source: str
    arrived_day: int
    state: str
    cells: float
    woke_day: int | None


class TumourCells:
    """All disseminated competent cells of a chunk's lanes, and what became of them, by lane and niche.

    Tallies are int64 of shape (lanes, niches): `settled` = `died_asleep` + `sleeping` + `woke`, and
    `woke` = `extinct` + `removed` + `colonies` + grown colonies.

    A row of `grown` is a colony's present path: its size from the morning of day `since` on. Treatment bends paths
    (`sim.disease.metastases`); `past` keeps the former ones with the last morning of each, `ended` the days on which
    colonies that had grown were removed or lost their last cell. `traits` of a colony: see `sim.disease.colonise`;
    `pace` is a colony's own time scale, `shedder` its number in `sim.disease.descent`, -1 until it sheds.
    """

    settled: np.ndarray
    sleeping: np.ndarray
    woke: np.ndarray
    died_asleep: np.ndarray
    extinct: np.ndarray
    colonies: np.ndarray
    removed: np.ndarray

    def __init__(self, patient: np.ndarray, parameters: LaneParameters, last_day: int, keep_seeds: bool = False):
        shape = (len(patient), len(NICHES))
        self.patient = patient
        self._parameters = parameters
        self._clusters = bool(parameters["cluster_share"].any())
        self._sleep_life = sleep.SleepLife(
            *(
                parameters[f"dormancy_{name}"]
                for name in ("narrow_share", "narrow_scale_days", "narrow_shape", "broad_scale_days", "broad_shape")
            )
        )
        self._pace_law = parameters["colony_growth_log_sd"], parameters["trait_truncation_sd"]
        self.paced = bool(self._pace_law[0].any())
        self.calendar = Calendar(last_day)
        self.small = Rows(
            cells=np.int64, identity=np.uint64, since=np.int32, woke=np.int32, traits=np.uint8, pace=np.float64
        )
        path: dict[str, npt.DTypeLike] = {
            "identity": np.uint64,
            "woke": np.int32,
            "traits": np.uint8,
            "since": np.int32,
            "start_day": np.float64,
            "start_log_cells": np.float64,
            "delay_days": np.float64,
            "pace": np.float64,
            "shedder": np.int32,
        }
        self.grown = Rows(**path)
        self.past = Rows(**path, until=np.int32)
        self.ended = Rows(identity=np.uint64, day=np.int32, removed=np.bool_)
        self.resistance: Resistance | None = None
        for name in ("settled", "sleeping", "woke", "died_asleep", "extinct", "colonies", "removed"):
            setattr(self, name, np.zeros(shape, dtype=np.int64))
        self.keep_seeds = keep_seeds
        self.seeds = Rows(identity=np.uint64, coded_threshold=np.uint64)
        self.fates = Rows(identity=np.uint64, day=np.int32, fate=np.int8)

    def __len__(self) -> int:
        """Living agents: sleepers and colonies."""
        return int(self.sleeping.sum()) + self.small.count + self.grown.count

    @property
    def bytes(self) -> int:
        """Memory of the living cells' arrays."""
        rows = sum(r.column(n).nbytes for r in (self.small, self.grown) for n in r._dtypes)
        return self.calendar.bytes + rows

    @property
    def looks(self) -> int:
        """How many times a sleeper was looked at."""
        return int(self.calendar.state[sleep.LOOKS])

    def note(self, identity: np.ndarray, day: int, fate: int) -> None:
        """Remember a cell's fate, if seeds are kept."""
        if self.keep_seeds and len(identity):
            self.fates.append(identity=identity, day=day, fate=fate)

    def file_sleepers_again(
        self,
        day: int,
        energy_clock: np.ndarray,
        hazard_clock: np.ndarray,
        energy_promise: np.ndarray,
        hazard_promise: np.ndarray,
    ) -> None:
        """After a broken promise: one pass that files every sleeper under its new day."""
        asleep = int(self.calendar.state[sleep.USED]) * sleep.BLOCK
        self.calendar.reserve(day, asleep)
        spare = np.empty(asleep), np.empty(asleep), np.empty(asleep, dtype=np.uint64)
        sleep.file_again(
            day,
            self.calendar.last,
            energy_clock,
            hazard_clock,
            energy_promise,
            hazard_promise,
            self.calendar.arrays,
            *spare,
        )

    def place(
        self,
        key: np.uint64,
        day: int,
        stream: Stream,
        new: int,
        rates: Rates,
        energy_clock: np.ndarray,
        hazard_clock: np.ndarray,
        promises: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """Place a stream's settled cells, asleep or awake; returns the identities of those awake.

        The clocks are those of the end of today.
        Raises ValueError when more cells settle in a niche in a day than an identity can number.
        """
        if new >= MOST_INDEX and stream.settled_today.max() >= MOST_INDEX:
            raise ValueError(
                f"over {MOST_INDEX} competent cells settled in one niche in a day; "
                "competent_share x shedding is out of all bounds"
            )
        self.calendar.reserve(day, new)
        awake = np.empty(new, dtype=np.uint64)
        log = np.empty((new, 2), dtype=np.uint64) if self.keep_seeds else _NO_LOG
        n_awake = sleep.place_cells(
            key,
            self.patient,
            day,
            self.calendar.last,
            stream.code,
            CLUSTER_INDEX * stream.cluster,
            stream.settled_today,
            rates.sleep,
            self._sleep_life,
            energy_clock,
            hazard_clock,
            *promises,
            self.settled,
            self.sleeping,
            self.calendar.arrays,
            awake,
            self.woke,
            log,
        )
        if self.keep_seeds:
            self.seeds.append(identity=log[:, 0], coded_threshold=log[:, 1])
        return awake[:n_awake]

    def wake(
        self,
        day: int,
        alive: np.ndarray,
        rates: Rates,
        energy_clock: np.ndarray,
        hazard_clock: np.ndarray,
        promises: tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """Wake or bury today's sleepers; returns the identities of the woken."""
        due = self.calendar.due(day)
        if not due:
            return _NOBODY
        self.calendar.reserve(day, due)
        woken, died = np.empty(due, dtype=np.uint64), np.empty(due, dtype=np.uint64)
        n_woken, n_died = sleep.wake_cells(
            day,
            self.calendar.last,
            alive,
            energy_clock,
            rates.feeding,
            hazard_clock,
            rates.sleeper_death,
            *promises,
            self.sleeping,
            self.woke,
            self.died_asleep,
            self.calendar.arrays,
            woken,
            died,
        )
        # The calendar's order depends on who else is in the chunk; sums over a patient's colonies must not.
        woken = woken[:n_woken]
        woken.sort()
        if self.keep_seeds:
            self.note(died[:n_died], day, sleep.DIED)
            self.note(woken, day, sleep.WOKE)
        return woken

    def kill_sleepers(self, key: np.uint64, day: int, survival: np.ndarray) -> None:
        """Leave this share of the sleepers, (classes, lanes, niches) by what drugs they resist; keyed, one by one."""
        dead = np.empty(int(self.sleeping[(survival[0] < 1.0).any(axis=1)].sum()), dtype=np.uint64)
        calendar, origin = self.calendar, NO_RESISTANCE if self.resistance is None else self.resistance.origin
        n_dead = therapy.kill_sleepers(
            key,
            self.patient,
            day,
            survival,
            origin,
            self.sleeping,
            self.died_asleep,
            calendar.arrays,
            dead,
        )
        self.note(np.sort(dead[:n_dead]), day, sleep.DIED)

    def founders(self, key: np.uint64, identity: np.ndarray) -> np.ndarray:
        """Founding cells of each colony, int64: one, or the size of the cluster."""
        out = np.empty(len(identity), dtype=np.int64)
        founders.founders(key, self.patient, identity, self._parameters["cluster_mean_cells"], out)
        return out

    def begin_cycling(self, key: np.uint64, identity: np.ndarray, day: int) -> None:
        """Cells and clusters that begin to cycle at the end of today, each a colony of its own."""
        if len(identity):
            cells = self.founders(key, identity) if self._clusters else _ONE_CELL_EACH
            traits = _NO_TRAITS if self.resistance is None else self.resistance.of_founders(identity)
            pace = therapy.paces(key, self.patient, identity, *self._pace_law) if self.paced else _PACE_ONE
            small = self.small
            end = small.reserve(len(identity))
            founders.begin_colonies(
                day,
                identity,
                cells,
                traits,
                pace,
                small.count,
                small.cells,
                small.identity,
                small.since,
                small.woke,
                small.traits,
                small.pace,
                self.colonies,
            )
            small.count = end

    def step_colonies(self, key: np.uint64, alive: np.ndarray, day: int, law: ColonyLaw) -> None:
        """A week of birth and death in every small colony; the certain ones go over to deterministic growth."""
        small = self.small
        if not small.count:
            return
        grown_at, gone = (np.empty((small.count, width), dtype=np.uint64) for width in (3, 2))
        grown_cells, grown_pace = np.empty(small.count, dtype=np.int64), np.empty(small.count)
        rates = (law.birth, law.death) if self.paced else (_NO_RATES, _NO_RATES)
        start = day + 1 - STEP_DAYS
        small.count, n_grown, n_gone = colonise.step_colonies(
            key,
            self.patient,
            alive,
            day,
            start,
            small.count,
            colonise.SmallColonies(small.cells, small.identity, small.since, small.woke, small.traits, small.pace),
            colonise.Week(law.week_growth, law.week_spread, law.week_clearance),
            self.paced,
            *rates,
            law.certain_cells,
            self.colonies,
            self.extinct,
            grown_at,
            grown_cells,
            grown_pace,
            gone,
        )
        if n_grown:
            identity = grown_at[:n_grown, 0]
            delay = colonise.switch_delays(key, self.patient, identity, self._parameters["angiogenic_delay_days"])
            self.grown.append(
                identity=identity,
                woke=grown_at[:n_grown, 1].astype(np.int32),
                since=day + 1,
                traits=grown_at[:n_grown, 2].astype(np.uint8),
                start_day=day + 1.0,
                start_log_cells=np.log(grown_cells[:n_grown].astype(float)),
                delay_days=delay,
                pace=grown_pace[:n_grown],
                shedder=-1,
            )
        self.note(gone[:n_gone, 0], day, sleep.DIED)
        if self.past.count:
            lost = gone[:n_gone, 0][gone[:n_gone, 1] & colonise.WAS_GROWN > 0]
            self.ended.append(identity=lost, day=day, removed=False)

    def agents(self) -> Iterator[TumourCell]:
        """A view of every living cell or colony (slow: for looking, not for computing)."""
        groups = (
            ("sleeping", self.calendar.records(), None, None),
            ("cycling", self.small.column("identity"), self.small.column("cells"), self.small.column("woke")),
            (
                "grown",
                self.grown.column("identity"),
                np.exp(self.grown.column("start_log_cells")),
                self.grown.column("woke"),
            ),
        )
        for state, identity, cells, woke in groups:
            parts = unpack(identity)
            patients = self.patient[parts["lane"]]
            ids = colony_id(patients, identity)
            for i in range(len(identity)):
                source = parts["source"][i]
                yield TumourCell(
                    patient=int(patients[i]),
                    colony=int(ids[i]),
                    organ=NICHES[parts["niche"][i]],
                    source="primary" if source == 0 else NICHES[source - 1],
                    arrived_day=int(parts["day"][i]),
                    state=state,
                    cells=1.0 if cells is None else float(cells[i]),
                    woke_day=None if woke is None else int(woke[i]),
                )
