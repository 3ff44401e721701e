"""`python -m tests.mutants`: see the package."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants import ENOUGH, REPOSITORY, Mutant, key_of, load, sources_digest, tests_of

FOUND = REPOSITORY / "results" / "mutants" / "found.json"
MADE = shutil.ignore_patterns("__pycache__", ".?*", "*.egg-info", "_build", "_generated", "build", "dist")
LONGEST_SECONDS = 1200
"""A mutant whose tests take longer is killed: it hangs."""


def read_found() -> dict[str, dict]:
    """What earlier commands found, by mutant."""
    return json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else {}


def keep(found: dict[str, dict]) -> None:
    """Write it down in one step, so that an interrupted command loses no more than the mutant it was at."""
    FOUND.parent.mkdir(parents=True, exist_ok=True)
    beside = FOUND.with_suffix(".new")
    beside.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    beside.replace(FOUND)


class Copy:
    """A copy of the repository in a temporary folder, with compiled code and small runs of its own."""

    def __init__(self, folder: Path):
        self.root, self.runs = folder / "repository", folder / "runs"
        for path in REPOSITORY.iterdir():
            if path.is_dir() and path.name not in MADE(None, [path.name]) and path.name != "results":
                shutil.copytree(path, self.root / path.name, ignore=MADE)
            elif path.is_file():
                self.root.mkdir(exist_ok=True)
                shutil.copy2(path, self.root)
        (self.root / "results").mkdir()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
        # Python compares whole seconds of a source's age: a mutant must never run from another one's bytes.
        # What the tests use of plugins is hypothesis, which needs none of pytest's; importing all takes a second a start.
        self.environment |= {"NUMBA_CACHE_DIR": str(folder / "kernels"), "PYTHONDONTWRITEBYTECODE": "1",
                             "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # fmt: skip
        self.passes: set[str] = set()
        self.before = self.outputs(self.runs)
        if self.before is None:
            raise SystemExit("the small runs fail without any mutant")

    def call(self, *arguments: str, seconds: float | None = None) -> subprocess.CompletedProcess:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=seconds
        )

    def small(self, what: str, folder: Path) -> dict | None:
        """What `small_runs` prints; None where it fails."""
        done = self.call("-m", "tests.mutants.small_runs", what, str(folder), seconds=LONGEST_SECONDS)
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None

    def outputs(self, folder: Path, file: str | None = None) -> dict | None:
        """Tables and analyses of the small runs; the tables of before stand for those that `file` has no part in."""
        module = (file or "").removesuffix(".py").replace("/", ".")
        if file and module not in self.before["tables"]["modules"]:
            folder, tables = self.runs, self.before["tables"]
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            tables = self.small("tables", folder)
        analyses = tables and self.small("analyses", folder)
        return {"tables": tables, "analyses": analyses} if analyses else None

    def changed(self, mutant: Mutant) -> list[str]:
        """Which small runs and analyses have other bytes."""
        try:
            after = self.outputs(self.runs.with_name("mutant"), mutant.file)
        except subprocess.TimeoutExpired:
            return ["it hangs"]
        if after is None:
            return ["it fails"]
        # Analyses are made of tables: they are compared where the tables are the same.
        for what in ("tables", "analyses"):
            old, new = (one[what]["digests"] for one in (self.before, after))
            if different := [name for name in old if old[name] != new[name]]:
                return different
        return []

    def first_failure(self, chosen: list[str], about: str) -> str:
        """The first of these tests that fails; empty where all pass. One start a file: the first mostly tells."""
        options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-rfE", "--tb=no"]
        for name in chosen:
            try:
                done = self.call("-m", "pytest", *options, name, seconds=LONGEST_SECONDS)
            except subprocess.TimeoutExpired:
                return f"{name} (too slow)"
            if done.returncode in (1, 2):
                failed = [
                    line.split(" ")[1] for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))
                ]
                return failed[0] if failed else f"{name} (cannot be collected)"
            if done.returncode:
                raise SystemExit(f"{about}: pytest could not run: {done.stdout}{done.stderr}")
        return ""

    def killed_by(self, mutant: Mutant) -> str:
        """The first test that notices the mutant, and passes without it; empty where none does."""
        failed = self.first_failure(tests_of(mutant, self.root / "tests"), mutant.name)
        file = failed.partition(" ")[0].partition("::")[0]
        if failed and file not in self.passes:
            self.restore()
            if without := self.first_failure([file], "no mutant"):
                raise SystemExit(f"{without} fails without any mutant, and says nothing of {mutant.name}")
            self.passes.add(file)
        return failed

    def restore(self) -> None:
        """Put the mutated file back as it was, with its age: kernels are compiled again where a source is younger."""
        path, text, age = self.mutated
        path.write_bytes(text)
        os.utime(path, ns=(age.st_atime_ns, age.st_mtime_ns))

    def examine(self, mutant: Mutant) -> dict:
        """Put the mutant in, look, and take it out again."""
        path = self.root / mutant.file
        self.mutated = path, path.read_bytes(), path.stat()
        path.write_text(mutant.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
        try:
            return {"changes": self.changed(mutant), "killed_by": self.killed_by(mutant)}
        finally:
            self.restore()


def report(mutants: list[Mutant], found: dict[str, dict]) -> bool:
    """Print what is known of these mutants; whether enough of those that change a result are killed."""
    known = [(mutant, found[mutant.name]) for mutant in mutants if mutant.name in found]
    telling = [(mutant, entry) for mutant, entry in known if entry["changes"]]
    killed = [entry for _, entry in telling if entry["killed_by"]]
    for mutant, entry in telling:
        if not entry["killed_by"]:
            print(f"SURVIVES  {mutant.name}  (changes {', '.join(entry['changes'])})")
    for mutant, entry in known:
        if not entry["changes"] and not entry["killed_by"]:
            print(f"no change {mutant.name}")
    share = len(killed) / len(telling) if telling else 1.0
    also = sum(bool(entry["killed_by"]) for _, entry in known) - len(killed)
    print(f"{len(known)} of {len(mutants)} mutants examined: {len(telling)} change a result, {len(killed)} of these are killed "
          f"({100 * share:.1f} %, wanted {100 * ENOUGH:.0f} %); of those that change none {also} are killed")  # fmt: skip
    return share >= ENOUGH


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description="See whether the tests notice small defects."
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose file or description holds this text")
    parser.add_argument("--survivors", action="store_true", help="print what is known, run nothing")
    options = parser.parse_args(arguments)
    mutants, found = [mutant for mutant in load() if options.only in mutant.name], read_found()
    if not options.survivors:
        sources = sources_digest(REPOSITORY)
        keys = {mutant.name: key_of(mutant, REPOSITORY, sources) for mutant in mutants}
        left = [mutant for mutant in mutants if found.get(mutant.name, {}).get("key") != keys[mutant.name]]
        print(f"{len(mutants)} mutants, {len(left)} to examine", flush=True)
        if left:
            with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
                copy = Copy(Path(folder))
                for number, mutant in enumerate(left, 1):
                    start = time.perf_counter()
                    found[mutant.name] = copy.examine(mutant) | {"key": keys[mutant.name]}
                    keep(found)
                    entry, seconds = found[mutant.name], time.perf_counter() - start
                    fate = f"killed by {entry['killed_by']}" if entry["killed_by"] else "SURVIVES"
                    change = "changes a result" if entry["changes"] else "changes none"
                    print(f"{number}/{len(left)} {seconds:4.0f} s  {mutant.name}: {change}, {fate}", flush=True)
    return 0 if report(mutants, found) else 1


if __name__ == "__main__":
    sys.exit(main())
