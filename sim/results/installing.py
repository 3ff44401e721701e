"""A folder of results that is whole or absent: how it is prepared, takes its place, and what a kill in between left.

What is new stands whole in a hidden neighbour, its manifest last, before anything that it replaces goes; then the two
change places in one step. The neighbour is locked while its maker lives: one that can be locked was left by a kill.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sim import machine
from sim.results import schema, sealed
from sim.results.whole_file import make_folders, sync_folder

MANIFEST = "manifest.json"
FIGURES = "figures"
_STAGING = ".staging-"
_REPLACED = "-replaced"
_OLD_MANIFEST = ".replaced.json"
_LONGEST_NAME = 100
_CANNOT_RENAME = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.ENOTEMPTY, errno.EEXIST}


def _prefix(name: str) -> str:
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return f"{_STAGING}{name}-"


def _stays(folder: Path) -> bool:
    """Whether `folder` must stay the folder that it is: a mount point, or one that somebody stands in."""
    if not folder.is_dir():
        return False
    try:
        here = Path.cwd().resolve()
    except OSError:
        here = None  # the current folder was deleted
    folder = folder.resolve()
    return folder.is_mount() or (here is not None and here.is_relative_to(folder))


def _make_staging(place: Path, name: str, otherwise: Path) -> Path:
    """A new hidden folder in `place`, or in the existing folder `otherwise` where `place` refuses."""
    hidden = f"{_prefix(name)}{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        (place / hidden).mkdir()
        return place / hidden
    except OSError:
        if not otherwise.is_dir():
            raise
        (otherwise / hidden).mkdir()
        return otherwise / hidden


def try_folder(folder: Path) -> None:
    """See whether `new_folder` could make one, and leave no trace. Raises OSError."""
    place = folder if _stays(folder) else folder.parent
    while not place.exists():
        place = place.parent
    _make_staging(place, folder.name, otherwise=folder).rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Have a folder locked, as far as the system can; yields False where another process has it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders; or it is gone
        yield os.name == "nt"
        return
    try:
        try:
            machine.try_lock(descriptor)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder to be filled and then installed in the place of `folder`; it is removed at the end. OSError."""
    make_folders(folder.parent)
    staging = _make_staging(folder if _stays(folder) else folder.parent, folder.name, otherwise=folder)
    made = staging.stat()
    try:
        with _locked(staging):
            yield staging
    finally:
        if staging.exists():
            if os.path.samestat(made, staging.stat()):
                shutil.rmtree(staging, ignore_errors=True)
            else:  # stopped after the exchange: it is the old folder, with files of the user
                _settle(staging, folder)


def install(staging: Path, folder: Path, ours: set[str]) -> None:
    """Put the finished `staging` in the place of `folder`; what is not `ours` there is kept. Raises OSError."""
    if staging.parent == folder.parent:
        with _locked(folder):  # it will bear a hidden name
            if folder.exists() and machine.exchange(staging, folder):
                sync_folder(folder.parent)
                _keep_foreign(staging, folder, ours)
                return
            if _renamed(staging, folder, ours):
                return
    # No manifest while old and new files are mixed, so that nobody reads them as one run.
    folder.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        os.replace(folder / MANIFEST, staging / _OLD_MANIFEST)  # it names what a start after a kill has to remove
    sync_folder(folder)
    _move_in(staging, folder, ours)


def _renamed(staging: Path, folder: Path, ours: set[str]) -> bool:
    """Exchange by two renames; False where this system does not let the folder be renamed."""
    aside = staging.with_name(staging.name + _REPLACED)
    try:
        if folder.exists():
            os.replace(folder, aside)
        os.replace(staging, folder)
    except BaseException as error:
        if aside.exists() and not folder.exists():
            os.replace(aside, folder)
        if not (isinstance(error, OSError) and error.errno in _CANNOT_RENAME):
            raise
        return False
    sync_folder(folder.parent)
    _keep_foreign(aside, folder, ours)
    return True


def _move_in(staging: Path, folder: Path, ours: set[str]) -> None:
    """Move finished files into the folder, the manifest last; what is `ours` there goes."""
    arriving = sorted(
        set(staging.iterdir()) - {staging / _OLD_MANIFEST}, key=lambda path: (path.name == MANIFEST, path.name)
    )
    staying = _ours(staging) - {FIGURES}
    for name in sorted((ours | {FIGURES}) - staying):
        _remove(folder / name)
    for path in arriving:
        if path.name == MANIFEST:
            sync_folder(folder)
        if (folder / path.name).is_dir():
            _remove(folder / path.name)
        os.replace(path, folder / path.name)
    sync_folder(folder)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _keep_foreign(old: Path, folder: Path, ours: set[str]) -> None:
    """Bring what the user put into the old folder into the new one, and remove the old."""
    if not old.exists():
        return
    for path in old.iterdir():
        if path.name not in ours and not (folder / path.name).exists():
            os.replace(path, folder / path.name)
    sync_folder(folder)
    if all(path.name in ours for path in old.iterdir()):
        shutil.rmtree(old, ignore_errors=True)


# -- after a kill ------------------------------------------------------------------------------------


def recover(folder: Path) -> None:
    """Bring a folder whose replacement was killed halfway back, with every file that its user put there.

    Where the machine does not let us, all is left as it is: whoever writes next will be told why.
    """
    folder = folder.resolve()
    with suppress(OSError):
        for left in _left_behind(folder):
            with _locked(left) as dead:
                if dead:
                    _settle(left, folder)


def _left_behind(folder: Path) -> list[Path]:
    """Hidden folders of dead writers beside and in the folder: the newer half of an exchange before the older."""
    name = re.compile(re.escape(_prefix(folder.name)) + rf"\d+-[0-9a-f]{{8}}({_REPLACED})?")
    places = [place for place in (folder, folder.parent) if place.is_dir()]
    found = [path for place in places for path in place.iterdir() if name.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: (path.name.endswith(_REPLACED), path.name))


def _settle(left: Path, folder: Path) -> None:
    if not (left / MANIFEST).is_file():  # not finished
        shutil.rmtree(left, ignore_errors=True)
    elif not folder.exists():
        os.replace(left, folder)
        sync_folder(folder.parent)
    elif not (folder / MANIFEST).is_file():
        _move_in(left, folder, _ours(left) | _ours(left, _OLD_MANIFEST))
        shutil.rmtree(left, ignore_errors=True)
    else:
        _keep_foreign(left, folder, _ours(left))


def _ours(folder: Path, manifest: str = MANIFEST) -> set[str]:
    """The names in a folder of results that its program wrote; those of a run where its manifest does not tell."""
    found = {MANIFEST, FIGURES, *(path.name for path in folder.glob(f"{_STAGING}*"))}
    try:
        files = json.loads((folder / manifest).read_text(encoding="utf-8"))[sealed.FILES]
        return found | {str(name).split("/")[0] for name in files}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return found | {f"{table}.parquet" for table in schema.TABLES}
