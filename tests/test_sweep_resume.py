"""Whatever stops a sweep, the same command continues, repeats nothing, and ends with the same tables."""

import errno
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from quick_cohort import children, left_of
from quick_sweep import HEAD, PATIENTS, PLAN, data, part_files, plan_file, start_sweep, wait_for_parts

from sim.errors import InputError, MachineError
from sim.sweeps import block as blocks
from sim.sweeps import parts, read, tables
from sim.sweeps import plan as plans
from sim.sweeps.executors import LocalExecutor
from sim.sweeps.run import run_sweep
from sim.work import lock

RUNS = 24
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
unix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A block a run."""
    monkeypatch.setattr(plans, "BLOCK_RUNS", 1)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The quick plan: 24 runs."""
    return plan_file(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def whole(file, tmp_path_factory):
    """The folder of a sweep that nothing stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "BLOCK_RUNS", 1)
        return swept(file, tmp_path_factory.mktemp("sweeps") / "x").folder


@pytest.fixture(scope="module")
def all_but_one(file, tmp_path_factory):
    """The folder of a sweep that was stopped before its last run: tests change copies of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "BLOCK_RUNS", 1)
        stopped(file, out := tmp_path_factory.mktemp("stopped") / "x", RUNS - 1)
    return out


@pytest.fixture(scope="module")
def undisturbed(whole):
    """The tables of a sweep that nothing stopped."""
    return data(whole)


def swept(file, out, workers=1, **keywords):
    """Run a plan from its file, quietly."""
    return run_sweep(plans.load(file), out=out, executor=LocalExecutor(workers), **keywords)


class StopsAfter:
    """The local executor, but something happens after so many blocks."""

    def __init__(self, number: int, error=KeyboardInterrupt):
        self.number, self.error = number, error

    def execute(self, given, report):
        for number, done in enumerate(LocalExecutor(1).execute(given, report)):
            if number == self.number:
                raise self.error
            yield done


def stopped(file, out, number, error=KeyboardInterrupt, **keywords):
    """A sweep in `out` that was stopped after so many runs."""
    with pytest.raises(error if isinstance(error, type) else type(error)):
        run_sweep(plans.load(file), out=out, executor=StopsAfter(number, error), **keywords)
    assert len(part_files(out)) == number


def computed(monkeypatch) -> list[str]:
    """Runs that are computed from now on, in this process."""
    seen, real = [], blocks.Block.compute

    def watched(self, report=None):
        seen.extend(run.name for run in self.runs)
        return real(self, report)

    monkeypatch.setattr(blocks.Block, "compute", watched)
    return seen


def test_a_stopped_sweep_is_marked_and_then_completed(file, undisturbed, tmp_path, monkeypatch):
    stopped(file, tmp_path / "x", 7)
    half = read.open(tmp_path / "x")
    assert half.manifest["status"] == "interrupted" and half.manifest["runs_finished"] == 7
    assert half.runs.run.nunique() == half.patients.run.nunique() == 7
    assert half.runs.replicate.max() == 0, "balanced: no second replicate before every first"
    seen = computed(monkeypatch)
    done = swept(file, tmp_path / "x")
    assert (done.computed, done.finished, len(seen)) == (RUNS - 7, RUNS, RUNS - 7)
    assert data(tmp_path / "x") == undisturbed and read.open(tmp_path / "x").manifest["status"] == "complete"
    assert swept(file, tmp_path / "x").computed == 0 and len(seen) == RUNS - 7
    assert data(tmp_path / "x") == undisturbed


def test_nothing_finished_leaves_nothing(file, tmp_path):
    stopped(file, tmp_path / "new" / "x", 0)
    assert not list(tmp_path.iterdir())


def test_no_resume_wants_a_new_folder(file, tmp_path):
    stopped(file, tmp_path / "x", 2)
    with pytest.raises(
        InputError, match="holds 2 finished runs of a sweep; allowed with --no-resume: a new or empty folder"
    ):
        swept(file, tmp_path / "x", resume=False)
    assert swept(plan_file(tmp_path, HEAD), tmp_path / "y", resume=False).finished == 1


def test_a_changed_plan_keeps_what_still_fits(file, undisturbed, tmp_path, monkeypatch):
    out = tmp_path / "x"
    with monkeypatch.context() as patch:
        patch.setattr(tables, "FILE_RUNS", 5)  # files that no later plan has
        swept(file, out)
    seen = computed(monkeypatch)
    # Other values, another factor that is where it was, and another order of all rows.
    changed = plan_file(
        tmp_path, PLAN.replace("[0.0, 1.0, 4.0]", "[4.0, 2.0, 0.0]") + "inflammation_gain = { values = [2.0] }\n"
    )
    done = swept(changed, out)
    assert (len(seen), done.computed, done.finished, done.aside) == (8, 8, 24, 8)
    fresh = swept(changed, tmp_path / "fresh")
    assert data(out) == data(fresh.folder) != undisturbed
    assert set(read.open(out).runs.vesicle_release) == {0.0, 2.0, 4.0} and "inflammation_gain" in read.open(out).runs
    # A smaller plan has no row too many, and going back computes nothing at all.
    seen.clear()
    smaller = swept(plan_file(tmp_path, PLAN.replace("replicates = 2", "replicates = 1")), out)
    assert (smaller.finished, smaller.aside) == (12, 20) and read.open(out).runs.run.nunique() == 12
    assert swept(file, out).finished == RUNS and data(out) == undisturbed and not seen


def test_other_programs_runs_are_kept_aside(file, whole, undisturbed, tmp_path, monkeypatch):
    out = tmp_path / "x"
    shutil.copytree(whole, out)
    with monkeypatch.context() as patch:
        for place in ("sim.sweeps.plan.program_digest", "sim.sweeps.block.program_digest"):
            patch.setattr(place, lambda: "another program")
        done = swept(file, out)
        assert (done.computed, done.aside) == (RUNS, RUNS)
    assert swept(file, out).computed == 0 and data(out) == undisturbed


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "text", "lost"])
def test_a_damaged_part_is_computed_again(file, all_but_one, undisturbed, tmp_path, monkeypatch, damage):
    shutil.copytree(all_but_one, tmp_path / "x")
    victim = part_files(tmp_path / "x")[3]
    whole = victim.read_bytes()
    middle = len(whole) // 2
    damaged = {"cut": whole[:middle], "empty": b"", "text": b"not a part",
               "flipped": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :]}  # fmt: skip
    victim.unlink() if damage == "lost" else victim.write_bytes(damaged[damage])
    (victim.parent / ".half-written").write_bytes(whole[:10])
    seen = computed(monkeypatch)
    swept(file, tmp_path / "x")
    assert len(seen) == 2 and data(tmp_path / "x") == undisturbed
    assert not (victim.parent / ".half-written").exists()


# -- the lock ------------------------------------------------------------------------------------------


def test_two_sweeps_on_one_folder_are_refused(file, tmp_path):
    stopped(file, tmp_path / "x", 1)
    held = lock.acquire(tmp_path / "x" / ".sweep" / "lock")
    try:
        for shard in (None, (1, 2)):
            with pytest.raises(MachineError, match="a sweep is being written there by another process"):
                swept(file, tmp_path / "x", shard=shard)
    finally:
        os.close(held)
    assert swept(file, tmp_path / "x").finished == RUNS


@pytest.mark.parametrize("what", ["file", "foreign"])
def test_a_folder_of_something_else_is_refused(file, tmp_path, what):
    out = tmp_path / "x"
    if what == "file":
        out.write_text("x", encoding="utf-8")
    else:
        out.mkdir()
        (out / "thesis.doc").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="is a file|holds no sweep"):
        swept(file, out)


# -- shards --------------------------------------------------------------------------------------------


def test_shards_make_what_one_sweep_makes(file, undisturbed, tmp_path, monkeypatch):
    seen = computed(monkeypatch)
    out = tmp_path / "x"
    for number in (2, 3, 1):
        done = swept(file, out, shard=(number, 3))
        assert done.computed == RUNS / 3 and done.tables
    assert len(seen) == len(set(seen)) == RUNS and data(out) == undisturbed
    assert read.open(out).manifest["status"] == "complete"


def test_a_shard_leaves_the_tables_to_the_last(file, undisturbed, tmp_path):
    out = tmp_path / "x"
    stopped(file, out, 1, shard=(3, 3))
    other = lock.acquire(out / ".sweep" / "lock", shared=True)
    same = lock.acquire(out / ".sweep" / "lock-2-of-3")
    with pytest.raises(MachineError, match="this shard is being written"):
        swept(file, out, shard=(2, 3))
    with pytest.raises(MachineError, match="a sweep is being written"):
        swept(file, out)
    assert not swept(file, out, shard=(1, 3)).tables and not data(out)
    os.close(other)
    os.close(same)
    assert swept(file, out).computed == RUNS - RUNS / 3 - 1 and data(out) == undisturbed


# -- full disks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["parts", "tables"])
def test_a_disk_that_fills_is_told_and_the_rest_follows_when_there_is_space(
    file, undisturbed, tmp_path, monkeypatch, where
):
    real, calls = os.replace, []

    def full(source, target):
        calls.append(target)
        if len([call for call in calls if (".part" in str(call)) == (where == "parts")]) > (
            9 if where == "parts" else 1
        ):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(MachineError, match="No space left on device; free some space") as caught:
            swept(file, tmp_path / "x")
    assert where == "parts" or "runs are finished and kept; the same command continues from there" in str(caught.value)
    assert len(part_files(tmp_path / "x")) == (9 if where == "parts" else RUNS)
    assert not list(tmp_path.glob("x/.sweep/parts/.*")) and not list(tmp_path.glob("x/.sweep/staging/*"))
    assert swept(file, tmp_path / "x").finished == RUNS and data(tmp_path / "x") == undisturbed


@linux
def test_a_small_disk(file, whole, undisturbed, tmp_path):
    """A real one: a file system in memory with room for about half of the runs, which then grows."""
    out = tmp_path / "disk"
    out.mkdir()
    room = (whole / "sweep.json").stat().st_size + sum(part.stat().st_size for part in part_files(whole)) // 2
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={room // 1024}k", "none", str(out)], capture_output=True
        ).returncode
    ):
        pytest.skip("may not mount")
    try:
        process = start_sweep(file, out / "x", 1)
        said, complaint = process.communicate(timeout=120)
        assert (process.returncode, said) == (1, "") and "Traceback" not in complaint
        assert (
            "No space left on device; free some space" in complaint
            and "the same command continues from there" in complaint
        )
        assert 0 < len(part_files(out / "x")) < RUNS
        subprocess.run(["mount", "-o", "remount,size=16m", str(out)], check=True)
        again = start_sweep(file, out / "x", 1)
        assert again.communicate(timeout=120)[1] == "" and again.returncode == 0
        assert data(out / "x") == undisturbed
    finally:
        subprocess.run(["umount", str(out)], check=True)


@unix
def test_a_limit_on_the_size_of_files(file, undisturbed, tmp_path):
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, -1))"
    process = start_sweep(file, tmp_path / "x", 1, before=limit)
    said, complaint = process.communicate(timeout=120)
    assert (process.returncode, said) == (1, "") and "Traceback" not in complaint and "files of this size" in complaint
    assert swept(file, tmp_path / "x").finished == RUNS and data(tmp_path / "x") == undisturbed


# -- signals -------------------------------------------------------------------------------------------


@unix
@pytest.mark.parametrize("workers, everybody", [(1, True), (2, True), (2, False)])
def test_ctrl_c_halfway(file, undisturbed, tmp_path, workers, everybody):
    out = tmp_path / "x"
    process = start_sweep(file, out, workers)
    wait_for_parts(process, out, 4)
    (os.killpg if everybody else os.kill)(process.pid, signal.SIGINT)
    said, complaint = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "") and "Traceback" not in complaint
    assert f"of {RUNS} runs were finished and are kept" in complaint
    half = read.open(out)
    assert half.manifest["status"] == "interrupted" and 4 <= half.runs.run.nunique() == len(part_files(out)) < RUNS
    assert swept(file, out, 2).computed == RUNS - len(set(half.runs.run)) and data(out) == undisturbed
    assert left_of(process) == []


def workers_of(process):
    """Processes that compute for a sweep: those below the server that starts them."""
    return [grandchild for child in children(process.pid) for grandchild in children(child)]


def kill_moments(chance, times):
    """So many random moments of a sweep: finished runs, and seconds after that."""
    return [(number, chance.uniform(0.0, 0.3)) for number in sorted(chance.sample(range(RUNS - 1), times))]


def kill_sweeps(file, out, moments):
    """Kill the sweep at these moments, and give the command again each time. Returns how often it was hit."""
    hit = 0
    for number, seconds in moments:
        process = start_sweep(file, out, 2)
        wait_for_parts(process, out, number)
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode in (-signal.SIGKILL, 0)
        hit += process.returncode != 0
        for path in out.rglob("*.parquet"):
            pq.read_table(path)  # whatever is there is whole
    return hit


def kill_workers(file, out, moments, chance):
    """Kill a worker of one sweep at these moments; the sweep goes on. Returns how many were hit."""
    process, hit = start_sweep(file, out, 2), 0
    for number, seconds in moments:
        wait_for_parts(process, out, number)
        time.sleep(seconds)
        workers = workers_of(process)
        if workers and process.poll() is None:
            os.kill(chance.choice(workers), signal.SIGKILL)
            hit += 1
    _, complaint = process.communicate(timeout=120)
    assert (process.returncode, complaint) == (0, "")
    return hit


def check_kills(file, undisturbed, tmp_path, times, seed):
    """Kill sweeps and workers so many times each; the tables are always those of an undisturbed sweep."""
    chance = random.Random(seed)
    hit = number = 0
    while hit < times:
        number += 1
        hit += kill_sweeps(file, tmp_path / f"sweep{number}", kill_moments(chance, min(5, times - hit)))
        swept(file, tmp_path / f"sweep{number}")
        assert data(tmp_path / f"sweep{number}") == undisturbed
    hit = number = 0
    while hit < times:
        number += 1
        out = tmp_path / f"worker{number}"
        hit += kill_workers(file, out, kill_moments(chance, min(5, times - hit)), chance)
        assert data(out) == undisturbed and read.open(out).failures is None


@linux
def test_kill_nine_at_random_moments(file, undisturbed, tmp_path):
    check_kills(file, undisturbed, tmp_path, 3, seed=1)


@linux
@pytest.mark.long
def test_kill_nine_twenty_times(file, undisturbed, tmp_path):
    check_kills(file, undisturbed, tmp_path, 20, seed=2)


@linux
def test_a_killed_sweep_leaves_no_worker_and_no_lock(file, undisturbed, tmp_path):
    out = tmp_path / "x"
    process = start_sweep(file, out, 2)
    wait_for_parts(process, out, 3)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    until = time.monotonic() + 30
    while left_of(process) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in left_of(process) if pid != process.pid] == []
    assert 3 <= len(part_files(out)) < RUNS
    assert swept(file, out).finished == RUNS and data(out) == undisturbed


# -- what the tests above would notice -----------------------------------------------------------------


def test_a_run_that_was_recorded_twice_would_be_noticed(file, whole, undisturbed, tmp_path, monkeypatch):
    """The comparison of bytes is sharp: one row of one patient that differs is another file."""
    shutil.copytree(whole, tmp_path / "x")
    victim = part_files(tmp_path / "x")[0]
    part = parts.Part(victim)
    people = part.table("patients")
    assert len(people["run"]) == PATIENTS
    real = parts.Part.table

    def twice(self, name):
        found = real(self, name)
        if self.file != victim or name != "patients":
            return found
        return {key: None if value is None else value[[*range(len(value)), 0]] for key, value in found.items()}

    monkeypatch.setattr(parts.Part, "table", twice)
    for path in (tmp_path / "x" / "patients").rglob("*.parquet"):
        path.unlink()
    swept(file, tmp_path / "x")
    assert data(tmp_path / "x") != undisturbed
