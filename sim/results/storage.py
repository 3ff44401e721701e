"""Writing a run: checked columns, Parquet with reproducible bytes, and a folder that is whole or absent.

Equal data give equal bytes (on one version of pyarrow): row groups are cut at a fixed number of rows,
however the data arrive, and nothing that varies, such as a date, is written into a table.
"""

from __future__ import annotations

import errno
import functools
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sim.errors import InputError
from sim.results import schema, sealed
from sim.results.installing import FIGURES, MANIFEST, install, new_folder, recover, try_folder
from sim.results.whole_file import machine_errors, make_folders, try_file, write_whole

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT = 2**53
"""Whole numbers up to here are the same to every reader of JSON."""
_FILE = "the file cannot be written"
RUN = "run"
"""The kind of results that a cohort's run is; its manifest need not say so."""
ROW_GROUP_ROWS = 131_072
PARQUET_OPTIONS = {"compression": "zstd", "compression_level": 3, "version": "2.6", "data_page_version": "1.0"}
"""Fixed, because the bytes of a file depend on them."""

_OUR_FILES = {MANIFEST, FIGURES, *(f"{table}.parquet" for table in schema.TABLES)}


def refuse_what_is_no_text(path: Path) -> None:
    """Raises InputError for a path that holds bytes which are no UTF-8: tables cannot be written there."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        told = os.fsencode(path).decode("utf-8", errors="backslashreplace")
        raise InputError(f"{told}: found a name that is not UTF-8; allowed: a path in UTF-8") from None


def check_writable(folder: Path | str, kind: str = RUN) -> None:
    """Make sure, before anything is computed, that results of a kind can be written to `folder`. Leaves no trace.

    Raises InputError where the path cannot be a folder of results (it, or a part of it, is a file, or it
    holds something else), MachineError where the machine refuses to write.
    """
    folder = Path(os.path.abspath(folder))
    refuse_what_is_no_text(folder)
    recover(folder)
    _refuse_foreign(folder, kind)
    with machine_errors(folder, "the output folder cannot be written"):
        try_folder(folder)


def _kind(folder: Path) -> str:
    """What the results in `folder` are: a run, or what its manifest says."""
    try:
        return str(json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("kind", RUN))
    except (OSError, ValueError, AttributeError, RecursionError):
        return RUN  # damaged: replaced like any run


def _refuse_foreign(folder: Path, kind: str) -> None:
    check_possible(folder, (MANIFEST,), "run")
    if (folder / MANIFEST).is_file() and (found := _kind(folder)) != kind:
        raise InputError(
            f"{folder}: the folder holds results of another kind (found: {found}, allowed: {kind}); "
            "choose another with --out"
        )


def check_possible(folder: Path, marks: tuple[str, ...], what: str) -> None:
    """Raises InputError where `folder` cannot be that of a run (or `what`).

    It is a file then, or full of something without our `marks`.
    """
    try:
        for part in (folder, *folder.parents):
            if part.is_symlink() and not part.exists():
                raise InputError(f"{folder}: {part} is a link to nothing; the output must be a folder")
            if part.exists() and not part.is_dir():
                raise InputError(f"{folder}: {part} is a file; the output must be a folder")
        entries = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            raise InputError(f"{folder}: not a possible folder: {os.strerror(error.errno)}") from error
        with machine_errors(folder, "the output folder cannot be read"):
            raise
    strange = [name for name in entries if not name.startswith(".staging-")]
    if strange and not any(mark in entries for mark in marks):
        then = "which is replaced" if what == "run" else "which is continued"
        raise InputError(
            f"{folder}: the folder is not empty and holds no {what} (no {marks[0]}; found {strange[0]}); "
            f"the output must be a new or empty folder, or an earlier {what}, {then}"
        )


def arrow_column(table: str, column: schema.Column, values: Any, rows: int | None = None) -> pa.Array:
    """One column as a checked pyarrow array (text as plain strings).

    `values` is a numpy array (masked arrays: masked is null), list, pandas or arrow column of any
    length, or None for all null (then `rows` says how many). In nullable columns NaN is null.
    Raises ValueError, naming table and column, where values do not fit the contract.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    place = f"{table}.{column.name}"
    kind = {"int32": pa.int32(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
    target = kind[column.type]
    if values is None:
        array = pa.nulls(rows or 0, target)
    else:
        try:
            if isinstance(values, np.ma.MaskedArray):
                array = pa.array(np.ma.getdata(values), mask=np.ma.getmaskarray(values), from_pandas=True)
            else:
                array = pa.array(values, from_pandas=True)
            if isinstance(array, pa.ChunkedArray):
                array = array.combine_chunks()
            if pa.types.is_dictionary(array.type):
                array = array.dictionary_decode()
            array = array.cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, OverflowError) as error:
            raise ValueError(f"{place}: not {column.type}: {error}") from error
    if array.null_count and not column.nullable:
        raise ValueError(f"{place}: {array.null_count} values are missing in a column that is never null")
    if column.type in ("int32", "int64", "float64") and len(array) > array.null_count:
        bounds = pc.min_max(array)
        low, high = bounds["min"].as_py(), bounds["max"].as_py()
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"{place}: infinite values")
        if low < 0 and not column.signed:
            raise ValueError(f"{place}: {low} is negative (mask what did not happen)")
    if column.allowed is not None:
        strange = set(pc.unique(array).to_pylist()) - set(column.allowed) - {None}
        if strange:
            raise ValueError(f"{place}: {sorted(strange)} stand outside {', '.join(column.allowed)}")
    return array


def _arrow_table(table: str, columns: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    contract = schema.TABLES[table]
    names = [column.name for column in contract]
    if missing := [name for name in names if name not in columns]:
        raise ValueError(f"{table}: columns are missing: {', '.join(missing)}")
    if unknown := [name for name in columns if name not in names]:
        raise ValueError(f"{table}: columns outside the contract: {', '.join(unknown)}")
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{table}: columns differ in length: {lengths}")
    rows = next(iter(lengths.values()), 0)
    arrays = [arrow_column(table, column, columns[column.name], rows) for column in contract]
    return pa.Table.from_arrays(arrays, names=names)


def _row_groups(table: str, parts: Iterable[Mapping[str, Any]]) -> Iterator[pa.Table]:
    """Arrow tables of exactly ROW_GROUP_ROWS rows (the last one shorter), however the parts are cut."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for part in parts:
        waiting.append(_arrow_table(table, part))
        while sum(piece.num_rows for piece in waiting) >= ROW_GROUP_ROWS:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, ROW_GROUP_ROWS)
            waiting = [joined.slice(ROW_GROUP_ROWS)]
    if waiting and (rest := pa.concat_tables(waiting)).num_rows:
        yield rest


def write_table(sink: Path | BinaryIO, table: str, parts: Mapping | Iterable[Mapping]) -> None:
    """Write one table of the contract as Parquet, to a path or an open file.

    `parts` is a mapping from column name to values (see `arrow_column`), or an iterable of such
    mappings, one after the other, so that a large table never stands in memory as a whole; both
    ways give the same bytes. Raises ValueError where the columns break the contract, OSError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow_schema = schema.arrow_schema(table)
    with pq.ParquetWriter(sink, arrow_schema, **PARQUET_OPTIONS) as writer:
        for group in _row_groups(table, [parts] if isinstance(parts, Mapping) else parts):
            # Codes are given out row group by row group, in order of appearance: independent of the parts.
            columns = [
                column.combine_chunks().dictionary_encode() if pa.types.is_dictionary(field.type) else column
                for column, field in zip(group.columns, arrow_schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=arrow_schema), row_group_size=ROW_GROUP_ROWS)


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it: numpy numbers as numbers, infinities and whole numbers above 2^53 as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return str(value)  # most readers of JSON round it
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def write_run(folder: Path | str, tables: Mapping[str, Mapping | Iterable[Mapping]], manifest: Mapping) -> None:
    """Write a whole run; an earlier run in `folder` is replaced, files that are not ours are kept.

    `tables` needs the required tables, and may hold `seeds` and `events`; each as for
    `write_table`. Everything is prepared in a hidden folder beside `folder`, which then takes its
    place: after a failure or a kill the earlier run is still there, or none. Raises ValueError for
    tables outside the contract, InputError and MachineError as `check_writable`.
    """
    _check_names(tables)

    def fill(staging: Path) -> None:
        for table, parts in tables.items():
            write_whole(staging / f"{table}.parquet", functools.partial(write_table, table=table, parts=parts))

    write_folder(folder, fill, manifest, _OUR_FILES)


def _check_names(tables: Iterable[str]) -> None:
    names = list(tables)
    if missing := [table for table in schema.REQUIRED if table not in names]:
        raise ValueError(f"tables are missing: {', '.join(missing)}")
    if unknown := [table for table in names if table not in schema.TABLES]:
        raise ValueError(f"tables outside the contract: {', '.join(unknown)}")


def tables_as_bytes(tables: Mapping[str, Mapping | Iterable[Mapping]]) -> dict[str, bytes]:
    """The bytes that the files of a run's tables would have. Raises ValueError as `write_run`."""
    _check_names(tables)
    files = {}
    for table, parts in tables.items():
        sink = io.BytesIO()
        write_table(sink, table, parts)
        files[table] = sink.getvalue()
    return files


def copy_run(folder: Path | str, files: Mapping[str, bytes], manifest: Mapping) -> None:
    """Write a whole run from the bytes of its tables; all else as `write_run`."""

    def fill(staging: Path) -> None:
        for table, content in files.items():
            write_whole(staging / f"{table}.parquet", content)

    write_folder(folder, fill, manifest, _OUR_FILES)


def write_folder(folder: Path | str, fill: Callable[[Path], None], manifest: Mapping, ours: set[str]) -> None:
    """Write a folder of results that is whole or absent: what `fill` puts into it, and the manifest.

    `ours` names the files and folders that are replaced with it; others are kept. `manifest["kind"]` says
    what the results are, where they are not a run. Raises InputError and MachineError as `check_writable`.
    """
    folder = Path(os.path.abspath(folder))
    recover(folder)
    _refuse_foreign(folder, manifest.get("kind", RUN))
    folder = folder.resolve()
    with machine_errors(folder, "the results cannot be written"), new_folder(folder) as staging:
        fill(staging)
        told = {**manifest, sealed.FILES: sealed.digests_in(staging)}
        write_whole(staging / MANIFEST, sealed.seal(json_text(told)))
        install(staging, folder, ours)


def write_sealed(path: Path, value: Mapping) -> None:
    """Write an object as JSON with its digest in the last line; all else as `write_text`."""
    write_text(path, sealed.seal(json_text(value)))


def write_text(path: Path | str, text: str | bytes) -> None:
    """Write one file of text, whole or not at all; missing folders are made. Raises InputError and MachineError."""
    path = Path(path)
    _refuse_no_file(path)
    with machine_errors(path, _FILE):
        make_folders(path.parent)
        write_whole(path, text if isinstance(text, bytes) else text.encode("utf-8", errors="backslashreplace"))


def check_file(path: Path | str) -> None:
    """Make sure, before anything is computed, that `write_text` can write a file; all else as it, and no trace."""
    path = Path(os.path.abspath(path))
    refuse_what_is_no_text(path)
    try:
        _refuse_no_file(path)
    except OSError as error:
        raise InputError(f"{path}: not a possible file: {error.strerror}") from error
    with machine_errors(path, _FILE):
        try_file(path)


def _refuse_no_file(path: Path) -> None:
    for part in path.parents:
        if part.exists() and not part.is_dir():
            raise InputError(f"{path}: {part} is a file; the output needs a folder")
    if path.is_dir():
        raise InputError(f"{path}: a folder of that name is there")


def json_text(value: Any) -> str:
    """`value` as indented JSON with a closing newline; numpy numbers as numbers, what JSON cannot hold as text."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def csv_text(rows: list[dict]) -> str:
    """Rows of one shape as CSV, an empty field for None."""
    import csv

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
