"""Finished chunks on disk, so that a stopped run loses nothing and continues where it stopped.

Each chunk is one file, written under a temporary name and then renamed: it is whole or not there,
and one that was damaged later is computed again. The folder is a hidden neighbour of the results;
inside, chunks lie under a name made from what was asked for, the program's sources and the versions:
a changed scenario, seed, program or machine never meets old chunks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, Protocol

from sim.errors import MachineError
from sim.results.whole_file import machine_errors, write_whole
from sim.work import lock
from sim.work.packing import DAMAGE, Packed
from sim.work.workers import Part

_LONGEST_NAME = 100
_LOCK = "lock"


def _hidden_name(name: str) -> str:
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return f".{name}.chunks"


class Store(Protocol):
    """Where the finished chunks of one run are, while it is open as a context."""

    def __enter__(self) -> Store: ...

    def __exit__(self, *error: object) -> None: ...

    def find(self, task: Part) -> Packed | None:
        """A chunk that was kept, or None."""
        ...

    def save(self, task: Part, packed: bytes) -> None:
        """Keep a finished chunk."""
        ...

    def table(self, task: Part, name: str) -> dict[str, Any]:
        """Columns of one table of a kept chunk."""
        ...

    def clear(self) -> None:
        """Forget everything that was kept."""
        ...


class MemoryStore:
    """The finished chunks of a run that writes nothing: they end with it."""

    def __init__(self) -> None:
        self._chunks: dict[str, Packed] = {}

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def find(self, task: Part) -> Packed | None:
        """A chunk that is finished; None where it is not."""
        return self._chunks.get(task.name)

    def save(self, task: Part, packed: bytes) -> None:
        """Hold a finished chunk, as small as it was packed."""
        self._chunks[task.name] = Packed(packed)

    def table(self, task: Part, name: str) -> dict[str, Any]:
        """Columns of one table of a finished chunk."""
        return self._chunks[task.name].table(name)

    def clear(self) -> None:
        """Let all of them go."""
        self._chunks.clear()


class ChunkStore:
    """The finished chunks of one run; while it is open as a context, no other run has them.

    Entering makes the folder; leaving removes it where nothing was kept. Entering raises MachineError
    where another run writes to the same results, or where the folder cannot be made.
    """

    def __init__(self, out: Path, key: str):
        self.out = Path(os.path.abspath(out))
        self.key = key
        self._place(self.out.parent / _hidden_name(self.out.name))
        self._lock: int | None = None
        self._made: list[Path] = []

    def _place(self, top: Path) -> None:
        self.top, self.folder = top, top / self.key

    def __enter__(self) -> ChunkStore:
        try:
            self._open()
        except KeyboardInterrupt:  # halfway in
            self.__exit__()
            raise
        return self

    def _open(self) -> None:
        self._made = [folder for folder in self.out.parents if not folder.exists()]
        doing = "the finished parts of the run cannot be kept"
        try:
            self.top.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            # As for the results: where the neighbourhood is closed, the folder itself may be open.
            with machine_errors(self.out, doing):
                if not self.out.is_dir():
                    raise error
                self._place(self.out / ".staging-chunks")
                self.top.mkdir(exist_ok=True)
        try:
            with machine_errors(self.top, doing):
                self._lock = lock.acquire(self.top / _LOCK)
                self.folder.mkdir(parents=True, exist_ok=True)
        except lock.FolderInUse as error:
            raise MachineError(
                f"{self.out}: another run is writing there; wait until it ends, or choose another folder with --out"
            ) from error

    def __exit__(self, *_: object) -> None:
        if not any(self.top.glob("*/[!.]*.npz")):
            self.clear()
            for folder in self._made:
                try:
                    folder.rmdir()
                except OSError:  # not empty, or gone
                    break
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _file(self, task: Part) -> Path:
        return self.folder / f"{task.name}.npz"

    def find(self, task: Part) -> Packed | None:
        """A chunk that was kept; None where it is missing or damaged (then it is removed)."""
        file = self._file(task)
        if not file.is_file():
            return None
        packed = Packed(file)
        if packed.is_whole(task.start, task.stop):
            return packed
        with machine_errors(self.folder, "a damaged part of the run cannot be removed"):
            file.unlink(missing_ok=True)
        return None

    def save(self, task: Part, packed: bytes) -> None:
        """Keep a finished chunk. Raises MachineError when the disk does not take it."""
        with machine_errors(self.folder, "a finished part of the run cannot be written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._file(task), packed)

    def table(self, task: Part, name: str) -> dict[str, Any]:
        """Columns of one table of a kept chunk. Raises MachineError where they cannot be read any more."""
        try:
            return Packed(self._file(task)).table(name)
        except DAMAGE as error:
            raise MachineError(
                f"{self._file(task)}: a finished part of the run cannot be read any more ({error}); "
                "run the same command again"
            ) from error

    def clear(self) -> None:
        """Forget everything that was kept for these results, also for earlier questions."""
        shutil.rmtree(self.top, ignore_errors=True)
