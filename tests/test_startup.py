"""Why a start is quick: what is not imported, and which processes are not started. `benchmarks startup` measures it."""

import json
import subprocess
import sys

import pytest

HEAVY = ("mesa", "numba", "scipy", "pandas", "networkx", "matplotlib", "pyarrow", "polars", "tqdm", "nicegui")
LOADED = """
import json, sys
sys.argv = ["run_sim.py"]
from sim.cli import main
code = main(sys.argv[1:] + json.loads({arguments!r}))
print(json.dumps([code, sorted(sys.modules)]))
"""


def loaded(repository, arguments, before=""):
    """Exit code and the modules of a process that ran a command line."""
    script = before + LOADED.format(arguments=json.dumps([str(word) for word in arguments]))
    said = subprocess.run([sys.executable, "-c", script], cwd=repository, capture_output=True, text=True)
    code, modules = json.loads(said.stdout.splitlines()[-1])
    assert code == 0, said.stderr
    return set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["list"], ["compile", "--quiet"]])
def test_what_computes_nothing_loads_nothing(repository, arguments):
    ready = "from sim.numerics import machine_code; machine_code.is_complete = lambda folder: True\n"
    assert loaded(repository, arguments, ready) & set(HEAVY) == set()


def test_help_does_not_load_numpy_and_pydantic(repository):
    assert loaded(repository, ["--help"]) & {"numpy", "pydantic", "sim.scenario", "multiprocessing"} == set()


def run(tmp_path, *options):
    return ["run", "colorectal", "--quiet", "--workers", "2", "--out", tmp_path / "run", *options]


def test_a_parent_of_workers_loads_neither_model_nor_compiler(repository, tmp_path):
    modules = loaded(repository, run(tmp_path, "--patients", "2", "--no-figure"))
    assert modules & {"mesa", "numba", "scipy", "networkx", "matplotlib", "sim.model", "sim.runs.chunk"} == set()
    assert {"sim.work.workers", "multiprocessing.forkserver"} <= modules or sys.platform == "win32"


def test_one_chunk_starts_no_process(repository, tmp_path):
    refuse = (
        "import subprocess, os, sys\n"
        "sys.addaudithook(lambda event, _: sys.exit(event) if event in ('os.fork', 'os.posix_spawn', '_posixsubprocess.fork_exec') else None)\n"
    )
    # The commit in the manifest is asked of git: that is not ours to count.
    quiet = "from sim.results import manifest; manifest.commit = lambda *_: 'unknown'\n"
    modules = loaded(repository, run(tmp_path, "--patients", "1", "--no-figure"), quiet + refuse)
    assert "multiprocessing.forkserver" not in modules and "matplotlib" not in modules
    assert (tmp_path / "run" / "manifest.json").exists() and not (tmp_path / "run" / "figures").exists()
