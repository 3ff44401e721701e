"""`validate`: the model beside every published row, as a notebook holds it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.analysis.validation import scorecard as cards
from sim.analysis.validation.natural_history import PATIENTS
from sim.analysis.validation.organs import SIMULATED, SYNTHETIC
from sim.library import inputs

if TYPE_CHECKING:
    import pandas as pd

    from sim.analysis.validation.rows import Row


@dataclass(frozen=True, repr=False)
class Scorecard:
    """The rows of a scorecard: `table` is a data frame of them, `summary()` counts and misses as text."""

    rows: tuple[Row, ...]

    @property
    def table(self) -> pd.DataFrame:
        """A row a published number: value, interval, the model's, status, kind, source and reason."""
        import pandas as pd

        return pd.DataFrame(cards.records(self.rows), columns=list(cards.COLUMNS))

    def summary(self) -> str:
        """Counts by status, and every miss."""
        from sim.report.validation import summary

        return summary(self.rows)

    def __repr__(self) -> str:
        return self.summary().split("\n\n")[0]


def validate(
    *,
    patients: int = SIMULATED,
    synthetic: int = SYNTHETIC,
    cohort: int = PATIENTS,
    out: str | os.PathLike[str] | None = None,
) -> Scorecard:
    """Lay the model, at the catalogue's numbers, beside every published row; ten minutes, or two with zeros.

    `patients` autopsies a site are simulated beside the closed form, and the fit is made again on so many `synthetic`
    data sets; the natural history is measured on cohorts of `cohort` patients; zero leaves a check out. With `out`
    page, table and figures are written there, as the command `validate` does. Raises InputError and MachineError.
    """
    rows = cards.scorecard(
        simulated=inputs.whole_number("patients", patients, 0),
        synthetic=inputs.whole_number("synthetic", synthetic, 0),
        cohort=inputs.whole_number("cohort", cohort, 0),
    )
    folder = inputs.folder(out)
    if folder is not None:
        from sim.analysis.validation import profiles
        from sim.report.validation import write

        write(rows, folder, profiles.sections())
    return Scorecard(tuple(rows))
