"""The list of mutants fits the program, and the tool that runs them chooses the right tests. `make mutants` runs them."""

from collections import Counter

import pytest
from every import assert_every

from sim.mechanisms import REGISTRY
from tests import mutants
from tests.mutants import REPOSITORY, Mutant

ALL = mutants.load()


def check(mutant: Mutant) -> None:
    text = (REPOSITORY / mutant.file).read_text(encoding="utf-8")
    changed = mutant.applied(text)
    assert changed != text and mutant.new not in (mutant.old, ""), "changes nothing"
    compile(changed, mutant.file, "exec")
    assert text.count(mutant.old) == 1 or mutant.occurrence > 1, "say which of them"
    for name in mutant.named:
        file, _, test = name.partition("::")
        source = (REPOSITORY / file).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in source, f"{name} is no test"
    assert mutants.tests_of(mutant, REPOSITORY / "tests"), "no test imports it"


def test_every_mutant_fits_the_program_as_it_is():
    """A text that has changed since would be a mutant no longer: the list would shrink, and nobody would see it."""
    assert_every(check, ALL, name=lambda mutant: mutant.name)


def test_names_are_unique():
    """Results are kept by name."""
    assert [name for name, count in Counter(mutant.name for mutant in ALL).items() if count > 1] == []


def test_every_null_of_every_mechanism_has_a_mutant():
    """A mechanism that comes later is asked for its own."""
    of_nulls = {mutant.old.split('"')[1] for mutant in ALL if mutant.what.startswith("null: ")}
    assert of_nulls == {name for mechanism in REGISTRY.values() for name in mechanism.null}


def a_mutant(**changes) -> Mutant:
    return Mutant(**{"file": "sim/a.py", "what": "x", "old": "1", "new": "2", "occurrence": 1, "named": ()} | changes)


def test_one_occurrence_is_replaced():
    assert a_mutant().applied("1 + 1 + 1") == "2 + 1 + 1"
    assert a_mutant(occurrence=3).applied("1 + 1 + 1") == "1 + 1 + 2"
    for wrong in (a_mutant(occurrence=4), a_mutant(old="3"), a_mutant(old="")):
        with pytest.raises(ValueError, match="is not . times in sim/a.py"):
            wrong.applied("1 + 1 + 1")


@pytest.fixture
def checkout(tmp_path):
    """A repository of a module, tests that do and do not import it, and what they share."""
    for name, text in {
        "sim/a.py": "x = 1\n", "sim/deep/__init__.py": "", "scenarios/one.toml": "a = 1\n", "tests/helper.py": "import sim.a\n",
        "tests/test_long.py": "import sim.a\n" + "\n" * 90, "tests/test_short.py": "def test():\n    from sim import a\n",
        "tests/test_name.py": "from sim.a import x\n\n\n", "tests/test_other.py": "from sim import b\nimport sim.ab\n",
        "tests/test_package.py": "from sim.deep import y\n",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_mutant_meets_the_tests_that_import_its_module_and_those_that_are_named(checkout):
    found = mutants.tests_of(a_mutant(named=("tests/test_other.py::test_it", "tests/test_long.py")), checkout / "tests")
    assert found == [
        "tests/test_name.py",
        "tests/test_other.py::test_it",
        "tests/test_short.py",
        "tests/test_long.py",
    ], "small files first"
    assert mutants.tests_of(a_mutant(slow=("tests/test_long.py", "tests/test_name.py")), checkout / "tests") == [
        "tests/test_short.py"
    ]
    assert mutants.tests_of(a_mutant(file="sim/deep/__init__.py"), checkout / "tests") == ["tests/test_package.py"]


def test_a_mutant_is_run_again_when_what_it_depends_on_changes(checkout):
    """The program, a scenario, a helper, the mutant itself or one of its tests; another mutant's test changes nothing."""

    def key(mutant):
        return mutants.key_of(mutant, checkout, mutants.sources_digest(checkout))

    before = key(a_mutant())
    assert key(a_mutant()) == before != key(a_mutant(new="3"))
    for name in ("sim/a.py", "scenarios/one.toml", "tests/helper.py", "tests/test_short.py", "tests/test_other.py"):
        path = checkout / name
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\n", encoding="utf-8")
        assert (key(a_mutant()) != before) == (name != "tests/test_other.py"), name
        path.write_text(text, encoding="utf-8")
