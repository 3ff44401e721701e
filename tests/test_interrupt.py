"""Ctrl-C and SIGTERM, as a terminal or a supervisor sends them: what was finished is kept, and nothing else is left."""

import os
import signal

import pytest
from quick_cohort import chunk_files, left_of, scenario_file, start_run, tables, wait_for_chunks

import sim.results.reading
from sim import scenario as scenarios
from sim.runs.run import run_scenario

PATIENTS = 150
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C otherwise")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick scenario."""
    return scenarios.load(scenario_file(tmp_path_factory.mktemp("scenario"), PATIENTS))


@pytest.fixture(scope="module")
def undisturbed(quick, tmp_path_factory):
    """The tables of a run that nothing stopped."""
    return tables(run_scenario(quick, seed=1, out=tmp_path_factory.mktemp("runs") / "x").path)


@pytest.mark.parametrize(
    "number, code, workers, everybody, then_workers",
    [
        (signal.SIGINT, 130, 1, True, 2),
        (signal.SIGINT, 130, 2, True, 1),
        (signal.SIGINT, 130, 2, False, 1),
        (signal.SIGTERM, 143, 1, False, 1),
        (signal.SIGTERM, 143, 2, True, 1),
        (signal.SIGTERM, 143, 2, False, 1),
    ],
)
def test_a_signal_halfway(quick, undisturbed, tmp_path, number, code, workers, everybody, then_workers):
    out = tmp_path / "x"
    process = start_run(quick.path, out, workers, chunk_patients=5)
    wait_for_chunks(process, out, 4)
    (os.killpg if everybody else os.kill)(process.pid, number)
    said, complaint = process.communicate(timeout=60)  # ends when all its processes have ended
    assert (process.returncode, said) == (code, "")
    assert f"of {PATIENTS} patients were finished and are kept" in complaint and "Traceback" not in complaint
    half = sim.results.reading.open(out)
    assert half.manifest["status"] == "interrupted"
    finished = half.manifest["patients_finished"]
    assert 20 <= finished == len(half.patients) == 5 * len(chunk_files(out)) < PATIENTS
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x.chunks", "x"], "nothing half-written"

    again = start_run(quick.path, out, then_workers, chunk_patients=5)
    assert again.communicate(timeout=120)[1] == "" and again.returncode == 0
    assert left_of(process) == left_of(again) == [], "no process is left, nor a zombie"
    assert sim.results.reading.open(out).manifest["status"] == "complete"
    assert tables(out) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_impatient_second_signal_spoils_nothing(quick, tmp_path, number, code):
    out = tmp_path / "x"
    process = start_run(quick.path, out, 1, chunk_patients=5)
    wait_for_chunks(process, out, 4)
    for _ in range(5):
        if process.poll() is None:
            os.kill(process.pid, number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in complaint
    assert not list(tmp_path.glob(".staging*")) and len(chunk_files(out)) >= 4


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGHUP, -signal.SIGHUP)])
def test_a_signal_while_nothing_is_finished(quick, tmp_path, number, code):
    """A hang-up ends the program as it ends any other: whoever wants it to go on starts it with nohup."""
    process = start_run(quick.path, tmp_path / "x", 1, chunk_patients=PATIENTS)
    wait_for_chunks(process, tmp_path / "x", 0)
    while not (tmp_path / ".x.chunks").exists():
        assert process.poll() is None, process.communicate()
    os.kill(process.pid, number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in complaint
    if number == signal.SIGTERM:
        assert "interrupted" in complaint and not list(tmp_path.iterdir())


def test_a_caller_who_has_plans_for_sigterm_keeps_them(monkeypatch):
    from sim.cli import main

    def own(*_):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, own)
    try:
        assert main(["--version"]) == 0 and signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
    assert main(["--version"]) == 0 and signal.getsignal(signal.SIGTERM) == before
