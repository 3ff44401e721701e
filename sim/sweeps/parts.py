"""Finished blocks of a sweep, each one file: whole or not there, and computed again where it was damaged.

Parts are what a sweep has finished; its tables are made from them. They lie in a hidden folder inside the
sweep's, under a name made from their runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim.results.whole_file import machine_errors, write_whole
from sim.work.packing import DAMAGE, Packed

ENDING = ".part"
_DOING = "a finished part of the sweep cannot be written"


def write_part(folder: Path, name: str, packed: bytes) -> None:
    """Put a packed block into `folder`, made where it is missing.

    Raises MachineError when the disk does not take it.
    """
    with machine_errors(folder, _DOING):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{name}{ENDING}", packed)


class Part:
    """One part: which runs it has, which of them failed, and on what machine."""

    def __init__(self, source: Path | bytes):
        packed = Packed(source)
        self.file = source if isinstance(source, Path) else Path("a part in memory")
        self._packed = packed
        failures = packed.table("failures")
        self.failures = dict(zip(failures["run"].tolist(), failures["error"].tolist(), strict=True))
        self.machine: dict[str, str] = json.loads(str(packed.table("machine")["versions"][0]))
        self.runs = tuple(packed.table("done")["run"].tolist())

    def table(self, name: str) -> dict[str, Any]:
        """Columns of `runs` or `patients`."""
        return self._packed.table(name)


def read_parts(folder: Path, *, alone: bool) -> Iterator[Part]:
    """All intact parts in `folder`; damaged ones are removed, and, if we are `alone`, those left half-written."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.suffix == ENDING:
            try:
                if Packed(file).is_intact():
                    yield Part(file)
                    continue
            except DAMAGE:
                pass
        elif not alone:
            continue  # somebody else may be writing it
        with machine_errors(folder, "a damaged part of the sweep cannot be removed"):
            file.unlink(missing_ok=True)
