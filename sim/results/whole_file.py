"""The one writer of files: whole or not there, and what a machine that refuses to write is told to be."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sim.errors import MachineError


@contextmanager
def machine_errors(folder: Path, doing: str) -> Iterator[None]:
    """Turn an OSError into the MachineError that says which folder, what failed and what to do."""
    advice = {
        errno.ENOSPC: "free some space, or choose another folder with --out",
        errno.EDQUOT: "your quota is used up: free some space, or choose another folder with --out",
        errno.EFBIG: "the file system or a limit (ulimit -f) forbids files of this size: choose another folder",
        errno.EROFS: "the file system is read-only: choose another folder with --out",
        errno.EACCES: "you have no permission to write there: choose another folder with --out",
        errno.EPERM: "you have no permission to write there: choose another folder with --out",
    }
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        todo = advice.get(error.errno or 0, "choose another folder with --out, or try again")
        raise MachineError(f"{folder}: {doing}: {reason}; {todo}") from error


def write_whole(
    path: Path,
    fill: bytes | Callable[[BinaryIO], object],
    staging: Path | None = None,
    before: Callable[[Path], object] | None = None,
) -> None:
    """Write one file that is whole or not there, after a kill or a power cut too: everybody who writes comes here.

    `fill` is its content, or writes that to the file that it is given. It is prepared under another name, in the
    folder `staging` (on the same file system; made where it is missing) or beside `path`, in a folder that exists.
    `before` is shown the finished file before it takes its name. Raises OSError.
    """
    if staging is not None:
        make_folders(staging)
    staged = (staging or path.parent) / f".staging-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        with staged.open("wb") as file:
            if isinstance(fill, bytes):
                file.write(fill)
            else:
                fill(file)
            file.flush()
            os.fsync(file.fileno())
        if before is not None:
            before(staged)
        os.replace(staged, path)
    finally:
        staged.unlink(missing_ok=True)
    sync_folder(path.parent)


def try_file(path: Path) -> None:
    """See whether `write_whole` could write a file, and leave no trace; missing folders need not exist yet. OSError."""
    place = path.parent
    while not place.exists():
        place = place.parent
    probe = place / f".staging-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        with probe.open("wb"):
            pass
    finally:
        probe.unlink(missing_ok=True)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, so that the disk remembers their names. Raises OSError."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync_folder(place.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk remember the names in a folder, where the system can (Windows opens no folders)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the files themselves are safe
    finally:
        os.close(descriptor)
