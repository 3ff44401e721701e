"""Survival and competing risks: against closed forms, hand examples, and each other."""

import math

import numpy as np
import pandas as pd
import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from sim.analysis import competing_risks, survival
from sim.analysis.competing_risks import CENSORED, COMPETING, EVENT, aalen_johansen
from sim.analysis.survival import TimesToEvent, kaplan_meier, logrank
from sim.names import DAYS_PER_YEAR, NICHES


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("runs") / "run", 400)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return synthetic.write_empty(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def nobody(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("runs") / "run", 500, status="interrupted", finished=0)


def _times(days, happened) -> TimesToEvent:
    return TimesToEvent(np.arange(len(days)), np.asarray(days, float), np.asarray(happened, bool))


# Kaplan-Meier


def test_kaplan_meier_by_hand():
    """Deaths on days 2, 4 and 4, censored on 3 and 6: S = 4/5, then x (3 - 2)/3."""
    curve = kaplan_meier(_times([2, 3, 4, 4, 6], [1, 0, 1, 1, 0]))
    assert curve.days.tolist() == [0, 2, 4]
    assert curve.value == pytest.approx([1, 4 / 5, 4 / 15])
    # Greenwood by hand at day 2: S^2 / (5 x 4); bounds on log(-log S).
    error = math.sqrt(1 / (5 * 4))
    width = 1.959964 * error / -math.log(0.8)
    assert (curve.low[1], curve.high[1]) == pytest.approx((0.8 ** math.exp(width), 0.8 ** math.exp(-width)), rel=1e-6)
    assert curve.at(3.9).value == pytest.approx(0.8) and curve.at(3.9).at_risk == 4
    assert math.isnan(curve.at(8).value), "nobody was followed so long, and one was alive"
    assert (curve.patients, curve.events) == (5, 3)


def test_survival_is_known_when_nobody_is_left():
    curve = kaplan_meier(_times([1, 2], [1, 1]))
    assert curve.at(1000).value == 0.0 and curve.at(1000).high == curve.high[1] > 0
    alive = kaplan_meier(_times([9, 9, 9], [0, 0, 0])).at(9)
    assert (alive.value, alive.high) == (1.0, 1.0) and alive.low == pytest.approx(3 / (3 + 1.959964**2), rel=1e-6)


def test_the_band_holds_the_truth():
    """Exponential deaths, uniform censoring: the 95 % interval at one year covers the truth in 95 % of trials.

    1,500 trials of 80 patients: a coverage below 92.5 % or above 97.5 % is found; false alarm below 1e-4.
    """
    generator = np.random.default_rng(5)
    truth, inside = math.exp(-1.0), 0
    for _ in range(1500):
        death, end = generator.exponential(1.0, 80), generator.uniform(0.5, 3.0, 80)
        here = kaplan_meier(_times(np.minimum(death, end), death <= end)).at(1.0)
        inside += here.low <= truth <= here.high
    assert 0.925 < inside / 1500 < 0.975


@given(days=st.lists(st.integers(0, 30), min_size=1, max_size=40), luck=st.randoms(use_true_random=False))
def test_a_curve_falls_within_its_band(days, luck):
    curve = kaplan_meier(_times(days, [luck.random() < 0.6 for _ in days]))
    assert np.all(np.diff(curve.value) <= 1e-12)
    assert np.all((curve.low <= curve.value + 1e-12) & (curve.value <= curve.high + 1e-12))
    assert np.all((curve.low >= 0) & (curve.high <= 1))


# Aalen-Johansen


def test_aalen_johansen_by_hand():
    """Six patients: event on 1, competing on 2, censored on 3, event on 4, competing on 5, censored on 6.

    F(1) = 1/6; free of both before day 4: 5/6 x 4/5 = 2/3; F(4) = 1/6 + 2/3 x 1/3 = 7/18.
    """
    curve = aalen_johansen([1, 2, 3, 4, 5, 6], [1, 2, 0, 1, 2, 0])
    assert curve.days.tolist() == [0, 1, 4]
    assert curve.value == pytest.approx([0, 1 / 6, 7 / 18])
    naive = 1 - kaplan_meier(_times([1, 2, 3, 4, 5, 6], [1, 0, 0, 1, 0, 0])).value[-1]
    assert naive == pytest.approx(4 / 9) and naive > curve.value[-1]


def test_two_constant_hazards():
    """With hazards a and b, F(t) = a/(a+b) (1 - exp(-(a+b) t)).

    40,000 patients, standard error below 0.0026: a bias of 0.013 is found, false alarm below 1e-6.
    """
    generator = np.random.default_rng(3)
    a, b, count = 0.3, 0.5, 40_000
    event, death, end = (
        generator.exponential(1 / a, count),
        generator.exponential(1 / b, count),
        generator.uniform(0, 6, count),
    )
    days = np.minimum(np.minimum(event, death), end)
    curve = aalen_johansen(days, np.where(days == end, CENSORED, np.where(days == event, EVENT, COMPETING)))
    for year in (0.5, 1.0, 2.0, 4.0):
        exact = a / (a + b) * (1 - math.exp(-(a + b) * year))
        found = curve.at(year)
        assert found.value == pytest.approx(exact, abs=5 * (found.high - found.low) / 3.92)
        assert found.high - found.low < 0.011
    censoring_death = 1 - kaplan_meier(TimesToEvent(np.arange(count), days, days == event)).at(4.0).value
    assert censoring_death > curve.at(4.0).value + 0.2, "1 - KM is not the incidence"


def test_without_competing_events_it_is_one_minus_kaplan_meier():
    generator = np.random.default_rng(4)
    days, happened = generator.integers(1, 60, 300).astype(float), generator.random(300) < 0.5
    curve, free = aalen_johansen(days, np.where(happened, EVENT, CENSORED)), kaplan_meier(_times(days, happened))
    assert curve.days.tolist() == free.days.tolist()
    assert curve.value == pytest.approx(1 - free.value, abs=1e-12)
    assert curve.low == pytest.approx(1 - free.high, abs=1e-9) and curve.high == pytest.approx(1 - free.low, abs=1e-9)


def test_without_censoring_it_is_a_share():
    """Then the variance is the binomial one: F (1 - F) / n, on the log(-log) scale."""
    generator = np.random.default_rng(6)
    days, end = generator.permutation(200) + 1.0, generator.choice([EVENT, COMPETING], 200, p=[0.3, 0.7])
    curve = aalen_johansen(days, end)
    share = (end == EVENT).mean()
    assert curve.value[-1] == pytest.approx(share)
    width = 1.959964 * math.sqrt(share * (1 - share) / 200) / ((1 - share) * -math.log(1 - share))
    assert curve.low[-1] == pytest.approx(1 - (1 - share) ** math.exp(-width), rel=1e-4)
    assert curve.high[-1] == pytest.approx(1 - (1 - share) ** math.exp(width), rel=1e-4)
    assert curve.at(10_000).value == pytest.approx(share), "everybody's end is known"


@given(days=st.lists(st.integers(0, 12), min_size=1, max_size=40), luck=st.randoms(use_true_random=False))
def test_the_incidences_and_the_free_share_sum_to_one(days, luck):
    end = np.array([luck.choice((CENSORED, EVENT, COMPETING)) for _ in days])
    one, other = aalen_johansen(days, end), aalen_johansen(days, (3 - end) % 3)
    free = kaplan_meier(_times(days, end != CENSORED))
    assert one.value[-1] + other.value[-1] + free.value[-1] == pytest.approx(1)
    assert np.all((one.low <= one.value + 1e-12) & (one.value <= one.high + 1e-12))


# Log-rank


def test_logrank_is_scipys_and_finds_a_difference():
    generator = np.random.default_rng(8)
    short, long = (np.minimum(generator.exponential(scale, 200), 3.0) for scale in (1.0, 2.0))
    result = logrank(_times(short, short < 3), _times(long, long < 3))
    assert result.statistic > 4 and result.p_value < 1e-4
    assert logrank(_times(long, long < 3), _times(short, short < 3)).statistic == pytest.approx(-result.statistic)
    assert logrank(_times(short, short < 3), _times(short, short < 3)).p_value == pytest.approx(1)


def test_logrank_without_events():
    assert logrank(_times([1, 2], [0, 0]), _times([1, 2], [0, 0])).p_value == 1.0
    assert logrank(_times([], []), _times([1, 2], [1, 1])).p_value == 1.0


# From a run


def _rows(run) -> list[tuple[float, float, float]]:
    """(days to detection, days to the last day, dead) patient by patient, in plain Python."""
    rows = []
    for row in run.patients.itertuples():
        detected = (
            math.inf
            if row.first_detected_day is None or str(row.first_detected_day) == "<NA>"
            else row.first_detected_day
        )
        rows.append((detected - row.diagnosis_day, row.last_day - row.diagnosis_day, str(row.death_day) != "<NA>"))
    return rows


def test_overall_survival_of_a_run(run):
    rows = _rows(run)
    expected = ecdf(
        CensoredData(
            uncensored=[last for _, last, dead in rows if dead], right=[last for _, last, dead in rows if not dead]
        )
    ).sf
    curve = survival.survival_curve(run)
    for day in (100, 700, 1500, 1826):
        assert curve.at(day).value == pytest.approx(expected.evaluate(day))
    five = survival.survival_at_years(run, 5)
    assert five.value == pytest.approx(expected.probabilities[-1]) and 0 < five.low < five.value < five.high < 1
    assert five.at_risk == sum(not dead for *_, dead in rows)
    assert math.isnan(survival.survival_at_years(run, 6).value)
    assert survival.median_years(curve) == pytest.approx(
        expected.quantiles[expected.probabilities <= 0.5 + 1e-9][0] / DAYS_PER_YEAR
    )


def test_metastasis_free_survival_of_a_run(run):
    rows = [row for row in _rows(run) if row[0] > 0]
    times = survival.follow_up(run, survival.METASTASIS_FREE)
    assert 0 < len(times) == len(rows) < 400
    assert sorted(times.days) == sorted(min(detected, last) for detected, last, _ in rows)
    assert times.happened.sum() == sum(dead or detected <= last for detected, last, dead in rows)
    with pytest.raises(ValueError, match="overall, metastasis_free"):
        survival.follow_up(run, "progression")


def test_organ_incidence_of_a_run(run):
    """Follow-up ends early for death only: the incidence at the horizon is the share of patients, counted row by row."""
    curves = competing_risks.incidence_by_organ(run)
    assert len(curves) > 8 and next(iter(curves)) == "liver"
    seen = run.metastases.dropna(subset=["detected_day"])
    for organ in NICHES:
        share = seen.loc[seen["organ"] == organ, "patient"].nunique() / 400
        assert (curves[organ].value[-1] if organ in curves else 0.0) == pytest.approx(share)
    anywhere = competing_risks.organ_incidence(run)
    assert anywhere.value[-1] == pytest.approx(seen["patient"].nunique() / 400)
    assert (
        anywhere.at(0).value == pytest.approx(run.patients["metastatic_at_diagnosis"].mean())
        and anywhere.at(0).value > 0.05
    )
    later = competing_risks.organ_incidence(run, after_diagnosis=True)
    assert later.patients == 400 - anywhere.events + later.events and later.at(0).value == 0
    with pytest.raises(ValueError, match="toe"):
        competing_risks.organ_incidence(run, "toe")


def test_the_hazard_of_recurrence_counts(run):
    hazard = survival.recurrence_hazard(run, 0.5)
    rows = [row for row in _rows(run) if row[0] > 0]
    assert hazard.events.sum() == sum(detected <= last for detected, last, _ in rows)
    assert len(hazard.events) == 10 and hazard.end_days[0] == pytest.approx(DAYS_PER_YEAR / 2)
    second = [detected for detected, last, _ in rows if detected <= last and 182.625 < detected <= 365.25]
    lived = sum(min(max(min(detected, last) - 182.625, 0), 182.625) for detected, last, _ in rows) / DAYS_PER_YEAR
    assert hazard.events[1] == len(second) and hazard.patient_years[1] == pytest.approx(lived)
    assert (
        hazard.per_year[1] == pytest.approx(len(second) / lived) and hazard.low[1] < hazard.per_year[1] < hazard.high[1]
    )
    with pytest.raises(ValueError, match="positive"):
        survival.recurrence_hazard(run, -1)


def test_a_constant_hazard_is_found(run):
    """Recurrence at 0.2 a year, death at 0.1: each interval's estimate covers 0.2 (20,000 patients; false alarm 1e-3)."""
    generator = np.random.default_rng(9)
    count, horizon = 20_000, 4 * 365
    found, death = (np.ceil(generator.exponential(365.25 / rate, count)) for rate in (0.2, 0.1))
    last = np.minimum(death, horizon)

    def days(values, there):
        return pd.Series(values + 5000, dtype="Int32").where(pd.Series(there))

    class Made:
        patients = pd.DataFrame(
            {
                "patient": np.arange(count),
                "diagnosis_day": 5000,
                "last_day": last + 5000,
                "first_detected_day": days(found, found <= last),
                "death_day": days(last, death <= horizon),
            }
        )

    hazard = survival.recurrence_hazard(Made, 1.0)
    assert hazard.patients == count and len(hazard.events) == 4
    error = np.sqrt(hazard.events) / hazard.patient_years
    assert np.all(np.abs(hazard.per_year - 0.2) < 3.9 * error) and np.all(error < 0.006)


def test_runs_without_patients_or_metastases(empty, nobody):
    for kind in (survival.OVERALL, survival.METASTASIS_FREE):
        assert math.isnan(survival.survival_curve(nobody, kind).at(0).value)
        assert survival.survival_curve(empty, kind).patients == 1
    assert competing_risks.incidence_by_organ(nobody) == competing_risks.incidence_by_organ(empty) == {}
    nothing = competing_risks.organ_incidence(empty, "liver").at(30)
    assert (nothing.value, nothing.low) == (0.0, 0.0) and nothing.high > 0.5
    assert survival.recurrence_hazard(nobody).events.sum() == 0 == survival.recurrence_hazard(empty).events.sum()


@pytest.mark.parametrize(("years", "length"), [(20, 1.0), (5, 0.25), (10, 0.5), (1, 1 / 12), (0.08, 1 / 365.25)])
def test_intervals_have_round_lengths(years, length):
    assert survival.round_interval(years) == pytest.approx(length)
