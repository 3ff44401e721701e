"""The folder of a sweep: who may write there, and what lies where.

sweep.json                      what made it, and how far it is
runs/, patients/                the data sets: scenario=NAME/NUMBER.parquet
failures.parquet                runs that failed, with their errors
.sweep/parts, staging, lock     what is finished; for continuing, and for a changed plan
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.errors import InputError, MachineError
from sim.results import sealed
from sim.results.manifest import SCENARIO_SHAPE, STATUSES
from sim.results.shape import Each, Many, Within, Words, fault
from sim.results.storage import check_possible, json_text
from sim.results.whole_file import machine_errors, make_folders, write_whole
from sim.sweeps.digests import AGAIN, ARRIVING, Digests
from sim.sweeps.plan import SWEEP_SCHEMA
from sim.work import lock

MANIFEST = "sweep.json"
HIDDEN = ".sweep"
READ = ("1", "2", "3", SWEEP_SCHEMA)
"""Versions that this program reads. Version 1 need not tell when a liver's symptoms came: null there.

Until version 2 everybody was diagnosed by the primary, on the reference day; until version 3 neither T nor grade
was told.
"""
_COUNT = Within(0, 2**63)
_SHAPE: Mapping[str, Any] = {
    "schema_version": str,
    "status": Words(("running", *STATUSES)),
    "command_line?": Many(str),
    "plan": {"name": str, "title": str, "design": str, "text": str, "file?": str},
    "factors": Many({"name": str, "type": str, "meaning": str}),
    "scenarios": Many({**SCENARIO_SHAPE, "cohort": (str, type(None)), "treatment": (str, type(None))}),
    "seed": _COUNT,
    "replicates?": _COUNT,
    "paired?": bool,
    "points": _COUNT,
    "runs": _COUNT,
    "runs_finished": _COUNT,
    "runs_failed": _COUNT,
    "machines?": Many(Each(str)),
    "commit?": str,
    "start?": str,
    "wall_seconds?": Within(0.0, 1e12),
    "peak_memory_bytes?": (int, type(None)),
    "files?": Each(str),
    "arriving?": Each(str),
}
_DOING = "the folder of the sweep cannot be written"


class SweepFolder:
    """A sweep's folder, locked while it is open as a context: one sweep at a time, or the shards of one.

    A lock ends with its process, however that ends. Entering makes the folder; leaving removes one in which
    nothing was kept. Entering raises InputError where the folder holds something else, MachineError where
    another sweep has it or it cannot be made.
    """

    def __init__(self, out: Path, shard: tuple[int, int] | None = None):
        self.path = Path(os.path.abspath(out))
        self.parts = self.path / HIDDEN / "parts"
        self.staging = self.path / HIDDEN / "staging"
        self._shard = shard
        self._locks: list[int] = []
        self._made: list[Path] = []

    @property
    def is_ours_alone(self) -> bool:
        """Whether no shard of the sweep can be writing."""
        return self._shard is None

    def __enter__(self) -> SweepFolder:
        check_possible(self.path, (MANIFEST, HIDDEN), "sweep")
        self._made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        with machine_errors(self.path, _DOING):
            make_folders(self.path / HIDDEN)
        try:
            self._acquire()
        except lock.FolderInUse as error:
            which = "this shard" if self._locks else "a sweep"
            self._release()
            raise MachineError(
                f"{self.path}: {which} is being written there by another process; wait until it ends, "
                "or choose another folder with --out"
            ) from error
        if self.is_ours_alone:
            with machine_errors(self.path, _DOING):
                shutil.rmtree(self.staging, ignore_errors=True)
        return self

    def _acquire(self) -> None:
        hidden = self.path / HIDDEN
        with machine_errors(self.path, _DOING):
            self._locks.append(lock.acquire(hidden / "lock", shared=self._shard is not None))
            if self._shard is not None:
                self._locks.append(lock.acquire(hidden / f"lock-{self._shard[0]}-of-{self._shard[1]}"))

    def take_alone(self) -> bool:
        """After a shard: have the folder alone, if no other shard is writing."""
        self._release()
        try:
            with machine_errors(self.path, _DOING):
                self._locks.append(lock.acquire(self.path / HIDDEN / "lock"))
        except lock.FolderInUse:
            return False
        self._shard = None
        return True

    def _release(self) -> None:
        while self._locks:
            os.close(self._locks.pop())

    def __exit__(self, *_: object) -> None:
        kept = self.parts.is_dir() and any(self.parts.iterdir())
        if self._made and not kept and self.is_ours_alone:
            shutil.rmtree(self.path / HIDDEN, ignore_errors=True)
            (self.path / MANIFEST).unlink(missing_ok=True)
            for folder in self._made:
                try:
                    folder.rmdir()
                except OSError:  # not empty, or gone
                    break
        self._release()

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace `sweep.json`. Raises MachineError."""
        with machine_errors(self.path, "the manifest of the sweep cannot be written"):
            write_whole(self.path / MANIFEST, sealed.seal(json_text(manifest)), self.staging)

    def digests(self, announce: Callable[[], None]) -> Digests:
        """The digests of the tables that are there; none where the manifest is damaged: all are made again."""
        try:
            return Digests(read_manifest(self.path)[1] or {}, announce)
        except InputError:
            return Digests({}, announce)


def read_manifest(path: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The content of `sweep.json` in a folder, and what it says of digests; None where it was written before them.

    Raises InputError where there is none, or it is damaged.
    """
    file = Path(path) / MANIFEST
    try:
        manifest, is_sealed = sealed.unseal(file, AGAIN)
    except FileNotFoundError:
        raise InputError(f"{path}: not a sweep: it holds no {MANIFEST}") from None
    if "schema_version" not in manifest:
        raise InputError(f"{file}: no schema_version; this is not the manifest of a sweep")
    if isinstance(version := manifest["schema_version"], str) and version not in READ:
        raise InputError(
            f"{file}: schema_version: found {version!r}, this program reads {', '.join(READ)}; a newer program wrote "
            "this sweep: update this one"
        )
    if (wrong := fault(manifest, _SHAPE)) is not None:
        raise InputError(f"{file}: {wrong}; {AGAIN}")
    digests = {key: manifest.pop(key, {}) for key in (sealed.FILES, ARRIVING)}
    return manifest, digests if is_sealed else None
