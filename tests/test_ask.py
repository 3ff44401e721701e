"""Questions: how a comparison is written and refused, how arms are compared, and that every scenario's question is answered as expected."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim import catalog
from sim.analysis import contrasts as contrasts_of_arms
from sim.analysis import questions
from sim.errors import InputError
from sim.finding import SCENARIOS as FOLDER
from sim.names import DAYS_PER_YEAR, NICHES
from sim.report.questions import counts_texts
from sim.results.conditions import CONDITIONS
from sim.results.outcomes import OUTCOMES, outcome
from sim.scenario import files, load
from sim.scenario.comparison import load_comparison
from sim.scenario.expectations import Contrast, contradiction, contrasts

WITH_COMPARISON = [file for file in files() if load_comparison(file) is not None]
BASE = (FOLDER / "colorectal.toml").read_text(encoding="utf-8")
COMPARED = """
[comparison]
outcome = "patients with a metastasis"
expect = ["on > off"]
[[comparison.arms]]
name = "on"
[[comparison.arms]]
name = "off"
mechanisms = { dormancy = false }
"""
TREATED = COMPARED.replace("mechanisms = { dormancy = false }", 'treatments = [{ name = "resection" }]')
"""The same, of arms that differ after diagnosis."""


def write(folder, text, name="mine.toml"):
    (folder / "colorectal.toml").write_text(BASE, encoding="utf-8")
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# -- how it is written -----------------------------------------------------------------------------


def test_an_arm_changes_its_scenario_as_a_file_that_extends_it(tmp_path):
    arm = """
[[comparison.arms]]
name = "old and sleepless"
primary = "pancreas"
cohort.age = { mean = "80 years" }
mechanisms = { dormancy = false }
parameters = { "soil.liver" = { value = "20 %", reason = "to see" } }
"""
    comparison = load_comparison(write(tmp_path, 'extends = "colorectal.toml"\n' + COMPARED + arm))
    file = write(
        tmp_path,
        'extends = "colorectal.toml"\n'
        + arm.replace("[[comparison.arms]]", "").replace('name = "old and sleepless"', ""),
        "file.toml",
    )
    same, made = load(file), comparison.arms[2].scenario
    differ = {key for key, value in same.to_dict().items() if value != made.to_dict()[key]}
    assert differ == {"name", "file", "title"}
    assert made.name == "mine-old_and_sleepless" and made.title.endswith(": old and sleepless")
    assert comparison.arms[2].own_parameters == {"soil.liver"}
    assert comparison.arms[0].scenario.parameters == load("colorectal").parameters


def test_a_scenario_without_a_comparison_has_none():
    assert load_comparison("colorectal") is None


def test_a_comparison_does_not_change_the_scenario_that_holds_it(tmp_path):
    plain, compared = load(write(tmp_path, BASE, "plain.toml")), load(write(tmp_path, BASE + COMPARED, "compared.toml"))
    assert {key for key, value in plain.to_dict().items() if value != compared.to_dict()[key]} == {"name", "file"}


def test_a_comparison_is_extended_key_by_key(tmp_path):
    write(tmp_path, 'extends = "colorectal.toml"\n' + COMPARED, "parent.toml")
    child = load_comparison(write(tmp_path, 'extends = "parent.toml"\n[comparison.small]\npatients = 33\n'))
    assert (child.small_patients, child.outcome.name, [arm.name for arm in child.arms]) == (
        33,
        "patients with a metastasis",
        ["on", "off"],
    )


ARMS = ["a", "b", "c", "d", "a-b"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a < b", [Contrast("a < b", (("a", 1), ("b", -1)), -1)]),
        ("a > a-b", [Contrast("a > a-b", (("a", 1), ("a-b", -1)), 1)]),
        ("a < b < c", [Contrast("a < b", (("a", 1), ("b", -1)), -1), Contrast("b < c", (("b", 1), ("c", -1)), -1)]),
        ("a - b > c - d", [Contrast("a - b > c - d", (("a", 1), ("b", -1), ("c", -1), ("d", 1)), 1)]),
        ("a - b > c - b", [Contrast("a - b > c - b", (("a", 1), ("c", -1)), 1)]),
        ("a = b within 0.05", [Contrast("a = b within 0.05", (("a", 1), ("b", -1)), 0, 0.05)]),
        ("a<b>a-b", [Contrast("a < b", (("a", 1), ("b", -1)), -1), Contrast("b > a-b", (("b", 1), ("a-b", -1)), 1)]),
        ("a=b within 0.05", [Contrast("a = b within 0.05", (("a", 1), ("b", -1)), 0, 0.05)]),
    ],
)  # fmt: skip
def test_directions_are_read(text, found):
    assert contrasts(text, ARMS) == found


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a", ["without <, > or ="]),
        ("a < e", ['unknown arm "e"', "allowed: a, b"]),
        ("a = b", ["needs within"]),
        ("a < b within 3", ['unknown arm "b within 3"']),
        ("a = b within x", ['"x" after within', "a number"]),
        ("a - b - c < d", ["the difference of two"]),
        ("a < a", ["with itself"]),
        ("a < b < a", ['with "a" twice in one chain']),
        ("a - b < c < a - b", ['with "a - b" twice in one chain']),
        ("a<c-d", ['unknown arm "c-d"', "blanks around its -"]),
        ("a < ", ["allowed"]),
    ],
)
def test_a_direction_that_cannot_be_is_refused(text, pieces):
    with pytest.raises(ValueError) as caught:
        contrasts(text, ARMS)
    for piece in pieces:
        assert piece in str(caught.value)


@pytest.mark.parametrize(
    ("change", "pieces"),
    [
        (('"patients with a metastasis"', '"happiness"'), ["line 18: comparison.outcome", "unknown outcome", "survival at {years} years"]),
        (('"patients with a metastasis"', '"survival at 50 years"'), ["comparison.outcome", "found 50 years", "followed for 5"]),
        (('["on > off"]', '["on > of"]'), ["line 19: comparison.expect.0", 'unknown arm "of"', "did you mean off"]),
        (('["on > off"]', "[]"), ["missing key expect"]),
        (('["on > off"]', '"on > off"'), ["comparison.expect", "a list in brackets"]),
        (('["on > off"]', '["on > off", "off>on"]'), ["line 19: comparison.expect.1", '"on > off" and "off > on", which cannot all hold']),
        (('name = "off"', 'name = "on"'), ["line 23: comparison.arms.1.name", '"on" twice']),
        (('name = "off"\n', ""), ["comparison.arms.1", "missing key name"]),
        (('name = "off"', 'name = "a < b"'), ["comparison.arms.1.name", "words of letters and digits"]),
        (('name = "off"', 'name = "off"\npatients = 3'), ["unknown key", "patients"]),
        (('name = "off"', 'name = "off"\nonly = "with a cold"'), ["comparison.arms.1.only", "unknown condition", "without a metastasis at diagnosis"]),
        (('name = "off"', 'name = "off"\nprimary = "toe"'), ["line 24: comparison.arms.1.primary", "unknown primary site"]),
        (("dormancy", "dormant"), ["comparison.arms.1.mechanisms.dormant", "did you mean dormancy"]),
        (('["on > off"]', '["on > off"]\nacross = [{ parameter = "x", values = "range" }]'), ["comparison.across.0.parameter", "unknown parameter"]),
        (('["on > off"]', '["on > off"]\nacross = [{ parameter = "sleep_probability", values = [2] }]'), ["comparison.across.0.values", "0 to 1"]),
        (('["on > off"]', '["on > off"]\nacross = [{ parameter = "sleep_probability", values = [] }]'), ["empty list"]),
        (('["on > off"]', '["on > off"]\nacross = [{ parameter = "sleep_probability" }]'), ["missing key values"]),
        (('["on > off"]', '["on > off"]\nacross = [{ parameter = "sleep_probability", values = 0.2 }]'),
         ["line 20: comparison.across.0.values: found 0.2 (a number); allowed: a list of numbers, such as [0.2, 0.8], or \"range\""]),
        (('["on > off"]', '["on > off"]\nacross = [{ parameter = "sleep_probability", values = "rang" }]'), ["found \"rang\"; allowed: a list of numbers"]),
        (('["on > off"]', '["on > off"]\n[comparison.small]\npatients = 2'), ["line 21: comparison.small.patients", "found 2"]),
        (('["on > off"]', '["on > off"]\n[comparison.small]\npatient = 20'), ["line 21: comparison.small", "unknown key", "did you mean patients"]),
        (('["on > off"]', '["on > off"]\nsmal = { patients = 20 }'), ["line 20: comparison.smal", "unknown key", "did you mean small"]),
        (('["on > off"]', '["on > off"]\n[comparison.small.parameters]\nfrailty = { value = 1, reason = "x" }'),
         ["line 21: comparison.small.parameters.frailty", "unknown parameter", "did you mean frailty_log_sd"]),
        (('["on > off"]', '["on > off"]\n[comparison.small.parameters]\nfrailty_log_sd = { value = 1 }'),
         ["line 21: comparison.small.parameters.frailty_log_sd", "missing", "reason"]),
        (('["on > off"]', '["on > off"]\n[comparison.small.parameters]\nfrailty_log_sd = { value = -1, reason = "x" }'),
         ["comparison.small.parameters.frailty_log_sd", "0 to 6"]),
    ],
)  # fmt: skip
def test_a_fault_of_a_comparison_is_told_with_its_place(tmp_path, change, pieces):
    text = BASE + COMPARED.replace(*change)
    assert text != BASE + COMPARED
    with pytest.raises(InputError) as caught:
        load(write(tmp_path, text))
    for piece in ("mine.toml", *pieces):
        assert piece in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["a < b", "b < c", "a > c"], '" < "'),
        (["a - b > c - d", "c - d > a - b"], '"a - b > c - d" and "c - d > a - b"'),
        (["a - b > c - d", "b - a > d - c"], '"a - b > c - d" and "b - a > d - c"'),
        (["a < b", "b < c", "a < c", "a = b within 0.3", "a - b > c - d"], None),
    ],
)
def test_directions_that_cannot_all_hold_are_told(texts, words):
    found = contradiction([contrast for text in texts for contrast in contrasts(text, ARMS)])
    assert (found is None) == (words is None)
    if words == '" < "':
        circle = found.strip('"').split(" < ")
        assert circle[0] == circle[-1] and set(circle) == {"a", "b", "c"}
        words = None
    assert found == words or words is None


@pytest.mark.parametrize(
    "change",
    [
        "mechanisms = { dormancy = true }",
        "",
        'parameters = { sleep_probability = { value = 0.5, reason = "as in the catalogue" } }',
        "treatments = []",
    ],
)
def test_two_arms_that_are_the_same_are_refused(tmp_path, change):
    """By what they resolve to; arms that count other patients differ."""
    text = COMPARED.replace("mechanisms = { dormancy = false }", change)
    with pytest.raises(
        InputError,
        match=r'mine.toml: comparison.arms: found "on" and "off", which are the same; allowed: arms that differ',
    ):
        load_comparison(write(tmp_path, BASE + text))
    other = text.replace('name = "off"', 'name = "off"\nonly = "with a metastasis at diagnosis"')
    assert len(load_comparison(write(tmp_path, BASE + other)).arms) == 2


@pytest.mark.parametrize(
    "command", [["run"], ["run", "--quiet", "--patients", "2"], ["show"], ["check"], ["attribute"]]
)
def test_arms_that_are_the_same_are_refused_by_every_command(tmp_path, capsys, command):
    """A file that `ask` refuses is refused by all, before anything is computed."""
    from sim.cli import main

    file = write(tmp_path, BASE + COMPARED.replace("mechanisms = { dormancy = false }", ""))
    out = [] if command[0] in ("check", "show") else ["--out", str(tmp_path / "out")]
    assert main([command[0], str(file), *command[1:], *out]) == 2
    assert 'found "on" and "off", which are the same' in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_one_arm_is_no_comparison(tmp_path):
    with pytest.raises(InputError, match="found one arm; allowed: two or more"):
        load(
            write(
                tmp_path,
                BASE + COMPARED[: COMPARED.index('[[comparison.arms]]\nname = "off"')].replace("on > off", "on > on"),
            )
        )


# -- outcomes --------------------------------------------------------------------------------------

DAY = DAYS_PER_YEAR


def run_of(patients, metastases):
    """A run of hand-made tables; `patients` (last day, death day) and diagnosis on day 1000, `metastases` (patient, organ, years, log10 cells, source, founders)."""
    people = pd.DataFrame({
        "patient": range(len(patients)), "diagnosis_day": 1000, "reference_day": 1000 + 0.5 * DAY, "last_day": [1000 + years * DAY for years, _ in patients],
        "death_day": pd.array([1000 + years * DAY if dead else None for years, dead in patients], dtype="Float64"),
        "liver_symptom_day": pd.array(([1000 + 1.0 * DAY, None, None, 1000 + 3.75 * DAY] + [None] * len(patients))[: len(patients)], dtype="Float64"),
        "shed_cells": [10 * (i + 1) for i in range(len(patients))], "settled_cells": range(len(patients)),
    })  # fmt: skip
    rows = [
        (p, i, o, None if y is None else 1000 + y * DAY, 10.0**c, s, f)
        for i, (p, o, y, c, s, f) in enumerate(metastases)
    ]
    found = pd.DataFrame(
        rows, columns=["patient", "colony", "organ", "detected_day", "cells_at_detection", "source", "founders"]
    )
    found["cells"] = found["cells_at_detection"]
    woke = [0.1, 0.25, 0.26, 0.0, None, 0.2]
    found["woke_day"] = pd.array(
        [None if y is None else 1000 + y * DAY for y in (woke + [None] * len(found))[: len(found)]], dtype="Float64"
    )
    found["detected_day"] = found["detected_day"].astype("Float64")
    found["cells_at_diagnosis"] = 1e9
    gone = [1000 + 1.6 * DAY if o == "bone" else None for o in found["organ"]]
    found["removed_day"] = pd.array(gone, dtype="Float64")
    found["extinct_day"] = pd.array([None] * len(found), dtype="Float64")
    people["age_years"] = 70.0
    numbers = {"other_cause_death_per_year_at_70": 0.02, "other_cause_death_growth_per_year": 0.085}
    manifest = {"scenario": {"parameters": {name: {"value": value} for name, value in numbers.items()}}}
    found["clone"] = pd.array([None if f > 1 else i % 2 for i, f in enumerate(found["founders"])], dtype="Int64")
    return SimpleNamespace(patients=people, metastases=found, manifest=manifest)


RUN = run_of(
    [(5.0, False), (2.0, True), (5.0, True), (4.0, True)],
    [(0, "liver", 1.0, 9.0, "primary", 1), (0, "liver", 3.0, 9.5, "primary", 7), (0, "lung", -0.5, 8.0, "liver", 1),
     (1, "bone", 1.5, 9.2, "primary", 1), (2, "liver", None, 7.0, "primary", 1), (3, "lung", 3.5, 9.0, "primary", 2)],
)  # fmt: skip
NAN = float("nan")
EXPECTED_TO_LIVE = np.exp(-0.02 * (np.exp(0.085 * 2.5) - 1) / 0.085)
"""The chance of a 70-year-old not to die of other causes from the reference day to three years after diagnosis."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("metastases per patient", [3, 1, 0, 1]),
        ("metastases in the liver per patient", [2, 0, 0, 0]),
        ("patients with a metastasis", [1, 1, 0, 1]),
        ("patients with a metastasis in the lung", [1, 0, 0, 1]),
        ("patients with a metastasis within 2 years", [1, 1, 0, 0]),
        ("patients with a metastasis in the liver within 0.5 years", [0, 0, 0, 0]),
        ("patients with a first metastasis after 1.4 years", [0, 1, 0, 1]),
        ("survival at 5 years", [1, 0, 0, 0]),
        ("survival at 3 years", [1, 0, 1, 1]),
        ("metastasis-free survival at 3 years", [0, 0, 1, 1]),
        ("years lived", [5, 2, 5, 4]),
        ("patients with liver symptoms", [1, 0, 0, 1]),
        ("patients with liver symptoms within 2 years", [1, 0, 0, 0]),
        ("years to liver symptoms", [1, NAN, NAN, 3.75]),
        ("years to the first metastasis", [-0.5, 1.5, NAN, 3.5]),
        ("patients alive 4.2 years after the reference day", [1, 0, 1, 0]),
        ("patients alive without a metastasis 1.5 years after the reference day", [0, 0, 1, 1]),
        ("patients with a metastasis within 1 years after the reference day", [1, 1, 0, 0]),
        ("patients with a metastasis in the lung within 1 years after the reference day", [1, 0, 0, 0]),
        ("patients with a first metastasis more than 0.9 years after the reference day", [0, 1, 0, 1]),
        ("years lived after the reference day", [4.5, 1.5, 4.5, 3.5]),
        ("years from the reference day to the first metastasis", [-1, 1, NAN, 3]),
        ("size of the first metastasis when found", [8, 9.2, NAN, 9]),
        ("share of metastases in the liver", [2 / 3, 0, NAN, 0]),
        ("share of metastases of the commonest clone", [1, NAN, NAN, NAN]),
        ("metastases from metastases per patient", [1, 0, 0, 0]),
        ("metastases of several founders per patient", [1, 0, 0, 1]),
        ("colonies of 1 mm per patient", [3, 1, 1, 1]),
        ("colonies of 1 mm that woke within 0.25 years on a log scale", np.log10([3, 1, 1, 2])),
        ("cells in metastases on a log scale", np.log10([1 + 1e8 + 1e9 + 10**9.5, 1 + 10**9.2, 1 + 1e7, 1 + 1e9])),
        ("cells in metastases in the liver on a log scale", np.log10([1 + 1e9 + 10**9.5, 1, 1 + 1e7, 1])),
        ("cells shed per patient", [10, 20, 30, 40]),
        ("settled cells per patient", [0, 1, 2, 3]),
        ("settled cells on a log scale", np.log10([1, 2, 3, 4])),
        ("colonies of 1 mm on a log scale", np.log10([4, 2, 2, 2])),
        ("response at the end of follow-up", [0, NAN, NAN, NAN]),
        ("no progression at the end of follow-up", [0, 0, 0, 0]),
        ("net survival at 3 years", np.array([1, 0, 1, 1]) / EXPECTED_TO_LIVE),
        ("years lived within 4.5 years", [4.5, 2, 4.5, 4]),
        ("years without a known metastasis within 4.5 years", [0, 1.5, 4.5, 3.5]),
        ("patients free of disease at 3 years", [0, 0, 1, 1]),
        ("patients free of disease at 1.7 years", [0, 1, 1, 1]),
        ("patients with a resectable relapse within 4 years", [0, 0, 0, 0]),
        ("later relapse of those free at 3 years", [NAN, NAN, 0, 1]),
        ("hazard of death", [0, 1, 1, 1]),
        ("hazard of a metastasis or death", [NAN, 1, 1, 1]),
    ],
)  # fmt: skip
def test_an_outcome_is_read_from_the_tables(name, expected):
    values = outcome(name).values(RUN)
    assert list(values.index) == [0, 1, 2, 3]
    np.testing.assert_allclose(values.to_numpy(dtype=float), expected)


def test_every_outcome_is_tested_here_and_takes_every_organ():
    tested = {
        mark.args[1][i][0]
        for mark in test_an_outcome_is_read_from_the_tables.pytestmark
        for i in range(len(mark.args[1]))
    }
    patterns = {name for name in OUTCOMES for text in tested if outcome(text).meaning == OUTCOMES[name].meaning}
    assert patterns == set(OUTCOMES)
    assert all(outcome(f"metastases in the {organ} per patient").years is None for organ in NICHES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("with a metastasis at diagnosis", [True, False, False, False]),
        ("without a metastasis at diagnosis", [False, True, True, True]),
        ("with a liver metastasis at diagnosis", [False, False, False, False]),
        ("without a liver metastasis at diagnosis", [True, True, True, True]),
        ("with liver metastases only at diagnosis", [False, False, False, False]),
        ("with metastases but none in the liver at diagnosis", [True, False, False, False]),
    ],
)
def test_a_condition_is_read_from_the_tables(name, expected):
    assert CONDITIONS[name](RUN).tolist() == expected
    assert name in CONDITIONS and len(CONDITIONS) == 10


# -- comparing -------------------------------------------------------------------------------------


def everybody(values):
    values = np.asarray(values, dtype=float)
    return values, np.ones(len(values), dtype=bool)


def test_arms_with_the_same_patients_are_compared_in_pairs():
    rng = np.random.default_rng(1)
    before, change = rng.normal(0, 100, 400), rng.normal(1, 2, 400)
    found = questions.direction(
        contrasts("b > a", ["a", "b"])[0], {"a": everybody(before), "b": everybody(before + change)}
    )
    assert found["difference"] == pytest.approx(change.mean())
    assert found["high"] - found["difference"] == pytest.approx(1.96 * change.std(ddof=1) / 20, rel=1e-3)
    assert found["seen"] == "yes"


def test_arms_with_other_patients_are_independent_groups():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, 300)
    first = np.arange(300) < 100
    found = questions.direction(contrasts("a > b", ["a", "b"])[0], {"a": (values, first), "b": (values, ~first)})
    error = np.sqrt(values[first].var() / 100 + values[~first].var() / 200)
    assert found["high"] - found["difference"] == pytest.approx(1.96 * error * np.sqrt(100 / 99), rel=1e-3)


def test_a_95_per_cent_interval_covers_in_95_of_100_cases():
    """2,000 cohorts of 60, a contrast of contrasts; a coverage of 95 % is 1,900 (SD 10): 1,860 to 1,940 is four SD."""
    rng = np.random.default_rng(3)
    contrast = contrasts("a - b > c - d", ["a", "b", "c", "d"])[0]
    covered = 0
    for _ in range(2000):
        shared = rng.normal(0, 1, 60)
        group = np.arange(60) < 25
        arms = {name: (shared + rng.normal(0, 1, 60), group if name in "ab" else ~group) for name in "abcd"}
        found = questions.direction(contrast, arms)
        covered += found["low"] <= 0 <= found["high"]
    assert 1840 <= covered <= 1940


@pytest.mark.parametrize(
    ("text", "shift", "noise", "seen"),
    [("b > a", 1.0, 0.1, "yes"), ("b > a", 0.05, 3.0, "unclear"), ("b > a", -0.05, 3.0, "unclear"), ("b > a", -1.0, 0.1, "no"),
     ("b > a", 0.0, 0.0, "no difference"), ("b < a", 0.0, 0.0, "no difference"), ("b = a within 0", 0.0, 0.0, "yes"),
     ("b = a within 0.5", 0.1, 0.1, "yes"), ("b = a within 0.5", 0.1, 30.0, "unclear"), ("b = a within 0.5", 2.0, 0.1, "no")],
)  # fmt: skip
def test_what_was_seen(text, shift, noise, seen):
    balanced = np.tile([-1.0, 1.0], 50)
    found = questions.direction(
        contrasts(text, ["a", "b"])[0], {"a": everybody(np.zeros(100)), "b": everybody(shift + noise * balanced)}
    )
    assert found["seen"] == seen


def test_seeds_together_are_a_larger_cohort():
    """Four cohorts of 100 give nearly the interval of one of 400: their spreads are estimated apart."""
    rng = np.random.default_rng(4)
    contrast, values = contrasts("b > a", ["a", "b"])[0], rng.normal(0.15, 1.0, 400)
    told = [
        {"directions": [questions.direction(contrast, {"a": everybody(np.zeros(len(part))), "b": everybody(part)})]}
        for part in (values, *np.split(values, 4))
    ]
    (whole,), (found,) = told[0]["directions"], questions.pooled(told[1:])
    assert found["difference"] == pytest.approx(whole["difference"]) and found["patients"] == 400
    assert found["high"] - found["low"] == pytest.approx(whole["high"] - whole["low"], rel=0.05)
    assert questions.seen(*told[1:]) and not all(map(questions.seen, told[1:]))
    equal = questions.direction(
        contrasts("b = a within 0.000001", ["a", "b"])[0], {"a": everybody(values), "b": everybody(values)}
    )
    assert questions.pooled([{"directions": [equal]}] * 2)[0]["seen"] == questions.YES


def test_too_few_patients_give_no_number():
    none = (np.zeros(5), np.zeros(5, dtype=bool))
    found = questions.direction(contrasts("a > b", ["a", "b"])[0], {"a": none, "b": none})
    assert (found["difference"], found["seen"]) == (None, "too few")


@pytest.mark.parametrize(
    ("text", "patients", "noise", "seen"),
    [("b > a", 9, 0.1, "too few"), ("b < a", 9, 0.1, "too few"), ("b > a", 10, 0.1, "yes"), ("b < a", 10, 0.1, "no"), ("b > a", 400, 0.0, "too few"),
     ("b = a within 2", 9, 0.1, "too few"), ("b = a within 2", 10, 0.0, "yes")],
)  # fmt: skip
def test_nothing_is_said_of_fewer_than_ten_pairs_or_without_a_spread(text, patients, noise, seen):
    shifted = 1.0 + noise * np.arange(patients) / patients
    found = questions.direction(
        contrasts(text, ["a", "b"])[0], {"a": everybody(np.zeros(patients)), "b": everybody(shifted)}
    )
    assert found["seen"] == seen and found["difference"] > 0


def test_patients_without_a_value_in_one_arm_are_left_out_of_all_of_its_group(tmp_path):
    comparison = load_comparison(
        write(tmp_path, BASE + TREATED.replace("patients with a metastasis", "years to the first metastasis"))
    )
    later = run_of([(5.0, False)] * 4, [(1, "bone", 2.0, 9, "primary", 1), (2, "bone", 2.0, 9, "primary", 1)])
    measured = questions.measure(comparison, {"on": RUN, "off": later})
    assert measured["on"][1].tolist() == measured["off"][1].tolist() == [False, True, False, False]


def found_at_death(run, patient):
    """The same run, in which a patient was found at death."""
    people = run.patients.astype({"diagnosis_day": "Float64"})
    people.loc[patient, "diagnosis_day"] = pd.NA
    if "age_years" not in people:
        people["age_years"] = 70.0
    others = {"other_cause_death_per_year_at_70": {"value": 0.02}, "other_cause_death_growth_per_year": {"value": 0.1}}
    manifest = {"scenario": {"parameters": others}}
    return SimpleNamespace(patients=people, metastases=run.metastases, manifest=manifest)


def test_nobody_found_at_death_has_survived_a_diagnosis():
    """They counted as alive: no day to count from is no day that has not come."""
    run = found_at_death(RUN, 1)
    for name in OUTCOMES:
        asked = outcome(name.format(organ="liver", years=2))
        values = asked.values(run).to_numpy(dtype=float)
        assert np.isnan(values[1]) or not asked.from_diagnosis, name
        assert not asked.from_diagnosis or "reference day" not in name
    assert outcome("patients alive 4.2 years after the reference day").values(run).tolist() == [1, 0, 1, 0]
    assert outcome("years lived after the reference day").values(run).tolist() == [4.5, 1.5, 4.5, 3.5]


def test_a_condition_is_read_once_in_the_first_arm(tmp_path):
    """An arm whose follow-up sees other metastases counts the patients of the first arm."""
    text = COMPARED.replace('name = "on"', 'name = "on"\nonly = "with a metastasis at diagnosis"')
    text = text.replace(
        "mechanisms = { dormancy = false }",
        'only = "with a metastasis at diagnosis"\ntreatments = [{ name = "resection" }]',
    )
    comparison = load_comparison(write(tmp_path, BASE + text))
    other = run_of([(5.0, False)] * 4, [(1, "liver", -1.0, 9, "primary", 1), (3, "liver", -1.0, 9, "primary", 1)])
    for first, counted in ((RUN, [0]), (other, [1, 3])):
        measured = questions.measure(comparison, {"on": first, "off": RUN if first is other else other})
        assert np.flatnonzero(measured["on"][1]).tolist() == np.flatnonzero(measured["off"][1]).tolist() == counted


def test_pairs_of_which_one_arm_knows_more_are_counted(tmp_path):
    text = COMPARED.replace("patients with a metastasis", "years from the reference day to the first metastasis")
    comparison = load_comparison(write(tmp_path, BASE + text))
    later = run_of([(5.0, False)] * 4, [(1, "bone", 2.0, 9, "primary", 1), (2, "bone", 2.0, 9, "primary", 1)])
    runs = {"on": found_at_death(RUN, [1, 3]), "off": found_at_death(later, 3)}
    (contrast,) = comparison.contrasts
    counts = questions.one_arm_only(contrast, runs, questions.measure(comparison, runs))
    assert counts == {"diagnosed_in_some_arms": 1, "defined_in_some_arms": 3}
    told = counts_texts({"directions": [{"expected": "on > off", **counts}]})
    assert told == ["on > off: 1 patients were diagnosed in one arm and found at death in another",
                    "on > off: 3 patients have a value in one arm only, and are left out"]  # fmt: skip


def test_only_stage_iii_counts_these_patients_in_every_arm(tmp_path):
    """Of runs of their own, which differ after surgery."""
    text = BASE + COMPARED.replace("patients with a metastasis", "years lived").replace("on > off", "off > on")
    text = text.replace('name = "on"', 'name = "on"\nonly = "stage III"')
    change = 'only = "stage III"\ntreatments = [{ name = "resection", after = "diagnosis", start_days = 28 }]'
    comparison = load_comparison(write(tmp_path, text.replace("mechanisms = { dormancy = false }", change)))
    answer, runs = questions.ask_with_runs(comparison, seed=2, out=None, patients=60)
    staged = [runs[arm["arm"]].patients["stage"].astype(object) == "III" for arm in answer["arms"]]
    assert (staged[0] == staged[1]).all() and 0 < staged[0].sum() < 60
    assert [arm["patients"] for arm in answer["arms"]] == [staged[0].sum()] * 2


def died_on(years):
    return run_of([(y, True) for y in years], [])


def test_survival_comes_with_a_log_rank_test_of_those_who_count(tmp_path):
    """Against scipy's own, on the patients whom the arm counts."""
    rng = np.random.default_rng(5)
    runs = {"on": died_on(rng.exponential(2.0, 80)), "off": died_on(rng.exponential(1.0, 80))}
    comparison = load_comparison(write(tmp_path, BASE + TREATED.replace("patients with a metastasis", "years lived")))
    (found,) = questions.logrank_p_values(comparison, runs, questions.measure(comparison, runs))
    days = [runs[name].patients["death_day"].to_numpy(dtype=float) - 1000 for name in ("on", "off")]
    assert found["logrank_p"] == pytest.approx(stats.logrank(*days).pvalue)
    assert found["logrank_p"] < 0.01
    few = np.arange(80) < 20
    half = {name: (np.ones(80), few) for name in runs}
    (found,) = questions.logrank_p_values(comparison, runs, half)
    assert found["logrank_p"] == pytest.approx(stats.logrank(*(d[few] for d in days)).pvalue)
    since = COMPARED.replace("patients with a metastasis", "years lived after the reference day")
    comparison = load_comparison(write(tmp_path, BASE + since))
    (found,) = questions.logrank_p_values(comparison, runs, questions.measure(comparison, runs))
    later = [np.maximum(d - 0.5 * DAY, 0.0) for d in days]
    assert found["logrank_p"] == pytest.approx(stats.logrank(*later).pvalue), (
        "from the reference day, half a year later"
    )


def test_what_is_no_survival_has_no_log_rank_test(tmp_path):
    comparison = load_comparison(write(tmp_path, BASE + COMPARED))
    assert questions.logrank_p_values(
        comparison, {"on": RUN, "off": RUN}, questions.measure(comparison, {"on": RUN, "off": RUN})
    ) == [{}]
    assert [name for name in OUTCOMES if outcome_ends(name)] == [
        "survival at {years} years",
        "metastasis-free survival at {years} years",
        "years lived",
        "patients alive {years} years after the reference day",
        "years lived after the reference day",
        "hazard of death",
        "hazard of a metastasis or death",
    ]


def outcome_ends(name):
    return OUTCOMES[name].ends


# -- asking ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A tiny question, asked once: two arms that a value of `across` reaches, one that it does not."""
    folder = tmp_path_factory.mktemp("asked")
    text = COMPARED.replace(
        '["on > off"]', '["on > off"]\nacross = [{ parameter = "sleep_probability", values = [0.2, 0.9] }]'
    )
    from quick_cohort import scenario_file

    scenario_file(folder, 8)
    path = folder / "question.toml"
    path.write_text('extends = "quick.toml"\n' + text, encoding="utf-8")
    comparison = load_comparison(path)
    return comparison, folder / "answer", questions.ask(comparison, seed=3, out=folder / "answer")


def test_every_arm_is_a_run_and_the_answer_stands_beside_them(asked):
    from sim.results import reading as results

    comparison, out, answer = asked
    assert json.loads((out / "answer.json").read_text(encoding="utf-8"))["arms"] == answer["arms"]
    for arm, row in zip(comparison.arms, answer["arms"], strict=True):
        run = results.open(out / arm.name)
        assert run.manifest["scenario"]["mechanisms"]["dormancy"] == (arm.name == "on")
        assert row["mean"] == run.patients["first_detected_day"].notna().mean()
    assert answer["directions"][0]["difference"] == pytest.approx(answer["arms"][0]["mean"] - answer["arms"][1]["mean"])


def test_across_runs_only_the_arms_that_the_value_reaches(asked):
    """Without dormancy nobody sleeps, whatever the probability: that arm is run once."""
    _, out, answer = asked
    made = sorted(path.parent.relative_to(out).as_posix() for path in out.rglob("manifest.json"))
    assert made == ["across/sleep_probability_0.2/on", "across/sleep_probability_0.9/on", "off", "on"]
    assert [(point["parameter"], point["value"]) for point in answer["across"]] == [
        ("sleep_probability", 0.2),
        ("sleep_probability", 0.9),
    ]
    assert len({point["arms"][1]["mean"] for point in answer["across"]} | {answer["arms"][1]["mean"]}) == 1


def test_a_value_of_across_does_not_replace_an_arm_s_own(tmp_path):
    text = COMPARED.replace(
        "mechanisms = { dormancy = false }", 'parameters = { sleep_probability = { value = 0.0, reason = "awake" } }'
    )
    comparison = load_comparison(write(tmp_path, BASE + text))
    runs = questions._Runs(comparison, tmp_path / "answer", 1, None, 1, False, [])
    values = [
        runs._scenario(arm, "sleep_probability", 0.9).parameters["sleep_probability"].value for arm in comparison.arms
    ]
    assert values == [0.9, 0.0]


def test_a_number_of_another_site_does_not_reach_an_arm():
    lung = load("lung")
    course = questions._course(lung)
    for name, other in (("site_shedding_factor.thyroid", True), ("primary_death_factor.colon", True), ("drainage.colon.portal", True),
                        ("site_shedding_factor.lung", False), ("soil.liver", False), ("soil.thyroid", False)):  # fmt: skip
        changed = lung.with_(set_=[f"{name}={lung.parameters[name].value / 2}"])
        assert (questions._course(changed) == course) == other, name


def test_what_is_finished_is_not_run_again_unless_something_differs(asked, monkeypatch):
    comparison, out, answer = asked
    runs = []
    monkeypatch.setattr(questions, "run_scenario", lambda scenario, **_: runs.append(scenario.name) or 1 / 0)
    assert questions.ask(comparison, seed=3, out=out) == answer
    assert not runs
    for change in ({"seed": 4}, {"seed": 3, "patients": 9}):
        with pytest.raises(ZeroDivisionError):
            questions.ask(comparison, out=out, **change)
    assert len(runs) == 2


def test_a_folder_of_something_else_is_refused(asked, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="thesis.txt"):
        questions.ask(asked[0], seed=1, out=tmp_path)


def test_outcomes_agree_with_the_survival_curves(asked):
    """Kaplan and Meier, Aalen and Johansen: nobody is censored before the horizon, so shares of patients are what they estimate."""
    from sim.analysis.competing_risks import organ_incidence
    from sim.analysis.survival import survival_at_years
    from sim.results import reading as results

    run = results.open(asked[1] / "on")
    for years in (0.2, 0.4, 0.8):
        assert outcome(f"survival at {years} years").values(run).mean() == pytest.approx(
            survival_at_years(run, years).value
        )
        for organ in (None, "liver"):
            name = f"patients with a metastasis{f' in the {organ}' if organ else ''} within {years} years"
            assert outcome(name).values(run).mean() == pytest.approx(
                organ_incidence(run, organ).at(years * DAYS_PER_YEAR).value
            )
    assert 0 < outcome("survival at 0.8 years").values(run).mean() < 1


def test_all_asks_every_scenario_that_has_a_comparison(asked, tmp_path, monkeypatch, capsys):
    """With every seed, across with the first; the table and the page hold what the answers say, and a second call runs nothing."""
    from sim import cli

    monkeypatch.setattr("sim.finding.SCENARIOS", asked[0].scenario.path.parent)
    words = ["ask", "all", "--patients", "4", "--workers", "1", "--seed", "1", "--seed", "2", "--out", str(tmp_path)]
    assert cli.main([*words, "--quiet"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-2] in ("1 of 1 scenarios show what they must", "0 of 1 scenarios show what they must; not: question")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["question", "questions"]
    answers = {
        seed: json.loads((tmp_path / "question" / f"ask_seed{seed}_4patients" / "answer.json").read_text("utf-8"))
        for seed in (1, 2)
    }
    assert [len(answers[seed]["across"]) for seed in (1, 2)] == [2, 0]
    table = pd.read_csv(tmp_path / "questions" / "questions.csv")
    assert table["seed"].tolist()[:4] == [1, 1, 1, 2] and np.isnan(table["seed"].iloc[4])
    assert table["value"].isna().tolist() == [True, False, False, True, True]
    assert table["seen"].tolist()[3] == answers[2]["directions"][0]["seen"]
    assert table["difference"].iloc[4] == pytest.approx(table["difference"].iloc[[0, 3]].mean())
    page = (tmp_path / "questions" / "questions.md").read_text("utf-8")
    assert (
        "Not asked yet" not in page
        and "`run_sim.py ask all --patients 4" in page
        and "| seed 1 | seed 2 | all seeds |" in page
        and "`sleep_probability`" in page
    )
    monkeypatch.setattr(questions, "run_scenario", lambda *_, **__: 1 / 0)
    assert cli.main(words) == 0
    assert "step 3 of 3: question, seed 1, across assumed sizes" in capsys.readouterr().err
    assert (tmp_path / "questions" / "questions.md").read_text("utf-8").replace(" --quiet", "") == page.replace(
        " --quiet", ""
    )


def test_what_was_stopped_has_answered_every_question_before_it_varies_one(asked, tmp_path, monkeypatch):
    """Ctrl-C while it asks across: the table is whole at the scenario's own numbers, and the page names what is left."""
    from sim import cli

    monkeypatch.setattr("sim.finding.SCENARIOS", asked[0].scenario.path.parent)
    whole = questions.ask

    def until_across(*words, across, **options):
        if across:
            raise KeyboardInterrupt
        return whole(*words, across=across, **options)

    monkeypatch.setattr(questions, "ask", until_across)
    words = [
        "ask",
        "all",
        "--patients",
        "4",
        "--workers",
        "1",
        "--seed",
        "3",
        "--seed",
        "2",
        "--out",
        str(tmp_path),
        "--quiet",
    ]
    assert cli.main(words) == 130
    assert pd.read_csv(tmp_path / "questions" / "questions.csv")["seed"].tolist()[:2] == [2, 3]
    page = (tmp_path / "questions" / "questions.md").read_text("utf-8")
    assert "**Not asked yet** (the same command continues): across assumed sizes: question." in page


def test_small_and_patients_together_are_refused(front_door):
    done = front_door("ask", "adherence", "--small", "--patients", "5")
    assert done.returncode == 2 and "--patients: found with --small" in done.stderr


def test_a_small_cohort_is_enriched_where_it_says_so_and_nowhere_else(tmp_path):
    """An arm's own parameter stays; the answer names what was changed, from what and why."""
    own = 'parameters = { sleep_probability = { value = 0.0, reason = "awake" } }'
    text = COMPARED.replace("mechanisms = { dormancy = false }", own).replace(
        '["on > off"]',
        """["on > off"]
assumes = "that they differ"
[comparison.small]
patients = 12
[comparison.small.parameters]
sleep_probability = { value = 0.9, reason = "to see" }
frailty_log_sd = { value = 1, reason = "to see" }""",
    )
    comparison = load_comparison(write(tmp_path, BASE + text))
    small = comparison.small()
    read = [
        [arm.scenario.parameters[name].value for arm in small.arms] for name in ("sleep_probability", "frailty_log_sd")
    ]
    assert read == [[0.9, 0.0], [1.0, 1.0]] and {arm.scenario.patients for arm in small.arms} == {
        small.scenario.patients
    } == {12}
    assert comparison.arms[0].scenario.parameters == load("colorectal").parameters and not comparison.enriched

    answer = {
        "question": "Why?",
        "outcome": "x",
        "unit": "y",
        "meaning": "z",
        "arms": [],
        "directions": [],
        "across": [],
        "assumes": comparison.assumes,
        "enriched": [questions._override(name, entry) for name, entry in small.enriched.items()],
    }
    from sim.cli.ask import answer_text

    told = answer_text(answer)
    assert "assumes: that they differ" in told
    usual = catalog.load()["frailty_log_sd"].value
    words = f"sleep_probability = 0.9 (catalogue: 0.5), frailty_log_sd = 1 (catalogue: {usual:g}): to see"
    assert f"enriched cohort: {words}" in told
    assert "enriched" not in answer_text(answer | {"enriched": []})


def test_a_change_of_treatment_is_another_run(asked):
    """What is finished is told by everything that a course depends on."""
    from sim.runs.keys import identity

    scenario = load("surgery_alone")
    untreated = dataclasses.replace(scenario, treatments=())
    assert identity(scenario, 1, False, False) != identity(untreated, 1, False, False)


def test_the_command_prints_arms_directions_and_a_sentence(asked):
    from sim.cli.ask import answer_text

    text = answer_text(asked[2])
    assert "on > off" in text and "sleep_probability = 0.9" in text
    assert text.splitlines()[-1].startswith(("As expected: ", "Not as expected: ", "Too few patients to tell: "))
    assert "on > off" in text.split("does it hold?")[1]


def test_the_command_refuses_a_scenario_without_a_comparison(front_door):
    done = front_door("ask", "colorectal")
    assert (
        done.returncode == 2
        and "no [comparison] in this scenario" in done.stderr
        and "age_40_against_75" in done.stderr
    )


def test_show_tells_what_is_compared_and_check_reads_every_arm(front_door, tmp_path):
    shown = front_door("show", "follow_up_3_6_12").stdout
    assert (
        "every 3 months < every 6 months; every 6 months < every 12 months" in shown
        and "years to the first metastasis" in shown
    )
    enriched = front_door("show", "survival_by_site").stdout
    assert (
        "220 patients, enriched: frailty_log_sd = 1, competent" in enriched
        and "of thyroid ones as of colon" in enriched
    )
    text = BASE + COMPARED.replace('name = "off"', 'name = "off"\ncohort.age = { mean = "20 years" }')
    done = front_door("check", write(tmp_path, text))
    assert done.returncode == 2 and 'arm "off": found low 30, mean 20, high 95 years' in done.stderr


@pytest.mark.parametrize("file", WITH_COMPARISON, ids=lambda file: file.relative_to(FOLDER).with_suffix("").as_posix())
def test_a_question_is_asked_at_the_catalogue_s_numbers(file):
    """The fitted numbers stand in every arm; what the whole scenario changes is said in `assumes`; assumed sizes are varied."""
    comparison = load_comparison(file)
    fitted = {name for name, parameter in catalog.load().items() if parameter.kind == "calibrated"}
    assumed = set(comparison.scenario.overrides)
    for arm in comparison.arms:
        changed = {name for name, value in arm.scenario.parameters.items() if value.value != value.parameter.value}
        assert not changed & fitted, arm.name
        assert changed <= assumed | arm.own_parameters
    assert not assumed or comparison.assumes
    assert comparison.across and all(override.reason for override in comparison.small_overrides.values())


TOO_SMALL = {"checkpoint_and_liver_metastases", "clusters", "metastases_that_seed", "obesity"}
"""Questions whose effects, at the numbers that are fitted now, are smaller than the errors of their small cohorts."""


@pytest.mark.parametrize("file", WITH_COMPARISON, ids=lambda file: file.relative_to(FOLDER).with_suffix("").as_posix())
def test_every_question_is_answered_as_expected_with_few_patients(file, tmp_path):
    """With a fixed seed; a direction of chance alone would pass one time in forty (its 95 % interval excludes zero).

    Only a full cohort can show that two arms are equal within a bound, or the effects of TOO_SMALL: here they must not be
    contradicted.
    """
    comparison = load_comparison(file).small()
    answer = questions.ask(comparison, seed=1, out=tmp_path / "answer", across=False)
    enough = [
        (questions.YES,) if contrast.sign and file.stem not in TOO_SMALL else (questions.YES, contrasts_of_arms.UNCLEAR)
        for contrast in comparison.contrasts
    ]
    assert all(found["seen"] in what for found, what in zip(answer["directions"], enough, strict=True)), json.dumps(
        answer["directions"], indent=1
    )
