"""The command line: exit codes, messages, and that no failure ends in a traceback or a half-written result."""

import json
import os
import re
import sys

import pytest

from sim.cli import main
from sim.cli import tables as cli_tables
from sim.cli import values as cli_values
from sim.cli.program import cli
from sim.errors import MachineError

HEAVY = ("mesa", "numba", "pandas", "matplotlib", "pyarrow", "scipy", "pydantic", "numpy", "networkx", "tqdm")
COLORECTAL = "scenarios/colorectal.toml"


@pytest.fixture
def call(monkeypatch, repository, capsys):
    """Run a command line in this process: call("list") -> (exit code, stdout, stderr)."""
    monkeypatch.chdir(repository)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def engine(monkeypatch):
    """Replace the engine: engine(function) makes `run` call it instead of computing a cohort."""

    return lambda function: monkeypatch.setattr("sim.runs.run.run_scenario", function)


def write_interrupted(out, finished):
    out.mkdir(parents=True, exist_ok=True)
    manifest = {"status": "interrupted", "patients_finished": finished, "start": "2026-01-01T00:00:00+00:00"}
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


# Help, and what it costs


def test_every_command_has_a_file_of_its_own():
    homes = {name: command.callback.__module__ for name, command in cli.commands.items()}
    assert len(set(homes.values())) == len(homes) and "sim.cli.program" not in homes.values(), homes


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["show", "-h"], ["attribute", "--help"], ["sensitivity", "--help"], ["--version"]],
)
def test_help_imports_nothing_heavy(front_door, arguments):
    result = front_door(*arguments, python=(sys.executable, "-X", "importtime"))
    assert result.returncode == 0, result.stderr
    imported = {line.split("|")[-1].strip().split(".")[0] for line in result.stderr.splitlines() if "|" in line}
    assert "click" in imported
    assert not imported & set(HEAVY)


@pytest.mark.parametrize(
    "arguments, allowed",
    [(["list"], {"pydantic"}), (["show", COLORECTAL], {"pydantic"})],
)
def test_looking_needs_no_engine(front_door, arguments, allowed):
    result = front_door(*arguments, python=(sys.executable, "-X", "importtime"))
    assert result.returncode == 0, result.stderr
    imported = {line.split("|")[-1].strip().split(".")[0] for line in result.stderr.splitlines() if "|" in line}
    assert not imported & (set(HEAVY) - allowed - {"numpy"})


def test_help_names_every_command(call):
    code, out, _ = call("--help")
    assert code == 0
    for command in ("list", "show", "check", "run", "plot", "calibrate", "export", "attribute", "sensitivity"):
        assert re.search(rf"^  {command} ", out, re.MULTILINE), command


def test_no_command_is_wrong_input_and_shows_the_commands(call):
    code, _, err = call()
    assert code == 2 and "Commands:" in err


# Wrong words on the command line


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["rnu"], ["'rnu'", "Did you mean 'run'"]),
        (["run", COLORECTAL, "--patinets", "3"], ["--patinets", "--patients"]),
        (["run"], ["SCENARIO"]),
        (["run", COLORECTAL, "twice"], ["twice"]),
        (["run", COLORECTAL, "--patients", "0"], ["--patients", "0", "1 to 1048576"]),
        (["run", COLORECTAL, "--patients", "-5"], ["--patients", "-5", "1 to 1048576"]),
        (["run", COLORECTAL, "--patients", "many"], ["--patients", "'many'", "whole number"]),
        (["run", COLORECTAL, "--patients", "1.5"], ["--patients", "'1.5'", "whole number"]),
        (["run", COLORECTAL, "--seed", "-1"], ["--seed", "-1", "0 to"]),
        (["run", COLORECTAL, "--seed", str(2**63)], ["--seed", str(2**63), str(2**63 - 1)]),
        (["run", COLORECTAL, "--workers", "0"], ["--workers", "0", "1 or more"]),
        (["run", COLORECTAL, "--max-memory", "4"], ["--max-memory", "'4'", "4GB"]),
        (["run", COLORECTAL, "--max-memory", "0GB"], ["--max-memory", "no memory"]),
        (["run", COLORECTAL, "--off", "dormancy", "--on", "dormancy"], ["--on", "--off", "dormancy"]),
        (["run", COLORECTAL, "--off", "dormnacy"], ["dormnacy", "dormancy"]),
        (["run", COLORECTAL, "--set", "soil.livr=0.1"], ["soil.livr", "liver"]),
        (["run", COLORECTAL, "--set", "sleep_probabilty=0.1"], ["sleep_probabilty", "sleep_probability"]),
        (["run", COLORECTAL, "--set", "soil.liver"], ["soil.liver"]),
        (["run", COLORECTAL, "--set", "soil.liver=1.5"], ["soil.liver", "1.5"]),
        (["run", COLORECTAL, "--set", "soil.liver=nan"], ["soil.liver", "nan"]),
        (["run", COLORECTAL, "--set", "soil.liver=3 days"], ["soil.liver", "3 days"]),
        (["run", "scenarios/colorectl.toml"], ["colorectl", "colorectal"]),
        (["show", "scenarios"], ["scenarios"]),
        (["check"], ["SCENARIO"]),
        (["plot"], ["RUN"]),
        (["plot", "scenarios"], ["scenarios", "manifest.json"]),
        (["plot", "no_such_run"], ["no_such_run"]),
        (["export", "no_such_run", "--csv", "x"], ["no_such_run"]),
        (["export", "no_such_run"], ["--csv"]),
        (["calibrate", "--out", "scenarios"], ["scenarios", "a folder"]),
        (["calibrate", "--out", "no_such_folder/x.toml"], ["no_such_folder"]),
    ],
)
def test_wrong_words_end_with_2_and_one_message(call, arguments, parts):
    code, out, err = call(*arguments)
    assert code == 2, (out, err)
    assert out == ""
    assert err.startswith("error: ") and err.count("error: ") == 1
    for part in parts:
        assert part in err


def test_wrong_input_as_a_process(front_door, tmp_path):
    result = front_door("run", "nothing.toml", cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr and "nothing.toml" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_reports_every_file(call, tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text('title = "no end\n', encoding="utf-8")
    code, out, err = call("check", broken, COLORECTAL, tmp_path)
    assert code == 2
    assert out == f"ok  {COLORECTAL}\n"
    assert err.count("error: ") == 2 and "broken.toml" in err


def test_check_of_good_files_is_0(call, repository):
    every = sorted(path.relative_to(repository) for path in (repository / "scenarios").rglob("[!_]*.toml"))
    code, out, err = call("check", *every)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == len(every) >= 23


def test_out_that_cannot_be_a_folder_fails_before_computing(call, engine, tmp_path):
    engine(lambda *_, **__: pytest.fail("computed before the folder was checked"))
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "deeper", tmp_path):
        code, _, err = call("run", COLORECTAL, "--out", out)
        assert code == 2 and str(out) in err
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


# Failures on the way


def test_machine_error_is_1_without_traceback(call, engine, tmp_path):
    def full(*_, **__):
        raise MachineError("the disk is full")

    engine(full)
    assert call("run", COLORECTAL, "--out", tmp_path / "x") == (1, "", "error: the disk is full\n")


@pytest.mark.parametrize(
    "failure, part",
    [
        (OSError(28, "No space left on device", "a.parquet"), "No space left on device: a.parquet"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_what_the_machine_says_is_1(call, engine, tmp_path, failure, part):
    def fail(*_, **__):
        raise failure

    engine(fail)
    code, out, err = call("run", COLORECTAL, "--out", tmp_path / "x")
    assert (code, out) == (1, "") and part in err and "Traceback" not in err


def test_internal_error_shows_a_traceback_only_when_asked(call, engine, tmp_path, monkeypatch):
    def defect(*_, **__):
        raise ZeroDivisionError("float division")

    engine(defect)
    code, _, err = call("run", COLORECTAL, "--out", tmp_path / "x")
    assert code == 1 and err.startswith("error: internal error: ZeroDivisionError") and len(err.splitlines()) == 1
    code, _, err = call("run", COLORECTAL, "--out", tmp_path / "x", "--debug")
    assert code == 1 and "Traceback" in err
    monkeypatch.setenv("SIM_DEBUG", "1")
    assert "Traceback" in call("run", COLORECTAL, "--out", tmp_path / "x")[2]


def test_ctrl_c_says_what_is_kept(call, engine, tmp_path):
    out = tmp_path / "x"

    def stopped(*_, out, **__):
        write_interrupted(out, finished=250)
        raise KeyboardInterrupt

    engine(stopped)
    code, stdout, err = call("run", COLORECTAL, "--patients", "500", "--out", out)
    assert (code, stdout) == (130, "")
    assert "250 of 500 patients" in err and str(out) in err and "Traceback" not in err
    assert "the same command continues" in err


def test_a_machine_that_fails_halfway_says_what_is_kept(call, engine, tmp_path):
    def full(*_, out, **__):
        write_interrupted(out, finished=250)
        raise MachineError("the disk is full")

    engine(full)
    code, stdout, err = call("run", COLORECTAL, "--patients", "500", "--out", tmp_path / "x")
    assert (code, stdout) == (1, "")
    assert err.startswith("error: the disk is full\n250 of 500 patients")


def test_ctrl_c_before_anything_is_finished_says_so(call, engine, tmp_path):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    engine(stopped)
    write_interrupted(tmp_path / "x", finished=10)  # of an earlier run: not ours to boast of
    code, _, err = call("run", COLORECTAL, "--out", tmp_path / "x")
    assert code == 130 and "nothing was finished" in err


def test_a_reader_that_leaves_is_no_error(front_door, repository):
    if os.name == "nt":
        pytest.skip("no pipes to close")
    import subprocess

    program = [sys.executable, str(repository / "run_sim.py"), "show", COLORECTAL]
    with subprocess.Popen(program, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


# What run hands over, and where results go


def test_run_hands_everything_to_the_engine(call, engine, tmp_path):
    seen = {}

    def stop(scenario, **options):
        seen.update(options, scenario=scenario)
        raise MachineError("enough")

    engine(stop)
    call(
        "run", COLORECTAL, "--patients", 7, "--seed", 3, "--off", "inflammation", "--set", "soil.liver=0.25", "--workers", 2,
        "--out", tmp_path / "x", "--keep-seeds", "--keep-events", "--max-memory", "2GiB", "--quiet",
    )  # fmt: skip
    scenario = seen.pop("scenario")
    assert scenario.patients == 7 and scenario.parameters["soil.liver"].value == 0.25
    assert not scenario.mechanisms["inflammation"] and scenario.mechanisms["dormancy"]
    assert seen.pop("command_line")[:4] == ["run_sim.py", "run", COLORECTAL, "--patients"]
    assert seen == {
        "seed": 3, "out": tmp_path / "x", "workers": 2, "progress": False, "keep_seeds": True, "keep_events": True, "tables": "all", "max_memory_bytes": 2**31,
    }  # fmt: skip


def test_default_folder_differs_with_everything_that_changes_the_result(call, engine, repository):
    folders = []

    def stop(scenario, *, out, **_):
        folders.append(out)
        raise MachineError("enough")

    engine(stop)
    changes = [
        [],
        ["--seed", "2"],
        ["--patients", "9"],
        ["--off", "dormancy"],
        ["--set", "soil.liver=0.2"],
        ["--keep-seeds"],
    ]
    for change in changes:
        call("run", COLORECTAL, *change)
    assert len(set(folders)) == len(changes)
    call("run", COLORECTAL)
    assert folders[-1] == folders[0]
    assert folders[0].parent == repository / "results" / "colorectal"
    assert re.fullmatch(r"seed1_\d+patients_[0-9a-f]{8}", folders[0].name)


def test_memory_sizes():
    convert = cli_values.Memory().convert
    assert [convert(text, None, None) for text in ("500MB", "2GiB", "1.5 gb", "1kib")] == [
        500_000_000,
        2**31,
        1_500_000_000,
        1024,
    ]


def test_workers_default_to_the_cores_this_process_may_use():
    assert 1 <= cli_values.cores() <= (os.cpu_count() or 1)


# list and show


def test_list_names_scenarios_and_mechanisms(call):
    from sim.mechanisms import REGISTRY

    code, out, _ = call("list")
    assert code == 0
    for word in ("colorectal", "breast", "autopsy/melanoma", *REGISTRY):
        assert word in out, word
    assert all(mechanism.off in out for mechanism in REGISTRY.values())


def test_list_says_why_a_scenario_is_broken():
    row = ("scenarios/x.toml", "(broken)", "x.toml: unknown key 'primry'", "?")
    assert "(broken) x.toml: unknown key 'primry'" in cli_tables.listing_text([row], {})


def test_show_prints_every_parameter_with_its_source(call):
    from sim import catalog
    from sim.mechanisms import REGISTRY

    code, out, _ = call("show", COLORECTAL)
    assert code == 0
    for parameter in catalog.load().values():
        line = re.search(rf"^[ *] {re.escape(parameter.name)} .*$", out, re.MULTILINE)
        assert line and parameter.source.strip() in line[0] and parameter.unit in line[0], parameter.name
    assert all(mechanism.off in out for mechanism in REGISTRY.values())


def test_show_marks_what_was_changed_and_why(call):
    _, out, _ = call("show", COLORECTAL, "--off", "dormancy", "--set", "soil.liver=0.25")
    assert re.search(r"^\* soil\.liver +0\.25 .*changed from .*command line", out, re.MULTILINE)
    assert re.search(r"^OFF +dormancy", out, re.MULTILINE) and re.search(r"^on +inflammation", out, re.MULTILINE)


def test_show_json_is_the_resolved_scenario(call):
    from sim import scenario

    code, out, _ = call("show", COLORECTAL, "--json")
    assert code == 0
    assert json.loads(out) == json.loads(json.dumps(scenario.load(COLORECTAL).to_dict()))


def test_table_wraps_only_the_last_column():
    text = cli_tables.table(("a", "b"), [("x" * 10, "word " * 30)], columns=60)
    assert all(len(line) <= 60 for line in text.splitlines())
    assert all(line.startswith(" " * 12) for line in text.splitlines()[2:])
    assert len(cli_tables.table(("a", "b"), [("x", "word " * 30)], columns=None).splitlines()) == 2


# Front door


def test_front_door_says_how_to_install(repository, tmp_path):
    import subprocess

    # -S hides the installed packages; -I the current folder and PYTHONPATH.
    result = subprocess.run(
        [sys.executable, "-IS", str(repository / "run_sim.py"), "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 1 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "click" in result.stderr and ("pip install" in result.stderr or ".venv" in result.stderr)


def test_front_door_refuses_an_old_python(repository, monkeypatch):
    import runpy

    names = runpy.run_path(str(repository / "run_sim.py"), run_name="front_door")
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert "3.9" in names["obstacle"]() and "3.11" in names["obstacle"]()


def test_front_door_works_from_any_folder(front_door, tmp_path):
    result = front_door("show", "colorectal", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "soil.liver" in result.stdout


def test_check_passes_over_bases(call):
    code, out, err = call("check", "scenarios/autopsy/_base.toml", "scenarios/autopsy/colon.toml")
    assert (code, err) == (0, "") and "base" in out and "ok" in out
