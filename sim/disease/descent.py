"""What a seed of a metastasis inherits, settled on the day on which it settles: its parent, its clone, what it resists.

A metastasis stays the primary's cancer. An organ's metastases shed by their sizes; a shed cell can found a colony by
its clone's potential, as one from the primary can; so a seed's parent is drawn in proportion to cells^exponent x
potential. The seed is of its parent's clone, and resists the drugs that its parent resisted, asleep and awake.
Positions on the epithelial-mesenchymal axis and stemness are states, not lines of descent: in a metastasis they are
those of the primary.
"""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import descent_kernels as descent
from sim.disease import parents
from sim.disease.birth_death import STEP_DAYS
from sim.disease.clones import mean_potential, potentials
from sim.disease.colonies import ColonyLaw
from sim.disease.hosts import Hosts
from sim.disease.identity import CLUSTER_INDEX, unpack
from sim.disease.shedding import Stream
from sim.names import NICHES, RESISTANCE_CLASSES
from sim.numerics.rows import Rows

NOT_TOLD, COUNTED, REMEMBERED = 0, 1, 2
"""Doomed founders: not among the seeds of clones; among them; and each with its parent, for whoever asks later."""
_NO_PARENTS = np.empty(0, dtype=np.uint32)


class Descent:
    """The seeds of all metastases of a model, and the law of the primary's clones.

    `shedders` has a row a colony that had grown, and again where it had come to resist another drug: `identity`,
    `clone` (MIXED where several founded it), `potential` (of its cells, relative to the primary's), `resists` (bits of
    drugs). `has_clones` (lanes,) bool; `clone_share` of the primary, `clone_potential` relative to the mean of the
    primary's cells, and `seeded`, the founding cells of what has settled (int64; 0 without clones), are (lanes,
    clones); `doomed` says what becomes of the doomed: NOT_TOLD (then nothing is `seeded`), COUNTED, or REMEMBERED
    with their parents. Of this week, (lanes, niches): `surface`, the sum of cells^exponent of an organ's metastases,
    and `mean_potential` of the cells that they shed.
    """

    def __init__(
        self,
        key: np.uint64,
        hosts: Hosts,
        parameters: LaneParameters,
        law: ColonyLaw,
        last_day: int,
        doomed: int = REMEMBERED,
    ):
        lanes = len(hosts.patient)
        self._doomed = doomed
        self._promising = law.promising
        self._key, self._patient = key, hosts.patient
        self._exponent, self._mean_cells = parameters["shedding_exponent"], parameters["cluster_mean_cells"]
        log_sd = parameters["clone_potential_log_sd"]
        self.has_clones = log_sd > 0.0
        self._any_clones = bool(self.has_clones.any())
        power = potentials(hosts.clone_z, log_sd)
        self.clone_share = hosts.clone_share
        self.seeded = np.zeros(power.shape, dtype=np.int64)
        weight = hosts.clone_share * power
        self._cumulative = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
        self.clone_potential = power / mean_potential(hosts, log_sd)[:, None]
        self.shedders = Rows(
            identity=np.uint64, clone=np.uint8, potential=np.float64, resists=np.uint8, mixture=np.int32
        )
        self._mixtures, self._mixed = np.empty((64, power.shape[1])), 0
        self._seeds, self._groups = Rows(number=np.uint32, shedder=np.uint32), Rows(place=np.int64, first=np.int64)
        blocks = (last_day // STEP_DAYS + 1) * len(NICHES) if parameters["secondary_shedding_factor"].any() else 0
        self._block_first, self._block_end = np.zeros(blocks, dtype=np.int64), np.zeros(blocks, dtype=np.int64)
        self.surface, self.mean_potential = np.zeros((lanes, len(NICHES))), np.ones((lanes, len(NICHES)))
        self._start_of = np.zeros(lanes * len(NICHES) * parents.KINDS + 1, dtype=np.int64)
        self._parent, self._weight = np.empty(0, dtype=np.int32), np.empty(0)

    @property
    def finder(self) -> descent.Finder:
        """What the kernels need to find the shedder of a seed."""
        return descent.Finder(
            len(NICHES),
            self._block_first,
            self._block_end,
            self._groups.column("place"),
            self._groups.column("first"),
            self._seeds.column("number"),
            self._seeds.column("shedder"),
        )

    @property
    def _clones(self) -> descent.Clones:
        shedders = self.shedders
        return descent.Clones(
            self._mean_cells,
            self._promising,
            self._cumulative,
            self.clone_potential,
            self.finder,
            shedders.column("clone"),
            shedders.column("mixture"),
            self._mixtures,
        )

    def weigh(self, grown: Rows, law: ColonyLaw, alive: np.ndarray, day: int) -> None:
        """Who sheds on the morning of `day`, and how much of what can found a colony; `alive` (lanes,) bool."""
        shedders, count = self.shedders, grown.count
        row = np.empty(count, dtype=np.int64)
        row = row[
            : parents.find_new(
                count,
                grown.identity,
                alive,
                grown.traits,
                RESISTANCE_CLASSES - 1,
                grown.shedder,
                shedders.column("resists"),
                row,
            )
        ]
        if row.size:
            identity = grown.identity[row]
            clone, potential = np.empty(row.size, dtype=np.uint8), np.empty(row.size)
            mixed = np.empty((row.size, self._mixtures.shape[1]))
            descent.shedder_traits(
                self._key, self._patient, identity, self.has_clones, self._clones, clone, potential, mixed
            )
            is_mixed = clone == descent.MIXED
            mixture = self._mixed + np.cumsum(is_mixed) - 1
            self._keep_mixtures(mixed[is_mixed])
            grown.shedder[row] = shedders.count + np.arange(row.size)
            shedders.append(
                identity=identity,
                clone=clone,
                potential=potential,
                resists=grown.traits[row] & np.uint8(RESISTANCE_CLASSES - 1),
                mixture=np.where(is_mixed, mixture, -1),
            )
        self._parent, self._weight = np.empty(count, dtype=np.int32), np.empty(count)
        parents.weigh_shedders(
            alive,
            float(day),
            count,
            grown.identity,
            grown.start_day,
            grown.start_log_cells,
            grown.delay_days,
            grown.pace,
            grown.shedder,
            law.early_rate_per_day,
            law.limit_log_cells,
            law.limit_gap,
            law.gompertz_per_day,
            self._exponent,
            shedders.column("potential"),
            shedders.column("clone"),
            self._start_of,
            self._parent,
            self._weight,
            self.surface,
            self.mean_potential,
        )

    def _keep_mixtures(self, mixed: np.ndarray) -> None:
        end = self._mixed + len(mixed)
        if end > len(self._mixtures):
            more = np.empty((2 * end, self._mixtures.shape[1]))
            more[: self._mixed] = self._mixtures[: self._mixed]
            self._mixtures = more
        self._mixtures[self._mixed : end] = mixed
        self._mixed = end

    def draw(self, code: int, identity: np.ndarray, day: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The parents, as numbers of shedders (seeds,), of what settled today (`identity`) from a stream's organ.

        With the groups' places and first rows. Raises AssertionError where no colony had grown there.
        """
        chosen = np.empty(len(identity), dtype=np.uint32)
        place, first = np.empty(len(identity), dtype=np.int64), np.empty(len(identity), dtype=np.int64)
        groups = parents.draw_parents(
            self._key,
            self._patient,
            day,
            code,
            identity,
            len(NICHES),
            self._start_of,
            self._parent,
            self._weight,
            self._seeds.count,
            place,
            first,
            chosen,
        )
        if groups < 0:
            raise AssertionError("a metastasis was seeded from an organ in which no colony had grown")
        return chosen, place[:groups], first[:groups]

    def note(self, stream: Stream, day: int, promising: np.ndarray, doomed: np.ndarray) -> None:
        """Settle the descent of what settled today, `promising` (identities) and `doomed` (lanes, niches).

        That is the parents of what an organ's metastases shed, and every clone's number. Parents of the doomed are
        remembered only where somebody will ask for them.
        """
        counts = self._doomed != NOT_TOLD and self._any_clones
        if not (counts or stream.code):
            return
        if self._doomed != REMEMBERED:
            parent = self._note_parents(stream, promising, day) if stream.code and promising.size else _NO_PARENTS
            if counts:
                self._count_clones(stream, promising, parent, doomed, day)
            return
        identity = np.empty(promising.size + int(doomed.sum()), dtype=np.uint64)
        descent.everybody(day, stream.code, CLUSTER_INDEX * stream.cluster, promising, doomed, identity)
        parent = self._note_parents(stream, identity, day) if stream.code else _NO_PARENTS
        if counts:
            descent.count_clones(
                self._key,
                self._patient,
                identity,
                self.has_clones,
                self._clones,
                parent,
                self.seeded,
            )

    def _count_clones(
        self, stream: Stream, promising: np.ndarray, parent: np.ndarray, doomed: np.ndarray, day: int
    ) -> None:
        clones = self._clones
        if promising.size:
            descent.count_clones(self._key, self._patient, promising, self.has_clones, clones, parent, self.seeded)
        descent.count_doomed_clones(
            self._key,
            self._patient,
            day,
            stream.code,
            CLUSTER_INDEX * stream.cluster,
            stream.places_today,
            doomed,
            self.has_clones,
            clones,
            self._start_of,
            self._parent,
            self._weight,
            self.seeded,
        )

    def _note_parents(self, stream: Stream, identity: np.ndarray, day: int) -> np.ndarray:
        chosen, place, first = self.draw(stream.code, identity, day)
        block = day // STEP_DAYS * len(NICHES) + stream.code - 1
        self._block_first[block] = self._groups.count
        self._groups.append(place=place, first=first)
        self._block_end[block] = self._groups.count
        self._seeds.append(number=unpack(identity)["index"], shedder=chosen)
        return chosen

    def parents(self, identity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Identity of each cell's parent colony (its own if the primary shed it), and whether it has one (bool)."""
        has = unpack(identity)["source"] > 0
        parent, number = identity.copy(), np.empty(int(has.sum()), dtype=np.int64)
        descent.shedders_of(identity[has], self.finder, number)
        if number.min(initial=0) < 0:
            raise KeyError("a seed that never settled has no parent")
        parent[has] = self.shedders.column("identity")[number]
        return parent, has

    def clones(self, identity: np.ndarray, founder: np.ndarray) -> np.ndarray:
        """The clone of founding cell number `founder` of each cell or cluster, (cells,) int64."""
        out = np.empty(len(identity), dtype=np.int64)
        descent.draw_clones(self._key, self._patient, identity, founder, self._clones, out)
        return out
