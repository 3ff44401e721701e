"""What sleep costs: looks at sleepers, counted, passes after broken promises among them.

A look compares the thresholds of a sleeper that is due, or gives it a new day. Days are compared besides: of everybody once a
week, and every day of those who are due within it.
"""

import pytest
from sleeping import Recorded, Weather, run
from virtual_patients import NOTHING_ACTS, plain_model

from sim.disease import sleep
from sim.disease.birth_death import STEP_DAYS
from sim.disease.identity import unpack


def watch(model):
    """Let a model count: `looks`, and `compared` days of sleepers."""
    sleepers = model.cells.sleepers
    end_day, again, start_day = sleepers.end_day, sleepers.promise_again, sleepers.start_day
    model.looks = model.compared = 0

    def ending(day, alive, rates):
        model.looks += int((sleepers.due[: sleepers.near] <= day).sum())
        model.compared += sleepers.near
        return end_day(day, alive, rates)

    def starting(day, rates):
        model.compared += sleepers.count if day % STEP_DAYS == 0 else 0
        start_day(day, rates)

    def promising(day):
        lanes = unpack(sleepers.column("identity"))["lane"]
        model.looks += int(sleepers._broken[lanes].sum())
        model.compared += sleepers.count
        again(day)

    sleepers.end_day, sleepers.promise_again, sleepers.start_day = ending, promising, starting


class Watched(Recorded):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        watch(self)


class WatchedWeather(Weather):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        watch(self)


def test_looks_with_everything_on():
    """All four mechanisms, on the catalogue's slow clocks for four years; pure birth, so that everybody is promising."""
    model = plain_model(20, 1500, seed=2, model=Watched, primary_gompertz_per_day=0.005, dormancy_narrow_scale_days=1200.0,
                        dormancy_broad_scale_days=7300.0, sleeper_death_per_day=0.0005, competent_share=1e-3,
                        cycling_birth_per_day=0.0)  # fmt: skip
    model.run()
    settled = model.cells.settled.sum()
    assert settled > 10_000 and model.filed_again == 0
    assert model.looks / settled <= 6
    assert model.looks >= model.cells.promising["died_asleep"].sum(), "who dies asleep was looked at"
    # Everybody once a week, and a few every day: not everybody every day.
    assert model.compared < 0.25 * model.day * model.cells.promising["sleeping"].sum()


@pytest.mark.parametrize("lanes", [10, 60])
def test_looks_while_feeding_and_hazard_change_every_day(lanes):
    """A factor of four between the slowest and the fastest day; passes after broken promises are looks too.

    However many patients share a chunk: one patient's broken promise must not cost the others a look each.
    """
    model = run(WatchedWeather, lanes=lanes, days=400)
    settled = model.cells.settled.sum()
    assert settled > 10_000 and model.passes > 0
    assert model.looks > 0 and model.filed_again > 0, "passes are counted"
    assert model.looks / settled <= 6


def test_needless_passes_are_noticed(monkeypatch):
    """The broken variant: each niche renews its own promise only, and everybody's sleepers get new days each time."""

    def one_by_one(feeding, hazard_rate, energy_promise, hazard_promise, headroom, broken):
        found = False
        for rate, promise in ((feeding, energy_promise), (hazard_rate, hazard_promise)):
            above = rate > promise
            promise[above] = headroom * rate[above]
            found |= bool(above.any())
        broken[:] = found
        return int(found)

    monkeypatch.setattr(sleep, "renew_promises", one_by_one)
    model = run(WatchedWeather, lanes=60, days=150)
    assert model.looks / model.cells.settled.sum() > 6


def test_a_night_in_which_nothing_happens_costs_no_look():
    model = plain_model(5, 400, model=Watched, **NOTHING_ACTS, sleep_probability=1.0, sleeper_death_per_day=0.0, dormancy_narrow_share=1.0,
                        dormancy_narrow_scale_days=5000.0, dormancy_narrow_shape=50.0, cycling_birth_per_day=0.0)  # fmt: skip
    model.run()
    assert model.cells.settled.sum() > 1000
    assert model.looks == 0 and model.cells.woke.sum() == 0
    assert model.compared <= (1 + model.day // STEP_DAYS) * model.cells.settled.sum()
