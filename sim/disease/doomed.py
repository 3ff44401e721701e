"""The doomed founders of a model's lanes: counted as they settle, and asked for when somebody wants to know.

What their lives depend on is kept: how many settled (8 bytes a lane, niche and day), clocks by the days on which they
changed, doses. The lives themselves are drawn in `sim.disease.doomed_records`, and are the same whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import doomed_counts
from sim.disease.clocks import History
from sim.disease.clocks_kernels import same_everywhere
from sim.disease.colonies import ColonyLaw
from sim.disease.doomed_records import ASLEEP, CELLS, COLONIES, DIED, EXTINCT, QUANTITIES, WOKE, Doses, Lives
from sim.disease.doses import NO_RESISTANCE, Origin, Pace
from sim.disease.identity import CLUSTER_INDEX, unpack
from sim.disease.shedding import Stream
from sim.disease.signals import Rates
from sim.disease.sleep import SleepLife
from sim.names import NICHES
from sim.numerics.rows import Rows

COUNTS = {"sleeping": ASLEEP, "woke": WOKE, "died_asleep": DIED, "extinct": EXTINCT, "colonies": COLONIES}
"""Names of tallies, and their places among what is counted."""


@dataclass(frozen=True)
class Listed:
    """Doomed founders one by one, arrays (founders,): see `sim.disease.doomed_counts.list_lives`."""

    identity: np.ndarray
    threshold: np.ndarray
    woke: np.ndarray
    died: np.ndarray
    cells: np.ndarray
    kind: np.ndarray


class Doomed:
    """`last_morning` (lanes,) is the morning on which a lane's course ended, huge while it goes on."""

    def __init__(self, key: np.uint64, patient: np.ndarray, parameters: LaneParameters, law: ColonyLaw, pace: Pace):
        p, lanes = parameters, len(patient)
        self._key, self._patient, self._law, self._pace = key, patient, law, pace
        self._sleep = SleepLife(
            *(
                np.ascontiguousarray(p[f"dormancy_{name}"])
                for name in ("narrow_share", "narrow_scale_days", "narrow_shape", "broad_scale_days", "broad_shape")
            )
        )
        self._arrivals = Rows(packed=np.uint64)
        self._chance, self._energy, self._hazard = (History(lanes, len(NICHES)) for _ in range(3))
        self._clearance = History(lanes, 1)
        self._any_clears = bool(law.clears.any())
        self._shape = (0, law.classes, len(NICHES))
        self._doses = Rows(lane=np.int32, day=np.int32, drug=np.int8, dosed_day=np.int32, chance=np.float64)
        self._cycling: list[np.ndarray] = []
        self._sleeping: list[np.ndarray] = []
        self.origin: Callable[[], Origin] = lambda: NO_RESISTANCE  # what tells what a founder resists of birth
        self.last_morning = np.full(lanes, 2**30, dtype=np.int64)
        self._told = np.empty(0, dtype=np.uint64)  # founders that lived at the last look, in order of identity
        self._sorted: tuple[np.ndarray, np.ndarray] | None = None  # arrivals in order of lane
        self._known = 0  # arrivals that were told by then
        self._over = np.zeros((lanes, len(NICHES), QUANTITIES), dtype=np.int64)  # of those that did not
        self._look: tuple[int, np.ndarray] | None = None
        self._living: Listed | None = None

    # -- what is noted as it happens ---------------------------------------------------------------

    def settle(self, stream: Stream, day: int, doomed: np.ndarray) -> None:
        """So many doomed founders, (lanes, niches), settled today."""
        arrivals = self._arrivals
        places = stream.places_today
        arrivals.reserve(places.size)
        arrivals.count = doomed_counts.note_arrivals(
            day, stream.code, CLUSTER_INDEX * stream.cluster, places, doomed, arrivals.packed, arrivals.count
        )

    def note_rates(self, day: int, alive: np.ndarray, rates: Rates) -> None:
        """Today's rates, in lanes that are alive.

        Raises AssertionError where T cells clear more in one niche than in another.
        """
        now = rates.now
        if day == 0 or rates.may_differ_for_sleepers:
            self._chance.note(day, alive, now.sleep)
            self._energy.note(day, alive, now.feeding)
            self._hazard.note(day, alive, now.sleeper_death)
        if self._any_clears:
            if not same_everywhere(now.clearance):
                raise AssertionError("clearance differs between niches: keep a column a niche of its clock")
            self._clearance.note(day, alive, now.clearance[:, :1])
        elif day == 0:
            self._clearance.note(day, alive, np.zeros((len(alive), 1)))

    def dose(self, day: int, cycling: np.ndarray, sleeping: np.ndarray) -> None:
        """Doses of this morning: shares that they leave, (classes, lanes, niches)."""
        lanes = np.flatnonzero((cycling < 1.0).any(axis=(0, 2)) | (sleeping < 1.0).any(axis=(0, 2)))
        self._note(lanes, day, -1, np.zeros(lanes.size, dtype=np.int64), np.zeros(lanes.size))
        self._cycling.append(cycling[:, lanes].swapaxes(0, 1))
        self._sleeping.append(sleeping[:, lanes].swapaxes(0, 1))

    def acquire(self, day: int, drug: int, dosed_day: np.ndarray, chance: np.ndarray) -> None:
        """At the end of `day`: colonies that lived through the week's doses of a drug may resist it; all (lanes,)."""
        lanes = np.flatnonzero(chance > 0.0)
        self._note(lanes, day + 1, drug, dosed_day[lanes], chance[lanes])
        nothing = np.ones((lanes.size, *self._shape[1:]))
        self._cycling.append(nothing)
        self._sleeping.append(nothing)

    def _note(self, lanes: np.ndarray, day: int, drug: int, dosed_day: np.ndarray, chance: np.ndarray) -> None:
        self._doses.append(lane=lanes, day=day, drug=drug, dosed_day=dosed_day, chance=chance)

    # -- what is asked -------------------------------------------------------------------------------

    def _lives(self, now: int) -> Lives:
        doses = self._doses
        order = np.argsort(doses.column("lane"), kind="stable")
        lane = doses.column("lane")[order]
        empty = np.empty(self._shape)
        return Lives(
            self._patient,
            np.minimum(self.last_morning, now),
            self._law.clears,
            self._sleep,
            self._law.small,
            self._pace,
            self._chance.clock,
            self._energy.clock,
            self._hazard.clock,
            self._clearance.clock,
            Doses(
                np.searchsorted(lane, np.arange(len(self._patient) + 1)),
                doses.column("day")[order],
                doses.column("drug")[order],
                np.ascontiguousarray(np.concatenate([empty, *self._cycling])[order]),
                np.ascontiguousarray(np.concatenate([empty, *self._sleeping])[order]),
                doses.column("dosed_day")[order],
                doses.column("chance")[order],
            ),
            self.origin(),
        )

    def counts(self, lane: np.ndarray, day: np.ndarray, now: int) -> np.ndarray:
        """What is counted on the mornings of `day` in lanes `lane`, pair by pair: int64, (pairs, niches, quantities).

        Quantities are those of `sim.disease.doomed_records`. Pairs are in order of lane, then day, each once; a day is
        not after the lane's last morning, nor after `now`.
        """
        lives = self._lives(now)
        arrivals, first = self._by_lane()
        out = np.zeros((len(lane), len(NICHES), QUANTITIES), dtype=np.int64)
        lanes, first_look = np.unique(lane, return_index=True)
        first_look = np.append(first_look, len(lane))
        doomed_counts.count_lives(
            self._key, lanes, arrivals, first, first_look, np.ascontiguousarray(day, dtype=np.int64), lives, out
        )
        return out

    def everybody(self, now: int) -> Listed:
        """All doomed founders that ever settled, until the morning of `now`, in order of lane as they came."""
        return self._list(self._spread(self._by_lane()[0]), now)

    def _by_lane(self) -> tuple[np.ndarray, np.ndarray]:
        if self._sorted is None or len(self._sorted[0]) < self._arrivals.count:
            self._sorted = doomed_counts.by_lane(self._arrivals.column("packed"), len(self._patient))
        return self._sorted

    @property
    def has_arrivals(self) -> np.ndarray:
        """Lanes (bool) in which any doomed founder has settled."""
        return np.diff(self._by_lane()[1]) > 0

    @staticmethod
    def _spread(arrivals: np.ndarray) -> np.ndarray:
        out = np.empty(doomed_counts.spread(arrivals, np.empty(0, dtype=np.uint64)), dtype=np.uint64)
        doomed_counts.spread(arrivals, out)
        return out

    def _list(self, identity: np.ndarray, now: int) -> Listed:
        threshold = np.empty(len(identity))
        woke, died, cells, kind = (np.empty(len(identity), dtype=np.int64) for _ in range(4))
        doomed_counts.list_lives(self._key, identity, self._lives(now), threshold, woke, died, cells, kind)
        return Listed(identity, threshold, woke, died, cells, kind)

    def living(self, now: int) -> Listed:
        """Those that live on the morning of `now`: costs what has arrived since the last look and what lived then."""
        if self._living is None or self._look is None or self._look[0] != now:
            if self._living is None:
                self._living, self._look = (
                    Listed(*(np.empty(0, dtype) for dtype in (np.uint64, float, int, int, int, int))),
                    None,
                )
            self.tallies(now)
        return self._living

    def tallies(self, now: int) -> np.ndarray:
        """What is counted on the morning of `now`, or was when a lane ended: int64, (lanes, niches, quantities)."""
        if self._look is not None and self._look[0] == now:
            return self._look[1]
        if (self.last_morning <= now).all() and self._living is None:
            self._look = now, self.counts(np.arange(len(self._patient)), self.last_morning, now)
            return self._look[1]
        fresh = self._spread(self._arrivals.column("packed")[self._known :])
        listed = self._list(np.sort(np.concatenate([self._told, fresh])), now)
        parts = unpack(listed.identity)
        place = parts["lane"] * len(NICHES) + parts["niche"]
        awake, dead = listed.woke >= 0, listed.died >= 0

        def number(mask: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
            size = self._over.shape[0] * len(NICHES)
            counted = np.bincount(place[mask], weights, size)
            return np.rint(counted).astype(np.int64).reshape(self._over.shape[:2])

        self._over[..., WOKE] += number(awake & dead)
        self._over[..., DIED] += number(dead & ~awake)
        self._over[..., EXTINCT] += number(dead & awake)
        counted = self._over.copy()
        counted[..., WOKE] += number(awake & ~dead)
        counted[..., ASLEEP] = number(~awake & ~dead)
        counted[..., COLONIES] = number(awake & ~dead)
        counted[..., CELLS] = number(awake & ~dead, listed.cells[awake & ~dead])
        self._told, self._known = listed.identity[~dead], self._arrivals.count
        self._living = Listed(*(getattr(listed, name)[~dead] for name in Listed.__dataclass_fields__))
        self._look = now, counted
        return counted

    def remember(self, now: int, counted: np.ndarray) -> None:
        """Everybody is counted as of the end of every lane, (lanes, niches, quantities): no need to do it again."""
        self._look = now, counted

    @property
    def bytes(self) -> int:
        """Memory of what is kept of them."""
        return self._arrivals.column("packed").nbytes
