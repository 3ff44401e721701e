"""A sweep: every run is the run that `run` makes, whatever it was computed with, in tables that agree."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from quick_sweep import HEAD, data, part_files, plan_file
from stored import rewrite

import sim.results.reading
from sim import scenario as scenarios
from sim.errors import InputError, Remark
from sim.names import ALL_ORGANS, NICHES
from sim.runs.run import run_scenario
from sim.sweeps import block as blocks
from sim.sweeps import plan as plans
from sim.sweeps import read, schema, tables
from sim.sweeps.executors import Finished, LocalExecutor
from sim.sweeps.record import BLOOD, CUMULATIVE
from sim.sweeps.run import run_sweep
from sim.work import workers

TEXT = (
    HEAD
    + """replicates = 2
[[cohorts]]
name = "young"
age = { mean = "45 years" }
patients = 9
[[cohorts]]
name = "as in the scenario"
[mechanisms]
names = ["dormancy"]
[parameters]
vesicle_release = { values = [0.0, 3.0] }
"""
)
HORIZON_DAYS = 500


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Two cohorts, one of nine patients and one of five, a mechanism and a parameter, twice: 16 runs."""
    return plans.load(plan_file(tmp_path_factory.mktemp("plan"), TEXT, horizon_days=HORIZON_DAYS))


def swept(plan, out, workers=1, **keywords):
    """Run a plan, quietly."""
    return run_sweep(plan, out=out, executor=LocalExecutor(workers), **keywords)


@pytest.fixture(scope="module")
def sweep(plan, tmp_path_factory):
    """The sweep of that plan, read back."""
    done = swept(plan, tmp_path_factory.mktemp("sweeps") / "x", command_line=["run_sim.py", "sweep"])
    assert (done.planned, done.finished, done.computed, done.failures) == (16, 16, 16, {})
    return read.open(done.folder)


def one_run(plan, sweep, number: int, tmp_path):
    """A run of the sweep, its rows, and the same by `run`."""
    planned = plan.runs[number]
    variant = plan.variants[planned.point.variant].scenario
    scenario = variant.with_(off=[name for name, on in planned.point.mechanisms if not on],
                             set_=[f"{name}={value!r}" for name, value in planned.point.values])  # fmt: skip
    alone = run_scenario(scenario, seed=planned.seed, out=tmp_path / "alone", keep_seeds=True)
    return sweep.runs[sweep.runs.run == planned.name], sweep.patients[sweep.patients.run == planned.name], alone


@pytest.mark.parametrize("number", [0, 7, 10])
def test_a_run_of_a_sweep_is_the_run_that_run_makes(plan, sweep, tmp_path, number):
    rows, patients, alone = one_run(plan, sweep, number, tmp_path)
    shared = [column.name for column in sim.results.reading.schema.TABLES["patients"]]
    ours = patients[shared].reset_index(drop=True)
    for name in shared:
        theirs = alone.patients[name]
        assert ours[name].isna().equals(theirs.isna()), name
        assert ours[name].dropna().tolist() == theirs.dropna().tolist(), name
    end = rows[rows.year == rows.year.max()].set_index("organ")
    cells = alone.cascade.set_index(["organ", "step"]).cells
    compared = 0
    for step in CUMULATIVE:
        for organ in ["all"] if step in BLOOD else ALL_ORGANS:
            assert end.loc[organ, step] * len(patients) == pytest.approx(cells[organ, step], rel=1e-12), (organ, step)
            compared += cells[organ, step] > 0
    assert compared > 60
    seeding = alone.seeding[alone.seeding.clock == "diagnosis"].set_index(["day", "organ", "stage"])
    for row in rows[rows.year < rows.year.max()].itertuples():
        for stage in ("dormant", "cycling", "micrometastasis", "macrometastasis"):
            there = seeding.loc[(row.day, row.organ, stage)]
            assert there.n_at_risk == row.at_risk and there["mean"] == pytest.approx(
                getattr(row, f"present_{stage}"), rel=1e-12
            )


def test_what_was_counted_by_a_day_is_what_the_cells_and_colonies_say(plan, sweep, tmp_path):
    rows, patients, alone = one_run(plan, sweep, 5, tmp_path)
    assert 0 < rows[rows.day == 364].at_risk.max() < len(patients), "some are dead by then, and keep what they had"
    seeds = alone.seeds.merge(alone.patients[["patient", "diagnosis_day"]], on="patient")
    for row in rows[rows.year <= 1].itertuples():
        here = seeds if row.organ == "all" else seeds[seeds.organ == row.organ]
        day = here.diagnosis_day + row.day
        assert row.settled * row.patients == pytest.approx((here.arrived_day < day).sum())
        assert row.woke * row.patients == pytest.approx(
            (~here.slept & (here.arrived_day < day)).sum() + (here.woke_day < day).fillna(False).sum()
        )
    colonies = alone.metastases.merge(alone.patients[["patient", "diagnosis_day"]], on="patient")
    colonies["seen"] = colonies.detected_day - colonies.diagnosis_day
    checked = 0
    for row in rows.itertuples():
        here = colonies if row.organ == "all" else colonies[colonies.organ == row.organ]
        by_then = here[(here.seen <= row.day).fillna(False).astype(bool)]
        assert row.macrometastasis * row.patients == pytest.approx(len(by_then))
        assert row.micrometastasis * row.patients == pytest.approx(
            (here.reached_day - here.diagnosis_day <= row.day).sum()
        )
        assert row.incidence * row.patients == pytest.approx(by_then.patient.nunique())
        checked += len(by_then)
    assert checked > 200
    for organ in NICHES:
        seen = colonies[(colonies.organ == organ) & colonies.detected_day.notna()].groupby("patient").detected_day
        assert patients[f"metastases_{organ}"].tolist() == seen.size().reindex(patients.patient, fill_value=0).tolist()
        first = patients.set_index("patient")[f"first_detected_day_{organ}"]
        assert first.fillna(-1).tolist() == seen.min().reindex(patients.patient).fillna(-1).tolist()


def test_rows_are_whole(plan, sweep):
    runs = sweep.runs
    assert set(runs.run) == {run.name for run in plan.runs} and not runs.duplicated(["run", "organ", "year"]).any()
    assert (runs.groupby("run").size() == 3 * len(ALL_ORGANS)).all()
    assert sorted(set(runs.year))[:2] == [0, 1] and sorted(set(runs.day)) == [0, 364, HORIZON_DAYS]
    assert runs.notna().drop(columns=[*BLOOD, *(name for name in runs if name.startswith("present_"))]).all().all()
    assert (
        (runs.survival == runs.at_risk / runs.patients).all()
        and runs.survival.between(0, 1).all()
        and runs.incidence.max() <= 1
    )
    for name in ("incidence", *CUMULATIVE[2:]):
        assert (
            np.diff(runs.sort_values("year").groupby(["run", "organ"])[name].apply(list).tolist(), axis=1) >= -1e-12
        ).all(), name
    assert (runs.settled * runs.patients).round(6).mod(1).eq(0).all(), "means of counts"
    people = sweep.patients
    assert len(people) == sum(plan.variants[run.point.variant].scenario.patients for run in plan.runs)
    assert not people.duplicated(["run", "patient"]).any()


def test_factors_stand_in_every_row(plan, sweep):
    for frame in (sweep.runs, sweep.patients):
        told = frame.drop_duplicates("run").set_index("run")
        for run in plan.runs:
            row = told.loc[run.name]
            assert (row.seed, row.replicate, row.point, row.scenario) == (
                run.seed,
                run.replicate,
                run.point.number,
                "quick",
            )
            assert {name: row[name] for name in plan.levels(run.point)} == plan.levels(run.point)
    assert set(sweep.where("runs", organ="liver", cohort="young").patients) == {9}
    assert len(sweep.where("runs", organ="liver", dormancy=False)) == len(sweep.runs) / 2 / len(ALL_ORGANS)


def test_arms_with_one_seed_are_pairs(sweep):
    """The same patients: what a mechanism does not touch is equal, patient by patient."""
    people = sweep.patients[(sweep.patients.cohort == "young") & (sweep.patients.vesicle_release == 0)]
    wide = people.pivot(
        index=["replicate", "patient"],
        columns="dormancy",
        values=["diagnosis_day", "frailty", "settled_cells", "last_day"],
    )
    assert len(wide) == 18 and wide["frailty"].nunique().min() == 18
    for trait in ("diagnosis_day", "frailty"):
        assert (wide[trait, True] == wide[trait, False]).all()
    same_end = wide["last_day", True] == wide["last_day", False]
    assert same_end.sum() > 5 and (wide["settled_cells", True] == wide["settled_cells", False])[same_end].all()


def test_arms_that_see_differently_are_told_apart(tmp_path):
    """Few colonies, other thresholds and visits in every lane: each arm as `run` has it."""
    text = (
        HEAD
        + "patients = 3\n[parameters]\nimaging_threshold_cells = { values = [4e6, 2e7] }\nfollow_up_interval_days = { values = [0.0, 90.0] }\n"
    )
    plan = plans.load(plan_file(tmp_path, text, horizon_days=400))
    swept(plan, tmp_path / "x")
    sweep = read.open(tmp_path / "x")
    scenario = plan.variants[0].scenario
    found = []
    for run in plan.runs:
        alone = run_scenario(
            scenario.with_(set_=[f"{name}={value!r}" for name, value in run.point.values]),
            seed=1,
            out=tmp_path / run.name,
        )
        people = sweep.patients[sweep.patients.run == run.name].reset_index(drop=True)
        assert people.first_detected_day.fillna(-1).tolist() == alone.patients.first_detected_day.fillna(-1).tolist()
        end = sweep.runs[(sweep.runs.run == run.name) & (sweep.runs.year > 1)].set_index("organ")
        seen = alone.metastases[alone.metastases.detected_day.notna()]
        assert people[[f"metastases_{organ}" for organ in NICHES]].to_numpy().sum() == len(seen)
        assert end.incidence["all"] * 3 == pytest.approx(seen.patient.nunique())
        cells = alone.cascade.set_index(["organ", "step"]).cells
        assert end.macrometastasis["all"] * 3 == pytest.approx(cells["all", "macrometastasis"])
        found.append((len(seen), cells["all", "macrometastasis"]))
    assert len(set(found)) == 4 and min(found)[0] > 0, "the arms differ"


def test_treatments_are_arms_like_others(tmp_path):
    """Treated and untreated are the same patients, and a treated run is the one that `run` makes."""
    text = (
        HEAD
        + '[[treatments]]\nname = "none"\ngive = []\n[[treatments]]\nname = "operation"\ngive = [{ name = "resection", start_days = 7 }]\n'
    )
    plan = plans.load(plan_file(tmp_path, text, patients=12))
    swept(plan, tmp_path / "x")
    people = read.open(tmp_path / "x").patients
    untreated, treated = (people[people.treatment == name].reset_index(drop=True) for name in ("none", "operation"))
    for trait in ("patient", "seed", "frailty", "diagnosis_day"):
        assert (untreated[trait] == treated[trait]).all()
    assert untreated.resection_day.isna().all() and treated.resection_day.notna().sum() > 6
    assert treated.shed_cells.sum() < 0.7 * untreated.shed_cells.sum()
    alone = run_scenario(plan.variants[1].scenario, seed=1, out=tmp_path / "alone").patients
    assert (
        alone.shed_cells.tolist() == treated.shed_cells.tolist()
        and alone.last_day.tolist() == treated.last_day.tolist()
    )


@pytest.mark.parametrize(
    "number_of_workers, lanes, block_runs, parts",
    [(1, 3, 100, 16), (2, 20, 100, 6), (3, 1000, 3, 8), (1, 1000, 100, 4)],
)
def test_neither_workers_nor_lanes_nor_blocks_change_a_byte(
    plan, sweep, tmp_path, monkeypatch, number_of_workers, lanes, block_runs, parts
):
    monkeypatch.setattr(blocks, "LANES", lanes)  # in this process; workers have the usual number
    monkeypatch.setattr(plans, "LANES", lanes)
    monkeypatch.setattr(plans, "BLOCK_RUNS", block_runs)
    monkeypatch.setattr(plans, "FEWEST_BLOCKS", 1)
    monkeypatch.setattr(workers, "TASKS_PER_WORKER", 2)  # workers are replaced on the way
    swept(plan, tmp_path / "x", number_of_workers)
    assert data(tmp_path / "x") == data(sweep.path)
    assert len(part_files(tmp_path / "x")) == parts


def test_a_patient_more_changes_nothing_for_the_others(sweep, tmp_path):
    more = plans.load(plan_file(tmp_path, TEXT.replace("patients = 9", "patients = 11"), horizon_days=HORIZON_DAYS))
    swept(more, tmp_path / "x")
    both = [frame[(frame.cohort == "young") & (frame.patient < 9)].drop(columns="run").reset_index(drop=True)
            for frame in (sweep.patients, read.open(tmp_path / "x").patients)]  # fmt: skip
    pd.testing.assert_frame_equal(*both)


def test_files_hold_some_runs_each_and_say_what_they_hold(plan, sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "FILE_RUNS", 5)
    swept(plan, tmp_path / "x")
    files = sorted((tmp_path / "x" / "runs").rglob("*.parquet"))
    assert [file.name for file in files] == ["00000.parquet", "00001.parquet", "00002.parquet", "00003.parquet"]
    assert [len(set(pq.read_table(file).column("run").to_pylist())) for file in files] == [5, 5, 5, 1]
    again = read.open(tmp_path / "x")
    for frame, other in ((again.runs, sweep.runs), (again.patients, sweep.patients)):
        pd.testing.assert_frame_equal(frame, other)
    stored = pq.read_schema(files[0])
    assert (
        stored.field("incidence").metadata[b"unit"] == b"1"
        and b"competing" in stored.field("incidence").metadata[b"meaning"]
    )
    assert stored.names == [column.name for column in schema.columns("runs", plan.factors)]


def test_the_manifest_says_what_made_the_sweep(plan, sweep):
    manifest = json.loads((sweep.path / "sweep.json").read_text(encoding="utf-8"))
    told = {key: manifest.pop(key) for key in ("files", "arriving", "digest")}
    assert sorted(told["files"]) == sorted(data(sweep.path)) and told["arriving"] == {}
    assert manifest == sweep.manifest and manifest["status"] == "complete" and manifest["schema_version"] == "4"
    assert manifest["plan"]["text"] == TEXT and manifest["command_line"] == ["run_sim.py", "sweep"]
    assert (manifest["runs"], manifest["runs_finished"], manifest["runs_failed"], manifest["points"]) == (16, 16, 0, 8)
    assert manifest["scenarios"][0]["cohort"] == "young" and manifest["scenarios"][0]["age"]["mean_years"] == 45
    assert [machine["processor"] for machine in manifest["machines"]] == [
        sim.results.reading.build_manifest.__globals__["processor"]()
    ]
    assert manifest["wall_seconds"] > 0 and manifest["peak_memory_bytes"] > 1e7 and manifest["commit"]


COLUMNS = {"4": {"runs": "8fcc640e6b83", "patients": "e8360645fe52", "failures": "d03661b3f293"}}


def test_columns_change_with_the_version_only(plan):
    """Names, types and units of today's tables, by version: a new column needs a new version, and a reader for the old."""
    told = {
        name: [(column.name, column.type, column.unit, column.nullable) for column in schema.columns(name, ())]
        for name in ("runs", "patients", "failures")
    }
    assert {
        name: hashlib.sha256(json.dumps(columns).encode()).hexdigest()[:12] for name, columns in told.items()
    } == COLUMNS[plans.SWEEP_SCHEMA]


NEW_IN_4 = ["t_category", "grade", "distant_nodes", "peritoneum"]
NEW_IN_3 = ["reference_day", "presentation", "nodes_positive", "stage", *NEW_IN_4]
UNKNOWN = ["liver_symptom_day", "nodes_positive", "stage", *NEW_IN_4]


@pytest.mark.parametrize("lacks", [True, False])
def test_a_sweep_of_version_1_is_read(plan, sweep, tmp_path, lacks):
    """With liver_symptom_day as null where it was not written yet."""
    folder = tmp_path / "old"
    shutil.copytree(sweep.path, folder)
    rewrite(folder, "sweep.json", digests=False, schema_version="1")
    for file in (folder / "patients").rglob("*.parquet") if lacks else ():
        with pq.ParquetFile(file) as parquet:
            stored = parquet.read()
        pq.write_table(stored.drop_columns(["liver_symptom_day", *NEW_IN_3]), file)
    with pytest.warns(Remark, match="before results had digests"):
        old = read.open(folder).patients
    today = sweep.patients
    assert list(old.columns) == list(today.columns) and old["liver_symptom_day"].isna().all()
    pd.testing.assert_frame_equal(old.drop(columns=UNKNOWN), today.drop(columns=UNKNOWN))
    rewrite(folder, "sweep.json", schema_version="99")
    with pytest.raises(InputError, match="found '99', this program reads 1, 2, 3, 4"):
        read.open(folder)


def test_independent_runs_have_patients_of_their_own(tmp_path):
    plan = plans.load(plan_file(tmp_path, TEXT.replace("replicates", "paired = false\nreplicates")))
    swept(plan, tmp_path / "x", 2)
    people = read.open(tmp_path / "x").patients
    assert people.drop_duplicates("run").seed.nunique() == 16
    assert people.frailty.nunique() == len(people), "nobody twice"


# -- runs that fail ------------------------------------------------------------------------------------

FAILING = (
    HEAD
    + """
[parameters]
diagnosis_median_cells = { values = [1e6, 2e6, 1e12, 3e6, 1e13] }
"""
)


@pytest.mark.parametrize("number_of_workers", [1, 2])
def test_a_failing_run_becomes_a_record_and_the_others_go_on(tmp_path, number_of_workers):
    plan = plans.load(plan_file(tmp_path, FAILING))
    done = swept(plan, tmp_path / "x", number_of_workers)
    assert (done.finished, len(done.failures)) == (3, 2)
    sweep = read.open(tmp_path / "x")
    assert set(sweep.runs.diagnosis_median_cells) == {1e6, 2e6, 3e6}
    assert sweep.failures.diagnosis_median_cells.tolist() == [1e12, 1e13] and set(sweep.failures.scenario) == {"quick"}
    assert all("must not be above half of primary_capacity_cells" in error for error in sweep.failures.error)
    assert sweep.manifest["runs_failed"] == 2 and sweep.manifest["status"] == "complete"
    assert swept(plan, tmp_path / "x").computed == 0, "a failure is a record too"
    retried = swept(plan, tmp_path / "x", retry_failed=True)
    assert retried.computed == 2 and len(retried.failures) == 2
    # The good ones are what they are without the bad ones.
    swept(plans.load(plan_file(tmp_path, FAILING.replace("1e12, ", "").replace(", 1e13", ""))), tmp_path / "y")
    pd.testing.assert_frame_equal(
        read.open(tmp_path / "y").runs.drop(columns="point"), sweep.runs.drop(columns="point")
    )


def test_a_run_that_fails_on_the_way_costs_only_itself(plan, sweep, tmp_path, monkeypatch):
    bad = plan.runs[3]
    real = blocks.build_model

    def trapped(scenario, *, seed, patients, arms, collect, **rest):
        model = real(scenario, seed=seed, patients=patients, arms=arms, collect=collect)
        poisoned = seed == bad.seed and len(patients) == 9 and any(
            arm["vesicle_release"] == 3 and arm["sleep_probability"] == 0 for arm in arms)  # fmt: skip
        if poisoned:
            step = model.step

            def failing():
                step()
                if model.day == 100:
                    raise FloatingPointError("day 100 is a bad day")

            model.step = failing
        return model

    monkeypatch.setattr(blocks, "build_model", trapped)
    done = swept(plan, tmp_path / "x")
    assert done.failures == {bad.name: "FloatingPointError: day 100 is a bad day"} and done.finished == 15
    rest = sweep.runs[sweep.runs.run != bad.name].reset_index(drop=True)
    pd.testing.assert_frame_equal(read.open(tmp_path / "x").runs, rest)
    monkeypatch.setattr(blocks, "build_model", real)
    assert swept(plan, tmp_path / "x", retry_failed=True).failures == {}
    assert data(tmp_path / "x") == data(sweep.path)


class _KilledBy:
    """An executor whose workers die of a run."""

    def __init__(self, poison: str):
        self.poison, self.given = poison, []

    def execute(self, given, report):
        for block in given:
            self.given.append([run.name for run in block.runs])
            lost = "killed" if self.poison in self.given[-1] else None
            yield Finished(block, None if lost else block.compute(), lost=lost)


def test_a_run_that_kills_its_workers_is_isolated(plan, sweep, tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "FEWEST_BLOCKS", 2)
    executor = _KilledBy(plan.runs[2].name)
    done = run_sweep(plan, out=tmp_path / "x", executor=executor)
    assert set(done.failures) == {plan.runs[2].name} and "each one's process ended" in done.failures[plan.runs[2].name]
    assert executor.given.count([plan.runs[2].name]) == 1 and done.finished == 15
    assert read.open(tmp_path / "x").failures.run.tolist() == [plan.runs[2].name]
    assert swept(plan, tmp_path / "x").computed == 1, "the machine's failure is not the run's: it is tried again"
    assert read.open(tmp_path / "x").failures is None
    assert data(tmp_path / "x") == data(sweep.path)


class Poison:
    """A task that ends the process that computes it, or not."""

    def __init__(self, name: str, deadly: bool):
        self.name, self.title, self.loads, self.deadly = name, name, (), deadly

    def compute(self, report):
        if self.deadly:
            import os

            os._exit(9)
        return self.name.encode()


def test_workers_go_on_after_a_task_that_kills_them():
    tasks = [Poison(f"{number}", number == 2) for number in range(5)]
    got = {
        finished.task.name: finished.packed for finished in workers.run_tasks(tasks, 2, lambda done: None, go_on=True)
    }
    assert got == {"0": b"0", "1": b"1", "2": None, "3": b"3", "4": b"4"}


def test_another_program_is_refused(plan):
    from dataclasses import replace

    from sim.errors import MachineError

    with pytest.raises(MachineError, match="another version of the program"):
        replace(plan.blocks()[0], program="older").compute()


# -- cost ----------------------------------------------------------------------------------------------

PEAK = """import sys
from sim.sweeps import plan as plans
from sim.sweeps import read
from sim.sweeps.executors import LocalExecutor
from sim.sweeps.run import run_sweep
if __name__ == "__main__":
    run_sweep(plans.load(sys.argv[1]), out=sys.argv[2], executor=LocalExecutor(1))
    print(read.open(sys.argv[2]).manifest["peak_memory_bytes"])
"""


def test_memory_does_not_grow_with_the_points(tmp_path):
    peaks = []
    for points in (100, 400):
        folder = tmp_path / str(points)
        folder.mkdir()
        file = plan_file(
            folder,
            HEAD + f"[sample]\npoints = {points}\n[sample.parameters]\ninflammation_gain = {{}}\n",
            horizon_days=30,
        )
        done = subprocess.run([sys.executable, "-c", PEAK, str(file), str(folder / "x")], capture_output=True, text=True, timeout=300,
                              cwd=Path(__file__).parent.parent)  # fmt: skip
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.15 * peaks[0]


@pytest.mark.long
def test_a_point_costs_little_beside_its_days():
    from benchmarks.sweep import measure

    measure(20, 1, light=True)
    assert measure(300, 1, light=True)["overhead_ms_per_point"] < 5.0


# -- reading -------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_sweep(tmp_path, sweep):
    with pytest.raises(InputError, match="not a sweep: it holds no sweep.json"):
        read.open(tmp_path)
    (tmp_path / "sweep.json").write_text('{"schema_version": "99"}', encoding="utf-8")
    with pytest.raises(InputError, match="found '99', this program reads 1"):
        read.open(tmp_path)
    shutil.copy(sweep.path / "sweep.json", tmp_path)
    rewrite(tmp_path, "sweep.json", digests=False)
    with pytest.warns(Remark), pytest.raises(InputError, match="no run is finished"):
        _ = read.open(tmp_path).runs


def test_a_damaged_table_is_told_and_made_again(plan, sweep, tmp_path):
    swept(plan, tmp_path / "x")
    file = next((tmp_path / "x" / "runs").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged: it is not what was written"):
        _ = read.open(tmp_path / "x").runs
    assert swept(plan, tmp_path / "x").computed == 0
    assert data(tmp_path / "x") == data(sweep.path)


def test_a_scenario_file_is_needed_no_more_once_it_is_loaded(plan, tmp_path):
    """The plan holds its scenarios, resolved: what is computed is what was checked."""
    folder = tmp_path / "plan"
    folder.mkdir()
    loaded = plans.load(plan_file(folder, HEAD))
    (folder / "quick.toml").unlink()
    assert swept(loaded, tmp_path / "x").finished == 1
    assert isinstance(loaded.variants[0].scenario, scenarios.Scenario)
