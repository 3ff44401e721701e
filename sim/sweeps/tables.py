"""The tables of a sweep, made from its finished parts: data sets of Parquet files, a hundred runs each.

Which file holds which runs is a function of the plan, and so are the order of the rows and the bytes. A
file is prepared outside the data set and then takes its place.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import MachineError
from sim.results import sealed
from sim.results.storage import PARQUET_OPTIONS, ROW_GROUP_ROWS, arrow_column
from sim.results.whole_file import machine_errors, make_folders, write_whole
from sim.sweeps.digests import Digests
from sim.sweeps.parts import Part
from sim.sweeps.plan import SWEEP_SCHEMA, Plan, PlannedRun
from sim.sweeps.record import together
from sim.sweeps.schema import FAILURES, PATIENTS, RUNS, arrow_schema, columns
from sim.work.packing import DAMAGE

if TYPE_CHECKING:
    import pyarrow as pa

FILE_RUNS = 100
FILE_PATIENTS = 100_000
"""A file of patients is made in memory, and has no more rows than this (or those of one run)."""
_CONTENT = b"content"
_DOING = "the tables of the sweep cannot be written"


@dataclass(frozen=True)
class TableFile:
    """One file of each data set: its place below them, and the runs that it is to hold."""

    name: str
    runs: tuple[PlannedRun, ...]


def table_files(plan: Plan) -> list[TableFile]:
    """All files of a plan: runs of one scenario, in the plan's order."""
    by_scenario: dict[str, list[PlannedRun]] = {}
    for run in plan.runs:
        by_scenario.setdefault(plan.variants[run.point.variant].scenario.name, []).append(run)
    out = []
    for scenario, runs in by_scenario.items():
        most = max(plan.variants[run.point.variant].scenario.patients for run in runs[: len(plan.points)])
        size = max(1, min(FILE_RUNS, FILE_PATIENTS // most))
        out += [
            TableFile(f"scenario={scenario}/{start // size:05d}.parquet", tuple(runs[start : start + size]))
            for start in range(0, len(runs), size)
        ]
    return out


class Tables:
    """The data sets in a sweep's folder; `staging` is a folder beside them on the same file system."""

    def __init__(self, plan: Plan, folder: Path, staging: Path, digests: Digests):
        self._plan, self._folder, self._staging, self._digests = plan, folder, staging, digests
        self._table_files = table_files(plan)
        self._place_of_run = {run.name: place for place, file in enumerate(self._table_files) for run in file.runs}
        self._waiting = [len(file.runs) for file in self._table_files]
        self._counted: set[str] = set()

    def count(self, names: Sequence[str]) -> list[TableFile]:
        """Note that these runs are finished; returns the files that now can be made whole."""
        complete = []
        for name in names:
            if name in self._place_of_run and name not in self._counted:
                self._counted.add(name)
                place = self._place_of_run[name]
                self._waiting[place] -= 1
                if not self._waiting[place]:
                    complete.append(self._table_files[place])
        return complete

    def write(
        self, only: Sequence[TableFile] | None, finished: Mapping[str, Part], failures: Mapping[str, str]
    ) -> None:
        """Bring files up to date, all of them or only some; `finished` holds each run's part, `failures` the errors.

        Raises MachineError where the disk does not take it, or a part cannot be read any more.
        """
        for file in self._table_files if only is None else only:
            runs = [run for run in file.runs if run.name in finished]
            for table in (PATIENTS, RUNS):
                self._bring_up_to_date(table, file.name, runs, finished)
        self._write_failures(failures)
        if only is None:
            self._remove_others()

    def _bring_up_to_date(
        self, table: str, file: str, runs: Sequence[PlannedRun], finished: Mapping[str, Part]
    ) -> None:
        path = self._folder / table / file
        if not runs:
            self._remove(path)
            return
        content = self._content(table, runs)
        if not self._is_up_to_date(path, content):
            self._replace(path, _arrow_table(self._plan, table, runs, _columns(table, runs, finished)), content)

    def _content(self, table: str, runs: Sequence[PlannedRun]) -> bytes:
        """A digest of what a file is to hold: its runs, and what the plan says of them."""
        told = [[run.name, run.point.number, run.replicate, self._plan.levels(run.point)] for run in runs]
        fields = [[field.name, field.type, field.meaning] for field in columns(table, self._plan.factors)]
        return hashlib.sha256(json.dumps([SWEEP_SCHEMA, fields, told]).encode()).hexdigest().encode()

    def _replace(self, path: Path, arrow_table: pa.Table, content: bytes) -> None:
        import pyarrow.parquet as pq

        arrow_table = arrow_table.replace_schema_metadata({_CONTENT: content})
        with machine_errors(path.parent, _DOING):
            make_folders(path.parent)
            fill = functools.partial(pq.write_table, arrow_table, row_group_size=ROW_GROUP_ROWS, **PARQUET_OPTIONS)
            name = self._name(path)
            write_whole(path, fill, self._staging, lambda staged: self._digests.will_be(name, sealed.digest_of(staged)))
            self._digests.is_there(name)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _is_up_to_date(self, path: Path, content: bytes) -> bool:
        with machine_errors(path, _DOING):
            return _stored_content(path) == content and self._digests.holds(self._folder, self._name(path))

    def _remove(self, path: Path) -> None:
        with machine_errors(path, _DOING):
            self._digests.will_go(self._name(path))
            path.unlink(missing_ok=True)

    def _write_failures(self, failures: Mapping[str, str]) -> None:
        path = self._folder / f"{FAILURES}.parquet"
        runs = [run for run in self._plan.runs if run.name in failures] if failures else []
        if not runs:
            self._remove(path)
            return
        content = self._content(FAILURES, runs)
        if not self._is_up_to_date(path, content):
            data = {
                "run": np.array([run.name for run in runs]),
                "error": np.array([failures[run.name] for run in runs]),
            }
            self._replace(path, _arrow_table(self._plan, FAILURES, runs, data), content)

    def _remove_others(self) -> None:
        """Files that an earlier plan left."""
        wanted = {file.name for file in self._table_files}
        for table in (RUNS, PATIENTS):
            top = self._folder / table
            with machine_errors(top, "files of an earlier plan cannot be removed"):
                for path in sorted(top.rglob("*.parquet")):
                    if path.relative_to(top).as_posix() not in wanted:
                        self._remove(path)
                for folder in [path for path in top.glob("scenario=*") if path.is_dir() and not any(path.iterdir())]:
                    folder.rmdir()


def _arrow_table(plan: Plan, table: str, runs: Sequence[PlannedRun], data: Mapping[str, Any]) -> pa.Table:
    """A table with what the plan says of every run in each of its rows, in the plan's order."""
    import pyarrow as pa

    place_of = {run.name: place for place, run in enumerate(runs)}
    place = np.array([place_of[name] for name in data["run"].tolist()], dtype=np.int64)
    order = np.argsort(place, kind="stable")
    place = place[order]
    told: dict[str, list[Any]] = {
        "scenario": [plan.variants[run.point.variant].scenario.name for run in runs],
        "point": [run.point.number for run in runs],
        "seed": [run.seed for run in runs],
        "replicate": [run.replicate for run in runs],
    }
    if table == RUNS:
        told["patients"] = [plan.variants[run.point.variant].scenario.patients for run in runs]
    levels = [plan.levels(run.point) for run in runs]
    told |= {factor.name: [level[factor.name] for level in levels] for factor in plan.factors}
    arrays = []
    values: np.ndarray | None
    for column in columns(table, plan.factors):
        if column.name in told:
            values = np.array(told[column.name])[place]
        else:
            values = data[column.name]
            if values is not None:
                values = values[order]
        arrays.append(arrow_column(table, column, values, len(place)))
    return pa.Table.from_arrays(arrays, schema=arrow_schema(table, plan.factors))


def in_memory(plan: Plan, table: str, finished: Mapping[str, Part], failures: Mapping[str, str]) -> pa.Table | None:
    """One data set (or `failures`) as one arrow table, with the rows that its files would have; None without rows."""
    import pyarrow as pa

    if table == FAILURES:
        failed = [run for run in plan.runs if run.name in failures]
        data = {
            "run": np.array([run.name for run in failed]),
            "error": np.array([failures[run.name] for run in failed]),
        }
        return _arrow_table(plan, table, failed, data) if failed else None
    pieces = []
    for shard in sorted(table_files(plan), key=lambda shard: shard.name):
        runs = [run for run in shard.runs if run.name in finished]
        if runs:
            piece = _arrow_table(plan, table, runs, _columns(table, runs, finished))
            scenario = shard.name.partition("/")[0].removeprefix("scenario=")
            pieces.append(piece.append_column("scenario", pa.array([scenario] * len(piece))))
    return pa.concat_tables(pieces) if pieces else None


def _stored_content(path: Path) -> bytes | None:
    """The digest in a file; None where there is none, or the file cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return (pq.read_metadata(path).metadata or {}).get(_CONTENT)
    except (OSError, pa.ArrowException):
        return None


def _columns(table: str, runs: Sequence[PlannedRun], finished: Mapping[str, Part]) -> dict[str, Any]:
    """The rows of some runs from their parts, in any order of runs."""
    names_of: dict[int, tuple[Part, list[str]]] = {}
    for run in runs:
        part = finished[run.name]
        names_of.setdefault(id(part), (part, []))[1].append(run.name)
    pieces = []
    for part, names in names_of.values():
        try:
            data = part.table(table)
        except DAMAGE as error:
            raise MachineError(
                f"{part.file}: a finished part of the sweep cannot be read any more ({error}); "
                "give the same command again"
            ) from error
        rows = np.isin(data["run"], names)
        pieces.append({name: None if values is None else values[rows] for name, values in data.items()})
    return together(pieces)
