"""Draws of what the model does not know: calibrated numbers from their fit, assumed ones over their ranges.

`posterior.parquet` holds a row a parameter with the list of its draws; `run_sim.py calibrate --draws N --write` makes
it. A draw is one whole set of numbers: the organ pattern was fitted again to the autopsies at its growth, frailty,
deaths and drainage. `prior.parquet`, made with it, holds draws of the same numbers before any fit: what the priors and
ranges alone believe.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sim import catalog

FILE = catalog.FOLDER / "posterior.parquet"
PRIOR_FILE = catalog.FOLDER / "prior.parquet"
POSTERIOR, PRIOR = "posterior", "prior"
DIGITS = 4
"""Significant digits that are kept: a draw is known to no more than that."""


def as_bytes(columns: Mapping[str, np.ndarray]) -> bytes:
    """The content of a file of draws, one array (draws,) a parameter."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    rounded = [[float(f"{x:.{DIGITS}g}") for x in values] for values in columns.values()]
    table = pa.table({"parameter": list(columns), "draws": pa.array(rounded, pa.list_(pa.float32()))})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", compression_level=19)
    return out.getvalue()


def file_of(which: str = POSTERIOR) -> Path:
    """The file with the draws of the posterior, or of the prior."""
    return PRIOR_FILE if which == PRIOR else FILE


@functools.cache
def columns(which: str = POSTERIOR) -> Mapping[str, np.ndarray]:
    """Every drawn parameter by name, (draws,) each, read-only."""
    import pyarrow.parquet as pq

    table = pq.read_table(file_of(which))
    names, values = table["parameter"].to_pylist(), table["draws"].to_pylist()
    # Rounded again: a number such as 0.1 is not one in single precision, and a limit of one must stay one.
    return MappingProxyType(
        {name: np.array([float(f"{x:.{DIGITS}g}") for x in row]) for name, row in zip(names, values, strict=True)}
    )


def number(which: str = POSTERIOR) -> int:
    """How many draws there are; 0 without a file."""
    return len(next(iter(columns(which).values()))) if file_of(which).is_file() else 0


def draw(number: int, which: str = POSTERIOR) -> dict[str, float]:
    """One draw, by its number from 0: values by parameter."""
    return {name: float(values[number]) for name, values in columns(which).items()}


def digest(which: str = POSTERIOR) -> str:
    """What the draws are, as text: another file gives another one."""
    return hashlib.sha256(file_of(which).read_bytes()).hexdigest()[:16]
