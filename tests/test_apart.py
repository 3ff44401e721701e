"""Arms that differ before diagnosis: told from those that do not, and compared in all patients or not at all."""

import numpy as np
import pytest
from quick_cohort import scenario_file

import sim
from sim import catalog, cli
from sim.errors import InputError
from sim.finding import SCENARIOS
from sim.mechanisms import REGISTRY
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
        at = run.metastases.dropna(subset=["cells_at_diagnosis"]).set_index(["patient", "colony"])["cells_at_diagnosis"]
        return run.patients["diagnosis_day"].tolist(), at[at > 0].sort_index().to_dict()

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
        match=r'comparison.arms.0.only: found ".*" a group that is chosen at diagnosis, between "a" and "b", which differ before diagnosis \(dormancy\)',
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
def two_runs(tmp_path_factory):
    """A run, and one whose patients present otherwise: more cells that can found a colony."""
    folder = tmp_path_factory.mktemp("apart")
    file = scenario_file(folder, 30)
    few = {"metastatic_share.colon": 1.0, "symptom_cells": 1e9, "competent_share": 1e-5}
    return [sim.run(file, set=few | more, progress=False, figure=False) for more in ({}, {"competent_share": 2e-4})]


def test_arms_end_on_the_same_last_day(two_runs):
    """Whoever is alive at the end is so on the same day in both, whenever they were diagnosed."""
    one, other = (run.patients.set_index("patient") for run in two_runs)
    earlier = (other["diagnosis_day"] < one["diagnosis_day"]).fillna(False)
    assert earlier.any() and (one["reference_day"] == other["reference_day"]).all()
    for people in (one, other):
        alive = people["death_day"].isna()
        horizon = (people["last_day"] - people["reference_day"])[alive]
        assert horizon.nunique() == 1 and (people["last_day"] - people["diagnosis_day"])[alive].nunique() > 1


def test_runs_that_differ_before_diagnosis_are_compared_from_the_reference_day_in_all_patients(two_runs):
    one, other = two_runs
    found = sim.compare(one, other).found
    assert found.apart == ["competent_share"] and found.origin == "the reference day" and found.patients == 30
    dead = other.patients["death_day"].to_numpy(dtype=float, na_value=np.inf) - other.patients[
        "reference_day"
    ].to_numpy(dtype=float)
    assert found.death_days[1].tolist() == np.where(dead <= found.end_days, dead, np.inf).tolist()
    told = sim.compare(one, other).summary()
    assert "from the reference day" in " ".join(told.split())
    people = [run.patients["diagnosis_day"].notna() for run in (one, other)]
    assert found.diagnosed_in_one == ((people[0] & ~people[1]).sum(), (people[1] & ~people[0]).sum())
    same = sim.compare(one, one).found
    assert same.apart == [] and same.origin == "diagnosis" and same.patients == people[0].sum()
    assert all(REGISTRY)
