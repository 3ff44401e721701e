"""Scheduled sleep: rows by their due day give the days that a plain daily scan of thresholds gives, and the laws of theory."""

import numpy as np
import pytest
from scipy import stats
from sleeping import (
    BROAD,
    HAZARD,
    NARROW,
    NEVER,
    Inflamed,
    Interrupted,
    Recorded,
    Unkept,
    Weaned,
    Weather,
    daily_scan,
    law,
    recorded_fates,
    run,
)
from statistics_helpers import FALSE_ALARM, assert_counts, assert_follows, chi_square_p, ks_distance, ks_limit
from virtual_patients import NOTHING_ACTS, PINNED, off, plain_model

from sim.analysis.closed_form import theory
from sim.disease import sleep
from sim.disease.identity import unpack
from sim.names import NICHES


@pytest.mark.parametrize("kind", [Recorded, Weather, Inflamed, Interrupted])
def test_every_cell_ends_on_the_day_of_a_daily_scan(kind):
    model = run(kind)
    expected, sleepers = daily_scan(model)
    assert recorded_fates(model) == expected
    fates = [fate for _, fate in expected.values()]
    assert sleepers > 8000 and min(fates.count(sleep.WOKE), fates.count(sleep.DIED)) > 300
    assert model.cells.sleeping.sum() == sleepers - len(expected)
    assert sorted(model.cells.sleepers.column("identity").tolist()) == sorted(
        set(
            model.cells.seeds.column("identity")[
                model.cells.seeds.column("coded_threshold") % np.uint64(2) == 1
            ].tolist()
        )
        - set(expected)
    )


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
    assert np.abs(1 - wrong - np.arange(1, len(middle) + 1) / len(middle)).max() > ks_limit(len(middle)), (
        "a shape of 1.1 is noticed"
    )


def observed_fates(model, days: int):
    """All sleepers by days asleep: counts of woke and died (days,), and how many were still asleep then."""
    seeds = model.cells.seeds
    identity = seeds.column("identity")[seeds.column("coded_threshold") % np.uint64(2) == 1]
    ends = recorded_fates(model)
    woke, died = np.zeros(days, dtype=int), np.zeros(days, dtype=int)
    for one, arrived in zip(identity.tolist(), unpack(identity)["day"].tolist(), strict=True):
        day, fate = ends.get(one, (NEVER, 0))
        waited = day - arrived - 1
        if waited < days:
            (woke if fate == sleep.WOKE else died)[waited] += 1
    return woke, died, len(identity) - woke.sum() - died.sum()


def compare_with_theory(feeding: float, hazard: float, theory_hazard: float | None = None, lanes: int = 150) -> float:
    """P-value of waking, dying and sleeping by day against the closed form, for 120 days asleep."""
    days = 120
    model = run(Weaned, lanes=lanes, days=61 + days, sleeper_death_per_day=hazard, competent_share=0.05,
                **{f"feeding__{niche}": feeding for niche in NICHES})  # fmt: skip
    woke, died, asleep = observed_fates(model, days)
    total = woke.sum() + died.sum() + asleep
    assert total > 50 * lanes
    exact = theory.sleeper_fates(np.full(days, feeding), np.full(days, theory_hazard or hazard), law)
    return chi_square_p(np.concatenate([woke, died, [asleep]]),
                        total * np.concatenate([exact["woke"], exact["died"], exact["asleep"][-1:]]))  # fmt: skip


@pytest.mark.parametrize("feeding, hazard", [(1.0, 0.002), (0.4, 0.01), (3.0, 0.05)])
def test_waiting_times_and_competing_death(feeding, hazard):
    assert compare_with_theory(feeding, hazard) > FALSE_ALARM


@pytest.mark.long
def test_waiting_times_of_a_million_sleepers():
    """Long: an error of 1 % in the hazard is surely found."""
    assert compare_with_theory(1.0, 0.01, lanes=15_000) > FALSE_ALARM
    assert compare_with_theory(1.0, 0.01, theory_hazard=0.0101, lanes=15_000) < FALSE_ALARM


def test_twice_the_hazard_is_noticed():
    assert compare_with_theory(1.0, 0.002, theory_hazard=0.004) < FALSE_ALARM


def test_numbers_asleep_are_an_infinite_server_queue():
    """On the last day the number asleep is Poisson with the queue's mean, patient by patient and niche by niche."""
    lanes, days = 400, 150
    model = plain_model(lanes, days, seed=3, **NOTHING_ACTS, competent_share=0.003)
    arrivals = []
    while model.day < days:
        model.step()
        arrivals.append(model.expected_shed[0] * model.streams[0].chance[0] * 0.5)
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


# -- edges ---------------------------------------------------------------------------------------


def test_a_niche_that_does_not_feed_wakes_nobody():
    model = run(Recorded, feeding__liver=0.0, sleep_probability=1.0)
    assert model.cells.settled[:, 0].sum() > 1000
    assert model.cells.woke[:, 0].sum() == 0 and model.cells.woke[:, 1:].sum() > 0
    assert model.cells.died_asleep[:, 0].sum() > 0
    still = run(
        Recorded, **{f"feeding__{niche}": 0.0 for niche in NICHES}, sleep_probability=1.0, sleeper_death_per_day=0.0
    )
    assert still.cells.sleeping.sum() == still.cells.settled.sum() > 1000
    assert (still.cells.sleepers.column("due") > still.day).all(), "nobody is looked at"


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
    deadly = NOTHING_ACTS | {"other_cause_death_per_year_at_70": 1e-3}
    early = plain_model(
        4,
        150,
        seed=9,
        keep_seeds=True,
        **deadly,
        sleep_probability=0.8,
        competent_share=0.02,
        cycling_birth_per_day=0.0,
    )
    early.hosts.death_threshold[1] = 1e-9
    early.hosts.diagnosis_day[1] = 100
    early.run()
    assert early.death_day[1] == 100 and early.last_day[1] == 100
    others = [0, 2, 3]
    assert np.array_equal(early.cells.sleeping[others], model.cells.sleeping[others])
    assert np.array_equal(early.cells.woke[others], model.cells.woke[others])
    dead = early.cells
    assert np.array_equal(dead.settled[1], dead.sleeping[1] + dead.woke[1] + dead.died_asleep[1])
    assert dead.settled[1].sum() < model.cells.settled[1].sum()
