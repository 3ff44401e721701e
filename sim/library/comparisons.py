"""`compare`: two runs of the same patients, patient by patient, as a notebook holds what came out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.errors import InputError
from sim.library.cohorts import Run, Size
from sim.messages import describe
from sim.results import reading

if TYPE_CHECKING:
    import pandas as pd

    from sim.analysis.compare import Comparison as Found
    from sim.plots.frame import Figure


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two runs of the same patients, A (the reference) and B; `found` is what `sim.analysis.compare` has."""

    found: Found

    def table(self) -> pd.DataFrame:
        """A row an organ (and any organ), and one for those alive at the end.

        Shares in both runs, B minus A and risk ratio with paired 95 % intervals, patients by pair, p values. The
        columns are those of `compare.csv`.
        """
        import pandas as pd

        from sim.report.comparison import rows

        return pd.DataFrame(rows(self.found))

    def curves(self) -> pd.DataFrame:
        """The differences over time: a row an outcome, organ and day since diagnosis, with paired 95 % bounds."""
        import pandas as pd

        from sim.report.comparison import curve_rows

        return pd.DataFrame(curve_rows(self.found))

    def plot(self, *, size: Size = "column") -> Figure:
        """B minus A over years since diagnosis: metastases by organ above, survival below. A matplotlib figure."""
        from sim.plots.compare import comparison_figure

        return comparison_figure(self.found, size)

    def sentence(self) -> str:
        """What the difference between the two did, in plain words with intervals."""
        from sim.report.comparison import sentence

        return sentence(self.found)

    def summary(self) -> str:
        """The comparison as the command prints it: plain text, at most 80 columns."""
        from sim.report.comparison import table

        return table(self.found)

    def __repr__(self) -> str:
        return f"Comparison({self.found.first.place} with {self.found.second.place})"

    def _repr_html_(self) -> str:
        from sim.report.fragments import comparison_fragment

        return comparison_fragment(self.found)


def compare(first: Run | str | os.PathLike[str], second: Run | str | os.PathLike[str]) -> Comparison:
    """Compare two runs patient by patient, `first` being the reference; each is a run, or the folder of one.

    Raises InputError where they do not hold the same patients (one seed, one number of them).
    """
    from sim.analysis.compare import compare as compare_runs

    return Comparison(compare_runs(_run("first", first), _run("second", second)))


def _run(name: str, given: object) -> reading.Run:
    if isinstance(given, reading.Run):
        return given
    if isinstance(given, str | os.PathLike):
        return reading.open(os.fspath(given))
    raise InputError(f"{name}: found {describe(given)}; allowed: a run, or the folder of one")
