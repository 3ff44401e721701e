"""`report`: one page that holds everything of a run, fetches nothing, and escapes what it is told."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner
from quick_cohort import scenario_file

from sim import scenario
from sim.cli.program import cli
from sim.plots.figures import FIGURES
from sim.results import reading as results
from sim.runs.run import run_scenario

PATIENTS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("report")
    asked = scenario.load(scenario_file(base, PATIENTS)).with_(off=["dormancy"], set_=["soil.liver=0.3"])
    out = base / "run"
    run_scenario(
        asked,
        seed=4,
        out=out,
        workers=1,
        progress=False,
        command_line=["run_sim.py", "run", "quick.toml", "--seed", "4", "--out", "secret/place"],
    )
    return out


class Page(HTMLParser):
    """Addresses that a browser would fetch, text, and whether every tag is closed."""

    EMPTY = ("meta", "img", "br", "link", "input")

    def __init__(self, text: str):
        super().__init__()
        self.addresses, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for key, value in attrs if key in ("src", "href")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def page_of(folder) -> tuple[Page, str]:
    done = CliRunner().invoke(cli, ["report", str(folder)])
    assert done.exit_code == 0, done.output
    text = (folder / "report.html").read_text(encoding="utf-8")
    return Page(text), text


def test_the_page_holds_question_numbers_sources_figures_and_how_to_repeat_it(folder):
    page, text = page_of(folder)
    assert not page.open
    manifest = json.loads((folder / "manifest.json").read_text())
    words = " ".join(page.words)
    assert manifest["scenario"]["question"] in words
    for name, parameter in manifest["scenario"]["parameters"].items():
        assert name in words
        assert (parameter["reason"] or parameter["source"]) in words
    assert text.count("<img ") >= len(FIGURES) - 2, "figures that have nothing to draw are left out, no others"
    assert "threshold zero on arrival" in words, "what off means"
    assert "run quick.toml --seed 4" in words
    assert "secret/place" not in words, "where it was written is nobody's business"
    assert manifest["versions"]["numba"] in words


def test_the_page_fetches_nothing(folder):
    page, text = page_of(folder)
    assert page.addresses
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert "<script" not in text
    assert not re.findall(r"url\((?!data:)|@import", text)


def test_a_title_is_text_not_markup(folder, tmp_path):
    run = results.open(folder)
    manifest = {**run.manifest, "scenario": {**run.manifest["scenario"], "title": "<script>alert(1)</script>"}}
    from sim.report.page import run_page

    changed = results.Run(run.path, manifest)
    page = Page(run_page(changed, []))
    assert "<script>alert(1)</script>" in "".join(page.words)


def test_an_interrupted_run_says_so(folder):
    run = results.open(folder)
    from sim.report.page import run_page

    text = run_page(results.Run(run.path, {**run.manifest, "status": "interrupted"}), [])
    assert "This run is interrupted" in text
    assert "This run is" not in run_page(run, [])


def test_what_is_no_run_is_refused(tmp_path):
    done = CliRunner().invoke(cli, ["report", str(tmp_path / "nothing")])
    assert done.exit_code != 0
    assert "nothing" in str(done.exception or done.output)


@pytest.fixture(scope="module")
def sweep_folder(tmp_path_factory):
    from sim.sweeps.executors import LocalExecutor
    from sim.sweeps.plan import load
    from sim.sweeps.run import run_sweep

    base = tmp_path_factory.mktemp("sweep")
    scenario_file(base, 12)
    plan = base / "plan.toml"
    plan.write_text(
        'title = "Sleep <and> soil"\nquestion = "What do sleep and soil change?"\nscenarios = ["quick.toml"]\n\n'
        '[mechanisms]\ndesign = "full"\nnames = ["dormancy"]\n\n'
        '[parameters]\n"soil.liver" = { values = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8] }\n',
        encoding="utf-8",
    )
    run_sweep(
        load(plan), out=base / "out", executor=LocalExecutor(1), command_line=["run_sim.py", "sweep", "plan.toml"]
    )
    return base / "out"


def test_the_page_of_a_sweep_tells_what_each_factor_changes(sweep_folder):
    from sim.sweeps import read

    page, text = page_of(sweep_folder)
    assert not page.open
    assert all(address.startswith("data:") for address in page.addresses)
    words = " ".join(page.words)
    assert "What do sleep and soil change?" in words
    assert "Sleep <and> soil" in words
    assert text.count("<img ") == 2, "heat maps of any organ and the liver"
    runs = read.open(sweep_folder).runs
    last = runs[(runs.year == runs.year.max()) & (runs.organ == "liver")]
    for state, group in last.groupby("dormancy").incidence:
        assert f"{100 * group.mean():.1f} % ({100 * group.min():.1f} to {100 * group.max():.1f})" in text, state
    rho = last["soil.liver"].rank().corr(last.incidence.rank())
    assert rho > 0.3, "more soil, more liver metastases"
    assert f"{rho:+.2f}" in words


def test_plot_draws_the_heat_maps_of_a_sweep(sweep_folder, tmp_path):
    from sim.plots.sweep import sweep_figures
    from sim.sweeps import read

    done = CliRunner().invoke(
        cli,
        [
            "plot",
            str(sweep_folder),
            "--format",
            "svg",
            "--out",
            str(tmp_path),
            "--organ",
            "liver",
            "--rows",
            "dormancy",
        ],
    )
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["heat_map_quick_liver.svg"]
    sweep = read.open(sweep_folder)
    (figure,) = sweep_figures(sweep, ["liver"]).values()
    cells = {
        patch.get_gid(): patch
        for axes in figure.axes
        for patch in axes.patches
        if str(patch.get_gid()).startswith("cell:")
    }
    assert len(cells) == 18, "two states of sleep by nine soils"
    for arguments, says in ((["--rows", "soil"], "soil.liver"), (["--organ", "knee"], "liver")):
        done = CliRunner().invoke(cli, ["plot", str(sweep_folder), *arguments])
        assert says in str(done.exception)
