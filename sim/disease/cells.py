"""The tumour cells, as arrays: promising sleepers in a calendar, their small colonies, and grown (deterministic) ones.

An array-backed agent set in Mesa's sense: one row an agent, 24 bytes a sleeper, 76 a small colony,
with `agents()` views of single cells. Only promising founders have rows (see `sim.disease.shells`): the doomed are counted in
`sim.disease.doomed`, and have lives when somebody looks. Cells that settled without competence are tallies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import colonise, founders, shells, sleep
from sim.disease import doses as therapy
from sim.disease.calendar import Calendar
from sim.disease.colonies import ColonyLaw
from sim.disease.doomed import COUNTS, Doomed
from sim.disease.identity import CLUSTER_INDEX, MOST_INDEX, colony_id, unpack
from sim.disease.shedding import Stream
from sim.disease.signals import Rates
from sim.disease.small_colonies import NO_TRAITS, SmallColonies
from sim.names import NICHES
from sim.numerics.rows import Rows

_NO_LOG = np.empty((0, 2), dtype=np.uint64)
_NOBODY = np.empty(0, dtype=np.uint64)
NO_RESISTANCE = (
    np.zeros((0, 0), np.int64),
    np.zeros((0, 0, 0), np.int64),
    np.zeros((0, 0, 0)),
    len(NICHES),
    *(np.zeros(0, np.int64) for _ in range(4)),
    np.zeros(0, np.uint32),
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
    `woke` = `extinct` + `removed` + `colonies` + grown colonies. `promising[name]` holds what rows say of them; to read
    one of them (`cells.sleeping`) is to look at the doomed as of this `morning`. Where the `doomed` are not computed (None) it
    raises ValueError.

    A row of `grown` is a colony's present path: its size from the morning of day `since` on. Treatment bends paths
    (`sim.disease.metastases`); `past` keeps the former ones with the last morning of each, `ended` the days on which colonies
    that had grown were removed or lost their last cell. `traits` of a colony: see `sim.disease.founders`; `shedder`
    is its number in `sim.disease.descent`, -1 until it sheds.
    """

    def __init__(
        self,
        key,
        patient: np.ndarray,
        parameters: LaneParameters,
        law: ColonyLaw,
        last_day: int,
        keep_seeds: bool = False,
        doomed: bool = True,
    ):
        shape = (len(patient), len(NICHES))
        self.key, self.patient, self.law = key, patient, law
        self._sleep_life = tuple(
            parameters[f"dormancy_{name}"]
            for name in ("narrow_share", "narrow_scale_days", "narrow_shape", "broad_scale_days", "broad_shape")
        )
        self.calendar = Calendar(last_day)
        self.small = SmallColonies(key, patient, law)
        path = dict(
            identity=np.uint64,
            woke=np.int32,
            traits=np.uint8,
            since=np.int32,
            start_day=np.float64,
            start_log_cells=np.float64,
            delay_days=np.float64,
            shedder=np.int32,
        )
        self.grown = Rows(**path)
        self.past = Rows(**path, until=np.int32)
        self.ended = Rows(identity=np.uint64, day=np.int32, removed=np.bool_)
        self._switch_days = parameters["angiogenic_delay_days"]
        self.resistance = None
        self.settled, self.removed = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self.promising = {name: np.zeros(shape, dtype=np.int64) for name in COUNTS}
        self.doomed = Doomed(key, patient, parameters, law, law.classes) if doomed else None
        self._doomed_today = np.zeros(shape, dtype=np.int64)
        self.morning = 0
        self.keep_seeds = keep_seeds
        self.seeds = Rows(identity=np.uint64, coded_threshold=np.uint64)
        self.fates = Rows(identity=np.uint64, day=np.int32, fate=np.int8)

    def __len__(self) -> int:
        """Living agents: sleepers and colonies; the promising ones where the doomed are not computed."""
        doomed = 0 if self.doomed is None else len(self.doomed.living(self.morning).identity)
        return int(self.promising["sleeping"].sum()) + self.small.count + self.grown.count + doomed

    def __getattr__(self, name: str) -> np.ndarray:
        """A tally of all competent cells, promising and doomed, as of this morning."""
        if name not in COUNTS:
            raise AttributeError(name)
        if self.doomed is None:
            raise ValueError(f"{name}: the doomed cells of this model are not computed")
        return self.promising[name] + self.doomed.tallies(self.morning)[..., COUNTS[name]]

    @property
    def bytes(self) -> int:
        """Memory of the living cells' arrays, and of what is kept of the doomed."""
        rows = sum(r.column(n).nbytes for r in (self.small, self.grown) for n in r.names)
        return self.calendar.bytes + rows + (0 if self.doomed is None else self.doomed.bytes)

    @property
    def looks(self) -> int:
        """How many times a sleeper was looked at."""
        return int(self.calendar.state[sleep.LOOKS])

    def note(self, identity: np.ndarray, day: int, fate: int) -> None:
        """Remember a cell's fate, if seeds are kept."""
        if self.keep_seeds and len(identity):
            self.fates.append(identity=identity, day=day, fate=fate)

    def file_sleepers_again(self, day: int, energy_clock, hazard_clock, energy_promise, hazard_promise) -> None:
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
            *self.calendar.arrays,
            *spare,
        )

    def settle(self, stream: Stream, day: int, new: int) -> tuple[np.ndarray, np.ndarray]:
        """Promising founders (identities) among a stream's `new` settled cells, and the number of doomed ones, (lanes, niches), valid today.

        Raises ValueError when more cells settle in a niche in a day than an identity can number.
        """
        settled, bound = stream.settled_today, self.law.promising
        if stream.cluster:
            bound = self.law.promising_cluster
        identity, n = np.empty(new, dtype=np.uint64), shells.FULL
        if new < MOST_INDEX or settled.max() < MOST_INDEX:
            n = shells.open_shells(
                self.key,
                self.patient,
                day,
                stream.code,
                stream.tag,
                CLUSTER_INDEX * stream.cluster,
                settled,
                bound,
                identity,
                self._doomed_today,
            )
        if n == shells.FULL:
            raise ValueError(
                f"too many of {settled.max()} competent cells that settled in one niche in a day are promising, or they are over "
                f"{MOST_INDEX}; competent_share x shedding is out of all bounds"
            )
        self.settled += settled
        if self.doomed is not None:
            self.doomed.settle(stream, day, self._doomed_today)
        return identity[:n], self._doomed_today

    def place(self, identity: np.ndarray, day: int, rates: Rates, energy_clock, hazard_clock, promises) -> np.ndarray:
        """Place promising founders that settled today, asleep or awake; returns the identities of those awake.

        The clocks are those of the end of today.
        """
        new = len(identity)
        if not new:
            return _NOBODY
        self.calendar.reserve(day, new)
        awake = np.empty(new, dtype=np.uint64)
        log = np.empty((new, 2), dtype=np.uint64) if self.keep_seeds else _NO_LOG
        n_awake = sleep.place_cells(
            self.key,
            self.patient,
            day,
            self.calendar.last,
            identity,
            rates.sleep,
            *self._sleep_life,
            energy_clock,
            hazard_clock,
            *promises,
            self.promising["sleeping"],
            *self.calendar.arrays,
            awake,
            self.promising["woke"],
            log,
        )
        if self.keep_seeds:
            self.seeds.append(identity=log[:, 0], coded_threshold=log[:, 1])
        return awake[:n_awake]

    def wake(self, day: int, alive, rates: Rates, energy_clock, hazard_clock, promises) -> np.ndarray:
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
            self.promising["sleeping"],
            self.promising["woke"],
            self.promising["died_asleep"],
            *self.calendar.arrays,
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

    def kill_sleepers(self, day: int, survival: np.ndarray) -> None:
        """Leave this share of the promising sleepers, (classes, lanes, niches) by the drugs that they resist; keyed, one by one."""
        sleeping = self.promising["sleeping"]
        dead = np.empty(int(sleeping[(survival[0] < 1.0).any(axis=1)].sum()), dtype=np.uint64)
        calendar, origin = self.calendar, NO_RESISTANCE if self.resistance is None else self.resistance.origin
        n_dead = therapy.kill_sleepers(
            self.key,
            self.patient,
            day,
            survival,
            *origin,
            sleeping,
            self.promising["died_asleep"],
            calendar.block_count,
            calendar.state,
            calendar.sleepers,
            dead,
        )
        self.note(np.sort(dead[:n_dead]), day, sleep.DIED)

    def founders(self, identity: np.ndarray) -> np.ndarray:
        """Founding cells of each colony, int64: one, or the size of the cluster."""
        out = np.empty(len(identity), dtype=np.int64)
        founders.founders(self.key, self.patient, identity, self.law.small.mean_cells, self.law.promising, out)
        return out

    def begin_cycling(self, identity: np.ndarray, day: int, clearance: np.ndarray) -> None:
        """Promising founders that begin to cycle at the end of today, each a colony; `clearance` (lanes, niches) is today's hazard."""
        if len(identity):
            traits = NO_TRAITS if self.resistance is None else self.resistance.of_founders(identity)
            self.small.begin(identity, day, traits, clearance, self.promising["colonies"])

    def end_day(self, alive: np.ndarray, day: int, clearance: np.ndarray) -> None:
        """The evening of small colonies: those certain to grow go over to deterministic growth, some have died out."""
        grown, gone = self.small.end_day(day, alive, clearance, self.promising["colonies"], self.promising["extinct"])
        if grown is None:
            return
        identity = grown["identity"]
        if identity.size:
            parts = unpack(identity)
            promising = self.law.promising[parts["lane"], parts["niche"]]
            self.grown.append(
                identity=identity,
                woke=grown["woke"],
                since=day + 1,
                traits=grown["traits"],
                start_day=grown["since"].astype(float),
                start_log_cells=np.log(grown["limit"] / promising),
                delay_days=colonise.switch_delays(self.key, self.patient, identity, self._switch_days),
                shedder=-1,
            )
        if len(gone):
            self.note(gone[:, 0], day, sleep.DIED)
            lost = gone[:, 0][gone[:, 1] & founders.WAS_GROWN > 0]
            if lost.size:
                self.ended.append(identity=lost, day=day, removed=False)

    def cycling(self, day: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every small colony on the morning of `day`, promising and doomed: identity, cells (int64), and the day on which it woke."""
        everywhere = np.ones(len(self.patient), dtype=bool)
        cells = self.small.sizes(day, everywhere, np.zeros(self.settled.shape))
        rows = [(self.small.column("identity"), cells, self.small.column("woke"))]
        if self.doomed is not None:
            living = self.doomed.living(day)
            awake = living.woke >= 0
            rows.append((living.identity[awake], living.cells[awake], living.woke[awake]))
        return tuple(np.concatenate(columns) for columns in zip(*rows, strict=True))

    def asleep(self) -> np.ndarray:
        """Identities of all sleepers of this morning, in no particular order."""
        records = self.calendar.records()
        if self.doomed is None:
            return records
        living = self.doomed.living(self.morning)
        return np.concatenate([records, living.identity[living.woke < 0]])

    def _grown_cells(self) -> np.ndarray:
        """Cells of the grown colonies this morning."""
        grown = self.grown
        parts = unpack(grown.column("identity"))
        return colonise.grown_sizes(
            np.full(grown.count, float(self.morning)),
            *(grown.column(name) for name in ("start_day", "start_log_cells", "delay_days")),
            *self.law.of_colonies(parts["lane"], parts["niche"]),
        )

    def agents(self) -> Iterator[TumourCell]:
        """A view of every living cell or colony (slow: for looking, not for computing)."""
        groups = (
            ("sleeping", self.asleep(), None, None),
            ("cycling", *self.cycling(self.morning)),
            ("grown", self.grown.column("identity"), self._grown_cells(), self.grown.column("woke")),
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
