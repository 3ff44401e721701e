"""`clones.parquet`: each clone's share of the primary, its potential, and what it seeded, so that hot clones can be named.

The statistical check fails a correct program with probability 2e-9 (see `statistics_helpers`); seeds are fixed.
"""

import numpy as np
import pandas as pd
import pytest
from quick_cohort import scenario_file, tables
from statistics_helpers import assert_counts
from stored import rewrite

from sim import scenario as scenarios
from sim.analysis.family_tree import patient_lineage
from sim.disease.hosts import CLONES
from sim.errors import InputError, Remark
from sim.results import reading as results
from sim.runs import run as runs
from sim.runs.run import run_scenario
from sim.work import workers

PATIENTS, SEED = 12, 5


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick scenario, with clones."""
    return scenarios.load(scenario_file(tmp_path_factory.mktemp("scenario"), PATIENTS)).with_(on=("lineage",))


@pytest.fixture(scope="module")
def run(quick, tmp_path_factory):
    return run_scenario(quick, seed=SEED, out=tmp_path_factory.mktemp("runs") / "x", keep_seeds=True)


def test_every_clone_of_every_patient_has_a_row(run):
    clones = run.clones
    assert clones["patient"].tolist() == np.repeat(run.patients["patient"], CLONES).tolist()
    assert clones["clone"].tolist() == list(range(CLONES)) * PATIENTS
    of_patient = clones.groupby("patient")
    assert of_patient["share_of_primary"].sum().to_numpy() == pytest.approx(1.0)
    mean = (clones["share_of_primary"] * clones["potential"]).groupby(clones["patient"]).sum()
    assert mean.to_numpy() == pytest.approx(1.0), "potential is relative to the mean of the primary's cells"
    assert (clones["marker"] == np.where(clones["potential"] > 1, "IFI27/REG4", "KRT17")).all() and clones[
        "marker"
    ].nunique() == 2


def test_what_clones_seeded_adds_up_to_the_other_tables(run):
    clones = run.clones.set_index(["patient", "clone"])
    assert clones["seeded"].groupby("patient").sum().tolist() == run.patients["settled_cells"].tolist(), (
        "without clusters"
    )
    seeds = run.seeds.groupby(["patient", "clone"]).size().reindex(clones.index, fill_value=0)
    assert clones["seeded"].tolist() == seeds.tolist() and clones["seeded"].sum() > 1000
    grown = run.metastases.groupby(["patient", "clone"]).size().reindex(clones.index, fill_value=0)
    assert clones["metastases"].tolist() == grown.tolist() and grown.sum() > 20


def test_clones_seed_by_share_and_potential(run):
    """Hot and cold clones of all patients together, chi-square against share x potential; by share alone it fails."""
    clones = run.clones
    expected = clones["share_of_primary"] * clones["potential"] * clones.groupby("patient")["seeded"].transform("sum")
    hot = clones["marker"] == "IFI27/REG4"
    assert_counts(
        [clones["seeded"][hot].sum(), clones["seeded"][~hot].sum()], [expected[hot].sum(), expected[~hot].sum()]
    )
    with pytest.raises(AssertionError):
        by_share = clones["share_of_primary"] * clones.groupby("patient")["seeded"].transform("sum")
        assert_counts(
            [clones["seeded"][hot].sum(), clones["seeded"][~hot].sum()], [by_share[hot].sum(), by_share[~hot].sum()]
        )


@pytest.mark.parametrize("number_of_workers, chunk_patients", [(1, 1), (2, 5)])
def test_neither_workers_nor_chunks_change_a_byte(quick, run, tmp_path, monkeypatch, number_of_workers, chunk_patients):
    monkeypatch.setattr(runs, "CHUNK_PATIENTS", chunk_patients)
    monkeypatch.setattr(workers, "TASKS_PER_WORKER", 3)
    again = run_scenario(quick, seed=SEED, out=tmp_path / "x", workers=number_of_workers)
    assert tables(again.path)["clones.parquet"] == tables(run.path)["clones.parquet"]


def test_a_run_that_has_lost_its_clones_is_refused(quick, tmp_path):
    """As one without any other table; a run of version 2, which did not write them, is read."""
    few = quick.with_(patients=4)
    folder = run_scenario(few, seed=SEED, out=tmp_path / "x").path
    (folder / "clones.parquet").unlink()
    with pytest.raises(InputError, match=r"clones\.parquet: the file is missing; run the scenario again"):
        results.open(folder)
    rewrite(folder, digests=False, schema_version="2")
    with pytest.warns(Remark, match="before results had digests"):
        assert results.open(folder).clones is None


def test_without_clones_there_is_no_table(quick, run, tmp_path):
    """Off, and on at its null; a run in the folder of one with clones leaves none behind."""
    few = quick.with_(patients=3)
    assert "clones.parquet" in tables(run_scenario(few, seed=SEED, out=tmp_path / "x").path)
    for without in (few.with_(off=("lineage",)), few.with_(set_=["clone_potential_log_sd=0"])):
        again = run_scenario(without, seed=SEED, out=tmp_path / "x")
        assert again.clones is None and "clones.parquet" not in tables(again.path)


def test_the_lineage_of_a_patient_shows_all_clones(run):
    patient = int(run.metastases["patient"].mode()[0])
    told = patient_lineage(run, patient).clones
    listed = run.clones[run.clones["patient"] == patient].set_index("clone")
    assert sorted(told["clone"]) == list(range(CLONES)), "also those without a metastasis"
    same = listed.loc[told["clone"].tolist()]
    for name, of in (
        ("share_of_primary", "share_of_primary"),
        ("potential", "potential"),
        ("marker", "marker"),
        ("seeded", "seeded"),
        ("colonies", "metastases"),
    ):
        assert told[name].tolist() == same[of].tolist(), name
    assert told["cells"].is_monotonic_decreasing and told["cells"].sum() == pytest.approx(
        float(run.metastases.query("patient == @patient")["cells"].sum())
    )


def test_it_can_be_exported(run, tmp_path):
    sheet = pd.read_csv(next(file for file in run.export_csv(tmp_path) if file.stem == "clones"))
    assert (
        sheet["seeded"].tolist() == run.clones["seeded"].tolist()
        and sheet["marker"].tolist() == run.clones["marker"].tolist()
    )
