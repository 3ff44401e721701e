"""Every parameter of the catalogue moves its outcome in the direction that the catalogue declares.

Each parameter is raised from the low to the high end of its range (by way of its optimum, if it has one: "^" must rise up to
there, and fall from there on), everything else equal: the same
patients, the same seed and so the same random numbers (paired lanes of one model). A parameter that
does nothing gives bit-identical pairs, none of which moved, and fails. Of the pairs that moved so
many must have moved the declared way that coin tosses would do it with a probability below 0.001 (a
sign test: no assumption on distributions), and their mean must have moved that way too; at an optimum both steps must pass. A parameter
that acts the other way, or both ways alike, passes by chance less often than that. Nothing can alarm
falsely later on: the seed is fixed, so a test that passes goes on passing until the code changes.
"""

import dataclasses
import itertools

import direction_outcomes as outcomes
import numpy as np
import pytest
from every import assert_every
from scipy.stats import binom

from sim import catalog
from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import draw_hosts
from sim.model import MetastasisModel
from sim.treatments.base import stacked

PARAMETERS = catalog.load()
SIGN_TEST_P = 0.001
STANDARD_ERRORS = 3.0
NO_EFFECT = 0.02
"""A numerical setting ("0") may move the mean of its outcome by less than this share."""
SMALLEST = 1e-6
"""An outcome must move by more than this share: more than rounding."""


def points(name: str, base: float) -> tuple[float, ...]:
    """Low and high value to compare: the range, moved along where the base is not the catalogue's value; an optimum stands between.

    A range of more than a factor of 100 is narrowed to ten about the base; drainage goes from a fifth to four fifths.
    """
    parameter = PARAMETERS[name]
    if name.startswith("drainage."):
        return 0.2, 0.8
    low, high = parameter.low, parameter.high
    if parameter.optimum is not None:
        return low, parameter.optimum, high
    if low > 0 and high / low > 100 and parameter.maximum > high:
        low, high = parameter.value / 10**0.5, parameter.value * 10**0.5
    scale = base / parameter.value if base and parameter.value else 1.0
    return max(low * scale, parameter.minimum), min(high * scale, parameter.maximum)


def check_direction(parameter, *outcome: np.ndarray) -> None:
    """Fail unless the outcome (by patient, paired; one number if there is no chance) moves as declared from value to value."""
    for number, (low, high) in enumerate(itertools.pairwise(outcome)):
        check_step(parameter, "+-"[number] if parameter.direction == "^" else parameter.direction, low, high)


def check_step(parameter, direction: str, low: np.ndarray, high: np.ndarray) -> None:
    """Fail unless the outcome moves in this direction ("+", "-" or "0")."""
    paired = np.isfinite(low) & np.isfinite(high)
    assert paired.any(), f"{parameter.name}: nothing to compare"
    low, high = low[paired], high[paired]
    moved = high - low
    text = f"{parameter.name}: {parameter.outcome} goes from {low.mean():.6g} to {high.mean():.6g}, declared {parameter.direction}"
    if direction == "0":
        error = moved.std(ddof=1) / np.sqrt(len(moved))
        assert abs(moved.mean()) + STANDARD_ERRORS * error < NO_EFFECT * abs(low.mean()), text
        return
    toward = moved if direction == "+" else -moved
    assert toward.mean() > SMALLEST * abs(low.mean()), text
    if len(moved) > 1:
        right, moved_at_all = int((toward > 0).sum()), int((toward != 0).sum())
        p = float(binom.sf(right - 1, moved_at_all, 0.5))
        assert p < SIGN_TEST_P, f"{text} ({right} of {moved_at_all} patients that moved, p = {p:.2g})"


def outcome_is_known(parameter) -> bool:
    """There is a function for the parameter's outcome."""
    return (
        outcomes.exact(parameter.name, parameter.outcome) is not None
        or parameter.outcome.split(".")[0] in outcomes.SIMULATED
    )


EXACT = [name for name, p in PARAMETERS.items() if outcomes.exact(name, p.outcome) is not None]
SIMULATED = [name for name, p in PARAMETERS.items() if name not in EXACT]


def check_outcome(parameter) -> None:
    assert outcome_is_known(parameter), f"no function for {parameter.outcome} in direction_outcomes.py"


def test_every_parameter_has_an_outcome_that_is_measured():
    assert_every(check_outcome, PARAMETERS.values(), name=lambda parameter: parameter.name)


def exact_pair(name: str) -> tuple[np.ndarray, ...]:
    """The outcome without chance at each value compared, (1,) each."""
    measure = outcomes.exact(name, PARAMETERS[name].outcome)
    base = outcomes.catalogue_values() | outcomes.own_mechanism(name) | outcomes.exact_changes(name)
    return tuple(np.array([measure(base | {name: value})]) for value in points(name, base[name]))


@pytest.mark.parametrize("name", EXACT)
def test_direction_without_chance(name):
    check_direction(PARAMETERS[name], *exact_pair(name))


def run_pairs(names) -> dict[str, tuple[np.ndarray, ...]]:
    """All parameters in one model: for each the outcome by patient at each value compared, from low to high."""
    n, arms_of = outcomes.PATIENTS, {}
    arms, sites, ages, visible, plans = [], [], [], [], []
    for name in names:
        outcome = PARAMETERS[name].outcome
        base, site, age_years = outcomes.setup(name, outcome)
        compared = points(name, base[name])
        arms_of[name] = range(len(arms), len(arms) + len(compared))
        for value in compared:
            arms.append(base | {name: value})
            plans.append(outcomes.SIMULATED[outcome.split(".")[0]].treatments)
            sites += [site] * n
            ages += [outcomes.age(age_years)] * n
            visible.append("autopsy" if outcome.endswith("at_autopsy") else "imaging")
    parameters = LaneParameters.stack(arms, np.repeat(np.arange(len(arms)), n))
    patients = np.tile(np.arange(n), len(arms))
    hosts = draw_hosts(outcomes.SEED, patients, sites, ages, parameters)
    threshold = np.where(
        np.repeat(visible, n) == "autopsy", parameters["autopsy_threshold_cells"], parameters["imaging_threshold_cells"]
    )
    model = MetastasisModel(hosts, parameters, seed=outcomes.SEED, horizon_days=outcomes.HORIZON_DAYS, visible_cells=threshold,
                            keep_seeds=True, collect=False, treatments=stacked(plans, np.repeat(np.arange(len(arms)), n)))  # fmt: skip
    model.run()
    finished, found = outcomes.Finished(model), {}
    for name in names:
        outcome = PARAMETERS[name].outcome
        measure = outcomes.SIMULATED[outcome.split(".")[0]].measure
        found[name] = tuple(
            measure(finished, np.arange(n) + n * arm, outcomes.niches_of(outcome)) for arm in arms_of[name]
        )
    model.__dict__.clear()
    return found


@pytest.fixture(scope="module")
def pairs():
    """Ten parameters a model: all in one take twice the time, because their rows do not fit into the processor's caches."""
    known = [name for name in SIMULATED if outcome_is_known(PARAMETERS[name])]
    found = {}
    for start in range(0, len(known), 10):
        found |= run_pairs(known[start : start + 10])
    return found


@pytest.mark.parametrize("name", SIMULATED)
def test_direction_in_paired_patients(name, pairs):
    check_direction(PARAMETERS[name], *pairs[name])


# -- it can fail ---------------------------------------------------------------------------------


@pytest.mark.parametrize("direction, opposite", ["+-", "-+"])
def test_the_opposite_of_a_declared_direction_is_refused(direction, opposite):
    """`check_step` itself: what moves 32 of 32 patients one way, or one number without chance, is refused the other way.

    That this holds for every parameter of the catalogue follows from its own test: a mean that moves the declared way does
    not move the other.
    """
    parameter, low = PARAMETERS["soil.liver"], np.linspace(1.0, 2.0, 32)
    high = low + 0.1 if direction == "+" else low - 0.1
    for rows in (slice(None), slice(1)):
        check_step(parameter, direction, low[rows], high[rows])
        for wrong in (opposite, "0"):
            with pytest.raises(AssertionError, match="goes from"):
                check_step(parameter, wrong, np.tile(low[rows], 2), np.tile(high[rows], 2))


def test_a_numerical_setting_moves_its_outcome_neither_way(pairs):
    """Declared "0", it may move the mean by up to 2 %, and yet in nearly all patients the same way: a bias, found here."""
    settings = [parameter for name in SIMULATED if (parameter := PARAMETERS[name]).direction == "0"]
    assert settings
    for parameter in settings:
        for direction in "+-":
            with pytest.raises(AssertionError, match="goes from"):
                check_step(parameter, direction, *pairs[parameter.name])


def test_a_parameter_that_does_nothing_fails(pairs):
    low, _ = pairs["competent_share"]
    with pytest.raises(AssertionError, match="declared \\+"):
        check_direction(PARAMETERS["competent_share"], low, low.copy())


def test_an_optimum_that_lies_at_an_end_fails(pairs):
    """The outcome of the highest and the best value exchanged: it then rises throughout. And turned over, it falls first."""
    low, best, high = pairs["emt_mean"]
    for wrong in ((low, high, best), (best, low, high), (low, best, best)):
        with pytest.raises(AssertionError, match="declared \\^"):
            check_direction(PARAMETERS["emt_mean"], *wrong)


def test_an_optimum_is_neither_a_rise_nor_a_fall(pairs):
    for direction in "+-0":
        with pytest.raises(AssertionError, match="goes from"):
            check_direction(dataclasses.replace(PARAMETERS["emt_mean"], direction=direction), *pairs["emt_mean"])


def test_without_the_cost_of_turning_back_emt_has_no_optimum(monkeypatch):
    """The engine's own defect: the most mesenchymal tumours then settle most."""
    monkeypatch.setitem(outcomes.CHANGES_OF, "emt_mean", {"emt_return_cost": 0.0})
    low, best, high = run_pairs(["emt_mean"])["emt_mean"]
    check_direction(dataclasses.replace(PARAMETERS["emt_mean"], direction="+"), low, best, high)
    with pytest.raises(AssertionError, match="declared \\^"):
        check_direction(PARAMETERS["emt_mean"], low, best, high)


def test_a_setting_that_moves_the_outcome_fails(pairs):
    """Three per cent is more than a numerical setting may do."""
    low, high = pairs["colony_noise"]
    with pytest.raises(AssertionError, match="declared 0"):
        check_direction(PARAMETERS["colony_noise"], low, 1.03 * high)


def test_a_parameter_without_an_outcome_fails():
    new = dataclasses.replace(PARAMETERS["soil.liver"], name="new_parameter", outcome="happiness")
    with pytest.raises(AssertionError, match="1 failed\nnew_parameter: no function for happiness"):
        assert_every(check_outcome, [PARAMETERS["soil.liver"], new], name=lambda parameter: parameter.name)


def test_an_inverted_law_is_noticed(monkeypatch):
    """The engine's own defect, not the catalogue's: arrest read as the probability of passing."""
    from sim.disease import body

    right = body.arrest_by_bed
    monkeypatch.setattr(body, "arrest_by_bed", lambda parameters: 1.0 - right(parameters))
    with pytest.raises(AssertionError, match="arrest_probability.liver"):
        check_direction(PARAMETERS["arrest_probability.liver"], *exact_pair("arrest_probability.liver"))
