"""Effects by draw: chance and parameters stand apart, intervals cover, and the chance of an effect is what it is."""

import numpy as np
import pytest
from scipy import stats

from sim.analysis import drawn_effects, random_effects
from sim.analysis.drawn_effects import chance_beyond, per_draw
from sim.scenario.expectations import contrasts

NONE_SAME = np.zeros(40, dtype=bool)


def contrast(text):
    return contrasts(text, ["a", "b", "c", "d"])[0]


def cohort(rng, draws, pairs, between, within, mean=0.0):
    """True effects by draw, and the arms a and b of so many pairs a draw."""
    truth = rng.normal(mean, between, draws)
    draw = np.arange(draws * pairs) % draws
    before = rng.normal(0, 5, draws * pairs)
    after = before + truth[draw] + rng.normal(0, within, draws * pairs)
    everybody = np.ones(draws * pairs, dtype=bool)
    return truth, draw, {"a": (before, everybody), "b": (after, everybody)}


def found_of(rng, draws=40, pairs=12, between=1.0, within=2.0, mean=0.0, text="b > a"):
    truth, draw, arms = cohort(rng, draws, pairs, between, within, mean)
    return truth, per_draw(contrast(text), arms, draw, np.zeros(draws, dtype=bool), share=False)


def test_random_effects_are_those_of_statsmodels():
    """Paule and Mandel's variance, mean, error and interval of 3, 20 and 100 unequal effects."""
    meta = pytest.importorskip("statsmodels.stats.meta_analysis")
    rng = np.random.default_rng(1)
    for draws in (3, 20, 100):
        variances = rng.uniform(0.1, 2.0, draws)
        effects = rng.normal(0.3, 1.0, draws) + rng.normal(0.0, np.sqrt(variances))
        theirs = meta.combine_effects(effects, variances, method_re="iterated", use_t=True)
        ours = random_effects.pooled(effects, variances)
        assert ours.between_sd**2 == pytest.approx(theirs.tau2, rel=1e-4)
        assert (ours.mean, ours.error) == pytest.approx((theirs.mean_effect_re, theirs.sd_eff_w_re), rel=1e-4)
        assert (ours.low, ours.high) == pytest.approx(tuple(theirs.conf_int(use_t=True)[1]), rel=1e-4)


def test_equal_effects_leave_nothing_between_draws():
    even = random_effects.pooled(np.array([1.0, 1.1, 0.9, 1.0]), np.full(4, 1.0))
    assert even.between_sd == 0.0 and even.error == pytest.approx(0.5) and even.chance_error == pytest.approx(0.5)
    certain = random_effects.pooled(np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert certain.between_sd == pytest.approx(1.0) and certain.chance_error == 0.0
    nothing = random_effects.pooled(np.zeros(5), np.zeros(5))
    assert (nothing.mean, nothing.low, nothing.predicted_high) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="3 or more"):
        random_effects.pooled(np.zeros(2), np.ones(2))


def test_the_variance_between_draws_is_found_whatever_chance_adds():
    """Mean of 300 estimates against the truth 1 (its SD 0.3 / sqrt 300 = 0.017): 0.07 is four SD. Pairs differ in spread."""
    rng = np.random.default_rng(2)
    squares = []
    for _ in range(300):
        truth, draw, arms = cohort(rng, 40, 12, 1.0, 1.0, 0.5)
        spread = np.where(truth > 0.5, 4.0, 0.5)[draw]  # what has a larger effect varies more
        before, everybody = arms["a"]
        arms["b"] = (before + truth[draw] + rng.normal(0, spread), everybody)
        squares.append(per_draw(contrast("b > a"), arms, draw, NONE_SAME, share=False).together().between_sd ** 2)
    assert np.mean(squares) == pytest.approx(1.0, abs=0.07)


def test_intervals_cover_what_they_say():
    """600 cohorts of 20 draws x 10 pairs: 95 % is 570 (SD 5.3), so 549 to 591 is four SD (a false alarm in 10,000).

    The mean's interval covers the mean of all draws, that of a new draw the true effect of one.
    """
    rng = np.random.default_rng(3)
    mean = new = 0
    for _ in range(600):
        _, found = found_of(rng, 20, 10, mean=0.4)
        whole = found.together()
        mean += whole.low <= 0.4 <= whole.high
        new += whole.predicted_low <= rng.normal(0.4, 1.0) <= whole.predicted_high
    assert 549 <= mean <= 591 and 549 <= new <= 591


def test_the_chance_of_an_effect_is_that_of_the_law_of_the_draws():
    """P(N(0.5, 1) > 0.3) = 0.579 over 40 draws; the mean of 200 such (SD 0.08 / sqrt 200) lies within four SD, 0.023."""
    rng = np.random.default_rng(4)
    told = [chance_beyond(found_of(rng, mean=0.5)[1], contrast("b > a"), 0.3) for _ in range(200)]
    assert np.mean(told) == pytest.approx(stats.norm.sf(-0.2), abs=0.023)
    rng = np.random.default_rng(4)
    opposite = [chance_beyond(found_of(rng, mean=0.5, text="b < a")[1], contrast("b < a"), 0.3) for _ in range(200)]
    assert np.mean(opposite) == pytest.approx(stats.norm.sf(0.8), abs=0.023), "the other side, by as much"
    rng = np.random.default_rng(4)
    bound = contrast("b = a within 1.0")
    within = [chance_beyond(found_of(rng, mean=0.5)[1], bound, 0.0) for _ in range(200)]
    assert np.mean(within) == pytest.approx(stats.norm.cdf(0.5) - stats.norm.cdf(-1.5), abs=0.023)


def test_more_pairs_sharpen_chance_and_not_what_is_not_known():
    few, many = (found_of(np.random.default_rng(5), pairs=pairs)[1].together() for pairs in (4, 400))
    assert many.chance_error < 0.2 * few.chance_error
    assert many.between_sd == pytest.approx(1.0, rel=0.35) and many.error > 5 * many.chance_error


def test_a_draw_whose_pairs_happen_to_agree_has_an_error():
    """Two pairs a draw: in some the spread within is zero by chance; in the pooled one it is not."""
    rng = np.random.default_rng(6)
    draw, everybody = np.arange(80) % 40, np.ones(80, dtype=bool)
    arms = {"a": (np.zeros(80), everybody), "b": ((rng.random(80) < 0.1).astype(float), everybody)}
    found = per_draw(contrast("b > a"), arms, draw, NONE_SAME, share=True)
    assert (found.effect == 0).any() and (found.variance > 0).all() and np.ptp(found.variance) == 0.0
    nobody = per_draw(contrast("b > a"), arms | {"b": arms["a"]}, draw, NONE_SAME, share=True)
    assert nobody.all_equal and (nobody.variance > 0).all(), "half a patient in each cell: no event is not no error"


def test_arms_that_are_one_by_law_have_no_effect_in_that_draw():
    """Half of the draws at the null, and a large effect in the others: the chance is a half, not one."""
    rng = np.random.default_rng(7)
    _, draw, arms = cohort(rng, 40, 10, 0.2, 0.5, mean=5.0)
    same = np.arange(40) < 20
    before, everybody = arms["a"]
    arms["b"] = (np.where(same[draw], before, arms["b"][0]), everybody)
    found = per_draw(contrast("b > a"), arms, draw, same, share=False)
    assert chance_beyond(found, contrast("b > a"), 0.0) == pytest.approx(0.5, abs=1e-6)
    assert chance_beyond(found, contrast("b = a within 0.1"), 0.0) == pytest.approx(0.5, abs=1e-3)
    whole = found.together()
    assert whole.mean == pytest.approx(2.5, abs=0.3) and whole.between_sd == pytest.approx(2.53, abs=0.3)
    everywhere = per_draw(contrast("b > a"), arms | {"b": arms["a"]}, draw, np.ones(40, dtype=bool), share=False)
    assert chance_beyond(everywhere, contrast("b > a"), 0.0) == 0.0


def test_a_draw_in_which_no_pair_differs_has_no_effect_unless_chance_may_do_that():
    """A treatment with nothing to act on: nine pairs of ten differ elsewhere, so ten equal ones are no chance; of a rare event they are."""
    rng = np.random.default_rng(10)
    draw, everybody = np.arange(400) % 40, np.ones(400, dtype=bool)
    for share, taken in ((0.9, 20), (0.05, 0)):
        change = np.where((draw < 20) & (rng.random(400) < share), 1.0, 0.0)
        found = per_draw(
            contrast("b > a"), {"a": (np.zeros(400), everybody), "b": (change, everybody)}, draw, NONE_SAME, share=False
        )
        assert found.no_effect.sum() == taken
    assert found.effect[20:].max() == 0.0


def test_groups_of_other_patients_are_compared_as_groups():
    """Errors add up where arms hold other patients: 2 draws' worth by hand."""
    rng = np.random.default_rng(8)
    draw, group = np.arange(4000) % 40, rng.random(4000) < 0.5
    values = rng.normal(0, 1, 4000)
    found = per_draw(contrast("a > b"), {"a": (values, group), "b": (values, ~group)}, draw, NONE_SAME, share=False)
    inside = draw == 0
    expected = 1 / (group & inside).sum() + 1 / (~group & inside).sum()
    assert found.variance[0] == pytest.approx(expected, rel=0.1)
    assert found.effect[0] == pytest.approx(values[group & inside].mean() - values[~group & inside].mean())
    four = {"a": (values, group), "b": (values + 1, group), "c": (values, ~group), "d": (values + 1, ~group)}
    assert per_draw(contrast("a - b > c - d"), four, draw, NONE_SAME, share=False).effect == pytest.approx(0.0)


def test_a_draw_without_patients_is_left_out():
    draw = np.array([0, 0, 1, 1, 2, 2])
    counted = np.array([1, 1, 0, 0, 1, 1], dtype=bool)
    arms = {"a": (np.zeros(6), counted), "b": (np.arange(6.0), counted)}
    found = per_draw(contrast("b > a"), arms, draw, np.zeros(3, dtype=bool), share=False)
    assert found.draw.tolist() == [0, 2] and found.patients.tolist() == [2, 2] and found.together() is None


def test_the_tests_can_fail(monkeypatch):
    """Without pooling a draw has no error where its pairs agree; without shrinking, chance is taken for parameters."""
    rng = np.random.default_rng(9)
    _, found = found_of(rng, 40, 3, between=0.1, within=3.0, mean=0.5)
    raw = np.mean(found.effect > 0.3)
    assert abs(chance_beyond(found, contrast("b > a"), 0.3) - raw) > 0.05
    monkeypatch.setattr(random_effects, "between_variance", lambda effects, variances: float(effects.var(ddof=1)))
    told = [found_of(rng, 40, 4, between=1.0, within=4.0)[1].together().between_sd ** 2 for _ in range(50)]
    assert np.mean(told) > 3.0, "the spread of what is seen is not that of what is true"
    assert drawn_effects.random_effects is random_effects
