"""Whatever somebody feeds the program: it is read, or refused in words, in no time. What was found so stays in `corpus/`."""

import random
from pathlib import Path

import hostile_inputs
import pytest
import synthetic
from stored import rewrite

from sim.cli import main
from sim.errors import InputError
from sim.library import stored
from sim.plots.style import SIZES
from sim.results import reading, shape
from sim.scenario.chain import read_text
from sim.units import UnitError, parse_quantity

INPUTS = 400
KEPT = sorted(file for file in hostile_inputs.CORPUS.rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A run, a sweep and an answer, of which to change the manifests, and every file of ours."""
    return hostile_inputs.Sources(tmp_path_factory.mktemp("hostile"))


def test_no_input_is_an_internal_error(sources):
    found = {}
    for _, (kind, content) in zip(range(INPUTS), sources.inputs(random.Random(7)), strict=False):
        fault = sources.fault_of(kind, content)
        if fault is not None:
            found[kind, content[:80]] = fault
    assert found == {}


@pytest.mark.parametrize("file", KEPT, ids=[f"{file.parent.name}-{file.name}" for file in KEPT])
def test_what_was_found_before_stays_mended(sources, file):
    assert sources.fault_of(file.parent.name, file.read_bytes()) is None


def test_the_harness_notices_a_defect(sources, monkeypatch):
    def defect(file):
        raise KeyError("x")

    monkeypatch.setitem(hostile_inputs.READERS, "scenario", ("x.toml", defect))
    assert "KeyError" in sources.fault_of("scenario", b"x = 1")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"schema_version": ["4"]}, r"schema_version: found \['4'\]"),
        ({"scenario": []}, "scenario: found a list; allowed: a table"),
        ({"seed": "one"}, 'seed: found "one"; allowed: a number from 0'),
        ({"seed": True}, "seed: found true"),
        ({"patients": 0}, r"patients: found 0 \(a number\); allowed: a number from 1"),
        ({"status": "half"}, 'status: found "half"; allowed: complete, interrupted'),
        ({"command_line": "x"}, 'command_line: found "x"; allowed: a list'),
        ({"versions": {"numpy": 2}}, r"versions\.numpy: found 2 \(a number\); allowed: a text"),
    ],
)
def test_a_key_of_a_manifest_that_is_wrong_is_named(tmp_path, changes, words):
    folder = synthetic.write(tmp_path / "run", 3).path
    rewrite(folder, **changes)
    with pytest.raises(InputError, match=rf"manifest\.json: {words}"):
        reading.open(folder)


@pytest.mark.parametrize("horizon", ["5 years", None, float("nan"), -1.0])
def test_a_wrong_number_deep_in_a_manifest_is_named(tmp_path, horizon):
    run = synthetic.write(tmp_path / "run", 3)
    rewrite(run.path, scenario=run.manifest["scenario"] | {"horizon_days": horizon})
    with pytest.raises(InputError, match=r"scenario\.horizon_days: found .*; allowed: a number from 1 to 1e\+06"):
        reading.open(run.path)


def test_a_manifest_nested_a_hundred_thousand_deep(tmp_path):
    folder = synthetic.write(tmp_path / "run", 3).path
    (folder / "manifest.json").write_text('{"a": ' + "[" * 100_000)
    with pytest.raises(InputError, match="manifest.json: cannot be read: its values lie too deep in each other"):
        reading.open(folder)
    (tmp_path / "answer.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="answer.json: cannot be read"):
        stored.open(tmp_path)


def test_shapes():
    told = shape.fault({"a": [{"b": 1.5}, {"b": "x"}]}, {"a": shape.Many({"b": (int, float)}), "c?": bool})
    assert told == 'a.1.b: found "x"; allowed: a whole number or a number'
    assert shape.fault({"a": []}, {"a": shape.Many(int), "c": bool}) == "c: the key is missing"
    assert shape.fault(float("inf"), float) == "the file: found inf (a number); allowed: a number"


def test_a_title_with_a_dollar_sign_is_drawn_as_it_is(tmp_path):
    """matplotlib takes it for a formula, and `$x^{$` is none."""
    from sim.plots.figures import FIGURES

    run = synthetic.write(tmp_path / "run", 60)
    rewrite(run.path, scenario=run.manifest["scenario"] | {"title": "$x^{$ and \\frac{$", "question": "Why $y_$?"})
    assert main(["plot", str(run.path), "--format", "png", "--out", str(tmp_path / "figures")]) == 0
    assert len(list((tmp_path / "figures").iterdir())) >= len(FIGURES) - 1 and SIZES


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le"])
def test_utf_16_with_and_without_a_mark_is_named(tmp_path, encoding):
    file = tmp_path / "x.toml"
    file.write_bytes('title = "Test"\n'.encode(encoding))
    with pytest.raises(InputError, match="it looks like UTF-16: save it as UTF-8"):
        read_text(file)


@pytest.mark.parametrize("text, unit", [("0,3", "1"), (" 1,5 mm", "mm"), ("-0,25e3 days", "day"), ("1,2,3", "1")])
def test_a_decimal_comma_is_named(text, unit):
    with pytest.raises(UnitError) as refused:
        parse_quantity(text, unit)
    assert ("with a decimal comma; allowed: a decimal point" in str(refused.value)) == (text != "1,2,3")


def test_a_decimal_comma_in_a_file_and_on_the_command_line(tmp_path, capsys):
    assert main(["show", "colorectal", "--set", "soil.liver=0,3"]) == 2
    assert 'with a decimal comma; allowed: a decimal point, "0.3"' in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["list"], ["check", "colorectal"], ["show", "colorectal"], ["check", "x.toml"], ["report", "x"]]
)
def test_a_current_folder_that_was_deleted(tmp_path, words, repository):
    import os
    import subprocess
    import sys

    program = (
        "import os, shutil, sys\n"
        f"sys.path.insert(0, {str(repository)!r})\n"
        "os.chdir(sys.argv[1]); shutil.rmtree(sys.argv[1])\n"
        "from sim.cli import main\nsys.exit(main(sys.argv[2:]))\n"
    )
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run([sys.executable, "-c", program, str(gone), *words], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(repository)})  # fmt: skip
    assert done.returncode in (0, 1, 2) and "internal error" not in done.stderr and "Traceback" not in done.stderr
    assert Path(done.args[3]) == gone
