"""Survival on patients so few that every number can be followed by hand: each bound, each edge, each tie.

Larger groups (`test_survival.py`) forgive an edge that is off by one patient or a bound that is a little too narrow.
"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from sim.analysis import survival
from sim.analysis.survival import TimesToEvent, kaplan_meier, logrank

Z = 1.959963984540054
NEVER = math.inf


def times(days, happened) -> TimesToEvent:
    return TimesToEvent(np.arange(len(days)), np.asarray(days, float), np.asarray(happened, bool))


def run_of(*rows, diagnosis_day: int = 5000):
    """A run with one patient a row: days from diagnosis to the last day, to the first metastasis, and whether they died."""

    class Run:
        patients = pd.DataFrame(
            {
                "patient": np.arange(len(rows)),
                "diagnosis_day": np.full(len(rows), diagnosis_day),
                "last_day": [diagnosis_day + last for last, _, _ in rows],
                "first_detected_day": pd.array([None if found == NEVER else diagnosis_day + found for _, found, _ in rows], "Float64"),
                "death_day": pd.array([diagnosis_day + last if died else None for last, _, died in rows], "Float64"),
            }
        )  # fmt: skip

    return Run


# -- who is followed, and until when -----------------------------------------------------------------


def test_patients_at_risk_have_their_event_or_censoring_then_or_later():
    """A horizon in whole days ends some hours before its last year: who was censored up to a day before still counts."""
    followed = times([30, 10, 20], [1, 0, 1])
    assert followed.at_risk([0, 10, 11, 11.5, 20, 20.1, 30, 30.25]).tolist() == [3, 3, 3, 2, 2, 1, 1, 0]
    one = times([365, 1826], [1, 0])
    assert one.at_risk([365, 365.25, 1826.25]).tolist() == [2, 1, 1], "one who died on day 365 is not at risk at 365.25"


def test_a_curve_is_known_until_a_day_after_the_last_patient():
    curve = kaplan_meier(times([10, 20], [1, 0]))
    assert [curve.at(day).value for day in (0, 9.9, 10, 20, 21)] == [1, 1, 0.5, 0.5, 0.5]
    assert math.isnan(curve.at(21.1).value)
    assert kaplan_meier(times([10, 20], [1, 1])).at(99).value == 0.0


def test_a_last_day_that_one_of_two_survives_is_not_the_end_of_all():
    assert not kaplan_meier(times([5, 5], [1, 0])).all_ended
    assert kaplan_meier(times([3, 5], [0, 1])).all_ended


def test_metastasis_free_follow_up():
    """Found before or on the day of diagnosis: not in it. Found on the last day: found. Else death or the horizon ends it."""
    run = run_of((90, -5, True), (90, 0, False), (90, 1, False), (90, 90, False), (90, NEVER, True), (90, NEVER, False))
    found = survival.follow_up(run, survival.METASTASIS_FREE)
    assert found.patient.tolist() == [2, 3, 4, 5]
    assert found.days.tolist() == [1, 90, 90, 90] and found.happened.tolist() == [True, True, True, False]


def test_patients_come_in_order_and_nobody_is_followed_for_less_than_nothing():
    run = run_of((70, NEVER, True), (-3, NEVER, True), (90, NEVER, False))
    run.patients = run.patients.iloc[[2, 0, 1]]
    found = survival.follow_up(run)
    assert (found.patient.tolist(), found.days.tolist()) == ([0, 1, 2], [70, 0, 90])


# -- bounds --------------------------------------------------------------------------------------------


def test_the_band_by_hand():
    """log(-log S) +- z SE / (S |log S|), and what stands where that has no value."""
    low, high = survival.log_log_band([1.0, 0.8, 0.4, 0.0], [0.0, 0.1, 0.15, 0.0], 10)
    for place, (share, error) in enumerate(((0.8, 0.1), (0.4, 0.15)), 1):
        width = Z * error / (share * -math.log(share))
        assert (low[place], high[place]) == pytest.approx(
            (share ** math.exp(width), share ** math.exp(-width)), rel=1e-12
        )
    assert low[0] == pytest.approx(10 / (10 + Z**2)) and high[0] == 1.0
    assert low[3] == 0.0 and high[3] == high[2]


def test_the_band_of_those_who_all_ended_at_once():
    low, high = survival.log_log_band([0.0], [0.0], 10)
    assert low[0] == 0.0 and high[0] == pytest.approx(Z**2 / (10 + Z**2))
    curve = kaplan_meier(times([1, 2], [1, 1]))
    assert curve.low[-1] == 0.0 and curve.high[-1] == curve.high[1] > 0.5


def test_the_median_is_reached_at_exactly_half():
    assert survival.median_years(kaplan_meier(times([1, 2, 3, 4], [1, 1, 1, 1]))) == pytest.approx(2 / 365.25)
    assert math.isnan(survival.median_years(kaplan_meier(times([1, 2, 3, 4], [1, 0, 0, 0]))))


def test_survival_at_a_year():
    run = run_of((300, NEVER, True), (400, NEVER, True), (800, NEVER, False), (800, NEVER, False))
    assert survival.survival_at_years(run, 1.0).value == 0.75 and survival.survival_at_years(run, 2.0).value == 0.5


# -- log-rank ------------------------------------------------------------------------------------------


def test_log_rank_by_hand():
    """(observed - expected) / sd in the first group: days 1 and 2 with 3 of 6 and 2 of 5 at risk, censored on 2.5."""
    found = logrank(times([1, 2, 2.5], [1, 1, 0]), times([4, 5, 6], [1, 0, 1]))
    assert found.statistic == pytest.approx((2 - 0.5 - 0.4) / math.sqrt(0.25 + 0.24))
    assert found.p_value == pytest.approx(math.erfc(found.statistic / math.sqrt(2)))


def test_log_rank_has_nothing_to_say_of_an_empty_group_or_without_events():
    some, nobody = times([1, 2], [1, 1]), times([], [])
    for pair in ((some, nobody), (nobody, some), (nobody, nobody), (times([3], [0]), times([4], [0]))):
        assert logrank(*pair) == survival.LogRank(0.0, 1.0)


# -- the hazard of recurrence --------------------------------------------------------------------------


def rows_at_random(count: int, horizon: int, seed: int, rate: float = 1.0):
    """Whole days, so that many end on an edge."""
    generator = np.random.default_rng(seed)
    found = np.ceil(generator.exponential(horizon / rate, count))
    last = np.minimum(np.ceil(generator.exponential(1.5 * horizon, count)), horizon)
    return [(float(day), float(one) if one <= day else NEVER, bool(day < horizon)) for day, one in zip(last, found, strict=True)]  # fmt: skip


@pytest.mark.parametrize("width_days", [50.0, 33.5, 49.5])
@pytest.mark.parametrize("horizon", [100, 101, 149])
def test_the_hazard_counts_patient_by_patient(width_days, horizon):
    """Events and days lived from start (not included) to end of each interval, summed in plain Python; the last one goes on to the end."""
    rows = [row for row in rows_at_random(60, horizon, seed=4) if row[1] > 0]
    found = survival.recurrence_hazard(run_of(*rows), width_days / 365.25)
    intervals = math.ceil((horizon - 1) / width_days - 1e-9)
    assert len(found.events) == intervals and found.patients == len(rows)
    for number in range(intervals):
        start, end = number * width_days, (number + 1) * width_days if number < intervals - 1 else math.inf
        ends = [min(last, recurred) for last, recurred, _ in rows]
        assert found.events[number] == sum(start < recurred <= end for last, recurred, _ in rows if recurred <= last)
        lived = sum(min(max(day - start, 0.0), end - start) for day in ends) / 365.25
        assert found.patient_years[number] == pytest.approx(lived, rel=1e-9)
        assert found.start_days[number] == pytest.approx(start)


def test_the_hazards_interval_is_garwoods():
    """The rates at which as many events or more, and as few or fewer, have a chance of 2.5 %; none below no event."""
    found = survival.recurrence_hazard(run_of(*rows_at_random(40, 200, seed=7, rate=0.8)), 40 / 365.25)
    assert 0 < found.events.min() < found.events.max() and (found.patient_years > 0).all()
    assert found.per_year == pytest.approx(found.events / found.patient_years)
    assert poisson.sf(found.events - 1, found.low * found.patient_years) == pytest.approx(0.025)
    assert poisson.cdf(found.events, found.high * found.patient_years) == pytest.approx(0.025)
    nothing = survival.recurrence_hazard(run_of((90, NEVER, False), (80, NEVER, True)), 100 / 365.25)
    assert nothing.events.tolist() == [0] and nothing.low.tolist() == [0.0]
    assert poisson.cdf(0, nothing.high * nothing.patient_years) == pytest.approx(0.025)


def test_the_hazard_is_of_patients_free_at_diagnosis_and_not_of_their_deaths():
    found = survival.recurrence_hazard(
        run_of((90, 0, True), (90, NEVER, True), (80, 40, True), (90, NEVER, False)), 0.1
    )
    assert found.patients == 3 and found.events.tolist() == [0, 1, 0]


@pytest.mark.parametrize("width", [0, -1])
def test_an_interval_of_no_length_is_refused(width):
    with pytest.raises(ValueError, match="must be positive"):
        survival.recurrence_hazard(run_of((90, NEVER, True)), width)


@pytest.mark.parametrize("events, intervals", [(12, 5), (60, 5), (400, 20)])
def test_intervals_hold_about_ten_events_and_are_five_to_twenty(events, intervals):
    """Five years: lengths of a year, of a year (six would be the number), and of a quarter."""
    rows = [(1826, 1 + number, False) for number in range(events)] + [(1826, NEVER, False)] * 100
    assert len(survival.recurrence_hazard(run_of(*rows)).events) == intervals


def test_a_round_length_is_nearest_by_its_ratio_and_a_day_at_least():
    assert survival.round_interval(14.4) == 1.0 and survival.round_interval(14.4, 10) == 2.0
    assert survival.round_interval(1e-4) == pytest.approx(1 / 365.25)
    assert survival.round_interval(0.3, 20) == pytest.approx(7 / 365.25)
