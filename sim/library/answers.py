"""`ask`: a scenario's own question, answered, as a notebook holds the answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from sim.library import inputs
from sim.library.cohorts import Run, Size
from sim.library.inputs import ScenarioKeys, Source
from sim.messages import unknown

if TYPE_CHECKING:
    from typing import Unpack

    import pandas as pd

    from sim.plots.frame import Figure

OVERLAID = ("survival",)
"""Figures that show several runs as arms."""


@dataclass(frozen=True, repr=False)
class Answer:
    """An answer: `content` is what `answer.json` holds, `runs` the runs of the arms by name."""

    content: Mapping[str, Any]
    runs: Mapping[str, Run]

    def table(self) -> pd.DataFrame:
        """A row an expected direction (and value of an assumed parameter): the difference of the arms.

        It has its paired 95 % interval, in the outcome's unit, and whether it was `seen`. The columns are those of
        `questions.csv`.
        """
        import pandas as pd

        from sim.report.questions import rows

        return pd.DataFrame(rows([self.content]))

    def arms(self) -> pd.DataFrame:
        """A row an arm: its patients who count, and the mean of the outcome with its 95 % interval."""
        import pandas as pd

        return pd.DataFrame(self.content["arms"])

    def sentence(self) -> str:
        """What came out, in one plain sentence."""
        from sim.report.questions import sentence

        return sentence(self.content)

    def plot(self, what: str = "survival", *, size: Size = "column") -> Figure:
        """A figure with every arm (`what`: survival). Figures of one arm: `answer.runs["..."].plot("seeding")`.

        Raises InputError for another, and where no run of an arm is at hand.
        """
        from sim.plots import figures

        if what not in OVERLAID:
            raise InputError(unknown("figure of several arms", str(what), OVERLAID))
        if not self.runs:
            raise InputError("the answer's arms are not at hand; ask again, or give the folder that they lie in")
        return figures.draw(what, list(self.runs.values()), size)

    def __repr__(self) -> str:
        return f"Answer({self.sentence()!r})"

    def _repr_html_(self) -> str:
        from sim.report.fragments import answer_fragment

        return answer_fragment(self.content)


def ask(
    scenario: Source,
    *,
    patients: int | None = None,
    seed: int = 1,
    small: bool = False,
    only_catalogue: bool = False,
    posterior: int | None = None,
    out: str | os.PathLike[str] | None = None,
    workers: int = 1,
    progress: bool = True,
    **keys: Unpack[ScenarioKeys],
) -> Answer:
    """Answer the question of a scenario that has a comparison: run its arms with the same patients, and compare them.

    `scenario` and `keys` are as for `load`. `small` asks the small cohort of `[comparison.small]`; `only_catalogue`
    leaves out asking again across the values of assumed parameters; `posterior` asks under so many draws of what is not
    known, and as many of the prior, instead. Without `out` nothing is written, and the runs of
    all arms stay in memory; with it each arm is a run in a folder below, and what is finished is not run again. The
    rest is as for `run`. Raises InputError and MachineError.
    """
    inputs.refuse_unknown(ask, keys)
    if small and patients is not None:
        raise InputError("patients: found with small, which sets their number; allowed: one of them")
    resolved, comparison = inputs.read(scenario, keys)
    if comparison is None:
        raise InputError(f"{resolved.name}: no [comparison] in this scenario; allowed: one with arms to compare")
    if patients is not None:
        patients = inputs.whole_number("patients", patients, 2)
    asked: dict[str, Any] = {
        "seed": inputs.seed_number(seed),
        "out": inputs.folder(out),
        "workers": inputs.whole_number("workers", workers, 1),
    }
    if posterior is not None:
        posterior = inputs.whole_number("posterior", posterior, 1)
    from sim.analysis.questions import ask_with_runs
    from sim.scenario.remarks import comparison_remarks

    comparison = comparison.small() if small else comparison
    inputs.warn(comparison_remarks(comparison))
    content, runs = ask_with_runs(
        comparison, **asked, patients=patients, across=not only_catalogue, posterior=posterior, progress=bool(progress)
    )
    return Answer(content, {name: Run.of(run) for name, run in runs.items()})
