"""What was found of a patient's metastases, and how long they lived: what outcomes are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.names import DAYS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

    from sim.results.reading import Run

DIAGNOSIS, REFERENCE = "diagnosis_day", "reference_day"
"""What years are counted from: columns of the table of patients."""
Measure = Callable[..., Any]
"""A series by patient, of a run and of what is free in the outcome's name (organ, years)."""


def by_patient(run: Run, counted: pd.Series) -> pd.Series:
    """A value a patient of the run, in the order of `patients`; zero for those who are not in `counted`."""
    return counted.reindex(run.patients["patient"], fill_value=0).astype(float)


def found_in_life(run: Run, organ: str | None = None, since: str = DIAGNOSIS) -> pd.DataFrame:
    """The metastases that were found in life, with the years from diagnosis (or the reference day) to that."""
    found = run.metastases.dropna(subset=["detected_day"])
    if organ is not None:
        found = found[found["organ"] == organ]
    start_day = run.patients.set_index("patient")[since].reindex(found["patient"]).to_numpy(dtype=float)
    return found.assign(years=(found["detected_day"].to_numpy(dtype=float) - start_day) / DAYS_PER_YEAR)


def count(found: pd.DataFrame) -> pd.Series:
    """Rows by patient."""
    return found.groupby("patient").size()


def first_years(run: Run, organ: str | None = None, since: str = DIAGNOSIS) -> pd.Series:
    """Years from diagnosis (or the reference day) to the first metastasis found, nan where there was none."""
    return found_in_life(run, organ, since).groupby("patient")["years"].min().reindex(run.patients["patient"])


def by_then(run: Run, years: float, organ: str | None = None, since: str = DIAGNOSIS) -> pd.Series:
    """Whether the first metastasis was found at or before that time."""
    return (first_years(run, organ, since) <= years).astype(float)


def lived_years(run: Run, since: str = DIAGNOSIS) -> pd.Series:
    """Years from diagnosis (or the reference day) to death or the end; nan without that day."""
    people = run.patients.set_index("patient")
    return (people["last_day"] - people[since]).astype(float) / DAYS_PER_YEAR


def alive(run: Run, years: float, since: str = DIAGNOSIS) -> pd.Series:
    """Whether they lived longer than that: follow-up ends by death or with the horizon, and by nothing else."""
    dead = run.patients.set_index("patient")["death_day"].notna()
    return (~(dead & (lived_years(run, since) <= years))).astype(float)


def free_of_metastases(run: Run, years: float, since: str = DIAGNOSIS) -> pd.Series:
    """Whether they lived longer than that, and no metastasis was found until then."""
    return alive(run, years, since) * (1.0 - by_then(run, years, since=since))


def if_diagnosed(measure: Measure) -> Measure:
    """Of those who were diagnosed; nan for those found at death, who have no day to count from."""
    return lambda run, **free: measure(run, **free).where(
        run.patients.set_index("patient")[DIAGNOSIS].notna().reindex(run.patients["patient"])
    )
