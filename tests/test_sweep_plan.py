"""Plans: what they ask for, in which order, who a run is, and what is said of a wrong one."""

import dataclasses
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from quick_sweep import HEAD, PLAN, plan_file

from sim import catalog, mechanisms
from sim.errors import InputError
from sim.finding import PLANS as FOLDER
from sim.mechanisms import effective_parameters
from sim.runs.chunk import build_model
from sim.sweeps import block as blocks
from sim.sweeps import plan as plans
from sim.sweeps import schema
from sim.sweeps.plan_file import is_plan


@pytest.fixture
def load(tmp_path):
    """Load a plan from its text."""
    return lambda text=PLAN, **keywords: plans.load(plan_file(tmp_path, text, **keywords))


def test_every_level_meets_every_other(load):
    plan = load()
    levels = [tuple(plan.levels(point).values()) for point in plan.points]
    assert len(levels) == len(set(levels)) == 12 and levels[0] == (True, True, 0.0)
    assert [factor.name for factor in plan.factors] == ["dormancy", "inflammation", "vesicle_release"]
    assert [factor.type for factor in plan.factors] == ["bool", "bool", "float64"]
    assert all(count == 6 for count in Counter(row[0] for row in levels).values())
    assert len(plan.runs) == 24 and len({run.name for run in plan.runs}) == 24 and plan.patients == 24 * 5


def test_units_ranges_and_samples(load):
    plan = load(HEAD + """
[parameters]
sleep_probability = { low = 0.2, high = "80 %", steps = 3 }
primary_gompertz_per_day = { low = 0.01, high = 0.04, steps = 3, scale = "log" }
[sample]
method = "sobol"
points = 4
[sample.parameters]
inflammation_gain = {}
vesicle_release = { low = 1, high = 2 }
""")  # fmt: skip
    assert len(plan.points) == 3 * 3 * 4
    columns = {name: {dict(point.values)[name] for point in plan.points} for name in dict(plan.points[0].values)}
    assert columns["sleep_probability"] == {0.2, 0.5, 0.8}
    assert sorted(columns["primary_gompertz_per_day"]) == pytest.approx([0.01, 0.02, 0.04])
    gain = catalog.load()["inflammation_gain"]
    assert len(columns["inflammation_gain"]) == 4 and all(
        gain.low <= value <= gain.high for value in columns["inflammation_gain"]
    )
    assert all(1 <= value <= 2 for value in columns["vesicle_release"])


def test_cohorts_change_who_is_simulated(load):
    plan = load(HEAD + """
patients = 7
[[cohorts]]
name = "young"
age = { mean = "40 years", high = "60 years" }
[[cohorts]]
name = "as it is"
[[cohorts]]
name = "few"
patients = 3
""")  # fmt: skip
    young, same, few = (variant.scenario for variant in plan.variants)
    assert (young.age.mean_years, young.age.high_years, young.age.low_years) == (40, 60, 30)
    assert [one.patients for one in (young, same, few)] == [7, 7, 3] and same.age.mean_years == 67
    assert [plan.levels(point)["cohort"] for point in plan.points] == ["young", "as it is", "few"]
    assert len({run.name for run in plan.runs}) == 3


def test_treatments_are_handed_to_the_scenario(load):
    """Whatever stands under `give` is read as if it stood under [[treatments]] in the scenario."""
    text = (
        HEAD
        + '[[treatments]]\nname = "{}"\ngive = []\n[[treatments]]\nname = "b"\ngive = [{{ name = "{}", start_days = {} }}]\n'
    )
    plan = load(text.format("a", "senolytic", -100))
    assert [plan.levels(point) for point in plan.points] == [{"treatment": "a"}, {"treatment": "b"}]
    none, given = (variant.scenario.treatments for variant in plan.variants)
    assert none == () and [(one.name, one.start_days) for one in given] == [("senolytic", -100)]
    assert len({run.name for run in plan.runs} | {run.name for run in load(HEAD).runs}) == 2, "no treatment is none"
    for wrong, words in (
        (("a", "senolitic", 0), "senolytic"),
        (("a", "resection", -1), "0 or more"),
        (("b", "senolytic", 0), "twice"),
    ):
        with pytest.raises(InputError, match=rf"quick_plan.toml, line [89]: .*{words}"):
            load(text.format(*wrong).replace('"b"\ngive', '"b"\n\ngive'))


def test_pairs_share_their_seed_and_independent_runs_do_not(load):
    paired, alone = load(), load(PLAN.replace("replicates", "paired = false\nreplicates"))
    assert {run.seed for run in paired.runs} == {1, 2}
    assert Counter(run.replicate for run in paired.runs) == {0: 12, 1: 12}
    assert len({run.seed for run in alone.runs}) == 24 and all(0 <= run.seed < 2**63 for run in alone.runs)
    assert [run.seed for run in alone.runs] == [
        run.seed for run in load(PLAN.replace("replicates", "paired = false\nreplicates")).runs
    ]


def test_a_run_is_its_scenario_its_values_its_seed_and_the_program(load, monkeypatch):
    def names(text=PLAN, **keywords):
        return [run.name for run in load(text, **keywords).runs]

    usual = names()
    assert names(PLAN.replace("Quick sweep", "Other words")) == usual
    assert set(names(PLAN.replace("4.0]", "4.0, 5.0]"))) > set(usual), "a changed plan has the same runs where it fits"
    assert set(names(PLAN.replace("replicates = 2", "replicates = 3"))) > set(usual)
    # A value that is written down is the value that is there.
    value = catalog.load()["inflammation_gain"].value
    assert names(PLAN + f"inflammation_gain = {{ values = [{value}] }}\n") == usual
    for other in (
        names(PLAN.replace("replicates", "seed = 7\nreplicates")),
        names(patients=6),
        names(horizon_days=201),
    ):
        assert not set(other) & set(usual)
    monkeypatch.setattr(plans, "program_digest", lambda: "another program")
    assert not set(names()) & set(usual)


def test_a_sweep_that_is_stopped_is_balanced(load):
    plan = load(
        PLAN.replace('"quick.toml"', '"quick.toml", "colorectal", "breast"').replace(
            "replicates", "patients = 4\nreplicates"
        )
    )
    order = [run.name for block in plan.blocks() for run in block.runs]
    assert sorted(order) == sorted(run.name for run in plan.runs) and len(set(order)) == len(order)
    by_name = {run.name: run for run in plan.runs}
    largest = max(len(block.runs) for block in plan.blocks())
    done = Counter()
    for name in order:
        done[by_name[name].point.number] += 1
        counts = [done[point.number] for point in plan.points]
        assert max(counts) - min(counts) <= 1, "no point has two replicates more than another"
        by_scenario = Counter(by_name[other].point.variant for other in order[: sum(done.values())])
        assert max(by_scenario.values()) - min(by_scenario[place] for place in range(3)) <= largest


def test_blocks_hold_what_a_model_can(load, monkeypatch):
    plan = load(HEAD + "[sample]\npoints = 2000\n[sample.parameters]\ninflammation_gain = {}\n", patients=9)
    sizes = {len(block.runs) for block in plan.blocks()[:-1]}
    assert sizes == {100} and blocks.LANES >= 100 * 9
    monkeypatch.setattr(plans, "LANES", 90)
    assert {len(block.runs) for block in plan.blocks()} == {10}
    assert {len(block.runs) for block in load(PLAN).blocks()} == {2}, "some for every worker"


@pytest.mark.parametrize(
    "name, points, words",
    [("factorial", 80, "full factorial 2^4"), ("age_and_vesicles", 36, ""), ("hypercube", 1000, "")],
)
def test_shipped_plans(name, points, words):
    plan = plans.load(name)
    assert len(plan.points) == points and plan.design == words and plan.paired
    assert is_plan(name) and is_plan(FOLDER / f"{name}.toml")
    for place, variant in enumerate(plan.variants):  # every point can be built
        arms = [effective_parameters({key: parameter.value for key, parameter in variant.scenario.parameters.items()} | dict(point.values),
                                     {**variant.scenario.mechanisms, **dict(point.mechanisms)})
                for point in plan.points if point.variant == place]  # fmt: skip
        model = build_model(variant.scenario, seed=1, patients=np.arange(1), arms=arms, collect=False)
        assert len(model.hosts.patient) == len(arms)
        model.__dict__.clear()


def test_all_plans_of_the_folder_are_tested():
    assert sorted(file.stem for file in FOLDER.glob("*.toml")) == ["age_and_vesicles", "factorial", "hypercube"]


def test_designs_are_told(load):
    text = (
        HEAD
        + '[mechanisms]\ndesign = "{}"\nnames = ["dormancy", "inflammation", "senescent_vesicles", "dual_blood_supply"]\n'
    )
    assert load(text.format("fractional")).design == "fractional factorial 2^(4-1) of resolution IV"
    assert len(load(text.format("fractional")).points) == 8
    assert load(text.format("one at a time")).design == "4 mechanisms one at a time"
    five = load(text.format("fractional") + "resolution = 5\n")
    assert len(five.points) == 16 and "no smaller fraction" in five.design


def test_factors_cannot_have_the_name_of_a_result():
    results = {
        column.name for table in (schema.RUNS, schema.PATIENTS, schema.FAILURES) for column in schema.columns(table, ())
    }
    assert not results & {"cohort", "treatment", *mechanisms.REGISTRY, *catalog.load()}


@pytest.mark.parametrize(
    "text, words",
    [
        ("", ["found an empty file; allowed: a plan"]),
        ("title = 'x'\n", ["missing key scenarios"]),
        (HEAD + "replcates = 2\n", ["line 3: replcates: unknown key", "did you mean replicates"]),
        (HEAD + "replicates = 0\n", ["line 3: replicates: found 0 (a number); allowed: 1 or more"]),
        (HEAD + "replicates = '2'\n", ['found "2"; allowed: a whole number']),
        (HEAD + "paired = 1\n", ["line 3: paired: found 1 (a number); allowed: true or false"]),
        (HEAD + "patients = 1.5\n", ["line 3: patients: found 1.5"]),
        (HEAD.replace("quick.toml", "quik.toml"), ["line 2", "no such scenario file"]),
        (HEAD.replace('["', '["quick.toml", "'), ['line 2: scenarios.1: found "quick.toml" twice']),
        ("title = 'x'\nscenarios = []\n", ["line 2: scenarios: found a list; allowed: at least one"]),
        ("title = 'x'\nscenarios = [\n 5]\n", ["line 3: scenarios.0: found 5 (a number); allowed: text in quotes"]),
        (HEAD + "[mechanisms]\nnames = ['dormncy']\n", ["line 4", 'unknown mechanism "dormncy"; did you mean dormancy?']),
        (HEAD + "[mechanisms]\nnames = ['dormancy', 'dormancy']\n", ["twice; allowed: once"]),
        (HEAD + "[mechanisms]\nnames = []\n", ["mechanisms.names: found a list; allowed: at least one"]),
        (HEAD + "[mechanisms]\nnames = ['dormancy']\ndesign = 'half'\n", ["line 5", "'full', 'fractional' or 'one at a time'"]),
        (HEAD + "[mechanisms]\nnames = ['dormancy']\nresolution = 4\n", ['found with design "full"']),
        (HEAD + "[parameters]\nslep_probability = { values = [0.1] }\n", ["line 4", "did you mean sleep_probability"]),
        (HEAD + "[parameters]\nsleep_probability = { values = [1.5] }\n", ["line 4: parameters.sleep_probability.values.0: found 1.5", "0 to 1"]),
        (HEAD + "[parameters]\nsleep_probability = { values = [0.1, 0.1] }\n", ["found 0.1 twice"]),
        (HEAD + "[parameters]\nsleep_probability = { values = [] }\n", ["at least one"]),
        (HEAD + "[parameters]\nsleep_probability = {}\n", ["found no values and no steps"]),
        (HEAD + "[parameters]\nsleep_probability = { values = [0.1], steps = 3 }\n", ["steps: found with values"]),
        (HEAD + "[parameters]\nsleep_probability = { low = 0.5, high = 0.1, steps = 3 }\n", ["found low 0.5 and high 0.1; allowed: low < high"]),
        (HEAD + "[parameters]\nsleep_probability = { low = 0, steps = 3, scale = 'log' }\n", ["log scale; allowed: low above 0"]),
        (HEAD + "[parameters]\nsleep_probability = { low = 0, steps = 1 }\n", ["steps: found 1 (a number); allowed: 2 or more"]),
        (HEAD + "[parameters]\nsleep_probability = { value = [1] }\n", ['unknown key "value"; did you mean values']),
        (HEAD + "[parameters]\nsleep_probability = 3\n", ["found 3 (a number); allowed: a table"]),
        (HEAD + "[sample]\npoints = 6\nmethod = 'sobol'\n[sample.parameters]\nsleep_probability = {}\n", ["line 4: sample.points: found 6; allowed: a power of two, such as 8"]),
        (HEAD + "[sample]\npoints = 6\n", ["missing key parameters"]),
        (HEAD + "[sample]\npoints = 6\n[sample.parameters]\n'soil.livr' = {}\n", ['unknown organ "livr"']),
        (HEAD + "[parameters]\nsleep_probability = { values = [0.1] }\n[sample]\npoints = 2\n[sample.parameters]\nsleep_probability = {}\n", ["line 8", "found in [parameters] too"]),
        (HEAD + "[[cohorts]]\nname = 'a'\n[[cohorts]]\nname = 'a'\n", ["line 6: cohorts.1.name: found \"a\" twice"]),
        (HEAD + "[[cohorts]]\nname = 'a'\nage = { mean = '3 kg' }\n", ["line 5: cohorts.0.age.mean", '"kg" does not fit']),
        (HEAD + "[[cohorts]]\nname = 'a'\n\nage = { mean = '20 years' }\n", ["line 6: cohort.age: found low 30, mean 20, high 95 years"]),
        (HEAD + "[[cohorts]]\nname = 'a'\n[[cohorts]]\nname = 'b'\n", ["points 0 and 1 (cohort = b) are the same run"]),
        (HEAD + "replicates = 1000000\n[parameters]\nsleep_probability = { low = 0, high = 1, steps = 3 }\n", ["found a plan of 3,000,000 runs; allowed: at most 1,000,000"]),
    ],
    ids=lambda value: repr(value[-40:]) if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wrong_plan_is_told_with_its_place(load, text, words):
    with pytest.raises(InputError) as caught:
        load(text)
    for word in words:
        assert word in str(caught.value)
    assert all("quick_plan.toml" in line for line in str(caught.value).splitlines())


def test_all_faults_are_told_in_the_order_of_their_lines(load):
    with pytest.raises(InputError) as caught:
        load(HEAD + "replicates = 0\n[parameters]\nsleep_probability = { steps = 0 }\n[sample]\npoints = 'x'\n")
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "replicates", "parameters.sleep_probability.steps", "sample.parameters", "sample.points"]  # fmt: skip


@pytest.mark.parametrize(
    "name, word",
    [
        ("factoral", "did you mean factorial?"),
        ("nothing like it", "one of age_and_vesicles"),
        ("", "found an empty plan name"),
    ],
)
def test_a_name_that_is_no_plan_is_answered_with_those_that_are(name, word):
    with pytest.raises(InputError, match="no such plan file|empty plan name") as caught:
        plans.load(name)
    assert word in str(caught.value) and not is_plan(name)


def test_a_scenario_is_no_plan():
    assert not is_plan("colorectal") and not is_plan("scenarios/colorectal.toml")


def test_a_block_can_be_sent_and_has_a_stable_name(load):
    import pickle

    block = load().blocks()[0]
    back = pickle.loads(pickle.dumps(block))
    assert back == block and back.name == block.name != dataclasses.replace(block, runs=block.runs[:1]).name
    assert [alone.runs for alone in block.alone()] == [(run,) for run in block.runs]


def test_the_plan_of_the_manual_is_a_plan(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "sweeps.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    plan = plans.load(plan_file(tmp_path, example.replace(', "../mine/breast_young.toml"', "")))
    assert len(plan.points) == 8 * 3 * 4 * 3 * 10 and len(plan.runs) == 3 * len(plan.points)
    assert plan.design == "fractional factorial 2^(4-1) of resolution IV"
    assert {factor.name for factor in plan.factors} > {"cohort", "treatment", "vesicle_release", "inflammation_gain"}
