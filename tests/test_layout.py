"""The shape of the repository: imports point one way, files stay small, nothing of a machine leaks in."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "sim"
LONGEST_FILE_LINES = 400

# Design section 6, lowest first: a module imports from its own layer and from those below it.
LAYERS = (
    ("errors", "names", "units", "messages", "sources", "jit", "processes"),
    ("catalog", "streams", "kernels", "parameters", "growth", "body", "rows"),
    ("cohort",),
    ("rates", "clones"),
    ("colonies", "shedding", "mortality"),
    ("mechanisms", "treatments", "cells", "theory"),
    ("struck", "trajectories", "descent"),
    ("resistance",),
    ("therapy",),
    ("primary", "niches", "follow_up", "model", "observe", "outcomes", "scenario"),
    ("experiment", "results", "schema", "storage", "manifest", "incidence", "summary", "sweep"),
    ("analysis", "plots", "demo"),
    ("report",),
    ("cli",),
)
FAMILIES = ("scenario", "cli")  # scenario_text.py belongs to scenario.py, and so on
LAYER = {module: level for level, modules in enumerate(LAYERS) for module in modules}


def layer(module: str) -> int | None:
    """The layer of a module directly under sim/, or None."""
    return LAYER.get(module.split("_")[0] if module.split("_")[0] in FAMILIES else module)


def imports(tree: ast.AST, package: tuple[str, ...]):
    """Dotted names that a module imports, wherever the import stands; relative ones are made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *(node.module or "").split("."))).strip(".")
            # `from sim import body` imports a module; `from sim.disease.body import X` a name.
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def upward(relative: str, source: str):
    """Imports in the file `relative` to sim/ that point to a higher layer, or to a module without one."""
    parts = Path(relative).parts
    own = parts[0].removesuffix(".py")
    for name in imports(ast.parse(source), ("sim", *parts[:-1])):
        words = name.split(".")
        if words[0] != "sim" or len(words) < 2 or words[1].startswith("__"):
            continue
        if layer(words[1]) is None or layer(own) is None or layer(words[1]) > layer(own):
            yield name


MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def test_every_module_has_a_layer():
    names = {Path(name).parts[0].removesuffix(".py") for name in MODULES} - {"__init__"}
    without = sorted(name for name in names if layer(name) is None)
    assert not without, f"give these modules a layer in {Path(__file__).name}: {without}"


@pytest.mark.parametrize("relative", [name for name in MODULES if name != "__init__.py"])
def test_imports_point_one_way(relative):
    assert list(upward(relative, (PACKAGE / relative).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "relative, source",
    [
        ("body.py", "from sim.model import MetastasisModel"),
        ("body.py", "def f():\n    from sim import experiment"),
        ("mechanisms/dormancy.py", "from ..model import step"),
        ("streams.py", "import sim.cli"),
    ],
)
def test_an_upward_import_is_noticed(relative, source):
    assert len(list(upward(relative, source))) == 1


def siblings(own: str, source: str):
    """Other mechanisms that the mechanism `own` imports."""
    mechanisms = {path.stem for path in (PACKAGE / "mechanisms").glob("*.py")} - {"__init__", "base", own}
    for name in imports(ast.parse(source), ("sim", "mechanisms")):
        words = name.split(".")
        if words[:2] == ["sim", "mechanisms"] and words[2:3] and words[2] in mechanisms:
            yield name


def test_no_mechanism_imports_another():
    for path in (PACKAGE / "mechanisms").glob("[!_]*.py"):
        assert list(siblings(path.stem, path.read_text(encoding="utf-8"))) == []
    assert len(list(siblings("dormancy", "from sim.mechanisms.inflammation import MECHANISM"))) == 1


def test_matplotlib_only_in_plots_and_demo():
    users = {
        relative
        for relative in MODULES
        for name in imports(
            ast.parse((PACKAGE / relative).read_text(encoding="utf-8")), ("sim", *Path(relative).parts[:-1])
        )
        if name.split(".")[0] == "matplotlib"
    }
    assert all(Path(user).parts[0] in ("plots", "demo") for user in users), users


@pytest.mark.parametrize("relative", MODULES)
def test_a_file_can_be_read_in_one_sitting(relative):
    text = (PACKAGE / relative).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE_LINES
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "a module says in its first line what it is"


def _made(part: str) -> bool:
    """Whether a file or folder of this name is made by a tool: never committed."""
    hidden = part.startswith(".") and part not in (".ci", ".gitignore")
    return hidden or part in ("results", "__pycache__") or part.endswith(".egg-info")


def kept_files() -> list[Path]:
    """Text files that are, or could be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        everything = [path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*")]
        names = [str(path) for path in everything if not any(map(_made, path.parts))]
    paths = [REPOSITORY / name for name in names]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


# Written in pieces, so that this file does not contain what it looks for.
FORBIDDEN = {
    "a machine's path": re.compile(
        r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot|tm" + r"p|ho" + r"me/\w+|Us" + r"ers/\w+)(?:/|\b)"
    ),
    "a registry's address": re.compile(
        r"https?://[^\s\"']*(?:py" + r"pi\.|python" + r"hosted|/sim" + r"ple/|artif" + r"actory|nex" + r"us)",
        re.IGNORECASE,
    ),
    "a private address": re.compile(r"https?://(?:10|127|172|192)\.\d+\.\d+\.\d+"),
    "work left undone": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_of_a_machine_or_left_undone(what):
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:80]}"
        for path in kept_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "what, line",
    [
        ("a machine's path", "/ro" + "ot/x"),
        ("a machine's path", "see /wo" + "rk/notes"),
        ("a registry's address", "https://py" + "pi.example/sim" + "ple/"),
        ("work left undone", "# TO" + "DO: later"),
    ],
)
def test_what_is_forbidden_is_noticed(what, line):
    assert FORBIDDEN[what].search(line)


def test_links_of_the_readme_lead_somewhere():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert len(targets) >= 4
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []


def test_constraints_hold_versions_only():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins and all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", pin) for pin in pins)


def test_every_dependency_is_pinned():
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [
        *project["dependencies"],
        *(entry for extra in project["optional-dependencies"].values() for entry in extra),
    ]
    names = {re.match(r"[A-Za-z0-9_.-]+", entry)[0].lower() for entry in asked} - {project["name"]}
    pinned = {
        line.split("==")[0].lower()
        for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }
    assert names <= pinned
