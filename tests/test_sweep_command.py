"""The commands `sweep` and `check PLAN`, and the lines of the manual that read a sweep."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from quick_sweep import HEAD, PLAN, data, plan_file

from sim.cli import main
from sim.cli.sweep import default_sweep_folder, mixed_text
from sim.sweeps import estimate, read
from sim.sweeps import plan as plans
from sim.sweeps.executors import LocalExecutor
from sim.sweeps.run import run_sweep


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The quick plan."""
    return plan_file(tmp_path_factory.mktemp("plan"))


def test_check_says_how_many_runs_and_how_long_before_anything_runs(file, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["check", str(file), "scenarios/colorectal.toml"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"ok  \S+: 24 runs \(12 points in 1 scenario, full factorial 2\^2, 2 replicates, paired seeds\) of 120 patients in all; "
                     r"(about )?\d+( to \d+)? s with \d+ workers?\nok  scenarios/colorectal.toml", said)  # fmt: skip
    assert not list(tmp_path.iterdir()), "nothing was written"


def test_check_tells_what_is_wrong(tmp_path, capsys):
    wrong = plan_file(tmp_path, PLAN.replace("[0.0, 1.0, 4.0]", "[0.0, -1.0]"))
    assert main(["check", str(wrong)]) == 2
    assert (
        "line 7: parameters.vesicle_release.values.1: found -1.0 (a number); allowed: 0 or more"
        in capsys.readouterr().err
    )


def test_sweep_says_what_it_does_and_where_it_is(file, tmp_path, capsys):
    out = tmp_path / "x"
    assert main(["sweep", str(file), "--workers", "1", "--out", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("24 runs (12 points") and said[1:] == [
        "24 of 24 runs are finished (24 computed now)",
        f"results  {out}",
    ]
    assert read.open(out).manifest["command_line"][:2] == ["run_sim.py", "sweep"]
    before = data(out)
    assert main(["sweep", str(file), "--workers", "1", "--out", str(out), "--quiet", "--resume"]) == 0
    assert capsys.readouterr().out == f"{out}\n" and data(out) == before
    assert main(["sweep", str(file), "--out", str(out), "--no-resume"]) == 2
    assert "holds 24 finished runs" in capsys.readouterr().err


def test_failures_are_told(tmp_path, capsys):
    plan = plan_file(tmp_path, HEAD + "[parameters]\ndiagnosis_median_cells = { values = [1e6, 1e12] }\n")
    assert main(["sweep", str(plan), "--workers", "1", "--out", str(tmp_path / "x")]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 runs are finished" in said and "1 runs failed; their errors stand in failures.parquet" in said
    assert "must not be above half of primary_capacity_cells" in said


def test_shards_by_the_command(file, tmp_path, capsys):
    for share in ("1/2", "2/2"):
        assert main(["sweep", str(file), "--workers", "1", "--out", str(tmp_path / "x"), "--shard", share]) == 0
    said = capsys.readouterr().out
    assert "the rest is not computed yet" in said and "24 of 24 runs are finished (12 computed now)" in said


@pytest.mark.parametrize("share", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"])
def test_a_wrong_share_is_refused(file, share, capsys):
    assert main(["sweep", str(file), "--shard", share]) == 2
    assert "is no share (allowed: i/n with i from 1 to n, such as 3/10)" in capsys.readouterr().err


def test_a_plan_that_does_not_exist(capsys):
    assert main(["sweep", "factoral"]) == 2
    assert "did you mean factorial?" in capsys.readouterr().err


def test_the_default_folder_is_the_plans_own():
    assert default_sweep_folder(plans.load("factorial")).parts[-3:] == ("results", "sweeps", "factorial")


def test_progress_shows_rate_and_time_left(file, tmp_path):
    """On a terminal: a bar in runs."""
    script = ("import sys; sys.stderr.isatty = lambda: True\nfrom sim.cli import main\n"
              f"sys.exit(main(['sweep', {str(file)!r}, '--workers', '1', '--out', {str(tmp_path / 'x')!r}]))")  # fmt: skip
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300,
                             cwd=Path(__file__).parent.parent)  # fmt: skip
    assert process.returncode == 0
    assert re.search(r"quick_plan: +\d+%\|.*so far, \d\d:\d\d left, +\d+\.\d+ runs/s", process.stderr), process.stderr


def test_a_mixed_set_of_machines_is_warned_about():
    told = mixed_text([{"processor": "A", "numpy": "2"}, {"processor": "B", "numpy": "2"}])
    assert (
        told.startswith("warning: the runs were made on 2 kinds of machine")
        and "processor: A, B" in told
        and "numpy" not in told
    )


def test_help_needs_no_heavy_library():
    script = ("import sys; from sim.cli import main\nmain(['sweep', '--help']); main(['check', '--help'])\n"
              "print([name for name in ('mesa', 'numba', 'pandas', 'pyarrow', 'scipy', 'matplotlib') if name in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True,
                          cwd=Path(__file__).parent.parent)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_estimate_counts_every_model(file, monkeypatch):
    plan = plans.load(file)
    monkeypatch.setattr(estimate, "_pilot", lambda plan, variant: estimate.Cost(2.0, 0.5, 1.5))
    monkeypatch.setattr(estimate, "APART", 1.0)
    monkeypatch.setattr(estimate, "START_SECONDS", 0.0)
    models, lanes = len(plan.blocks()), plan.patients
    expected = np.array([2.0 * models + 0.5 * lanes, 2.0 * models + 1.5 * lanes])
    assert estimate.estimate_seconds(plan, 1) == pytest.approx(expected)
    assert estimate.estimate_seconds(plan, 2) == pytest.approx(expected / 2)
    monkeypatch.setattr(estimate, "LANES", 3)
    assert (np.array(estimate.estimate_seconds(plan, 1)) > expected).all(), "more models, fewer patients in each"
    assert [estimate.time_text(seconds) for seconds in (9, 900, 9000, 900_000)] == [
        "9 s",
        "15 min",
        "2 hours",
        "10 days",
    ]


def test_the_estimate_is_near_what_happens(file, tmp_path):
    import time

    plan = plans.load(file)
    run_sweep(plan, out=tmp_path / "warm", executor=LocalExecutor(1))
    low, high = estimate.estimate_seconds(plan, 1)
    start = time.process_time()
    run_sweep(plan, out=tmp_path / "x", executor=LocalExecutor(1))
    seconds = time.process_time() - start
    assert low < high < 30 * low
    low, high = low - estimate.START_SECONDS, high - estimate.START_SECONDS  # this process has started
    assert seconds / 10 < high and low < seconds * 4, "a guide, with room for a busy machine"


def test_a_plan_of_one_run_and_five_patients_takes_seconds(tmp_path):
    """Extrapolated from patients without cells it took 40 minutes to two hours; it takes four seconds."""
    small = tmp_path / "one.toml"
    small.write_text('title = "one point"\nscenarios = ["colorectal"]\npatients = 5\n', encoding="utf-8")
    low, high = estimate.estimate_seconds(plans.load(small), 1)
    assert low < high < 60


@pytest.mark.parametrize("low, high, words", [(3.2, 8.4, "3 to 8 s"), (90, 240, "90 s to 4 min"), (3, 3.4, "about 3 s"),
                                             (7000, 20000, "117 min to 6 hours")])  # fmt: skip
def test_an_interval_in_words(low, high, words):
    assert estimate.between_text(low, high) == words


def test_points_that_cannot_be_computed_are_told_by_check(tmp_path, capsys):
    plan = plan_file(tmp_path, HEAD + "[parameters]\nprimary_capacity_cells = { values = [4e9, 1e6] }\n", patients=2)
    assert main(["check", str(plan)]) == 0
    said = capsys.readouterr()
    assert (
        "remark: 1 of 2 points cannot be computed, such as point 1: " in said.err
        and "primary_capacity_cells" in said.err
    )
    none = plan_file(tmp_path, HEAD + "[parameters]\nprimary_capacity_cells = { values = [1e5, 1e6] }\n", patients=2)
    assert main(["check", str(none)]) == 2 and "primary_capacity_cells" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change, words",
    [
        ('horizon = "200 years"', "the limit is"),
        ('[parameters]\nprimary_capacity_cells = { value = 1e6, reason = "x" }', "primary_capacity_cells"),
    ],
)
def test_what_run_refuses_check_refuses(tmp_path, capsys, change, words):
    file = tmp_path / "x.toml"
    file.write_text(f'extends = "colorectal.toml"\ntitle = "X"\nquestion = "Why?"\n{change}\n', encoding="utf-8")
    assert main(["run", str(file), "--patients", "2", "--quiet", "--workers", "1", "--out", str(tmp_path / "out")]) == 2
    refused = capsys.readouterr().err
    assert words in refused
    assert main(["check", str(file)]) == 2
    assert words in capsys.readouterr().err


# -- the manual ----------------------------------------------------------------------------------------

PAGE = Path(__file__).parent.parent / "docs" / "sweeps.md"


@pytest.fixture(scope="module")
def factorial(tmp_path_factory):
    """A sweep with the name, the scenario and the factors that the manual's lines ask for."""
    folder = tmp_path_factory.mktemp("readme")
    file = plan_file(
        folder,
        'title = "x"\nscenarios = ["colorectal.toml"]\n[mechanisms]\nnames = ["dormancy", "inflammation"]\n',
        horizon_days=1826.25,
    )
    (folder / "quick.toml").rename(folder / "colorectal.toml")
    run_sweep(plans.load(file), out=folder / "results" / "sweeps" / "factorial", executor=LocalExecutor(1))
    return folder


def lines_of_the_manual() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return [block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "results/sweeps" in block]


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_the_lines_of_the_manual_read_a_sweep(factorial, library, monkeypatch):
    monkeypatch.chdir(factorial)
    (code,) = [block for block in lines_of_the_manual() if f"import {library}" in block and "pivot" not in block]
    *before, last = code.strip().splitlines()
    names: dict = {}
    exec("\n".join(before), names)
    table = eval(last, names)
    rows = getattr(table, "reset_index", lambda: table)()
    rows = rows.to_dicts() if library == "polars" else rows.to_dict("records") if library == "pandas" else [
        dict(zip(table.columns, row, strict=True)) for row in table.fetchall()]  # fmt: skip
    got = {(row["scenario"], row["dormancy"]): row["incidence"] for row in rows}
    runs = read.open("results/sweeps/factorial").where("runs", organ="liver")
    runs = runs[runs.year == 5]
    assert len(got) == 2 and got == {
        ("colorectal", state): pytest.approx(runs[runs.dormancy == state].incidence.mean()) for state in (True, False)
    }
    assert max(got.values()) > 0


def test_the_pairs_of_the_readme(factorial, monkeypatch):
    monkeypatch.chdir(factorial)
    (code,) = [block for block in lines_of_the_manual() if "pivot" in block]
    names: dict = {}
    exec(code, names)
    assert len(names["pairs"]) == 2 * 5 and names["difference"].notna().all()
