"""`run`, `plot` and `export` with the real engine, on cohorts of a few patients, each as a process of its own."""

import os
import signal
import subprocess
import sys
import time

import default_signals
import pytest

SCENARIO = "scenarios/colorectal.toml"
TABLES = ("patients", "metastases", "founders", "ancestors", "seeding", "cascade")


def tables(folder):
    """Bytes of every table in a run's folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, repository):
    """A finished run of 8 patients: (folder, what it printed)."""
    out = tmp_path_factory.mktemp("runs") / "x"
    command = [
        sys.executable,
        "run_sim.py",
        "run",
        SCENARIO,
        "--patients",
        "8",
        "--seed",
        "1",
        "--workers",
        "1",
        "--out",
        str(out),
    ]
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert result.returncode == 0, result.stderr
    return out, result


def test_run_writes_the_contract_and_says_where(finished):
    out, result = finished
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    wanted = {
        "manifest.json",
        "figures/seeding_curves.png",
        "figures/seeding_curves.pdf",
        *(f"{table}.parquet" for table in TABLES),
    }
    assert names == wanted
    assert str(out) in result.stdout and "seeding_curves.png" in result.stdout
    assert "blood-borne" in result.stdout
    assert result.stderr == "", "no progress bar where nobody looks"
    assert [path.name for path in out.parent.iterdir()] == ["x"], "nothing is left beside the run"


def test_the_same_command_with_other_workers_gives_equal_bytes(finished, front_door, tmp_path):
    out, _ = finished
    # From another folder, with the scenario by its name: the workers must find the package all the same.
    result = front_door(
        "run", "colorectal", "--patients", 8, "--seed", 1, "--workers", 2, "--out", "y", "--quiet", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "y\n" and result.stderr == ""
    assert tables(tmp_path / "y") == tables(out)


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
def test_a_terminal_sees_progress_and_the_time_left(repository, tmp_path):
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [
        sys.executable,
        "run_sim.py",
        "run",
        SCENARIO,
        "--patients",
        "4",
        "--workers",
        "1",
        "--out",
        str(tmp_path / "x"),
    ]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 4096):
                seen += part
        except OSError:  # Linux: the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    assert b"100%" in seen and b"left" in seen


def test_running_again_replaces_the_folder(tmp_path, repository, monkeypatch):
    from sim.cli import main

    monkeypatch.chdir(repository)
    seen = []
    for seed in ("1", "2", "1"):
        assert (
            main(
                [
                    "run",
                    SCENARIO,
                    "--patients",
                    "2",
                    "--seed",
                    seed,
                    "--workers",
                    "1",
                    "--out",
                    str(tmp_path / "x"),
                    "--quiet",
                ]
            )
            == 0
        )
        seen.append(tables(tmp_path / "x"))
    assert seen[0] == seen[2] != seen[1]


def test_plot_draws_again(finished, front_door):
    out, _ = finished
    figure = out / "figures" / "seeding_curves.pdf"
    figure.unlink()
    result = front_door("plot", out)
    assert result.returncode == 0, result.stderr
    assert figure.stat().st_size > 1000 and "seeding_curves.pdf" in result.stdout


def test_export_writes_every_table(finished, front_door, tmp_path):
    out, _ = finished
    result = front_door("export", out, "--csv", tmp_path / "sheets")
    assert result.returncode == 0, result.stderr
    assert {path.stem for path in (tmp_path / "sheets").glob("*.csv")} == set(TABLES)
    assert len((tmp_path / "sheets" / "patients.csv").read_text(encoding="utf-8").splitlines()) == 9


def test_keep_options_add_their_tables(front_door, tmp_path):
    result = front_door(
        "run",
        SCENARIO,
        "--patients",
        1,
        "--keep-seeds",
        "--keep-events",
        "--workers",
        1,
        "--out",
        tmp_path / "x",
        "--quiet",
    )
    assert result.returncode == 0, result.stderr
    assert {"seeds.parquet", "events.parquet"} <= set(tables(tmp_path / "x"))


QUICK = ("--set", "primary_gompertz_per_day=0.005")  # a fast primary: few days before diagnosis


@pytest.fixture
def large_run(repository, tmp_path):
    """Start a large run in a process group of its own; the group is stopped at the end, whatever happened."""
    command = [
        sys.executable,
        "run_sim.py",
        "run",
        SCENARIO,
        "--patients",
        "20000",
        "--workers",
        "2",
        *QUICK,
        "--out",
        str(tmp_path / "x"),
    ]
    with default_signals.start(
        command, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def press_ctrl_c(process):
    """What a terminal does: every process of the group gets the signal. Returns (exit code, stdout, stderr)."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C otherwise")
def test_ctrl_c_keeps_what_was_finished(large_run, tmp_path):
    import sim.results.reading

    until = time.monotonic() + 120
    while not list(tmp_path.glob(".x.chunks/*/[!.]*.npz")):
        assert time.monotonic() < until and large_run.poll() is None, "no chunk was finished"
        time.sleep(0.1)
    code, out, err = press_ctrl_c(large_run)
    assert (code, out) == (130, "")
    assert "of 20000 patients were finished" in err and "the same command continues" in err and "Traceback" not in err
    run = sim.results.reading.open(tmp_path / "x")
    assert run.manifest["status"] == "interrupted"
    assert 0 < run.manifest["patients_finished"] == len(run.patients) < 20000
    assert not list(tmp_path.glob(".staging*"))


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C otherwise")
@pytest.mark.parametrize("wait_seconds", [1.5, 2.0, 2.5])
def test_an_early_ctrl_c_is_as_quiet(large_run, tmp_path, wait_seconds):
    time.sleep(wait_seconds)
    code, out, err = press_ctrl_c(large_run)
    assert (code, out) == (130, "")
    assert "interrupted" in err and "Traceback" not in err
    left = {path.name for path in tmp_path.iterdir()}
    assert not left or left >= {"x"}, left
