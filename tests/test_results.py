"""What a run stores: the contract of the tables, equal bytes, whole folders, and clear errors."""

import errno
import itertools
import os
import re
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import synthetic
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import rewrite

from sim import machine
from sim.errors import InputError, MachineError, Remark
from sim.results import manifest, schema, storage, whole_file
from sim.results import reading as results

CONTRACT = {
    "patients": "patient age_years sex bmi primary frailty growth_factor diagnosis_day reference_day presentation primary_cells_at_diagnosis "
    "metastatic_at_diagnosis nodes_positive stage t_category grade distant_nodes peritoneum resection_day first_detected_day liver_symptom_day death_day death_cause last_day censor_reason shed_cells "
    "arrested_cells settled_cells",
    "metastases": "patient colony parent_colony organ source clone founders arrived_day woke_day reached_day detected_day "
    "removed_day extinct_day cells cells_at_diagnosis cells_at_detection doubling_days_at_detection resistant",
    "founders": "colony clone cells",
    "ancestors": "patient colony parent_colony organ source clone arrived_day",
    "clones": "patient clone share_of_primary potential marker seeded metastases",
    "seeding": "clock day organ stage mean q05 q25 q50 q75 q95 share_of_patients n_at_risk",
    "cascade": "source organ step cells share_of_previous",
    "seeds": "patient seed organ source clone arrived_day slept threshold_days woke_day died_day colony",
    "events": "patient day colony organ event",
}
"""Typed by hand from the design, so that a slip in the schema is noticed."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    extra = {
        "seeds": synthetic.seeds(250),
        "events": {
            "patient": [0, 1],
            "day": [3, 4],
            "colony": [None, 7],
            "organ": ["liver", "lung"],
            "event": ["arrive", "reach"],
        },
        "clones": {
            "patient": [0, 0],
            "clone": [0, 1],
            "share_of_primary": [0.5, 0.5],
            "potential": [1.5, 0.5],
            "marker": ["IFI27/REG4", "KRT17"],
            "seeded": [3, 1],
            "metastases": [1, 0],
        },
    }
    return synthetic.write(tmp_path_factory.mktemp("runs") / "run", 60, extra=extra)


def _bytes(folder: Path) -> dict:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


# The contract


@pytest.mark.parametrize("table", CONTRACT)
def test_columns_are_the_contract(run, table):
    names = CONTRACT[table].split()
    assert [column.name for column in schema.TABLES[table]] == names
    assert pq.read_schema(run.path / f"{table}.parquet").names == names
    assert list(getattr(run, table).columns) == names


def test_every_table_is_in_the_contract():
    assert set(schema.TABLES) == set(CONTRACT) == {*schema.REQUIRED, *schema.OPTIONAL}


def test_the_readme_shows_the_schema(repository):
    text = (repository / "results" / "README.md").read_text(encoding="utf-8")
    assert schema.markdown() in text, "put the output of `python -m sim.results.schema` into results/README.md"


def test_units_and_meanings_travel_with_the_file(run):
    field = pq.read_schema(run.path / "patients.parquet").field("death_day")
    assert field.metadata[b"unit"] == b"day" and field.metadata[b"meaning"]


def test_types_do_not_depend_on_the_data(run, tmp_path):
    empty = synthetic.write_empty(tmp_path / "empty")
    for table in schema.REQUIRED:
        assert getattr(run, table).dtypes.equals(getattr(empty, table).dtypes), table


def test_values_come_back(run):
    tables = synthetic.tables(60)
    for name, written in (("patients", tables["patients"]), ("metastases", tables["metastases"])):
        read = getattr(run, name)
        for column, values in written.items():
            if values is None:
                assert read[column].isna().all(), column
            elif isinstance(values, np.ma.MaskedArray):
                assert read[column].isna().to_numpy().tolist() == np.ma.getmaskarray(values).tolist(), column
                assert read[column].dropna().tolist() == values.compressed().tolist(), column
            else:
                expected = pd.Series(list(values))
                assert read[column].isna().tolist() == expected.isna().tolist(), column
                assert read[column].dropna().tolist() == expected.dropna().tolist(), column


def test_large_counts_are_exact(tmp_path):
    tables = synthetic.tables(3)
    tables["patients"]["shed_cells"] = np.array([2**62 + 1, 2**53 + 1, 0])
    storage.write_table(tmp_path / "patients.parquet", "patients", tables["patients"])
    assert pq.read_table(tmp_path / "patients.parquet")["shed_cells"].to_pylist() == [2**62 + 1, 2**53 + 1, 0]


def test_optional_tables_are_none_when_not_kept(tmp_path):
    run = synthetic.write(tmp_path / "run", 5)
    assert run.seeds is None and run.events is None and run.clones is None and len(run.patients) == 5


# Columns are checked


def _patients(**changes):
    return synthetic.tables(4)["patients"] | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frailty": [1.0, np.nan, 1.0, 1.0]}, "patients.frailty: 1 values are missing"),
        ({"frailty": [1.0, np.inf, 1.0, 1.0]}, "patients.frailty: infinite"),
        ({"death_day": np.array([5, -1, 5, 5])}, "patients.death_day: -1 is negative"),
        ({"last_day": np.array([5.5, 1, 2, 3])}, "patients.last_day: not int32"),
        ({"last_day": np.array([2**31, 1, 2, 3])}, "patients.last_day: not int32"),
        ({"shed_cells": ["a", "b", "c", "d"]}, "patients.shed_cells: not int64"),
        ({"primary": ["colon", "colon", "kolon", "colon"]}, "patients.primary: ['kolon'] stand outside"),
        ({"frailty": [1.0]}, "columns differ in length"),
        ({"colour": [1, 2, 3, 4]}, "columns outside the contract: colour"),
    ],
)
def test_a_column_outside_the_contract_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError) as caught:
        storage.write_table(tmp_path / "patients.parquet", "patients", _patients(**changes))
    assert message in str(caught.value)


def test_a_missing_column_is_refused(tmp_path):
    patients = _patients()
    del patients["bmi"]
    with pytest.raises(ValueError, match="columns are missing: bmi"):
        storage.write_table(tmp_path / "patients.parquet", "patients", patients)


def test_missing_and_unknown_tables_are_refused(tmp_path):
    tables = synthetic.tables(2)
    with pytest.raises(ValueError, match="outside the contract: notes"):
        results.write_run(tmp_path / "a", tables | {"notes": {}}, {})
    del tables["cascade"]
    with pytest.raises(ValueError, match="tables are missing: cascade"):
        results.write_run(tmp_path / "a", tables, {})
    assert not list(tmp_path.iterdir())


# Equal data, equal bytes


def test_equal_data_give_equal_bytes(tmp_path):
    first = synthetic.write(tmp_path / "first", 40)
    second = synthetic.write(tmp_path / "second", 40)
    assert _bytes(first.path) == _bytes(second.path) and len(_bytes(first.path)) == len(schema.REQUIRED)
    assert _bytes(synthetic.write(tmp_path / "third", 40, seed=2).path) != _bytes(first.path)


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 1000), max_size=6), group=st.integers(70, 1100))
def test_bytes_do_not_depend_on_how_a_table_arrives(tmp_path_factory, cuts, group):
    folder, seeds = tmp_path_factory.mktemp("parts"), synthetic.seeds(1000)
    edges = [0, *sorted(cuts), 1000]
    parts = [
        {name: None if values is None else values[low:high] for name, values in seeds.items()}
        for low, high in itertools.pairwise(edges)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "ROW_GROUP_ROWS", group)
        storage.write_table(folder / "whole.parquet", "seeds", seeds)
        storage.write_table(folder / "parts.parquet", "seeds", iter(parts))
    assert (folder / "whole.parquet").read_bytes() == (folder / "parts.parquet").read_bytes()
    assert pq.ParquetFile(folder / "parts.parquet").metadata.num_row_groups == -(-1000 // group)


# The folder is whole or absent


def test_a_run_is_replaced_whole_and_foreign_files_stay(tmp_path):
    folder = tmp_path / "run"
    synthetic.write(folder, 10, extra={"seeds": synthetic.seeds(10)})
    (folder / "figures").mkdir()
    (folder / "figures" / "old.png").write_bytes(b"old")
    (folder / "my notes.txt").write_text("mine")
    run = synthetic.write(folder, 20)
    assert len(run.patients) == 20 and run.seeds is None
    assert (folder / "my notes.txt").read_text() == "mine" and not (folder / "figures").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_not_a_run_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("ten years of work")
    for call in (results.check_writable, lambda folder: synthetic.write(folder, 3)):
        with pytest.raises(InputError, match="holds no run.*thesis.tex"):
            call(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("where", ["file", "file/run", "file/a/b"])
def test_a_file_in_the_way_is_bad_input(tmp_path, where):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        results.check_writable(tmp_path / where)


def test_a_link_to_nothing_is_bad_input(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match="link to nothing"):
        results.check_writable(tmp_path / "link")


def test_a_name_too_long_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="not a possible folder"):
        results.check_writable(tmp_path / ("x" * 400))


def test_checking_leaves_no_trace(tmp_path):
    results.check_writable(tmp_path / "a" / "b" / "run")
    (tmp_path / "empty").mkdir()
    results.check_writable(tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"] and not list((tmp_path / "empty").iterdir())


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "free some space"),
    ],
)
def test_a_machine_that_refuses_is_noticed_before_any_work(tmp_path, monkeypatch, number, words):
    def refuse(self, *_args, **_kwargs):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(MachineError, match=words) as caught:
        results.check_writable(tmp_path / "run")
    assert str(tmp_path / "run") in str(caught.value)


def test_a_disk_that_fills_up_leaves_the_earlier_run(tmp_path, monkeypatch):
    before = synthetic.write(tmp_path / "run", 10).manifest
    write_table = storage.write_table

    def full(path, table, parts):
        if table == "cascade":
            path.write(b"PAR1 and not more")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_table(path, table, parts)

    monkeypatch.setattr(storage, "write_table", full)
    with pytest.raises(MachineError, match="No space left.*free some space"):
        synthetic.write(tmp_path / "run", 20)
    with pytest.raises(MachineError):
        synthetic.write(tmp_path / "new", 20)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert results.open(tmp_path / "run").manifest == before


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given, name=name, real=real: (done.append(name), real(*given)))
    whole_file.write_whole(tmp_path / "x", b"whole")
    assert done[:2] == ["fsync", "replace"] and (tmp_path / "x").read_bytes() == b"whole"

    def half(file):
        file.write(b"ha")
        raise KeyboardInterrupt

    for staging in (None, tmp_path / "elsewhere"):
        with pytest.raises(KeyboardInterrupt):
            whole_file.write_whole(tmp_path / "x", half, staging)
    assert (tmp_path / "x").read_bytes() == b"whole"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["elsewhere", "x"]


def test_there_is_one_writer_of_files():
    """Whoever writes a file that is to last goes through `write_whole`."""
    ways = re.compile(
        r"os\.replace|\.write_text\(|\.write_bytes\(|(?<!file\.)open\([^)]*[\"'][wax]b?[\"']|mkstemp|NamedTemporary"
    )
    sim = Path(storage.__file__).parent.parent
    users = {
        path.relative_to(sim).as_posix() for path in sim.rglob("*.py") if ways.search(path.read_text(encoding="utf-8"))
    }
    assert users == {"results/installing.py", "results/whole_file.py"}


def test_a_real_limit_on_the_size_of_files(tmp_path):
    """The operating system itself refuses: no mock between us and the error."""
    pytest.importorskip("resource")
    program = (
        "import resource, sys, pathlib, synthetic\n"
        "from sim.errors import MachineError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try:\n    synthetic.write(pathlib.Path(sys.argv[1]), 200)\n"
        "except MachineError as error:\n    print(error); sys.exit(7)\n"
    )
    tests = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        cwd=tests,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])},
        timeout=120,
    )
    assert done.returncode == 7, done.stderr
    assert "cannot be written" in done.stdout and not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_folder_that_cannot_be_renamed_is_filled(tmp_path, monkeypatch, number, earlier):
    """A mount point, as containers have it."""
    folder = tmp_path / "mount"
    folder.mkdir()
    if earlier:
        synthetic.write(folder, 5, extra={"seeds": synthetic.seeds(5)})
    replace = os.replace
    monkeypatch.setattr(machine, "exchange", lambda one, other: False)

    def refuse(source, target):
        if Path(source) == folder or Path(target) == folder:
            raise OSError(number, os.strerror(number))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    run = synthetic.write(folder, 10)
    assert len(run.patients) == 10 and run.seeds is None
    assert [path.name for path in tmp_path.iterdir()] == ["mount"] and len(list(folder.iterdir())) == 1 + len(
        schema.REQUIRED
    )


def test_the_current_folder_stays_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inode = tmp_path.stat().st_ino
    synthetic.write(Path("."), 5)
    synthetic.write(Path("."), 6)
    assert tmp_path.stat().st_ino == inode and len(results.open(".").patients) == 6
    assert not list(tmp_path.glob(".staging*"))


def test_an_interruption_while_installing_keeps_the_earlier_run(tmp_path, monkeypatch):
    synthetic.write(tmp_path / "run", 5)
    replace = os.replace
    monkeypatch.setattr(machine, "exchange", lambda one, other: False)

    def interrupt(source, target):
        if Path(target) == tmp_path / "run" and not str(source).endswith("-replaced"):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        synthetic.write(tmp_path / "run", 6)
    assert len(results.open(tmp_path / "run").patients) == 5 and len(list(tmp_path.iterdir())) == 1


# Reading back


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "holds no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text('{"schema_version": '), "manifest.json: cannot be read"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe\x00"), "manifest.json: cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "no schema_version"),
        (lambda folder: rewrite(folder, schema_version="99"), "found '99', this program reads 1, 2, 3, 4, 5, 6"),
        (lambda folder: (folder / "seeding.parquet").unlink(), "seeding.parquet: the file is missing"),
        (lambda folder: (folder / "seeding.parquet").write_bytes(b""), "seeding.parquet: damaged"),
        (
            lambda folder: (folder / "seeding.parquet").write_bytes((folder / "seeding.parquet").read_bytes()[:-20]),
            "damaged",
        ),
        (
            lambda folder: (folder / "cascade.parquet").write_bytes((folder / "founders.parquet").read_bytes()),
            "cascade.parquet: damaged: it is not what was written",
        ),
    ],
)
def test_a_damaged_run_is_named(tmp_path, damage, message):
    folder = synthetic.write(tmp_path / "run", 3).path
    damage(folder)
    with pytest.raises(InputError, match=message):
        results.open(folder)


@pytest.mark.parametrize("digests", [True, False])
def test_columns_outside_the_contract_are_named(tmp_path, digests):
    folder = synthetic.write(tmp_path / "run", 3).path
    (folder / "cascade.parquet").write_bytes((folder / "founders.parquet").read_bytes())
    rewrite(folder, digests=digests)
    with pytest.raises(InputError, match="columns differ"), warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        results.open(folder)


def opened_before_digests(folder):
    """An old run, which opens with a note."""
    with pytest.warns(Remark, match="written before results had digests"):
        return results.open(folder)


def test_damage_inside_a_file_is_named_when_it_is_read(tmp_path):
    """Without digests it is the reader of the table that notices, if anybody does."""
    folder = synthetic.write(tmp_path / "run", 50).path
    rewrite(folder, digests=False)
    file = folder / "seeding.parquet"
    whole = bytearray(file.read_bytes())
    whole[4:20_000] = b"\x00" * (20_000 - 4)
    file.write_bytes(whole)
    run = opened_before_digests(folder)
    with pytest.raises(InputError, match="seeding.parquet: damaged"):
        run.seeding  # noqa: B018


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("x"), lambda path: path.mkdir()])
def test_a_path_that_is_no_run(tmp_path, make):
    make(tmp_path / "run")
    with pytest.raises(InputError, match="run"):
        results.open(tmp_path / "run")


def test_a_folder_of_runs_names_them(tmp_path):
    synthetic.write(tmp_path / "seed1", 2)
    with pytest.raises(InputError, match="runs in it: .*seed1"):
        results.open(tmp_path)


def test_an_old_version_is_read_through_its_reader(tmp_path, monkeypatch):
    folder = synthetic.write(tmp_path / "run", 4).path
    rewrite(folder, digests=False, schema_version="0")

    def rename(table, arrow_table):
        return arrow_table.rename_columns([name.replace("years_old", "age_years") for name in arrow_table.column_names])

    old = pq.read_table(folder / "patients.parquet")
    pq.write_table(
        old.rename_columns([name.replace("age_years", "years_old") for name in old.column_names]),
        folder / "patients.parquet",
    )
    monkeypatch.setattr(results, "READERS", {**results.READERS, "0": rename})
    assert opened_before_digests(folder).patients["age_years"].tolist() == old["age_years"].to_pylist()


NEW_IN_5 = ["t_category", "grade", "distant_nodes", "peritoneum"]
NEW_IN_4 = ["reference_day", "presentation", "nodes_positive", "stage", *NEW_IN_5]
UNKNOWN_BEFORE_4 = ["nodes_positive", "stage", *NEW_IN_5]


def test_a_run_of_version_1_is_read_with_what_it_lacks_as_null(tmp_path):
    """Version 1 did not tell when a liver's symptoms came, and had no table of ancestors; everything else is as written."""
    run = synthetic.write(tmp_path / "run", 5)
    today = run.patients
    rewrite(run.path, digests=False, schema_version="1")
    old = pq.read_table(run.path / "patients.parquet")
    pq.write_table(old.drop_columns(["liver_symptom_day", *NEW_IN_4]), run.path / "patients.parquet")
    (run.path / "ancestors.parquet").unlink()
    again = opened_before_digests(run.path)
    assert (
        again.patients["liver_symptom_day"].isna().all()
        and again.patients["liver_symptom_day"].dtype == today["liver_symptom_day"].dtype
    )
    pd.testing.assert_frame_equal(again.patients.drop(columns=UNKNOWN_BEFORE_4), today.drop(columns=UNKNOWN_BEFORE_4))
    assert (
        again.metastases.equals(run.metastases)
        and again.ancestors.empty
        and list(again.ancestors.columns) == CONTRACT["ancestors"].split()
    )
    assert (
        "liver_symptom_day"
        in pd.read_csv(next(path for path in again.export_csv(tmp_path / "sheets") if path.stem == "patients")).columns
    )


def _without_presentation(run) -> None:
    old = pq.read_table(run.path / "patients.parquet")
    pq.write_table(old.drop_columns(NEW_IN_4), run.path / "patients.parquet")


def test_in_a_run_of_version_3_everybody_was_diagnosed_by_the_primary(tmp_path):
    run = synthetic.write(tmp_path / "run", 5)
    today = run.patients
    rewrite(run.path, digests=False, schema_version="3")
    _without_presentation(run)
    again = opened_before_digests(run.path)
    pd.testing.assert_frame_equal(again.patients.drop(columns=UNKNOWN_BEFORE_4), today.drop(columns=UNKNOWN_BEFORE_4))
    assert again.patients[UNKNOWN_BEFORE_4].isna().all(axis=None)
    assert (again.patients["presentation"] == "primary").all()
    assert (again.patients["reference_day"] == again.patients["diagnosis_day"]).all()


def test_a_run_of_version_4_told_neither_t_nor_grade(tmp_path):
    run = synthetic.write(tmp_path / "run", 5)
    today = run.patients
    rewrite(run.path, digests=False, schema_version="4")
    old = pq.read_table(run.path / "patients.parquet")
    pq.write_table(old.drop_columns(NEW_IN_5), run.path / "patients.parquet")
    again = opened_before_digests(run.path)
    pd.testing.assert_frame_equal(again.patients.drop(columns=NEW_IN_5), today.drop(columns=NEW_IN_5))
    assert again.patients[NEW_IN_5].isna().all(axis=None)
    assert (again.patients[NEW_IN_5].dtypes == today[NEW_IN_5].dtypes).all()
    assert again.metastases.equals(run.metastases)


def test_a_run_of_version_2_is_read_without_clones(tmp_path):
    run = synthetic.write(tmp_path / "run", 5)
    written = {table: getattr(run, table) for table in schema.REQUIRED}
    rewrite(run.path, digests=False, schema_version="2")
    _without_presentation(run)
    again = opened_before_digests(run.path)
    old, new = again.patients, written.pop("patients")
    pd.testing.assert_frame_equal(old.drop(columns=UNKNOWN_BEFORE_4), new.drop(columns=UNKNOWN_BEFORE_4))
    assert again.clones is None and all(getattr(again, table).equals(frame) for table, frame in written.items())


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path):
    run = synthetic.write(tmp_path / "seed=1", 3)
    assert list(run.patients.columns) == CONTRACT["patients"].split()


def test_csv_holds_the_same(run, tmp_path):
    files = run.export_csv(tmp_path / "sheets")
    assert [file.name for file in files] == [f"{table}.csv" for table in schema.TABLES]
    patients = pd.read_csv(tmp_path / "sheets" / "patients.csv")
    assert patients["death_day"].isna().tolist() == run.patients["death_day"].isna().tolist()
    assert patients["shed_cells"].tolist() == run.patients["shed_cells"].tolist()
    # pandas before 3 reads some numbers one unit in the last place off: the text itself is exact.
    ages = pd.read_csv(tmp_path / "sheets" / "patients.csv", dtype=str)["age_years"]
    assert [float(age) for age in ages] == run.patients["age_years"].tolist()
    assert pd.read_csv(tmp_path / "sheets" / "seeding.csv")["stage"].tolist() == run.seeding["stage"].tolist()
    assert not list((tmp_path / "sheets").glob(".*"))


def test_csv_into_a_file_or_a_refusing_machine(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        run.export_csv(tmp_path / "file")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(MachineError, match="free some space"):
        run.export_csv(tmp_path / "sheets")
    assert not list((tmp_path / "sheets").iterdir())


# The manifest


def _build(**changes):
    known = dict(
        scenario={"name": "x"},
        seed=1,
        patients=2,
        patients_finished=2,
        status="complete",
        command_line=["run"],
        start=datetime(2026, 3, 1, 12, tzinfo=UTC),
        wall_seconds=1.23456,
    )
    return results.build_manifest(**(known | changes))


def test_the_manifest_says_what_made_the_run():
    found = _build()
    assert set(found) == {
        "schema_version",
        "engine_version",
        "tables",
        "status",
        "command_line",
        "scenario",
        "seed",
        "patients",
        "patients_finished",
        "versions",
        "commit",
        "start",
        "wall_seconds",
        "peak_memory_bytes",
    }
    assert found["start"] == "2026-03-01T12:00:00+00:00" and found["schema_version"] == "6"
    assert set(found["versions"]) == {
        "python",
        "platform",
        "processor",
        "metastatic-seeding",
        "numpy",
        "numba",
        "mesa",
        "pyarrow",
        "scipy",
        "pandas",
    }
    assert "not installed" not in found["versions"].values()
    assert found["peak_memory_bytes"] is None or found["peak_memory_bytes"] > 10**7
    with pytest.raises(ValueError, match="none of complete, interrupted"):
        _build(status="done")


def test_the_manifest_survives_numbers_that_json_lacks(tmp_path):
    tables = synthetic.tables(2)
    scenario = synthetic.scenario(2) | {
        "limit": np.float64("inf"),
        "path": Path("a"),
        "count": np.int64(3),
        "both": (1, 2),
    }
    results.write_run(tmp_path / "run", tables, _build(scenario=scenario))
    read = results.open(tmp_path / "run").manifest["scenario"]
    assert (read["limit"], read["path"], read["count"], read["both"]) == ("inf", "a", 3, [1, 2])


def test_the_commit_of_a_repository(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True, capture_output=True
        )

    assert manifest.commit(tmp_path) == "unknown"
    git("init")
    assert manifest.commit(tmp_path) == "unknown"  # nothing committed yet
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "a")
    clean = manifest.commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "a").write_text("2")
    assert manifest.commit(tmp_path) == f"{clean}+changes"
    (tmp_path / "inner").mkdir()
    assert manifest.commit(tmp_path / "inner") == "unknown"  # the repository only surrounds it
    monkeypatch.setenv("PATH", "")
    assert manifest.commit(tmp_path) == "unknown"  # no git at all


def test_reading_names_and_manifest_needs_no_heavy_library():
    program = "import sys, sim.results.reading, sim.report.summary, sim.results.incidence; print(sorted({'pyarrow', 'pandas', 'numpy', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_name_outside_utf8_does_not_break_the_manifest(tmp_path):
    """Names of files may hold bytes that are no text; Python passes them as lone surrogates."""
    run = synthetic.write(tmp_path / "run", 3)
    manifest = dict(run.manifest, command_line=["run", "f\udcff.toml"])
    results.write_run(tmp_path / "again", synthetic.tables(3), manifest)
    assert results.open(tmp_path / "again").manifest["command_line"][1].startswith("f")
