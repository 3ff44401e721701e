"""Arms that differ before diagnosis: told from those that do not, and compared in all patients or not at all."""

import numpy as np
import pytest
from quick_cohort import scenario_file

import sim
from sim import catalog, cli
from sim.errors import InputError
from sim.finding import SCENARIOS
from sim.results.conditions import CONDITIONS
from sim.results.outcomes import OUTCOMES, outcome
from sim.scenario import load
from sim.scenario.apart import AFTER_DIAGNOSIS, OF_TREATMENTS, before_diagnosis
from sim.scenario.comparison import load_comparison

BASE = (SCENARIOS / "colorectal.toml").read_text(encoding="utf-8")
EARLY = 'treatments = [{ name = "senolytic", start_days = -700 }]'
LATE = 'treatments = [{ name = "resection", start_days = 28 }]'
OFF = "mechanisms = { dormancy = false }"


def question(folder, change, outcome_name, only="", expect='["a < b"]'):
    path = folder / "mine.toml"
    path.write_text(
        BASE + f'\n[comparison]\noutcome = "{outcome_name}"\nexpect = {expect}\n'
        f'[[comparison.arms]]\nname = "a"\n{only}\n[[comparison.arms]]\nname = "b"\n{only}\n{change}\n',
        encoding="utf-8",
    )
    return path


def apart(set_=(), on=(), off=(), **rest):
    plain = load("colorectal")
    return before_diagnosis(plain.to_dict(), plain.with_(set_=set_, on=on, off=off).to_dict(), **rest)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"off": ["dormancy"]}, ["dormancy"]),
        ({"on": ["clusters"]}, ["clusters"]),
        ({"set_": ["soil.liver=0.1"]}, ["soil.liver"]),
        ({"set_": ["site_shedding_factor.breast=5"]}, []),
        ({"set_": ["cluster_share=0.2"]}, []),
        ({"set_": ["resection_residual_share=0.2"]}, []),
        ({"set_": ["follow_up_interval_days=90"]}, []),
        ({"set_": ["primary_death_factor.colon=2"]}, []),
        ({"set_": ["symptom_cells=1e18"]}, ["symptom_cells"]),
        ({"set_": ["lethal_factor=3"]}, ["lethal_factor"]),
    ],
)
def test_what_acts_before_diagnosis_is_told(change, found):
    assert apart(**change) == found
    assert apart() == []


def test_a_number_that_one_arm_sets_differs_under_draws():
    value = catalog.load()["soil.liver"].value
    assert apart(set_=[f"soil.liver={value!r}"]) == []
    assert apart(set_=[f"soil.liver={value!r}"], drawn=True) == ["soil.liver"]
    assert apart(set_=["resection_residual_share=0"], drawn=True) == []


def test_early_treatments_differ_and_so_do_their_numbers(tmp_path):
    for change, found in ((EARLY, ["senolytic"]), (LATE, [])):
        arms = load_comparison(question(tmp_path, change, "patients with a metastasis")).arms
        assert before_diagnosis(*(arm.scenario.to_dict() for arm in arms)) == found
    treated = arms[1].scenario
    early = load_comparison(question(tmp_path, EARLY, "patients with a metastasis")).arms[1].scenario
    for scenario, found in ((treated, []), (early, ["senolytic_clearance"])):
        other = scenario.with_(set_=["senolytic_clearance=0.1"])
        assert before_diagnosis(scenario.to_dict(), other.to_dict()) == found


@pytest.mark.filterwarnings("ignore::sim.errors.Remark")
def test_numbers_that_are_said_to_act_after_diagnosis_change_nothing_before_it(tmp_path):
    """Every one of them, to an end of its range, all treatments given from diagnosis on: days and sizes at diagnosis are equal bit for bit.

    Numbers that act before it (the others) change them.
    """
    names = [
        name
        for name, p in catalog.load().items()
        if p.file == OF_TREATMENTS or name in AFTER_DIAGNOSIS or name == "primary_death_factor.colon"
    ]
    assert len(names) > 25
    changed = {name: catalog.load()[name].high for name in names if name != "follow_up_interval_days"}
    changed["follow_up_interval_days"] = 90.0
    plans = [{"name": "resection"}, {"name": "chemotherapy"}, {"name": "checkpoint_inhibition"}, {"name": "senolytic"}]
    keys = dict(
        patients=40, progress=False, figure=False, on=["immune_surveillance"], treatments=plans, horizon="1 year"
    )
    keys |= dict(set={"metastatic_share.colon": 1.0})
    plain = sim.run("colorectal", **keys)
    other = sim.run("colorectal", **{**keys, "set": {**keys["set"], **changed}})
    moved = sim.run("colorectal", **{**keys, "set": {**keys["set"], "competent_share": 1e-4}})

    def state(run):
        """Days of diagnosis, and the metastases that were there (a smaller colony has a row only if it grows later)."""
        found = run.metastases.merge(run.patients[["patient", "diagnosis_day"]], on="patient")
        there = found[(found["reached_day"] <= found["diagnosis_day"]).fillna(False)]
        rows = there.sort_values(["patient", "colony"])[["patient", "colony", "cells_at_diagnosis"]]
        return run.patients["diagnosis_day"].tolist(), rows.to_numpy(dtype=float).tolist()

    assert state(plain) == state(other) != state(moved)
    assert plain.patients["last_day"].tolist() != other.patients["last_day"].tolist(), "they act after it"
    assert len(state(plain)[1]) > 3


@pytest.mark.parametrize(
    "name", [name for name in OUTCOMES if outcome(name.format(organ="liver", years=2)).from_diagnosis]
)
@pytest.mark.parametrize("change", [OFF, EARLY, 'cohort.age = { mean = "60 years" }', 'primary = "pancreas"'])
def test_an_outcome_from_diagnosis_is_refused_between_arms_that_differ_before_it(tmp_path, name, change):
    name = name.format(organ="liver", years=2)
    with pytest.raises(
        InputError,
        match=f'mine.toml: comparison.outcome: found "{name}", which counts from diagnosis, between "a" and "b".*allowed',
    ):
        load_comparison(question(tmp_path, change, name))
    assert load_comparison(question(tmp_path, LATE, name)).outcome.name == name


@pytest.mark.parametrize("name", [name for name in OUTCOMES if "reference day" in name] + ["metastases per patient"])
def test_an_outcome_of_all_patients_is_not_refused(tmp_path, name):
    name = name.format(organ="liver", years=2)
    assert load_comparison(question(tmp_path, OFF, name)).outcome.name == name


@pytest.mark.parametrize("only", CONDITIONS)
def test_a_group_is_refused_where_arms_differ_before_diagnosis(tmp_path, only):
    """No group is chosen by what happens after diagnosis: each one's words say that it is at diagnosis, or a stage."""
    assert "at diagnosis" in only or only.startswith("stage ")
    with pytest.raises(
        InputError,
        match=r'comparison.arms.0.only: found ".*", a group that is chosen at diagnosis, between "a" and "b", which differ before diagnosis \(dormancy\)',
    ):
        load_comparison(question(tmp_path, OFF, "metastases per patient", f'only = "{only}"'))
    load_comparison(question(tmp_path, LATE, "metastases per patient", f'only = "{only}"'))


@pytest.mark.parametrize("command", ["ask", "run", "check", "show"])
def test_the_commands_refuse_with_exit_code_2(tmp_path, command, capsys):
    file = question(tmp_path, OFF, "survival at 5 years")
    assert cli.main([command, str(file)]) == 2
    told = capsys.readouterr().err
    assert "mine.toml: comparison.outcome" in told and "patients alive {years} years after the reference day" in told


def test_arms_that_differ_before_diagnosis_may_stand_beside_those_that_do_not(tmp_path):
    """Each direction by itself: a third arm that no direction from diagnosis touches is no fault."""
    path = question(tmp_path, LATE, "survival at 2 years")
    path.write_text(path.read_text("utf-8") + f'[[comparison.arms]]\nname = "c"\n{OFF}\n', encoding="utf-8")
    assert len(load_comparison(path).arms) == 3
    path.write_text(path.read_text("utf-8").replace('["a < b"]', '["a < b", "a < c"]'), encoding="utf-8")
    with pytest.raises(InputError, match='between "a" and "c"'):
        load_comparison(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run; one whose metastases are many and make symptoms early; and one in which they kill before diagnosis too."""
    file = scenario_file(tmp_path_factory.mktemp("apart"), 36, 60)
    few, many = ({"symptom_cells": 1e6, "competent_share": share} for share in (1e-5, 2e-3))
    some = {"symptom_cells": 3e7, "competent_share": 1e-2}
    immortal = {"lethal_factor": 100.0, "metastatic_death_per_day": 0.0, "primary_death_per_day": 0.0}
    immortal |= {"other_cause_death_per_year_at_70": 0.0}
    changes = [few | immortal, some | immortal, many]
    return [sim.run(file, set=set_, seed=3, progress=False, figure=False) for set_ in changes]


def test_arms_end_on_the_same_last_day(runs):
    """Whoever is alive at the end is so on the same day in both, whenever they were diagnosed."""
    one, other = (run.patients.set_index("patient") for run in runs[:2])
    assert (one["reference_day"] == other["reference_day"]).all()
    alive = one["death_day"].isna() & other["death_day"].isna()
    earlier = (other["diagnosis_day"] < one["diagnosis_day"]).fillna(False) & alive
    assert earlier.any() and (one["last_day"] == other["last_day"])[alive].all()
    for people in (one, other):
        assert ((people["last_day"] - people["reference_day"])[alive] == 60).all()


def test_runs_that_differ_before_diagnosis_are_compared_from_the_reference_day_in_all_patients(runs):
    one, other = runs[0], runs[2]
    found = sim.compare(one, other).found
    assert found.apart[0] == "competent_share" and found.origin == "the reference day" and found.patients == 36
    death, reference = (
        other.patients[name].to_numpy(dtype=float, na_value=np.inf) for name in ("death_day", "reference_day")
    )
    assert (
        found.death_days[1].tolist()
        == np.where(death - reference <= found.end_days, death - reference, np.inf).tolist()
    )
    unknown = other.patients["diagnosis_day"].isna().to_numpy()
    assert unknown.sum() == 2 and (found.death_days[1][unknown] < 0).all(), "found at death, and counted"
    assert found.diagnosed_in_one == (2, 0)
    told = " ".join(sim.compare(one, other).summary().split())
    assert "from the reference day" in told and "found at death in the other: 2 in A, 0 in B" in told
    same = sim.compare(other, other).found
    assert same.apart == [] and same.origin == "diagnosis" and same.patients == 34 and same.diagnosed_in_one == (0, 0)


def test_under_draws_a_number_that_one_arm_sets_is_refused_where_it_acts_before_diagnosis(tmp_path):
    """To the catalogue's value it changes nothing; under draws it is fixed in one arm, and drawn in the other."""
    value = catalog.load()["soil.liver"].value
    change = f'parameters = {{ "soil.liver" = {{ value = {value!r}, reason = "as it is" }} }}\n{LATE}'
    asked = load_comparison(question(tmp_path, change, "years lived"))
    with pytest.raises(InputError, match=r"comparison.outcome.*differ before diagnosis \(soil.liver\)"):
        asked.drawn(3)
    assert load_comparison(question(tmp_path, LATE, "years lived")).drawn(3).scenario.posterior == 3
