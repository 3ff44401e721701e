"""Questions under draws of what is not known: pairs, the answer's words, what is refused; sweeps under draws; nothing without them."""

import json

import numpy as np
import pandas as pd
import pytest
from quick_cohort import scenario_file
from quick_sweep import plan_file

import sim
from sim import cli
from sim.analysis import questions
from sim.analysis.drawn_answer import course_of
from sim.catalog import posterior
from sim.errors import InputError
from sim.runs.keys import identity
from sim.scenario import load
from sim.scenario.comparison import load_comparison

GAINS = {posterior.POSTERIOR: [0.0, 1.0, 4.0], posterior.PRIOR: [5.0, 6.0, 7.0]}
"""Three draws each: of the posterior one at the null."""
PATIENTS = 36
QUESTION = """
extends = "quick.toml"
[parameters]
il6_half_cells = { value = 1e4, reason = "so that the small tumours of a quick cohort inflame" }
[comparison]
outcome = "settled cells on a log scale"
expect = ["on > off"]
[[comparison.arms]]
name = "on"
[[comparison.arms]]
name = "off"
mechanisms = { inflammation = false }
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Files of three draws, in the place of those that ship."""
    folder = tmp_path_factory.mktemp("draws")
    with pytest.MonkeyPatch.context() as patched:
        for name, which in (("FILE", posterior.POSTERIOR), ("PRIOR_FILE", posterior.PRIOR)):
            path = folder / f"{which}.parquet"
            columns = {"inflammation_gain": np.array(GAINS[which]), "emt_shedding_gain": np.array([0.5, 1.0, 1.5])}
            path.write_bytes(posterior.as_bytes(columns))
            patched.setattr(posterior, name, path)
        posterior.columns.cache_clear()
        yield
    posterior.columns.cache_clear()


def question(folder, *changes, text=QUESTION):
    scenario_file(folder, PATIENTS, 60)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "question.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def asked(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    comparison = load_comparison(question(folder))
    return (
        comparison,
        folder / "answer",
        *questions.ask_with_runs(comparison, seed=3, out=folder / "answer", patients=PATIENTS, posterior=3),
    )


def settled(run):
    return np.log10(1.0 + run.patients.sort_values("patient")["settled_cells"].to_numpy(dtype=float))


@pytest.mark.filterwarnings("ignore::sim.errors.Remark")
def test_every_arm_puts_its_own_difference_on_top_of_each_draw(asked, tmp_path):
    """Patient p is, in each arm, the patient of a run with the numbers of draw p modulo 3: a pair shares its draw."""
    _, _, answer, runs = asked
    file = scenario_file(tmp_path, PATIENTS, 60)
    few = dict(seed=3, progress=False, figure=False)
    pairs = settled(runs["on"]) - settled(runs["off"])
    for draw, gain in enumerate(GAINS[posterior.POSTERIOR]):
        numbers = {"inflammation_gain": gain, "emt_shedding_gain": 0.5 + 0.5 * draw, "il6_half_cells": 1e4}
        on = settled(sim.run(file, set=numbers, **few))
        off = settled(sim.run(file, set=numbers, off=["inflammation"], **few))
        assert pairs[draw::3].tolist() == (on - off)[draw::3].tolist()
    assert not pairs[0::3].any() and (pairs[2::3].mean() > pairs[1::3].mean() > 0)
    (found,) = answer["directions"]
    assert found["posterior"]["draws"] == 3 and found["posterior"]["no_effect"] == 1
    assert found["difference"] == pytest.approx(np.mean([pairs[draw::3].mean() for draw in range(3)]))
    assert found["low"] < found["difference"] < found["high"] and found["patients"] == PATIENTS
    assert found["posterior"]["between_draws_sd"] > 0 and found["posterior"]["chance_error"] > 0


def test_the_probability_is_told_under_the_posterior_and_under_the_prior(asked):
    """A draw at the null cannot have an effect; under this prior every draw has a large one: by construction."""
    _, out, answer, _ = asked
    (found,) = answer["directions"]
    assert found["posterior"]["probability"] == pytest.approx(2 / 3, abs=0.02)
    assert found["prior"]["probability"] > 0.99 and found["prior"]["no_effect"] == 0
    assert found["prior"]["difference"] > found["difference"]
    assert "the prior alone gives it a probability of 1" in found["by_construction"]
    assert answer["posterior"] == {"draws": 3, "least": 0.0} and answer["across"] == []
    stored = sim.open(out)
    assert stored.content["directions"] == answer["directions"]
    assert sorted(path.parent.relative_to(out).as_posix() for path in out.rglob("manifest.json")) == [
        "off", "on", "prior/off", "prior/on"]  # fmt: skip


def test_the_words_say_it_all(asked):
    from sim.cli.ask import answer_text
    from sim.report.questions import page, rows, sentence

    _, _, answer, _ = asked
    text = " ".join(answer_text(answer).split())
    for words in (
        "Under 3 draws of what is not known",
        "none is stated",
        "SD between draws",
        "P, prior",
        "(by construction)",
    ):
        assert words in text
    told = sentence(answer)
    assert "under the posterior" in told and "under the prior, by construction" in told
    assert "Under 3 draws" in page([answer], [], command="ask", commit="c") and "By construction" in page(
        [answer], [], command="ask", commit="c"
    )
    (row,) = rows([answer])
    assert row["probability"] == answer["directions"][0]["posterior"]["probability"] and row["least"] == 0.0
    confident = json.loads(json.dumps(answer))
    confident["directions"][0]["seen"] = "yes"
    assert sentence(confident).startswith("By construction (the prior alone gives it")


def test_what_is_finished_is_not_run_again_and_other_draws_are(asked, monkeypatch):
    comparison, out, answer, _ = asked
    runs = []
    monkeypatch.setattr(questions, "run_scenario", lambda scenario, **_: runs.append(scenario.name) or 1 / 0)
    again = questions.ask(comparison, seed=3, out=out, patients=PATIENTS, posterior=3)
    assert again["directions"] == answer["directions"] and not runs
    with pytest.raises(ZeroDivisionError):
        questions.ask(comparison, seed=3, out=out, patients=PATIENTS)
    assert len(runs) == 1


def test_without_draws_nothing_is_said_or_changed(drawn, tmp_path):
    """The keys of an answer are those of before, and its numbers those of plain runs, whatever draws lie there."""
    comparison = load_comparison(question(tmp_path))
    answer, runs = questions.ask_with_runs(comparison, seed=3, out=None, patients=12)
    assert set(answer) == {"scenario", "file", "question", "outcome", "unit", "meaning", "assumes", "enriched", "seed", "patients",
                           "wall_seconds", "arms", "directions", "across"}  # fmt: skip
    (found,) = answer["directions"]
    assert set(found) == {"expected", "sign", "within", "patients", "difference", "low", "high", "seen"}
    scenario_file(tmp_path, 12, 60)
    plain = sim.run(tmp_path / "question.toml", patients=12, seed=3, progress=False, figure=False)
    pd.testing.assert_frame_equal(runs["on"].patients, plain.patients)
    pairs = settled(runs["on"]) - settled(runs["off"])
    assert found["difference"] == pytest.approx(pairs.mean(), rel=1e-12)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.959964 * pairs.std(ddof=1) / 12**0.5, rel=1e-6)


def test_the_least_that_matters_and_the_law_are_read_from_the_comparison(drawn, tmp_path):
    stated = (
        'expect = ["on > off"]',
        'expect = ["on > off"]\nleast = 50\nby_construction = "a factor of at least one"',
    )
    comparison = load_comparison(question(tmp_path, stated))
    assert (comparison.least, comparison.by_construction) == (50.0, "a factor of at least one")
    answer = questions.ask(comparison, seed=3, out=None, patients=30, posterior=3)
    (found,) = answer["directions"]
    assert found["posterior"]["probability"] < 1e-6 and found["by_construction"] == "a factor of at least one"
    from sim.cli.ask import answer_text

    text = " ".join(answer_text(answer).split())
    assert "by construction: a factor of at least one" in text and "the least that matters, 50 log10 cells;" in text
    with pytest.raises(InputError, match=r"line \d+: comparison.least: found -1"):
        load_comparison(question(tmp_path, ('expect = ["on > off"]', 'expect = ["on > off"]\nleast = -1')))


def test_too_few_patients_or_draws_are_refused_before_anything_is_computed(drawn, tmp_path, capsys):
    file = str(question(tmp_path))
    for words, told in (
        (
            ["--posterior", "3", "--patients", "29"],
            "found 29 patients, 9.67 a draw; allowed: at least 10 a draw, here --patients 30",
        ),
        (["--posterior", "4"], "allowed: a whole number of draws, 1 to 3"),
        (["--posterior", "2"], "found 2 draws; allowed: 3 or more"),
        (["--posterior", "3", "--seed", "1", "--seed", "2"], "found with several seeds"),
    ):
        assert cli.main(["ask", file, *words, "--out", str(tmp_path / "out"), "--quiet"]) == 2
        assert told in capsys.readouterr().err and not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="allowed: at least 10 a draw"):
        sim.ask(file, patients=12, posterior=3, progress=False)
    with pytest.raises(InputError, match="posterior: found 'x'|posterior: found \"x\""):
        sim.ask(file, posterior="x", progress=False)


def test_the_command_asks_under_draws(drawn, tmp_path, capsys):
    words = ["--posterior", "3", "--patients", "30", "--workers", "1", "--out", str(tmp_path / "out"), "--quiet"]
    assert cli.main(["ask", str(question(tmp_path)), *words]) == 0
    assert "Under 3 draws" in capsys.readouterr().out
    assert (tmp_path / "out" / "question" / "ask_seed1_30patients_posterior3" / "answer.json").is_file()


def test_an_arm_that_sets_a_number_is_another_run_under_draws(drawn):
    """Even to the catalogue's value: there it is fixed, in the other arm it is drawn."""
    plain = load("colorectal")
    value = plain.parameters["inflammation_gain"].value
    fixed = plain.with_(set_=[f"inflammation_gain={value!r}"])
    assert identity(plain, 1) == identity(fixed, 1) and course_of(plain) == course_of(fixed)
    one, other = (scenario.with_(posterior=3) for scenario in (plain, fixed))
    before = plain.with_(posterior=3, which=posterior.PRIOR)
    assert len({identity(scenario, 1) for scenario in (plain, one, other, before)}) == 4
    assert len({questions._course(scenario) for scenario in (plain, one, other, before)}) == 4
    assert [arm["inflammation_gain"] for arm in other.arms()] == [value] * 3
    assert [arm["inflammation_gain"] for arm in before.arms()] == GAINS[posterior.PRIOR]


# -- sweeps ------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sim.errors.Remark")
def test_a_sweep_runs_every_point_under_draws(drawn, tmp_path):
    """A patient of a point is the patient of a run with the numbers of their draw, in blocks of several runs too."""
    text = 'title = "Drawn"\nscenarios = ["quick.toml"]\n[mechanisms]\nnames = ["inflammation"]\n[parameters]\nil6_half_cells = { values = [1e4] }\nemt_shedding_gain = { values = [0.0, 2.0] }\n'
    plan = plan_file(tmp_path, text, patients=7, horizon_days=60)
    swept = sim.sweep(plan, posterior=3, progress=False)
    few = dict(progress=False, figure=False, posterior=3)
    for on, gain in ((True, 2.0), (False, 0.0)):
        alone = sim.run(tmp_path / "quick.toml", set={"emt_shedding_gain": gain, "il6_half_cells": 1e4}, on=["inflammation"] if on else [],
                        off=[] if on else ["inflammation"], **few).patients  # fmt: skip
        mine = swept.patients.query("inflammation == @on and emt_shedding_gain == @gain").sort_values("patient")
        for column in ("settled_cells", "diagnosis_day", "last_day"):
            assert mine[column].tolist() == alone[column].tolist(), column
    plain = sim.sweep(plan, progress=False)
    assert not set(plain.runs["run"]) & set(swept.runs["run"]), "runs under draws are others"
    assert plain.patients["settled_cells"].tolist() != swept.patients["settled_cells"].tolist()


def test_the_command_sweeps_under_draws(drawn, tmp_path, capsys):
    plan = plan_file(tmp_path, 'title = "Drawn"\nscenarios = ["quick.toml"]\n', patients=3, horizon_days=60)
    words = ["sweep", str(plan), "--workers", "1", "--out", str(tmp_path / "out")]
    assert cli.main([*words, "--posterior", "3"]) == 0
    assert "under 3 draws of what is not known" in capsys.readouterr().out
    assert sim.open(tmp_path / "out").manifest["scenarios"][0]["posterior"]["draws"] == 3
    assert cli.main([*words, "--posterior", "9"]) == 2
    assert "1 to 3" in capsys.readouterr().err
