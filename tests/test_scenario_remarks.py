"""What cannot act is said: by check, run and ask, in a line each, and only where it is true."""

import numpy as np
import pytest
from quick_cohort import scenario_file

from sim.cli import main
from sim.finding import PLANS
from sim.finding import SCENARIOS as FOLDER
from sim.runs.chunk import run_chunk
from sim.runs.task import CohortTask
from sim.scenario import files, load
from sim.scenario.comparison import load_comparison
from sim.scenario.remarks import comparison_remarks, remarks
from sim.sweeps.plan import load as load_plan
from sim.sweeps.remarks import plan_remarks
from sim.treatments import REGISTRY

BASE = 'extends = "{}"\n'.format((FOLDER / "colorectal.toml").as_posix())
CHECKPOINT = "checkpoint_inhibition: found without immune_surveillance, through which it acts: it changes nothing"


def write(folder, text):
    path = folder / "mine.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return path


def given(name, **keys):
    lines = [
        f"{key} = {value!r}"
        for key, value in ({"name": name} | ({"organ": "liver"} if REGISTRY[name].local else {}) | keys).items()
    ]
    return "\n[[treatments]]\n" + "\n".join(lines) + "\n"


def told(folder, text):
    """The remarks on a file, each with the file's name, which is taken off."""
    path = write(folder, text)
    found = remarks(load(path))
    assert all(line.startswith(f"{path.as_posix()}: ") and "\n" not in line for line in found)
    return [line.removeprefix(f"{path.as_posix()}: ") for line in found]


@pytest.mark.parametrize("name", [name for name in REGISTRY if REGISTRY[name].needs])
def test_a_treatment_without_its_mechanism(name, tmp_path):
    needs = REGISTRY[name].needs
    share = 'hormone_receptor_share = { value = 0.1, reason = "of this cancer" }\n'
    off, on = (
        told(tmp_path, f"mechanisms.{needs} = {state}\n[parameters]\n{share}{given(name)}{given(name, cycles=2)}")
        for state in ("false", "true")
    )
    assert off == [
        f"{name}: found without {needs}, through which it acts: it changes nothing; it would act with {needs} switched on"
    ]
    assert on == []


def test_a_mechanism_at_its_null_is_none(tmp_path):
    text = 'mechanisms.immune_surveillance = true\n[parameters]\nimmune_clearance_per_day = { value = 0, reason = "nude mice" }\n'
    assert told(tmp_path, text + given("checkpoint_inhibition")) == [
        "checkpoint_inhibition: found with immune_clearance_per_day = 0, at which immune_surveillance, through which it acts, does nothing; "
        "it would act with another value"
    ]


def test_endocrine_therapy_of_another_cancer(tmp_path):
    (words,) = told(tmp_path, given("endocrine_therapy"))
    assert words.startswith(
        "endocrine_therapy: found in cancer of the site colon with the hormone_receptor_share of breast cancer, 0.75"
    )
    assert "set hormone_receptor_share to this cancer's share" in words
    assert told(tmp_path, 'primary = "breast"\n' + given("endocrine_therapy")) == []


@pytest.mark.parametrize("text, treatments", [
    (given("chemotherapy", start_days=100), ["chemotherapy"]),
    (given("chemotherapy", start_days=99), []),
    (given("chemotherapy", after="first metastasis", start_days=100), ["chemotherapy"]),
    (given("resection", start_days=40) + given("chemotherapy", after="surgery", start_days=60), ["chemotherapy"]),
    (given("resection", start_days=40) + given("chemotherapy", after="surgery", start_days=59), []),
    (given("resection", start_days=120) + given("chemotherapy", after="surgery"), ["resection", "chemotherapy"]),
    (given("chemotherapy", start_days=100, dose=0) + given("chemotherapy", start_days=100, adherence=0), []),
])  # fmt: skip
def test_a_start_beyond_the_horizon(tmp_path, text, treatments):
    found = told(tmp_path, 'horizon = "99.5 days"\n' + text)
    assert [words.partition(":")[0] for words in found] == treatments
    assert all(
        "days after diagnosis at the earliest, and the horizon ends after 100: nobody gets a dose" in words
        for words in found
    )


@pytest.mark.parametrize("largest, told_so", [("1e7", True), ("1e11", False)])
def test_ablation_of_what_nobody_sees(tmp_path, largest, told_so):
    found = told(
        tmp_path,
        f'[parameters]\nablation_largest_cells = {{ value = {largest}, reason = "x" }}\n' + given("liver_ablation"),
    )
    assert bool(found) is told_so and all(
        "ablation_largest_cells = 1e+07, below imaging_threshold_cells" in words for words in found
    )


@pytest.mark.parametrize("not_done", [{"dose": 0.0}, {"adherence": 0.0}])
def test_what_follows_an_operation_that_nobody_gets(tmp_path, not_done):
    found = told(tmp_path, given("resection", **not_done) + given("chemotherapy", after="surgery"))
    assert found == [
        "chemotherapy: found after surgery, and nobody is operated on (every resection has dose 0 or adherence 0): "
        "nobody gets a dose; it would act after a resection that is done"
    ]
    assert (
        told(
            tmp_path,
            given("resection", **not_done) + given("resection", start_days=9) + given("chemotherapy", after="surgery"),
        )
        == []
    )
    late = told(
        tmp_path,
        'horizon = "99.5 days"\n'
        + given("resection", **not_done)
        + given("resection", start_days=98)
        + given("chemotherapy", after="surgery", start_days=2),
    )
    assert len(late) == 1 and "100 days after diagnosis at the earliest" in late[0], (
        "counted from the operation that is done"
    )


@pytest.mark.parametrize("start, acts", [(59, True), (60, False)])
def test_the_remark_on_the_horizon_is_true(tmp_path, start, acts):
    """Twenty quick patients, followed for sixty days: surgery on the last of them, and a day later."""
    file = scenario_file(tmp_path, 20, horizon_days=60)
    text = file.read_text(encoding="utf-8").replace("[cohort]", given("resection", start_days=start) + "\n[cohort]", 1)
    scenario = load(file, text=text)
    operated = run_chunk(CohortTask(scenario, seed=1, start=0, stop=20)).tables["patients"]["resection_day"]
    assert bool(np.ma.count(operated)) is acts
    assert bool(remarks(scenario)) is not acts


COMPARED = """
[comparison]
outcome = "patients with liver symptoms within 2 years"
expect = ["watched < seen"]
[[comparison.arms]]
name = "watched"
treatments = [{ name = "checkpoint_inhibition" }]
[[comparison.arms]]
name = "seen"
parameters = { follow_up_interval_days = { value = "3 months", reason = "visits" } }
"""


def test_an_outcome_of_symptoms_without_visits_and_the_treatments_of_arms(tmp_path):
    file = write(tmp_path, COMPARED)
    treatment, outcome = comparison_remarks(load_comparison(file))
    assert treatment.startswith(f'{file.as_posix()}, comparison arm "watched": {CHECKPOINT}')
    assert outcome.startswith(
        f'{file.as_posix()}: outcome "patients with liver symptoms within 2 years": found follow_up_interval_days = 0 in watched: '
    )
    everywhere = '[parameters]\nfollow_up_interval_days = { value = "3 months", reason = "visits" }\n' + COMPARED
    assert [
        line for line in comparison_remarks(load_comparison(write(tmp_path, everywhere))) if ': outcome "' in line
    ] == []


def test_no_scenario_of_the_repository_needs_one():
    found = [line for file in files() for line in remarks(load(file))]
    found += [
        line for file in files() if (comparison := load_comparison(file)) for line in comparison_remarks(comparison)
    ]
    assert found == []


# -- the commands -----------------------------------------------------------------------------------


def quick(folder, text=""):
    file = scenario_file(folder, 4, horizon_days=60)
    file.write_text(file.read_text(encoding="utf-8").replace("[cohort]", f"{text}\n[cohort]", 1), encoding="utf-8")
    return file


def said(capsys):
    """Lines that begin with "remark: " of what went to stderr; none may be on stdout."""
    out, err = capsys.readouterr()
    assert "remark" not in out
    return [line for line in err.splitlines() if line.startswith("remark: ")]


def test_check_and_run_say_it_and_go_on(tmp_path, capsys):
    file = quick(tmp_path, given("checkpoint_inhibition"))
    run = ["run", str(file), "--workers", "1", "--quiet"]
    assert main(["check", str(file)]) == 0
    assert len(said(capsys)) == 1
    assert main([*run, "--out", str(tmp_path / "without")]) == 0
    (line,) = said(capsys)
    assert line.startswith(f"remark: {file.as_posix()}: {CHECKPOINT}")
    assert main([*run, "--on", "immune_surveillance", "--out", str(tmp_path / "with")]) == 0
    assert said(capsys) == []


def test_ask_says_it_of_its_arms(tmp_path, capsys):
    file = quick(tmp_path)
    file.write_text(file.read_text(encoding="utf-8") + COMPARED.replace("2 years", "0.1 years"), encoding="utf-8")
    assert (
        main(["ask", str(file), "--workers", "1", "--quiet", "--only-catalogue", "--out", str(tmp_path / "answers")])
        == 0
    )
    assert len(said(capsys)) == 2


# -- plans of sweeps ---------------------------------------------------------------------------------

PLAN = """title = "Checkpoints"
question = "Which points can act?"
scenarios = ["{scenario}"]
patients = 2
[mechanisms]
names = ["immune_surveillance", "dormancy"]
[parameters]
immune_clearance_per_day = {{ values = [0.0, 0.002] }}
[[treatments]]
name = "none"
give = []
[[treatments]]
name = "blocked"
give = [{{ name = "checkpoint_inhibition" }}]
"""


def plan_file(folder, *changes):
    file, text = folder / "plan.toml", PLAN.format(scenario=quick(folder).as_posix())
    for change in changes:
        assert change[0] in text
        text = text.replace(*change)
    file.write_text(text, encoding="utf-8")
    return file


def test_check_and_sweep_say_what_is_so_at_every_point_of_a_plan(tmp_path, capsys):
    file = plan_file(tmp_path, ('["immune_surveillance", "dormancy"]', '["dormancy"]'))
    for command in (
        ["check", str(file)],
        ["sweep", str(file), "--workers", "1", "--quiet", "--out", str(tmp_path / "swept")],
    ):
        assert main(command) == 0
        (line,) = said(capsys)
        assert line.startswith(
            'remark: plan, scenario quick, treatment "blocked": checkpoint_inhibition: found without immune_surveillance'
        )


def test_what_a_plan_switches_off_on_purpose_is_not_told(tmp_path):
    """T cells are off, or clear nothing, in most points, but not in all; where they clear nothing in any, that is told."""
    assert plan_remarks(load_plan(plan_file(tmp_path))) == []
    (line,) = plan_remarks(load_plan(plan_file(tmp_path, ('"immune_surveillance", "dormancy"', '"dormancy"'))))
    assert "found without immune_surveillance" in line
    late = ('"checkpoint_inhibition" }', '"checkpoint_inhibition", start_days = 61 }')
    (line,) = plan_remarks(load_plan(plan_file(tmp_path, late)))
    assert "found a start 61 days after diagnosis at the earliest, and the horizon ends after 60" in line


def test_no_plan_of_the_repository_needs_one():
    plans = sorted(PLANS.glob("*.toml"))
    assert len(plans) >= 3 and [line for file in plans for line in plan_remarks(load_plan(file))] == []
