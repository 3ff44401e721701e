"""How treatments are written in a scenario, refused, shown, stored in a run's tables, and looked up."""

import dataclasses
import json

import numpy as np
import pytest
from quick_cohort import scenario_file
from treated_patients import plan

from sim.errors import InputError
from sim.finding import SCENARIOS as FOLDER
from sim.results import reading as results
from sim.runs.chunk import run_chunk
from sim.runs.task import CohortTask
from sim.scenario import load
from sim.treatments import REGISTRY
from sim.treatments.base import stacked

BASE = 'extends = "{}"\n'.format((FOLDER / "colorectal.toml").as_posix())


def write(folder, text, name="mine.toml"):
    path = folder / name
    path.write_text(BASE + text, encoding="utf-8")
    return path


def test_what_is_left_out_is_the_usual_course(tmp_path):
    text = """
[[treatments]]
name = "resection"
start_days = "4 weeks"
[[treatments]]
name = "chemotherapy"
after = "surgery"
start_days = 42
cycles = 4
adherence = 0.8
[[treatments]]
name = "chemotherapy"
after = "first metastasis"
dose = 0.5
every_days = 14
duration_days = "1 year"
[[treatments]]
name = "radiotherapy"
organ = "bone"
[[treatments]]
name = "senolytic"
start_days = "-5 years"
"""
    plans = load(write(tmp_path, text)).treatments
    assert plans == (
        plan("resection", start_days=28, every_days=1),
        plan("chemotherapy", after="surgery", start_days=42, cycles=4, every_days=21, adherence=0.8),
        plan("chemotherapy", after="first metastasis", dose=0.5, cycles=26, every_days=14, turn=1),
        plan("radiotherapy", cycles=25, every_days=1, organ="bone"),
        plan("senolytic", start_days=-1826, cycles=26, every_days=14),
    )


def test_a_file_replaces_the_treatments_of_the_one_it_extends(tmp_path):
    write(tmp_path, '[[treatments]]\nname = "resection"\n[[treatments]]\nname = "chemotherapy"\n', "parent.toml")
    for text, names in (
        ("title = 'x'\n", ["resection", "chemotherapy"]),
        ('[[treatments]]\nname = "senolytic"\n', ["senolytic"]),
        ("treatments = []\n", []),
    ):
        (tmp_path / "child.toml").write_text(f'extends = "parent.toml"\n{text}', encoding="utf-8")
        assert [p.name for p in load(tmp_path / "child.toml").treatments] == names
    assert load("colorectal").treatments == ()


@pytest.mark.parametrize("table, line, words", [
    ('name = "chemotherpy"', 3, 'treatments.0.name: unknown treatment "chemotherpy"; did you mean chemotherapy'),
    ('dose = 1', 2, "treatments.0.name: missing key name; allowed: name = ..., one of resection"),
    ('name = 3', 3, "treatments.0.name: found 3 (a number); allowed: resection"),
    ('name = "senolytic"\ndoses = 2', 4, 'treatments.0.doses: unknown key "doses"; did you mean dose?'),
    ('name = "senolytic"\ndose = "high"', 4, 'treatments.0.dose: found "high"; allowed: a number, 0 to 10'),
    ('name = "senolytic"\ndose = -1', 4, "treatments.0.dose: found -1 (a number); allowed: a number, 0 to 10"),
    ('name = "senolytic"\ndose = "1"', 4, 'treatments.0.dose: found "1"; allowed: a number, 0 to 10'),
    ('name = "senolytic"\ndose = nan', 4, "treatments.0.dose: found nan (a number); allowed: a number, 0 to 10"),
    ('name = "senolytic"\nadherence = true', 4, "treatments.0.adherence: found true; allowed: a number, 0 to 1"),
    ('name = "senolytic"\nadherence = 80', 4, "treatments.0.adherence: found 80 (a number); allowed: a number, 0 to 1"),
    ('name = "senolytic"\ncycles = 2.5', 4, "treatments.0.cycles: found 2.5 (a number); allowed: a whole number, 1 to 36,525"),
    ('name = "senolytic"\nevery_days = 0', 4, "treatments.0.every_days: found 0 (a number); allowed: whole days, 1 to 36,525"),
    ('name = "senolytic"\nduration_days = "5 kg"', 4, "treatments.0.duration_days: found"),
    ('name = "senolytic"\nafter = "death"', 4, "treatments.0.after: found \"death\"; allowed: 'diagnosis', 'surgery' or 'first metastasis'"),
    ('name = "senolytic"\norgan = "liver"', 4, 'treatments.0.organ: found "liver" for senolytic, which acts everywhere; allowed: with radiotherapy only'),
    ('name = "radiotherapy"', 2, 'treatments.0: missing key organ; allowed: organ = "liver"'),
    ('name = "radiotherapy"\norgan = "tail"', 4, 'treatments.0.organ: found "tail"; allowed: \'liver\', \'lung\''),
    ('name = "senolytic"\ncycles = 2\nduration_days = 28', 5, "treatments.0.duration_days: found with cycles; allowed: one of them"),
    ('name = "chemotherapy"\nstart_days = -1', 4, "treatments.0.start_days: found -1 days; allowed: 0 or more (before diagnosis, only endocrine_therapy"),
    ('name = "chemotherapy"\nafter = "surgery"', 4, 'treatments.0.after: found "surgery" and no resection among the treatments'),
    ('name = "resection"\nafter = "surgery"', 4, 'treatments.0.after: found "surgery" for the operation itself'),
])  # fmt: skip
def test_a_refusal_names_file_line_key_and_what_is_allowed(tmp_path, table, line, words):
    with pytest.raises(InputError) as refusal:
        load(write(tmp_path, f"[[treatments]]\n{table}\n"))
    assert f"mine.toml, line {line}: {words}" in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_list_of_other_things_is_refused(tmp_path):
    for text, words in (
        ("treatments = 3\n", "treatments: found 3 (a number); allowed: [[treatments]] tables"),
        ("treatments = [1]\n", "treatments.0: found 1 (a number); allowed: a table"),
    ):
        with pytest.raises(InputError, match="allowed") as refusal:
            load(write(tmp_path, text))
        assert words in str(refusal.value)


def test_treatments_of_an_arm_are_checked_alike(tmp_path):
    text = """
[comparison]
outcome = "years lived"
expect = ["a > b"]
[[comparison.arms]]
name = "a"
treatments = [{ name = "radiotherapy" }]
[[comparison.arms]]
name = "b"
treatments = [{ name = "radiothrapy", organ = "liver" }]
"""
    with pytest.raises(
        InputError,
        match=r'line 11: comparison.arms.1.treatments.0.name: unknown treatment "radiothrapy"; did you mean radiotherapy',
    ):
        load(write(tmp_path, text))
    with pytest.raises(InputError, match=r"line 8: comparison.arms.0.treatments.0: missing key organ"):
        load(write(tmp_path, text.replace("radiothrapy", "radiotherapy")))


def test_the_registry_keeps_its_codes():
    """Draws are keyed by them."""
    codes = {name: treatment.code for name, treatment in REGISTRY.items()}
    assert codes == {
        "chemotherapy": 1, "targeted_therapy": 2, "radiotherapy": 3, "resection": 4, "liver_resection": 5, "liver_ablation": 6,
        "endocrine_therapy": 7, "checkpoint_inhibition": 8, "senolytic": 9, "p2rx7_inhibition": 10, "mirna_silencing": 11,
        "il6_blockade": 12, "stat3_blockade": 13}  # fmt: skip


def test_arms_that_share_a_plan_share_a_course():
    one, two = plan("resection"), plan("senolytic")
    given = stacked([[one], [one, two], []], np.array([0, 1, 2, 1]))
    assert [(p.name, lanes.tolist()) for p, lanes in given] == [
        ("resection", [True, True, False, True]),
        ("senolytic", [False, True, False, True]),
    ]


def test_list_and_show_tell_of_treatments(capsys, tmp_path):
    from sim.cli import main

    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "checkpoint_inhibition" in out and "17 doses, one every 21 days" in out
    file = write(
        tmp_path,
        '[[treatments]]\nname = "resection"\nstart_days = 28\n[[treatments]]\nname = "radiotherapy"\norgan = "bone"\nadherence = 0.5\n',
    )
    assert main(["show", str(file)]) == 0
    out = capsys.readouterr().out
    assert "28 days after diagnosis" in out and "bone" in out and "adherence 0.5" in out
    assert main(["show", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["treatments"][1]["organ"] == "bone"


# -- tables ----------------------------------------------------------------------------------------

PLANS = """
[[treatments]]
name = "resection"
start_days = 10
[[treatments]]
name = "chemotherapy"
start_days = 30
cycles = 3
[[treatments]]
name = "liver_resection"
start_days = 20
"""


@pytest.fixture(scope="module")
def treated(tmp_path_factory):
    """Tables of sixty quick patients after surgery, chemotherapy and liver surgery, and of the same patients untreated."""
    folder = tmp_path_factory.mktemp("treated")
    file = scenario_file(folder, 60)
    scenario = load(file)
    file.write_text(file.read_text(encoding="utf-8").replace("[cohort]", f"{PLANS}\n[cohort]", 1), encoding="utf-8")
    scenarios = (
        load(file).with_(set_=["log10_kill.chemotherapy=6", "competent_share=2e-3"]),
        scenario.with_(set_=["competent_share=2e-3"]),
    )
    return [run_chunk(CohortTask(chosen, seed=4, start=0, stop=60)).tables for chosen in scenarios]


def columns(table, *names):
    return [np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan) for name in names]


def test_the_tables_tell_what_treatment_did(treated):
    tables, untreated = treated
    resected, diagnosed = columns(tables["patients"], "resection_day", "diagnosis_day")
    operated = ~np.isnan(resected)
    assert operated.sum() > 30 and np.all(resected[operated] == diagnosed[operated] + 10)
    met = tables["metastases"]
    reached, removed, extinct, cells, last = columns(
        met, "reached_day", "removed_day", "extinct_day", "cells", "patient"
    )
    last = np.asarray(tables["patients"]["last_day"])[last.astype(int)]
    assert np.isfinite(removed).any() and np.isfinite(extinct).any()
    gone = np.isfinite(removed) | np.isfinite(extinct)
    assert not (np.isfinite(removed) & np.isfinite(extinct)).any()
    assert np.all(cells[gone] == 0) and (cells[~gone] > 0).any()
    assert np.all(reached[gone] <= np.fmax(removed, extinct)[gone]) and np.all(
        np.fmax(removed, extinct)[gone] <= last[gone]
    )
    assert set(np.asarray(met["organ"])[np.isfinite(removed)]) == {"liver"}
    resistant = np.ma.asarray(met["resistant"])
    assert resistant.count() > 0 and resistant.dtype == bool
    assert np.ma.asarray(untreated["metastases"]["resistant"]).count() == 0
    for name in ("removed_day", "extinct_day"):
        assert np.ma.asarray(untreated["metastases"][name]).count() == 0


def test_a_colony_had_its_size_before_it_was_treated(treated):
    """Colonies of both arms that grew before any dose: the same first day at 1 mm, and the same size at diagnosis."""
    tables, untreated = treated
    one, other = (
        {
            row[0]: row[1:]
            for row in zip(
                np.asarray(t["metastases"]["colony"]).tolist(),
                *columns(t["metastases"], "reached_day", "cells_at_diagnosis"),
                strict=True,
            )
        }
        for t in treated
    )
    diagnosed = np.asarray(tables["patients"]["diagnosis_day"])
    patient = dict(
        zip(
            np.asarray(untreated["metastases"]["colony"]).tolist(),
            np.asarray(untreated["metastases"]["patient"]).tolist(),
            strict=True,
        )
    )
    early = [colony for colony, row in other.items() if row[0] <= diagnosed[patient[colony]] + 20]
    assert len(early) > 5
    for colony in early:
        assert one[colony][0] == other[colony][0]
        assert one[colony][1] == other[colony][1] or np.isnan([one[colony][1], other[colony][1]]).all()


def test_a_treated_run_is_stored_and_read_back(tmp_path):
    from sim.cli import main

    file = scenario_file(tmp_path, 12)
    file.write_text(file.read_text(encoding="utf-8").replace("[cohort]", f"{PLANS}\n[cohort]", 1), encoding="utf-8")
    assert main(["run", str(file), "--workers", "1", "--quiet", "--out", str(tmp_path / "out")]) == 0
    run = results.open(tmp_path / "out")
    assert [p["name"] for p in run.manifest["scenario"]["treatments"]] == [
        "resection",
        "chemotherapy",
        "liver_resection",
    ]
    assert run.patients["resection_day"].notna().any()
    assert run.manifest["scenario"]["treatments"][1] == dataclasses.asdict(load(file).treatments[1])
