"""A scenario's sensitivity: its patients at the points of Morris's and Sobol's designs, and the tables of both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.analysis import points as design_points
from sim.analysis import sensitivity
from sim.analysis.folder import Stopwatch, write_analysis
from sim.analysis.points import ORGANS, OUTCOMES, PointsTask
from sim.analysis.sensitivity import Study, VariedParameter
from sim.results import reading as results
from sim.results.schema import ALL
from sim.runs.keys import asked_key
from sim.scenario import Scenario
from sim.work.resuming import KeptRun

KIND = "sensitivity"
PATIENTS = 24
"""Patients at every point: the same ones, so that few are enough."""
TRAJECTORIES, SAMPLES, KEPT = 20, 128, 12
SCALE = {"patients": 100.0, "colonies": 1.0}
"""An outcome in the units in which it is told."""
METHODS = ("both", "morris", "sobol")


@dataclass(frozen=True)
class Asked:
    """What to do: which designs, of what size, over which factors; `both` ranks the `kept` that lead the screening."""

    factors: tuple[VariedParameter, ...]
    method: str = "both"
    outcome: str = OUTCOMES[0]
    trajectories: int = TRAJECTORIES
    samples: int = SAMPLES
    kept: int = KEPT
    simulate: bool = False


class Cohort:
    """A scenario as a model for `sim.analysis.sensitivity`: points in, both outcomes of all organs out, flat."""

    def __init__(
        self,
        scenario: Scenario,
        factors: Sequence[VariedParameter],
        *,
        seed: int,
        simulate: bool,
        out: Path,
        workers: int,
        progress: bool,
        name: str,
    ):
        self.scenario, self.names = scenario, tuple(factor.name for factor in factors)
        self.seed, self.simulate = seed, simulate
        self._run: dict[str, Any] = {
            "out": out,
            "workers": workers,
            "progress": progress,
            "name": f"{scenario.name}, {name}",
        }
        self.run: KeptRun | None = None

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Outcomes at the points, (points, outcomes x organs)."""
        size = max(1, design_points.LANES // self.scenario.patients)
        tasks = [
            PointsTask(
                self.scenario,
                self.names,
                points[start : start + size],
                self.seed,
                start,
                min(start + size, len(points)),
                self.simulate,
            )
            for start in range(0, len(points), size)
        ]
        digest = hashlib.sha256(np.ascontiguousarray(points).tobytes()).hexdigest()
        key = asked_key(
            self.scenario, self.seed, [self.names, digest, self.scenario.patients, self.simulate], PointsTask.loads
        )
        with KeptRun(tasks, key, **self._run) as self.run:
            self.run.compute()
            found = np.concatenate([table["outcomes"] for table in self.run])
        return found.reshape(len(points), -1)


def output(outcome: str, organ: str) -> int:
    """The place of an outcome of an organ among the outputs."""
    return OUTCOMES.index(outcome) * len(ORGANS) + ORGANS.index(organ)


def study_table(study: Study) -> dict[str, list]:
    """Columns of `screening` or `ranking`: a row an outcome, organ and factor, by rank."""
    ranks = study.rank
    rows: dict[str, list] = {
        name: [] for name in ("outcome", "organ", "rank", "parameter", "kind", "low", "high", "scale", *study.figures)
    }
    for outcome in OUTCOMES:
        for organ in ORGANS:
            o = output(outcome, organ)
            for i in np.argsort(ranks[:, o]):
                factor = study.factors[i]
                row = (
                    outcome,
                    organ,
                    int(ranks[i, o]),
                    factor.name,
                    factor.kind,
                    factor.low,
                    factor.high,
                    "log" if factor.log else "linear",
                    *(float(figure[i, o]) for figure in study.figures.values()),
                )
                for column, value in zip(rows.values(), row, strict=True):
                    column.append(value)
    return rows


def points_table(study: Study) -> dict[str, np.ndarray]:
    """Columns of `screening_points` or `ranking_points`: the value of each factor, then each outcome, a row a point."""
    columns = {factor.name: study.points[:, i] for i, factor in enumerate(study.factors)}
    return columns | {
        f"{outcome}:{organ}": study.outputs[:, output(outcome, organ)] for outcome in OUTCOMES for organ in ORGANS
    }


def sensitivity_study(
    scenario: Scenario,
    asked: Asked,
    *,
    seed: int,
    out: Path,
    workers: int = 1,
    progress: bool = False,
    command_line: Sequence[str] = (),
) -> dict[str, Study]:
    """Screen and rank the factors and write the results to `out`; returns the studies by name.

    Finished parts are kept beside `out` until everything is written: the same command continues. Raises
    InputError and MachineError; KeyboardInterrupt passes through.
    """
    out = Path(out)
    results.check_writable(out, KIND)
    sensitivity.require()
    if not asked.simulate:
        design_points.refuse_closed_form(scenario)
    stopwatch = Stopwatch()
    studies: dict[str, Study] = {}
    shared: dict[str, Any] = {
        "seed": seed,
        "simulate": asked.simulate,
        "out": out,
        "workers": workers,
        "progress": progress,
    }
    factors, cohort = asked.factors, None
    if asked.method in ("both", "morris"):
        cohort = Cohort(scenario, factors, name="Morris", **shared)
        studies["screening"] = sensitivity.screen(cohort, factors, trajectories=asked.trajectories, seed=seed)
        leading = studies["screening"].rank[:, output(asked.outcome, ALL)]
        factors = tuple(factor for factor, place in zip(factors, leading, strict=True) if place <= asked.kept)
    if asked.method in ("both", "sobol"):
        cohort = Cohort(scenario, factors, name="Sobol", **shared)
        studies["ranking"] = sensitivity.rank(cohort, factors, samples=asked.samples, seed=seed)
    tables: dict = {}
    for name, study in studies.items():
        tables[name], tables[f"{name}_points"] = study_table(study), points_table(study)
    settings = {name: value for name, value in vars(asked).items() if name != "factors"}
    write_analysis(
        out,
        KIND,
        tables,
        scenario=scenario,
        seed=seed,
        patients=scenario.patients,
        command_line=command_line,
        stopwatch=stopwatch,
        asked=settings | {"parameters": [factor.name for factor in asked.factors]},
    )
    if cohort is not None and cohort.run is not None:
        cohort.run.forget()
    return studies


def with_few_patients(scenario: Scenario, patients: int | None) -> Scenario:
    """The scenario with as many patients as were asked for, by default PATIENTS."""
    return replace(scenario, patients=PATIENTS) if patients is None else scenario


def leading(study: Study, outcome: str, organ: str = ALL) -> list[int]:
    """Places of the factors by rank for an outcome, those without any effect left out."""
    o = output(outcome, organ)
    order = np.argsort(study.rank[:, o])
    return [int(i) for i in order if study.figures[study.leading][i, o] != 0]
