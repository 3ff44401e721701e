"""From the primary to settled cells: Poisson counts with their means, at any number shed; patients who differ."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from statistics_helpers import (
    FALSE_ALARM,
    MOST_STANDARD_ERRORS,
    assert_counts,
    assert_follows,
    assert_poisson_total,
    chi_square_p,
    ks_distance,
    ks_limit,
)
from virtual_patients import AGE, NOTHING_ACTS, drawn_model, plain_hosts, plain_model, values

from sim.analysis.closed_form import theory
from sim.catalog.parameters import LaneParameters
from sim.disease import growth
from sim.disease import settling as settle
from sim.disease.body import own_organ_factor, route
from sim.disease.hosts import draw_hosts
from sim.model import MetastasisModel
from sim.names import NICHES


def surface(days: int, arm: dict) -> float:
    """Integral of N^exponent from day 0 on, N from one cell by Gompertz: adaptive quadrature."""

    def power(t):
        return (
            growth.gompertz_cells(t, 1.0, arm["primary_capacity_cells"], arm["primary_gompertz_per_day"])
            ** arm["shedding_exponent"]
        )

    return integrate.quad(power, 0, days, epsrel=1e-10, limit=200)[0]


def expected_cascade(days: int, arm: dict, site: str = "colon"):
    """Means a patient: shed, died in transit, and by niche died on arrival, inert, settled; constant rates, frailty one."""
    lanes = LaneParameters(arm, 1)
    routing = route(lanes, [site])
    shed = arm["shedding_per_day"] * arm[f"site_shedding_factor.{site}"] * surface(days, arm)
    viable = np.minimum(lanes.by_niche("soil") * own_organ_factor(lanes, [site]), 1.0)[0]
    arrested = shed * routing.arrest[0]
    competent = arm["competent_share"]
    return (
        shed,
        shed * routing.died_in_transit[0],
        arrested * (1 - viable),
        arrested * viable * (1 - competent),
        arrested * viable * competent,
    )


def simulate(lanes: int, days: int, **overrides):
    settings = {**NOTHING_ACTS, "sleep_probability": 1.0, "sleeper_death_per_day": 0.0, **overrides}
    model = plain_model(lanes, days, seed=11, **settings)
    model.run()
    return model, expected_cascade(days, values(**settings))


UNEVEN = {"soil__liver": 0.6, "soil__lung": 0.05, "soil__kidney": 0.9, "arrest_probability__liver": 0.3}


def test_all_counts_of_the_cascade_are_poisson_with_their_means():
    """400 patients: every end by organ, patient by patient; a mean that is off by 3 % is surely found in the large ones."""
    lanes, days = 400, 90
    model, (shed, transit, died, inert, settled) = simulate(lanes, days, competent_share=0.02, **UNEVEN)
    counts = [(model.shed_total, shed), (model.died_in_transit, transit)]
    for tally, means in ((model.died_on_arrival, died), (model.inert, inert), (model.cells.settled, settled)):
        counts += [(tally[:, niche], means[niche]) for niche in range(len(NICHES))]
    assert len(counts) == 41
    for tally, mean in counts:
        assert_poisson_total(int(tally.sum()), lanes * mean)
        law = stats.poisson(mean)
        edges = np.unique(law.ppf(np.linspace(0.1, 0.9, 9)))
        observed = np.bincount(np.searchsorted(edges, tally), minlength=len(edges) + 1)
        assert chi_square_p(observed, lanes * np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]]))) > FALSE_ALARM
        dispersion = ((tally - mean) ** 2).sum() / mean
        assert stats.chi2.sf(dispersion, lanes) > FALSE_ALARM or mean < 1
    assert shed > 1000 and settled.sum() > 3


def test_ends_are_independent():
    """Thinned Poisson counts do not know of each other: correlations among 20 of them vanish (0.31 is surely found)."""
    model, _ = simulate(1600, 60, competent_share=0.02, **UNEVEN)
    counts = np.column_stack(
        [model.died_in_transit, model.died_on_arrival[:, :6], model.inert[:, :6], model.cells.settled[:, :6]]
    )
    correlation = np.corrcoef(counts, rowvar=False)
    assert (
        np.abs(correlation[~np.eye(len(correlation), dtype=bool)]).max() * math.sqrt(1600) < MOST_STANDARD_ERRORS + 0.5
    )


@pytest.mark.parametrize("shedding, competent", [(3.0, 1e-2), (3e5, 1e-7), (3e11, 1e-13)])
def test_the_number_shed_does_not_matter_to_the_settled(shedding, competent):
    """10^3 or 10^14 shed cells a patient: the same law of the settled, and every failure is in the tallies."""
    model, (shed, transit, died, inert, settled) = simulate(
        300, 90, shedding_per_day=shedding, competent_share=competent
    )
    assert_poisson_total(int(model.cells.settled.sum()), 300 * settled.sum())
    observed = model.cells.settled.sum(axis=1)
    assert ks_distance(observed, stats.poisson(settled.sum()).cdf) < ks_limit(300)
    for tally, mean in ((model.shed_total, shed), (model.died_in_transit, transit), (model.died_on_arrival.sum(axis=1), died.sum()),
                        (model.inert.sum(axis=1), inert.sum())):  # fmt: skip
        away = (tally.astype(float).sum() - 300 * mean) / math.sqrt(300 * mean)
        assert abs(away) < MOST_STANDARD_ERRORS + 300 * mean * 1e-9 / math.sqrt(300 * mean) + 1e-7 * math.sqrt(
            300 * mean
        )


def test_a_niche_that_is_counted_twice_is_noticed(monkeypatch):
    """The broken variant: conditional chances that forget what went before (plain instead of sequential binomials)."""
    kernel = settle.settle_cells

    def forgetful(key, patient, living, day, source, shed_today, chance, *tallies):
        rest = 1.0 - np.cumsum(np.concatenate([np.zeros((len(patient), 1)), chance[:, :-1]], axis=1), axis=1)
        return kernel(key, patient, living, day, source, shed_today, np.ascontiguousarray(chance * rest), *tallies)

    monkeypatch.setattr(settle, "settle_cells", forgetful)
    model, (*_, settled) = simulate(
        200, 60, competent_share=0.9, shedding_per_day=0.3, **{f"soil__{niche}": 0.9 for niche in NICHES}
    )
    with pytest.raises(AssertionError):
        assert_poisson_total(int(model.cells.settled[:, 1:].sum()), 200 * settled[1:].sum())


@given(
    st.integers(0, 2**64 - 1), st.integers(0, 10**13), st.floats(1e-15, 1e-4), st.floats(1.0, 50.0), st.integers(0, 12)
)
def test_settled_counts_are_monotone_in_their_chance(seed, shed, chance, factor, niche):
    """The same key, a better soil: never fewer cells in that niche. All niches at once: never fewer in the first."""
    chance = min(chance, 1e3 / (shed + 1))
    low = np.full((1, 13), chance)
    settled = []
    for scale in (1.0, factor):
        raised, out = low.copy(), np.zeros((1, 13), dtype=np.int64)
        raised[0, niche] *= scale
        totals = np.zeros_like(out), np.zeros_like(out), np.zeros(1, dtype=np.int64), np.empty(13, dtype=np.int64)
        settle.settle_cells(np.uint64(seed), np.array([5]), np.array([0]), 3, 0, np.array([shed]), raised, out, *totals)
        settled.append(out)
    assert settled[1][0, niche] >= settled[0][0, niche]
    assert np.array_equal(settled[0][0, :niche], settled[1][0, :niche])


def settled_of(shed: int, chance: np.ndarray, lanes: int = 20_000) -> np.ndarray:
    """Settled cells of so many patients who shed `shed` cells each, (lanes, niches)."""
    out, total, of_source = (np.zeros((lanes, len(chance)), dtype=np.int64) for _ in range(3))
    settle.settle_cells(
        np.uint64(7), np.arange(lanes), np.arange(lanes), 3, 0, np.full(lanes, shed), np.tile(chance, (lanes, 1)),
        out, total, of_source, np.zeros(lanes, dtype=np.int64), np.empty(lanes * len(chance), dtype=np.int64),
    )  # fmt: skip
    return out


@pytest.mark.parametrize("mean", [0.003, 0.014, 0.02, 0.3, 2.0])
def test_settled_counts_of_a_day_have_their_law(mean):
    """Below and above 1/64 a niche, where a patient's uniforms are drawn in two ways: each count, and two niches together."""
    shed, niches = 10_000, 12
    counts = settled_of(shed, np.full(niches, mean / shed))
    law = stats.binom(shed, mean / shed)
    most = int(law.isf(1e-4)) + 1
    expected = np.append(law.pmf(np.arange(most)), law.sf(most - 1))
    assert_counts(np.bincount(np.minimum(counts, most).ravel(), minlength=most + 1), counts.size * expected)
    assert_counts(np.count_nonzero(counts, axis=0), np.full(niches, np.count_nonzero(counts) / niches))
    both, none = (counts[:, :-1] > 0) & (counts[:, 1:] > 0), law.pmf(0)
    assert_poisson_total(int(both.sum()), both.size * (1.0 - none) ** 2)


def test_a_day_on_which_little_is_expected_has_the_uniforms_of_any_other():
    """A patient's counts in some niches are the same whether or not another niche expects so much that all are drawn."""
    chance = np.full(12, 1e-6)
    rich = chance.copy()
    rich[11] = 1e-3
    few, many = settled_of(1000, chance), settled_of(1000, rich)
    assert np.array_equal(few[:, :11], many[:, :11]) and few[:, :11].sum() > 100 and many[:, 11].sum() > 10_000


# -- patients who differ -------------------------------------------------------------------------


def test_incidence_over_frailty():
    """Share of patients with a settled cell, in any organ and in the liver, after 40 and 90 days."""
    lanes, log_sd, cut = 6000, 1.5, 3.0
    arm = values(
        **NOTHING_ACTS, frailty_log_sd=log_sd, frailty_truncation_sd=cut, competent_share=2e-5, sleep_probability=1.0
    )
    parameters = LaneParameters(arm, lanes)
    drawn = draw_hosts(21, np.arange(lanes), ["colon"] * lanes, [AGE] * lanes, parameters)
    hosts = plain_hosts(lanes, frailty=drawn.frailty)
    model = MetastasisModel(hosts, parameters, seed=21, horizon_days=90, visible_cells=1e8, collect=False)
    for days in (40, 90):
        while model.day < days:
            model.step()
        *_, settled = expected_cascade(days, arm)
        for have, mean in (
            (model.cells.settled.sum(axis=1) > 0, settled.sum()),
            (model.cells.settled[:, 0] > 0, settled[0]),
        ):
            share = theory.expected_incidence(mean, log_sd, cut)
            assert 0.005 < share < 0.9
            assert_counts([have.sum(), (~have).sum()], lanes * np.array([share, 1 - share]))
    without = 1 - math.exp(-settled.sum() * theory.frailty_average(lambda x: x, log_sd, cut))
    ever = model.cells.settled.sum(axis=1) > 0
    assert chi_square_p([ever.sum(), (~ever).sum()], lanes * np.array([without, 1 - without])) < FALSE_ALARM, (
        "frailty is noticed"
    )


def test_incidence_of_grown_colonies():
    """Share of patients with a colony above the certain size: arrivals x the chance to establish in the time left."""
    lanes, days, log_sd, cut = 3000, 84, 1.0, 3.0
    arm = values(**NOTHING_ACTS, frailty_log_sd=log_sd, frailty_truncation_sd=cut, competent_share=2e-4, sleep_probability=0.0,
                 metastasis_gompertz_per_day=0.03, colony_noise=0.2)  # fmt: skip
    parameters = LaneParameters(arm, lanes)
    drawn = draw_hosts(22, np.arange(lanes), ["colon"] * lanes, [AGE] * lanes, parameters)
    model = MetastasisModel(
        plain_hosts(lanes, frailty=drawn.frailty),
        parameters,
        seed=22,
        horizon_days=days,
        visible_cells=1e8,
        collect=False,
    )
    mean_events, certain = 0.0, int(model.law.certain_cells[0, 0])
    birth, death = float(model.law.birth[0, 0]), float(model.law.death[0, 0])
    small_or_gone = {}
    while model.day < days:
        model.step()
        # Weekly steps see a colony's size at ends of weeks only, and what has grown stays grown.
        arrivals = float(
            model.expected_shed[0]
            * (model.streams[0].chance[0] / (arm["competent_share"] * drawn.frailty[0])).sum()
            * arm["competent_share"]
        )
        weeks = tuple(range(7 - model.day % 7, days - model.day + 1, 7))
        if weeks and weeks not in small_or_gone:
            small_or_gone[weeks] = never_above(birth, death, certain, weeks)
        mean_events += arrivals * (1.0 - small_or_gone[weeks]) if weeks else 0.0
    share = theory.expected_incidence(mean_events, log_sd, cut)
    have = np.zeros(lanes, dtype=bool)
    have[(model.cells.grown.column("identity") >> np.uint64(48)).astype(int)] = True
    assert 0.1 < share < 0.9
    assert_counts([have.sum(), (~have).sum()], lanes * np.array([share, 1 - share]))


def never_above(birth: float, death: float, size: int, looks_days) -> float:
    """P(one cell's line is below `size` at every look), by the transition law from look to look."""
    now = np.zeros(size)
    now[1] = 1.0
    previous = 0
    for look in looks_days:
        survival, ratio = theory.birth_death_law(birth, death, look - previous)
        now = below_after(now, survival, ratio)
        previous = look
    return float(now.sum())


def below_after(now: np.ndarray, survival: float, ratio: float) -> np.ndarray:
    """P(n cells, n < size) a step later: from i cells, a binomial number of lines, each geometric."""
    size = len(now)
    lines = np.zeros(size)
    i = np.arange(size)
    for start in np.flatnonzero(now > 1e-18):
        lines[: start + 1] += now[start] * stats.binom.pmf(i[: start + 1], start, survival)
    out = np.zeros(size)
    out[0] = lines[0]
    for k in range(1, size):
        if lines[k] > 1e-18:
            out[k:] += lines[k] * stats.nbinom.pmf(i[: size - k], k, 1.0 - ratio)
    return out


def test_drawn_patients_follow_their_laws():
    lanes = 40_000
    arm = values(
        frailty_log_sd=2.0, growth_log_sd=0.3, diagnosis_log_sd=1.0, diagnosis_median_cells=1e4, trait_truncation_sd=2.5
    )
    hosts = draw_hosts(33, np.arange(lanes), ["colon"] * lanes, [AGE] * lanes, LaneParameters(arm, lanes))
    cut = stats.truncnorm(-2.5, 2.5)
    assert_follows(np.log(hosts.frailty) / 2.0, stats.truncnorm(-3, 3).cdf)
    assert_follows(np.log(hosts.growth_factor) / 0.3, cut.cdf)
    assert_follows(np.log(hosts.diagnosis_cells / 1e4), cut.cdf)
    age = stats.truncnorm((30 - 67) / 11, (95 - 67) / 11, loc=67, scale=11)
    assert_follows(hosts.age_years, age.cdf)
    assert_follows(hosts.death_threshold, stats.expon.cdf)
    traits = np.column_stack(
        [hosts.frailty, hosts.growth_factor, hosts.diagnosis_cells, hosts.age_years, hosts.death_threshold]
    )
    ranks = np.argsort(np.argsort(traits, axis=0), axis=0)
    assert np.abs(np.corrcoef(ranks, rowvar=False) - np.eye(5)).max() * math.sqrt(lanes) < MOST_STANDARD_ERRORS
    rate = arm["primary_gompertz_per_day"] * hosts.growth_factor
    cells = growth.gompertz_cells(hosts.diagnosis_day, 1.0, arm["primary_capacity_cells"], rate)
    day_before = growth.gompertz_cells(hosts.diagnosis_day - 1, 1.0, arm["primary_capacity_cells"], rate)
    assert np.all(cells >= hosts.diagnosis_cells * (1 - 1e-9)) and np.all(
        day_before <= hosts.diagnosis_cells * (1 + 1e-9)
    )


def test_death_from_other_causes_follows_gompertz():
    """Hazard exp(g (age - 70)): days from diagnosis to death, daily steps of a known hazard."""
    lanes = 4000
    arm = values(other_cause_death_per_year_at_70=5.0, other_cause_death_growth_per_year=0.085, shedding_per_day=0.0)
    model = drawn_model(np.arange(lanes), [arm], seed=6, horizon_days=400)
    model.run()
    hosts = model.hosts
    since = np.where(model.death_day >= 0, model.death_day - hosts.diagnosis_day, 400)
    days = np.arange(400)
    hazard = 5.0 / 365.25 * np.exp(0.085 * (hosts.age_years[:, None] + days / 365.25 - 70.0))
    gone = (1 - np.exp(-np.cumsum(hazard, axis=1))).mean(axis=0)
    expected = lanes * np.diff(np.concatenate([[0.0], gone, [1.0]]))
    assert chi_square_p(np.bincount(since, minlength=401), expected) > FALSE_ALARM
    assert chi_square_p(np.bincount(np.minimum(since + 10, 400), minlength=401), expected) < FALSE_ALARM, (
        "ten days late are noticed"
    )
    assert set(model.death_cause.tolist()) == {-1, 0}
