"""Reading a sweep back as data frames; the files are plain Parquet, and need nothing of this program.

sweep = read.open("results/sweeps/factorial")
sweep.runs.query("organ == 'liver' and year == 5").groupby(["scenario", "dormancy"])["incidence"].mean()
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError
from sim.sweeps.folder import MANIFEST, read_manifest
from sim.sweeps.plan import SWEEP_SCHEMA
from sim.sweeps.schema import FAILURES, PATIENTS, RUNS

READ = ("1", SWEEP_SCHEMA)
"""Versions that this program reads. Version 1 need not tell when a liver's symptoms came: null there."""
_NEW_IN_2 = ("liver_symptom_day", "first_detected_day")
"""A column of `patients`, and the one that it follows."""


def open(path: Path | str) -> Sweep:
    """The sweep in the folder `path`. Raises InputError where there is none, or one of another schema version."""
    path = Path(path)
    manifest = read_manifest(path)
    if manifest["schema_version"] not in READ:
        raise InputError(
            f"{path / MANIFEST}: schema_version: found {manifest['schema_version']!r}, this program reads {', '.join(READ)}; "
            "a newer program wrote this sweep: update this one"
        )
    return Sweep(path, manifest)


@dataclass(frozen=True)
class Sweep:
    """A sweep on disk: `manifest`, and its tables as pandas data frames, sorted by run; the scenario is a column.

    Raises InputError where a table is damaged.
    """

    path: Path
    manifest: dict

    def where(self, table: str, **levels):
        """The rows of `runs` or `patients` with these values, reading only what is needed: `where("runs", organ="liver")`."""
        return self._frame(table, [(name, "==", level) for name, level in levels.items()] or None)

    def _frame(self, table: str, filters=None):
        import pandas as pd
        import pyarrow as pa

        folder = self.path / table
        if not any(folder.glob("scenario=*/*.parquet")):
            raise InputError(f"{folder}: holds no table yet: no run is finished")
        try:
            frame = pd.read_parquet(folder, filters=filters)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{folder}: damaged, cannot be read ({str(error).splitlines()[0]}); give the sweep's command again"
            ) from error
        frame["scenario"] = frame["scenario"].astype(str)
        new, before = _NEW_IN_2
        if table == PATIENTS and new not in frame:
            frame.insert(frame.columns.get_loc(before) + 1, new, float("nan"))
        return frame

    @functools.cached_property
    def runs(self):
        """A row a run, year and organ."""
        return self._frame(RUNS)

    @functools.cached_property
    def patients(self):
        """A row a run and patient."""
        return self._frame(PATIENTS)

    @functools.cached_property
    def failures(self):
        """A row a run that failed, with its error; None where none did."""
        import pandas as pd

        file = self.path / f"{FAILURES}.parquet"
        return pd.read_parquet(file) if file.is_file() else None
