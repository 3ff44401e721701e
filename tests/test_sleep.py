"""Scheduled sleep: the calendar gives the days that a plain daily scan of thresholds gives, at a few looks a cell."""

import math

import numpy as np
import pytest
from numba import njit
from scipy import stats
from statistics_helpers import assert_counts, assert_follows, chi_square_p, ks_distance, ks_limit, FALSE_ALARM
from virtual_patients import NOTHING_ACTS, PINNED, off, plain_model

from sim import theory
from sim.kernels import sleep
from sim.kernels.identity import unpack
from sim.model import MetastasisModel
from sim.names import NICHES
from sim.streams import ASLEEP_DEATH, SLEEP, THRESHOLD, days_word, tag_word, uniforms

NARROW = (PINNED["dormancy_narrow_scale_days"], PINNED["dormancy_narrow_shape"])
BROAD = (PINNED["dormancy_broad_scale_days"], PINNED["dormancy_broad_shape"])
HAZARD = PINNED["sleeper_death_per_day"]
NEVER = 10**9


def law(energy):
    return theory.threshold_survival(energy, PINNED["dormancy_narrow_share"], NARROW, BROAD)


class Recorded(MetastasisModel):
    """Remembers the clocks' advances of every day, and counts the sleepers that a broken promise files anew."""

    def __init__(self, *arguments, **keywords):
        self.feeding_by_day, self.hazard_by_day, self.filed_again, self.passes = [], [], 0, 0
        super().__init__(*arguments, **keywords)
        file_again = self.cells.file_sleepers_again

        def counted(*rest):
            self.filed_again += int(self.cells.sleeping.sum())
            self.passes += 1
            file_again(*rest)

        self.cells.file_sleepers_again = counted

    def change(self):
        """A mechanism of the test's own acts on today's rates."""

    def signal(self):
        super().signal()
        self.change()
        self.feeding_by_day.append(self.rates.feeding.copy())
        self.hazard_by_day.append(self.rates.sleeper_death.copy())


def weather(lane, niche, day, low, high):
    """A factor for every lane, niche and day, between `low` and `high`; smooth in some niches, rough in others."""
    smooth = 0.5 + 0.5 * np.sin(day / (5.0 + 9.0 * niche) + lane)
    rough = (np.sin(12.9898 * (day + 7 * lane) + 78.233 * niche) * 43758.5453) % 1.0
    return low * (high / low) ** np.where(niche % 2 == 0, smooth, rough)


class Weather(Recorded):
    """Feeding and the hazard of dying asleep change every day by up to a factor of four, by lane and niche."""

    def change(self):
        lane, niche = np.meshgrid(np.arange(len(self.alive)), np.arange(len(NICHES)), indexing="ij")
        self.rates.feeding *= weather(lane, niche, self.day, 0.5, 2.0)
        self.rates.sleeper_death *= weather(lane, niche, self.day + 1000, 0.5, 2.0)


class Inflamed(Recorded):
    """Quiet for forty days, then feeding at five times the rate: every promise breaks."""

    def change(self):
        if self.day >= 40:
            self.rates.feeding *= 5.0
        if self.day == 70:
            self.rates.sleeper_death += 0.3


class Interrupted(Recorded):
    """Some niches do not feed for a while, one never does."""

    def change(self):
        self.rates.feeding[:, 2] = 0.0
        if 20 <= self.day < 60:
            self.rates.feeding[:, :2] = 0.0


class Unkept(Weather):
    """The broken variant: promises are made once and never renewed."""

    def _keep_promises(self):
        if self._first_promise:
            super()._keep_promises()


def run(kind, *, lanes=6, days=150, **overrides):
    settings = {**NOTHING_ACTS, "sleep_probability": 0.8, "competent_share": 0.02, **overrides}
    model = plain_model(lanes, days, seed=9, model=kind, keep_seeds=True, **settings)
    model.run()
    return model


@njit
def drawn(key, patient, day, index, niche, share, narrow_scale, narrow_shape, broad_scale, broad_shape, energy, life):
    """Thresholds of cells that sleep, from their keys: written apart from `place_cells`."""
    for i in range(day.size):
        days = days_word(day[i], 0)
        which = uniforms(key, patient[i], index[i], days, tag_word(SLEEP, niche[i], 0))[1]
        u = uniforms(key, patient[i], index[i], days, tag_word(THRESHOLD, niche[i], 0))[0]
        if which < share:
            energy[i] = narrow_scale * (-math.log(u)) ** (1.0 / narrow_shape)
        else:
            energy[i] = broad_scale * (-math.log(u)) ** (1.0 / broad_shape)
        life[i] = -math.log(uniforms(key, patient[i], index[i], days, tag_word(ASLEEP_DEATH, niche[i], 0))[0])


def daily_scan(model):
    """Every sleeper's end by looking at every sleeper on every day: {identity: (day, fate)}, and their number."""
    identity = model.cells.seeds.column("identity")
    asleep = model.cells.seeds.column("coded_threshold") % np.uint64(2) == 1
    identity = identity[asleep]
    cell = unpack(identity)
    energy, life = np.empty(len(identity)), np.empty(len(identity))
    drawn(model.key, model.hosts.patient[cell["lane"]], cell["day"], cell["index"], cell["niche"],
          PINNED["dormancy_narrow_share"], *NARROW, *BROAD, energy, life)  # fmt: skip
    where = cell["lane"], cell["niche"]
    fates, ended = {}, np.zeros(len(identity), dtype=bool)
    energy_clock = hazard_clock = np.zeros(model.cells.settled.shape)
    for day in range(len(model.feeding_by_day)):
        feeding, hazard = model.feeding_by_day[day], model.hazard_by_day[day]
        # A cell that arrived today starts at the end of the day.
        energy_left, hazard_left = energy - energy_clock[where], life - hazard_clock[where]
        scanned = ~ended & (cell["day"] < day)
        wakes, dies = scanned & (energy_left <= feeding[where]), scanned & (hazard_left <= hazard[where])
        both = wakes & dies
        first = energy_left * hazard[where] <= hazard_left * feeding[where]
        wakes, dies = wakes & ~(both & ~first), dies & ~(both & first)
        for end, fate in ((wakes, sleep.WOKE), (dies, sleep.DIED)):
            fates.update({int(i): (day, fate) for i in identity[end]})
            ended |= end
        energy_clock, hazard_clock = energy_clock + feeding, hazard_clock + hazard
        today = cell["day"] == day
        energy = np.where(today, energy_clock[where] + energy, energy)
        life = np.where(today, hazard_clock[where] + life, life)
    return fates, len(identity)


def recorded_fates(model):
    """{identity: (day, fate)} of sleepers: ends of colonies, which are noted as deaths too, are left out."""
    fates = model.cells.fates
    out = {}
    for identity, day, fate in zip(fates.column("identity").tolist(), fates.column("day").tolist(), fates.column("fate").tolist(), strict=True):
        out.setdefault(identity, (day, fate))
    awake = model.cells.seeds.column("coded_threshold") % np.uint64(2) == 0
    for identity in model.cells.seeds.column("identity")[awake].tolist():
        out.pop(identity, None)
    return out


@pytest.mark.parametrize("kind", [Recorded, Weather, Inflamed, Interrupted])
def test_every_cell_ends_on_the_day_of_a_daily_scan(kind):
    model = run(kind)
    expected, sleepers = daily_scan(model)
    assert recorded_fates(model) == expected
    fates = [fate for _, fate in expected.values()]
    assert sleepers > 8000 and min(fates.count(sleep.WOKE), fates.count(sleep.DIED)) > 300
    assert model.cells.sleeping.sum() == sleepers - len(expected)
    assert sorted(model.cells.calendar.records().tolist()) == sorted(
        set(model.cells.seeds.column("identity")[model.cells.seeds.column("coded_threshold") % np.uint64(2) == 1].tolist()) - set(expected))


def test_a_promise_that_is_not_renewed_is_noticed():
    model = run(Unkept)
    expected, _ = daily_scan(model)
    found = recorded_fates(model)
    late = [identity for identity in expected if found.get(identity, (NEVER, 0))[0] > expected[identity][0]]
    assert found != expected and len(late) > 50


def test_a_broken_promise_files_everybody_once():
    model = run(Inflamed)
    assert model.passes == 2, "one pass for the feeding, one for the pulse"


def test_thresholds_and_the_share_that_sleeps():
    """The logged thresholds of 40,000 sleepers against the mixture of two Weibull laws."""
    model = run(Recorded, lanes=20, days=130)
    coded = model.cells.seeds.column("coded_threshold")
    asleep = coded % np.uint64(2) == 1
    assert_counts([asleep.sum(), (~asleep).sum()], len(coded) * np.array([0.8, 0.2]))
    assert asleep.sum() > 40_000
    middle = (coded[asleep] // np.uint64(2) + 0.5) / 1024.0  # the log keeps whole 1/1024 days
    assert_follows(middle, lambda x: 1 - law(x))
    assert np.all(coded[~asleep] == 0)
    wrong = theory.threshold_survival(np.sort(middle), PINNED["dormancy_narrow_share"], NARROW, (BROAD[0], 1.1))
    assert np.abs(1 - wrong - np.arange(1, len(middle) + 1) / len(middle)).max() > ks_limit(len(middle)), "a shape of 1.1 is noticed"


def observed_fates(model, last_arrival: int, days: int):
    """Sleepers that arrived up to `last_arrival`, by days asleep: counts of woke and died (days,), and still asleep."""
    seeds = model.cells.seeds
    identity = seeds.column("identity")[seeds.column("coded_threshold") % np.uint64(2) == 1]
    identity = identity[unpack(identity)["day"] <= last_arrival]
    ends = recorded_fates(model)
    woke, died = np.zeros(days, dtype=int), np.zeros(days, dtype=int)
    for one, arrived in zip(identity.tolist(), unpack(identity)["day"].tolist(), strict=True):
        day, fate = ends.get(one, (NEVER, 0))
        waited = day - arrived - 1
        if waited < days:
            (woke if fate == sleep.WOKE else died)[waited] += 1
    return woke, died, len(identity) - woke.sum() - died.sum()


def compare_with_theory(feeding: float, hazard: float, theory_hazard: float | None = None) -> float:
    """P-value of waking, dying and sleeping by day against the closed form."""
    days, last_arrival = 120, 60
    model = run(Recorded, lanes=150, days=last_arrival + days + 1, sleeper_death_per_day=hazard, competent_share=0.05,
                **{f"feeding__{niche}": feeding for niche in NICHES})  # fmt: skip
    woke, died, asleep = observed_fates(model, last_arrival, days)
    total = woke.sum() + died.sum() + asleep
    assert total > 8000
    exact = theory.sleeper_fates(np.full(days, feeding), np.full(days, theory_hazard or hazard), law)
    return chi_square_p(np.concatenate([woke, died, [asleep]]),
                        total * np.concatenate([exact["woke"], exact["died"], exact["asleep"][-1:]]))  # fmt: skip


@pytest.mark.parametrize("feeding, hazard", [(1.0, 0.002), (0.4, 0.01), (3.0, 0.05)])
def test_waiting_times_and_competing_death(feeding, hazard):
    assert compare_with_theory(feeding, hazard) > FALSE_ALARM


def test_twice_the_hazard_is_noticed():
    assert compare_with_theory(1.0, 0.002, theory_hazard=0.004) < FALSE_ALARM


def test_numbers_asleep_are_an_infinite_server_queue():
    """On the last day the number asleep is Poisson with the queue's mean, patient by patient and niche by niche."""
    lanes, days = 400, 150
    model = plain_model(lanes, days, seed=3, **NOTHING_ACTS, competent_share=0.003)
    arrivals = []
    while model.day < days:
        model.step()
        arrivals.append(model.expected_shed[0] * model._chance[0] * 0.5)
    arrivals = np.array(arrivals)
    fates = theory.sleeper_fates(np.ones(days), np.full(days, HAZARD), law)
    means = np.array([theory.expected_asleep(arrivals[:, niche], fates)[-1] for niche in range(len(NICHES))])
    asleep = model.cells.sleeping
    for niche in range(len(NICHES)):
        expected = stats.poisson(means[niche])
        top = int(expected.isf(1e-12)) + 2
        observed = np.bincount(asleep[:, niche], minlength=top)[:top]
        assert chi_square_p(observed, lanes * expected.pmf(np.arange(top))) > FALSE_ALARM
    total = asleep.sum(axis=1)
    assert means.sum() > 20
    assert ks_distance(total, stats.poisson(means.sum()).cdf) < ks_limit(lanes)
    assert ks_distance(total, stats.poisson(1.4 * means.sum()).cdf) > ks_limit(lanes)


# -- looks ---------------------------------------------------------------------------------------


def test_looks_with_everything_on():
    """All four mechanisms, on the catalogue's slow clocks for four years."""
    model = plain_model(20, 1500, seed=2, model=Recorded, primary_gompertz_per_day=0.005, dormancy_narrow_scale_days=1200.0,
                        dormancy_broad_scale_days=7300.0, sleeper_death_per_day=0.0005, competent_share=1e-3)  # fmt: skip
    model.run()
    settled = model.cells.settled.sum()
    assert settled > 10_000 and model.filed_again == 0
    assert model.cells.looks / settled <= 6
    ended = model.cells.died_asleep.sum()
    assert model.cells.looks >= ended, "who dies asleep was looked at"


@pytest.mark.parametrize("lanes", [10, 60])
def test_looks_while_feeding_and_hazard_change_every_day(lanes):
    """A factor of four between the slowest and the fastest day; passes after broken promises are looks too.

    However many patients share a chunk: one patient's broken promise must not cost the others a pass each.
    """
    model = run(Weather, lanes=lanes, days=400)
    settled = model.cells.settled.sum()
    assert settled > 10_000 and model.passes > 0
    assert model.cells.looks >= model.filed_again > 0, "passes are counted"
    assert model.cells.looks / settled <= 6


class OneByOne(Weather):
    """The broken variant: each niche renews its own promise only, and everybody's sleepers are filed anew each time."""

    def _keep_promises(self):
        found, headroom = False, 1.0 if self._first_promise else 1.25
        for rate, promise in ((self.rates.feeding, self._energy_promise), (self.rates.sleeper_death, self._hazard_promise)):
            above = rate > promise
            promise[above] = headroom * rate[above]
            found |= bool(above.any())
        if found and not self._first_promise:
            self.cells.file_sleepers_again(self.day, self.energy_clock, self.hazard_clock, self._energy_promise, self._hazard_promise)
        self._first_promise = False


def test_needless_passes_are_noticed():
    model = run(OneByOne, lanes=60, days=400)
    assert model.cells.looks / model.cells.settled.sum() > 6


def test_a_night_in_which_nothing_happens_costs_no_look():
    model = plain_model(5, 400, **NOTHING_ACTS, sleep_probability=1.0, sleeper_death_per_day=0.0, dormancy_narrow_share=1.0,
                        dormancy_narrow_scale_days=5000.0, dormancy_narrow_shape=50.0)  # fmt: skip
    model.run()
    assert model.cells.settled.sum() > 1000
    assert model.cells.looks == 0 and model.cells.woke.sum() == 0


# -- edges ---------------------------------------------------------------------------------------


def test_a_niche_that_does_not_feed_wakes_nobody():
    model = run(Recorded, **{"feeding__liver": 0.0}, sleep_probability=1.0)
    assert model.cells.settled[:, 0].sum() > 1000
    assert model.cells.woke[:, 0].sum() == 0 and model.cells.woke[:, 1:].sum() > 0
    assert model.cells.died_asleep[:, 0].sum() > 0
    still = run(Recorded, **{f"feeding__{niche}": 0.0 for niche in NICHES}, sleep_probability=1.0, sleeper_death_per_day=0.0)
    assert still.cells.sleeping.sum() == still.cells.settled.sum() > 1000 and still.cells.looks == 0


def test_without_dormancy_every_cell_cycles_on_the_day_of_its_arrival():
    model = run(Recorded, **off("dormancy"))
    assert model.cells.sleeping.sum() == model.cells.died_asleep.sum() == 0
    assert np.array_equal(model.cells.woke, model.cells.settled)
    for rows in (model.cells.small, model.cells.grown):
        assert rows.count > 0
        assert np.array_equal(unpack(rows.column("identity"))["day"], rows.column("woke"))


def test_sleepers_of_the_dead_stay_as_they_were():
    """After death a lane's tallies stand, while the others go on."""
    model = run(Recorded, lanes=4)
    early = plain_model(4, 150, seed=9, keep_seeds=True, **NOTHING_ACTS, sleep_probability=0.8, competent_share=0.02)
    early.hosts.death_threshold[1] = 1e-9
    early.parameters._arrays["other_cause_death_per_year_at_70"] = np.full(4, 1e-3)
    early.hosts.diagnosis_day[1] = 100
    early.run()
    assert early.death_day[1] == 100 and early.last_day[1] == 100
    others = [0, 2, 3]
    assert np.array_equal(early.cells.sleeping[others], model.cells.sleeping[others])
    assert np.array_equal(early.cells.woke[others], model.cells.woke[others])
    dead = early.cells
    assert np.array_equal(dead.settled[1], dead.sleeping[1] + dead.woke[1] + dead.died_asleep[1])
    assert dead.settled[1].sum() < model.cells.settled[1].sum()
