"""The model: a chunk of virtual patients, a day at a time, in one visible order.

`MetastasisModel` is a `mesa.Model`. The primary and every niche are `mesa.Agent`s that hold one value
a lane (a lane is one patient in one arm); the tumour cells are an array-backed agent set
(`model.cells`). Days count from the first malignant cell; `model.day` is our own counter.
"""

from __future__ import annotations

import mesa
import numpy as np

from sim import streams
from sim.body import own_organ_factor, route
from sim.cells import TumourCells
from sim.cohort import Hosts
from sim.growth import gap_at_nodes, gompertz_rate_per_day, power_integral_over_day
from sim.kernels import colonise, settle, sleep
from sim.kernels.identity import COLONY_DAYS, MOST_INDEX, MOST_LANES
from sim.mechanisms import REGISTRY
from sim.names import MICROMETASTASIS_CELLS, NICHES
from sim.observe import Observer
from sim.parameters import LaneParameters
from sim.rates import Rates, Signals

DAY = ("signal", "grow", "shed", "circulate", "settle", "wake", "colonise", "die", "observe")
"""The order of a day. Rates are frozen at the state at its start."""

DAYS_PER_YEAR = 365.25
HEADROOM = 1.25
NEVER = 2**31
MOST_SHED_PER_DAY, MOST_SHED = 1e17, 4e18
"""At 10^17 a double's steps (16) are far below a Poisson count's standard deviation; tallies are 64-bit integers."""
_BURDEN_UNIT_CELLS = 1e11  # the catalogue states hazards of death for this many cells
PRIMARY_SOURCE = 0


class PrimaryTumour(mesa.Agent):
    """The primary of every lane: Gompertz growth, arrays of shape (lanes,)."""

    def __init__(self, model, hosts: Hosts, parameters: LaneParameters):
        super().__init__(model)
        self.log_capacity = np.log(parameters["primary_capacity_cells"])
        self.rate_per_day = parameters["primary_gompertz_per_day"] * hosts.growth_factor
        self.exponent = parameters["shedding_exponent"]
        self.gap = self.log_capacity.copy()  # log(capacity / cells); one cell on day 0
        self._shrink, self._shrunk = np.exp(-self.rate_per_day), gap_at_nodes(self.rate_per_day)

    @property
    def cells(self) -> np.ndarray:
        """Cells at the start of the day, (lanes,)."""
        return np.exp(self.log_capacity - self.gap)

    def shedding_surface(self) -> np.ndarray:
        """Integral of cells^exponent over today, (lanes,)."""
        return power_integral_over_day(self.log_capacity, self.gap, self._shrunk, self.exponent)

    def step(self) -> None:
        """Grow by a day, exactly."""
        self.gap = self.gap * self._shrink


class Niche(mesa.Agent):
    """One organ as soil, in every lane: views of the model's columns, each of shape (lanes,)."""

    def __init__(self, model, organ: str):
        super().__init__(model)
        self.organ = organ
        self._column = NICHES.index(organ)

    def _of(self, array: np.ndarray) -> np.ndarray:
        return array[:, self._column]

    @property
    def settled(self) -> np.ndarray:
        """Competent cells that ever settled here."""
        return self._of(self.model.cells.settled)

    @property
    def sleeping(self) -> np.ndarray:
        """Cells asleep here now."""
        return self._of(self.model.cells.sleeping)

    @property
    def colonies(self) -> np.ndarray:
        """Small colonies here now, lone cycling cells among them."""
        return self._of(self.model.cells.colonies)

    @property
    def micrometastases(self) -> np.ndarray:
        """Metastases below the detection threshold, as of the last weekly step."""
        return self._of(self.model.small_metastases)

    @property
    def macrometastases(self) -> np.ndarray:
        """Metastases above the detection threshold, as of the last weekly step."""
        return self._of(self.model.large_metastases)

    @property
    def burden_cells(self) -> np.ndarray:
        """Cells of all grown colonies, as of the last weekly step."""
        return self._of(self.model.burden_cells)

    @property
    def receptivity(self) -> np.ndarray:
        """Today's probability that an arrested cell survives and extravasates here."""
        return self._of(self.model.viable)


class MetastasisModel(mesa.Model):
    """A cohort's chunk of lanes, simulated together; no lane's course depends on another's.

    `hosts`: the patients; `parameters`: values by lane, with the nulls of mechanisms that are off
    already set; `horizon_days` and `visible_cells` (lanes,): follow-up after diagnosis, and the size
    that makes a macrometastasis. Shapes are (lanes,) or (lanes, niches) throughout.
    Raises ValueError for more than 65,536 lanes, or more days than an identity holds.
    """

    def __init__(self, hosts: Hosts, parameters: LaneParameters, *, seed: int, horizon_days, visible_cells,
                 output_every_days: int = 28, keep_seeds: bool = False, collect: bool = True):
        super().__init__(rng=int(seed) & 0xFFFFFFFF)
        lanes = len(hosts.patient)
        if not 0 < lanes < MOST_LANES:
            raise ValueError(f"a model holds 1 to {MOST_LANES - 1} lanes, not {lanes}; split the cohort into chunks")
        self.day = 0
        self.key = streams.seed_key(seed)
        self.hosts, self.parameters = hosts, parameters
        self.last_day = hosts.diagnosis_day + np.ceil(np.broadcast_to(horizon_days, lanes)).astype(np.int64)
        if self.last_day.max() >= COLONY_DAYS:
            raise ValueError(f"follow-up would end on day {self.last_day.max()}: the limit is {COLONY_DAYS - 1}")
        self.visible_cells = np.array(np.broadcast_to(visible_cells, lanes), dtype=float)
        self.alive = np.ones(lanes, dtype=bool)
        self._was_alive = self.alive.copy()
        self._next_end_day = int(self.last_day.min())
        self.death_day = np.full(lanes, -1, dtype=np.int64)
        self.death_cause = np.full(lanes, -1, dtype=np.int64)
        shape = (lanes, len(NICHES))

        self.primary = PrimaryTumour(self, hosts, parameters)
        self.niches = {organ: Niche(self, organ) for organ in NICHES}
        self.cells = TumourCells(hosts.patient, parameters, int(self.last_day.max()), keep_seeds)
        self.routing = route(parameters, hosts.site)
        self._soil = parameters.by_niche("soil") * own_organ_factor(parameters, hosts.site)
        self._shedding = parameters["shedding_per_day"] * parameters.by_site("site_shedding_factor.{site}", hosts.site)
        self.competent = np.minimum(parameters["competent_share"] * hosts.frailty, 1.0)
        self._refuse_too_much_shedding()
        self._age_on_day_0 = hosts.age_years - hosts.diagnosis_day / DAYS_PER_YEAR
        self.signals = Signals(self._age(), self.primary.cells)
        for mechanism in REGISTRY.values():
            mechanism.start(self.signals, parameters)
        self._base_rates = Rates.base(lanes)
        self.rates = self._base_rates.copy()
        self.viable = np.zeros(shape)

        self.energy_clock, self.hazard_clock = np.zeros(shape), np.zeros(shape)
        self._energy_promise, self._hazard_promise = np.zeros(shape), np.zeros(shape)
        self._first_promise = True
        self._week_growth = np.ones((colonise.STEP_DAYS + 1, *shape))
        self._week_spread = np.zeros((colonise.STEP_DAYS + 1, *shape))
        self._day_terms = tuple(np.full(shape, np.nan) for _ in range(4))
        self._set_growth_law()
        self.expected_shed = np.zeros(lanes)
        self.shed_today = np.zeros(lanes, dtype=np.int64)
        self.settled_today = np.zeros(shape, dtype=np.int64)
        self.shed_total = np.zeros(lanes, dtype=np.int64)
        self.failures = np.zeros(lanes, dtype=np.int64)
        self._weights = (np.zeros(lanes), np.zeros(shape), np.zeros(shape))
        self.died_in_transit = np.zeros(lanes, dtype=np.int64)
        self.died_on_arrival, self.inert = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self.cycling_cells, self.burden_cells = np.zeros(shape), np.zeros(shape)
        self.small_metastases, self.large_metastases = (np.zeros(shape, dtype=np.int64) for _ in range(2))
        self.hazard = np.zeros(lanes)
        self._death_uniform = streams.patient_uniforms(seed, hosts.patient, streams.DEATH_CAUSE)
        self._burden_weight = parameters.by_niche("burden_weight")
        self._weighted_burden = np.zeros(lanes)
        self._first_diagnosis_day = int(hosts.diagnosis_day.min())
        self.observer = Observer(self, output_every_days, collect)
        self._steps = tuple(getattr(self, name) for name in DAY)

    def _refuse_too_much_shedding(self) -> None:
        """Raises ValueError where a patient could shed more than can be drawn and counted exactly."""
        p = self.parameters
        grown = self.primary.log_capacity * -np.expm1(-self.primary.rate_per_day * self.last_day)  # log cells at the end
        with np.errstate(over="ignore"):
            most = self._shedding * (1.0 + p["emt_shedding_gain"]) * np.exp(p["shedding_exponent"] * grown)
            in_all = most * self.last_day
        if np.any(most > MOST_SHED_PER_DAY) or np.any(in_all > MOST_SHED):
            raise ValueError(
                f"a primary could shed {most.max():.1e} cells a day, and {in_all.max():.1e} in all; the limits are "
                f"{MOST_SHED_PER_DAY:.0e} and {MOST_SHED:.0e}: lower shedding_per_day, site_shedding_factor, "
                "emt_shedding_gain or shedding_exponent")

    def _set_growth_law(self) -> None:
        p = self.parameters
        limit, capacity = p["avascular_limit_cells"], p["metastasis_capacity_cells"]
        self.limit_log_cells = np.log(limit)
        self.limit_gap = np.log(capacity) - self.limit_log_cells
        self.gompertz_per_day = p["metastasis_gompertz_per_day"]
        self.early_rate_per_day = gompertz_rate_per_day(limit, capacity, self.gompertz_per_day)
        birth = np.maximum(p["cycling_birth_per_day"], self.early_rate_per_day)
        shape = (len(limit), len(NICHES))
        self.birth = np.ascontiguousarray(np.broadcast_to(birth[:, None], shape))
        self.death = np.ascontiguousarray(np.broadcast_to((birth - self.early_rate_per_day)[:, None], shape))
        certain = (2.0 * birth - self.early_rate_per_day) / self.early_rate_per_day / p["colony_noise"] ** 2
        certain = np.clip(np.ceil(certain), 1, np.minimum(limit, MICROMETASTASIS_CELLS)).astype(np.int64)
        self.certain_cells = np.ascontiguousarray(np.broadcast_to(certain[:, None], shape))

    def _age(self) -> np.ndarray:
        return self._age_on_day_0 + self.day / DAYS_PER_YEAR

    def step(self) -> None:
        """One day."""
        for action in self._steps:
            action()
        self.day += 1

    def run(self, report=None) -> None:
        """Run until every lane is dead or censored; `report(day)` is called every 30 days if given."""
        while self.running:
            self.step()
            if report is not None and self.day % 30 == 0:
                report(self.day)

    # -- the day ---------------------------------------------------------------------------------

    def signal(self) -> None:
        """Advance the body's signals and let every mechanism act on today's rates."""
        self.signals.age_years, self.signals.primary_cells = self._age(), self.primary.cells
        self.rates = self._base_rates.copy()
        for mechanism in REGISTRY.values():
            mechanism.advance(self.signals, self.parameters)
            mechanism.act(self.rates, self.signals, self.parameters)

    def grow(self) -> None:
        """Expected shedding from today's size, then growth."""
        self.expected_shed = self._shedding * self.rates.shedding * self.primary.shedding_surface()
        self.primary.step()

    def shed(self) -> None:
        """Cells that enter the blood today."""
        settle.shed_cells(self.key, self.hosts.patient, self.alive, self.day, PRIMARY_SOURCE, self.expected_shed,
                          self.shed_today, self.shed_total)

    def circulate(self) -> None:
        """Chance that a shed cell settles in each niche: arrest by the vessels, survival by today's soil."""
        self.viable = np.minimum(self._soil * self.rates.receptivity, 1.0)
        self._chance = self.routing.arrest * self.viable * self.competent[:, None]
        settle.add_intensity(self.alive, self.expected_shed, self.routing.arrest, self.routing.died_in_transit,
                             self.viable, self.competent, *self._weights)

    def settle(self) -> None:
        """Split the settled cells off; some fall asleep, the others begin to cycle."""
        new = settle.settle_cells(self.key, self.hosts.patient, self.alive, self.day, PRIMARY_SOURCE,
                                  self.shed_today, self._chance, self.settled_today, self.cells.settled,
                                  self.failures)
        self._keep_promises()
        if new:
            self._place(new)

    def _place(self, new: int) -> None:
        p, cells = self.parameters, self.cells
        if new >= MOST_INDEX and self.settled_today.max() >= MOST_INDEX:
            raise ValueError(f"over {MOST_INDEX} competent cells settled in one niche in a day; "
                             "competent_share x shedding is out of all bounds")
        cells.calendar.reserve(new)
        awake = np.empty(new, dtype=np.uint64)
        log = np.empty((new if cells.keep_seeds else 0, 2), dtype=np.uint64)
        n_awake = sleep.place_cells(
            self.key, self.hosts.patient, self.day, cells.calendar.last, PRIMARY_SOURCE, self.settled_today,
            self.rates.sleep, p["dormancy_narrow_share"], p["dormancy_narrow_scale_days"], p["dormancy_narrow_shape"],
            p["dormancy_broad_scale_days"], p["dormancy_broad_shape"], self.energy_clock + self.rates.feeding,
            self.hazard_clock + self.rates.sleeper_death, self._energy_promise, self._hazard_promise,
            cells.sleeping, *cells.calendar.arrays, awake, cells.woke, log)
        if cells.keep_seeds:
            cells.seeds.append(identity=log[:, 0], coded_threshold=log[:, 1])
        self._begin_cycling(awake[:n_awake])

    def _begin_cycling(self, identity: np.ndarray) -> None:
        if len(identity):
            self.cells.small.append(cells=1, identity=identity, since=self.day + 1, woke=self.day)
            colonise.count_colonies(identity, self.cells.colonies)

    def _keep_promises(self) -> None:
        """File sleepers anew where a clock runs faster than was promised to them."""
        headroom = 1.0 if self._first_promise else HEADROOM
        broken = sleep.renew_promises(self.rates.feeding, self.rates.sleeper_death, self._energy_promise,
                                      self._hazard_promise, headroom)
        if broken and not self._first_promise:
            self.cells.file_sleepers_again(self.day, self.energy_clock, self.hazard_clock, self._energy_promise,
                                           self._hazard_promise)
        self._first_promise = False

    def wake(self) -> None:
        """Wake or bury the sleepers whose threshold the clocks pass today; advance the clocks."""
        cells, calendar = self.cells, self.cells.calendar
        due = calendar.due(self.day)
        if due:
            calendar.reserve(due)
            woken, died = np.empty(due, dtype=np.uint64), np.empty(due, dtype=np.uint64)
            n_woken, n_died = sleep.wake_cells(
                self.day, calendar.last, self.alive, self.energy_clock, self.rates.feeding, self.hazard_clock,
                self.rates.sleeper_death, self._energy_promise, self._hazard_promise, cells.sleeping, cells.woke,
                cells.died_asleep, *calendar.arrays, woken, died)
            # The calendar's order depends on who else is in the chunk; sums over a patient's colonies must not.
            woken = np.sort(woken[:n_woken])
            self._begin_cycling(woken)
            cells.note(died[:n_died], self.day, sleep.DIED)
            cells.note(woken, self.day, sleep.WOKE)
        self.energy_clock += self.rates.feeding
        self.hazard_clock += self.rates.sleeper_death

    def colonise(self) -> None:
        """Compose today into the week; on its last day step the small colonies and measure the grown ones."""
        position = self.day % colonise.STEP_DAYS
        colonise.advance_week(position, self.birth, self.death, *self._day_terms, self._week_growth, self._week_spread)
        if position == colonise.STEP_DAYS - 1:
            self.cells.step_colonies(self.key, self.alive, self.day, self._week_growth, self._week_spread,
                                     self.certain_cells)
            self.measure()

    def measure(self) -> None:
        """Sizes and counts by niche at the end of today."""
        for array in (self.cycling_cells, self.burden_cells, self.small_metastases, self.large_metastases):
            array[self.alive] = 0
        small, grown = self.cells.small, self.cells.grown
        colonise.cells_by_niche(small.count, small.cells, small.identity, self.alive, self.cycling_cells)
        colonise.grown_by_niche(
            self.day + 1.0, grown.count, grown.identity, grown.start_day, grown.start_log_cells,
            self.early_rate_per_day, self.limit_log_cells, self.limit_gap, self.gompertz_per_day, self.alive,
            np.log(MICROMETASTASIS_CELLS), np.log(self.visible_cells), self.cycling_cells, self.small_metastases,
            self.large_metastases, self.burden_cells)
        self._weighted_burden = (self._burden_weight * self.burden_cells).sum(axis=1)

    def die(self) -> None:
        """Death after diagnosis: other causes by age, the primary's burden, the metastases' burden.

        The burdens are those of the start of the day (the metastases' of the last weekly step).
        """
        p = self.parameters
        if self.day < self._first_diagnosis_day:
            return
        at_risk = self.alive & (self.day >= self.hosts.diagnosis_day)
        if at_risk.any():
            other = p["other_cause_death_per_year_at_70"] / DAYS_PER_YEAR * np.exp(
                p["other_cause_death_growth_per_year"] * (self.signals.age_years - 70.0))
            primary = p["primary_death_per_day"] * self.signals.primary_cells / _BURDEN_UNIT_CELLS
            metastatic = p["metastatic_death_per_day"] * self._weighted_burden / _BURDEN_UNIT_CELLS
            total = other + primary + metastatic
            self.hazard = self.hazard + np.where(at_risk, total, 0.0)
            dead = at_risk & (self.hazard >= self.hosts.death_threshold)
            share = self._death_uniform * total
            cause = (share >= other).astype(np.int64) + (share >= other + primary)
            self.death_day[dead], self.death_cause[dead] = self.day, cause[dead]
            self.last_day[dead] = self.day
            self.alive &= ~dead
            if dead.any():
                self._next_end_day = self.day

    def observe(self) -> None:
        """Recorders read the state at the end of the day; then follow-up ends where it is over."""
        now = self.day + 1
        someone_ends = now >= self._next_end_day
        if not someone_ends and not self.observer.is_due(now):
            return
        ends = self._was_alive & (now >= self.last_day)
        due = self.observer.due(now) | ends
        settle.split_failures(self.key, self.hosts.patient, due, now, PRIMARY_SOURCE, self.failures,
                              *self._weights, self.died_in_transit, self.died_on_arrival, self.inert)
        self.observer.record(now)
        if someone_ends:
            self.alive &= ~ends
            self._was_alive = self.alive.copy()
            self._next_end_day = int(self.last_day[self.alive].min(initial=NEVER))
            self.running = bool(self.alive.any())
