"""Two inputs with one name: each keeps its own results, or both are refused in words; never are they taken for one."""

import json
import shutil

import pandas as pd
import pytest
import synthetic
from quick_cohort import scenario_file
from quick_sweep import plan_file

from sim import finding
from sim.analysis import answer_file, questions
from sim.cli import main, values
from sim.cli import sweep as sweep_command
from sim.errors import InputError
from sim.sweeps import plan as plans
from sim.sweeps import read
from sim.sweeps.executors import LocalExecutor
from sim.sweeps.run import run_sweep


def named(folder, *names):
    """The quick scenario in files of these names below a folder."""
    source = scenario_file(folder, 2, 60)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)


def plan_of(folder, *scenarios, name="plan.toml"):
    file = folder / name
    file.write_text(f'title = "Names"\nscenarios = {json.dumps(scenarios)}\npatients = 2\n', encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "names", [("sa/x.toml", "sb/x.toml"), ("x.toml", "sb/X.toml"), ("sa/é.toml", "sb/é.toml"), ("a b.toml", "a_b.toml")]
)
def test_a_plan_whose_scenarios_have_one_name_is_refused(tmp_path, names):
    """The name is the partition of the tables: both would be scenario=x, one after the other or mixed."""
    named(tmp_path, *names)
    with pytest.raises(
        InputError, match=r"plan\.toml, line 2: scenarios\.1: found .* which have one name in the tables"
    ):
        plans.load(plan_of(tmp_path, *names))


def test_one_scenario_named_in_two_ways_is_refused_as_one_file(tmp_path):
    named(tmp_path, "x.toml")
    with pytest.raises(InputError, match=r'found "x\.toml" and "\./x\.toml", which are one file; allowed: once'):
        plans.load(plan_of(tmp_path, "x.toml", "./x.toml"))


def test_names_that_look_like_numbers_or_codes_come_back_as_they_are(tmp_path):
    names = ["007", "7", "a_20b", "1e3", "None", "nan", "2026-01-01"]
    named(tmp_path, *(f"{name}.toml" for name in names))
    run_sweep(
        plans.load(plan_of(tmp_path, *(f"{name}.toml" for name in names))),
        out=tmp_path / "x",
        executor=LocalExecutor(1),
    )
    found = read.open(tmp_path / "x")
    assert sorted(set(found.runs["scenario"])) == sorted(names) == sorted(set(found.patients["scenario"]))
    assert set(found.where("runs", scenario="007")["scenario"]) == {"007"}


def test_two_plans_of_one_name_have_folders_of_their_own(tmp_path, monkeypatch):
    """The second would have removed the tables of the first, as files of an earlier plan."""
    monkeypatch.setattr(values, "results_folder", lambda: tmp_path / "results")
    monkeypatch.setattr(sweep_command, "results_folder", lambda: tmp_path / "results")
    files = [
        plan_file(tmp_path / name, 'title = "P"\nscenarios = ["quick.toml"]\n', 2, 60)
        for name in ("a", "b")
        if not (tmp_path / name).mkdir()
    ]
    for file in (*files, *files):
        assert main(["sweep", str(file), "--quiet", "--workers", "1"]) == 0
    folders = sorted((tmp_path / "results" / "sweeps").iterdir())
    assert len(folders) == 2 and folders[1].name.startswith("quick_plan_")
    files[0].write_text(files[0].read_text() + "replicates = 2\n")
    assert main(["sweep", str(files[0]), "--quiet", "--workers", "1"]) == 0
    assert [read.open(folder).manifest["runs"] for folder in folders] == [2, 1], "a changed plan keeps its folder"


def test_two_questions_of_one_name_have_folders_of_their_own(tmp_path):
    ask = '[comparison]\noutcome = "patients alive 0.1 years after the reference day"\nexpect = ["a = b within 1"]\n[[comparison.arms]]\nname = "a"\n[[comparison.arms]]\nname = "b"\nmechanisms = { dormancy = false }\n'
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        file = scenario_file(tmp_path / name, 4, 60)
        file.write_text(file.read_text(encoding="utf-8") + ask, encoding="utf-8")
        arguments = ["ask", str(file), "--out", str(tmp_path / "out"), "--quiet", "--workers", "1"]
        assert main(arguments) == 0 and main(arguments) == 0
    folders = sorted((tmp_path / "out" / "quick").iterdir())
    assert len(folders) == 2 and folders[1].name.startswith(folders[0].name)
    assert [answer_file.asked_by(folder) for folder in folders] == [
        finding.key_of(tmp_path / name / "quick.toml") for name in ("one", "two")
    ]


def test_two_references_of_one_name_are_compared_apart(tmp_path):
    runs = [synthetic.write(tmp_path / name / "x", 60).path for name in ("a", "b", "c")]
    for reference in (runs[0], runs[1], runs[0]):
        assert main(["compare", str(reference), str(runs[2]), "--format", "png"]) == 0
    found = sorted(path.name for path in runs[2].glob("compared_with_*"))
    assert found[0] == "compared_with_x" and len(found) == 2 and found[1].startswith("compared_with_x_")
    keys = [json.loads((runs[2] / name / "compare.json").read_text())["a"]["key"] for name in found]
    assert keys == [finding.key_of(run) for run in runs[:2]]


def test_values_that_are_nearly_one_have_folders_of_their_own():
    assert [questions._spelled(value) for value in (0.2, 5.0, 1e-05)] == ["0.2", "5", "1e-05"]
    assert questions._spelled(0.1234567) != questions._spelled(0.12345671) == "0.12345671"


def test_a_key_names_no_path_of_this_machine(tmp_path):
    assert finding.key_of(finding.SCENARIOS / "colorectal.toml") == "scenarios/colorectal.toml"
    assert str(tmp_path) not in finding.key_of(tmp_path / "x") != finding.key_of(tmp_path / "y")
    assert pd.Series([finding.key_of(tmp_path / str(i)) for i in range(100)]).is_unique
