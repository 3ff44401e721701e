"""Inputs that nobody means: files of ours mutated, cut, encoded otherwise and mixed, thrown at what reads them.

An input is read, or refused with InputError (exit code 2); everything else is a defect, and its input belongs into `corpus/`.

    python -m tests.hostile_inputs 100000            in this process, until it is stopped (minutes)
    python -m tests.hostile_inputs 200 --processes   each as a process of its own
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # also as `python -m tests.hostile_inputs`

from sim.errors import InputError, MachineError  # noqa: E402

CORPUS = HERE / "corpus"
MOST_SECONDS = 5.0
"""Of CPU, for one input."""
ODD = (
    "nan", "inf", "-inf", "1e400", "-1", "0", "1e-400", "9" * 400, '""', '"0,3"', '"1 000"', '"3 dayz"', "true", "[]", "{}", "[[]]",
    "1979-05-27", "07:32:00", '"$x^{$"', '"\\u0000"', '"\\ud800"', '"' + "x" * 5000 + '"', "[" * 300 + "]" * 300, "0x7fffffffffffffff",
    "1_000", "+1", '"../../x"', '"/dev/null"', '"\U0001f9ec"', '"a\\nb"', "{ value = 1 }", "[1, 2, 3]", '"-5 years"', "1e308",
)  # fmt: skip
VALUES = (None, True, -1, 0, 10**400, 1.5e308, "", "x", "0,3", "$x^{$", [], {}, [[]], [{}], {"a": {}}, ["1"], "\ud800", "nan", float("nan"),
          "a/b", 2**63, "\x1b[2J", {"value": []})  # fmt: skip
QUESTION = """[comparison]
outcome = "patients alive 0.1 years after the reference day"
expect = ["a > b"]
assumes = "a size"
across = [{ parameter = "vesicle_release", values = [1.0] }]
[[comparison.arms]]
name = "a"
[[comparison.arms]]
name = "b"
mechanisms = { dormancy = false }
"""
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7", "cp500")


# -- mutations -----------------------------------------------------------------------------------------


def mutated_bytes(dice: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Some bytes changed, cut, repeated, or those of another file in between."""
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 1, 2, 8))):
        how, at = dice.randrange(7), dice.randrange(len(data) + 1)
        if how == 0 and data:
            data[at % len(data)] ^= 1 << dice.randrange(8)
        elif how == 1:
            del data[at:]
        elif how == 2:
            del data[at : at + dice.randrange(1, 40)]
        elif how == 3:
            data[at:at] = data[at : at + dice.randrange(1, 200)] * dice.choice((1, 2, 50))
        elif how == 4:
            data[at:at] = dice.randbytes(dice.randrange(1, 9))
        elif how == 5:
            other = dice.choice(others)
            start = dice.randrange(len(other) + 1)
            data[at:at] = other[start : start + dice.randrange(300)]
        else:
            data[at:at] = dice.choice((b"\0", b"\r", b"\n[", b'"""', b"'''", b"\xef\xbb\xbf", b"{", b"#", b"=", b"."))
    return bytes(data)


def mutated_toml(dice: random.Random, text: str, others: list[str]) -> bytes:
    """A text with odd values, lines gone or twice or of another file, in another encoding."""
    if dice.random() < 0.3:
        return mutated_bytes(dice, text.encode(), [other.encode() for other in others])
    lines = text.splitlines()
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        at = dice.randrange(len(lines)) if lines else 0
        how = dice.randrange(6)
        if how <= 2 and lines and "=" in lines[at]:
            key, _, value = lines[at].partition("=")
            lines[at] = (
                f"{key}= {dice.choice(ODD)}"
                if how
                else f"{dice.choice((key + 'x', '', key.upper(), key + '.x', '[' + key + ']'))}={value}"
            )
        elif how == 3 and lines:
            del lines[at]
        elif how == 4 and lines:
            lines.insert(dice.randrange(len(lines)), lines[at])
        else:
            lines.insert(at, dice.choice(dice.choice(others).splitlines() or [""]))
    mixed = "\n".join(lines) + "\n"
    if dice.random() < 0.15:
        return mixed.encode(dice.choice(ENCODINGS), errors="replace")
    return mixed.encode(errors="surrogatepass")


def mutated_json(dice: random.Random, value: object) -> object:
    """A value of JSON with something in it replaced, removed, or called otherwise."""
    if dice.random() < 0.25 or not isinstance(value, dict | list) or not value:
        return dice.choice(VALUES)
    if isinstance(value, list):
        at = dice.randrange(len(value))
        return [*value[:at], mutated_json(dice, value[at]), *value[at + 1 :]]
    key = dice.choice(list(value))
    if dice.random() < 0.15:
        return {name: item for name, item in value.items() if name != key}
    if dice.random() < 0.05:
        return {(name + "x" if name == key else name): item for name, item in value.items()}
    return {name: mutated_json(dice, item) if name == key else item for name, item in value.items()}


def mutated_manifest(dice: random.Random, manifest: dict) -> bytes:
    """A manifest changed by hand: sealed again, as it was before digests, or as it is."""
    from sim.results import sealed

    inner = {key: value for key, value in manifest.items() if key != sealed.DIGEST}
    how = dice.random()
    if how < 0.1:
        return b"[" * dice.choice((10, 100_000)) + b"]" * 3
    if how < 0.25:
        return mutated_bytes(dice, json.dumps(inner).encode(), [b'{"schema_version": "4"}'])
    changed = mutated_json(dice, inner)
    if dice.random() < 0.5 and isinstance(changed, dict):
        changed.pop(sealed.FILES, None)  # as before digests
        return json.dumps(changed).encode()
    return sealed.seal(json.dumps(changed, indent=1)) if isinstance(changed, dict) else json.dumps(changed).encode()


# -- what reads them -------------------------------------------------------------------------------------


def read_scenario(file: Path) -> None:
    """As `check` and `show` do."""
    from sim.cli.show import show
    from sim.scenario.comparison import load_whole
    from sim.scenario.remarks import comparison_remarks, remarks

    scenario, comparison = load_whole(file)
    remarks(scenario)
    if comparison is not None:
        comparison_remarks(comparison)
    json.dumps(scenario.to_dict(), default=str)
    show.callback  # noqa: B018  # what it prints is tested elsewhere


def read_plan(file: Path) -> None:
    """As `sweep` does before it computes."""
    from sim.sweeps import plan

    plan.load(file)


def read_run(file: Path) -> None:
    """As a summary and a page do."""
    from sim.report import page
    from sim.report.summary import summary_text
    from sim.results import reading

    run = reading.open(file.parent)
    summary_text(run)
    page.command_line(run.manifest)
    page.provenance(run.manifest)


def read_sweep(file: Path) -> None:
    """As its page does."""
    from sim.report.fragments import sweep_fragment
    from sim.sweeps import read

    sweep = read.open(file.parent)
    sweep.runs  # noqa: B018
    sweep_fragment(sweep)


def read_answer(file: Path) -> None:
    """As a notebook does."""
    import sim

    answer = sim.open(file.parent)
    repr(answer)
    answer.table()


def read_lesson(file: Path) -> None:
    """As the classroom does."""
    from sim.demo import lessons

    lessons.parse(file)


READERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "scenario": ("x.toml", read_scenario),
    "plan": ("x.toml", read_plan),
    "run": ("manifest.json", read_run),
    "sweep": ("sweep.json", read_sweep),
    "answer": ("answer.json", read_answer),
    "lesson": ("x.toml", read_lesson),
}


def fault_of(kind: str, content: bytes, folder: Path) -> str | None:
    """What is wrong with how an input is read: None where it is read or refused in time. `folder` holds what is beside it."""
    name, reader = READERS[kind]
    file = folder / name
    file.write_bytes(content)
    start = time.process_time()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            reader(file)
        except (InputError, MachineError) as refused:
            if not str(refused).strip():
                return "refused without a word"
        except Exception:
            return traceback.format_exc()
    seconds = time.process_time() - start
    return f"took {seconds:.1f} s of CPU" if seconds > MOST_SECONDS else None


# -- inputs ----------------------------------------------------------------------------------------------


class Sources:
    """Files of ours, and one folder a kind in which inputs are read."""

    def __init__(self, top: Path) -> None:
        import synthetic
        from quick_cohort import scenario_file
        from quick_sweep import plan_file

        import sim
        from sim import finding
        from sim.demo import lessons
        from sim.sweeps import plan
        from sim.sweeps.executors import LocalExecutor
        from sim.sweeps.run import run_sweep

        self.folders = {kind: top / kind for kind in READERS}
        for folder in self.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        (top / "plans").mkdir(exist_ok=True)
        synthetic.write(self.folders["run"], 12)
        run_sweep(
            plan.load(plan_file(top / "plans", patients=2, horizon_days=60)),
            out=self.folders["sweep"],
            executor=LocalExecutor(1),
        )
        self.texts = {
            "scenario": [file.read_text(encoding="utf-8") for file in sorted(finding.SCENARIOS.rglob("*.toml"))],
            "plan": [file.read_text(encoding="utf-8") for file in sorted(finding.PLANS.glob("*.toml"))],
            "lesson": [file.read_text(encoding="utf-8") for file in sorted(lessons.FOLDER.glob("*.toml"))],
        }
        asked = scenario_file(top / "plans", 4, 60)
        asked.write_text(asked.read_text(encoding="utf-8") + QUESTION, encoding="utf-8")
        sim.ask(asked, out=self.folders["answer"], progress=False)
        self.manifests = {
            "run": json.loads((self.folders["run"] / "manifest.json").read_text(encoding="utf-8")),
            "sweep": json.loads((self.folders["sweep"] / "sweep.json").read_text(encoding="utf-8")),
            "answer": json.loads((self.folders["answer"] / "answer.json").read_text(encoding="utf-8")),
        }

    def inputs(self, dice: random.Random) -> Iterator[tuple[str, bytes]]:
        """(kind, content) without end."""
        everything = [text for texts in self.texts.values() for text in texts]
        while True:
            kind = dice.choice(("scenario", "scenario", "plan", "run", "sweep", "answer", "lesson"))
            if kind in self.texts:
                yield kind, mutated_toml(dice, dice.choice(self.texts[kind]), everything)
            else:
                yield kind, mutated_manifest(dice, self.manifests[kind])

    def fault_of(self, kind: str, content: bytes) -> str | None:
        """As the function of that name, in the folder of the kind."""
        return fault_of(kind, content, self.folders[kind])


def keep(kind: str, content: bytes) -> Path:
    """Put an input that failed into the corpus."""
    import hashlib

    file = CORPUS / kind / hashlib.sha256(content).hexdigest()[:12]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


COMMANDS = {"scenario": ["check"], "plan": ["sweep", "--quiet", "--shard", "999999/999999"], "run": ["export", "--csv", "csv"],
            "sweep": ["report"], "answer": ["report"], "lesson": ["check"]}  # fmt: skip


def fault_of_process(kind: str, content: bytes, folder: Path) -> str | None:
    """As `fault_of`, of a command line: what it prints and returns."""
    (folder / READERS[kind][0]).write_bytes(content)
    command, *options = COMMANDS[kind]
    about = folder / READERS[kind][0] if READERS[kind][0].endswith(".toml") else folder
    done = subprocess.run(
        [sys.executable, str(HERE.parent / "run_sim.py"), command, str(about), *options],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=120, env={**os.environ, "SIM_DEBUG": "0"},
    )  # fmt: skip
    bad = [word for word in ("Traceback", "internal error") if word in done.stderr]
    return f"{bad or done.returncode}: {done.stderr}" if bad or done.returncode not in (0, 1, 2) else None


def main() -> int:
    """Throw many; tell what failed."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", action="store_true")
    given = parser.parse_args()
    failed = 0
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as top:
        sources = Sources(Path(top))
        for _, (kind, content) in zip(
            range(1, given.count + 1), sources.inputs(random.Random(given.seed)), strict=False
        ):
            fault = (
                fault_of_process(kind, content, sources.folders[kind])
                if given.processes
                else sources.fault_of(kind, content)
            )
            if fault is not None:
                failed += 1
                print(f"{keep(kind, content)}: {fault.splitlines()[-1]}", flush=True)
    seconds = time.monotonic() - start
    print(f"{given.count:,} inputs {'as processes ' if given.processes else ''}in {seconds:.0f} s: {failed} defects")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
