"""Reading a sweep back as data frames; the files are plain Parquet, and need nothing of this program.

sweep = read.open("results/sweeps/factorial")
sweep.runs.query("organ == 'liver' and year == 5").groupby(["scenario", "dormancy"])["incidence"].mean()
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Remark
from sim.messages import unknown
from sim.names import PRESENTATIONS
from sim.results import sealed
from sim.sweeps.digests import AGAIN, Digests
from sim.sweeps.folder import MANIFEST, read_manifest
from sim.sweeps.plan import Factor
from sim.sweeps.schema import FAILURES, PATIENTS, RUNS, columns

if TYPE_CHECKING:
    import pandas as pd

_NEW_IN_2 = ("liver_symptom_day", "first_detected_day")
"""A column of `patients`, and the one that it follows."""
_NEW_IN_4 = ("t_category", "grade", "distant_nodes", "peritoneum")
"""Columns of `patients` that follow `stage`."""


def open(path: Path | str) -> Sweep:  # noqa: A001
    """The sweep in the folder `path`. Raises InputError where there is none, or one of another schema version."""
    path = Path(path)
    manifest, digests = read_manifest(path)
    if digests is None:
        warnings.warn(f"{path}: {sealed.NOTE}", Remark, stacklevel=2)
        return Sweep(path, manifest)
    try:
        return Sweep(path, manifest, files=tuple(Digests(digests).check(path)))
    except InputError:
        now, digests_now = read_manifest(path)
        if digests_now is None or digests_now == digests:
            raise
        return Sweep(path, now, files=tuple(Digests(digests_now).check(path)))  # a sweep is writing there


def _by_scenario() -> Any:
    """The scenario as it is written in a folder's name: "007" is no number, "a%20b" no blank."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    return ds.HivePartitioning(pa.schema([("scenario", pa.string())]), segment_encoding="none")


@dataclass(frozen=True)
class Sweep:
    """A sweep: `manifest`, and its tables as pandas data frames, sorted by run; the scenario is a column.

    It lies in the folder `path`, or in memory (then `path` is None). Raises InputError where a table is damaged.
    """

    path: Path | None
    manifest: dict[str, Any]
    held: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """In memory: the data frames by table."""
    files: tuple[str, ...] | None = field(default=None, repr=False, compare=False)
    """The files that were found intact, by their path in the folder; None where digests were not written yet."""

    @property
    def place(self) -> str:
        """The folder, or in memory the plan's name, for messages."""
        return str(self.path) if self.path is not None else f"{self.manifest['plan']['name']} (in memory)"

    def where(self, table: str, **levels: Any) -> pd.DataFrame:
        """The rows of `runs` or `patients` with these values: `where("runs", organ="liver")` reads only what is needed.

        Raises InputError for another table, or a column that it does not have.
        """
        if table not in (RUNS, PATIENTS):
            raise InputError(unknown("table", str(table), (RUNS, PATIENTS)))
        factors = [Factor(**factor) for factor in self.manifest["factors"]]
        known = ["scenario", *(column.name for column in columns(table, factors))]
        for name in levels:
            if name not in known:
                raise InputError(unknown("column", name, known))
        return self._frame(table, [(name, "==", level) for name, level in levels.items()] or None)

    def _frame(self, table: str, filters: list[tuple[str, str, Any]] | None = None) -> pd.DataFrame:
        import pandas as pd
        import pyarrow as pa

        if self.path is None:
            return self._held(table, filters or [])
        folder = self.path / table
        files = self._files(f"{table}/scenario=*/*.parquet")
        if not files:
            raise InputError(f"{folder}: holds no table yet: no run is finished")
        try:
            frame = pd.read_parquet(folder, filters=filters, partitioning=_by_scenario())
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{folder}: damaged, cannot be read ({str(error).splitlines()[0]}); give the sweep's command again"
            ) from error
        frame["scenario"] = frame["scenario"].astype(str)
        new, before = _NEW_IN_2
        if table == PATIENTS and new not in frame:
            frame.insert(frame.columns.get_loc(before) + 1, new, float("nan"))
        if table == PATIENTS and "reference_day" not in frame:
            at = frame.columns.get_loc("diagnosis_day") + 1
            frame.insert(at, "reference_day", frame["diagnosis_day"])
            frame.insert(at + 1, "presentation", PRESENTATIONS[0])
            at = frame.columns.get_loc("metastatic_at_diagnosis") + 1
            frame.insert(at, "nodes_positive", None)
            frame.insert(at + 1, "stage", None)
        if table == PATIENTS and _NEW_IN_4[0] not in frame:
            at = frame.columns.get_loc("stage") + 1
            for place, name in enumerate(_NEW_IN_4):
                frame.insert(at + place, name, None)
        return frame

    def _files(self, pattern: str) -> list[Path]:
        assert self.path is not None, "in memory there are no files"
        there = sorted(self.path.glob(pattern))
        known = None if self.files is None else set(self.files)
        for file in there:
            if known is not None and file.relative_to(self.path).as_posix() not in known:
                raise InputError(f"{file}: not among the files that {MANIFEST} names; {AGAIN}")
        return there

    def _held(self, table: str, filters: list[tuple[str, str, Any]]) -> pd.DataFrame:
        frame = self.held.get(table)
        if frame is None:
            raise InputError(f"{self.place}: holds no table {table}: no run is finished")
        for name, _, level in filters:
            frame = frame[frame[name] == level]
        return frame.reset_index(drop=True) if filters else frame

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """A row a run, year and organ."""
        return self._frame(RUNS)

    @functools.cached_property
    def patients(self) -> pd.DataFrame:
        """A row a run and patient."""
        return self._frame(PATIENTS)

    @functools.cached_property
    def failures(self) -> pd.DataFrame | None:
        """A row a run that failed, with its error; None where none did."""
        import pandas as pd

        if self.path is None:
            return self.held.get(FAILURES)
        files = self._files(f"{FAILURES}.parquet")
        return pd.read_parquet(files[0]) if files else None
