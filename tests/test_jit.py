"""The folder of compiled code: one for each state of the sources, always writable, never shared with strangers."""

import os
import subprocess
import sys

import pytest

from sim.numerics import jit

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
    monkeypatch.setattr(jit, "PACKAGE", folder)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "cache"))
    return folder


@pytest.mark.parametrize(
    "edit", ["numerics/jit.py", "numerics/streams.py", "numerics/walk.py", "numerics/new.py", "names.py"]
)
def test_every_edit_starts_a_new_folder_and_clears_the_old(package, edit):
    before = jit.cache_folder()
    assert before.parent == package / "__pycache__" and jit.cache_folder() == before
    (package / edit).write_text(COMPILED + "x = 2\n", encoding="utf-8")
    after = jit.cache_folder()
    assert after != before
    assert list(after.parent.iterdir()) == [after]


def test_read_only_package_uses_the_users_cache(package, tmp_path):
    (package / "__pycache__").write_text("a file where a folder should be", encoding="utf-8")
    folder = jit.cache_folder()
    assert folder.is_relative_to(tmp_path / "cache") and folder.is_dir()


def test_without_any_writable_home_the_folder_is_private(package, tmp_path):
    (package / "__pycache__").write_text("", encoding="utf-8")
    (tmp_path / "cache").write_text("", encoding="utf-8")
    folder = jit.cache_folder()
    assert not folder.is_relative_to(tmp_path / "cache")
    if os.name != "nt":
        assert folder.parent.stat().st_mode & 0o077 == 0
    folder.parent.rmdir()


def test_a_chosen_folder_is_used_and_workers_do_not_nest(package, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    folder = jit.cache_folder()
    assert folder.parent == tmp_path / "chosen"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    assert jit.cache_folder() == folder


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
