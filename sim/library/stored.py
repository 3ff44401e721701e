"""`open`: what lies in a folder of results, as a notebook holds it."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

from sim.analysis.answer_file import ANSWER, SHAPE
from sim.errors import InputError, Remark
from sim.library.answers import Answer
from sim.library.cohorts import Run
from sim.library.plans import Sweep
from sim.messages import describe
from sim.results import reading, sealed
from sim.results.shape import fault
from sim.scenario.expectations import slug
from sim.sweeps import folder as sweeps
from sim.sweeps import read


def open(path: str | os.PathLike[str]) -> Run | Answer | Sweep:  # noqa: A001
    """The run, the answer or the sweep in a folder of results; tables are read when they are first asked for.

    Raises InputError where the folder holds none of them, or something that cannot be read.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"path: found {describe(path)}; allowed: a folder of results")
    folder = Path(os.fsdecode(path))
    if (folder / sweeps.MANIFEST).is_file() or (folder / sweeps.HIDDEN).is_dir():
        return Sweep.of(read.open(folder))
    if (folder / ANSWER).is_file():
        return _answer(folder)
    return Run.of(reading.open(folder))


def _answer(folder: Path) -> Answer:
    file = folder / ANSWER
    content, is_sealed = sealed.unseal(file, "ask again")
    if "arms" not in content:
        raise InputError(f"{file}: the question is not answered yet: give the same command again")
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{file}: found a text that is not UTF-8; allowed: texts in UTF-8; ask again") from None
    if (wrong := fault(content, SHAPE)) is not None:
        raise InputError(f"{file}: {wrong}; ask again")
    if not is_sealed:
        warnings.warn(f"{file}: {sealed.NOTE}", Remark, stacklevel=3)
    names = [arm["arm"] for arm in content["arms"]]
    there = {name: folder / slug(name) for name in names}
    runs = {name: Run.of(reading.open(place)) for name, place in there.items() if (place / reading.MANIFEST).is_file()}
    return Answer(content, runs)
