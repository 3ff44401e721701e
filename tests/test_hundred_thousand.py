"""A cohort of 10^5 patients, by `make long`: it completes, and memory does not grow with the cohort."""

import json
import subprocess
import sys

import pytest

import sim.results.reading

PATIENTS = 100_000


@pytest.mark.long
def test_a_hundred_thousand_patients(repository, tmp_path):
    """Every patient is there, the tables agree with each other, no process held more than 3 GiB."""
    out = tmp_path / "cohort"
    command = [
        sys.executable,
        "run_sim.py",
        "run",
        "colorectal",
        "--patients",
        str(PATIENTS),
        "--workers",
        "2",
        "--quiet",
        "--out",
        out,
    ]
    subprocess.run(command, cwd=repository, check=True, stdout=subprocess.DEVNULL)
    run = sim.results.reading.open(out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "complete" and manifest["patients_finished"] == PATIENTS
    assert manifest["peak_memory_bytes"] < 3 * 2**30
    assert run.patients["patient"].tolist() == list(range(PATIENTS))
    totals = run.cascade[run.cascade["organ"] == "all"].set_index("step")["cells"]
    for step, column in (("shed", "shed_cells"), ("arrested", "arrested_cells"), ("settled", "settled_cells")):
        assert totals[step] == sum(int(value) for value in run.patients[column])
    assert totals["micrometastasis"] == len(run.metastases) and run.metastases["colony"].is_unique
    assert 0.08 < run.patients["metastatic_at_diagnosis"].mean() < 0.15  # 11 % in the liver by the closed form
