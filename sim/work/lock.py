"""One run at a time in a folder: a lock that the system lets go when its process ends, however it ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from sim import machine

_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


class FolderInUse(Exception):
    """Another process, or another run of this one, holds the lock."""


def acquire(file: Path, *, shared: bool = False) -> int:
    """Lock `file`, made where it is missing; returns the descriptor to close. Raises FolderInUse, OSError.

    `shared` locks go together with each other, not with one that is not (Windows has none: there they do not).
    """
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            machine.try_lock(descriptor, shared=shared)
        except OSError as error:
            if error.errno in _HELD:
                os.close(descriptor)
                raise FolderInUse from error
            return descriptor  # a file system without locks: go on without one
        try:
            if os.path.samestat(os.fstat(descriptor), os.stat(file)):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)  # the former holder removed the file between our two steps
        file.parent.mkdir(parents=True, exist_ok=True)
