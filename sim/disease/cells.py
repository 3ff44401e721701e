"""The tumour cells, as arrays: promising sleepers, their small colonies, and grown (deterministic) ones.

An array-backed agent set in Mesa's sense: one row an agent, 28 bytes a sleeper, 84 a small colony, with `agents()`
views of single cells. Only promising founders have rows (see `sim.disease.shells`): the doomed are counted in
`sim.disease.doomed`, and have lives when somebody looks. Cells that settled without competence are tallies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import colonise, founders, shells, sleep
from sim.disease import doses as therapy
from sim.disease.colonies import ColonyLaw
from sim.disease.doomed import COUNTS, Doomed
from sim.disease.identity import CLUSTER_INDEX, MOST_INDEX, colony_id, unpack
from sim.disease.shedding import Stream
from sim.disease.signals import Rates
from sim.disease.sleepers import Sleepers
from sim.disease.small_colonies import NO_TRAITS, SmallColonies
from sim.names import NICHES
from sim.numerics.rows import Rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from sim.disease.resistance import Resistance

_PACE_ONE = np.empty(0)


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

    Tallies are int64 of shape (lanes, niches): `settled` = `died_asleep` + `sleeping` + `woke`, and `woke` = `extinct`
    + `removed` + `colonies` + grown colonies. `promising[name]` holds what rows say of them; to read one of them
    (`cells.sleeping`) is to look at the doomed as of this `morning`. Where the `doomed` are not computed (None) it
    raises ValueError.

    A row of `grown` is a colony's present path: its size from the morning of day `since` on. Treatment bends paths
    (`sim.disease.metastases`); `past` keeps the former ones with the last morning of each, `ended` the days on which
    colonies that had grown were removed or lost their last cell. `traits` of a colony: see `sim.disease.founders`;
    `pace` is its own time scale, `shedder` its number in `sim.disease.descent`, -1 until it sheds.
    """

    def __init__(
        self,
        key: np.uint64,
        patient: np.ndarray,
        parameters: LaneParameters,
        law: ColonyLaw,
        last_day: int,
        keep_seeds: bool = False,
        doomed: bool = True,
    ):
        shape = (len(patient), len(NICHES))
        self.key, self.patient, self.law = key, patient, law
        self._pace = therapy.pace_law(parameters["colony_growth_log_sd"], parameters["trait_truncation_sd"])
        self._paced = bool(self._pace.log_sd.any())
        self.small = SmallColonies(key, patient, law)
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
        self._switch_days = parameters["angiogenic_delay_days"]
        self.resistance: Resistance | None = None
        self.settled, self.removed = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self.promising = {name: np.zeros(shape, dtype=np.int64) for name in COUNTS}
        tallies = tuple(self.promising[name] for name in ("sleeping", "woke", "died_asleep"))
        self.sleepers = Sleepers(key, patient, parameters, last_day, tallies)
        self.doomed = Doomed(key, patient, parameters, law, self._pace) if doomed else None
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
        return self.promising[name] + self.known_doomed.tallies(self.morning)[..., COUNTS[name]]

    @property
    def known_doomed(self) -> Doomed:
        """The doomed founders. Raises ValueError where they are not computed."""
        if self.doomed is None:
            raise ValueError("the doomed cells of this model are not computed")
        return self.doomed

    @property
    def bytes(self) -> int:
        """Memory of the living cells' arrays, and of what is kept of the doomed."""
        rows = sum(r.column(n).nbytes for r in (self.sleepers, self.small, self.grown) for n in r.names)
        return rows + (0 if self.doomed is None else self.doomed.bytes)

    def note(self, identity: np.ndarray, day: int, fate: int) -> None:
        """Remember a cell's fate, if seeds are kept."""
        if self.keep_seeds and len(identity):
            self.fates.append(identity=identity, day=day, fate=fate)

    def settle(self, stream: Stream, day: int, new: int) -> tuple[np.ndarray, np.ndarray]:
        """Promising founders (identities) among a stream's `new` settled cells, and the doomed, (lanes, niches).

        The number of the doomed is valid today.
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
                stream.places_today,
                settled,
                bound,
                identity,
                self._doomed_today,
            )
        if n == shells.FULL:
            raise ValueError(
                f"too many of {settled.max()} competent cells that settled in one niche in a day are promising, "
                f"or they are over {MOST_INDEX}; competent_share x shedding is out of all bounds"
            )
        if self.doomed is not None:
            self.doomed.settle(stream, day, self._doomed_today)
        return identity[:n], self._doomed_today

    def place(self, identity: np.ndarray, day: int, rates: Rates) -> np.ndarray:
        """Place promising founders that settled today, asleep or awake; returns the identities of those awake."""
        awake, log = self.sleepers.place(identity, day, rates.now.sleep, self.keep_seeds)
        if len(log):
            self.seeds.append(identity=log[:, 0], coded_threshold=log[:, 1])
        return awake

    def wake(self, day: int, alive: np.ndarray, rates: Rates) -> np.ndarray:
        """Wake or bury today's sleepers; returns the identities of the woken."""
        woken, died = self.sleepers.end_day(day, alive, rates)
        self.note(died, day, sleep.DIED)
        self.note(woken, day, sleep.WOKE)
        return woken

    def kill_sleepers(self, day: int, survival: np.ndarray) -> None:
        """Leave so many promising sleepers, (classes, lanes, niches) by the drugs that they resist, one by one."""
        sleepers = self.sleepers
        dead = np.empty(sleepers.count, dtype=np.uint64)
        sleepers.near, sleepers.count, n_dead = therapy.kill_sleepers(
            self.key,
            self.patient,
            day,
            survival,
            therapy.NO_RESISTANCE if self.resistance is None else self.resistance.origin,
            self.promising["sleeping"],
            self.promising["died_asleep"],
            sleepers.rows,
            sleepers.near,
            sleepers.count,
            dead,
        )
        self.note(np.sort(dead[:n_dead]), day, sleep.DIED)

    def founders(self, identity: np.ndarray) -> np.ndarray:
        """Founding cells of each colony, int64: one, or the size of the cluster."""
        out = np.empty(len(identity), dtype=np.int64)
        founders.founders(self.key, self.patient, identity, self.law.small.mean_cells, self.law.promising, out)
        return out

    def begin_cycling(self, identity: np.ndarray, day: int, clearance: np.ndarray) -> None:
        """Promising founders that begin to cycle at the end of today; `clearance` (lanes, niches) is today's hazard."""
        if len(identity):
            traits = NO_TRAITS if self.resistance is None else self.resistance.of_founders(identity)
            pace = therapy.paces(self.key, self.patient, identity, self._pace) if self._paced else _PACE_ONE
            self.small.begin(identity, day, traits, pace, clearance, self.promising["colonies"])

    def end_day(self, alive: np.ndarray, day: int, clearance: np.ndarray) -> None:
        """The evening of small colonies: those certain to grow go over to deterministic growth, some have died out."""
        evening = self.small.end_day(day, alive, clearance, self.promising["colonies"], self.promising["extinct"])
        if evening is None:
            return
        grown, gone = evening
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
                pace=grown["pace"],
                delay_days=colonise.switch_delays(self.key, self.patient, identity, self._switch_days),
                shedder=-1,
            )
        if len(gone):
            self.note(gone[:, 0], day, sleep.DIED)
            lost = gone[:, 0][gone[:, 1] & founders.WAS_GROWN > 0]
            if lost.size:
                self.ended.append(identity=lost, day=day, removed=False)

    def cycling(self, day: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every small colony on the morning of `day`, promising and doomed: identity, cells (int64), waking day."""
        everywhere = np.ones(len(self.patient), dtype=bool)
        cells = self.small.sizes(day, everywhere, np.zeros(self.settled.shape))
        rows = [(self.small.column("identity"), cells, self.small.column("woke"))]
        if self.doomed is not None:
            living = self.doomed.living(day)
            awake = living.woke >= 0
            rows.append((living.identity[awake], living.cells[awake], living.woke[awake]))
        identity, size, woke = (np.concatenate(columns) for columns in zip(*rows, strict=True))
        return identity, size, woke

    def asleep(self) -> np.ndarray:
        """Identities of all sleepers of this morning, in no particular order."""
        records = self.sleepers.column("identity")
        if self.doomed is None:
            return records
        living = self.doomed.living(self.morning)
        return np.concatenate([records, living.identity[living.woke < 0]])

    def grown_cells(self) -> np.ndarray:
        """Cells of the grown colonies this morning."""
        grown = self.grown
        parts = unpack(grown.column("identity"))
        return colonise.grown_sizes(
            np.full(grown.count, float(self.morning)),
            *(grown.column(name) for name in ("start_day", "start_log_cells", "delay_days")),
            *self.law.of_colonies(parts["lane"], parts["niche"], grown.column("pace")),
        )

    def agents(self) -> Iterator[TumourCell]:
        """A view of every living cell or colony (slow: for looking, not for computing)."""
        groups = (
            ("sleeping", self.asleep(), None, None),
            ("cycling", *self.cycling(self.morning)),
            ("grown", self.grown.column("identity"), self.grown_cells(), self.grown.column("woke")),
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
