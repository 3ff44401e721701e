"""What all tests share: the repository's folder, the front door as a process, and hypothesis' settings."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "Agg")  # no test may need a screen

# The same examples every time: a test that fails once fails again. `make long` looks further.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's top folder."""
    return REPOSITORY


@pytest.fixture
def front_door():
    """Call `run_sim.py` as a process of its own: front_door("list", cwd=...) -> CompletedProcess with text."""

    def call(*arguments, cwd=REPOSITORY, python=(sys.executable,), timeout_seconds=300, **environment):
        return subprocess.run(
            [*python, str(REPOSITORY / "run_sim.py"), *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout_seconds,
        )

    return call


def pytest_collection_modifyitems(items):
    """With TESTS_IN_ORDER=seed: files, and the tests in each, in random order (`make hostile`)."""
    seed = os.environ.get("TESTS_IN_ORDER")
    if seed:
        dice = random.Random(int(seed))
        files = sorted({item.path for item in items})
        dice.shuffle(files)
        place = {path: number for number, path in enumerate(files)}
        order = {item: (place[item.path], dice.random()) for item in items}
        items.sort(key=order.__getitem__)
