"""The whole scorecard: what is measured, then every published row that is not, with the reason."""

from __future__ import annotations

from collections.abc import Sequence

from sim.analysis.validation import mouse, natural_history, organs, others, treated
from sim.analysis.validation.rows import Row

MICE = 10
"""A hundred thousand cells each: about 150 visible tumours in all."""
COLUMNS = (
    "table", "name", "population", "unit", "published", "published_low", "published_high", "band_low", "band_high",
    "model", "model_low", "model_high", "status", "kind", "source", "reason",
)  # fmt: skip


def scorecard(
    *, simulated: int = organs.SIMULATED, synthetic: int = organs.SYNTHETIC, cohort: int = natural_history.PATIENTS
) -> list[Row]:
    """All rows; `simulated` patients a site and `synthetic` data sets as for `organs.rows`.

    `cohort` patients each for `natural_history.rows` and `treated.rows`; 0 leaves those and the mice out.
    """
    measured = organs.rows(simulated=simulated, synthetic=synthetic)
    measured += [*natural_history.rows(cohort), *treated.rows(cohort), *mouse.rows(MICE)] if cohort else []
    return [*measured, *others.rows(measured)]


def records(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows as plain records with COLUMNS, for a table."""
    return [{name: getattr(row, name) for name in COLUMNS} for row in rows]
