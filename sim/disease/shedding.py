"""Streams of shed events: one a source (the primary, or an organ's metastases) and kind (single cells or clusters).

Each stream draws under its own tag, so that a further one shifts nobody's draws. A cluster is one
event: it arrests, settles and sleeps as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import settling as settle
from sim.disease.birth_death import STEP_DAYS
from sim.disease.body import Routing, route, route_from_organ
from sim.names import NICHES

if TYPE_CHECKING:
    from sim.disease.primary import PrimaryTumour

CLUSTER_TAG = 16
PRIMARY_CODE = 0
MOST_SHED_PER_DAY, MOST_SHED = 1e17, 4e18
"""At 10^17 a double's steps (16) are far below a Poisson count's standard deviation; tallies are 64-bit integers."""


class Fates(NamedTuple):
    """Events that failed, of all streams, by lane: int64, (lanes,), (lanes, niches) and (lanes, niches)."""

    died_in_transit: np.ndarray
    died_on_arrival: np.ndarray
    inert: np.ndarray


class Stream:
    """Events from one source into the blood, and their tallies: int64, (lanes,) or (lanes, niches).

    `code` is 0 for the primary and 1 + niche for an organ's metastases; `cluster` says whether an event is a cluster;
    `rate` (lanes,) multiplies what its source sheds, `potential` (lanes,) the chance that an event can found a colony
    (None: as a single cell's of the primary; of metastases it follows their clones, week by week). Metastases shed once
    a week, with the week's size frozen. `has_shed`: something could be shed until now.
    """

    def __init__(
        self, code: int, routing: Routing, rate: np.ndarray, potential: np.ndarray | None = None, cluster: bool = False
    ):
        lanes = len(rate)
        shape = (lanes, len(NICHES))
        self.rate, self.potential = rate, np.ones(lanes) if potential is None else potential
        self.code, self.cluster, self.routing = code, cluster, routing
        self.tag = code + CLUSTER_TAG * cluster
        self.has_shed = code == PRIMARY_CODE
        self.today = np.zeros(lanes, dtype=np.int64)
        self.settled_today = np.zeros(shape, dtype=np.int64)
        self.shed = np.zeros(lanes, dtype=np.int64)
        self._places, self.places_today = np.empty(lanes * len(NICHES), dtype=np.int64), np.empty(0, dtype=np.int64)
        self.settled = np.zeros(shape, dtype=np.int64)
        self.died_in_transit = np.zeros(lanes, dtype=np.int64)
        self.died_on_arrival, self.inert = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self.failures = np.zeros(lanes, dtype=np.int64)
        self.expected, self.chance = np.zeros(lanes), np.zeros(shape)
        self.weights = (np.zeros(lanes), np.zeros(shape), np.zeros(shape))

    def sheds_on(self, day: int) -> bool:
        """The primary sheds every day, metastases on the first day of a week, for all of it."""
        return self.code == PRIMARY_CODE or day % STEP_DAYS == 0

    def expected_events(self, primary: np.ndarray, metastatic_surface: np.ndarray) -> np.ndarray:
        """Mean number of events on a day of shedding, (lanes,): from the primary's mean, or the metastases' surface."""
        if self.code == PRIMARY_CODE:
            return primary * self.rate
        return metastatic_surface[:, self.code - 1] * self.rate * STEP_DAYS

    def shed_events(
        self, key: np.uint64, patient: np.ndarray, living: np.ndarray, day: int, expected: np.ndarray
    ) -> None:
        """Events of this step in `living` lanes (numbers), Poisson with mean `expected` (lanes,)."""
        self.expected, self.has_shed = expected, True
        settle.shed_cells(key, patient, living, day, self.tag, expected, self.today, self.shed)

    def circulate(self, living: np.ndarray, viable: np.ndarray, competent: np.ndarray) -> None:
        """Chance that an event settles in each niche, in `living` lanes (numbers).

        `viable` (lanes, niches) is the probability that an arrested event survives, `competent` (lanes,)
        that a single cell of the primary can then found a colony (above one counts as one).
        """
        settle.circulate(
            living,
            self.expected,
            self.routing.arrest,
            self.routing.died_in_transit,
            viable,
            competent,
            self.potential,
            self.chance,
            *self.weights,
        )

    def settle_events(
        self, key: np.uint64, patient: np.ndarray, living: np.ndarray, day: int, settled: np.ndarray
    ) -> int:
        """Split the settled events off, and add them to `settled` (lanes, niches); returns how many there are."""
        number, count = settle.settle_cells(
            key,
            patient,
            living,
            day,
            self.tag,
            self.today,
            self.chance,
            self.settled_today,
            settled,
            self.settled,
            self.failures,
            self._places,
        )
        self.places_today = self._places[:count]
        return number


class Failures:
    """Events of all streams that failed: told apart by kind for all of them at once.

    `fates` are the tallies over all streams.
    """

    def __init__(self, streams: Sequence[Stream]):
        self._streams = streams
        lanes, shape = len(streams[0].rate), streams[0].chance.shape
        self.fates = Fates(*(np.zeros(size, dtype=np.int64) for size in (lanes, shape, shape)))
        count = len(streams)
        self._sources = np.array([stream.tag for stream in streams])
        self._failures = np.zeros((count, lanes), dtype=np.int64)
        self._weights = np.zeros((count, lanes)), np.zeros((count, *shape)), np.zeros((count, *shape))
        self._of_source = Fates(*(np.zeros((count, *fate.shape), dtype=np.int64) for fate in self.fates))
        for s, stream in enumerate(streams):
            stream.failures, stream.weights = self._failures[s], tuple(weight[s] for weight in self._weights)
            stream.died_in_transit, stream.died_on_arrival, stream.inert = (fate[s] for fate in self._of_source)

    def split(self, key: np.uint64, patient: np.ndarray, due: np.ndarray, day: int) -> None:
        """Tell by kind the events that failed since the last time, in the lanes that are due (bool)."""
        settle.split_failures_of_all(
            key,
            patient,
            due,
            day,
            self._sources,
            np.array([stream.has_shed for stream in self._streams]),
            self._failures,
            *self._weights,
            *self._of_source,
            *self.fates,
        )


def make_streams(parameters: LaneParameters, site_of_lane: Sequence[str] | np.ndarray) -> tuple[Stream, ...]:
    """The streams that some lane needs: single cells of the primary always, then clusters, then metastases."""
    p = parameters
    share, leaves = p["cluster_share"], 1.0 - p["self_seeding_share"]
    streams = [Stream(PRIMARY_CODE, route(p, site_of_lane), (1.0 - share) * leaves)]
    if share.any():
        gentle = p.replaced(death_per_pass=p["death_per_pass"] * p["cluster_transit_death_factor"])
        streams.append(
            Stream(PRIMARY_CODE, route(gentle, site_of_lane), share * leaves, p["cluster_potential"], cluster=True)
        )
    if p["secondary_shedding_factor"].any():
        rate = metastatic_shedding_per_day(p) * leaves
        for code, organ in enumerate(NICHES, start=1):
            streams.append(Stream(code, route_from_organ(p, organ), rate))
    return tuple(streams)


def metastatic_shedding_per_day(parameters: LaneParameters) -> np.ndarray:
    """Cells per day that a unit of metastatic surface sheds, (lanes,)."""
    return parameters["shedding_per_day"] * parameters["secondary_shedding_factor"]


def metastases_shed(surface: np.ndarray, burden_cells: np.ndarray, capacity_cells: np.ndarray) -> np.ndarray:
    """What an organ's metastases shed, in units of surface, (lanes, niches).

    The sum of cells^exponent, as long as an organ holds no more metastases than one at its capacity
    (lanes,), about a litre; beyond that only what a litre of them sheds. Nobody lives with much more, and
    before diagnosis, when nobody dies in this model, metastases would otherwise seed without bounds.
    """
    return surface / np.maximum(burden_cells / capacity_cells[:, None], 1.0)


def refuse_too_much_shedding(
    parameters: LaneParameters, shedding: np.ndarray, primary: PrimaryTumour, last_day: np.ndarray
) -> None:
    """Raises ValueError where a patient could shed more than can be drawn and counted exactly.

    `shedding` (lanes,) cells per day of a unit of surface; `primary` has `log_capacity` and `rate_per_day`.
    """
    p = parameters
    grown = primary.log_capacity * -np.expm1(-primary.rate_per_day * last_day)  # log cells at the end
    grown = np.where(p["self_seeding_share"] > 0.0, primary.log_capacity, grown)  # what returns speeds growth
    with np.errstate(over="ignore"):
        most = shedding * (1.0 + p["emt_shedding_gain"]) * np.exp(p["shedding_exponent"] * grown)
        in_all = most * last_day
    if np.any(most > MOST_SHED_PER_DAY) or np.any(in_all > MOST_SHED):
        raise ValueError(
            f"a primary could shed {most.max():.1e} cells a day, and {in_all.max():.1e} in all; the limits are "
            f"{MOST_SHED_PER_DAY:.0e} and {MOST_SHED:.0e}: lower shedding_per_day, site_shedding_factor, "
            "emt_shedding_gain or shedding_exponent"
        )
