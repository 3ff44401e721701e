"""A block: some runs of a plan that are computed together, as lanes of one model after another.

A block is small and can be pickled; what `compute` returns is packed bytes with the tables of its runs. A
run that fails becomes a record with its error, and the others go on.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sim.errors import InputError, MachineError
from sim.numerics import sources
from sim.results.manifest import versions
from sim.runs.chunk import build_model
from sim.scenario import Scenario
from sim.sweeps.record import Sums, YearRecorder, patient_columns, together, year_days
from sim.work.packing import Chunk, pack

LANES = 1000
"""Lanes of one model: enough that a day costs little a lane, few enough for the processor's caches."""
_STOPPING = (MachineError, OSError, ImportError)
"""What says that the machine failed, not the run."""


@dataclass(frozen=True)
class BlockRun:
    """One run of a block: its identity, its seed, and what it changes in the block's scenario."""

    name: str
    seed: int
    mechanisms: tuple[tuple[str, bool], ...] = ()
    values: tuple[tuple[str, float], ...] = ()

    def resolve(self, scenario: Scenario, draw: int = 0) -> dict[str, float]:
        """All parameter values in a draw of the scenario's, with the nulls of the mechanisms that are off.

        What the point sets is set in every draw.
        """
        return scenario.drawn(draw, dict(self.values), dict(self.mechanisms))


@dataclass(frozen=True)
class Block:
    """Runs of one scenario; `program` names the program that made the plan (see `program_digest`)."""

    loads: ClassVar[tuple[str, ...]] = ("sim.sweeps.block",)

    scenario: Scenario
    runs: tuple[BlockRun, ...]
    program: str

    @property
    def name(self) -> str:
        """Stable name: the same for the same runs."""
        return hashlib.sha256(" ".join(run.name for run in self.runs).encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        """What it computes, for messages."""
        return f"{len(self.runs)} run{'s' if len(self.runs) > 1 else ''} of {self.scenario.name}"

    def only(self, names: set[str]) -> Block:
        """The block with only these of its runs."""
        return replace(self, runs=tuple(run for run in self.runs if run.name in names))

    def alone(self) -> list[Block]:
        """A block a run."""
        return [replace(self, runs=(run,)) for run in self.runs]

    def compute(self, report: Callable[[float], None] | None = None) -> bytes:
        """Run everything; `report(share)` is told the share that is done. Raises MachineError."""
        if self.program != program_digest():
            raise MachineError(
                "this worker runs another version of the program than the sweep that asked it: "
                "install the same one everywhere"
            )
        by_seed: dict[int, list[BlockRun]] = {}
        for run in self.runs:
            by_seed.setdefault(run.seed, []).append(run)
        tables: list[dict[str, dict[str, Any]]] = []
        failures: list[tuple[str, str]] = []
        done = 0

        def told(part: float, share: float) -> None:
            if report is not None:
                report((done + part * share) / len(self.runs))

        for runs in by_seed.values():
            for found in _tables_or_errors(self.scenario, runs, functools.partial(told, len(runs))):
                if isinstance(found, tuple):
                    failures.append(found)
                else:
                    tables.append(found)
            done += len(runs)
        return _packed(tables, failures)


def program_digest() -> str:
    """Hexadecimal digits that change with any source file that the records of runs depend on."""
    return sources.digest_of(*Block.loads)


def _packed(tables: Sequence[dict[str, dict[str, Any]]], failures: Sequence[tuple[str, str]]) -> bytes:
    done = [table["runs"]["run"] for table in tables]
    parts: dict[str, dict[str, Any]] = {
        "done": {"run": np.unique(np.concatenate(done)) if done else np.array([], dtype=str)},
        "failures": {
            "run": np.array([run for run, _ in failures], dtype=str),
            "error": np.array([error for _, error in failures], dtype=str),
        },
        "machine": {"versions": np.array([json.dumps(versions(), sort_keys=True)])},
    }
    for name in tables[0] if tables else ():
        parts[name] = together([part[name] for part in tables])
    return pack(Chunk(tables=parts))


def _tables_or_errors(
    scenario: Scenario, runs: Sequence[BlockRun], report: Callable[[float], None]
) -> Iterator[dict[str, dict[str, Any]] | tuple[str, str]]:
    """The tables of all runs together; where that fails, of each half, down to the run that fails."""
    try:
        yield _tables(scenario, runs, report)
    except _STOPPING:
        raise
    except Exception as error:
        if len(runs) == 1:
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            yield runs[0].name, " ".join(f"{kind}{error}".split())
            return
        middle = len(runs) // 2
        yield from _tables_or_errors(scenario, runs[:middle], report)
        yield from _tables_or_errors(scenario, runs[middle:], report)


def _tables(scenario: Scenario, runs: Sequence[BlockRun], report: Callable[[float], None]) -> dict[str, dict[str, Any]]:
    """The tables of runs with one seed, some patients of all of them at a time."""
    from sim.runs.tables import Metastases

    names, draws = [run.name for run in runs], max(scenario.posterior, 1)
    arms = [run.resolve(scenario) for run in runs]
    years, days = year_days(scenario.horizon_days, scenario.output_every_days)
    size = max(1, LANES // len(runs))
    sums: Sums | None = None
    patients = []
    for start in range(0, scenario.patients, size):
        stop = min(start + size, scenario.patients)
        patients_here, arm_of_lane = np.arange(start, stop), None
        if scenario.posterior:  # of a draw of its own each, the same in every run
            present, place = np.unique(patients_here % draws, return_inverse=True)
            arms = [run.resolve(scenario, int(draw)) for run in runs for draw in present]
            arm_of_lane = (len(present) * np.arange(len(runs))[:, None] + place).ravel()
            patients_here = np.tile(patients_here, len(runs))
        model = build_model(
            scenario, seed=runs[0].seed, patients=patients_here, arms=arms, arm_of_lane=arm_of_lane, collect=False
        )
        recorder = YearRecorder(model, days[:-1])
        longest = float(model.last_day.max())

        def of_all(day: int, start: int = start, stop: int = stop, longest: float = longest) -> None:
            report((start + (stop - start) * min(day / longest, 1.0)) / scenario.patients)

        model.run(of_all)
        found = Metastases(model)
        part = Sums(model, recorder, found, len(runs))
        sums = part if sums is None else sums.plus(part)
        patients.append(patient_columns(model, found, names))
        model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    assert sums is not None, "a scenario has a patient"
    return {"runs": sums.columns(names, years, days), "patients": together(patients)}
