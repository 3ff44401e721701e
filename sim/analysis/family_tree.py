"""Who seeded whom in one patient: the tree of their colonies, the migration between organs, and their clones.

Read from the tables of a run. The tree is written in Newick's format; a branch is as long as the days from
the arrival of a colony's founder to the arrival of its child's (the primary's root is the first
malignant cell, day 0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.disease.identity import colony_parts
from sim.errors import InputError
from sim.names import NICHES
from sim.results.reading import Run
from sim.results.schema import PRIMARY

if TYPE_CHECKING:
    import pandas as pd

TELLING = ("lineage", "secondary_seeding")
"""Mechanisms without which there is nothing to tell: no clones, and no colony but the primary's own."""


@dataclass(frozen=True)
class Node:
    """One colony of the tree; `parent` is a label, `day` that of its founder's arrival."""

    label: str
    parent: str
    day: int


@dataclass(frozen=True)
class PatientLineage:
    """`nodes` in order of arrival; `colonies`, `migration`, `clones` are pandas frames.

    `colonies`: label, organ, parent (label), arrived_day, founders, clones (number), clone (its number, <NA>
    where several), cells. `migration`: source, organ, colonies, monoclonal, polyclonal (<NA> without clones).
    `clones` (None without clones): clone, share_of_primary, potential, marker, seeded (these as in `clones.parquet`;
    missing in runs before schema version 3), colonies, founding_cells, cells: a colony of several clones is shared out
    as its founders were.
    """

    patient: int
    nodes: tuple[Node, ...]
    colonies: pd.DataFrame
    migration: pd.DataFrame
    clones: pd.DataFrame | None

    @property
    def newick(self) -> str:
        """The tree, colonies by label."""
        return newick(self.nodes)


def newick(nodes: tuple[Node, ...]) -> str:
    """Newick's format, inner nodes named too; a node must stand after its parent."""
    children: dict[str, list[str]] = {}
    days = {PRIMARY: 0} | {node.label: node.day for node in nodes}
    for node in reversed(nodes):  # children first: the tree may be deep
        branch = f"{_subtree(node.label, children)}:{node.day - days[node.parent]}"
        children.setdefault(node.parent, []).append(branch)
    return _subtree(PRIMARY, children) + ";"


def _subtree(label: str, children: dict[str, list[str]]) -> str:
    below = children.pop(label, [])
    return f"({','.join(reversed(below))}){label}" if below else label


def patient_lineage(run: Run, patient: int) -> PatientLineage:
    """The lineage of one patient of a run.

    Raises InputError where the run has no such patient, and where the mechanisms lineage and
    secondary_seeding were both off.
    """
    mechanisms = run.manifest["scenario"]["mechanisms"]
    if not any(mechanisms[name] for name in TELLING):
        raise InputError(
            f"{run.place}: the mechanisms {' and '.join(TELLING)} were off: it has no clones, and the primary "
            f"seeded every colony; run the scenario again with --on {TELLING[0]} or --on {TELLING[1]}, or both"
        )
    known = run.patients["patient"]
    if not (known == patient).any():
        held = f"{known.min()} to {known.max()}" if len(known) else "none"
        raise InputError(f"{run.place}: patient: found {patient}, the run holds {held}")
    mine = run.metastases[run.metastases["patient"] == patient].sort_values(["arrived_day", "colony"])
    founders = run.founders[run.founders["colony"].isin(mine["colony"])]
    nodes, labels = _nodes(mine, run.ancestors[run.ancestors["patient"] == patient])
    colonies = _colonies(mine, founders, nodes, labels, clones := mechanisms["lineage"])
    return PatientLineage(
        patient,
        nodes,
        colonies,
        _migration(mine, colonies, clones),
        _clones(mine, founders, run.clones, patient) if clones else None,
    )


def _nodes(mine: pd.DataFrame, ancestors: pd.DataFrame) -> tuple[tuple[Node, ...], dict[int, str]]:
    """Colonies of the table and the small ones from which they descend, in order of arrival, and each one's label."""
    listed = set(mine["colony"])
    unlisted = sorted({int(colony) for colony in (*mine["parent_colony"].dropna(), *ancestors["colony"])} - listed)
    parts = colony_parts(np.array([*listed, *unlisted], dtype=np.int64))
    day = dict(zip([*listed, *unlisted], parts["day"].tolist(), strict=True))
    place = {colony: NICHES[niche] for colony, niche in zip(day, parts["niche"].tolist(), strict=True)}
    source = dict(zip(day, parts["source"].tolist(), strict=True))
    labels, number = {}, dict.fromkeys(NICHES, 0)
    for colony in sorted(day, key=lambda colony: (day[colony], colony)):
        number[place[colony]] += 1
        labels[colony] = f"{place[colony]}_{number[place[colony]]}" + ("_small" if colony not in listed else "")
    parent_of = {
        int(row.colony): int(row.parent_colony)
        for table in (mine, ancestors)
        for row in table.dropna(subset=["parent_colony"]).itertuples()
    }
    nodes, unknown = [], set()
    for colony, label in labels.items():
        if colony in parent_of:
            parent = labels[parent_of[colony]]
        elif source[colony] == 0:
            parent = PRIMARY
        else:  # a run of schema version 1 has no rows of small colonies: only the organ is known
            parent = f"{NICHES[source[colony] - 1]}_unknown"
            unknown.add(parent)
        nodes.append(Node(label, parent, day[colony]))
    return (*(Node(label, PRIMARY, 0) for label in sorted(unknown)), *nodes), labels


def _colonies(
    mine: pd.DataFrame, founders: pd.DataFrame, nodes: Sequence[Node], labels: Mapping[int, str], clones: bool
) -> pd.DataFrame:
    import pandas as pd

    parent = {node.label: node.parent for node in nodes}
    label = mine["colony"].map(labels)
    return pd.DataFrame(
        {
            "label": label,
            "organ": mine["organ"],
            "parent": label.map(parent),
            "arrived_day": mine["arrived_day"],
            "founders": mine["founders"],
            "clones": mine["colony"].map(founders.groupby("colony").size()).astype("Int64") if clones else pd.NA,
            "clone": mine["clone"],
            "cells": mine["cells"],
        }
    ).reset_index(drop=True)


def _migration(mine: pd.DataFrame, colonies: pd.DataFrame, clones: bool) -> pd.DataFrame:
    import pandas as pd

    single = (colonies["clones"] == 1).to_numpy(dtype=bool, na_value=False) if clones else False
    counted = (
        pd.DataFrame({"source": mine["source"], "organ": mine["organ"], "colonies": 1, "monoclonal": single})
        .groupby(["source", "organ"], as_index=False)
        .sum()
    )
    first = counted["source"] != PRIMARY  # the primary's own colonies on top, then by number
    counted = (
        counted.assign(first=first)
        .sort_values(["first", "colonies"], ascending=[True, False], kind="stable")
        .drop(columns="first")
    )
    counted["polyclonal"] = counted["colonies"] - counted["monoclonal"]
    if not clones:
        counted[["monoclonal", "polyclonal"]] = pd.NA
    return counted.reset_index(drop=True)


def _clones(mine: pd.DataFrame, founders: pd.DataFrame, listed: pd.DataFrame | None, patient: int) -> pd.DataFrame:
    share = founders["cells"] / founders.groupby("colony")["cells"].transform("sum")
    cells = founders["colony"].map(mine.set_index("colony")["cells"]) * share
    sizes = founders.assign(colonies=1, founding_cells=founders["cells"], cells=cells.astype(float))
    sizes = sizes.groupby("clone", as_index=False)[["colonies", "founding_cells", "cells"]].sum()
    columns = ["clone", "share_of_primary", "potential", "marker", "seeded"]
    primary = sizes.reindex(columns=columns) if listed is None else listed.loc[listed["patient"] == patient, columns]
    sizes = primary.astype({"clone": "Int64"}).merge(sizes, on="clone", how="left")
    sizes = sizes.fillna({"colonies": 0, "founding_cells": 0, "cells": 0.0}).astype(
        {"colonies": "int64", "founding_cells": "int64"}
    )
    return sizes.sort_values(["cells", "clone"], ascending=[False, True]).reset_index(drop=True)
