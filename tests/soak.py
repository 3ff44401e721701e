"""A long soak: every command that keeps what it has finished, under random kills, full disks and clock jumps.

    python -m tests.soak 60        for so many minutes; called again it goes on where it was stopped, and counts on
    python -m tests.soak --report  what came of it so far, as a table

A job is `run`, `ask`, `sweep` (on this machine, in shards, on a Dask cluster) or the classroom. Each is stopped at random moments by a
random signal and started again until it is done; then its tables must be those of a job that nothing disturbed, and nothing half-written
and no process may be left. Some jobs write to a file system of 1 MB that another file fills (needs root), some live under a clock that
jumps by years (needs Debian's faketime; monotonic time is left alone).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from hostile_inputs import QUESTION  # noqa: E402
from quick_cohort import left_of, scenario_file, start_run, tables  # noqa: E402
from quick_sweep import data, plan_file, start_sweep  # noqa: E402

STATE = HERE.parent / "results" / "soak" / "state.json"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STOPPED = {-signal.SIGKILL, -signal.SIGTERM, 130, 143}
LONGEST_WAIT_SECONDS = 5.0
MOST_STARTS = 30
PATIENCE_SECONDS = 600
BEFORE_MAIN = "program.py"
"""In every traceback from the moment on at which a command answers for itself."""
FILL_BYTES = 1 << 20


class Soak:
    """The inputs, what undisturbed jobs gave, and the counts so far."""

    def __init__(self, top: Path, seed: int) -> None:
        self.top, self.dice = top, random.Random(seed)
        (top / "in").mkdir()
        self.scenario = scenario_file(top / "in", 100)
        self.plan = plan_file(top / "in" / "p" if not (top / "in" / "p").mkdir() else top, patients=4)
        (top / "in" / "q").mkdir()
        self.question = scenario_file(top / "in" / "q", 40)
        self.question.write_text(self.question.read_text(encoding="utf-8") + QUESTION, encoding="utf-8")
        self.counts = json.loads(STATE.read_text(encoding="utf-8")) if STATE.is_file() else {"seconds": 0.0, "jobs": {}}
        self.expected: dict[str, dict[str, bytes]] = {}

    def count(self, job: str, what: str) -> None:
        """One more of something."""
        told = self.counts["jobs"].setdefault(job, {})
        told[what] = told.get(what, 0) + 1

    def keep(self, seconds: float) -> None:
        """So that a soak that is stopped goes on."""
        self.counts["seconds"] += seconds
        STATE.parent.mkdir(parents=True, exist_ok=True)
        STATE.write_text(json.dumps(self.counts, indent=1), encoding="utf-8")

    # -- jobs ------------------------------------------------------------------------------------------

    def start(self, job: str, out: Path) -> subprocess.Popen:
        """A process of the job, in a session of its own."""
        workers = self.dice.choice((1, 2))
        if job == "run":
            return start_run(self.scenario, out / "x", workers, chunk_patients=5)
        if job == "ask":
            command = [
                sys.executable,
                str(HERE.parent / "run_sim.py"),
                "ask",
                str(self.question),
                "--quiet",
                "--workers",
                str(workers),
                "--out",
                str(out / "x"),
            ]
            return subprocess.Popen(
                command,
                cwd=HERE.parent,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        options = ("--shard", f"{self.dice.choice((1, 2))}/2") if job == "shards" else ()
        return start_sweep(self.plan, out / "x", workers, *options)

    def result(self, job: str, out: Path) -> dict[str, bytes]:
        """Every table of what was made, by its place."""
        if job == "run":
            return tables(out / "x")
        if job == "ask":
            return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.parquet"))}
        return data(out / "x")

    def until_done(self, job: str, out: Path, disturb: bool) -> str | None:
        """Start it until it is done; what is wrong, or None."""
        for start in range(MOST_STARTS):
            process = self.start(job, out)
            if disturb and start < MOST_STARTS // 2 and self.dice.random() < 0.8:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=self.dice.random() * LONGEST_WAIT_SECONDS)
                if process.poll() is None:
                    number = self.dice.choice(SIGNALS)
                    with contextlib.suppress(ProcessLookupError):
                        (os.killpg if number == signal.SIGKILL or self.dice.random() < 0.5 else os.kill)(
                            process.pid, number
                        )
                    self.count(job, signal.Signals(number).name)
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
            if BEFORE_MAIN not in said and process.returncode in (-signal.SIGINT, 130) and "Traceback" in said:
                continue  # these jobs are little programs of ours, stopped while they imported what they start
            if "Traceback" in said or "internal error" in said:
                return said[-2000:]
            if process.returncode == 0 and (job != "shards" or (len(data(out / "x")) >= 2 and self._whole(out))):
                return None if not left_of(process) else f"left processes {left_of(process)}"
            if process.returncode not in STOPPED | {0, 1}:
                return f"exit {process.returncode}: {said[-2000:]}"
        return f"not done after {MOST_STARTS} starts"

    def _whole(self, out: Path) -> bool:
        return json.loads((out / "x" / "sweep.json").read_text(encoding="utf-8"))["status"] == "complete"

    def disturbed(self, job: str) -> str | None:
        """One job in a folder of its own, disturbed until it is done."""
        if job not in self.expected:
            calm = self.top / f"calm-{job}"
            calm.mkdir()
            if wrong := self.until_done(job, calm, disturb=False):
                return wrong
            self.expected[job] = self.result(job, calm)
        with self.place(job) as out:
            wrong = self.until_done(job, out, disturb=True)
            if wrong is None and self.result(job, out) != self.expected[job]:
                wrong = "other tables than undisturbed"
            half = [path.name for path in out.rglob(".staging-*")]
            return wrong or (f"left behind: {half}" if half else None)

    @contextlib.contextmanager
    def place(self, job: str) -> Iterator[Path]:
        """A folder; sometimes one on a file system of 1 MB that is full until the job has failed on it."""
        out = Path(tempfile.mkdtemp(dir=self.top))
        small = self.dice.random() < 0.3 and job == "run" and self._mount(out)
        if small:
            (out / "filler").write_bytes(b"x" * (FILL_BYTES - 40 * 1024))
            process = self.start(job, out)
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
            self.count(job, "full disk" if process.returncode == 1 and "space" in said else "full disk not noticed")
            (out / "filler").unlink()
            subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)  # somebody has made room
        try:
            yield out
        finally:
            if small:
                subprocess.run(["umount", str(out)], check=False)
            shutil.rmtree(out, ignore_errors=True)

    def _mount(self, out: Path) -> bool:
        if os.geteuid() != 0 or not shutil.which("mount"):
            return False
        return (
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(out)], capture_output=True).returncode
            == 0
        )

    def classroom(self) -> str | None:
        """Opened, asked, and ended by a random signal."""
        from test_demo_server import serving

        number = self.dice.choice((signal.SIGTERM, signal.SIGINT, signal.SIGKILL))
        with serving(HERE.parent) as (process, line, port):
            if "open" not in line:
                return f"did not open: {line}"
            for _ in range(self.dice.randrange(12)):
                urllib.request.urlopen(f"http://localhost:{port}/", timeout=60).read()
            process.send_signal(number)
            code = process.wait(timeout=60)
            self.count("classroom", number.name)
            return None if code in STOPPED else f"exit {code}"

    def cluster(self) -> str | None:
        """A sweep on a Dask cluster of two workers, one of which is lost at a random moment."""
        from test_cluster import blocks, cluster

        from sim.sweeps.cluster import ClusterExecutor
        from sim.sweeps.executors import LocalExecutor

        if "cluster" not in self.expected:
            self.expected["cluster"] = {
                done.task.name: done.packed for done in LocalExecutor(1).execute(blocks(6), lambda share: None)
            }
        found, moment = {}, self.dice.randrange(6)
        with cluster(2, self.top) as (address, workers):
            for done in ClusterExecutor(address).execute(blocks(6), lambda share: None):
                found[done.task.name] = done.packed
                if len(found) == moment:
                    os.kill(workers[0].pid, signal.SIGKILL)
                    self.count("cluster", "SIGKILL of a worker")
        return None if found == self.expected["cluster"] else "other tables than on one machine"


def jump(dice: random.Random, possible: bool) -> bool:
    """Have processes that are started from now on live in another year, or in ours again; whether they do.

    Not those of a cluster: its client is this process, and Dask compares the clocks of all who take part.
    """
    library = next((str(path) for path in Path("/usr/lib").rglob("libfaketime.so.1")), None)
    for name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"):
        os.environ.pop(name, None)
    if library is None or not possible or dice.random() < 0.5:
        return False
    os.environ |= {
        "LD_PRELOAD": library,
        "FAKETIME": dice.choice(("-3650d", "+3650d", "-1h", "+400d")),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return True


def report(counts: dict) -> str:
    """The counts as a table."""
    lines = [
        f"{counts['seconds'] / 60:.0f} minutes",
        "",
        "| job | done | wrong | disturbed by |",
        "| --- | --- | --- | --- |",
    ]
    for job, told in sorted(counts["jobs"].items()):
        by = ", ".join(f"{what} {number}" for what, number in sorted(told.items()) if what not in ("done", "wrong"))
        lines.append(f"| {job} | {told.get('done', 0)} | {told.get('wrong', 0)} | {by or '-'} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Soak, and tell."""
    if "--report" in arguments:
        print(report(json.loads(STATE.read_text(encoding="utf-8"))))
        return 0
    until = time.monotonic() + 60 * float(arguments[0] if arguments else 60)
    with tempfile.TemporaryDirectory() as top:
        soak = Soak(Path(top), seed=time.time_ns())
        jobs: dict[str, Callable[[], str | None]] = {
            job: (lambda job=job: soak.disturbed(job)) for job in ("run", "ask", "sweep", "shards")
        }
        jobs |= {"classroom": soak.classroom, "cluster": soak.cluster}
        order = list(jobs)
        while time.monotonic() < until:
            soak.dice.shuffle(order)
            for job in order:
                if time.monotonic() >= until:
                    break
                began = time.monotonic()
                if jump(soak.dice, possible=job != "cluster"):
                    soak.count(job, "clock jump")
                try:
                    wrong = jobs[job]()
                except Exception as error:
                    wrong = f"{type(error).__name__}: {error}"
                soak.count(job, "wrong" if wrong else "done")
                if wrong:
                    print(f"{job}: {wrong}", flush=True)
                soak.keep(time.monotonic() - began)
    print(report(soak.counts))
    return 1 if any(told.get("wrong") for told in soak.counts["jobs"].values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
