"""Runs: the same tables on any number of workers and in any chunks, and tables that agree with each other."""

import json
import multiprocessing
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from quick_cohort import children, scenario_file, start_run, tables

import sim.results.reading
from sim import scenario as scenarios
from sim.errors import InputError, MachineError
from sim.machine import peak_memory
from sim.names import ALL_ORGANS, MICROMETASTASIS_CELLS, NICHES
from sim.runs import pilot as estimates
from sim.runs import run as runs
from sim.runs.chunk import build_model
from sim.runs.run import run_scenario
from sim.runs.task import CohortTask
from sim.work import resuming, workers

PATIENTS, SEED = 48, 5


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick scenario."""
    return scenarios.load(scenario_file(tmp_path_factory.mktemp("scenario"), PATIENTS))


@pytest.fixture(scope="module")
def run(quick, tmp_path_factory):
    """A run with everything kept."""
    out = tmp_path_factory.mktemp("runs") / "x"
    return run_scenario(
        quick, seed=SEED, out=out, keep_seeds=True, keep_events=True, command_line=["run_sim.py", "run"]
    )


@pytest.mark.parametrize("number_of_workers, chunk_patients", [(1, 1), (2, 12), (3, 5)])
def test_neither_workers_nor_chunks_change_a_byte(quick, run, tmp_path, monkeypatch, number_of_workers, chunk_patients):
    monkeypatch.setattr(runs, "CHUNK_PATIENTS", chunk_patients)
    monkeypatch.setattr(workers, "TASKS_PER_WORKER", 3)  # workers are replaced on the way
    out = tmp_path / "x"
    again = run_scenario(quick, seed=SEED, out=out, workers=number_of_workers, keep_seeds=True, keep_events=True)
    assert set(tables(out)) == {f"{name}.parquet" for name in (*sim.results.reading.schema.REQUIRED, "seeds", "events")}
    assert tables(out) == tables(run.path)
    assert again.manifest["status"] == "complete"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_another_seed_gives_other_tables(quick, run, tmp_path):
    other = run_scenario(quick, seed=SEED + 1, out=tmp_path / "x")
    assert tables(other.path)["patients.parquet"] != tables(run.path)["patients.parquet"]


def test_processes_that_start_from_nothing_give_the_same(quick, run, tmp_path, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    spawned = run_scenario(quick, seed=SEED, out=tmp_path / "x", workers=2)
    assert workers.start_context(()).get_start_method() == "spawn"
    assert tables(spawned.path).items() < tables(run.path).items()


def test_a_module_of_the_same_name_in_the_current_folder_is_not_ours(tmp_path):
    (tmp_path / "sim.py").write_text("raise SystemExit('not the simulator')\n", encoding="utf-8")
    process = start_run(scenario_file(tmp_path, 8), tmp_path / "x", 2, chunk_patients=4, cwd=tmp_path)
    assert process.communicate(timeout=120) == ("x\n", "") and process.returncode == 0
    assert sim.results.reading.open(tmp_path / "x").manifest["status"] == "complete"


def test_the_manifest_says_what_made_the_run(quick, run):
    manifest = json.loads((run.path / "manifest.json").read_text(encoding="utf-8"))
    digests = {key: manifest.pop(key) for key in ("files", "digest")}
    assert sorted(digests["files"]) == sorted(path.name for path in run.path.glob("*.parquet"))
    assert manifest == run.manifest
    assert manifest["status"] == "complete" and manifest["schema_version"] == "6"
    assert manifest["command_line"] == ["run_sim.py", "run"]
    assert manifest["seed"] == SEED and manifest["patients"] == manifest["patients_finished"] == PATIENTS
    assert manifest["scenario"] == json.loads(json.dumps(quick.to_dict()))
    assert {"python", "numpy", "numba", "mesa", "pyarrow", "processor"} <= set(manifest["versions"])
    assert manifest["wall_seconds"] > 0 and manifest["start"].endswith("+00:00") and manifest["commit"]


def test_the_memory_of_workers_is_in_the_manifest(quick, tmp_path, monkeypatch):
    def hungry(tasks, number_of_workers, report, **_):
        for finished in workers.run_tasks(tasks, 1, report):
            yield workers.Finished(finished.task, finished.packed, 10**15)

    monkeypatch.setattr(resuming, "run_tasks", hungry)
    run = run_scenario(quick, seed=SEED, out=tmp_path / "x", workers=2)
    assert run.manifest["peak_memory_bytes"] == 10**15 > peak_memory()


# -- the tables agree with each other ------------------------------------------------------------------


def cells_of(run, step, organ="all"):
    rows = run.cascade[(run.cascade.step == step) & (run.cascade.organ == organ)]
    return int(rows.cells.iloc[0])


def test_patients_and_cascade_count_the_same(run):
    patients = run.patients
    assert list(patients.patient) == list(range(PATIENTS))
    for column, step in (("shed_cells", "shed"), ("arrested_cells", "arrested"), ("settled_cells", "settled")):
        assert patients[column].sum() == cells_of(run, step) > 0
    assert cells_of(run, "shed") == cells_of(run, "died_in_transit") + cells_of(run, "arrested")
    for organ in ALL_ORGANS:
        parts = [cells_of(run, step, organ) for step in ("died_on_arrival", "inert", "settled")]
        assert cells_of(run, "arrested", organ) == sum(parts)
    for step in ("arrested", "settled", "woke", "died_asleep", "extinct", "micrometastasis", "macrometastasis"):
        assert cells_of(run, step) == sum(cells_of(run, step, organ) for organ in NICHES)
    assert cells_of(run, "micrometastasis") == len(run.metastases) > 500
    assert cells_of(run, "macrometastasis") == run.metastases.detected_day.notna().sum() > 100


def test_metastases_are_sorted_unique_and_in_the_order_of_life(run):
    metastases = run.metastases.merge(run.patients[["patient", "last_day", "diagnosis_day"]], on="patient")
    assert metastases.patient.is_monotonic_increasing and metastases.colony.is_unique
    assert list(run.founders.colony) == list(run.metastases.colony) and (run.founders.cells == 1).all()
    woke = metastases[metastases.woke_day.notna()]
    assert 0 < len(woke) < len(metastases) and (woke.woke_day > woke.arrived_day).all()
    assert (metastases.reached_day > metastases.woke_day.fillna(metastases.arrived_day)).all()
    assert (metastases.reached_day <= metastases.last_day).all() and (
        metastases.cells >= MICROMETASTASIS_CELLS * 0.999
    ).all()
    seen = metastases[metastases.detected_day.notna()]
    assert seen.detected_day.between(seen.reached_day, seen.last_day).all()
    assert (seen.cells_at_detection >= 1e7 * 0.999).all() and (seen.doubling_days_at_detection > 0).all()
    assert metastases.cells_at_detection.notna().equals(metastases.detected_day.notna())


def test_the_first_metastasis_of_a_patient_is_the_earliest(run):
    earliest = run.metastases.groupby("patient").detected_day.min().reindex(run.patients.patient)
    mine = run.patients.first_detected_day
    assert mine.isna().any() and mine.notna().any()
    assert (mine.fillna(-1).to_numpy() == earliest.fillna(-1).to_numpy()).all()
    at_diagnosis = run.patients.metastatic_at_diagnosis
    assert (
        (at_diagnosis == (mine <= run.patients.diagnosis_day).fillna(False))
        .where(run.patients.diagnosis_day.notna(), True)
        .all()
    )


def test_every_patient_dies_or_is_followed_to_the_horizon(run):
    patients = run.patients
    dead = patients.death_day.notna()
    assert 0 < dead.sum() < PATIENTS
    assert (patients.death_day[dead] == patients.last_day[dead]).all() and patients.censor_reason[dead].isna().all()
    alive = patients[~dead]
    assert (alive.last_day == alive.reference_day + 300).all() and alive.death_cause.isna().all()


def test_patients_at_risk_only_leave_after_diagnosis(run):
    rows = run.seeding[run.seeding.clock == "diagnosis"]
    for _, curve in rows[rows.day >= 0].groupby(["organ", "stage"]):
        assert curve.day.is_monotonic_increasing and (np.diff(curve.n_at_risk) <= 0).all()
    at_start = rows[rows.day == 0]
    assert set(at_start.n_at_risk) == {PATIENTS}


def test_seeding_ends_where_the_patients_end(run, quick):
    """Who is followed to the end is still at risk on the last grid day but those of that very day."""
    rows = run.seeding[
        (run.seeding.clock == "diagnosis") & (run.seeding.organ == "all") & (run.seeding.stage == "arrested")
    ]
    last = rows[rows.day == rows.day.max()].iloc[0]
    followed = run.patients[run.patients.last_day >= run.patients.diagnosis_day + last.day]
    assert 0 < last.n_at_risk <= len(followed)
    # Shedding goes on until the end: nobody can have arrested more by then than in all.
    assert last["mean"] * last.n_at_risk <= followed.arrested_cells.sum()
    assert last["mean"] * last.n_at_risk >= 0.5 * followed.arrested_cells.sum()


def stage_counts(model, lanes: np.ndarray) -> np.ndarray:
    """Every stage in every organ and in all, written plainly: (len(lanes), organs + 1, stages)."""
    settled = model.cells.settled
    stages = (
        settled + model.died_on_arrival + model.inert,
        settled,
        model.cells.sleeping,
        np.rint(model.cycling_cells),
        model.small_metastases,
        model.large_metastases,
    )
    by_organ = np.stack([stage[lanes].astype(np.int64) for stage in stages], axis=2)
    return np.concatenate([by_organ, by_organ.sum(axis=1, keepdims=True)], axis=1)


def test_quantiles_are_those_of_the_patients(run, quick):
    model = build_model(quick, seed=SEED, patients=np.arange(PATIENTS), collect=False)
    seen: dict[int, np.ndarray] = {}
    while model.running:
        model.step()
        if model.day % quick.output_every_days == 0:
            # The recorder looked just before those left whose follow-up ended today.
            at_risk = model.alive | (model.last_day == model.day) & (model.death_day < 0)
            seen[model.day] = stage_counts(model, np.flatnonzero(at_risk))
    rows = run.seeding[run.seeding.clock == "first_cell"]
    stages = list(dict.fromkeys(rows.stage))
    compared = 0
    for row in rows[rows.day.isin(list(seen))].itertuples():
        exact = np.sort(seen[row.day][:, ALL_ORGANS.index(row.organ), stages.index(row.stage)])
        assert row.n_at_risk == len(exact), (row, len(exact))
        assert row.mean == pytest.approx(exact.mean(), rel=1e-12)
        assert row.share_of_patients == pytest.approx((exact > 0).mean(), abs=1e-12)
        for name, share in (("q05", 0.05), ("q25", 0.25), ("q50", 0.5), ("q75", 0.75), ("q95", 0.95)):
            wanted = exact[int(np.ceil(share * len(exact))) - 1]
            assert getattr(row, name) == pytest.approx(wanted, rel=0.0313), (row, wanted)
            compared += wanted > 32
    assert compared > 100


def test_seeds_and_events_tell_the_same_story(run):
    seeds, events = run.seeds, run.events
    assert len(seeds) == cells_of(run, "settled") and not seeds.duplicated(["patient", "seed"]).any()
    assert set(seeds.colony.dropna()) == set(run.metastases.colony)
    assert (seeds.woke_day.notna() <= seeds.slept).all() and seeds.threshold_days.notna().equals(seeds.slept)
    counts = events.event.value_counts()
    assert counts["arrive"] == len(seeds) and counts["reach"] == len(run.metastases)
    assert counts["wake"] == seeds.woke_day.notna().sum() and counts["die"] == seeds.died_day.notna().sum()
    assert events.patient.is_monotonic_increasing and events.groupby("patient").day.is_monotonic_increasing.all()
    died_asleep = seeds.slept & seeds.woke_day.isna() & seeds.died_day.notna()
    assert died_asleep.sum() == cells_of(run, "died_asleep")
    assert (seeds.died_day.notna() & ~died_asleep).sum() == cells_of(run, "extinct")


def test_without_dormancy_nobody_wakes(quick, tmp_path):
    awake = run_scenario(quick.with_(off=("dormancy",), patients=12), seed=SEED, out=tmp_path / "x", keep_seeds=True)
    assert len(awake.metastases) > 20 and awake.metastases.woke_day.isna().all()
    assert not awake.seeds.slept.any() and cells_of(awake, "woke") == cells_of(awake, "settled")


def test_csv_holds_every_row(run, tmp_path):
    files = {path.stem: path for path in run.export_csv(tmp_path)}
    assert set(files) == {*sim.results.reading.schema.REQUIRED, "seeds", "events"}
    sheet = pd.read_csv(files["metastases"])
    assert len(sheet) == len(run.metastases) and list(sheet.colony) == list(run.metastases.colony)


# -- cost ----------------------------------------------------------------------------------------------


def test_a_limit_that_is_too_low_is_refused_before_anything_is_computed(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "run_tasks", None)  # would fail if it were called
    with pytest.raises(InputError, match=r"--max-memory: the run needs about .* GiB, and 0.1 GiB are allowed"):
        run_scenario(quick, seed=SEED, out=tmp_path / "new" / "x", workers=2, max_memory_bytes=10**8)
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_a_large_run_on_a_machine_without_memory_is_refused(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "LARGE_RUN_PATIENTS", PATIENTS)
    monkeypatch.setattr(runs, "available_memory_bytes", lambda: 10**8)
    with pytest.raises(MachineError, match="this machine has 0.1 GiB free: use fewer --workers"):
        run_scenario(quick, seed=SEED, out=tmp_path / "x", workers=2)
    assert not list(tmp_path.iterdir())


def test_a_generous_limit_changes_nothing(quick, run, tmp_path, capsys):
    allowed = run_scenario(quick, seed=SEED, out=tmp_path / "x", max_memory_bytes=10**13, progress=True)
    assert tables(allowed.path).items() < tables(run.path).items()
    assert "about" in capsys.readouterr().err


def test_the_estimate_is_near_what_happens(tmp_path):
    quick = scenarios.load(scenario_file(tmp_path, 1200))
    tasks = runs.chunk_tasks(quick, SEED, False, False)
    expected = estimates.estimate(tasks, 1)
    start = time.process_time()
    for _ in workers.run_tasks(tasks, 1, lambda done: None):
        pass
    seconds = time.process_time() - start
    assert seconds / 5 < expected.seconds < seconds * 20, "a guide; the upper bound leaves room for a busy machine"
    command = ("import sys; from sim import scenario; from sim.runs import run; from sim.work import workers\n"
               f"tasks = run.chunk_tasks(scenario.load({str(quick.path)!r}), {SEED}, False, False)\n"
               "print(max(done.peak_memory_bytes for done in workers.run_tasks(tasks, 1, lambda done: None)))")  # fmt: skip
    used = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    assert int(used) / 3 < expected.memory_bytes < int(used) * 3


def test_memory_does_not_grow_with_the_cohort(tmp_path):
    peaks = []
    for patients in (500, 2000):
        folder = tmp_path / str(patients)
        folder.mkdir()
        process = start_run(scenario_file(folder, patients, horizon_days=60), folder / "x", 1, chunk_patients=125)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        peaks.append(sim.results.reading.open(folder / "x").manifest["peak_memory_bytes"])
    assert peaks[1] < 1.25 * peaks[0]


def test_workers_are_gone_afterwards(quick, tmp_path):
    before = set(children(os.getpid()))
    run_scenario(quick, seed=SEED, out=tmp_path / "x", workers=2)
    after = set(children(os.getpid())) - before
    # What stays is the server that starts workers and the tracker of shared resources, at most.
    assert len(after) <= 2, after


def test_an_error_in_a_worker_reaches_the_person(quick):
    tasks = runs.chunk_tasks(quick, SEED, False, False)
    wrong = CohortTask(None, SEED, 0, 1)
    with pytest.raises(RuntimeError, match="AttributeError") as caught:
        list(workers.run_tasks([*tasks, wrong], 2, lambda done: None))
    assert "run_chunk" in "".join(caught.value.__notes__)


def test_bins_hold_every_count():
    """The middle of a bin is within 3.2 % of every count in it, to the end of 64 bits."""
    from sim.numerics.bins import BINS, bin_middle
    from sim.numerics.histograms import bin_of

    for count in [*range(200), 6 * 10**14, 10**15, 10**17, 2**62, 2**63 - 1]:
        at = bin_of(count)
        assert 0 <= at < BINS and abs(float(bin_middle(np.array([at]))[0]) - count) <= 0.032 * count


@pytest.mark.parametrize(
    ("setting", "message"),
    [("shedding_per_day=1e30", "cells a day"), ("emt_shedding_gain=1e300", "cells a day"),
     ("diagnosis_median_cells=1e14", "primary_capacity_cells")],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused_before_the_first_day(quick, tmp_path, setting, message):
    with pytest.raises(InputError, match=message):
        run_scenario(quick.with_(set_=[setting]), seed=SEED, out=tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_cohort_that_sheds_more_than_a_table_counts_is_refused(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "MOST_COUNTED", 10)
    with pytest.raises(InputError, match="use fewer patients"):
        run_scenario(quick, seed=SEED, out=tmp_path / "x")
    assert not (tmp_path / "x").exists()
