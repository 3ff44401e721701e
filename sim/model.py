"""The model: a chunk of virtual patients, a day at a time, in one visible order.

`MetastasisModel` is a `mesa.Model`. The primary and every niche are `mesa.Agent`s that hold one value
a lane (a lane is one patient in one arm); the tumour cells are an array-backed agent set
(`model.cells`). Days count from the first malignant cell; `model.day` is our own counter.
"""

from __future__ import annotations

from collections.abc import Callable

import mesa
import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import colonise
from sim.disease import settling as settle
from sim.disease.birth_death import STEP_DAYS
from sim.disease.body import own_organ_factor
from sim.disease.cells import TumourCells
from sim.disease.colonies import ColonyLaw
from sim.disease.death import Mortality
from sim.disease.descent import COUNTED, NOT_TOLD, REMEMBERED, Descent
from sim.disease.doomed_records import CELLS
from sim.disease.doses import NO_RESISTANCE, Origin
from sim.disease.follow_up import FollowUp
from sim.disease.hosts import Hosts
from sim.disease.identity import COLONY_DAYS, MOST_LANES
from sim.disease.metastases import visible_by_niche
from sim.disease.niches import Niche
from sim.disease.primary import PrimaryTumour
from sim.disease.shedding import (
    PRIMARY_CODE,
    Failures,
    make_streams,
    metastases_shed,
    metastatic_shedding_per_day,
    refuse_too_much_shedding,
)
from sim.disease.signals import Rates, Signals
from sim.mechanisms import REGISTRY
from sim.names import DAYS_PER_YEAR, MICROMETASTASIS_CELLS, NEVER, NICHES
from sim.numerics import streams
from sim.observe import Observer
from sim.treatments.therapy import Given, Therapy, classes_of

DAY = ("treat", "signal", "grow", "shed", "circulate", "settle", "wake", "colonise", "die", "examine", "observe")
"""The order of a day. Rates are frozen at the state at its start."""


class MetastasisModel(mesa.Model):
    """A cohort's chunk of lanes, simulated together; no lane's course depends on another's.

    `hosts`: the patients; `parameters`: values by lane, with the nulls of mechanisms that are off already set;
    `horizon_days` and `visible_cells` (lanes,): follow-up after the reference day (so that arms end on the same day),
    and the size that makes a macrometastasis; `treatments`: plans with the lanes that get them; `doomed`: whether cells
    whose colonies die out can be asked for (nothing that they do changes a metastasis). Shapes are (lanes,) or (lanes,
    niches) throughout. Raises ValueError for more than 65,536 lanes, or more days than an identity holds.
    """

    def __init__(
        self,
        hosts: Hosts,
        parameters: LaneParameters,
        *,
        seed: int,
        horizon_days: float | np.ndarray,
        visible_cells: float | np.ndarray,
        output_every_days: int = 28,
        keep_seeds: bool = False,
        collect: bool = True,
        treatments: Given = (),
        doomed: bool = True,
    ):
        super().__init__(rng=int(seed) & 0xFFFFFFFF)
        lanes = len(hosts.patient)
        if not 0 < lanes < MOST_LANES:
            raise ValueError(f"a model holds 1 to {MOST_LANES - 1} lanes, not {lanes}; split the cohort into chunks")
        self.day = 0
        self.key = streams.seed_key(seed)
        self.hosts, self.parameters = hosts, parameters
        self.last_day = hosts.reference_day + np.ceil(np.broadcast_to(horizon_days, lanes)).astype(np.int64)
        if self.last_day.max() >= COLONY_DAYS:
            raise ValueError(f"follow-up would end on day {self.last_day.max()}: the limit is {COLONY_DAYS - 1}")
        self.visible_cells = np.array(np.broadcast_to(visible_cells, lanes), dtype=float)
        self.alive = np.ones(lanes, dtype=bool)
        self._was_alive = self.alive.copy()
        self._next_end_day = int(self.last_day.min())
        self.death_day = np.full(lanes, -1, dtype=np.int64)
        self.death_cause = np.full(lanes, -1, dtype=np.int64)
        self.resection_day = np.full(lanes, -1, dtype=np.int64)
        shape = (lanes, len(NICHES))

        self.primary = PrimaryTumour(self, hosts, parameters)
        self.niches = {organ: Niche(self, organ) for organ in NICHES}
        self.law = ColonyLaw(parameters, classes_of(treatments), hosts.metastasis_growth)
        self.cells = TumourCells(
            self.key, hosts.patient, parameters, self.law, int(self.last_day.max()), keep_seeds, doomed
        )
        told = COUNTED if doomed else NOT_TOLD
        if keep_seeds or self.law.classes > 1:
            told = REMEMBERED  # a seed's row names its parent, and a dose asks what the parent resisted
        self.descent = Descent(self.key, hosts, parameters, self.law, int(self.last_day.max()), told)
        self.follow_up = FollowUp(parameters, hosts, self.visible_cells)
        self.first_detected_day = self.follow_up.first_detected_day
        self._soil = parameters.by_niche("soil") * own_organ_factor(parameters, hosts.site)
        self._shedding = parameters["shedding_per_day"] * parameters.by_site("site_shedding_factor.{site}", hosts.site)
        self._competent = parameters["competent_share"] * hosts.frailty
        self.streams = make_streams(parameters, hosts.site)
        self._streams_today = [*self.streams]
        self._failures = Failures(self.streams)
        for stream in self.streams:
            if stream.code:
                stream.potential = self.descent.mean_potential[:, stream.code - 1]
        refuse_too_much_shedding(parameters, self._shedding, self.primary, self.last_day)
        self._returning = parameters["self_seeding_share"]
        self._metastatic_shedding = metastatic_shedding_per_day(parameters)
        self._some_return, self._metastases_shed = bool(self._returning.any()), bool(self._metastatic_shedding.any())
        self.burden_cells, self.young_cells, self.metastatic_surface, self.promising_cells_at_end = (
            np.zeros(shape) for _ in range(4)
        )
        self.small_metastases, self.large_metastases = (np.zeros(shape, dtype=np.int64) for _ in range(2))
        self._age_on_day_0 = hosts.age_years - hosts.reference_day / DAYS_PER_YEAR
        self.signals = Signals(self._age(), self.primary.cells, self.burden_cells, hosts)
        self.rates = Rates.base(lanes)
        self.mechanisms = tuple(mechanism for mechanism in REGISTRY.values() if not mechanism.is_null(parameters))
        for mechanism in self.mechanisms:
            mechanism.start(self.signals, parameters)
            if mechanism.constant:
                mechanism.act(self.rates, self.signals, parameters)
        self.rates.keep_as_morning()
        self._daily_mechanisms = tuple(mechanism for mechanism in self.mechanisms if not mechanism.constant)
        self.viable, self._able = np.zeros(shape), np.zeros(lanes)
        self._awake_today: list[np.ndarray] = []
        self.expected_shed = np.zeros(lanes)
        self.mortality = Mortality(
            parameters,
            hosts,
            streams.patient_uniforms(seed, hosts.patient, streams.DEATH_CAUSE),
        )
        self.therapy = Therapy(self, treatments, seed) if treatments else None
        if self.cells.doomed is not None:
            self.cells.doomed.origin = self._origin
        self.observer = Observer(self, output_every_days, collect)
        self._steps = tuple(getattr(self, name) for name in DAY)

    @property
    def energy_clock(self) -> np.ndarray:
        """Energy that a sleeper would have gathered by this morning, in days of reference feeding, (lanes, niches)."""
        return self.cells.sleepers.energy_clock

    @property
    def hazard_clock(self) -> np.ndarray:
        """Hazard of dying asleep, accumulated until this morning, (lanes, niches)."""
        return self.cells.sleepers.hazard_clock

    def _origin(self) -> Origin:
        """What kernels take to tell what a seed resists of birth."""
        return NO_RESISTANCE if self.cells.resistance is None else self.cells.resistance.origin

    def _age(self) -> np.ndarray:
        return self._age_on_day_0 + self.day / DAYS_PER_YEAR

    def step(self) -> None:
        """One day."""
        for action in self._steps:
            action()
        self.day += 1
        self.cells.morning = self.day

    def run(self, report: Callable[[int], object] | None = None) -> None:
        """Run until every lane is dead or censored; `report(day)` is called every 30 days if given."""
        while self.running:
            self.step()
            if report is not None and self.day % 30 == 0:
                report(self.day)

    # -- the day ---------------------------------------------------------------------------------

    def treat(self) -> None:
        """Doses and operations of this morning."""
        if self.therapy is not None:
            self.therapy.treat()

    def signal(self) -> None:
        """Advance the body's signals and let every mechanism act on today's rates."""
        self.signals.start_day(self._age(), self.primary.cells)
        self.rates.start_day()
        if self.therapy is not None:
            self.therapy.signal(self.signals)
        for mechanism in self._daily_mechanisms:
            mechanism.advance(self.signals, self.parameters)
            mechanism.act(self.rates, self.signals, self.parameters)
        if self.therapy is not None:
            self.therapy.hold(self.rates)

    def grow(self) -> None:
        """Expected shedding from today's size, then growth, and what comes back."""
        self.expected_shed = self._shedding * self.rates.now.shedding * self.primary.shedding_surface()
        self.primary.step()
        if self._some_return:
            shed = self.expected_shed + self._metastatic_shedding * self.metastatic_surface.sum(axis=1)
            self.primary.take_in(self._returning * shed, self.day)

    def shed(self) -> None:
        """Cells that enter the blood today."""
        self._streams_today = []
        for stream in self.streams:
            if stream.sheds_on(self.day):
                expected = stream.expected_events(self.expected_shed, self.metastatic_surface)
                if stream.code == PRIMARY_CODE or expected.any():  # else no organ of anybody sheds
                    stream.shed_events(self.key, self.hosts.patient, self.alive, self.day, expected)
                    self._streams_today.append(stream)

    def circulate(self) -> None:
        """Chance that a shed cell settles in each niche: arrest by the vessels, survival by today's soil."""
        settle.todays_chances(
            self._soil, self.rates.now.receptivity, self._competent, self.rates.now.competence, self.viable, self._able
        )
        for stream in self._streams_today:
            stream.circulate(self.alive, self.viable, self._able)

    def settle(self) -> None:
        """Split the settled cells off; the promising fall asleep or begin to cycle, the doomed are counted."""
        self.cells.sleepers.start_day(self.day, self.rates)
        if self.cells.doomed is not None:
            self.cells.doomed.note_rates(self.day, self.alive, self.rates)
        for stream in self._streams_today:
            new = stream.settle_events(self.key, self.hosts.patient, self.alive, self.day, self.cells.settled)
            if new:
                promising, doomed = self.cells.settle(stream, self.day, new)
                self.descent.note(stream, self.day, promising, doomed)
                awake = self.cells.place(promising, self.day, self.rates)
                if awake.size:
                    self._awake_today.append(awake)

    def wake(self) -> None:
        """Wake or bury the sleepers whose threshold the clocks pass today; advance the clocks."""
        woken = self.cells.wake(self.day, self.alive, self.rates)
        if self._awake_today:
            woken, self._awake_today = np.concatenate([*self._awake_today, woken]), []
        self.cells.begin_cycling(woken, self.day, self.rates.now.clearance)

    def colonise(self) -> None:
        """The evening of the small colonies; on the last day of a week measure the grown ones."""
        self.cells.end_day(self.alive, self.day, self.rates.now.clearance)
        if self.day % STEP_DAYS == STEP_DAYS - 1:
            if self.therapy is not None:
                self.therapy.after_week()
            self.measure()

    def promising_cells(self, now: int, lanes: np.ndarray) -> np.ndarray:
        """Cells of promising colonies below 10^6 cells on a morning, (lanes, niches), zero outside `lanes` (bool).

        Those that grow deterministically are as of the last week's end, as the metastases are.
        """
        total = np.where(lanes[:, None], self.young_cells, 0.0)
        self.cells.small.sizes(now, lanes, total)
        return total

    @property
    def cycling_cells(self) -> np.ndarray:
        """Cells of all colonies below 10^6 cells this morning, (lanes, niches); ended lanes as of their end."""
        total = np.where(
            self.alive[:, None], self.promising_cells(self.cells.morning, self.alive), self.promising_cells_at_end
        )
        return total + self.cells.known_doomed.tallies(self.cells.morning)[..., CELLS]

    def visible_metastases(self, lanes: np.ndarray) -> np.ndarray:
        """Metastases that imaging would see this morning in some lanes (bool), (lanes, niches); zero in the others."""
        return visible_by_niche(self.cells, self.law, self.day, lanes, self.parameters["imaging_threshold_cells"])

    def measure(self) -> None:
        """Sizes and counts of grown colonies by niche at the end of today."""
        for array in (self.young_cells, self.burden_cells, self.small_metastases, self.large_metastases):
            array[self.alive] = 0
        grown = self.cells.grown
        colonise.grown_by_niche(
            self.day + 1.0,
            grown.count,
            grown.identity,
            grown.start_day,
            grown.start_log_cells,
            grown.delay_days,
            grown.pace,
            self.law.early_rate_per_day,
            self.law.limit_log_cells,
            self.law.limit_gap,
            self.law.gompertz_per_day,
            self.alive,
            np.log(MICROMETASTASIS_CELLS),
            np.log(self.visible_cells),
            self.young_cells,
            self.small_metastases,
            self.large_metastases,
            self.burden_cells,
        )
        if self._metastases_shed:
            self.descent.weigh(grown, self.law, self.alive, self.day + 1)
            self.metastatic_surface = metastases_shed(
                self.descent.surface, self.burden_cells, self.parameters["metastasis_capacity_cells"]
            )
        self.mortality.measure(self.burden_cells)

    def die(self) -> None:
        """Death (see `sim.disease.death`)."""
        if self.day < self.mortality.first_day:
            return
        dead, cause = self.mortality.day(self.day, self.alive, self.signals.age_years, self.signals.primary_cells)
        if dead.size:
            self.death_day[dead], self.death_cause[dead], self.last_day[dead] = self.day, cause, self.day
            self.alive[dead] = False
            self._lanes_end(dead, self.day + 1)
            self._next_end_day = self.day

    def end(self, lanes: np.ndarray) -> None:
        """Let these lanes (bool) leave with the next evening."""
        self.last_day[lanes] = self.day
        self._next_end_day = min(self._next_end_day, self.day)

    def examine(self) -> None:
        """What patients and doctors find by the morning of tomorrow (see `sim.disease.follow_up`)."""
        now = self.day + 1
        if now % STEP_DAYS == 0:
            burden = self.burden_cells, self.mortality.burden
            self.follow_up.week(now, self.alive, self.large_metastases, *burden, self.cells, self.law)
        if self.follow_up.has_visits:
            visits = self.follow_up.visits(now) & self.alive & (now <= self.last_day)
            if visits.any():
                self.follow_up.image(now, visits, self.cells, self.law)

    def observe(self) -> None:
        """Recorders read the state at the end of the day; then follow-up ends where it is over."""
        now = self.cells.morning = self.day + 1
        someone_ends = now >= self._next_end_day
        if not someone_ends and not self.observer.is_due(now):
            return
        ends = self._was_alive & (now >= self.last_day)
        due = self.observer.due(now) | ends
        self._failures.split(self.key, self.hosts.patient, due, now)
        self.observer.record(now)
        if someone_ends:
            self._lanes_end(np.flatnonzero(self.alive & ends), now)
            self.alive &= ~ends
            self._was_alive = self.alive.copy()
            self._next_end_day = int(self.last_day[self.alive].min(initial=NEVER))
            self.running = bool(self.alive.any())

    def _lanes_end(self, lanes: np.ndarray, morning: int) -> None:
        """The course of these lanes (numbers) is over on a morning."""
        chosen = np.zeros(len(self.alive), dtype=bool)
        chosen[lanes] = True
        self.promising_cells_at_end[lanes] = self.promising_cells(morning, chosen)[lanes]
        self.cells.small.lane_ended()
        if self.cells.doomed is not None:
            self.cells.doomed.last_morning[lanes] = morning

    # -- tallies over all streams ----------------------------------------------------------------

    def _sum(self, name: str) -> np.ndarray:
        total = getattr(self.streams[0], name)
        for stream in self.streams[1:]:
            if stream.has_shed:
                total = total + getattr(stream, name)
        return total

    @property
    def shed_total(self) -> np.ndarray:
        """Events shed into the blood so far, (lanes,)."""
        return self._sum("shed")

    @property
    def failures(self) -> np.ndarray:
        """Events that failed and are not yet told by kind, (lanes,)."""
        return self._sum("failures")

    @property
    def died_in_transit(self) -> np.ndarray:
        """Events that died in the blood, (lanes,)."""
        return self._failures.fates.died_in_transit

    @property
    def died_on_arrival(self) -> np.ndarray:
        """Events that were arrested and died there, (lanes, niches)."""
        return self._failures.fates.died_on_arrival

    @property
    def inert(self) -> np.ndarray:
        """Events that survived arrest and can found no colony, (lanes, niches)."""
        return self._failures.fates.inert
