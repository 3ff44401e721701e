"""Our statistics at the edge, each against a maintained library: ties, few patients, nobody at risk, an arm without events.

lifelines asks for a pandas older than the one that we pin, so it is the extra `lifelines`, and is asked where it is there;
scikit-survival and statsmodels always are.
"""

import json
import math
import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        import lifelines
        import lifelines.statistics
    except ImportError:
        lifelines = None
    import statsmodels.duration.survfunc
    from sksurv.nonparametric import cumulative_incidence_competing_risks, kaplan_meier_estimator
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.proportion import proportion_confint

import synthetic

from sim.analysis import sensitivity
from sim.analysis.competing_risks import aalen_johansen
from sim.analysis.survival import TimesToEvent, at_risk, kaplan_meier, logrank
from sim.results import reading, storage
from sim.results.incidence import wilson_interval

EDGES = {
    "ties": ([3, 3, 3, 5, 5, 8, 8, 8], [1, 0, 1, 1, 1, 0, 1, 0]),
    "one patient dies": ([4], [1]),
    "one patient is censored": ([4], [0]),
    "two on one day": ([7, 7], [1, 0]),
    "nobody dies": ([1, 2, 3, 4], [0, 0, 0, 0]),
    "everybody dies at once": ([9, 9, 9], [1, 1, 1]),
    "censored before the first death": ([1, 2, 10], [0, 0, 1]),
    "the last one dies": ([1, 5, 6], [0, 1, 1]),
    "death on day 0": ([0, 2, 4, 4], [1, 1, 0, 1]),
}
RANDOM = [(f"random {n} {seed}", n, seed) for n in (2, 5, 30, 300) for seed in range(3)]


def made():
    for name, (days, happened) in EDGES.items():
        yield pytest.param(np.array(days, float), np.array(happened, bool), id=name)
    for name, n, seed in RANDOM:
        dice = np.random.default_rng(seed)
        yield pytest.param(dice.integers(1, 12, n).astype(float), dice.random(n) < 0.6, id=name)


CASES = list(made())


def times(days, happened):
    return TimesToEvent(np.arange(len(days)), days, happened)


@pytest.mark.parametrize("days, happened", CASES)
def test_kaplan_meier_is_that_of_scikit_survival_statsmodels_and_lifelines(days, happened):
    ours = kaplan_meier(times(days, happened))
    reached = ours.days[ours.value <= 0.5 + 1e-12]
    median = reached[0] if len(reached) else math.inf
    if happened.any():
        at, survival = kaplan_meier_estimator(happened, days)
        assert [ours.at(day).value for day in at] == pytest.approx(survival)
        theirs = statsmodels.duration.survfunc.SurvfuncRight(days, happened.astype(int))
        assert [ours.at(day).value for day in theirs.surv_times] == pytest.approx(theirs.surv_prob.tolist())
    if lifelines is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lifelines.KaplanMeierFitter().fit(days, happened)
    for day in np.unique(np.concatenate([[0.0], days, days - 0.5])):
        if 0 <= day <= ours.last_day:
            assert ours.at(day).value == pytest.approx(float(theirs.predict(day)), abs=1e-12)
    assert median == float(theirs.median_survival_time_)


@pytest.mark.parametrize("days, happened", CASES)
def test_the_band_is_greenwoods_on_the_log_log_scale(days, happened):
    ours = kaplan_meier(times(days, happened))
    assert np.all((ours.low <= ours.value) & (ours.value <= ours.high))
    if not happened.any():
        return
    with np.errstate(all="ignore"):
        at, survival, band = kaplan_meier_estimator(happened, days, conf_type="log-log")
    inside = [(day, k) for k, day in enumerate(at) if 0 < survival[k] < 1]  # beyond them, bounds are closed by hand
    for day, k in inside:
        found = ours.at(day)
        assert [found.low, found.high] == pytest.approx(band[:, k].tolist(), abs=1e-9)


@pytest.mark.parametrize("days, happened", CASES)
def test_at_risk_are_those_with_their_event_or_censoring_then_or_later(days, happened):
    table = statsmodels.duration.survfunc.SurvfuncRight(days, happened.astype(int))
    for day, number in zip(table.surv_times, table.n_risk, strict=True):
        if day > 0:
            late = ((days >= day - 1) & (days < day) & ~happened).sum()  # a horizon in whole days ends some hours early
            assert at_risk(days, happened, day) == number + late
    assert at_risk(np.array([365.0]), np.array([True]), 365.25) == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [1, 3, 40])
def test_log_rank_is_that_of_statsmodels_and_lifelines(n, seed):
    dice = np.random.default_rng(seed)
    groups = [(dice.integers(1, 10, n).astype(float), dice.random(n) < 0.5) for _ in range(2)]
    if seed == 5:
        groups[1] = (groups[1][0], np.zeros(n, bool))  # an arm without events
    ours = logrank(*(times(*group) for group in groups))
    (first, died), (second, died_too) = groups
    died_in_all = died.sum() + died_too.sum()
    if died_in_all == 0 or n == 1:
        assert 0.0 <= ours.p_value <= 1.0 and (died_in_all or ours.statistic == 0.0)
    else:
        ends = np.concatenate([first, second])
        with np.errstate(all="ignore"):
            both = statsmodels.duration.survfunc.survdiff(
                ends, np.concatenate([died, died_too]).astype(int), np.repeat([0, 1], n)
            )
        if math.isfinite(both[0]):
            assert both == pytest.approx((ours.statistic**2, ours.p_value))
    if lifelines is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lifelines.statistics.logrank_test(first, second, died, died_too)
    if not math.isfinite(theirs.test_statistic) or theirs.test_statistic == 0.0:
        assert (ours.statistic, ours.p_value) == (0.0, 1.0)
        return
    assert ours.statistic**2 == pytest.approx(theirs.test_statistic) and ours.p_value == pytest.approx(theirs.p_value)


def test_log_rank_of_nobody():
    nobody, one = times(np.zeros(0), np.zeros(0, bool)), times(np.array([3.0]), np.array([True]))
    for pair in ((nobody, one), (one, nobody), (nobody, nobody), (one, one)):
        assert logrank(*pair).p_value == 1.0 and math.isnan(kaplan_meier(nobody).at(1.0).value)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("n", [1, 4, 25, 200])
def test_aalen_johansen_is_that_of_scikit_survival(n, seed):
    dice = np.random.default_rng(seed)
    days, end = dice.integers(1, 9, n).astype(float), dice.integers(0, 3, n)
    if seed == 7:
        end[end == 1] = 2  # nobody has the event
    ours = aalen_johansen(days, end)
    if set(end) >= {1, 2}:
        at, incidence = cumulative_incidence_competing_risks(end, days)
        assert [ours.at(day).value for day in at] == pytest.approx(incidence[1], abs=1e-12)
    elif 1 in end:  # nothing competes: one minus Kaplan and Meier
        free = kaplan_meier(times(days, end == 1))
        assert ours.value == pytest.approx(1 - free.value) and ours.days.tolist() == free.days.tolist()
    else:
        assert ours.value.tolist() == [0.0]


@pytest.mark.parametrize("trials", [1, 2, 7, 300])
def test_wilsons_interval_is_that_of_statsmodels(trials):
    for successes in {0, 1, trials // 2, trials}:
        low, high = wilson_interval(np.float64(successes), trials)
        assert (float(low), float(high)) == pytest.approx(
            proportion_confint(successes, trials, method="wilson"), abs=1e-9
        )


def test_holm_is_that_of_statsmodels():
    from sim.analysis.paired import holm

    for p in ([0.01, 0.04, 0.03], [1.0], [0.5, 0.5, 0.5], [0.0, 1e-9, 0.2, 0.9]):
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


# -- sensitivity -----------------------------------------------------------------------------------------

FACTORS = [sensitivity.VariedParameter(name, 0.0, 1.0) for name in ("a", "b", "c")]
WHOLE = 2**40 + 7


def test_constant_outputs_have_no_influence_and_no_interval():
    for study in (
        sensitivity.screen(lambda points: np.ones((len(points), 1)), FACTORS, trajectories=4, seed=1),
        sensitivity.rank(lambda points: np.ones((len(points), 1)), FACTORS, samples=8, seed=1),
    ):
        assert all(np.isfinite(figure).all() and not figure.any() for figure in study.figures.values())


def test_designs_are_salibs_and_use_the_whole_seed():
    from SALib.sample import morris, sobol

    def model(points):
        return points.sum(axis=1, keepdims=True)

    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0.0, 1.0]] * 3}
    screen = {
        seed: sensitivity.screen(model, FACTORS, trajectories=4, seed=seed).points for seed in (7, WHOLE, WHOLE + 2**40)
    }
    rank = {seed: sensitivity.rank(model, FACTORS, samples=8, seed=seed).points for seed in (7, WHOLE, WHOLE + 2**40)}
    assert np.array_equal(screen[7], morris.sample(problem, 4, num_levels=sensitivity.LEVELS, seed=7))
    assert np.array_equal(rank[7], sobol.sample(problem, 8, calc_second_order=False, seed=7))
    for points in (screen, rank):
        assert not any(
            np.array_equal(one, other)
            for one, other in [(points[7], points[WHOLE]), (points[WHOLE], points[WHOLE + 2**40])]
        )


def test_intervals_are_the_same_twice_with_seed_0_too():
    def model(points):
        return (points**2).sum(axis=1, keepdims=True)

    once, again = (sensitivity.rank(model, FACTORS, samples=16, seed=0).figures["total_low"] for _ in range(2))
    assert np.array_equal(once, again)


# -- seeds in JSON -----------------------------------------------------------------------------------------


def test_a_seed_above_2_to_the_53_is_a_text_in_json_and_a_number_again(tmp_path):
    seed = 2**62 + 1
    assert json.loads(storage.json_text({"seed": seed, "small": 2**53, "low": -(2**60)})) == {
        "seed": str(seed),
        "small": 2**53,
        "low": str(-(2**60)),
    }
    run = synthetic.write(tmp_path / "run", 3)
    told = run.manifest | {"seed": seed}
    tables = {
        name: run.arrow(name) for name in ("patients", "metastases", "founders", "ancestors", "seeding", "cascade")
    }
    storage.write_run(
        tmp_path / "big", {name: dict(zip(t.column_names, t.columns, strict=True)) for name, t in tables.items()}, told
    )
    assert f'"seed": "{seed}"' in (tmp_path / "big" / "manifest.json").read_text(encoding="utf-8")
    assert reading.open(tmp_path / "big").manifest["seed"] == seed
