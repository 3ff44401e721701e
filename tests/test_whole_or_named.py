"""What a disk, a copy or a kill does to stored results: a changed bit is named, a halved exchange is finished."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import synthetic
from stored import flip, rewrite

from sim import machine
from sim.cli import main
from sim.errors import InputError, Remark
from sim.results import installing, sealed, storage
from sim.results import reading as results

FLIPS_A_FILE = 12
EVENTS = {"seeds": synthetic.seeds(12)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with an optional table."""
    return synthetic.write(tmp_path_factory.mktemp("runs") / "run", 12, extra=EVENTS)


def flips(file: Path, count: int = FLIPS_A_FILE):
    """Bits of a file, spread over all of it, its first and last byte among them."""
    bits = 8 * file.stat().st_size
    return sorted({0, bits - 1, *(place * bits // count + place % 8 for place in range(count))} & set(range(bits)))


def test_a_changed_bit_is_named_before_a_number_is_read(run, tmp_path):
    """In every file, the manifest too: in tables, a third of all changes of one bit gave true-looking numbers before."""
    folder = tmp_path / "copy"
    shutil.copytree(run.path, folder)
    tried = 0
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for bit in flips(file):
            flip(file, bit)
            with pytest.raises(InputError, match=f"{file.name}: (damaged|cannot be read)"):
                results.open(folder)
            file.write_bytes(whole)
            tried += 1
    assert tried > 80 and results.open(folder).patients.equals(run.patients)


def test_a_seal_is_plain_json_and_breaks_with_any_line(tmp_path):
    told = {"a": 1, "b": {"c": [1.5, None, "ü}"]}, "files": {"x": "0"}}
    file = tmp_path / "manifest.json"
    file.write_bytes(sealed.seal(storage.json_text(told)))
    lines = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(file.read_text(encoding="utf-8"))["b"] == told["b"] and lines[-1].startswith('"digest": "')
    assert sealed.unseal(file, "again") == (told, True)
    for damage in (
        lines[:-1],
        [*lines[:-2], "}"],
        [lines[0], *lines[2:]],
        [line.replace('"a": 1', '"a": 2') for line in lines],
    ):
        file.write_text("\n".join(damage) + "\n", encoding="utf-8")
        with pytest.raises(InputError, match="manifest.json: (damaged|cannot be read).*again"):
            sealed.unseal(file, "again")
    file.write_bytes(sealed.seal("{\n}"))
    assert sealed.unseal(file, "again") == ({}, True)


def test_a_file_that_the_manifest_does_not_know_is_not_read(run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(run.path, folder)
    shutil.copy(synthetic.write(tmp_path / "other", 3, extra={"events": synthetic.events(3)} if hasattr(synthetic, "events") else None).path
                / "patients.parquet", folder / "events.parquet")  # fmt: skip
    with pytest.raises(InputError, match=r"events\.parquet: not among the files that its manifest names"):
        results.open(folder)


def test_a_run_from_before_digests_opens_with_a_note(run, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(run.path, folder)
    rewrite(folder, digests=False)
    with pytest.warns(Remark, match="written before results had digests: damage cannot be told from numbers"):
        old = results.open(folder)
    assert old.manifest == run.manifest and old.patients.equals(run.patients)
    assert main(["export", str(folder), "--csv", str(tmp_path / "csv")]) == 0
    said = capsys.readouterr()
    assert said.err == f"remark: {folder}: {sealed.NOTE}\n"


def test_a_damaged_run_is_exit_code_2(run, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(run.path, folder)
    flip(folder / "metastases.parquet", 4000)
    assert main(["export", str(folder), "--csv", str(tmp_path / "csv")]) == 2
    assert "metastases.parquet: damaged: it is not what was written" in capsys.readouterr().err
    assert not (tmp_path / "csv").exists()


# -- a kill while a run is replaced ----------------------------------------------------------------------

KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, {repository!r})
from sim import machine
from sim.results import installing, storage
step, count, armed = {step!r}, 0, False

def watched(real):
    def call(*given, **named):
        global count
        done = real(*given, **named)
        count += armed
        if armed and count == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return call

def arm(*given):
    global armed
    armed = True
    install(*given)

install, storage.install = storage.install, arm
if {how!r} != "exchange":
    machine.exchange = lambda one, other: False
if {how!r} == "file by file":
    installing._renamed = lambda *given: False
for place, name in ((machine, "exchange"), (os, "replace"), (os, "unlink")):
    setattr(place, name, watched(getattr(place, name)))
"""
WRITE = """
def fill(folder):
    for name in {names!r}:
        (folder / name).write_bytes(b"{text}" + name.encode())
storage.write_folder(sys.argv[1], fill, {{"text": "{text}"}}, {{"a", "b", "c", "manifest.json", "figures"}})
"""


def replaced(folder: Path, how: str, step: int) -> int:
    """Replace results in a process that is killed at a step of the exchange; its exit code."""
    repository = str(Path(__file__).parent.parent)
    program = KILLED.format(repository=repository, step=step, how=how) + WRITE.format(names=["b", "c"], text="new")
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill")
@pytest.mark.parametrize("how", ["exchange", "two renames", "file by file"])
def test_a_kill_while_results_are_replaced_takes_nothing_of_the_user(tmp_path, how):
    """At every step: after the next start one whole set of results is there, and the user's files."""
    for step in range(1, 40):
        top = tmp_path / str(step)
        folder = top / "x"
        exec(
            WRITE.format(names=["a", "b"], text="old"), {"sys": SimpleNamespace(argv=["", folder]), "storage": storage}
        )
        (folder / "notes.txt").write_text("mine")
        (folder / "more").mkdir()
        (folder / "more" / "a.txt").write_text("also mine")
        code = replaced(folder, how, step)
        if code != 0:
            storage.check_writable(folder)  # the next start
        assert [path.name for path in top.iterdir()] == ["x"], (step, list(top.iterdir()))
        manifest, is_sealed = sealed.unseal(folder / "manifest.json", "again")
        files = ["a", "b"] if manifest["text"] == "old" else ["b", "c"]
        assert is_sealed and list(manifest["files"]) == files
        sealed.check_files(folder, manifest["files"], files, "again")
        assert sorted(path.name for path in folder.iterdir()) == sorted([*files, "manifest.json", "notes.txt", "more"])
        assert (folder / "notes.txt").read_text() == "mine" and (folder / "more" / "a.txt").read_text() == "also mine"
        if code == 0:
            break
    assert 2 < step < 39


def test_who_only_reads_finds_a_run_that_a_kill_left_aside(tmp_path):
    """Between two renames, where the system has no exchange: the run stands under a hidden name."""
    folder = synthetic.write(tmp_path / "x", 5).path
    os.replace(folder, tmp_path / ".staging-x-1-0123abcd-replaced")
    assert len(results.open(folder).patients) == 5 and [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_a_living_writer_prepares_is_left_alone(tmp_path):
    folder = synthetic.write(tmp_path / "x", 5).path
    with installing.new_folder(folder) as staging:
        (staging / "patients.parquet").write_bytes(b"half")
        installing.recover(folder)
        assert staging.is_dir() or os.name == "nt"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_hidden_folder_of_somebody_else_is_left_alone(tmp_path):
    folder = synthetic.write(tmp_path / "x", 5).path
    for name in (".staging-xx-1-0123abcd", ".staging-x-mine", ".staging-y-1-0123abcd"):
        (tmp_path / name).mkdir()
    installing.recover(folder)
    assert len(list(tmp_path.iterdir())) == 4


def test_two_folders_change_places(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    assert not machine.exchange(tmp_path / "a", tmp_path / "missing")
    if machine.exchange(tmp_path / "a", tmp_path / "b"):
        assert (tmp_path / "a" / "b").is_file() and (tmp_path / "b" / "a").is_file()


def test_new_files_are_on_the_disk_before_old_ones_go(tmp_path, monkeypatch):
    """Every file and both folders are synced before the exchange, its own folder after it, and only then what was goes."""
    folder = synthetic.write(tmp_path / "x", 5).path
    done, named = [], {}

    def note(name, real):
        def call(*given, **more):
            what = given[0] if not isinstance(given[0], int) else os.readlink(f"/proc/self/fd/{given[0]}")
            done.append((name, str(what)))
            return real(*given, **more)

        return call

    for place, name in ((os, "fsync"), (machine, "exchange"), (shutil, "rmtree")):
        monkeypatch.setattr(place, name, note(name, getattr(place, name)))
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("looks at open files as Linux shows them")
    synthetic.write(folder, 6)
    steps = [name for name, _ in done]
    exchanged = steps.index("exchange")
    assert steps[:exchanged].count("fsync") >= 2 * len(list(folder.iterdir()))
    after = done[exchanged + 1 :]
    assert after[0] == ("fsync", str(tmp_path)) and "rmtree" in [name for name, _ in after[1:]] and not named
