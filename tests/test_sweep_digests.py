"""A sweep's stored numbers: a changed bit is named and made again, and at no moment is a good file taken for a bad one."""

import os
import shutil

import pytest
from quick_sweep import data, plan_file
from stored import flip

from sim.errors import InputError, MachineError
from sim.sweeps import plan as plans
from sim.sweeps import read
from sim.sweeps.digests import Digests
from sim.sweeps.executors import LocalExecutor
from sim.sweeps.run import run_sweep

FLIPS_A_FILE = 10


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Twenty-four runs."""
    return plans.load(plan_file(tmp_path_factory.mktemp("plan"), patients=2))


def swept(plan, out):
    run_sweep(plan, out=out, executor=LocalExecutor(1))
    return out


@pytest.fixture(scope="module")
def sweep(plan, tmp_path_factory):
    """The folder of the whole sweep."""
    return swept(plan, tmp_path_factory.mktemp("sweeps") / "x")


def test_a_changed_bit_is_named_and_made_again(plan, sweep, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(sweep, folder)
    tried = 0
    for name in [*data(sweep), "sweep.json"]:
        file = folder / name
        whole, bits = file.read_bytes(), 8 * file.stat().st_size
        for place in range(FLIPS_A_FILE):
            flip(file, place * bits // FLIPS_A_FILE + place % 8)
            with pytest.raises(InputError, match=f"{file.name}: (damaged|cannot be read)"):
                read.open(folder)
            tried += 1
            file.write_bytes(whole)
        flip(file, bits // 2)
        swept(plan, folder)
        assert data(folder) == data(sweep), name
        assert read.open(folder).runs.equals(read.open(sweep).runs)
    assert tried == 3 * FLIPS_A_FILE


def test_a_file_that_is_gone_or_strange_is_named(sweep, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(sweep, folder)
    file = next(folder.glob("runs/*/*.parquet"))
    shutil.copy(file, file.with_name("00007.parquet"))
    opened = read.open(folder)
    with pytest.raises(InputError, match=r"00007\.parquet: not among the files that sweep\.json names"):
        _ = opened.runs
    file.unlink()
    with pytest.raises(InputError, match=r"00000\.parquet: the file is missing; give the sweep's command again"):
        read.open(folder)


@pytest.mark.parametrize("stop", range(1, 8))
def test_at_every_step_what_is_there_can_be_read(plan, tmp_path, monkeypatch, stop):
    """A sweep whose plan changed replaces its tables: stopped after any rename or removal, what is there is intact."""
    folder = swept(plan, tmp_path / "x")
    larger = plans.load(plan_file(tmp_path, text=plan.text.replace("[0.0, 1.0, 4.0]", "[0.0, 1.0, 3.0]"), patients=2))
    done = 0

    def stopping(real):
        def call(*given, **named):
            nonlocal done
            if done == stop:
                raise MachineError("stopped here")
            real(*given, **named)
            done += "parts" not in str(given[0])

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stopping(os.replace))
        try:
            run_sweep(larger, out=folder, executor=LocalExecutor(1))
        except MachineError:
            assert done == stop
        else:
            assert done <= stop
    opened = read.open(folder)
    assert len(opened.runs) == len(opened.runs.drop_duplicates(["run", "organ", "year"])) > 0
    swept(larger, folder)
    assert set(read.open(folder).runs["vesicle_release"]) == {0.0, 1.0, 3.0}


def test_a_reader_beside_a_writer_looks_again(sweep, tmp_path, monkeypatch):
    """What was read of the manifest is old when the tables are looked at."""
    folder = tmp_path / "copy"
    shutil.copytree(sweep, folder)
    real, calls = read.read_manifest, []

    def older(path):
        manifest, digests = real(path)
        calls.append(path)
        return (manifest, {"files": dict.fromkeys(digests["files"], "0")}) if len(calls) == 1 else (manifest, digests)

    monkeypatch.setattr(read, "read_manifest", older)
    assert len(read.open(folder).runs) > 0 and len(calls) == 2


def test_digests_know_what_comes_before_it_is_there(tmp_path):
    told = []
    digests = Digests({}, lambda: told.append(digests.told()))
    (tmp_path / "a").write_bytes(b"old")
    digests.will_be("a", "0")
    assert told == [{"files": {}, "arriving": {"a": "0"}}]
    digests.is_there("a")
    with pytest.raises(InputError, match="a: damaged"):
        digests.check(tmp_path)
    digests.will_go("a")
    digests.will_go("never there")
    assert told[1:] == [{"files": {}, "arriving": {}}] and digests.check(tmp_path) == []
