"""A finished chunk as bytes: one zip file of plain numpy arrays, with a checksum of it all behind.

Workers pack, so that the parent has only to put the bytes on disk; nothing is ever unpickled.
Sorted keys of the sparse histograms are kept as steps, which makes them small.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_FAST = 1  # zlib's level: packing must cost little beside computing
_STEPS = ("bin", "row")
_DIGEST_BYTES = 32
_TABLES, _SEEDING, _CASCADE = "tables", "seeding", "cascade"
DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, NotImplementedError)
"""What reading a damaged file may raise."""


@dataclass
class Chunk:
    """What a finished task leaves: tables by name, sparse histograms by clock, counts by step."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    seeding: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    cascade: dict[str, np.ndarray] = field(default_factory=dict)


def _flatten(prefix: str, value: Any) -> dict[str, np.ndarray]:
    """Nested columns as flat arrays: `?` marks a column that is all null, `!` the mask of a masked one."""
    if isinstance(value, dict):
        return {name: array for key, item in value.items() for name, array in _flatten(f"{prefix}/{key}", item).items()}
    if value is None:
        return {f"{prefix}?": np.empty(0)}
    if isinstance(value, np.ma.MaskedArray):
        return {prefix: value.data, f"{prefix}!": np.ma.getmaskarray(value)}
    return {prefix: np.asarray(value)}


def _to_steps(keys: np.ndarray) -> np.ndarray:
    return np.diff(keys, prepend=0).astype(np.int64)


def pack(chunk: Chunk) -> bytes:
    """All arrays of a chunk."""
    seeding = {
        clock: {key: _to_steps(value) if key in _STEPS else value for key, value in part.items()}
        for clock, part in chunk.seeding.items()
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as file:
        for part, value in ((_TABLES, chunk.tables), (_SEEDING, seeding), (_CASCADE, chunk.cascade)):
            for name, array in _flatten(part, value).items():
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue() + hashlib.sha256(buffer.getbuffer()).digest()  # zip readers skip what stands behind


class Packed:
    """A packed chunk, in memory or in a file, whose parts are read when they are asked for."""

    def __init__(self, source: bytes | Path):
        self._source = source

    def _open(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(io.BytesIO(self._source) if isinstance(self._source, bytes) else self._source)

    def _read(self, part: str) -> dict[str, Any]:
        out: dict[str, Any] = {}
        with self._open() as file:
            members = [name.removesuffix(".npy") for name in file.namelist() if name.startswith(f"{part}/")]
            if not members:
                raise KeyError(part)
            for name in members:
                *path, last = name.removeprefix(f"{part}/").split("/")
                place = out
                for key in path:
                    place = place.setdefault(key, {})
                if last.endswith("?"):
                    place[last[:-1]] = None
                    continue
                with file.open(f"{name}.npy") as member:
                    array = np.lib.format.read_array(member, allow_pickle=False)
                if last.endswith("!"):
                    place[last[:-1]] = np.ma.MaskedArray(place[last[:-1]], mask=array)
                else:
                    place[last] = array
        return out

    def table(self, name: str) -> dict[str, Any]:
        """Columns of one table."""
        return self._read(f"{_TABLES}/{name}")

    def seeding(self) -> dict[str, dict[str, np.ndarray]]:
        """Sparse histograms by clock, as `ClockHistogram.sparse` gives them."""
        return {
            clock: {key: np.cumsum(value) if key in _STEPS else value for key, value in part.items()}
            for clock, part in self._read(_SEEDING).items()
        }

    def cascade(self) -> dict[str, np.ndarray]:
        """Cells by step of the cascade."""
        return self._read(_CASCADE)

    def is_intact(self) -> bool:
        """Whether not a bit has changed since it was packed."""
        try:
            stored = self._source if isinstance(self._source, bytes) else self._source.read_bytes()
        except OSError:
            return False
        content, digest = memoryview(stored)[:-_DIGEST_BYTES], stored[-_DIGEST_BYTES:]
        return hashlib.sha256(content).digest() == digest

    def is_whole(self, start: int, stop: int) -> bool:
        """Whether it is intact and the patients are `start` to `stop`."""
        try:
            return self.is_intact() and np.array_equal(self.table("patients")["patient"], np.arange(start, stop))
        except DAMAGE:
            return False
