"""Finished chunks on disk, so that an interrupted run loses nothing and continues where it stopped.

Each chunk is one compressed numpy file, written under a temporary name and then renamed: it is whole
or not there. The folder is a hidden neighbour of the results, named by what was asked for and by the
program's own sources: a changed scenario, seed or program never meets old chunks.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np

from sim.experiment.chunk import Chunk, Task
from sim.scenario import Scenario
from sim.storage import machine_errors

_PACKAGE = Path(__file__).resolve().parent.parent
_NOT_SCIENCE = ("name", "file", "title", "question", "patients")


def identity(scenario: Scenario, seed: int, keep_seeds: bool, keep_events: bool) -> str:
    """Sixteen hexadecimal digits of everything that a patient's course depends on, but its number."""
    wanted = {key: value for key, value in scenario.to_dict().items() if key not in _NOT_SCIENCE}
    digest = hashlib.sha256(json.dumps([wanted, seed, keep_seeds, keep_events], sort_keys=True).encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _flatten(prefix: str, value) -> dict[str, np.ndarray]:
    if isinstance(value, dict):
        out: dict[str, np.ndarray] = {}
        for key, item in value.items():
            out |= _flatten(f"{prefix}/{key}", item)
        return out
    if value is None:
        return {f"{prefix}?": np.empty(0)}
    if isinstance(value, np.ma.MaskedArray):
        return {f"{prefix}": value.data, f"{prefix}!": np.ma.getmaskarray(value)}
    return {prefix: np.asarray(value)}


def _unflatten(stored) -> dict:
    out: dict = {}
    for name in stored.files:
        if name.endswith("!"):
            continue
        *path, last = name.rstrip("?").split("/")
        place = out
        for key in path:
            place = place.setdefault(key, {})
        if name.endswith("?"):
            place[last] = None
        elif f"{name}!" in stored.files:
            place[last] = np.ma.MaskedArray(stored[name], mask=stored[f"{name}!"])
        else:
            place[last] = stored[name]
    return out


class ChunkStore:
    """The finished chunks of one run."""

    def __init__(self, out: Path, key: str):
        self.out = Path(os.path.abspath(out))
        self.folder = self.out.parent / f".{self.out.name}.chunks" / key

    def _file(self, task: Task) -> Path:
        return self.folder / f"{task.name}.npz"

    def has(self, task: Task) -> bool:
        """Whether the chunk is there, whole."""
        return self._file(task).is_file()

    def save(self, task: Task, chunk: Chunk) -> None:
        """Keep a finished chunk. Raises MachineError when the disk does not take it."""
        with machine_errors(self.folder, "a finished part of the run cannot be written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f".{task.name}-{os.getpid()}.npz"
            try:
                parts = {"tables": chunk.tables, "seeding": chunk.seeding, "cascade": chunk.cascade}
                with temporary.open("wb") as file:
                    np.savez(file, **{name: array for part, value in parts.items()
                                      for name, array in _flatten(part, value).items()})
                os.replace(temporary, self._file(task))
            finally:
                temporary.unlink(missing_ok=True)

    def load(self, task: Task) -> Chunk:
        """Read a chunk back."""
        with machine_errors(self.folder, "a finished part of the run cannot be read"), np.load(self._file(task)) as stored:
            parts = _unflatten(stored)
        return Chunk(parts["tables"], parts["seeding"], parts["cascade"])

    def clear(self) -> None:
        """Forget everything that was kept for this output folder, also for earlier questions."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)
