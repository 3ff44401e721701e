"""The closed forms themselves, against numerical solutions that share nothing with them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from sim.analysis.closed_form import theory
from sim.disease import growth

NARROW, BROAD = (60.0, 4.0), (200.0, 1.0)


def mixture(x):
    return theory.threshold_survival(x, 0.3, NARROW, BROAD)


# -- patients ------------------------------------------------------------------------------------


def test_incidence_without_spread_is_poisson():
    assert theory.expected_incidence(0.7, 0.0, 3.0) == pytest.approx(1 - math.exp(-0.7), rel=1e-12)


@pytest.mark.parametrize("log_sd, cut, mean", [(0.5, 2.0, 0.1), (2.0, 3.0, 1e-3), (2.0, 3.0, 5.0), (4.0, 3.0, 0.3)])
def test_incidence_by_adaptive_quadrature(log_sd, cut, mean):
    law = stats.truncnorm(-cut, cut)
    exact = integrate.quad(
        lambda z: -np.expm1(-mean * np.exp(log_sd * z)) * law.pdf(z), -cut, cut, epsabs=1e-13, limit=500
    )[0]
    assert theory.expected_incidence(mean, log_sd, cut) == pytest.approx(exact, abs=1e-11)


def test_the_mean_frailty_has_a_closed_form():
    log_sd, cut = 1.3, 2.5
    exact = (
        math.exp(log_sd**2 / 2)
        * (stats.norm.cdf(cut - log_sd) - stats.norm.cdf(-cut - log_sd))
        / (2 * stats.norm.cdf(cut) - 1)
    )
    assert theory.frailty_average(lambda x: x, log_sd, cut) == pytest.approx(exact, rel=1e-12)
    assert theory.frailty_average(np.ones_like, log_sd, cut) == pytest.approx(1.0, rel=1e-13)


def test_frailty_lowers_incidence():
    """Jensen: at the same mean number of events, patients who differ have a first event less often."""
    spread = theory.frailty_average(lambda x: x, 1.5, 3.0)
    assert theory.expected_incidence(1.0 / spread, 1.5, 3.0) < 0.8 * (1 - math.exp(-1.0))


# -- birth and death -----------------------------------------------------------------------------


def law_by_master_equation(rates, days, cells=400):
    """P(n) for n = 0 ... cells - 1 by integrating dP/dt; `rates(t)` gives birth and death."""
    n = np.arange(cells)

    def change(t, p):
        birth, death = rates(t)
        flow_up, flow_down = birth * n * p, death * n * p
        out = -flow_up - flow_down
        out[1:] += flow_up[:-1]
        out[:-1] += flow_down[1:]
        return out

    start = np.zeros(cells)
    start[1] = 1.0
    return integrate.solve_ivp(change, (0, days), start, rtol=1e-9, atol=1e-13, method="DOP853").y[:, -1]


@pytest.mark.parametrize(
    "birth, death, days", [(1.0, 0.95, 7), (0.4, 0.1, 5), (0.2, 0.5, 9), (0.6, 0.6, 6), (0.3, 0.0, 4)]
)
def test_the_birth_death_law_solves_the_master_equation(birth, death, days):
    survival, ratio = theory.birth_death_law(birth, death, days)
    numeric = law_by_master_equation(lambda _: (birth, death), days)
    assert theory.birth_death_cdf(np.arange(60), survival, ratio) == pytest.approx(np.cumsum(numeric)[:60], abs=1e-7)
    mean, variance = theory.birth_death_moments(birth, death, days)
    n = np.arange(len(numeric))
    assert survival / (1 - ratio) == pytest.approx(mean, rel=1e-9)
    assert (numeric * n).sum() == pytest.approx(mean, rel=1e-6)
    assert (numeric * n**2).sum() - mean**2 == pytest.approx(variance, rel=1e-5)


def test_rates_that_change_every_day():
    birth, death = np.array([0.9, 0.2, 0.5, 0.5, 1.1]), np.array([0.3, 0.6, 0.5, 0.0, 0.9])
    survival, ratio = theory.birth_death_law(birth, death, np.ones(5))
    p = np.zeros(400)
    p[1] = 1.0
    numeric = law_by_master_equation(lambda t: (birth[min(int(t), 4)], death[min(int(t), 4)]), 5)
    assert theory.birth_death_cdf(np.arange(50), survival, ratio) == pytest.approx(np.cumsum(numeric)[:50], abs=2e-4)
    # Exactly: day after day through the generating function P(0) and ratio of each.
    s = np.linspace(0, 0.999, 50)
    composed = s
    for b, d in list(zip(birth, death, strict=True))[::-1]:
        one, r = theory.birth_death_law(b, d, 1.0)
        composed = 1 - one + one * (1 - r) * composed / (1 - r * composed)
    assert 1 - survival + survival * (1 - ratio) * s / (1 - ratio * s) == pytest.approx(composed, abs=1e-13)


def test_long_run_extinction_and_establishment():
    assert theory.extinction_probability(1.0, 0.98) == pytest.approx(0.98)
    assert theory.extinction_probability(1.0, 0.9, 5) == pytest.approx(0.9**5)
    assert theory.extinction_probability(0.5, 0.9) == 1.0
    survival, _ = theory.birth_death_law(1.0, 0.9, 400.0)
    assert survival == pytest.approx(1 - theory.extinction_probability(1.0, 0.9), rel=1e-12)
    # Gambler's ruin, solved as a linear system.
    birth, death, size = 1.0, 0.97, 30
    system = (
        np.diag(np.full(size - 1, birth + death))
        - np.diag(np.full(size - 2, birth), 1)
        - np.diag(np.full(size - 2, death), -1)
    )
    right = np.zeros(size - 1)
    right[-1] = birth
    assert theory.establishment_probability(birth, death, size) == pytest.approx(
        np.linalg.solve(system, right)[0], rel=1e-10
    )
    assert theory.establishment_probability(1.0, 1.0, 30) == pytest.approx(1 / 30)
    assert theory.establishment_probability(1.0, 1.0 - 1e-9, 30) == pytest.approx(1 / 30, rel=1e-6)


def test_the_time_to_a_size_is_the_limit_of_the_exact_law():
    """P(N(t) >= size | established), exactly geometric, against Harris's limit: within 0.2 % at size 5,000."""
    birth, death, size = 1.0, 0.9, 5000
    for days in (60, 80, 90, 100, 130):
        survival, ratio = theory.birth_death_law(birth, death, days)
        exact = survival * ratio ** (size - 1) / (1 - death / birth)
        assert theory.founding_to_size_cdf(days, size, birth, death) == pytest.approx(exact, abs=2e-3)
    middle = math.log(size * 0.1 / birth / math.log(2)) / 0.1
    assert theory.founding_to_size_cdf(middle, size, birth, death) == pytest.approx(0.5, rel=1e-12)


# -- growth --------------------------------------------------------------------------------------


@given(st.floats(1.0, 1e6), st.floats(1.01, 1e5), st.floats(1e-4, 0.05), st.floats(1.0, 3000.0))
def test_gompertz_solves_its_equation(start, factor, rate, days):
    """dN/dt = a N log(K/N), integrated in log N."""
    capacity = start * factor
    numeric = integrate.solve_ivp(
        lambda _, y: rate * (math.log(capacity) - y), (0, days), [math.log(start)], rtol=1e-10, atol=1e-12
    ).y[0, -1]
    cells = growth.gompertz_cells(days, start, capacity, rate)
    assert math.log(cells) == pytest.approx(numeric, abs=1e-7)
    if math.log(capacity / cells) > 1e-3:
        assert growth.gompertz_days(start, cells, capacity, rate) == pytest.approx(days, rel=1e-6, abs=1e-6)
    assert growth.gompertz_rate_per_day(start, capacity, rate) == pytest.approx(rate * math.log(factor), rel=1e-9)


@given(st.floats(1e-5, 0.01), st.floats(1.0, 28.0), st.floats(0.0, 1.2))
def test_the_days_shedding_surface_is_its_integral(rate, gap, exponent):
    """Simpson's rule over a day, to 1e-8 wherever the day's growth (rate x gap) is below 0.1."""
    top = math.log(1e12)
    if rate * gap > 0.1:
        rate = 0.1 / gap
    numeric = integrate.quad(lambda t: math.exp(exponent * (top - gap * math.exp(-rate * t))), 0, 1, epsrel=1e-12)[0]
    one = [np.array([value]) for value in (top, gap, rate, exponent)]
    assert growth.power_integral_over_day(one[0], one[1], growth.gap_at_nodes(one[2]), one[3]) == pytest.approx(
        numeric, rel=1e-8
    )


def test_colony_growth_is_exponential_then_gompertz():
    law = dict(limit_cells=1e6, capacity_cells=1e12, gompertz_per_day=0.00117)
    rate = 0.00117 * math.log(1e6)
    assert theory.colony_growth_days(1.0, 1e6, **law) == pytest.approx(math.log(1e6) / rate)
    late = float(growth.gompertz_days(1e6, 1e9, 1e12, 0.00117))
    assert theory.colony_growth_days(1e6, 1e9, **law) == pytest.approx(late)
    assert theory.colony_growth_days(1e3, 1e9, **law) == pytest.approx(math.log(1e3) / rate + late)
    assert theory.colony_growth_days(1e7, 1e9, **law) == pytest.approx(
        float(growth.gompertz_days(1e7, 1e9, 1e12, 0.00117))
    )


# -- sleepers ------------------------------------------------------------------------------------


def test_fates_of_a_sleeper_sum_to_one():
    fates = theory.sleeper_fates(np.full(500, 1.3), np.full(500, 0.004), mixture)
    ended = np.cumsum(fates["woke"] + fates["died"])
    assert ended + fates["asleep"] == pytest.approx(1.0, abs=1e-12)
    assert min(fates["woke"].min(), fates["died"].min()) >= -1e-15


def test_competing_ends_by_adaptive_quadrature():
    feeding, hazard = 1.3, 0.004
    fates = theory.sleeper_fates(np.full(300, feeding), np.full(300, hazard), mixture)
    for day in (0, 30, 45, 120, 299):
        lost = integrate.quad(
            lambda t: hazard * np.exp(-hazard * t) * mixture(feeding * t), day, day + 1, epsrel=1e-12
        )[0]
        assert fates["died"][day] == pytest.approx(lost, rel=1e-9)
    forever = integrate.quad(lambda t: hazard * np.exp(-hazard * t) * mixture(feeding * t), 0, 5000, limit=500)[0]
    many = theory.sleeper_fates(np.full(5000, feeding), np.full(5000, hazard), mixture)
    assert many["died"].sum() == pytest.approx(forever, abs=1e-9)


def test_two_exponential_clocks_have_a_closed_form():
    energy, hazard = 1 / 200.0, 0.003
    fates = theory.sleeper_fates(np.ones(400), np.full(400, hazard), lambda x: np.exp(-energy * x))
    ended = 1 - math.exp(-(energy + hazard))
    assert fates["woke"][0] == pytest.approx(ended * energy / (energy + hazard), rel=1e-12)
    assert fates["woke"] == pytest.approx(fates["woke"][0] * np.exp(-(energy + hazard) * np.arange(400)), rel=1e-9)


def test_without_a_hazard_or_without_feeding_one_end_is_left():
    assert theory.sleeper_fates(np.ones(100), 0.0, mixture)["died"].max() == 0.0
    starving = theory.sleeper_fates(np.zeros(100), 0.01, mixture)
    assert np.abs(starving["woke"]).max() < 1e-15
    assert starving["asleep"] == pytest.approx(np.exp(-0.01 * np.arange(1, 101)))


def test_the_mean_threshold_of_the_narrow_component():
    mean = integrate.quad(lambda x: theory.threshold_survival(x, 1.0, (1200.0, 4.0), BROAD), 0, 10_000)[0]
    assert mean == pytest.approx(1200 * special.gamma(1.25), rel=1e-9)


def test_numbers_asleep_in_the_long_run_are_arrivals_times_the_mean_stay():
    fates = theory.sleeper_fates(np.ones(6000), 0.002, mixture)
    asleep = theory.expected_asleep(np.full(6000, 3.0), fates)
    stay = integrate.quad(lambda t: math.exp(-0.002 * t) * mixture(t), 0, 6000, limit=500)[0]
    # Whoever arrives on a day is counted from its end on: half a day more than the mean stay.
    assert asleep[-1] == pytest.approx(3.0 * (stay + 0.5), rel=1e-4)
    assert asleep[0] == 3.0 and np.all(np.diff(asleep) >= -1e-12)


def test_a_circuit_of_two_beds_loses_nothing():
    assert sum(theory.two_bed_circuit(0.3, 0.6, 0.05)) == pytest.approx(1.0, abs=1e-14)
    assert theory.two_bed_circuit(1.0, 0.5, 0.0) == (1.0, 0.0, 0.0)


# -- broken variants are noticed -----------------------------------------------------------------


def test_a_law_with_birth_and_death_exchanged_is_noticed(monkeypatch):
    right = theory.birth_death_law
    monkeypatch.setattr(theory, "birth_death_law", lambda birth, death, days: right(death, birth, days))
    with pytest.raises(AssertionError):
        test_the_birth_death_law_solves_the_master_equation(0.4, 0.1, 5)


def test_fates_without_competition_are_noticed(monkeypatch):
    """Waking counted as if nobody died on the same day."""
    right = theory.sleeper_fates

    def broken(feeding, hazard, survival):
        fates = right(feeding, hazard, survival)
        return {**fates, "woke": fates["woke"] + fates["died"]}

    monkeypatch.setattr(theory, "sleeper_fates", broken)
    with pytest.raises(AssertionError):
        test_fates_of_a_sleeper_sum_to_one()
