"""Arms of one cohort, patient by patient: all of them stacked as lanes of one model, with the same draws.

What is kept is small: how many metastases of each organ each patient had in each arm. A patient's lanes
share every draw, so that arms differ only downstream of what differs between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.disease.identity import unpack
from sim.errors import InputError
from sim.names import NICHES
from sim.observe import SELDOM_DAYS
from sim.runs.chunk import build_model
from sim.runs.keys import asked_key
from sim.scenario import Scenario
from sim.work.packing import Chunk, Packed, pack

if TYPE_CHECKING:
    from sim.model import MetastasisModel

LANES = 1000
"""Lanes of one model: enough that a day costs little a lane, few enough for the processor's caches."""


@dataclass(frozen=True)
class Counterfactual:
    """What sets an arm apart from its scenario: mechanisms that are switched off, and other parameter values."""

    off: frozenset[str] = frozenset()
    values: tuple[tuple[str, float], ...] = ()

    def resolve(self, scenario: Scenario) -> dict[str, float]:
        """All parameter values of the arm, with the nulls of what is off."""
        return scenario.effective(dict(self.values), dict.fromkeys(self.off, False))


@dataclass(frozen=True)
class CounterfactualTask:
    """Patients `start` to `stop` of a cohort, in every arm."""

    loads: ClassVar[tuple[str, ...]] = ("sim.runs.counterfactuals",)

    scenario: Scenario
    arms: tuple[Counterfactual, ...]
    seed: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Stable name of the chunk."""
        return f"{self.start:08d}-{self.stop:08d}"

    @property
    def title(self) -> str:
        """What it computes, for messages."""
        return f"patients {self.start} to {self.stop - 1} in {len(self.arms)} arms"

    def compute(self, report: Callable[[float], None] | None = None) -> bytes:
        """The packed chunk: its table `patients` holds `patient` and `metastases` (patients, arms, niches)."""
        ids = np.arange(self.start, self.stop)
        resolved = [arm.resolve(self.scenario) for arm in self.arms]
        patient, arm = np.tile(ids, len(resolved)), np.repeat(np.arange(len(resolved)), len(ids))
        counts = metastases_by_lane(self.scenario, resolved, patient, arm, self.seed, report)
        by_arm = counts.reshape(len(resolved), len(ids), len(NICHES)).swapaxes(0, 1)
        return pack(Chunk(tables={"patients": {"patient": ids, "metastases": by_arm}}))


def metastases_by_lane(
    scenario: Scenario,
    arms: Sequence[Mapping[str, float]],
    patient: np.ndarray,
    arm_of_lane: np.ndarray,
    seed: int,
    report: Callable[[float], None] | None = None,
    most_cells: float = math.inf,
) -> np.ndarray:
    """Metastases that crossed the detection threshold in life: int32, (lanes, niches).

    `arms` holds all parameter values of each arm, nulls set. Raises InputError where those of an arm do not
    fit together, or make over `most_cells` living cells: values far out may make any number.
    """
    from sim.runs import tables

    seldom = replace(scenario, output_every_days=SELDOM_DAYS)
    model = build_model(
        seldom, seed=seed, patients=patient, arms=arms, arm_of_lane=arm_of_lane, collect=False, doomed=False
    )
    longest = float(model.last_day.max())

    def look(day: int) -> None:
        if len(model.cells) > most_cells:
            raise InputError(_too_many(scenario, model, arms, arm_of_lane, most_cells))
        if report is not None:
            report(day / longest)

    try:
        model.run(look)
    except ValueError as error:
        raise InputError(f"{scenario.name}: {error}") from error
    found = tables.Metastases(model)
    visible = found.visible(model)
    place = found.lane[visible] * len(NICHES) + unpack(found.identity[visible])["niche"]
    counts = np.bincount(place, minlength=len(patient) * len(NICHES)).astype(np.int32)
    model.__dict__.clear()  # Mesa 3 keeps every model that had agents
    return counts.reshape(len(patient), len(NICHES))


def _too_many(
    scenario: Scenario,
    model: MetastasisModel,
    arms: Sequence[Mapping[str, float]],
    arm_of_lane: np.ndarray,
    most_cells: float,
) -> str:
    living = model.cells.promising
    most = int(np.argmax((living["sleeping"] + living["colonies"]).sum(axis=1)))
    values = arms[arm_of_lane[most]]
    differ = [f"{name} = {values[name]:.3g}" for name, p in scenario.parameters.items() if values[name] != p.value]
    return (
        f"{scenario.name}: over {most_cells:.0e} living cells in {len(arm_of_lane)} lanes on day {model.day}, "
        f"most of them where {', '.join(differ) or 'no value is changed'}; use values that make fewer cells"
    )


def metastases_by_arm(
    scenario: Scenario, arms: Sequence[Counterfactual], seed: int, patients: np.ndarray
) -> np.ndarray:
    """The same of patients in every arm: int32, (patients, arms, niches)."""
    task = CounterfactualTask(scenario, tuple(arms), seed, int(patients[0]), int(patients[-1]) + 1)
    return Packed(task.compute()).table("patients")["metastases"]


def counterfactual_tasks(scenario: Scenario, arms: Sequence[Counterfactual], seed: int) -> list[CounterfactualTask]:
    """The chunks of the scenario's cohort: about LANES lanes each."""
    size = max(1, LANES // len(arms))
    return [
        CounterfactualTask(scenario, tuple(arms), seed, start, min(start + size, scenario.patients))
        for start in range(0, scenario.patients, size)
    ]


def counterfactuals_key(scenario: Scenario, arms: Sequence[Counterfactual], seed: int) -> str:
    """The key of a cohort's arms."""
    return asked_key(scenario, seed, [[sorted(arm.off), arm.values] for arm in arms], CounterfactualTask.loads)
