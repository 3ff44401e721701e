"""Results of an analysis: a folder that is whole or absent, with a manifest, and each table as Parquet and CSV."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sim.results.manifest import build_manifest
from sim.results.storage import FIGURES, MANIFEST, PARQUET_OPTIONS, write_folder
from sim.results.whole_file import write_whole
from sim.scenario import Scenario


class Stopwatch:
    """When an analysis began, for its manifest."""

    def __init__(self) -> None:
        self.start, self._clock = datetime.now(UTC), time.perf_counter()

    def seconds(self) -> float:
        """Wall seconds since then."""
        return time.perf_counter() - self._clock


def write_analysis(
    folder: Path,
    kind: str,
    tables: Mapping[str, Mapping[str, Sequence]],
    *,
    scenario: Scenario,
    seed: int,
    patients: int,
    command_line: Sequence[str],
    stopwatch: Stopwatch,
    asked: Mapping,
) -> None:
    """Write the tables (columns by name), and a manifest that holds what was `asked` beside what a run's holds.

    An earlier analysis of the same kind in `folder` is replaced. Raises InputError and MachineError as
    `sim.results.storage.check_writable`.
    """
    manifest = build_manifest(
        scenario=scenario.to_dict(),
        seed=seed,
        patients=patients,
        patients_finished=patients,
        status="complete",
        command_line=command_line,
        start=stopwatch.start,
        wall_seconds=stopwatch.seconds(),
    )
    del manifest["schema_version"]  # the contract of a run's tables, which these are not
    ours = {MANIFEST, FIGURES, *(f"{name}.{suffix}" for name in tables for suffix in ("parquet", "csv"))}
    write_folder(folder, functools.partial(_fill, tables), {"kind": kind, **manifest, "asked": dict(asked)}, ours)


def _fill(tables: Mapping[str, Mapping[str, Sequence]], staging: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    for name, columns in tables.items():
        table = pa.table({column: pa.array(values, from_pandas=True) for column, values in columns.items()})
        write_whole(staging / f"{name}.parquet", functools.partial(pq.write_table, table, **PARQUET_OPTIONS))
        write_whole(staging / f"{name}.csv", functools.partial(pyarrow.csv.write_csv, table))
