"""Results of a run: write them, and read them back as data frames.

>>> run = sim.results.reading.open("results/colorectal/seed1")
>>> run.metastases.groupby("organ").size()
"""

from __future__ import annotations

import errno
import functools
import json
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Remark
from sim.names import PRESENTATIONS
from sim.results import schema, sealed
from sim.results.incidence import changes_text
from sim.results.installing import recover
from sim.results.manifest import SHAPE, build_manifest
from sim.results.shape import fault
from sim.results.storage import MANIFEST, check_writable, copy_run, json_text, tables_as_bytes, write_run
from sim.results.whole_file import machine_errors, write_whole

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Run", "build_manifest", "check_writable", "in_memory", "open", "write_run"]


_AGAIN = "run the scenario again"
LONGEST_LABEL = 60
"""Characters of what was changed in the short name of a run in memory."""


def _read_version_1(table: str, arrow_table: pa.Table) -> pa.Table:
    """Version 1 did not tell when a liver's symptoms came: null there.

    Nor did it tell of small ancestors: no rows, see `Run.arrow`.
    """
    import pyarrow as pa

    if table == "patients":
        nobody = pa.nulls(arrow_table.num_rows, schema.arrow_schema(table).field("liver_symptom_day").type)
        arrow_table = arrow_table.append_column("liver_symptom_day", nobody)
    return _read_version_3(table, arrow_table)


def _read_version_3(table: str, arrow_table: pa.Table) -> pa.Table:
    """Until version 3 everybody was diagnosed by the primary, on the reference day, and nobody was staged.

    Version 2 had no `clones`, an optional table; all others are as in version 3.
    """
    import pyarrow as pa

    if table != "patients":
        return arrow_table
    today = schema.arrow_schema(table)
    presentation = pa.array([PRESENTATIONS[0]] * arrow_table.num_rows).cast(today.field("presentation").type)
    told = {"reference_day": arrow_table["diagnosis_day"], "presentation": presentation}
    return _with_nulls(arrow_table, told)


def _read_version_4(table: str, arrow_table: pa.Table) -> pa.Table:
    """Version 4 told neither T nor grade, nor metastases of distant nodes and peritoneum: null there."""
    return _with_nulls(arrow_table) if table == "patients" else arrow_table


def _with_nulls(patients: pa.Table, told: Mapping[str, pa.Array] | None = None) -> pa.Table:
    """The table of patients with today's columns: of those that it lacks some are `told`, the others null."""
    import pyarrow as pa

    today, told = schema.arrow_schema("patients"), told or {}
    lacking = set(today.names) - set(patients.column_names) - set(told)
    told = {**told, **{name: pa.nulls(patients.num_rows, today.field(name).type) for name in lacking}}
    return pa.table([told[f.name] if f.name in told else patients[f.name] for f in today], schema=today)


def _as_stored(table: str, arrow_table: pa.Table) -> pa.Table:
    """Ids of colonies of versions up to 5 do not tell promising founders; all else is as today."""
    return arrow_table


READERS: Mapping[str, Callable] = {
    "1": _read_version_1,
    "2": _read_version_3,
    "3": _read_version_3,
    "4": _read_version_4,
    "5": _as_stored,
    schema.SCHEMA_VERSION: _as_stored,
}
"""One reader a schema version: (name of the table, pyarrow table as stored) -> table of today's schema.

A run of an older version stays readable through its entry here.
"""


def open(path: Path | str) -> Run:  # noqa: A001
    """The run in the folder `path`. Tables are read when they are first asked for.

    Raises InputError for a missing folder, a folder that is not a run, a damaged or missing file,
    and a schema version that this program does not know.
    """
    path = Path(path)
    if path.name == MANIFEST and path.is_file():
        path = path.parent
    if not (path / MANIFEST).is_file():
        recover(path)  # a kill may have come while it was replaced
    if not path.exists():
        raise InputError(f"{path}: no such folder; give the folder of a run, the one that holds {MANIFEST}")
    if not path.is_dir():
        raise InputError(f"{path}: a file; give the folder of a run, the one that holds {MANIFEST}")
    if not (path / MANIFEST).is_file():
        runs = sorted(str(found.parent) for found in path.glob(f"*/{MANIFEST}"))[:5]
        hint = f"; runs in it: {', '.join(runs)}" if runs else ""
        raise InputError(f"{path}: not a run: it holds no {MANIFEST}{hint}")
    manifest, digests = _read_manifest(path / MANIFEST)
    run = Run(path=path, manifest=manifest)
    if digests is None:
        warnings.warn(f"{path}: {sealed.NOTE}", Remark, stacklevel=2)
    for table in schema.TABLES:
        file = path / f"{table}.parquet"
        if (
            (table in schema.REQUIRED or (table == "clones" and run.wrote_clones))
            and not file.is_file()
            and not run.lacks(table)
        ):
            raise InputError(f"{file}: the file is missing; run the scenario again")
        if file.is_file():
            if digests is not None:
                sealed.check_files(path, digests, [file.name], _AGAIN)
            _check_columns(file, table, run.manifest["schema_version"])
    return run


def in_memory(tables: Mapping[str, Mapping | Iterable[Mapping]], manifest: Mapping[str, Any]) -> Run:
    """A run that is nowhere written; tables and manifest as for `write_run`, and as `open` would read them."""
    plain = json.loads(json_text(manifest)) | {"seed": int(manifest["seed"])}  # above 2^53 a text in JSON
    return Run(None, plain, tables_as_bytes(tables))


def _read_manifest(file: Path) -> tuple[dict[str, Any], dict[str, str] | None]:
    """The manifest, and the digests of the files beside it; None where it was written before there were any."""
    manifest, is_sealed = sealed.unseal(file, _AGAIN)
    if "schema_version" not in manifest:
        raise InputError(f"{file}: no schema_version; this is not the manifest of a run")
    version = manifest["schema_version"]
    if not isinstance(version, str) or version not in READERS:
        raise InputError(
            f"{file}: schema_version: found {version!r}, this program reads {', '.join(READERS)}; "
            "a newer program wrote this run: update this one"
        )
    if (wrong := fault(manifest, SHAPE)) is not None:
        raise InputError(f"{file}: {wrong}; {_AGAIN}")
    digests = manifest.pop(sealed.FILES, {})
    return manifest, digests if is_sealed else None


def _check_columns(file: Path, table: str, version: str) -> None:
    import pyarrow.parquet as pq

    with _damage(file):
        stored = pq.read_schema(file)
    expected = schema.arrow_schema(table)
    if version == schema.SCHEMA_VERSION and not stored.equals(expected):
        differ = [
            name
            for name in {*stored.names, *expected.names}
            if name not in stored.names or name not in expected.names or stored.field(name) != expected.field(name)
        ]
        raise InputError(
            f"{file}: columns differ from schema version {version}: {', '.join(sorted(differ)) or 'order'}"
        )


class _damage:
    """Turns what pyarrow says of a damaged file into an InputError that names the file."""

    def __init__(self, file: Path):
        self.file = file

    def __enter__(self) -> _damage:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        import pyarrow as pa

        if isinstance(error, PermissionError | FileNotFoundError):
            raise InputError(f"{self.file}: cannot be read: {error.strerror}") from error
        if isinstance(error, pa.ArrowException | OSError | EOFError):
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{self.file}: damaged, cannot be read ({reason}); run the scenario again") from error


@dataclass(frozen=True)
class Run:
    """A run: `manifest`, and each table as a pandas data frame (None for an absent optional one).

    It lies in the folder `path`, or in memory (then `path` is None). Days and other whole numbers that may be null
    come as nullable integers (`Int32`, `Int64`, missing is `<NA>`), so that a column has one type whatever happened;
    text comes as plain strings.
    """

    path: Path | None
    manifest: dict[str, Any]
    held: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """In memory: the tables, as the bytes that their files would have."""

    @property
    def folder(self) -> Path:
        """Where the run is. Raises InputError where it is in memory."""
        if self.path is None:
            raise InputError(f"{self.place}: has no folder; write it into one with save(folder)")
        return self.path

    @property
    def label(self) -> str:
        """A short name: the folder's, or in memory the scenario's with what was changed, and the seed."""
        if self.path is not None:
            return self.path.name
        changed = textwrap.shorten(changes_text(self), LONGEST_LABEL, placeholder=" ...")
        scenario = self.manifest["scenario"]["name"] + (f" ({changed})" if changed else "")
        return f"{scenario}, seed {self.manifest['seed']}"

    @property
    def place(self) -> str:
        """The folder, or in memory what the run is, for messages."""
        return str(self.path) if self.path is not None else f"{self.label} (in memory)"

    def save(self, folder: Path | str) -> None:
        """Write the run into a folder, with the same bytes as if it had been written there at once.

        An earlier run in it is replaced. Raises InputError and MachineError as `sim.results.storage.check_writable`.
        """
        copy_run(folder, {table: self._stored(table) for table in schema.TABLES if self._holds(table)}, self.manifest)

    def _holds(self, table: str) -> bool:
        """Whether the run has the table, as a file or in memory."""
        return table in self.held if self.path is None else (self.path / f"{table}.parquet").is_file()

    def _stored(self, table: str) -> bytes:
        """The table as the bytes of its file."""
        if self.path is None:
            return self.held[table]
        file = self.path / f"{table}.parquet"
        with _damage(file):
            return file.read_bytes()

    def lacks(self, table: str) -> bool:
        """Whether the run is of a version that did not write this table, which reads as one without rows."""
        return self.manifest["schema_version"] == "1" and table in schema.NEW_IN_2

    @property
    def wrote_clones(self) -> bool:
        """Whether it has, or had, the table `clones`: its clones differed, and its version wrote them."""
        from sim.mechanisms.lineage import has_clones

        scenario = self.manifest["scenario"]
        spread = scenario.get("parameters", {}).get("clone_potential_log_sd", {}).get("value", 0.0)
        return self.manifest["schema_version"] not in ("1", "2") and has_clones(
            scenario.get("mechanisms", {}).get("lineage", False), spread
        )

    def arrow(self, table: str) -> pa.Table | None:
        """One table as a pyarrow table, or None where an optional one was not kept. Raises InputError."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if table in schema.OPTIONAL and not self._holds(table):
            return None
        if self.lacks(table):
            return schema.arrow_schema(table).empty_table()
        file = Path(f"{table}.parquet") if self.path is None else self.path / f"{table}.parquet"
        # ParquetFile, not read_table: folder names such as "seed=1" are not columns.
        with (
            _damage(file),
            pq.ParquetFile(pa.BufferReader(self.held[table]) if self.path is None else file) as parquet,
        ):
            stored = parquet.read()
        return READERS[self.manifest["schema_version"]](table, stored)

    def _frame(self, table: str) -> Any:
        import pandas as pd
        import pyarrow as pa

        arrow_table = self.arrow(table)
        if arrow_table is None:
            return None
        nullable = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
        text = pd.Series(["any"]).dtype  # `object` before pandas 3, `str` since
        columns = {}
        for column in schema.TABLES[table]:
            values = arrow_table[column.name]
            if column.type == "text":
                columns[column.name] = values.cast(pa.string()).to_pandas().astype(text)
            else:
                columns[column.name] = values.to_pandas(types_mapper=nullable.get if column.nullable else None)
        return pd.DataFrame(columns)

    @functools.cached_property
    def patients(self) -> pd.DataFrame:
        """A row a patient."""
        return self._frame("patients")

    @functools.cached_property
    def metastases(self) -> pd.DataFrame:
        """A row a colony that reached 10^6 cells."""
        return self._frame("metastases")

    @functools.cached_property
    def founders(self) -> pd.DataFrame:
        """A row a colony and founding clone."""
        return self._frame("founders")

    @functools.cached_property
    def ancestors(self) -> pd.DataFrame:
        """A row a colony below 10^6 cells from which one of `metastases` descends; none in runs of schema version 1."""
        return self._frame("ancestors")

    @functools.cached_property
    def clones(self) -> pd.DataFrame | None:
        """A row a patient and clone of the primary.

        None where the mechanism lineage was off, and in runs before schema version 3.
        """
        return self._frame("clones")

    @functools.cached_property
    def seeding(self) -> pd.DataFrame:
        """A row a clock, day, organ and stage: what the patients at risk carry."""
        return self._frame("seeding")

    @functools.cached_property
    def cascade(self) -> pd.DataFrame:
        """A row a source, organ and step: how many cells took it."""
        return self._frame("cascade")

    @functools.cached_property
    def seeds(self) -> pd.DataFrame | None:
        """A row a competent settled cell; None without `--keep-seeds`."""
        return self._frame("seeds")

    @functools.cached_property
    def events(self) -> pd.DataFrame | None:
        """A row an event; None without `--keep-events`."""
        return self._frame("events")

    def export_csv(self, folder: Path | str) -> list[Path]:
        """Write every table as CSV into `folder`, null as an empty field; returns the files.

        Each file appears whole or not at all. Raises InputError where `folder` is a file,
        MachineError where it cannot be written.
        """
        import pyarrow as pa
        import pyarrow.csv

        folder = Path(folder)
        for part in (folder, *folder.parents):
            if part.exists() and not part.is_dir():
                raise InputError(f"{folder}: {part} is a file; the tables need a folder")
        written = []
        with machine_errors(folder, "the tables cannot be written"):
            folder.mkdir(parents=True, exist_ok=True)
        for table, columns in schema.TABLES.items():
            arrow_table = self.arrow(table)
            if arrow_table is None:
                continue
            plain = pa.table(
                {
                    c.name: arrow_table[c.name].cast(pa.string()) if c.type == "text" else arrow_table[c.name]
                    for c in columns
                }
            )
            file = folder / f"{table}.csv"
            with machine_errors(file, "the table cannot be written"):
                if file.is_dir():
                    raise IsADirectoryError(errno.EISDIR, "a folder of that name is there", str(file))
                write_whole(file, functools.partial(pyarrow.csv.write_csv, plain))
            written.append(file)
        return written
