"""Digests of a sweep's tables while they change: the manifest knows a file's digest before the file takes its place.

So at every moment, after a kill too, each file that is there has the digest that `files` or `arriving` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.results import sealed

ARRIVING = "arriving"
AGAIN = "give the sweep's command again"


def _texts(given: Any) -> dict[str, str]:
    return {str(name): str(digest) for name, digest in given.items()} if isinstance(given, Mapping) else {}


class Digests:
    """The digests of the files in a sweep's folder, by their path in it; `announce` writes the manifest."""

    def __init__(self, manifest: Mapping[str, Any], announce: Callable[[], None] = lambda: None) -> None:
        self._files, self._arriving = _texts(manifest.get(sealed.FILES)), _texts(manifest.get(ARRIVING))
        self._announce = announce

    def told(self) -> dict[str, dict[str, str]]:
        """What the manifest is to say."""
        return {sealed.FILES: dict(sorted(self._files.items())), ARRIVING: dict(sorted(self._arriving.items()))}

    @property
    def names(self) -> list[str]:
        """Files that are there, or may be."""
        return sorted(self._files.keys() | self._arriving.keys())

    def will_be(self, name: str, digest: str) -> None:
        """A file is about to take its place. Raises MachineError, as the manifest does."""
        self._arriving[name] = digest
        self._announce()

    def is_there(self, name: str) -> None:
        """It has taken its place."""
        self._files[name] = self._arriving.pop(name)

    def will_go(self, name: str) -> None:
        """A file is about to be removed. Raises MachineError, as the manifest does."""
        if name in self._files or name in self._arriving:
            self._files.pop(name, None)
            self._arriving.pop(name, None)
            self._announce()

    def holds(self, folder: Path, name: str) -> bool:
        """Whether a file is there, and is what was written. Raises OSError."""
        try:
            return sealed.digest_of(folder / name) in (self._files.get(name), self._arriving.get(name))
        except FileNotFoundError:
            return False

    def check(self, folder: Path) -> list[str]:
        """The files that are there, all intact. Raises InputError that names the first that is not."""
        there = []
        for name in self.names:
            file = folder / name
            if not file.exists() and name not in self._files:
                continue  # it was about to come
            sealed.check_file(file, [known[name] for known in (self._files, self._arriving) if name in known], AGAIN)
            there.append(name)
        return there
