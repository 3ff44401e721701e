"""The shape of the repository: imports point one way, files stay small, nothing of a machine leaks in."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "sim"
LONGEST_FILE_LINES = 400

# Lowest floor first: a package imports from its own floor's room, and from floors below it.
FLOORS = (
    ("errors", "names", "units", "messages"),
    ("finding", "machine"),
    ("numerics",),
    ("catalog",),
    ("disease",),
    ("mechanisms", "treatments"),
    ("observe",),
    ("model",),
    ("results",),
    ("scenario",),
    ("work",),
    ("runs",),
    ("sweeps",),
    ("analysis",),
    ("plots",),
    ("report",),
    ("demo",),
    ("library",),
    ("cli",),
    ("__init__", "__main__"),
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
MOST_FILES_AT_THE_TOP = 10


def imports(tree: ast.AST, package: tuple[str, ...]):
    """Dotted names that a module imports, wherever the import stands; relative ones are made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *(node.module or "").split("."))).strip(".")
            # `from sim import model` imports a module; `from sim.model import X` a name.
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def room_of(relative: str) -> str:
    """The room of a file: its package, or its own name where it stands at the top."""
    return Path(relative).parts[0].removesuffix(".py")


def arrows(relative: str, source: str):
    """Pairs of the room of the file `relative` to sim/, and another room of which it imports something."""
    for name in imports(ast.parse(source), ("sim", *Path(relative).parts[:-1])):
        words = name.split(".")
        if words[0] == "sim" and len(words) > 1 and words[1] != room_of(relative):
            yield room_of(relative), words[1]


def upward(pairs):
    """Arrows that do not point down to a lower floor."""
    return sorted({(a, b) for a, b in pairs if FLOOR.get(b, len(FLOORS)) >= FLOOR.get(a, -1)})


MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def sources():
    """(path relative to sim/, text) of every module."""
    return [(relative, (PACKAGE / relative).read_text(encoding="utf-8")) for relative in MODULES]


def test_every_room_has_a_floor():
    assert {room_of(relative) for relative in MODULES} <= FLOOR.keys()


def test_imports_point_one_way():
    """No room imports from a higher one, whatever the file, wherever the import stands: so there is no circle either."""
    assert upward(pair for relative, text in sources() for pair in arrows(relative, text)) == []


def test_few_files_stand_at_the_top():
    assert len([relative for relative in MODULES if "/" not in relative]) <= MOST_FILES_AT_THE_TOP


@pytest.mark.parametrize(
    ("relative", "source"),
    [
        ("disease/body.py", "from sim.model import MetastasisModel"),
        ("disease/body.py", "def f():\n    from sim import runs"),
        ("mechanisms/dormancy.py", "from ..model import step"),
        ("mechanisms/dormancy.py", "from sim.treatments import REGISTRY"),
        ("numerics/streams.py", "import sim.cli"),
        ("work/workers.py", "from sim.runs.task import CohortTask"),
    ],
)
def test_an_upward_import_is_noticed(relative, source):
    assert len(upward(arrows(relative, source))) == 1


def test_work_knows_no_science():
    """Workers, kept chunks and locks serve whatever task they are given."""
    science = {"catalog", "disease", "mechanisms", "treatments", "model", "observe", "scenario"}
    known = {pair for relative, text in sources() if room_of(relative) == "work" for pair in arrows(relative, text)}
    assert not {room for _, room in known} & science


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


OF_A_SYSTEM = {"fcntl", "resource", "signal", "msvcrt", "ctypes", "termios", "pwd", "grp"}
STARTS_PROCESSES = {
    "get_context",
    "get_all_start_methods",
    "set_start_method",
    "fork",
    "forkpty",
    "Pool",
    "ProcessPoolExecutor",
}


def of_a_system(source: str, package: tuple[str, ...] = ("sim",)):
    """What of a module differs between systems: imports of OF_A_SYSTEM, and ways to start processes."""
    tree = ast.parse(source)
    yield from (name for name in imports(tree, package) if name.split(".")[0] in OF_A_SYSTEM)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in STARTS_PROCESSES:
            yield node.attr
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.name in STARTS_PROCESSES)


def test_one_module_knows_how_systems_differ():
    """Locks, limits, signals and the start method stand in sim/machine.py; and nobody forks, there neither."""
    found = {relative: set(of_a_system(text)) for relative, text in sources()}
    assert {relative for relative, names in found.items() if names} == {"machine.py"}
    assert not found["machine.py"] & {"fork", "forkpty", "set_start_method"}


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "def f():\n    from resource import getrusage",
        "import os\nos.fork()",
        "from multiprocessing import get_context",
        "import multiprocessing\nmultiprocessing.set_start_method('fork')",
    ],
)
def test_what_differs_between_systems_is_noticed(source):
    assert list(of_a_system(source))


def test_a_file_can_be_read_in_one_sitting():
    assert [relative for relative, text in sources() if len(text.splitlines()) > LONGEST_FILE_LINES] == []


def test_a_module_says_in_its_first_line_what_it_is():
    assert [relative for relative, text in sources() if not ast.get_docstring(ast.parse(text))] == []


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
        r"https?://[^\s\"']*(?:py" + r"pi\.|python" + r"hosted|/sim" + r"ple/|artif" + r"actory|nex" + r"us)", re.I
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
        # All extras can be installed together but that of lifelines, which refuses the pinned pandas.
        *(entry for name, extra in project["optional-dependencies"].items() for entry in extra if name != "lifelines"),
    ]
    names = {re.match(r"[A-Za-z0-9_.-]+", entry)[0].lower() for entry in asked} - {project["name"]}
    pinned = {
        line.split("==")[0].lower()
        for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }
    assert names <= pinned
