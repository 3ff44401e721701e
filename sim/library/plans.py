"""`sweep`: a plan of many runs, in memory or in a folder, and the sweep as a notebook holds it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.library import inputs
from sim.library.cohorts import Size
from sim.messages import describe
from sim.sweeps import read

if TYPE_CHECKING:
    from sim.plots.frame import Figure


@dataclass(frozen=True, repr=False)
class Sweep(read.Sweep):
    """A sweep, in a folder or in memory: `runs` and `patients` are data frames, `failures` one or None.

    `where("runs", organ="liver")` reads only the rows with these values.
    """

    @classmethod
    def of(cls, sweep: read.Sweep) -> Sweep:
        """The same sweep, as a notebook holds it."""
        return cls(sweep.path, sweep.manifest, sweep.held)

    def plot(
        self,
        organ: str = "all",
        *,
        scenario: str | None = None,
        rows: str | None = None,
        columns: str | None = None,
        size: Size = "column",
    ) -> Figure:
        """A heat map of the incidence in `organ` over two factors that vary, of one scenario (by default the first).

        A matplotlib figure. Raises InputError for another organ, scenario or factor, and where fewer than two vary.
        """
        from sim.plots.sweep import sweep_figures

        drawn = sweep_figures(self, [organ], rows, columns, size)
        by_scenario = dict(zip(sorted(self.runs["scenario"].unique()), drawn.values(), strict=True))
        if scenario is not None and scenario not in by_scenario:
            raise InputError(f"scenario: found {describe(scenario)}; allowed: {', '.join(by_scenario)}")
        return by_scenario[scenario or next(iter(by_scenario))]

    def __repr__(self) -> str:
        return f"Sweep({self.place})"

    def _repr_html_(self) -> str:
        from sim.report.fragments import sweep_fragment

        return sweep_fragment(self)


def sweep(
    plan: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    workers: int = 1,
    posterior: int | None = None,
    max_memory: int | str | None = None,
    resume: bool = True,
    retry_failed: bool = False,
    progress: bool = True,
) -> Sweep:
    """Run a plan of many runs: the name of a shipped one, or the path of a file.

    Without `out` nothing is written: how much memory the tables will take is said first, and refused above
    `max_memory` ("4GB", or bytes; by default half of what the machine has free). With `out` it is what the command
    `sweep` writes: the same call continues (`resume=False` refuses a folder with finished runs, `retry_failed=True`
    computes again what failed). Workers, progress and `posterior` are as for `run`. Raises InputError and MachineError.
    """
    if not isinstance(plan, str | os.PathLike):
        raise InputError(f"plan: found {describe(plan)}; allowed: the name of a plan, or the path of its file")
    place, limit = inputs.folder(out), inputs.bytes_allowed(max_memory)
    processes = inputs.whole_number("workers", workers, 1)
    from sim.sweeps.in_memory import sweep_in_memory
    from sim.sweeps.plan import load
    from sim.sweeps.remarks import plan_remarks
    from sim.sweeps.run import run_sweep
    from sim.work.resuming import LocalExecutor

    if posterior is not None:
        posterior = inputs.whole_number("posterior", posterior, 1)
    resolved, executor = load(os.fspath(plan), posterior), LocalExecutor(processes)
    inputs.warn(plan_remarks(resolved))
    if place is None:
        made = sweep_in_memory(resolved, executor=executor, progress=bool(progress), max_memory_bytes=limit)
        return Sweep.of(made)
    done = run_sweep(
        resolved, out=place, executor=executor, progress=bool(progress), resume=resume, retry_failed=retry_failed
    )
    return Sweep.of(read.open(done.folder))
