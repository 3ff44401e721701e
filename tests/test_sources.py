"""What was computed once stays good until a file changes that it is made from, and no longer: read from the imports."""

import ast
import shutil

import pytest

from sim.analysis.points import PointsTask
from sim.numerics import machine_code, sources
from sim.runs.counterfactuals import CounterfactualTask
from sim.runs.task import CohortTask
from sim.sweeps.block import Block

RENEWED_BY = {
    "a page": ("sim.report.page", ()),
    "a figure": ("sim.plots.seeding", ()),
    "a command": ("sim.cli", ()),
    "the classroom": ("sim.demo.film", ()),
    "a sweep's record": ("sim.sweeps.record", ("sweep",)),
    "a design": ("sim.sweeps.designs", ()),
    "the points of a design": ("sim.analysis.points", ("points",)),
    "theory": ("sim.analysis.closed_form.theory", ("points",)),
    "a column": ("sim.runs.tables", ("cohort", "arms", "points", "sweep")),
    "a mechanism": ("sim.mechanisms.dormancy", ("cohort", "arms", "points", "sweep")),
    "a treatment": ("sim.treatments.senolytic", ("cohort", "arms", "points", "sweep")),
    "a law of death": ("sim.disease.death", ("cohort", "arms", "points", "sweep", "kernels")),
    "the catalogue": ("sim.catalog", ("cohort", "arms", "points", "sweep", "kernels")),
    "a reader of results": ("sim.results.reading", ()),
    "the columns of results": ("sim.results.schema", ("cohort", "arms", "points", "sweep")),
    "the library": ("sim.library.cohorts", ()),
    "remarks on a scenario": ("sim.scenario.remarks", ()),
    "workers": ("sim.work.workers", ()),
    "how arrays are packed": ("sim.work.packing", ("cohort", "arms", "points", "sweep")),
    "a kernel": ("sim.disease.settling", ("cohort", "arms", "points", "sweep", "kernels")),
    "a sampler": ("sim.numerics.samplers", ("cohort", "arms", "points", "sweep", "kernels")),
    "the keyed numbers": ("sim.numerics.streams", ("cohort", "arms", "points", "sweep", "kernels")),
    "the closed lists": ("sim.names", ("cohort", "arms", "points", "sweep", "kernels")),
}
"""One file of each part of the program, and what is computed again when it is edited."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The sources alone, to edit."""
    folder = tmp_path_factory.mktemp("copy") / "sim"
    shutil.copytree(sources.PACKAGE, folder, ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    return folder


def digests(package) -> dict[str, str]:
    tasks = {"cohort": CohortTask, "arms": CounterfactualTask, "points": PointsTask, "sweep": Block}
    made = {name: sources.digest(sources.reached(task.loads, package)) for name, task in tasks.items()}
    return made | {"kernels": machine_code.source_hash(package)}


@pytest.mark.parametrize("what", RENEWED_BY)
def test_an_edit_renews_what_is_made_from_the_file_and_nothing_else(copy, what):
    module, renewed = RENEWED_BY[what]
    before, path = digests(copy), sources.modules(copy)[module]
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(text + "\n# edited\n", encoding="utf-8")
        after = digests(copy)
    finally:
        path.write_text(text, encoding="utf-8")
    assert {name for name in before if before[name] != after[name]} == set(renewed)


def test_every_package_has_an_edit():
    """A new package needs a line above: who is renewed by it?"""
    packages = {
        name.split(".")[1] for name, path in sources.modules().items() if path.name == "__init__.py" and name != "sim"
    }
    assert packages <= {module.split(".")[1] for module, _ in RENEWED_BY.values()}


def test_import_lines_say_what_the_syntax_tree_says():
    """The scanner is fast because it does not parse: here it is held against the parser, file by file."""
    known, wrong = sources.modules(), []
    for name, path in known.items():
        text = path.read_text(encoding="utf-8")
        expected = set()
        tree = ast.parse(text)
        tree.body = [
            node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                expected |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: imports are absolute here"
                expected |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        expected = {
            ".".join(parts[:depth])
            for parts in (word.split(".") for word in expected)
            for depth in range(2, len(parts) + 1)
        }
        if sources.imported(text, known) != expected & set(known):
            wrong.append(name)
    assert wrong == []


def test_decorators_are_imported_in_a_way_that_is_seen():
    """A module that holds compiled functions is known by its import of the decorator."""
    seen, wrong = set(machine_code.compiled_modules()), []
    for name, path in sources.modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {
            decorator.id
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
            for decorator in node.decorator_list
            if isinstance(decorator, ast.Name)
        }
        if (used & {"kernel", "inlined"}) and name not in seen:
            wrong.append(name)
    assert wrong == [] and len(seen) > 10
