"""`run`: one cohort, in memory or in a folder, and the run as a notebook holds it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sim.errors import InputError
from sim.library import inputs
from sim.library.inputs import Number, ScenarioKeys, Source
from sim.messages import unknown
from sim.names import NICHES
from sim.results import reading
from sim.results.storage import FIGURES

if TYPE_CHECKING:
    from typing import Unpack

    import pandas as pd

    from sim.plots.frame import Figure

Size = Literal["column", "slide"]
ANY_ORGAN = "any organ"


@dataclass(frozen=True, repr=False)
class Run(reading.Run):
    """A run, in a folder or in memory: its tables are data frames, read when they are first asked for.

    `patients`, `metastases`, `founders`, `ancestors`, `clones`, `seeding`, `cascade`, `seeds` and `events` are the
    tables (the last two, and `clones`, may be None); `manifest` says what made them; `save(folder)` writes a run that
    is in memory, `export_csv(folder)` its tables for a spreadsheet.
    """

    @classmethod
    def of(cls, run: reading.Run) -> Run:
        """The same run, as a notebook holds it."""
        return cls(run.path, run.manifest, run.held)

    def incidence(self, organ: str = ANY_ORGAN) -> pd.DataFrame:
        """Cumulative incidence of the first visible metastasis in `organ` (by default in any), death competing.

        A row a step, with `day` since diagnosis, `incidence` (a share of all diagnosed) and `low` and `high`, its
        pointwise 95 % band; each row holds until the next (Aalen and Johansen). Raises InputError for another organ.
        """
        import pandas as pd

        from sim.analysis.competing_risks import organ_incidence

        if organ not in (*NICHES, ANY_ORGAN):
            raise InputError(unknown("organ", str(organ), (*NICHES, ANY_ORGAN)))
        curve = organ_incidence(self, None if organ == ANY_ORGAN else organ)
        return pd.DataFrame({"day": curve.days, "incidence": curve.value, "low": curve.low, "high": curve.high})

    def plot(self, what: str = "seeding", *, patient: int | None = None, size: Size = "column") -> Figure:
        """A figure of the run, as `metseed plot` draws it: a matplotlib figure, which a notebook shows.

        `what` is seeding, incidence, survival, body, cascade, cells, hazard or lineage (of one `patient`, by default
        one with much to show). Raises InputError for another, and where the run has nothing to show there.
        """
        from sim.plots import figures

        if what not in figures.FIGURES:
            raise InputError(unknown("figure", str(what), figures.FIGURES))
        if patient is not None:
            patient = inputs.whole_number("patient", patient, 0)
            figures.check_patient(self, patient)
        return figures.draw(what, [self], size, patient)

    def summary(self) -> str:
        """What happened to the patients, as the command prints it: plain text, at most 80 columns."""
        from sim.report.summary import summary_text

        return summary_text(self)

    def __repr__(self) -> str:
        return f"Run({self.place})"

    def _repr_html_(self) -> str:
        from sim.report.fragments import run_fragment

        return run_fragment(self)


def run(
    scenario: Source,
    *,
    patients: int | None = None,
    seed: int = 1,
    on: Iterable[str] = (),
    off: Iterable[str] = (),
    set: Mapping[str, Number] | None = None,  # noqa: A002
    out: str | os.PathLike[str] | None = None,
    workers: int = 1,
    keep_seeds: bool = False,
    keep_events: bool = False,
    posterior: int | None = None,
    max_memory: int | str | None = None,
    figure: bool = True,
    progress: bool = True,
    **keys: Unpack[ScenarioKeys],
) -> Run:
    """Run one cohort. Without `out` nothing is written: the run is in memory, and Ctrl-C keeps nothing of it.

    `scenario`, `patients`, `on`, `off`, `set` and `keys` (a scenario file's own) are as for `load`. The same arguments
    give the same tables, with any number of `workers`. One worker, as by default, computes in this process: a cohort
    of a notebook is done before another process has started. More are processes of our own, which never import the
    caller's main module. With `out` the folder is what the command `run` writes, its figure too (unless `figure` is
    False), and the same call continues what was stopped. With `posterior` patients run in turn under so many draws of
    calibrated and assumed numbers (`sim.catalog.posterior`), but for what the scenario or `set` sets. `max_memory`
    refuses what needs more ("4GB", or bytes). A `progress` bar shows in a terminal or a notebook, nowhere else. What
    cannot act brings a `sim.errors.Remark`, which is a warning. Raises InputError and MachineError.
    """
    inputs.refuse_unknown(run, keys)
    resolved, _ = inputs.read(scenario, keys, patients=patients, on=on, off=off, set_=set)
    if posterior is not None:
        resolved = resolved.with_(posterior=inputs.whole_number("posterior", posterior, 1))
    asked: dict[str, Any] = {
        "seed": inputs.seed_number(seed),
        "out": inputs.folder(out),
        "workers": inputs.whole_number("workers", workers, 1),
        "max_memory_bytes": inputs.bytes_allowed(max_memory),
    }
    from sim.runs.run import run_scenario
    from sim.scenario.remarks import remarks

    inputs.warn(remarks(resolved))
    made = run_scenario(
        resolved, **asked, progress=bool(progress), keep_seeds=bool(keep_seeds), keep_events=bool(keep_events)
    )
    if figure and made.path is not None:
        from sim.plots import seeding_curves

        seeding_curves(made, made.path / FIGURES / "seeding_curves")
    return Run.of(made)
