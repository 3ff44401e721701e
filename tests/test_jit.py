"""The folder of compiled code: one for each state of the sources, always writable, never shared with strangers."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.numerics import machine_code

COMPILED = "from sim import names\nfrom sim.numerics.jit import kernel\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A stand-in for the package's folder with a kernel in it."""
    folder = tmp_path / "sim"
    (folder / "numerics").mkdir(parents=True)
    for name, text in {
        "names.py": "",
        "__init__.py": "",
        "numerics/__init__.py": "",
        "numerics/jit.py": "",
        "numerics/streams.py": COMPILED,
        "numerics/walk.py": COMPILED,
    }.items():
        (folder / name).write_text(text + "x = 1\n", encoding="utf-8")
    monkeypatch.setattr(machine_code, "PACKAGE", folder)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "cache"))
    return folder


@pytest.mark.parametrize(
    "edit", ["numerics/jit.py", "numerics/streams.py", "numerics/walk.py", "numerics/new.py", "names.py"]
)
def test_every_edit_starts_a_new_folder_and_clears_the_old(package, edit):
    before = machine_code.cache_folder()
    assert before.parent == package / "__pycache__" and machine_code.cache_folder() == before
    (package / edit).write_text(COMPILED + "x = 2\n", encoding="utf-8")
    after = machine_code.cache_folder()
    assert after != before
    assert list(after.parent.iterdir()) == [after]


def test_read_only_package_uses_the_users_cache(package, tmp_path):
    (package / "__pycache__").write_text("a file where a folder should be", encoding="utf-8")
    folder = machine_code.cache_folder()
    assert folder.is_relative_to(tmp_path / "cache") and folder.is_dir()


def test_without_any_writable_home_the_folder_is_private(package, tmp_path):
    (package / "__pycache__").write_text("", encoding="utf-8")
    (tmp_path / "cache").write_text("", encoding="utf-8")
    folder = machine_code.cache_folder()
    assert not folder.is_relative_to(tmp_path / "cache")
    if os.name != "nt":
        assert folder.parent.stat().st_mode & 0o077 == 0
    assert folder.parent.name.startswith(f"metastatic-seeding-{os.getpid()}-")


def test_a_chosen_folder_is_used_and_workers_do_not_nest(package, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    folder = machine_code.cache_folder()
    assert folder.parent == tmp_path / "chosen"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    assert machine_code.cache_folder() == folder


PROGRAM = """
from sim.numerics.jit import kernel

@kernel
def inverse(x):
    return 1.0 / x

print(inverse(2.0), type(inverse).__name__)
"""


@pytest.mark.parametrize("disabled, kind", [("0", "CPUDispatcher"), ("1", "function")])
def test_works_with_and_without_compilation(repository, tmp_path, disabled, kind):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    environment = {
        **os.environ,
        "NUMBA_DISABLE_JIT": disabled,
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": str(repository),
    }
    result = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")], env=environment, capture_output=True, text=True
    )
    assert result.stdout.split() == ["0.5", kind], result.stderr


KEEPING = (
    PROGRAM
    + """
from sim.numerics import jit, machine_code
import sys
print(jit.FOLDER, sum(inverse.stats.cache_hits.values()), inverse(4), machine_code.is_complete(jit.FOLDER))
if "owner" in sys.orig_argv:
    machine_code.mark_complete(jit.FOLDER, lambda path, text: path.write_bytes(text))
else:
    print(inverse(1 + 2j))
"""
)


def without_override():
    """In a child: the rights of an ordinary user over files, also where the tests run as root."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # drop CAP_DAC_OVERRIDE from what the next program may have


def start(script: str, folder: Path, repository: Path, *arguments: str, **environment) -> subprocess.CompletedProcess:
    (folder / "program.py").write_text(script, encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if key not in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR")}
    return subprocess.run(
        [sys.executable, str(folder / "program.py"), *arguments],
        env={**kept, "PYTHONPATH": str(repository), **environment},
        capture_output=True,
        text=True,
        preexec_fn=without_override if sys.platform == "linux" else None,
    )


@pytest.mark.skipif(os.name == "nt", reason="folders have no write bit")
def test_a_read_only_folder_is_used_when_its_owner_compiled_everything(repository, tmp_path):
    cache = tmp_path / "cache"
    first = start(KEEPING, tmp_path, repository, "owner", NUMBA_CACHE_DIR=str(cache))
    folder, hits, *_ = first.stdout.split()[2:]
    assert Path(folder).parent == cache and hits == "0", first.stderr
    places = [cache, *cache.rglob("*")]
    for place in places:
        place.chmod(place.stat().st_mode & ~0o222)
    try:
        home = tmp_path / "home"
        second = start(KEEPING, tmp_path, repository, NUMBA_CACHE_DIR=str(cache), HOME=str(home))
        assert second.stdout.split()[2:6] == [folder, "1", "0.25", "True"], second.stderr
        assert "(0.2-0.4j)" in second.stdout and not home.exists()
    finally:
        for place in places:
            place.chmod(place.stat().st_mode | 0o200)


def test_a_read_only_folder_that_is_not_complete_is_left_alone(package, tmp_path):
    folder = machine_code.cache_folder()
    (folder / "one.nbc").write_text("", encoding="utf-8")
    machine_code.mark_complete(folder, Path.write_bytes)
    assert machine_code.is_complete(folder)
    (folder / "one.nbc").unlink()
    assert not machine_code.is_complete(folder)


@pytest.mark.parametrize("key", ["numba", "processor", "python"])
def test_the_mark_is_good_for_one_kind_of_machine(package, monkeypatch, key):
    folder = machine_code.cache_folder()
    (folder / "one.nbc").write_text("", encoding="utf-8")
    machine_code.mark_complete(folder, Path.write_bytes)
    other = {**machine_code.machine(), key: "another"}
    monkeypatch.setattr(machine_code, "machine", lambda: other)
    assert not machine_code.is_complete(folder)


TEMPORARY = """
import multiprocessing, os, sys
from pathlib import Path
from sim.numerics import machine_code

machine_code.PACKAGE = Path(sys.argv[0]).parent / "no" / "package"
machine_code._user_cache = lambda: Path(sys.argv[0]) / "no folder"

def work(folder):
    os._exit(0 if machine_code.prepare() == folder and folder.parent.is_dir() else 1)

if __name__ == "__main__":
    machine_code.source_hash = lambda package=None: "0" * 12
    (Path(sys.argv[0]).parent / "no").write_text("a file where a folder should be")
    folder = machine_code.prepare()
    assert folder.parent.is_dir() and machine_code.prepare() == folder
    one = multiprocessing.get_context("fork").Process(target=work, args=(folder,))
    one.start()
    one.join()
    print(folder.parent.name, one.exitcode, folder.parent.is_dir())
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no fork")
def test_without_a_writable_home_no_start_leaves_a_folder_behind(repository, tmp_path):
    places = tmp_path / "temporary"
    orphan = places / "metastatic-seeding-999999999-left"
    orphan.mkdir(parents=True)
    done = start(TEMPORARY, tmp_path, repository, TMPDIR=str(places))
    name, code, there = done.stdout.split()
    assert (code, there) == ("0", "True") and name.startswith("metastatic-seeding-"), done.stderr
    assert list(places.iterdir()) == []


def test_compile_says_at_once_that_everything_is_there(repository):
    """No numba is needed to see it."""
    code = (
        "import sys; from sim.numerics import machine_code; machine_code.is_complete = lambda folder: True;"
        "from sim.cli import main; main(['compile']); sys.exit('numba' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True)
    assert said.returncode == 0 and "everything is compiled already" in said.stdout
