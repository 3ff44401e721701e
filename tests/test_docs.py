"""The manual builds without a warning, and what it tells a reader to write works."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

import sim
from sim import catalog, mechanisms
from sim.names import NICHES

ROOT = Path(sim.__file__).parent.parent
DOCS = ROOT / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language, in order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def test_the_manual_builds_without_a_warning(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-b",
            "html",
            "-d",
            str(tmp_path / "trees"),
            str(DOCS),
            str(tmp_path / "html"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    parameters = (tmp_path / "html" / "_generated" / "parameters.html").read_text(encoding="utf-8")
    missing = [p.name for p in catalog.load().values() if p.name.split(".")[0] not in parameters]
    assert not missing
    page = (tmp_path / "html" / "odd.html").read_text(encoding="utf-8")
    fetched = re.findall(
        r'<(?:script|img)[^>]+src="(https?:[^"]+)"|<link[^>]+rel="stylesheet"[^>]+href="(https?:[^"]+)"', page
    )
    assert not fetched, "the manual needs no network"


def test_scenarios_are_listed_by_their_path_in_the_repository(tmp_path, monkeypatch):
    """From wherever the manual is built."""
    found = importlib.util.spec_from_file_location("manual_tables", DOCS / "tables.py")
    tables = importlib.util.module_from_spec(found)
    found.loader.exec_module(tables)
    here = tables.scenarios()
    monkeypatch.chdir(tmp_path)
    assert tables.scenarios() == here and "`scenarios/autopsy/colon.toml`" in here and str(ROOT) not in here


def test_odd_has_its_seven_elements():
    """Grimm et al. 2020: the elements and their order."""
    heads = re.findall(r"^## (\d)\. (.+)$", (DOCS / "odd.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [title for _, title in heads] == [
        "Purpose and patterns",
        "Entities, state variables and scales",
        "Process overview and scheduling",
        "Design concepts",
        "Initialization",
        "Input data",
        "Submodels",
    ]


def test_the_tutorial_works_as_it_stands(tmp_path):
    """Every command and every line of Python, in the order of the page, in an empty folder."""
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    (tmp_path / "first.toml").write_text(blocks("tutorial.md", "toml")[0], encoding="utf-8")
    python = ""
    for language, text in re.findall(r"^```(sh|python)\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        if language == "python":
            python += text
            continue
        for line in text.splitlines():
            words = shlex.split(line)
            assert words[:2] == ["python", "run_sim.py"]
            done = subprocess.run(
                [sys.executable, str(ROOT / "run_sim.py"), *words[2:]],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (line, done.stderr)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", python], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    table, sentence = done.stdout.rsplit("\n", 2)[0], done.stdout.splitlines()[-1]
    assert table.count("0.2") >= 2
    assert float(sentence.split()[0]) > 0, "the portal vein brings metastases to the liver"
    assert (tmp_path / "results" / "first" / "report.html").stat().st_size > 10_000


@pytest.fixture
def documented(tmp_path, monkeypatch):
    """The how-to's files written, imported and registered: what a reader does, without touching the package."""
    numbers, scenario_text = blocks("howto_mechanism.md", "toml")
    (code,) = blocks("howto_mechanism.md", "python")
    name = tomllib.loads(numbers)["muscle_survival_factor"]["mechanism"]
    (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(mechanisms, "__path__", [*mechanisms.__path__, str(tmp_path)])
    module = importlib.import_module(f"sim.mechanisms.{name}")
    before = mechanisms.REGISTRY
    after = MappingProxyType({**before, name: module.MECHANISM})
    for loaded in [m for key, m in sys.modules.items() if key.split(".")[0] == "sim"]:
        if getattr(loaded, "REGISTRY", None) is before:
            monkeypatch.setattr(loaded, "REGISTRY", after)
    folder = tmp_path / "catalog"
    shutil.copytree(catalog.FOLDER, folder)
    (folder / "muscle.toml").write_text(numbers, encoding="utf-8")
    monkeypatch.setattr(catalog, "FOLDER", folder)
    catalog.load.cache_clear()
    yield name, scenario_text
    catalog.load.cache_clear()
    del sys.modules[f"sim.mechanisms.{name}"]


def test_the_documented_mechanism_works(documented, tmp_path):
    from sim import scenario
    from sim.runs.chunk import build_model

    name, text = documented
    file = tmp_path / "restless.toml"
    file.write_text(
        text.replace('extends = "colorectal.toml"', f'extends = "{ROOT}/scenarios/colorectal.toml"'), encoding="utf-8"
    )
    on = scenario.load(file).with_(set_=["soil.muscle=0.5", "competent_share=2e-5"])  # else too rare for a small cohort
    assert on.mechanisms[name]
    muscle = NICHES.index("muscle")

    def settled(asked):
        model = build_model(asked, seed=3, patients=np.arange(40), collect=False)
        for _ in range(int(model.hosts.diagnosis_day.min())):
            model.step()
        return model.cells.settled.copy()

    with_motion, at_rest = settled(on), settled(on.with_(off=[name]))
    null = settled(on.with_(set_=["muscle_survival_factor=1"]))
    assert np.array_equal(null, at_rest), "null must be off, bit for bit"
    assert at_rest[:, muscle].sum() > 200, "five standard errors of the ratio below are then less than 0.2"
    assert with_motion[:, muscle].sum() == pytest.approx(
        0.2 * at_rest[:, muscle].sum(), abs=0.15 * at_rest[:, muscle].sum()
    )
    others = [i for i in range(len(NICHES)) if i != muscle]
    assert with_motion[:, others].sum() == pytest.approx(at_rest[:, others].sum(), rel=0.01)
