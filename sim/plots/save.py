"""Saving a figure: PNG for screens, PDF and SVG for print, whole or not at all, the same bytes each time."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import InputError, MachineError
from sim.results.whole_file import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PNG_DPI = 300
# Without these, a date or a version would make equal figures differ.
_METADATA = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
FORMATS = tuple(_METADATA)
BOTH = ("png", "pdf")
"""What is written unless somebody asks for something else."""


def save(figure: Figure, path_without_suffix: Path | str, formats: Sequence[str] = BOTH) -> list[Path]:
    """Save `figure` in each of `formats` (png at 300 dpi, pdf, svg); returns the paths. Missing folders are made.

    Raises InputError for another format and where the path cannot be a file, MachineError where it
    cannot be written.
    """
    if unknown := [name for name in formats if name not in _METADATA]:
        raise InputError(f"format: found {unknown[0]!r}; allowed: {', '.join(FORMATS)}")
    base = Path(path_without_suffix)
    written = []
    for name in formats:
        suffix, metadata = f".{name}", _METADATA[name]
        path = base.with_name(base.name + suffix)
        fill = functools.partial(figure.savefig, format=name, dpi=PNG_DPI, metadata=metadata)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, fill)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InputError(
                f"{path}: the figure cannot be saved there: {os.strerror(error.errno or errno.EIO)}"
            ) from error
        except OSError as error:
            reason = os.strerror(error.errno or errno.EIO)
            raise MachineError(f"{path}: the figure cannot be written: {reason}; choose another folder") from error
        written.append(path)
    return written
