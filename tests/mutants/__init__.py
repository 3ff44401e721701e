"""Mutants: small defects put into the program on purpose, to see that the tests notice them.

`make mutants` (or `python -m tests.mutants` in the repository) works on a copy of the repository in a temporary folder,
never on the checkout. For each entry of `mutants.toml`, one after the other,

- the text `old` is replaced by `new` in the copy of `file`;
- "changes a result" is asked of the small runs (`small_runs.py`): five named ones of a few patients, and the analyses of
  their tables. A mutant that changes no byte of them may be equivalent to the program (or act where none of them looks);
- the tests run that import the mutated module directly (read from their source), and those that `tests` of its module names
  (files, or single tests as pytest calls them), up to the first failure: a mutant is killed if one fails. Files that `slow`
  of its module names are left out, for they take minutes: that can only make survivors.

What was found stands in `results/mutants/found.json` and is not computed again unless the sources changed: everything in
`sim/`, the scenarios, the helpers of the tests, this folder, or the files that test the mutant. So an interrupted command
continues, and a new test runs against the mutants of its module alone. The last line says how many of the mutants that
change a result are killed; below 95 % the exit code is 1, and survivors are listed. `--only TEXT` takes the mutants whose
file or description holds the text; `--survivors` lists what is known and runs nothing.

A file that moves is one line to edit in `mutants.toml`. A text that changes is noticed by `tests/test_mutants.py`, which is
part of every run of the tests.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LIST = Path(__file__).with_name("mutants.toml")
ENOUGH = 0.95
"""Share of the mutants that change a result that must be killed."""


@dataclass(frozen=True)
class Mutant:
    """One defect: in `file` (from the repository's folder) the `occurrence`-th `old` becomes `new`.

    `named` are tests to run beside those that import the module, `slow` files that import it and are left out.
    """

    file: str
    what: str
    old: str
    new: str
    occurrence: int
    named: tuple[str, ...]
    slow: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.file}: {self.what}"

    def applied(self, text: str) -> str:
        """The text of the file with the defect in it. Raises ValueError where the list no longer fits the file."""
        parts = text.split(self.old) if self.old else [text]
        if len(parts) <= self.occurrence:
            raise ValueError(f"{self.name}: the text {self.old!r} is not {self.occurrence} times in {self.file}")
        return self.old.join(parts[: self.occurrence]) + self.new + self.old.join(parts[self.occurrence :])


def load(path: Path = LIST) -> list[Mutant]:
    """All mutants of the list, in its order."""
    return [
        Mutant(module["file"], entry["what"], entry["old"], entry["new"], entry.get("occurrence", 1),
               (*module.get("tests", ()), *entry.get("tests", ())), tuple(module.get("slow", ())))
        for module in tomllib.loads(path.read_text(encoding="utf-8"))["module"]
        for entry in module["mutants"]
    ]  # fmt: skip


@functools.cache
def imported(source: str) -> frozenset[str]:
    """Dotted names that a source imports, at its top or within a function."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def tests_of(mutant: Mutant, tests: Path) -> list[str]:
    """What pytest is given: test files that import the mutated module directly, and the named tests; small files first."""
    module = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    sizes = {path.relative_to(tests.parent).as_posix(): path.stat().st_size for path in tests.rglob("test_*.py")}
    direct = [name for name in sizes if module in imported((tests.parent / name).read_text(encoding="utf-8"))]
    direct = [name for name in direct if name not in mutant.slow]
    named = [name for name in mutant.named if name.partition("::")[0] not in direct]
    return sorted([*direct, *named], key=lambda name: (sizes[name.partition("::")[0]], name))


def _digest(root: Path, paths) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def sources_digest(root: Path) -> str:
    """Changes with whatever a result of every mutant depends on: the program, its scenarios, what tests share, this folder."""
    program = [path for path in (root / "sim").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    helpers = [path for path in (root / "tests").rglob("*.py") if not path.name.startswith("test_")]
    return _digest(root, [*program, *(root / "scenarios").rglob("*.toml"), *helpers])


def key_of(mutant: Mutant, root: Path, sources: str) -> str:
    """What a finished mutant was found with: another key, and it is run again."""
    chosen = tests_of(mutant, root / "tests")
    files = {root / name.partition("::")[0] for name in chosen}
    text = repr((mutant, chosen, sources, _digest(root, files)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
