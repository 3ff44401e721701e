"""The table of statements: how they are written and refused, planned, asked, kept and given a level; that it can say no."""

import dataclasses
import json
import math
import re
import tomllib
from types import SimpleNamespace

import figure_checks
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import NormalIndPower

from sim import catalog
from sim.analysis.claims import evaluate, table
from sim.analysis.claims import statements as s
from sim.analysis.claims.levels import (
    CONDITIONAL,
    CONSTRUCTION,
    CONTRADICTED,
    ENOUGH,
    LEVELS,
    NOT,
    NOT_ASKED,
    NOT_BUILT,
    OUT,
    SUPPORTED,
    compatible,
    level,
)
from sim.analysis.claims.power import patients_needed, power_of
from sim.catalog.posterior import POSTERIOR, PRIOR
from sim.cli import main
from sim.errors import InputError
from sim.names import DAYS_PER_YEAR
from sim.plots.claims import Effect, effects_forest
from sim.report.claims import page, rows
from sim.runs.run import run_scenario

ALL = s.load()
COMPARISONS = [one for one in ALL.values() if one.answer == s.COMPARISON]
PAIR = """
[T01]
topic = "made up"
statement = "more of them in the second arm"
population = "colon"
estimand = "share with a metastasis"
clock = "diagnosis"
evidence = "none"
answer = "comparison"
patients = 400
least = 0.05
why_least = "for the test"
outcome = "patients with a metastasis within 5 years"
expect = ["b > a"]
question = { extends = "colorectal", treatments = [{ name = "resection", start_days = 28 }] }
arms = [{ name = "a" }, { name = "b", treatments = [] }]
"""


def written(folder, text=PAIR, name="t.toml"):
    (folder / name).write_text(text, encoding="utf-8")
    return s.load(folder)


# -- how they are written --------------------------------------------------------------------------


def test_all_fifty_two_are_there_and_say_what_is_asked():
    assert list(ALL) == [f"C{number:02}" for number in range(1, 53)]
    for one in ALL.values():
        assert one.population and one.estimand and one.clock and one.evidence
    for one in COMPARISONS:
        asked = one.asked()
        assert asked.contrasts and one.why_least and asked.least
        assert not any(asked.outcomes[arm.name].unit.startswith("log10") for arm in asked.arms), (
            "no outcome in patients"
        )


def test_no_statement_overrides_a_calibrated_number():
    """Nor an assumed one in all arms: what an arm sets is what the arm is about."""
    assert [one.id for one in COMPARISONS if one.overrides] == []
    moved = dataclasses.replace(ALL["C02"], question={"parameters": {"frailty_log_sd": {"value": 1, "reason": "x"}}})
    assert moved.overrides == ("frailty_log_sd",)


def test_what_is_assumed_has_a_range_in_the_catalogue():
    for one in ALL.values():
        for name in one.assumed:
            parameter = catalog.load()[name]
            assert parameter.kind == "assumed" and parameter.low < parameter.high, name


@pytest.mark.parametrize(
    "old, new, words",
    [
        ('topic = "made up"', 'topics = "made up"', 'T01: topics: unknown key "topics"; did you mean topic'),
        ('clock = "diagnosis"', "", "T01: clock: missing; allowed: a text"),
        ('answer = "comparison"', 'answer = "perhaps"', 'answer: found "perhaps"; allowed: comparison, validate'),
        ("least = 0.05", "", "least: missing; a statement answered by comparison needs it"),
        ("within 5 years", "within 5 moons", "outcome: unknown outcome"),
        ('expect = ["b > a"]', 'expect = ["b > a"]\nassumed = ["frailty_log_sd"]', "allowed: a parameter of kind assumed"),
        ('expect = ["b > a"]', 'expect = ["b > a"]\nmechanism = "dormancies"', 'unknown mechanism "dormancies"'),
        ('{ name = "a" }', '{ name = "a", only = "the ill" }', 'unknown condition "the ill"'),
        ('expect = ["b > a"]', 'expect = ["b > a"]\npublished = { rows = ["NO1"], scale = "share" }', "'NO1'"),
        ('expect = ["b > a"]', 'expect = ["b > a"]\npublished = { rows = ["NAT056"], scale = "feet" }', 'scale "feet"'),
    ],
)  # fmt: skip
def test_a_fault_names_file_statement_and_key(tmp_path, old, new, words):
    assert old in PAIR
    with pytest.raises(InputError) as refusal:
        written(tmp_path, PAIR.replace(old, new))
    assert "t.toml: T01: " in str(refusal.value) and words in str(refusal.value)


def test_one_id_stands_once_and_an_unknown_one_is_refused(tmp_path):
    written(tmp_path)
    (tmp_path / "u.toml").write_text(PAIR, encoding="utf-8")
    with pytest.raises(InputError, match="u.toml: T01: found twice"):
        s.load(tmp_path)
    with pytest.raises(InputError, match='unknown statement "C53"; did you mean'):
        s.chosen(["C53"])
    assert list(s.chosen(["C44", "C05"])) == ["C05", "C44"] and s.chosen([]) == ALL


def test_arms_that_differ_before_diagnosis_are_not_counted_from_it(tmp_path):
    text = PAIR.replace("treatments = [] }", "mechanisms = { dormancy = false } }")
    with pytest.raises(InputError, match=r'T01: arms: found "a" and "b", which differ before diagnosis \(.*dormancy'):
        written(tmp_path, text)["T01"].asked()
    text = text.replace("within 5 years", "within 5 years after the reference day")
    assert len(written(tmp_path, text)["T01"].asked().arms) == 2


def test_published_sizes_stand_on_the_scale_of_the_outcome():
    size = ALL["C13"].published
    assert size.value == pytest.approx(math.log(0.82 / 0.73))
    half = math.hypot(math.log(0.94 / 0.72), math.log(0.80 / 0.67)) / 2
    assert (size.low, size.high) == pytest.approx((size.value - half, size.value + half))
    assert ALL["C22"].published == s.Published(("NAT056",), 0.26, 0.09, 0.69, False)
    assert ALL["C42"].published.value == pytest.approx(0.524) and math.isnan(ALL["C42"].published.low)


# -- how many patients -----------------------------------------------------------------------------


@pytest.mark.parametrize("sd, least", [(1.0, 0.1), (0.3, 0.02), (2.0, 0.5)])
def test_planned_power_is_that_of_statsmodels(sd, least):
    alone, each = patients_needed(sd, least), patients_needed(sd * 2**0.5, least)
    solve = NormalIndPower(ddof=0).solve_power
    assert alone == pytest.approx(solve(least / sd, alpha=0.05, power=0.9, ratio=0), rel=1e-3)
    assert each == pytest.approx(solve(least / sd, alpha=0.05, power=0.9, ratio=1), rel=1e-3)
    assert power_of(alone, sd, least) == pytest.approx(0.9, abs=1e-3)
    assert power_of(alone / 2, sd, least) < 0.7 and math.isnan(patients_needed(0.0, least))


def test_planned_patients_find_the_least_effect_nine_times_in_ten():
    """Pairs of a share, of which 6 % gain and 2 % lose by the arm: a difference of 0.04."""
    dice, tries = np.random.default_rng(1), 2000
    sd = math.sqrt(0.08 - 0.04**2)
    patients = round(patients_needed(sd, 0.04))
    gained, lost, _ = np.split(dice.multinomial(patients, [0.06, 0.02, 0.92], size=tries), 3, axis=1)
    difference = (gained - lost) / patients
    error = np.sqrt(((gained + lost) / patients - difference**2) / patients)
    found = (difference > 1.96 * error).mean()
    assert found == pytest.approx(0.9, abs=0.025)


def test_an_equality_needs_both_bounds():
    assert patients_needed(1.0, 0.1, equality=True) == pytest.approx(((1.6449 + 1.6449) / 0.1) ** 2, rel=1e-3)


# -- levels ----------------------------------------------------------------------------------------


def found(p=0.99, *, prior=None, acting=1.0, p_acting=None, mean=0.1, low=0.05, high=0.15, patients=400):
    drawn = {"probability": p, "acting": acting, "mean": mean, "low": low, "high": high}
    drawn |= {"predicted_low": low, "predicted_high": high, "between_sd": 0.0}
    drawn |= {} if p_acting is None else {"probability_acting": p_acting}
    row = {"expected": "b > a", "estimate": mean, "error": 0.02, "paired": 900.0, "unpaired": 2000.0, POSTERIOR: drawn}
    row |= {} if prior is None else {PRIOR: {"probability": prior}}
    return {"patients": patients, "planned": 400, "draws": 40, "arms": [], "contrasts": [row], "seconds": 1.0}


@pytest.fixture
def pair(tmp_path):
    return written(tmp_path)["T01"]


SIZE = s.Published(("NAT001",), 0.1, 0.04, 0.16, False)
LAW = {"law": "it cannot be otherwise"}
OVERRIDE = {"question": {"parameters": {"frailty_log_sd": {"value": 1.0, "reason": "more alike"}}}}


@pytest.mark.parametrize(
    "changes, told, expected, words",
    [
        ({}, found(prior=0.5), SUPPORTED, "0.99 under the posterior, 0.50 under the prior"),
        ({}, found(prior=0.97), CONSTRUCTION, "0.97 under the prior already"),
        ({}, found(), CONDITIONAL, "the prior was not asked"),
        (LAW, found(prior=0.5), CONSTRUCTION, "it cannot be otherwise"),
        ({**LAW, "published": SIZE}, found(prior=0.5), SUPPORTED, "meets 0.1 (0.04 to 0.16), NAT001"),
        ({**LAW, "published": dataclasses.replace(SIZE, fitted=True)}, found(prior=0.5), CONSTRUCTION, "cannot"),
        ({"published": dataclasses.replace(SIZE, value=0.5)}, found(prior=0.5), NOT, "size (0.5"),
        ({"published": dataclasses.replace(SIZE, low=0.09, high=0.11)}, found(prior=0.5), NOT, "is not met"),
        (OVERRIDE, found(prior=0.5), CONDITIONAL, "numbers of the question's own: frailty_log_sd"),
        ({"contradicted": "a registry says less"}, found(prior=0.5), CONTRADICTED, "a registry says less"),
        ({}, found(0.7), CONDITIONAL, "in 70% of the draws"),
        ({}, found(0.7, low=-0.05, mean=0.05), NOT, "chance 0.70"),
        ({}, found(0.2, mean=-0.1, low=-0.15, high=-0.05), NOT, "chance 0.20"),
        ({}, found(0.1, mean=0.0, low=-0.1), NOT, "asked of 400 patients, and 90 % power needs 900 in pairs"),
        ({}, found(0.78, acting=0.8, p_acting=0.97), CONDITIONAL, "in the 80% of draws in which the mechanism acts"),
        (LAW, found(0.78, acting=0.8, p_acting=0.97), CONSTRUCTION, "never shown in humans"),
        ({}, found(None), NOT, "too few patients"),
        ({}, None, NOT_ASKED, "the same command asks it"),
        ({"answer": s.MISSING, "reason": "no such thing"}, None, NOT_BUILT, "no such thing"),
        ({"answer": s.OUT_OF_SCOPE, "reason": "beyond"}, None, OUT, "beyond"),
        ({"answer": s.CONSTRUCTION, "reason": "by storage"}, None, CONSTRUCTION, "by storage"),
    ],
)  # fmt: skip
def test_levels_say_no_more_than_the_numbers(pair, changes, told, expected, words):
    given = level(dataclasses.replace(pair, **changes), told)
    assert given.name == expected and words in given.why


@pytest.mark.parametrize(
    "rows_told, changes, expected",
    [
        ([("inside", "predicted")], {}, SUPPORTED),
        ([("inside", "fitted")], {}, CONSTRUCTION),
        ([("inside", "fitted"), ("outside", "predicted")], {}, NOT),
        ([("inside", "predicted")], {"contradicted": "two registries"}, CONTRADICTED),
        ([], {}, NOT),
    ],
)
def test_rows_of_validate_give_a_level(pair, rows_told, changes, expected):
    statement = dataclasses.replace(pair, answer=s.VALIDATE, rows=("CRC02",), **changes)
    told = [{"name": "n", "text": "1", "status": status, "kind": kind} for status, kind in rows_told]
    assert level(statement, {"rows": told}).name == expected


def test_a_wide_interval_meets_no_published_size():
    assert compatible(SIZE, {"predicted_low": 0.0, "predicted_high": 0.2})
    assert not compatible(SIZE, {"predicted_low": -0.1, "predicted_high": 0.2})
    assert not compatible(SIZE, {"predicted_low": None, "predicted_high": None})


# -- false support, with made-up arms ----------------------------------------------------------------

PATIENTS, DRAWS = 400, 20


def made_up_runs(dice, shares, hazards=None):
    """A runner of arms without any model: the share with a metastasis by arm, or exponential deaths; all independent."""

    def run(scenario):
        arm = scenario.name.rsplit("-", 1)[1]
        patients = scenario.patients
        days = dice.exponential(1.0 / hazards[arm], patients) * DAYS_PER_YEAR if hazards else np.full(patients, 9e9)
        dead = days < 5 * DAYS_PER_YEAR
        people = pd.DataFrame({
            "patient": np.arange(patients), "diagnosis_day": 1000, "reference_day": 1000,
            "last_day": 1000 + np.minimum(days, 5 * DAYS_PER_YEAR + 1),
            "death_day": pd.array(np.where(dead, 1000 + days, np.nan), dtype="Float64").copy(),
            "first_detected_day": pd.array([None] * patients, dtype="Int32"),
        })  # fmt: skip
        people.loc[~dead, "death_day"] = pd.NA
        have = np.flatnonzero(dice.random(patients) < shares[arm])
        found = pd.DataFrame({"patient": have, "organ": "liver", "colony": have, "detected_day": 1500.0})
        return SimpleNamespace(patients=people, metastases=found, manifest={"scenario": {"parameters": {}}})

    return run


def chance_of(statement, runs):
    told = evaluate.evaluate(statement, runs, patients=PATIENTS, draws=DRAWS)
    return told["contrasts"][0][POSTERIOR]["probability"], level(statement, told).name


def test_arms_without_a_difference_are_rarely_supported(pair):
    """Of 200 tries at most 5 % (ten; fifteen with the error of 200) reach 95 %, even if any effect at all mattered."""
    any_effect = dataclasses.replace(pair, least=1e-9)
    dice = np.random.default_rng(15)
    reached = [chance_of(any_effect, made_up_runs(dice, {"a": 0.2, "b": 0.2}))[0] >= ENOUGH for _ in range(200)]
    assert sum(reached) <= 15


def test_a_difference_is_found_and_its_reverse_is_not(pair):
    """The teeth of the test above: 0.2 against 0.45 where 0.05 matters."""
    dice = np.random.default_rng(16)
    there = [chance_of(pair, made_up_runs(dice, {"a": 0.2, "b": 0.45})) for _ in range(20)]
    assert sum(p >= ENOUGH for p, _ in there) >= 19
    back = [chance_of(pair, made_up_runs(dice, {"a": 0.45, "b": 0.2})) for _ in range(20)]
    assert {name for _, name in back} == {NOT} and max(p for p, _ in back) < 0.05


def test_hazards_without_a_difference_are_rarely_supported_and_a_true_one_is(pair):
    statement = dataclasses.replace(pair, outcome="hazard of death", least=1e-9)
    dice, none = np.random.default_rng(17), {"a": 0.0, "b": 0.0}
    null = [chance_of(statement, made_up_runs(dice, none, {"a": 0.2, "b": 0.2}))[0] for _ in range(60)]
    assert sum(p >= ENOUGH for p in null) <= 7
    true = [chance_of(statement, made_up_runs(dice, none, {"a": 0.1, "b": 0.3}))[0] for _ in range(10)]
    assert min(true) >= ENOUGH
    back = [chance_of(statement, made_up_runs(dice, none, {"a": 0.3, "b": 0.1}))[0] for _ in range(10)]
    assert max(back) < 0.05


@pytest.mark.long
def test_the_models_own_arms_without_a_difference_are_rarely_supported(pair):
    """As above with patients of the model: the same scenario with 400 seeds, none twice."""
    same = dataclasses.replace(pair, least=1e-9, arms=({"name": "a"}, {"name": "b", "title": "b"}))
    seeds = iter(range(10_000, 20_000))
    reached = 0
    for _ in range(200):
        told = evaluate.evaluate(
            same,
            lambda scenario: run_scenario(scenario, seed=next(seeds), out=None, tables="metastases"),
            patients=100,
            draws=10,
        )
        reached += told["contrasts"][0][POSTERIOR]["probability"] >= ENOUGH
    assert reached <= 15


# -- asking, keeping, telling ----------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """Statements that were really asked, with a made-up answer."""
    asked = []

    def instead(statement, runs, **_):
        asked.append(statement.id)
        return found(prior=0.5) | {"patients": 7}

    monkeypatch.setattr(evaluate, "evaluate", instead)
    return asked


def test_what_was_asked_is_kept_and_what_changed_is_asked_anew(tmp_path, counted):
    some, plan = s.chosen(["C02", "C44", "C45"]), table.Plan(patients=50)
    first = table.ask(some, plan, tmp_path)
    assert counted == ["C02", "C45"] and [one.level.name for one in first][1] == OUT
    assert table.ask(some, plan, tmp_path) == first and counted == ["C02", "C45"]
    (tmp_path / "C02.json").write_text(
        (tmp_path / "C02.json").read_text(encoding="utf-8").replace("0.99", "0.49"), encoding="utf-8"
    )
    assert table.ask(some, plan, tmp_path) == first and counted[2:] == ["C02"], "damage is noticed"
    table.ask(some, dataclasses.replace(plan, seed=2), tmp_path)
    assert counted[3:] == ["C02", "C45"]
    told = table.read(ALL, dataclasses.replace(plan, seed=2), tmp_path)
    assert [one.statement.id for one in told if one.level.name == NOT_ASKED] == [
        one.id for one in ALL.values() if one.answer in (s.COMPARISON, s.VALIDATE) and one.id not in ("C02", "C45")
    ]


def test_the_prior_is_asked_only_where_it_could_change_the_level(pair):
    assert table.needs_prior(pair, found())
    assert not table.needs_prior(pair, found(0.9))
    assert not table.needs_prior(dataclasses.replace(pair, **LAW), found())
    assert table.needs_prior(dataclasses.replace(pair, **LAW, published=SIZE), found())
    assert not table.needs_prior(dataclasses.replace(pair, **OVERRIDE), found())


def test_the_command_writes_a_page_of_all_statements(tmp_path, counted, capsys):
    assert main(["claims", "C02", "C44", "--patients", "50", "--out", str(tmp_path)]) == 0
    assert "C44  out of scope: " in capsys.readouterr().out and (tmp_path / "claims_forest.png").is_file()
    text = (tmp_path / "claims.md").read_text(encoding="utf-8")
    for one in ALL.values():
        assert f"## {one.id}\n" in text and one.statement in text
    lines = (tmp_path / "claims.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("id,statement,level") and len(lines) == 53
    assert main(["claims", "C99", "--out", str(tmp_path)]) == 2
    assert 'unknown statement "C99"' in capsys.readouterr().err
    assert main(["claims", "--small", "--patients", "9", "--out", str(tmp_path)]) == 2
    assert main(["claims", "C44", "--draws", "100000", "--out", str(tmp_path)]) == 2
    assert "allowed: no more than there are" in capsys.readouterr().err


def test_the_page_counts_levels_and_shows_patients_needed(pair):
    told = [table.Answered(pair, found(prior=0.5), level(pair, found(prior=0.5)))]
    text = page(told, table.Plan(patients=50), command="x", commit="y", picture=False)
    assert "| supported | 1: T01 |" in text and "at most 50 of an arm, fewer than planned" in text
    assert "| 400; 900, 2,000 |" in text and "least that matters: 0.05 (for the test)" in text
    (row,) = rows(told)
    assert row["probability_under_prior"] == 0.5 and row["needed_in_pairs"] == 900.0


EFFECTS = [
    Effect("C01 colon, liver > colon, lung", "share of patients", (0.2, 0.1, 0.3), None, SUPPORTED),
    Effect("C13 " + "a very long contrast of many arms, " * 3, "log hazard ratio", (0.1, -0.4, 0.6), 0.116, NOT),
    Effect("C14 equal", "log hazard ratio", (0.0, -0.2, 0.2), None, CONDITIONAL),
    Effect("C45 lead time", "years", (0.05, 0.02, 0.08), None, CONSTRUCTION),
]


def test_the_forest_holds_every_effect_and_hides_nothing(monkeypatch):
    figure = effects_forest(EFFECTS, LEVELS)
    assert figure_checks.starting(figure, "effect:") == {effect.name for effect in EFFECTS}
    figure_checks.assert_texts_are_apart(figure, monkeypatch)
    figure_checks.assert_keys_are_off_the_data(figure)
    (dot,) = figure_checks.artists(figure)["effect:C45 lead time"]
    assert dot.get_offsets().tolist() == [[0.05, 0.0]]


# -- the small form, with the model ----------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    """The runs of a plan as small as can be, shared by the tests of this file."""
    return evaluate.Runs(seed=1)


def test_the_small_form_asks_the_model_and_its_reverse_is_not_supported(small):
    """The portal vein, asked in 40 patients under 8 draws; and the contrary statement, of the same runs."""
    plan = table.Plan.small(seed=1)
    statement = ALL["C02"]
    told = evaluate.evaluate(statement, small.run, patients=plan.patients, draws=plan.draws)
    row = told["contrasts"][0]
    assert told["patients"] == 40 and row[POSTERIOR]["mean"] > 0.0 and row["paired"] > 0
    json.dumps(told, allow_nan=False)
    reverse = dataclasses.replace(statement, expect=("shunt > portal vein",))
    back = evaluate.evaluate(reverse, small.run, patients=plan.patients, draws=plan.draws)
    assert back["contrasts"][0][POSTERIOR]["mean"] == pytest.approx(-row[POSTERIOR]["mean"])
    assert level(reverse, back).name == NOT


def test_draws_in_which_arms_are_one_by_law_are_known():
    """A mechanism at its null in a fifth of the draws does nothing there: the effect is zero, exactly."""
    arms = ALL["C04"].asked().arms
    scenarios = [evaluate.drawn(arm.scenario, POSTERIOR, 40) for arm in arms]
    same = evaluate.same_by_law(scenarios)
    null = [values["inflammation_gain"] == 0.0 for values in scenarios[0].arms()]
    assert same.tolist() == null and 1 <= same.sum() <= 20


def test_the_files_say_what_was_changed_after_they_were_first_asked():
    """A change carries its reason; words are free."""
    for file in s.FOLDER.glob("*.toml"):
        for one in tomllib.loads(file.read_text(encoding="utf-8")).values():
            assert "changed" not in one or re.search(r"\w+ .*\w", one["changed"])
