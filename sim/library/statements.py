"""`claims`: every statement of the sources and the level that its numbers allow, as a notebook holds it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.analysis.claims import statements as written
from sim.analysis.claims import table
from sim.errors import InputError
from sim.library import inputs
from sim.messages import describe

if TYPE_CHECKING:
    import pandas as pd

    from sim.library.cohorts import Size
    from sim.plots.frame import Figure


@dataclass(frozen=True, repr=False)
class Claims:
    """Statements with what was found and their levels: `table` is a data frame, `summary()` text, `plot()` a forest."""

    answered: tuple[table.Answered, ...]

    @property
    def table(self) -> pd.DataFrame:
        """A row a contrast, or a statement without one; the columns are those of `claims.csv`."""
        import pandas as pd

        from sim.report.claims import rows

        return pd.DataFrame(rows(self.answered))

    def level(self, statement: str) -> str:
        """The level of a statement, by its id. Raises KeyError for another."""
        return {one.statement.id: one.level.name for one in self.answered}[statement]

    def plot(self, *, size: Size = "column") -> Figure:
        """Effects under draws with their intervals, a line a contrast. Raises InputError where there is none."""
        from sim.report.claims import forest

        figure = forest(self.answered, size)
        if figure is None:
            raise InputError("claims: found no effect to draw; allowed: statements that are comparisons")
        return figure

    def summary(self) -> str:
        """Statements by level, and each with its reason."""
        counted = ", ".join(f"{number} {name}" for name, number in table.counts(self.answered).items())
        return "\n".join([counted, *(f"{a.statement.id}  {a.level.name}: {a.level.why}" for a in self.answered)])

    def __repr__(self) -> str:
        return f"Claims({self.summary().splitlines()[0]})"


def claims(
    ids: Iterable[str] = (),
    *,
    small: bool = False,
    patients: int | None = None,
    draws: int | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    workers: int = 1,
) -> Claims:
    """Ask the statements of these `ids` (all without any), or read what `out` keeps of them.

    `small` asks few patients under few draws: it shows that all can be asked, and supports nothing. `patients` cuts the
    number that each statement plans; `draws` are those of the posterior and the prior. Hours for all as planned; with
    `out`, where page, table and figure are written too, the same call goes on where it was stopped. Raises InputError
    and MachineError.
    """
    if isinstance(ids, str):
        raise InputError(f'ids: found {describe(ids)}; allowed: a list of statements, such as ["C02"]')
    if small and (patients is not None or draws is not None):
        raise InputError("patients, draws: found with small, which sets both; allowed: one of them")
    seed = written.SEED if seed is None else inputs.seed_number(seed)
    workers = inputs.whole_number("workers", workers, 1)
    if small:
        plan = table.Plan.small(seed, workers)
    else:
        most = None if patients is None else inputs.whole_number("patients", patients, 2)
        number = table.DRAWS if draws is None else inputs.whole_number("draws", draws, 3)
        plan = table.Plan(seed, most, number, workers)
    plan.check()
    folder = inputs.folder(out)
    answered = tuple(table.ask(written.chosen(list(ids)), plan, folder))
    if folder is not None:
        from sim.report.claims import write

        write(answered, plan, folder, "sim.claims()")
    return Claims(answered)
