"""One line of the scorecard: a published number, the model's, and whether they agree.

Who measures rows returns a list of `Row`: `organs.rows` from the closed form, `natural_history.rows` by simulation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

KINDS = ("fitted", "predicted")
STATUSES = ("inside", "outside", "not comparable")


@dataclass(frozen=True)
class Row:
    """A published number and the model's, both in `unit`, each with its 95 % interval where it has one.

    `population` says whose number it is, `source` the ids of published rows, separated by spaces ("" where an issue
    asks for a range that no row states), `table` under which heading the row is shown. Where `band_low` or `band_high`
    is given the model's value must lie in the band; otherwise the two intervals must be compatible. A finding of which
    only the direction is known is a row without `published` whose band begins or ends at zero. A row that cannot be
    compared has no `model` and says why in `reason`; a miss gives its reason there too.
    """

    name: str
    population: str
    unit: str = "%"
    published: float | None = None
    published_low: float | None = None
    published_high: float | None = None
    source: str = ""
    band_low: float | None = None
    band_high: float | None = None
    model: float | None = None
    model_low: float | None = None
    model_high: float | None = None
    kind: str = "predicted"
    reason: str = ""
    table: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind {self.kind!r} is none of {', '.join(KINDS)}")
        if self.model is None and not self.reason:
            raise ValueError(f"{self.name}: a row without the model's value says why in `reason`")
        if self.model is not None and not self.has_band and self.published is None:
            raise ValueError(f"{self.name}: nothing is published and no band is given")

    @property
    def has_band(self) -> bool:
        """Whether a range is given in which the model's value must lie."""
        return self.band_low is not None or self.band_high is not None

    @property
    def status(self) -> str:
        """One of STATUSES. A value that is not a number is outside."""
        if self.model is None:
            return "not comparable"
        if not math.isfinite(self.model):
            return "outside"
        if self.has_band:
            low = -math.inf if self.band_low is None else self.band_low
            high = math.inf if self.band_high is None else self.band_high
            return "inside" if low <= self.model <= high else "outside"
        assert self.published is not None
        return "inside" if abs(self.model - self.published) <= self.tolerance else "outside"

    @property
    def tolerance(self) -> float:
        """How far the model may lie from the published value: the two half-widths that face each other, in quadrature.

        A side without an interval counts as exact.
        """
        assert self.model is not None
        assert self.published is not None
        if self.model >= self.published:
            widths = (_width(self.published, self.published_high), _width(self.model, self.model_low))
        else:
            widths = (_width(self.published, self.published_low), _width(self.model, self.model_high))
        return math.hypot(*widths)


def measured_row(name: str, population: str, measured: tuple[float, float, float], **known: Any) -> Row:
    """A row of a measure (value, low, high) of simulated patients; not comparable where there was nobody to measure."""
    value, low, high = measured
    if math.isnan(value):
        return Row(name, population, **{**known, "reason": known.get("reason") or "nobody to measure in this cohort"})
    return Row(name, population, model=value, model_low=low, model_high=high, **known)


def _width(value: float, end: float | None) -> float:
    return 0.0 if end is None or not math.isfinite(end) else abs(end - value)


def wilson(successes: float, patients: float) -> tuple[float, float]:
    """The 95 % Wilson interval of a share of patients, as shares; (0, 1) without patients."""
    if patients <= 0:
        return 0.0, 1.0
    z = 1.959963984540054
    share = successes / patients
    centre = (share + z**2 / (2 * patients)) / (1 + z**2 / patients)
    half = z / (1 + z**2 / patients) * math.sqrt(share * (1 - share) / patients + z**2 / (4 * patients**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def counts(rows: Iterable[Row]) -> dict[str, Counter[str]]:
    """How many rows have each status, for all and by kind."""
    found: dict[str, Counter[str]] = {"all": Counter(), **{kind: Counter() for kind in KINDS}}
    for row in rows:
        found["all"][row.status] += 1
        found[row.kind][row.status] += 1
    return found
