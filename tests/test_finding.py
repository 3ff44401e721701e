"""Scenarios and plans that come with the program are found by name from any folder, after what lies beside a file."""

import pytest

from sim import finding
from sim.errors import InputError
from sim.scenario import load
from sim.sweeps import plan as plans

MINE = 'extends = "{name}"\ntitle = "Mine"\nquestion = "What if?"\n'


def write(file, text):
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ["colorectal.toml", "colorectal", "scenarios/colorectal.toml"])
def test_a_shipped_scenario_can_be_extended_from_any_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    mine = write(tmp_path / "mine.toml", MINE.format(name=name))
    assert load(mine).primary == "colon" and load("mine").title == "Mine"


def test_what_lies_beside_the_file_wins(tmp_path):
    write(tmp_path / "breast.toml", 'extends = "colorectal.toml"\nprimary = "rectum"\n')
    mine = write(tmp_path / "mine.toml", MINE.format(name="breast.toml"))
    assert load(mine).primary == "rectum"


def test_a_file_may_bear_the_name_of_the_one_that_it_extends(tmp_path):
    mine = write(tmp_path / "colorectal.toml", MINE.format(name="colorectal.toml"))
    assert load(mine).title == "Mine" and load(mine).primary == "colon"


def test_a_refusal_says_where_it_looked_and_what_exists(tmp_path):
    write(tmp_path / "other.toml", MINE.format(name="breast"))
    mine = write(tmp_path / "mine.toml", MINE.format(name="colorectl.toml"))
    with pytest.raises(InputError) as caught:
        load(mine)
    for piece in (
        "line 1: extends",
        str(tmp_path),
        "mine.toml, other.toml",
        "did you mean colorectal.toml",
        "adherence, ",
    ):
        assert piece in str(caught.value)


def test_a_plan_finds_scenarios_by_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "sub.toml", MINE.format(name="breast.toml"))
    plan = write(
        tmp_path / "p.toml", 'title = "P"\nscenarios = ["colorectal.toml", "autopsy/colon", "sub.toml"]\npatients = 5\n'
    )
    assert [variant.scenario.primary for variant in plans.load(plan).variants] == ["colon", "colon", "breast"]


def test_a_checkout_uses_the_folders_beside_the_package(repository):
    assert (
        finding.IS_CHECKOUT and repository / "scenarios" == finding.SCENARIOS and repository / "plans" == finding.PLANS
    )


@pytest.mark.parametrize("name", ["../README.md", "../pyproject", "/etc/passwd"])
def test_a_name_does_not_lead_out_of_the_folder(name):
    assert finding.find_shipped(name, finding.SCENARIOS) is None
