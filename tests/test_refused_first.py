"""Who may not write is told before anything is computed, and nothing is left behind."""

import errno
import os
from pathlib import Path

import pytest
import synthetic

from sim.cli import main
from sim.errors import MachineError
from sim.results import storage

COMPUTE = {
    "report": "sim.report.shareable.page_of",
    "calibrate": "sim.analysis.calibration.calibrate",
    "validate": "sim.analysis.validation.scorecard.scorecard",
    "export-lesson": "sim.demo.handout.content",
    "compare": "sim.analysis.compare.compare",
    "plot": "sim.plots.figures.write",
    "ask": "sim.analysis.questions.ask",
    "run": "sim.work.workers.run_tasks",
    "attribute": "sim.work.workers.run_tasks",
    "sensitivity": "sim.work.workers.run_tasks",
}


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Command lines that write below `bad`; computing anything fails the test."""
    run, other = (synthetic.write(tmp_path / "runs" / name, 60).path for name in ("a", "b"))
    for place in COMPUTE.values():

        def computed(*_, place=place, **__):
            raise AssertionError(f"{place} was called")

        monkeypatch.setattr(place, computed)
    return lambda bad: {
        "report": ["report", run, "--out", bad / "x.html"],
        "calibrate": ["calibrate", "--out", bad / "x.toml"],
        "validate": ["validate", "--out", bad / "x"],
        "export-lesson": ["export-lesson", "sleepers", "--quiet", "--out", bad / "x.html"],
        "compare": ["compare", run, other, "--out", bad / "x"],
        "plot": ["plot", run, "--out", bad / "x"],
        "ask": ["ask", "all", "--small", "--quiet", "--out", bad],
        "run": ["run", "colorectal", "--patients", "2", "--quiet", "--out", bad / "x"],
        "attribute": ["attribute", "colorectal", "--patients", "2", "--quiet", "--out", bad / "x"],
        "sensitivity": ["sensitivity", "colorectal", "--patients", "2", "--quiet", "--out", bad / "x"],
    }  # fmt: skip


def called(arguments, capsys):
    code = main([str(word) for word in arguments])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("command", COMPUTE)
def test_a_file_in_the_way_is_told_first(commands, tmp_path, capsys, command):
    (tmp_path / "file").write_text("x")
    code, said = called(commands(tmp_path / "file")[command], capsys)
    assert code == 2 and "file" in said and "Traceback" not in said
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("command", COMPUTE)
@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_a_machine_that_refuses_is_told_first(commands, tmp_path, capsys, monkeypatch, command, number):
    bad = tmp_path / "bad"
    bad.mkdir()
    line = commands(bad)[command]
    opened, made = Path.open, Path.mkdir

    def refuse(real):
        def call(path, *given, **named):
            if path.is_relative_to(bad) and path != bad:
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *given, **named)

        return call

    monkeypatch.setattr(Path, "open", refuse(opened))
    monkeypatch.setattr(Path, "mkdir", refuse(made))
    code, said = called(line, capsys)
    assert code == 1 and os.strerror(number) in said and "internal error" not in said
    assert list(bad.iterdir()) == []


def test_checking_a_file_leaves_no_trace(tmp_path):
    storage.check_file(tmp_path / "new" / "deeper" / "x")
    (tmp_path / "y").write_text("kept")
    storage.check_file(tmp_path / "y")
    assert [path.name for path in tmp_path.iterdir()] == ["y"] and (tmp_path / "y").read_text() == "kept"
    with pytest.raises(MachineError):
        storage.check_file(Path("/proc/no/such/x") if Path("/proc/self").exists() else pytest.skip("no /proc here"))
