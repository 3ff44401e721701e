"""A real Dask scheduler and two worker processes on loopback: same tables, and a worker's kill -9 costs its block only."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

import sim
from sim import scenario
from sim.errors import InputError, MachineError
from sim.sweeps.block import Block, BlockRun, program_digest
from sim.sweeps.cluster import ClusterExecutor
from sim.sweeps.executors import LocalExecutor
from sim.sweeps.parts import Part, read_parts

distributed = pytest.importorskip("distributed")
ROOT = str(Path(sim.__file__).parent.parent)
_QUIET = {"DASK_DISTRIBUTED__DASHBOARD__ENABLED": "false", "DASK_LOGGING__DISTRIBUTED": "error"}


def start(module: str, *arguments: str) -> subprocess.Popen:
    """A process of the cluster, in a group of its own, that finds this package."""
    environment = os.environ | _QUIET | {"PYTHONPATH": os.pathsep.join((ROOT, str(Path(__file__).parent)))}
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def cluster(workers: int, folder: Path):
    """Address of a scheduler with so many workers of one thread, and their processes."""
    told = folder / f"scheduler-{uuid.uuid4().hex}.json"
    scheduler = start(
        "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(told)
    )
    processes = [scheduler]
    try:
        until = time.monotonic() + 60
        while not (told.exists() and told.read_text()):
            assert scheduler.poll() is None, "the scheduler ended"
            assert time.monotonic() < until, "the scheduler did not start"
            time.sleep(0.05)
        address = json.loads(told.read_text())["address"]
        processes += [
            start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", f"w{number}")
            for number in range(workers)
        ]
        with distributed.Client(
            address, timeout=60, set_as_default=False
        ) as client:  # who comes late, on a busy machine, is nobody's loss
            client.wait_for_workers(workers, timeout=60)
        yield address, processes[1:]
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def blocks(number: int, runs: int = 2) -> list[Block]:
    """Small blocks: a few patients each, one seed a block."""
    base = scenario.load("colorectal").with_(patients=4)
    return [
        Block(
            base,
            tuple(
                BlockRun(f"run-{block}-{run}", seed=block + 1, values=(("soil.liver", 0.01 * (run + 1)),))
                for run in range(runs)
            ),
            program_digest(),
        )
        for block in range(number)
    ]


def tables(packed: dict[str, bytes]) -> dict[str, bytes]:
    return dict(sorted(packed.items()))


@pytest.fixture(scope="module")
def expected() -> dict[str, bytes]:
    return {done.task.name: done.packed for done in LocalExecutor(1).execute(blocks(6), lambda share: None)}


def test_a_cluster_gives_the_same_bytes_whole_or_by_the_shared_folder(expected, tmp_path):
    with cluster(2, tmp_path) as (address, _):
        told = []
        returned = {done.task.name: done.packed for done in ClusterExecutor(address).execute(blocks(6), told.append)}
        assert tables(returned) == tables(expected)
        assert told == [1, 2, 3, 4, 5, 6]
        shared = tmp_path / "parts"
        assert all(
            done.packed is None and done.lost is None
            for done in ClusterExecutor(address, shared).execute(blocks(6), told.append)
        )
    parts = list(read_parts(shared, alone=True))
    assert sorted(part.file.stem for part in parts) == sorted(expected)
    assert all(isinstance(part, Part) and not part.failures for part in parts)
    assert {part.file.stem: part.file.read_bytes() for part in parts} == expected


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 20))])
def test_a_killed_worker_costs_its_block_only(expected, tmp_path, seed):
    dice = random.Random(seed)
    with cluster(2, tmp_path) as (address, workers):
        found, killed = {}, False
        for done in ClusterExecutor(address).execute(blocks(6), lambda share: None):
            found[done.task.name] = done.packed
            if not killed:
                time.sleep(dice.random() * 0.2)
                os.kill(workers[0].pid, signal.SIGKILL)
                killed = True
    assert workers[0].wait() == -signal.SIGKILL
    assert tables(found) == tables(expected)


def introduce_or_die(dask_worker=None):
    """What a worker says of itself; the first is killed while it says so."""
    from sim.sweeps import cluster as module

    if dask_worker is not None and dask_worker.name == "w0":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"versions": module.versions(), "program": program_digest()}


@pytest.mark.parametrize("when", ["introduced", "handed out", "last block"])
def test_no_loss_of_a_worker_at_any_stage_ends_a_sweep(expected, tmp_path, monkeypatch, when):
    """Lost while it introduced itself, it ended the sweep with "Stream is closed"."""
    if when == "introduced":
        monkeypatch.setattr("sim.sweeps.cluster._machine", introduce_or_die)
    with cluster(2, tmp_path) as (address, workers):
        found = {}
        executor = ClusterExecutor(address)
        if when == "handed out":
            ready = executor._ready
            monkeypatch.setattr(
                executor, "_ready", lambda client: (ready(client), os.kill(workers[0].pid, signal.SIGKILL))[0]
            )
        for done in executor.execute(blocks(6), lambda share: None):
            assert done.lost is None
            found[done.task.name] = done.packed
            if when == "last block" and len(found) == 5:
                os.kill(workers[0].pid, signal.SIGKILL)
        assert workers[0].wait(timeout=60) == -signal.SIGKILL
    assert tables(found) == tables(expected)


def test_who_does_not_answer_is_asked_again_for_a_while(monkeypatch):
    from sim.sweeps import cluster as module

    mine = {"versions": {}, "program": "p"}
    answers = [OSError("Stream is closed"), {"a": OSError("gone")}, {"a": OSError("gone"), "b": mine}]

    class Client:
        def wait_for_workers(self, number, timeout):
            assert timeout >= 1

        def run(self, function, on_error):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)
    assert ClusterExecutor("tcp://x:1")._introduced(Client()) == {"b": mine}
    answers.append({"a": OSError("gone")})
    monkeypatch.setattr(module, "WAIT_SECONDS", -1)
    with pytest.raises(MachineError, match="no worker of the scheduler at tcp://x:1 answers"):
        ClusterExecutor("tcp://x:1")._introduced(Client())


class Poison(Block):
    """A block that takes its worker with it."""

    def compute(self, report=None):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.long
def test_a_block_that_kills_its_workers_is_given_back_as_lost(expected, tmp_path):
    bad = blocks(7)[6]
    poison = Poison(bad.scenario, bad.runs, bad.program)
    with cluster(6, tmp_path) as (address, _):
        done = list(ClusterExecutor(address).execute([poison, *blocks(6)], lambda share: None))
    lost = [one for one in done if one.lost]
    assert [one.task.name for one in lost] == [poison.name]
    assert tables({one.task.name: one.packed for one in done if not one.lost}) == tables(expected)


def test_a_scheduler_that_is_not_there_is_said(monkeypatch):
    """After a second here, not after the twenty that a slow network may need."""
    monkeypatch.setattr("sim.sweeps.cluster.WAIT_SECONDS", 1)
    with pytest.raises(InputError, match="tcp://host:8786"):
        list(ClusterExecutor("127.0.0.1").execute(blocks(1), lambda share: None))
    with pytest.raises(InputError, match="no scheduler answers at tcp://127.0.0.1:9"):
        list(ClusterExecutor("tcp://127.0.0.1:9").execute(blocks(1), lambda share: None))


def test_a_mixed_cluster_is_warned_about(monkeypatch):
    said = []
    from sim.sweeps import cluster as module

    mine = {"versions": {"numpy": "1", "processor": "ours"}, "program": "p"}
    monkeypatch.setattr(module, "_machine", lambda: mine)

    class Client:
        def __init__(self, machines):
            self.machines = machines

        def wait_for_workers(self, number, timeout):
            assert number == 1

        def run(self, function, on_error):
            assert on_error == "return"
            return self.machines

        def nthreads(self):
            return {"a": 1, "b": 2}

    executor = ClusterExecutor("tcp://x:1", warn=said.append)
    same = {"a": mine, "b": mine}
    assert executor._ready(Client(same)) == 3
    assert said == []
    other = {"a": mine, "b": {"versions": {"numpy": "1", "processor": "theirs"}, "program": "p"}}
    executor._ready(Client(other))
    assert len(said) == 1
    assert "theirs against ours" in said[0]
    with pytest.raises(MachineError, match="another version"):
        executor._ready(Client({"a": mine | {"program": "q"}}))
