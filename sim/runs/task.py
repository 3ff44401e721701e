"""A chunk of a cohort as a worker's task: light, so that a parent that computes nothing need not load the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sim.mechanisms.lineage import has_clones
from sim.scenario import Scenario


@dataclass(frozen=True)
class CohortTask:
    """What a worker needs to compute patients `start` to `stop` of a cohort; whether `doomed` cells are asked for."""

    loads: ClassVar[tuple[str, ...]] = ("sim.runs.chunk",)

    scenario: Scenario
    seed: int
    start: int
    stop: int
    keep_seeds: bool = False
    keep_events: bool = False
    doomed: bool = True

    @property
    def name(self) -> str:
        """Stable name of the chunk."""
        return f"{self.start:08d}-{self.stop:08d}"

    @property
    def has_clones(self) -> bool:
        """Whether its patients' clones differ: the mechanism lineage is on, and not at its null."""
        return has_clones(self.scenario.mechanisms["lineage"], self.scenario.parameters["clone_potential_log_sd"].value)

    @property
    def title(self) -> str:
        """What it computes, for messages."""
        return f"patients {self.start} to {self.stop - 1}"

    def compute(self, report: Callable[[float], None] | None = None) -> bytes:
        """Run the chunk and pack what is left of it."""
        from sim.runs.chunk import run_chunk
        from sim.work.packing import pack

        return pack(run_chunk(self, report))
