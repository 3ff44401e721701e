"""Models whose niche clocks change speed, and a plain daily scan of thresholds to hold the calendar against."""

import math

import numpy as np
from numba import njit
from virtual_patients import NOTHING_ACTS, PINNED, plain_model

from sim.analysis.closed_form import theory
from sim.disease import sleep
from sim.disease.identity import unpack
from sim.model import MetastasisModel
from sim.names import NICHES
from sim.numerics.streams import ASLEEP_DEATH, SLEEP, THRESHOLD, days_word, tag_word, uniforms

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
        promise_again = self.cells.sleepers.promise_again

        def counted(day):
            self.filed_again += int(self.cells.sleeping.sum())
            self.passes += self.cells.sleepers.count > 0
            promise_again(day)

        self.cells.sleepers.promise_again = counted

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


class Weaned(Recorded):
    """The primary sheds up to day 60, and no more."""

    def change(self):
        if self.day > 60:
            self.rates.shedding *= 0.0


class Unkept(Weather):
    """The broken variant: promises are made once and never renewed."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        keep = self.cells.sleepers.keep_promises
        self.cells.sleepers.keep_promises = lambda day, rates: None if day else keep(day, rates)


def run(kind, *, lanes=6, days=150, **overrides):
    # Pure birth: every founder is promising, and waits in the calendar.
    settings = {
        **NOTHING_ACTS,
        "sleep_probability": 0.8,
        "competent_share": 0.02,
        "cycling_birth_per_day": 0.0,
        **overrides,
    }
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
    for identity, day, fate in zip(
        fates.column("identity").tolist(), fates.column("day").tolist(), fates.column("fate").tolist(), strict=True
    ):
        out.setdefault(identity, (day, fate))
    awake = model.cells.seeds.column("coded_threshold") % np.uint64(2) == 0
    for identity in model.cells.seeds.column("identity")[awake].tolist():
        out.pop(identity, None)
    return out
