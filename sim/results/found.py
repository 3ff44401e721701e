"""What was found of a patient's metastases, and how long they lived: what outcomes are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.names import DAYS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

    from sim.results.reading import Run


def by_patient(run: Run, counted: pd.Series) -> pd.Series:
    """A value a patient of the run, in the order of `patients`; zero for those who are not in `counted`."""
    return counted.reindex(run.patients["patient"], fill_value=0).astype(float)


def count(found: pd.DataFrame) -> pd.Series:
    """Rows by patient."""
    return found.groupby("patient").size()


def found(run: Run, organ: str | None = None) -> pd.DataFrame:
    """The metastases that were found in life, with the years from diagnosis to that."""
    seen = run.metastases.dropna(subset=["detected_day"])
    if organ is not None:
        seen = seen[seen["organ"] == organ]
    diagnosis_day = run.patients.set_index("patient")["diagnosis_day"].reindex(seen["patient"]).to_numpy(dtype=float)
    return seen.assign(years=(seen["detected_day"].to_numpy(dtype=float) - diagnosis_day) / DAYS_PER_YEAR)


def first_years(run: Run, organ: str | None = None) -> pd.Series:
    """Years from diagnosis to the first metastasis found, nan where there was none."""
    return found(run, organ).groupby("patient")["years"].min().reindex(run.patients["patient"])


def lived_years(run: Run) -> pd.Series:
    """Years from diagnosis to death or to the end of the horizon; negative where the cancer was found at death."""
    people = run.patients.set_index("patient")
    return (people["last_day"] - people["diagnosis_day"]).astype(float) / DAYS_PER_YEAR


def alive(run: Run, years: float) -> pd.Series:
    """Whether they lived longer than that; nan where the cancer was found at death, which has no time from diagnosis.

    Follow-up ends by death or with the horizon, and by nothing else.
    """
    dead = run.patients.set_index("patient")["death_day"].notna()
    lived = lived_years(run)
    return (~(dead & (lived <= years))).astype(float).where(lived.notna())
