"""The lineage of one patient: the tree in Newick's format, migration, clones, and the command that prints them."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sim import scenario
from sim.analysis.family_tree import Node, newick, patient_lineage
from sim.cli.lineage import lineage_text
from sim.disease.identity import colony_id, colony_parts, pack
from sim.errors import InputError
from sim.names import NICHES
from sim.results import reading as results
from sim.runs.run import run_scenario

LIVER, LUNG, BONE = (NICHES.index(organ) for organ in ("liver", "lung", "bone"))


def colony(day: int, niche: int, source: int = 0, patient: int = 7) -> int:
    return int(colony_id(np.array([patient]), np.array([pack(0, day, 0, niche, source)], dtype=np.uint64))[0])


FIRST, SECOND, FAR = colony(100, LIVER), colony(200, LIVER), colony(400, LUNG, 1 + LIVER)
SMALL, OF_SMALL = colony(300, BONE, 1 + LUNG), colony(500, BONE, 1 + BONE)
SMALL_LUNG = colony(150, LUNG, 1 + LIVER)
"""The liver's first colony seeds the lung twice; a small bone colony, itself of the small lung colony, seeds the bone."""


def made(small: bool = True, **states) -> SimpleNamespace:
    """A run of hand-made tables with one patient of interest; runs of schema version 1 have no `small` ancestors, and no clones."""
    rows = [(FIRST, None, "liver", "primary", 1, 1, 100), (SECOND, None, "liver", "primary", 5, None, 50), (FAR, FIRST, "lung", "liver", 1, 1, 30),
            (OF_SMALL, SMALL, "bone", "bone", 1, 2, 20)]  # fmt: skip
    metastases = pd.DataFrame(
        rows, columns=["colony", "parent_colony", "organ", "source", "founders", "clone", "cells"]
    )
    metastases = metastases.astype({"parent_colony": "Int64", "clone": "Int64"}).assign(
        patient=7, arrived_day=[100, 200, 400, 500]
    )
    founders = pd.DataFrame(
        {
            "colony": [FIRST, SECOND, SECOND, FAR, OF_SMALL],
            "clone": pd.array([1, 1, 3, 1, 2], dtype="Int64"),
            "cells": [1, 2, 3, 1, 1],
        }
    )
    ancestors = pd.DataFrame([(7, SMALL, SMALL_LUNG), (7, SMALL_LUNG, FIRST), (5, colony(9, LUNG, patient=5), None)][: 3 if small else 0],
                             columns=["patient", "colony", "parent_colony"]).astype({"parent_colony": "Int64"})  # fmt: skip
    clones = pd.DataFrame({"patient": [6, 7, 7, 7, 7], "clone": [0, 0, 1, 2, 3], "share_of_primary": [1.0, 0.4, 0.3, 0.2, 0.1],
                           "potential": [1.0, 0.5, 2.0, 0.5, 1.0], "marker": [None, "KRT17", "IFI27/REG4", "KRT17", None], "seeded": [0, 9, 50, 7, 8]})  # fmt: skip
    mechanisms = {"lineage": True, "secondary_seeding": True, **states}
    return SimpleNamespace(path=Path("run"), place="run", manifest={"scenario": {"mechanisms": mechanisms}}, metastases=metastases, founders=founders, ancestors=ancestors, clones=clones if small else None,
                           patients=pd.DataFrame({"patient": [6, 7]}))  # fmt: skip


def tree(text: str) -> dict[str, tuple[str, int]]:
    """Parent and branch of every label in Newick's format, by a reader written for this test."""
    found, stack, children, waiting = {}, [], [], []
    for token in re.findall(r"[(),;]|[^(),;]+", text):
        if token == "(":
            stack.append(children)
            children = []
        elif token == ")":
            waiting, children = children, stack.pop()
        elif token not in ",;":
            label, _, days = token.partition(":")
            found |= {child: (label, branch) for child, branch in waiting}
            waiting = []
            children.append((label, int(days or 0)))
    assert not stack and len(children) == 1, "brackets match, one root"
    return found


def test_the_tree_of_a_patient():
    found = patient_lineage(made(), 7)
    assert found.newick == "((((bone_2:200)bone_1_small:150)lung_1_small:50,lung_2:300)liver_1:100,liver_2:200)primary;"
    assert tree(found.newick) == {"lung_1_small": ("liver_1", 50), "bone_1_small": ("lung_1_small", 150), "bone_2": ("bone_1_small", 200),
                                  "liver_1": ("primary", 100), "liver_2": ("primary", 200), "lung_2": ("liver_1", 300)}  # fmt: skip
    days = {"primary": 0}
    for node in found.nodes:
        days[node.label] = days[node.parent] + tree(found.newick)[node.label][1]
        assert days[node.label] == node.day, "branches from the root add up to the day of arrival"


def test_the_tree_of_a_run_of_version_1_knows_only_the_organ_of_a_small_colonys_parent():
    found = patient_lineage(made(small=False), 7)
    assert found.newick == "(((bone_2:200)bone_1_small:300)lung_unknown:0,(lung_1:300)liver_1:100,liver_2:200)primary;"


def test_a_deep_tree_is_no_problem():
    chain = (Node("a0", "primary", 1), *(Node(f"a{i}", f"a{i - 1}", i + 1) for i in range(1, 5000)))
    assert tree(newick(chain))["a4999"] == ("a4998", 1)
    assert newick(()) == "primary;"


def test_migration_and_clones():
    found = patient_lineage(made(), 7)
    assert found.migration.to_dict("list") == {"source": ["primary", "bone", "liver"], "organ": ["liver", "bone", "lung"],
                                               "colonies": [2, 1, 1], "monoclonal": [1, 1, 1], "polyclonal": [1, 0, 0]}  # fmt: skip
    assert found.clones.drop(columns="marker").to_dict("list") == {
        "clone": [1, 3, 2, 0],
        "share_of_primary": [0.3, 0.1, 0.2, 0.4],
        "potential": [2.0, 1.0, 0.5, 0.5],
        "seeded": [50, 8, 7, 9],
        "colonies": [3, 1, 1, 0],
        "founding_cells": [4, 3, 1, 0],
        "cells": [150.0, 30.0, 20.0, 0.0],
    }
    assert (
        found.clones["marker"].isna().tolist() == [False, True, False, False]
        and found.clones["marker"][0] == "IFI27/REG4"
    )
    assert found.colonies["parent"].tolist() == ["primary", "primary", "liver_1", "bone_1_small"]
    assert found.colonies["clones"].tolist() == [1, 2, 1, 1]
    text = lineage_text(found)
    assert (
        text.splitlines()[0] == found.newick
        and "liver_2" in text
        and text.splitlines()[2].startswith("seeded from  organ")
    )


def test_a_run_before_version_3_tells_the_clones_of_its_colonies_alone():
    found = patient_lineage(made(small=False), 7).clones
    assert found["clone"].tolist() == [1, 3, 2] and found["cells"].tolist() == [150.0, 30.0, 20.0]
    assert found[["share_of_primary", "potential", "marker", "seeded"]].isna().all(axis=None)


def test_without_clones_the_tree_is_told_and_the_clones_are_not():
    found = patient_lineage(made(lineage=False), 7)
    assert found.clones is None and found.migration["monoclonal"].isna().all()
    assert "no clones: the mechanism lineage was off" in lineage_text(found)


def test_a_run_without_clones_and_parents_is_refused():
    with pytest.raises(InputError, match="--on lineage or --on secondary_seeding"):
        patient_lineage(made(lineage=False, secondary_seeding=False), 7)
    with pytest.raises(InputError, match="patient: found 8, the run holds 6 to 7"):
        patient_lineage(made(), 8)
    nothing = patient_lineage(made(), 6)
    assert (
        nothing.newick == "primary;"
        and nothing.migration.empty
        and nothing.colonies.empty
        and "primary;" in lineage_text(nothing)
    )


def test_parts_of_a_colonys_id():
    parts = colony_parts([FIRST, FAR, SMALL])
    assert {name: values.tolist() for name, values in parts.items()} == {
        "patient": [7, 7, 7],
        "day": [100, 400, 300],
        "niche": [LIVER, LUNG, BONE],
        "source": [0, 1 + LIVER, 1 + LUNG],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small run of the scenario in which metastases seed, with clones and clusters."""
    chosen = scenario.load("metastases_that_seed").with_(
        on=["lineage", "clusters", "secondary_seeding"],
        patients=16,
        set_=[
            "secondary_shedding_factor=0.1",
            "metastatic_share.colon=1",
            "competent_share=4e-4",
            "frailty_log_sd=1",
        ],
    )  # enough who spread
    out = tmp_path_factory.mktemp("lineage") / "run"
    run_scenario(chosen, seed=1, out=out)
    return out


def test_every_colony_of_a_run_stands_once_in_its_tree(folder):
    run = results.open(folder)
    seeded = run.metastases[run.metastases["source"] != "primary"]["patient"].value_counts()
    assert len(seeded) > 2
    for patient in run.patients["patient"]:
        found = patient_lineage(run, patient)
        parents = {label: parent for label, (parent, _) in tree(found.newick).items()}
        assert set(found.colonies["label"]) <= set(parents) and len(parents) == len(found.nodes)
        assert "unknown" not in found.newick
        assert found.colonies["parent"].tolist() == [parents[label] for label in found.colonies["label"]]
        assert found.migration["colonies"].sum() == len(found.colonies) == (run.metastases["patient"] == patient).sum()
        assert found.clones["cells"].sum() == pytest.approx(float(found.colonies["cells"].sum()))
        assert found.clones["founding_cells"].sum() == found.colonies["founders"].sum()


def test_the_command_prints_them(folder, front_door, tmp_path):
    patient = int(results.open(folder).metastases["patient"].mode()[0])
    done = front_door("lineage", folder, str(patient))
    assert done.returncode == 0 and done.stdout == lineage_text(patient_lineage(results.open(folder), patient)) + "\n"
    for wrong, message in (("99", "the run holds 0 to 15"), ("-1", "PATIENT")):
        refused = front_door("lineage", folder, "--", wrong)
        assert refused.returncode == 2 and message in refused.stderr and "Traceback" not in refused.stderr
    refused = front_door("lineage", tmp_path, "0")
    assert refused.returncode == 2 and "not a run" in refused.stderr
