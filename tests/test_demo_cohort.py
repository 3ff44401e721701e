"""The classroom's cohort: the engine's own patients, paired, with intervals that mean what they say."""

import numpy as np
import pytest

from sim import scenario
from sim.demo.cohort import chunks, paired_cohort, paired_difference, wilson
from sim.names import NICHES
from sim.results import reading as results
from sim.runs.run import run_scenario

PATIENTS, SEED = 60, 7


@pytest.fixture(scope="module")
def arms():
    base = scenario.load("colorectal").with_(patients=PATIENTS)
    return [base, base.with_(off=["dual_blood_supply"])]


@pytest.fixture(scope="module")
def states(arms):
    return list(paired_cohort(arms, seed=SEED, patients=PATIENTS))


@pytest.fixture(scope="module")
def runs(arms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [run_scenario(arm, seed=SEED, out=folder / str(number)) for number, arm in enumerate(arms)]


def found_by(run: results.Run, organ: str, day: int) -> int:
    """Patients with a metastasis in the organ detected by that day after diagnosis, from the run's tables."""
    diagnosis = run.patients.set_index("patient")["diagnosis_day"]
    seen = run.metastases[run.metastases["detected_day"].notna()]
    seen = seen if organ == "all" else seen[seen["organ"] == organ]
    return seen[seen["detected_day"] - seen["patient"].map(diagnosis) <= day]["patient"].nunique()


def test_the_curves_are_those_of_the_run_command(states, runs):
    """The same patients, counted from the tables that `run` writes, by another way through the code."""
    last = states[-1]
    assert last["done"] == last["patients"] == PATIENTS
    assert {"all", "liver"} <= set(last["organs"])
    for arm, run in zip(last["arms"], runs, strict=True):
        for organ in last["organs"]:
            counted = [found_by(run, organ, day) / PATIENTS for day in last["days"]]
            assert arm["found"][organ]["share"] == pytest.approx(counted, abs=6e-5)
    assert last["arms"][0]["found"]["liver"]["share"][-1] > 0, "a cohort in which nothing happens shows nothing"


def test_sleepers_are_those_of_the_seeding_table(states, runs):
    last = states[-1]
    for arm, run in zip(last["arms"], runs, strict=True):
        table = run.seeding.query("clock == 'diagnosis' and organ == 'all' and stage == 'dormant'").set_index("day")
        for quartile in ("q25", "q50", "q75"):
            shown = dict(zip(last["days"], arm["sleeping"]["all"][quartile], strict=True))
            enough = [day for day in shown if day in table.index and table.loc[day, "n_at_risk"] >= 0.1 * PATIENTS]
            assert {day: value for day, value in shown.items() if value is not None} == pytest.approx(
                {day: round(table.loc[day, quartile], 1) for day in enough}
            )


def test_pairs_are_counted_patient_by_patient(states, runs):
    with_, without = ({*run.metastases.query("organ == 'liver' and detected_day.notna()")["patient"]} for run in runs)
    pair = states[-1]["paired"]["liver"]
    assert pair["only"] == [len(with_ - without), len(without - with_)]
    assert pair["share"] == pytest.approx([len(with_) / PATIENTS, len(without) / PATIENTS], abs=6e-5)
    assert pair["difference"] == pytest.approx((len(without) - len(with_)) / PATIENTS, abs=6e-5)
    assert pair["low"] <= pair["difference"] <= pair["high"]
    assert len(with_ - without) > 0


def test_curves_come_early_and_grow(states):
    assert [state["done"] for state in states] == [4, 8, 16, 32, 60]
    assert list(chunks(300)) == [
        (0, 4),
        (4, 8),
        (8, 16),
        (16, 32),
        (32, 64),
        (64, 128),
        (128, 208),
        (208, 288),
        (288, 300),
    ]
    assert list(chunks(3)) == [(0, 3)]


def test_no_median_is_shown_of_a_handful_of_survivors(arms, monkeypatch):
    from sim.demo import cohort

    monkeypatch.setattr(cohort, "FEWEST_SHARE", 0.7)  # in 8 patients some die, so that fewer than six are left
    *_, last = paired_cohort(arms, seed=SEED, patients=8)
    medians = last["arms"][0]["sleeping"]["all"]["q50"]
    alive = next(i for i, median in enumerate(medians) if median is None)
    assert 0 < alive < len(medians) and all(median is None for median in medians[alive:])


def test_one_body_alone_has_curves_and_no_pairs(arms):
    shares = []
    *_, last = paired_cohort(arms[:1], seed=SEED, patients=10, report=shares.append)
    assert len(last["arms"]) == 1 and last["paired"] == {}
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_report_that_raises_stops_the_engine(arms):
    class Stop(Exception):
        pass

    told = []

    def report(share):
        told.append(share)
        if share > 0.1:
            raise Stop

    with pytest.raises(Stop):
        list(paired_cohort(arms, seed=SEED, patients=40, report=report))
    assert max(told) < 0.5


def test_wilsons_interval_has_known_values():
    low, high = wilson(np.array([0, 5, 10]), 10)
    # roots of (p - share)^2 = z^2 p (1 - p) / n, solved independently
    for count, a, b in zip((0, 5, 10), low, high, strict=True):
        share, z2 = count / 10, 1.959964**2
        roots = np.sort(np.roots([1 + z2 / 10, -(2 * share + z2 / 10), share * share]))
        assert (a, b) == pytest.approx(tuple(roots), abs=1e-9)


def test_the_paired_interval_covers_the_truth():
    """2,000 cohorts of 300 pairs, true difference -0.10: 95 % nominal, 93.5-97.5 % accepted.

    With a true coverage of 95 % the chance of leaving the band is below 1 in 300; an interval of half the
    width covers 67 %.
    """
    rng = np.random.default_rng(20261122)
    first, second = 0.15, 0.05
    drawn = rng.multinomial(300, [first, second, 1 - first - second], size=2000)
    covered = sum(
        low <= second - first <= high for low, high in (paired_difference(int(a), int(b), 300)[1:] for a, b, _ in drawn)
    )
    assert 0.935 <= covered / 2000 <= 0.975


def test_no_difference_still_has_a_width():
    difference, low, high = paired_difference(0, 0, 20)
    assert difference == 0 and low < 0 < high


def test_every_organ_of_the_engine_has_a_column():
    from sim.demo.cohort import first_found_days

    tables = {
        "patients": {"patient": np.array([3, 4]), "diagnosis_day": np.array([100, 200])},
        "metastases": {
            "patient": np.array([4, 4]),
            "organ": np.array(["lung", "elsewhere"]),
            "detected_day": np.ma.MaskedArray([150, 0], mask=[False, True]),
        },
    }
    days = first_found_days(tables)
    assert days.shape == (2, len(NICHES) + 1)
    assert days[1, NICHES.index("lung")] == days[1, -1] == -50
    assert (days < 10**9).sum() == 2
