"""The stage's part of the fit: nodes, depth and grade, to the mix of stages, relapse by stage and grade's hazard.

Nothing in the illness reads them, so that they are fitted last and move no other row. What they tell is told of what
the other parts left: the total spread of growth and frailty stays as it is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from sim import catalog
from sim.analysis.natural_history import cohorts
from sim.analysis.natural_history import measures as m
from sim.analysis.natural_history.fit import Target, Unknown
from sim.analysis.natural_history.values_file import with_values
from sim.names import STAGES_AT_DIAGNOSIS
from sim.results.whole_file import write_whole

PART = "stage"
FILE = catalog.FOLDER / "stage.toml"
_MIX_ROWS = ("NAT107", "NAT249", "NAT250", "NAT251")

TARGETS: tuple[Target, ...] = (
    Target("stage I", 2.5, 18.0, rows=_MIX_ROWS),
    Target("stage II", 2.5, 39.0, rows=_MIX_ROWS),
    Target("stage III", 2.5, 24.0, rows=_MIX_ROWS),
    Target("relapse in stage I", 1.5, low=9.0, high=13.0, rows=("NAT246", "NAT249")),
    Target("relapse in stage II", 1.5, low=16.0, high=20.0, rows=("NAT247", "NAT250")),
    Target("relapse in stage III", 3.0, low=27.0, high=48.0, rows=("NAT248", "NAT251")),
    Target("hazard ratio of grade 3", 0.06, low=1.42, high=1.57, log=True, rows=("NAT426", "NAT427")),
)
"""Two series of relapse by stage disagree, and both count local relapses: between them nothing is preferred."""

_UNKNOWNS: Mapping[str, tuple[str, float | None, float]] = {
    "deep_from_cells": ("log", None, 1.0),
    "depth_log_sd": ("log", 0.7, 0.4),
    "depth_competence_correlation": ("plain", 0.3, 0.3),
    "node_log_odds": ("plain", None, 1.0),
    "node_able_log_odds": ("plain", 1.0, 0.5),
    "node_frailty_log_odds": ("plain", 1.0, 0.5),
    "grade_correlation": ("plain", None, 1.0),
}
"""Scale of the fit, prior and its SD. Able and frailty are not told apart by any row: their priors are."""


def unknowns() -> list[Unknown]:
    """What is fitted, with the catalogue's value as start and its range as limits."""
    known = catalog.load()
    out = []
    for name, (kind, prior, sd) in _UNKNOWNS.items():
        p = known[name]
        out.append(Unknown(name, min(max(p.value, p.low), p.high), p.low, p.high, prior, sd, kind))
    return out


def measure(values: Mapping[str, float], patients: int, seed: int) -> dict[str, float]:
    """The measures of TARGETS, by the sketch of both arms of colorectal cancer."""
    untreated = cohorts.sketched("colorectal", False, patients, seed, 1.0, values)
    operated = cohorts.sketched("colorectal", True, patients, seed, 5.5, values)
    stages = list(enumerate(STAGES_AT_DIAGNOSIS[:3]))
    out = {f"stage {name}": m.stage_share(untreated, i)[0] for i, name in stages}
    out |= {f"relapse in stage {name}": m.relapsed_by_stage(operated, i)[0] for i, name in stages}
    return out | {"hazard ratio of grade 3": m.grade_hazard_ratio(operated)[0]}


def mine(values: Mapping[str, float]) -> dict[str, float]:
    """Those of `values` that stand in the stage's own file of the catalogue."""
    known = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: value for name, value in values.items() if name.partition(".")[0] in known}


def write(values: Mapping[str, float]) -> str:
    """Put the stage's own numbers into its file of the catalogue; returns the file's name."""
    write_whole(FILE, with_values(FILE.read_text(encoding="utf-8"), mine(values)).encode())
    return FILE.name
