"""Whatever stops a run, the same command continues from its finished chunks and ends with the same tables."""

import errno
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from quick_cohort import children, chunk_files, scenario_file, start_run, tables, wait_for_chunks

import sim.results.reading
from sim import scenario as scenarios
from sim.errors import MachineError
from sim.runs import chunk as chunks
from sim.runs import run as runs
from sim.runs.chunk import run_chunk
from sim.runs.keys import identity
from sim.runs.run import run_scenario
from sim.work import resuming, workers
from sim.work.chunk_store import ChunkStore
from sim.work.packing import Packed, pack

PATIENTS, CHUNK, SEED = 60, 5, 1
CHUNKS = PATIENTS // CHUNK
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
unix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick scenario."""
    return scenarios.load(scenario_file(tmp_path_factory.mktemp("scenario"), PATIENTS))


@pytest.fixture(scope="module")
def undisturbed(quick, tmp_path_factory):
    """The tables of a run that nothing stopped."""
    return tables(run_scenario(quick, seed=SEED, out=tmp_path_factory.mktemp("runs") / "x").path)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Many chunks from few patients."""
    monkeypatch.setattr(runs, "CHUNK_PATIENTS", CHUNK)


def computed(monkeypatch) -> list[str]:
    """The names of chunks that are computed from now on, in this process."""
    seen = []

    def watched(task, report=None):
        seen.append(task.name)
        return run_chunk(task, report)

    monkeypatch.setattr(chunks, "run_chunk", watched)
    return seen


def stop_after(chunks: int, monkeypatch, error=KeyboardInterrupt) -> None:
    """Let the next run fail when so many chunks are finished."""
    real = workers.run_tasks

    def stopping(tasks, number_of_workers, report, **_):
        for number, finished in enumerate(real(tasks, number_of_workers, report)):
            if number == chunks:
                raise error
            yield finished

    monkeypatch.setattr(resuming, "run_tasks", stopping)


def interrupted(quick, out, chunks, monkeypatch):
    """A run in `out` that was stopped after so many chunks."""
    with monkeypatch.context() as patch:
        stop_after(chunks, patch)
        with pytest.raises(KeyboardInterrupt):
            run_scenario(quick, seed=SEED, out=out)
    assert len(chunk_files(out)) == chunks


def test_an_interrupted_run_is_marked_and_then_completed(quick, undisturbed, tmp_path, monkeypatch):
    interrupted(quick, tmp_path / "x", 7, monkeypatch)
    half = sim.results.reading.open(tmp_path / "x")
    assert half.manifest["status"] == "interrupted" and half.manifest["patients"] == PATIENTS
    assert half.manifest["patients_finished"] == len(half.patients) == 7 * CHUNK
    seen = computed(monkeypatch)
    whole = run_scenario(quick, seed=SEED, out=tmp_path / "x")
    assert len(seen) == CHUNKS - 7
    assert whole.manifest["status"] == "complete" and tables(whole.path) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_nothing_finished_leaves_nothing(quick, tmp_path, monkeypatch):
    stop_after(0, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run_scenario(quick, seed=SEED, out=tmp_path / "new" / "x")
    assert not list(tmp_path.iterdir())


def test_a_larger_cohort_continues_a_smaller_one(quick, tmp_path, monkeypatch):
    interrupted(quick, tmp_path / "x", CHUNKS - 1, monkeypatch)
    seen = computed(monkeypatch)
    larger = run_scenario(quick.with_(patients=PATIENTS + CHUNK), seed=SEED, out=tmp_path / "x")
    assert len(seen) == 2 and len(larger.patients) == PATIENTS + CHUNK


@pytest.mark.parametrize("change", ["seed", "parameter", "mechanism", "seeds kept", "version"])
def test_other_questions_never_meet_these_chunks(quick, tmp_path, monkeypatch, change):
    interrupted(quick, tmp_path / "x", 3, monkeypatch)
    if change == "version":
        monkeypatch.setattr("sim.runs.keys.versions", lambda: {"numpy": "0.1"})
    scenario = {"parameter": quick.with_(set_=["soil.liver=0.2"]), "mechanism": quick.with_(off=["inflammation"])}.get(
        change, quick
    )
    stop_after(0, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run_scenario(scenario, seed=SEED + (change == "seed"), out=tmp_path / "x", keep_seeds=change == "seeds kept")
    assert sim.results.reading.open(tmp_path / "x").manifest["patients_finished"] == 3 * CHUNK, (
        "what was there is there"
    )
    assert len(chunk_files(tmp_path / "x")) == 3


def test_words_of_a_scenario_do_not_matter_for_its_chunks(quick):
    import dataclasses

    renamed = dataclasses.replace(quick, title="Other words", question="Why?", name="other", patients=3)
    assert identity(renamed, 1, False, False) == identity(quick, 1, False, False) != identity(quick, 2, False, False)


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "text", "another's"])
def test_a_damaged_chunk_is_computed_again(quick, undisturbed, tmp_path, monkeypatch, damage):
    interrupted(quick, tmp_path / "x", CHUNKS - 1, monkeypatch)
    first, second, *_ = chunk_files(tmp_path / "x")
    whole = second.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "cut": whole[:middle], "empty": b"", "text": b"not a chunk", "another's": first.read_bytes(),
        "flipped": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :],
    }  # fmt: skip
    second.write_bytes(damaged[damage])
    seen = computed(monkeypatch)
    run = run_scenario(quick, seed=SEED, out=tmp_path / "x")
    assert len(seen) == 2 and second.stem in seen
    assert tables(run.path) == undisturbed


def test_packing_returns_what_it_was_given(quick):
    chunk = run_chunk(runs.chunk_tasks(quick, SEED, True, True)[0])
    packed = Packed(pack(chunk))
    for name, columns in chunk.tables.items():
        back = packed.table(name)
        assert list(back) == list(columns)
        for column, values in columns.items():
            if values is None:
                assert back[column] is None
                continue
            assert (np.ma.getmaskarray(back[column]) == np.ma.getmaskarray(values)).all()
            assert np.ma.allequal(back[column], np.ma.asarray(values)), (name, column)
    for clock, part in packed.seeding().items():
        assert all((value == chunk.seeding[clock][key]).all() for key, value in part.items())
        assert (part["bin"] < 0).any() == (clock == "diagnosis")
    assert all((value == chunk.cascade[step]).all() for step, value in packed.cascade().items())


# -- the machine fails ---------------------------------------------------------------------------------


def fill_disk(monkeypatch, after_chunks: int, everything: bool) -> None:
    """From the chunk after these on the disk is full: for chunks only, or for the results too."""
    real, written = os.replace, []

    def replace(source, target):
        if str(target).endswith(".npz"):
            written.append(target)
        if len(written) > after_chunks and (everything or str(target).endswith(".npz")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("everything", [False, True])
def test_a_full_disk_loses_nothing(quick, undisturbed, tmp_path, monkeypatch, everything):
    with monkeypatch.context() as patch:
        fill_disk(patch, 4, everything)
        with pytest.raises(MachineError, match="No space left on device; free some space") as caught:
            run_scenario(quick, seed=SEED, out=tmp_path / "x")
    assert len(chunk_files(tmp_path / "x")) == 4
    assert (tmp_path / "x").exists() != everything
    if everything:
        assert f"{4 * CHUNK} patients were finished and are kept; the same command continues" in str(caught.value)
    else:
        assert sim.results.reading.open(tmp_path / "x").manifest["patients_finished"] == 4 * CHUNK
    assert not list(tmp_path.glob(".staging*")), "nothing half-written"
    seen = computed(monkeypatch)
    assert tables(run_scenario(quick, seed=SEED, out=tmp_path / "x").path) == undisturbed
    assert len(seen) == CHUNKS - 4


def test_a_closed_neighbourhood_is_no_obstacle(quick, undisturbed, tmp_path, monkeypatch):
    """The folder itself may be open where its parent is not, as a mounted volume in a container is."""
    (tmp_path / "x").mkdir()
    real = os.mkdir

    def mkdir(path, *rest, **named):
        if Path(path).parent == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        real(path, *rest, **named)

    monkeypatch.setattr(os, "mkdir", mkdir)
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        with pytest.raises(KeyboardInterrupt):
            run_scenario(quick, seed=SEED, out=tmp_path / "x")
    seen = computed(monkeypatch)
    run = run_scenario(quick, seed=SEED, out=tmp_path / "x")
    assert tables(run.path) == undisturbed and len(seen) == CHUNKS - 3
    assert not [path.name for path in run.path.iterdir() if path.name.startswith(".")]


def test_a_folder_nobody_may_write_to(quick, tmp_path, monkeypatch):
    def mkdir(path, *rest, **named):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(MachineError, match="choose another folder with --out"):
        run_scenario(quick, seed=SEED, out=tmp_path / "x")


def test_a_long_name_is_no_obstacle(quick, undisturbed, tmp_path, monkeypatch):
    out = tmp_path / ("x" * 200)
    assert tables(run_scenario(quick, seed=SEED, out=out).path) == undisturbed


def test_of_two_runs_into_one_folder_the_second_is_refused(quick, undisturbed, tmp_path):
    out = tmp_path / "x"
    with ChunkStore(out, "other"), pytest.raises(MachineError, match="another run is writing there"):
        run_scenario(quick, seed=SEED, out=out)
    assert tables(run_scenario(quick, seed=SEED, out=out).path) == undisturbed


def test_two_runs_at_once_do_not_spoil_each_other(quick, undisturbed, tmp_path):
    outcomes = []

    def one():
        try:
            outcomes.append(run_scenario(quick, seed=SEED, out=tmp_path / "x").manifest["status"])
        except MachineError as error:
            outcomes.append("refused" if "another run is writing there" in str(error) else repr(error))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"complete", "refused"} and "complete" in outcomes
    assert tables(tmp_path / "x") == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


# -- processes are killed ------------------------------------------------------------------------------


@unix
def test_kill_9_at_any_moment_costs_the_running_chunks_only(quick, undisturbed, tmp_path):
    out, kept = tmp_path / "x", 0
    moment = random.Random(3)
    for _ in range(3):
        process = start_run(quick.path, out, 2, chunk_patients=2)
        wait_for_chunks(process, out, kept + moment.randint(1, 4))
        time.sleep(moment.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)  # the parent alone: its workers must find their own end
        process.communicate()  # ends when the last of them has let go of the pipe
        kept = len(chunk_files(out))
        assert not out.exists()
    process = start_run(quick.path, out, 2, chunk_patients=2)
    assert process.communicate(timeout=120)[1] == "" and process.returncode == 0
    assert kept >= 3 and tables(out) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@linux
def test_a_killed_worker_costs_its_chunk_only(quick, undisturbed, tmp_path, monkeypatch):
    real, killed = workers._Worker.give, []

    def give(worker, task):
        real(worker, task)
        if task.start in {5, 20, 40}.difference(killed):
            os.kill(worker.process.pid, signal.SIGKILL)
            killed.append(task.start)

    monkeypatch.setattr(workers._Worker, "give", give)
    run = run_scenario(quick, seed=SEED, out=tmp_path / "x", workers=2)
    assert killed == [5, 20, 40] and tables(run.path) == undisturbed


@linux
def test_a_chunk_that_kills_every_worker_is_named(quick, tmp_path, monkeypatch):
    real = workers._Worker.give

    def give(worker, task):
        real(worker, task)
        if task.start == 30:
            os.kill(worker.process.pid, signal.SIGKILL)

    monkeypatch.setattr(workers._Worker, "give", give)
    before = set(children(os.getpid()))
    with pytest.raises(MachineError, match="patients 30 to 34: the process that computed them ended 3 times"):
        run_scenario(quick, seed=SEED, out=tmp_path / "x", workers=2)
    assert sim.results.reading.open(tmp_path / "x").manifest["patients_finished"] >= 5 * CHUNK
    assert len(set(children(os.getpid())) - before) <= 2
    shutil.rmtree(tmp_path / "x")
