"""From a wheel, used from any folder: built from the source distribution, in an environment without the checkout."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="comes with the extra test")
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
DATA = (
    "*.toml",
    "*.csv",
    "*.json",
    "*.html",
    "*.mplstyle",
    "*.typed",
    "*.js",
    "*.css",
    "*.svg",
    "*.woff2",
    "*.txt",
    "*.py",
)


def build(source: Path, kind: str, into: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (made,) = into.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return made


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    """The wheel, made from the source distribution, made from the files that are or could be committed."""
    folder = tmp_path_factory.mktemp("built")
    source = build(repository, "sdist", folder)
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    return build(folder / source.name.removesuffix(".tar.gz"), "wheel", folder)


@pytest.fixture(scope="module")
def installed(wheel):
    """A new environment with the wheel; libraries are those of this one, the checkout is not."""
    folder = Path(tempfile.mkdtemp()).resolve()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    python = next((folder / "env" / SCRIPTS).glob("python*"))
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        str(wheel),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    # A path that is added by such a file brings its packages, but not the editable installation's own such file.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    yield folder / "env" / SCRIPTS, site
    shutil.rmtree(folder)


@pytest.fixture
def metseed(installed, tmp_path):
    """metseed("list") in an empty folder -> what it printed."""
    scripts, _ = installed
    (tmp_path / "empty").mkdir(exist_ok=True)

    def call(*arguments, program=(str(scripts / "metseed"),), code=0):
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONSAFEPATH")}
        done = subprocess.run(
            [*program, *map(str, arguments)],
            cwd=tmp_path / "empty",
            env=kept,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_the_wheel_is_whole_and_tidy(repository, wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"sim"}
    expected = {
        path.relative_to(repository).as_posix()
        for pattern in DATA
        for path in (repository / "sim").rglob(pattern)
        if "__pycache__" not in path.parts
    }
    expected |= {
        f"sim/shipped/{path.relative_to(repository).as_posix()}"
        for folder in ("scenarios", "plans")
        for path in (repository / folder).rglob("*.toml")
    }
    assert expected - names == set() and "sim/py.typed" in names


def test_list_and_run_answer_from_an_empty_folder(metseed, installed, tmp_path):
    """Results go below the current folder, and the figures of a run are those of the checkout."""
    listed = metseed("list")
    assert "colorectal " in listed and str(installed[1]) not in listed and "metseed show SCENARIO" in listed
    metseed("run", "colorectal", "--patients", "5", "--no-figure", "--workers", "1")
    (manifest,) = (tmp_path / "empty" / "results" / "colorectal").glob("*/manifest.json")
    read = json.loads(manifest.read_text(encoding="utf-8"))
    assert read["patients_finished"] == 5 and read["scenario"]["file"] == "scenarios/colorectal.toml"
    assert read["command_line"][:2] == ["metseed", "run"]


def test_what_is_shipped_is_found_from_any_folder(metseed, tmp_path):
    mine = tmp_path / "empty" / "mine.toml"
    mine.write_text('extends = "colorectal.toml"\ntitle = "Mine"\nquestion = "What if?"\n', encoding="utf-8")
    assert "ok  mine.toml" in metseed("check", "mine.toml") and "ok  factorial" in metseed("check", "factorial")
    assert "see: metseed --help" in metseed("nonsense", code=2)


@pytest.mark.long
def test_every_command_answers(metseed, installed, tmp_path):
    folder = tmp_path / "empty"
    python = next(installed[0].glob("python*"))
    assert "Usage: python -m sim" in metseed("--help", program=(str(python), "-m", "sim"))
    assert "compiled" in metseed("compile")
    metseed("ask", "portal_vein", "--small", "--only-catalogue")
    plan = 'title = "Tiny"\nscenarios = ["colorectal.toml"]\npatients = 5\n[mechanisms]\nnames = ["dormancy"]\n'
    (folder / "tiny.toml").write_text(plan, encoding="utf-8")
    metseed("sweep", "tiny.toml")
    assert (folder / "results" / "sweeps" / "tiny").is_dir()
    metseed("run", "colorectal", "--patients", "5")
    assert list(folder.glob("results/colorectal/*/figures/*"))
    metseed("export-lesson", "two_blood_supplies")
    assert (folder / "two_blood_supplies.en.html").stat().st_size > 100_000


@pytest.mark.long
def test_the_classroom_opens(installed, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(installed[0] / "metseed"), "demo", "--no-browser", "--port", str(port)]
    # NiceGUI behaves differently where it sees that a test runs.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    with subprocess.Popen(
        command, cwd=tmp_path, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            end = time.monotonic() + 120
            page = ""
            while not page and time.monotonic() < end and server.poll() is None:
                try:
                    page = urllib.request.urlopen(f"http://localhost:{port}/", timeout=60).read().decode()
                except OSError:
                    time.sleep(0.5)
        finally:
            server.send_signal(signal.SIGINT)
            said, _ = server.communicate(timeout=60)
    assert "<html" in page, said
    assert server.returncode in (0, 130) and "Traceback" not in said
