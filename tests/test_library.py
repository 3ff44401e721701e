"""The library: what a notebook calls, what it gets back, and that it writes nothing unless a folder is given."""

import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from pandas.testing import assert_frame_equal
from quick_cohort import QUICK, scenario_file, tables
from quick_sweep import PLAN, data, plan_file
from stored import flip, rewrite

import sim
from sim import library
from sim.errors import InputError, Remark
from sim.library import inputs
from sim.runs.run import run_scenario
from sim.scenario.file import ScenarioFile
from sim.work.resuming import Work

REPOSITORY = Path(__file__).parent.parent
NAMES = ("load", "run", "ask", "compare", "sweep", "validate", "claims")
PATIENTS = 40


def quick(**changes):
    """The quick scenario, as a dict."""
    return {
        "title": "Quick: <1>", "question": "Does it run?", "primary": "colon", "horizon": "300 days",
        "cohort": {"patients": PATIENTS, "age": {"mean": "67 years", "sd": "11 years", "low": "30 years", "high": "95 years"}},
        "parameters": {name: {"value": value, "reason": "quick"} for name, value in QUICK.items()},
    } | changes  # fmt: skip


ARMS = {
    "outcome": "metastases per patient", "expect": ["with > without"],
    "arms": [{"name": "with"}, {"name": "without", "mechanisms": {"inflammation": False}}],
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An empty folder to stand in; what is in it at the end was written by somebody who should not."""
    folder = tmp_path_factory.mktemp("place")
    before = os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def run(place):
    """A run in memory."""
    return sim.run(quick(), seed=3, keep_seeds=True)


@pytest.fixture(scope="module")
def other(place):
    """The same patients, without one mechanism."""
    return sim.run(quick(), seed=3, off=["inflammation"])


def process(program, *arguments, **options):
    """A Python of its own that knows this package."""
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    return subprocess.run(
        [sys.executable, *arguments], input=program, env={**os.environ, "PYTHONPATH": path, "MYPYPATH": str(REPOSITORY)}, capture_output=True,
        text=True, timeout=300, **options,
    )  # fmt: skip


# -- names ---------------------------------------------------------------------------------------------


def test_what_it_gives():
    assert set(sim.__all__) == set(NAMES) and "open" not in sim.__all__
    assert {*NAMES, "open", "__version__"} <= set(dir(sim))
    for name in (*NAMES, "open"):
        function = getattr(sim, name)
        assert function is getattr(library, name) and inspect.getdoc(function)
        assert inspect.signature(function).return_annotation is not inspect.Signature.empty
    with pytest.raises(AttributeError, match="has no attribute 'rum'"):
        sim.rum  # noqa: B018


def test_importing_it_is_instant():
    program = "import sys, sim; dir(sim); print(sorted(name for name in sys.modules if name.startswith('sim')), 'numpy' in sys.modules)"
    assert process(program, "-").stdout.strip() == "['sim', 'sim.names'] False"


def test_no_module_takes_the_place_of_a_name():
    """Importing a module sets its name in its package: none may be called like a function of the library."""
    for found in pkgutil.walk_packages([str(REPOSITORY / "sim")], "sim."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in (*NAMES, "open"):
        assert inspect.isfunction(getattr(sim, name)), name
    with pytest.raises(InputError, match="no such scenario"):
        sim.load("nothing")
    with pytest.raises(InputError, match="no such scenario"):
        sim.run("nothing")
    with pytest.raises(InputError, match="no such scenario"):
        sim.ask("nothing")
    with pytest.raises(InputError, match="no such plan"):
        sim.sweep("nothing")
    with pytest.raises(InputError, match="no such folder"):
        sim.open("nothing")
    with pytest.raises(InputError, match="first: found 1"):
        sim.compare(1, 2)


def test_a_type_checker_rejects_a_name_that_is_not_there(tmp_path):
    pytest.importorskip("mypy")
    file = tmp_path / "user.py"
    file.write_text(
        'import sim\nsim.rum("colorectal")\nsim.run("colorectal", horizn="1 year")\nreveal_type(sim.run("x"))\n'
    )
    said = process(
        "", "-m", "mypy", "--follow-imports=silent", "--ignore-missing-imports", str(file), cwd=tmp_path
    ).stdout
    assert 'has no attribute "rum"' in said and '"horizn"' in said and "sim.library.cohorts.Run" in said, said


# -- scenarios -----------------------------------------------------------------------------------------


def test_keywords_are_the_keys_of_a_file():
    assert set(inputs.ScenarioKeys.__annotations__) == set(ScenarioFile.model_fields) - {"extends"}


def test_a_name_a_path_a_dict_and_keywords_say_the_same(tmp_path):
    file = tmp_path / "mine.toml"
    text = 'extends = "{}"\nhorizon = "3 years"\nobserve = "autopsy"\nmechanisms.dormancy = false\ncohort.age.mean = "60 years"\n'
    file.write_text(text.format((REPOSITORY / "scenarios" / "colorectal.toml").as_posix()))
    keys = {
        "horizon": "3 years",
        "observe": "autopsy",
        "mechanisms": {"dormancy": False},
        "cohort": {"age": {"mean": "60 years"}},
    }
    told = [
        sim.load(file),
        sim.load(str(file)),
        sim.load({"extends": "colorectal.toml", **keys}),
        sim.load("colorectal", **keys),
    ]
    assert {scenario.horizon_days for scenario in told} == {3 * 365.25} and not told[0].mechanisms["dormancy"]
    same = [
        {key: value for key, value in scenario.to_dict().items() if key not in ("name", "file")} for scenario in told
    ]
    assert same[0] == same[1] == same[2] == same[3]


def test_options_are_those_of_the_command_line():
    given = sim.load(
        "colorectal",
        patients=np.int64(7),
        off=["dormancy"],
        set={"soil.liver": np.float64(0.2), "saa_time_days": "1 week"},
    )
    told = sim.load("colorectal").with_(patients=7, off=["dormancy"], set_=["soil.liver=0.2", "saa_time_days=1 week"])
    assert given.patients == 7 and not given.mechanisms["dormancy"] and given.parameters["saa_time_days"].value == 7
    assert {n: p.value for n, p in given.parameters.items()} == {n: p.value for n, p in told.parameters.items()}
    assert sim.load(given, patients=3).patients == 3


WRONG = [
    (lambda: sim.load("colorectl"), "did you mean"),
    (lambda: sim.load(""), "empty scenario name"),
    (lambda: sim.load(7), "scenario: found 7"),
    (lambda: sim.load({}), "missing key title"),
    (lambda: sim.load({"titel": "x"}), 'dict: titel: unknown key "titel"; did you mean title'),
    (lambda: sim.load({1: "x"}), "found the key 1"),
    (lambda: sim.load({"extends": "nothing.toml"}), "no such scenario"),
    (lambda: sim.load("colorectal", extends="breast.toml"), "extends: found as a keyword"),
    (lambda: sim.run("colorectal", horizn="5 years"), 'unknown keyword "horizn"; did you mean horizon'),
    (lambda: sim.run("colorectal", worker=2), 'unknown keyword "worker"; did you mean workers'),
    (lambda: sim.run("colorectal", primary="colonn"), "keywords: primary: unknown primary site .* did you mean colon"),
    (lambda: sim.run("colorectal", horizon=5), "keywords: horizon: found 5"),
    (lambda: sim.run("colorectal", title=None), "keywords: title: found None"),
    (lambda: sim.run("colorectal", cohort={"patients": 0}), "keywords: cohort.patients: found 0"),
    (lambda: sim.run("colorectal", parameters={"soil.liver": 0.2}), "keywords: parameters.*soil.liver.*value = "),
    (lambda: sim.run("colorectal", treatments=[{"name": "chemo"}]), "unknown treatment"),
    (lambda: sim.run("colorectal", patients=0), "--patients 0: found 0"),
    (lambda: sim.run("colorectal", patients=2.5), "--patients 2.5: found 2.5"),
    (lambda: sim.run("colorectal", off=["dormancyy"]), "--off dormancyy: unknown mechanism .* did you mean dormancy"),
    (lambda: sim.run("colorectal", off="dormancy"), 'off: found "dormancy"; allowed: a list'),
    (lambda: sim.run("colorectal", on=["dormancy"], off=["dormancy"]), "--on dormancy: found with --off dormancy"),
    (lambda: sim.run("colorectal", set={"soil.livr": 1}), '--set soil.livr: unknown organ "livr"; did you mean liver'),
    (lambda: sim.run("colorectal", set={"soil.liver": "3 days"}), "--set soil.liver=3 days"),
    (lambda: sim.run("colorectal", set={"soil.liver": True}), "--set soil.liver: found true"),
    (lambda: sim.run("colorectal", set={"soil.liver": float("nan")}), "--set soil.liver=nan"),
    (lambda: sim.run("colorectal", set={"soil.liver=1": 2}), '--set soil.liver=1: unknown organ "liver=1"'),
    (lambda: sim.run("colorectal", set=["soil.liver=1"]), "set: found a list; allowed: a dict"),
    (lambda: sim.run("colorectal", seed=-1), "seed: found -1"),
    (lambda: sim.run("colorectal", seed=True), "seed: found true"),
    (lambda: sim.run("colorectal", workers=0), "workers: found 0"),
    (lambda: sim.run("colorectal", out=5), "out: found 5"),
    (lambda: sim.run("colorectal", out=""), "out: found an empty text"),
    (lambda: sim.run("colorectal", max_memory="4 potatoes"), "max_memory: found"),
    (lambda: sim.run("colorectal", patients=3, max_memory="1" * 400 + "GB"), "max_memory: found"),
    (lambda: sim.run("colorectal", patients=3, max_memory="1kB"), "the run needs about"),
    (lambda: sim.run(sim.load("colorectal"), horizon="1 year"), "loaded already"),
    (lambda: sim.ask("colorectal"), r"no \[comparison\] in this scenario"),
    (lambda: sim.ask("portal_vein", small=True, patients=5), "patients: found with small"),
    (lambda: sim.ask("portal_vein", patients=1), "patients: found 1"),
    (lambda: sim.ask("portal_vein", off=["dormancy"]), 'unknown keyword "off"'),
    (lambda: sim.sweep(7), "plan: found 7"),
    (lambda: sim.sweep("factorial", max_memory="1kB"), "max_memory: the tables of 80 runs need about .*, and 1 MiB are allowed: give out="),
    (lambda: sim.open(7), "path: found 7"),
]  # fmt: skip


@pytest.mark.parametrize("call, words", WRONG, ids=[words for _, words in WRONG])
def test_wrong_input_is_refused_in_our_words(call, words, place):
    with pytest.raises(InputError, match=words):
        call()


def test_the_words_are_those_of_the_command(place):
    from sim.cli.options import load

    for options in ({"off": ["x"]}, {"patients": 0}):
        said = []
        for call in (lambda o=options: sim.load("colorectal", **o),
                     lambda o=options: load("colorectal", o.get("patients"), (), o.get("off", ()), ())):  # fmt: skip
            with pytest.raises(InputError) as caught:
                call()
            said.append(str(caught.value))
        assert said[0] == said[1]


def test_a_number_for_a_mechanism_that_is_off_brings_a_warning(place):
    with pytest.warns(Remark, match="awakening_gain: found set without inflammatory_awakening") as caught:
        sim.run(quick(), patients=1, set={"awakening_gain": 2.0})
    assert caught[0].filename == __file__ and len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sim.run(quick(), patients=1, on=["inflammatory_awakening"], set={"awakening_gain": 2.0})
        sim.run(
            "colorectal",
            patients=1,
            horizon="30 days",
            off=["dual_blood_supply"],
            set={"hepatic_artery_compensation": 0.3},
        )


# -- runs ----------------------------------------------------------------------------------------------


def test_a_run_in_memory_is_the_run_of_the_command(run, tmp_path):
    folder = tmp_path / "x"
    scenario = sim.load(scenario_file(tmp_path, PATIENTS))
    run_scenario(scenario, seed=3, out=folder, keep_seeds=True)
    opened = sim.open(folder)
    for name in ("patients", "metastases", "founders", "ancestors", "seeding", "cascade", "seeds"):
        assert_frame_equal(getattr(run, name), getattr(opened, name))
    assert run.clones is run.events is opened.events is None
    assert type(opened) is type(run) and run.path is None and opened.path == folder
    assert run.manifest.keys() == opened.manifest.keys() and run.manifest["status"] == "complete"
    run.save(tmp_path / "saved")
    assert tables(tmp_path / "saved") == tables(folder)
    assert sim.open(tmp_path / "saved").manifest == run.manifest
    assert len(run.export_csv(tmp_path / "csv")) == 7
    with pytest.raises(InputError, match=r"\(in memory\): has no folder; write it into one with save"):
        run.folder  # noqa: B018


def test_with_a_folder_it_is_what_the_command_writes(run, tmp_path):
    made = sim.run(quick(), seed=3, keep_seeds=True, out=tmp_path / "x")
    run.save(tmp_path / "y")
    assert tables(made.path) == tables(tmp_path / "y")
    assert sorted(path.name for path in (tmp_path / "x" / "figures").iterdir()) == [
        "seeding_curves.pdf",
        "seeding_curves.png",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["x", "y"] or len(list(tmp_path.iterdir())) == 2


def test_what_a_run_tells(run):
    curve = run.incidence("liver")
    assert list(curve) == ["day", "incidence", "low", "high"] and (curve.low <= curve.incidence).all()
    seen = run.metastases[(run.metastases.organ == "liver") & run.metastases.detected_day.notna()]
    assert curve.incidence.iloc[-1] == pytest.approx(seen.patient.nunique() / PATIENTS)
    assert run.incidence().incidence.iloc[-1] >= curve.incidence.iloc[-1] > 0
    for what in ("seeding", "incidence", "survival", "cascade"):
        assert isinstance(run.plot(what), Figure)
    assert run.plot()._repr_png_().startswith(b"\x89PNG")
    assert "Quick: &lt;1&gt;" in run._repr_html_() and "<table>" in run._repr_html_() and "liver" in run._repr_html_()
    assert repr(run).startswith("Run(quick_1 (set: ") and repr(run).endswith(" ...), seed 3 (in memory))")
    assert "macrometastasis" in run.summary()
    with pytest.raises(InputError, match='unknown organ "livr"; did you mean liver'):
        run.incidence("livr")
    with pytest.raises(InputError, match='unknown figure "seedling"; did you mean seeding'):
        run.plot("seedling")
    with pytest.raises(InputError, match="patient: found -1"):
        run.plot("lineage", patient=-1)
    with pytest.raises(InputError, match="size: found"):
        run.plot(size="poster")


def test_comparing(run, other, tmp_path):
    found = sim.compare(run, other)
    table = found.table()
    row = table[table.organ == "liver"].iloc[0]
    assert (
        row.difference == pytest.approx(row.share_b - row.share_a)
        and row.difference_low <= row.difference <= row.difference_high
    )
    assert row.both + row.only_a + row.only_b + row.neither == PATIENTS
    assert isinstance(found.plot(), Figure) and {"day", "difference_low"} <= set(found.curves())
    assert "inflammation switched off" in found.sentence() and found.sentence()[:20] in found._repr_html_()
    assert "(in memory)" in found.summary()
    run.save(tmp_path / "a")
    other.save(tmp_path / "b")
    assert_frame_equal(sim.compare(tmp_path / "a", tmp_path / "b").table(), table)
    with pytest.raises(InputError, match="not the same patients: seeds 3 and 4"):
        sim.compare(run, sim.run(quick(), patients=2, seed=4))


def test_ctrl_c_in_memory_keeps_nothing_and_leaves_nothing(place, monkeypatch):
    from sim.runs import run as runs

    def stopped(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs._Cohort, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        sim.run(quick(), patients=3)
    assert list(place.iterdir()) == []
    assert issubclass(runs._Cohort, Work)


# -- questions and sweeps ------------------------------------------------------------------------------


def test_asking(place, tmp_path):
    answer = sim.ask(quick(comparison=ARMS), seed=3)
    table = answer.table()
    assert list(table.expected) == ["with > without"] and {"difference", "low", "high", "seen"} <= set(table)
    assert list(answer.arms().arm) == ["with", "without"] == list(answer.runs)
    assert isinstance(answer.plot(), Figure) and isinstance(answer.runs["with"].plot("seeding"), Figure)
    assert "Does it run?" in answer._repr_html_() and answer.sentence() in repr(answer)
    written = sim.ask(quick(comparison=ARMS), seed=3, out=tmp_path / "x")
    opened = sim.open(tmp_path / "x")
    assert isinstance(opened, library.Answer)
    for found in (written, opened):
        assert_frame_equal(found.table(), table)
        assert_frame_equal(found.runs["without"].patients, answer.runs["without"].patients)
    with pytest.raises(InputError, match='unknown figure of several arms "seeding"'):
        answer.plot("seeding")
    file = tmp_path / "x" / "answer.json"
    whole = file.read_bytes()
    flip(file, 4 * len(whole))
    with pytest.raises(InputError, match="answer.json: (damaged|cannot be read).*ask again"):
        sim.open(tmp_path / "x")
    file.write_bytes(whole)
    rewrite(tmp_path / "x", "answer.json", digests=False)
    with pytest.warns(Remark, match="answer.json: written before results had digests"):
        assert_frame_equal(sim.open(tmp_path / "x").table(), table)
    file.write_text("{}")
    with pytest.raises(InputError, match="not answered yet"):
        sim.open(tmp_path / "x")


def test_sweeping(place, tmp_path, capfd):
    plan = plan_file(tmp_path, PLAN, patients=3, horizon_days=60)
    held = sim.sweep(plan)
    assert "the tables of 24 runs need about" in capfd.readouterr().err
    written = sim.sweep(plan, out=tmp_path / "x")
    for name in ("runs", "patients"):
        assert_frame_equal(getattr(held, name), getattr(sim.open(tmp_path / "x"), name))
    assert_frame_equal(held.where("runs", organ="liver"), written.where("runs", organ="liver").reset_index(drop=True))
    assert held.failures is written.failures is None and held.path is None and data(tmp_path / "x")
    assert isinstance(held.plot("liver"), Figure) and "Quick sweep" in held._repr_html_()
    assert repr(held) == "Sweep(quick_plan (in memory))"
    with pytest.raises(InputError, match="--organ: found 'livr'"):
        held.plot("livr")
    with pytest.raises(InputError, match="scenario: found"):
        held.plot(scenario="x")
    for found in (held, written):
        with pytest.raises(InputError, match='unknown column "organs"; did you mean organ'):
            found.where("runs", organs="liver")
        with pytest.raises(InputError, match='unknown table "run"; did you mean runs'):
            found.where("run")


def test_the_memory_of_a_sweep_is_estimated(place, tmp_path):
    from sim.sweeps.in_memory import COPIES, memory_bytes
    from sim.sweeps.plan import load

    plan = plan_file(tmp_path, PLAN, patients=3, horizon_days=60)
    held = sim.sweep(plan, progress=False)
    used = sum(frame.memory_usage(deep=False).sum() for frame in (held.runs, held.patients))
    assert used / 2 < memory_bytes(load(plan)) / COPIES < 3 * used


# -- the place -----------------------------------------------------------------------------------------

UNGUARDED = """import json, sys
print("main")
import sim
from quick_cohort import QUICK
scenario = json.loads({scenario!r})
run = sim.run(scenario, workers=2, seed=3)
print(len(run.patients), run.path)
"""
SPAWN = """
import multiprocessing, sim.work.workers as workers
workers.start_context = lambda preload: multiprocessing.get_context("spawn")
"""


@pytest.mark.parametrize("how", ["standard input", "file", "spawn"])
def test_workers_never_import_the_caller(how, tmp_path):
    program = UNGUARDED.format(scenario=json.dumps(quick()))
    if how == "spawn":
        program = SPAWN + program
    if how == "standard input":
        done = process(program, "-", cwd=tmp_path)
    else:
        (tmp_path / "script.py").write_text(program)
        done = process("", "script.py", cwd=tmp_path)
    assert done.stdout.split("\n")[:2] == ["main", f"{PATIENTS} None"], done.stderr
    assert done.stdout.count("main") == 1 and done.stderr == ""
    assert [path.name for path in tmp_path.iterdir() if path.name != "script.py"] == []


def test_one_worker_computes_in_this_process(place, monkeypatch):
    monkeypatch.setattr("sim.work.workers.start_context", None)  # would fail if it were called
    assert len(sim.run(quick(), patients=8).patients) == 8


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory as Linux tells it")
def test_fifty_runs_leave_the_memory_as_it_was(tmp_path):
    program = f"""import json, sim
scenario = json.loads({json.dumps(quick())!r})
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
for _ in range(5):
    sim.run(scenario, patients=20).patients
before = resident()
for seed in range(50):
    sim.run(scenario, patients=20, seed=seed).patients
print(resident() - before)
"""
    done = process(program, "-", cwd=tmp_path)
    assert int(done.stdout) < 50e6, done.stderr


def test_the_bar_shows_where_somebody_sees_it(monkeypatch):
    from sim.work import progress

    class ZMQInteractiveShell:
        pass

    class IPython:
        get_ipython = ZMQInteractiveShell

    assert not progress.in_notebook()
    quiet = progress.Bar(3, "x", True)
    assert quiet._bar.disable  # pytest's output is no terminal
    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert progress.in_notebook()
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    shown = progress.Bar(3, "x", True)
    assert not shown._bar.disable
    shown.close()
    assert progress.Bar(3, "x", False)._bar.disable


def test_run_as_a_module(tmp_path):
    done = process("", "-m", "sim", "--version", cwd=tmp_path)
    assert done.returncode == 0 and sim.__version__ in done.stdout


def test_frames_are_pandas(run):
    assert isinstance(run.patients, pd.DataFrame)
