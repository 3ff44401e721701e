"""The Makefile's messages, with stand-ins for a Python that is too old or cannot make environments."""

import os
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def clone(tmp_path, repository):
    """A folder with just what `make env` reads, and make(python) that runs it with a stand-in Python."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(repository / name, tmp_path)

    def make(script: str):
        python = tmp_path / "python_stand_in"
        python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        python.chmod(0o755)
        return subprocess.run(
            ["make", "env", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, env=without_make()
        )

    return make


def without_make():
    """The environment, without what an outer make hands down."""
    return {
        key: value
        for key, value in os.environ.items()
        if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
    }


def test_old_python_is_named(clone, tmp_path):
    result = clone('[ "$1" = --version ] && echo Python 3.9.2; exit 1')
    assert result.returncode != 0
    assert "Python 3.9.2" in result.stderr and "3.11 or newer" in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_python_without_ensurepip_is_named(clone, tmp_path):
    result = clone('case "$2" in *ensurepip*) exit 1;; esac; exit 0')
    assert result.returncode != 0
    assert "cannot make virtual environments" in result.stderr and "python3-venv" in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_missing_python_is_named(clone, tmp_path):
    result = subprocess.run(
        ["make", "env", "PYTHON=python0"], cwd=tmp_path, capture_output=True, text=True, env=without_make()
    )
    assert result.returncode != 0 and "no 'python0'" in result.stderr


def test_help_names_every_target(repository):
    said = subprocess.run(["make"], cwd=repository, capture_output=True, text=True, env=without_make())
    assert said.returncode == 0
    for target in ("run", "test", "long", "env", "clean"):
        assert f"make {target} " in said.stdout


def asked_of_pip(repository, target):
    """What `make target` would install into a new environment, in order."""
    command = ["make", "--dry-run", "--always-make", target]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, env=without_make(), check=True)
    return re.findall(r"pip \S.* --editable '?(\S+?)'? --constraint constraints.txt", done.stdout)


@pytest.mark.parametrize(
    "target, extras",
    [
        ("run", []),
        ("env", []),
        ("test", ["test"]),
        ("demo", ["demo"]),
        ("docs", ["docs"]),
        ("lint", ["lint"]),
        ("matrix", ["matrix"]),
        ("audit", ["audit"]),
        ("hostile", ["test"]),
        ("soak", ["test"]),
    ],
)
def test_a_target_installs_only_what_it_needs(repository, target, extras):
    assert asked_of_pip(repository, target) == [".", *(f".[{extra}]" for extra in extras)]


def test_no_list_of_kernels_is_kept(repository):
    """The program knows what is compiled; make only asks."""
    assert "sim/" not in (repository / "Makefile").read_text(encoding="utf-8")


def test_continuous_integration_runs_the_tests(repository):
    script = repository / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8").splitlines()


def test_make_draws_the_pictures_of_the_readme(repository):
    from sim.plots.figures import FIGURES

    command = ["make", "--dry-run", "--old-file=.venv/.installed", "pictures"]
    script = subprocess.run(
        command, cwd=repository, capture_output=True, text=True, env=without_make(), check=True
    ).stdout
    drawn = {f"{FIGURES[name].file}.png" for name in re.search(r"plot \S+ --what (\S+)", script)[1].split(",")}
    copied = set(re.findall(r"cp \S+ docs/pictures/(\S+)", script))
    shown = set(re.findall(r"\(pictures/(\S+?)\)", (repository / "docs" / "commands.md").read_text(encoding="utf-8")))
    assert (
        drawn | copied == shown == {path.name for path in (repository / "docs" / "pictures").iterdir()}
        and len(shown) == 3
    )
