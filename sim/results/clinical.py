"""Outcomes that doctors use: response and progression by the sum of diameters, net survival, lead time, resectability.

Each is a number a patient, nan where it is not defined for them. Outcomes that count from diagnosis are defined only
between arms that are alike until then (`sim.analysis.comparable` refuses others); those from the reference day, which
the arms share, are for arms that differ before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.catalog import posterior
from sim.names import DAYS_PER_YEAR
from sim.results.found import alive, first_years, found, lived_years
from sim.results.incidence import threshold_cells

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from sim.results.reading import Run

RESPONSE_SHARE, PROGRESSION_SHARE = 0.7, 1.2
"""Of the sum of diameters at diagnosis (RECIST 1.1: Eisenhauer et al. 2009, Eur J Cancer 45:228-247)."""
TARGETS_AN_ORGAN, TARGETS = 2, 5
"""Lesions whose diameters are summed, the largest first (RECIST 1.1)."""
MOST_RESECTABLE = 4
"""Liver metastases, and none elsewhere: surgeons of the published series cut out few."""


def _diameter(cells: pd.Series) -> pd.Series:
    """In the unit of one cell's: sizes enter by their ratios alone."""
    return cells.astype(float) ** (1.0 / 3.0)


def _sums(run: Run) -> pd.DataFrame:
    """By patient with a metastasis seen at diagnosis: `before` and `after`, sums of the diameters of their targets.

    `new` says whether another metastasis was found later, `died` whether they died before the end of follow-up.
    """
    seen = found(run)
    base = seen[seen["years"] <= 0.0]
    base = base.assign(before=_diameter(base["cells_at_diagnosis"]), after=_diameter(base["cells"]))
    base = base.sort_values(["patient", "before", "colony"], ascending=[True, False, True])
    base = base[base.groupby(["patient", "organ"]).cumcount() < TARGETS_AN_ORGAN]
    base = base[base.groupby("patient").cumcount() < TARGETS]
    sums = base.groupby("patient")[["before", "after"]].sum()
    dead = run.patients.set_index("patient")["death_day"].notna()
    later = seen[seen["years"] > 0.0]["patient"].unique()
    return sums.assign(new=sums.index.isin(later), died=dead.reindex(sums.index))


def response(run: Run) -> pd.Series:
    """One where the sum fell by 30 % or more without a new metastasis; the dead did not respond."""
    sums = _sums(run)
    good = (sums["after"] <= RESPONSE_SHARE * sums["before"]) & ~sums["new"] & ~sums["died"]
    return good.astype(float).reindex(run.patients["patient"])


def progression_free(run: Run) -> pd.Series:
    """One where they live, the sum grew by less than 20 % and no new metastasis was found.

    In those without a metastasis at diagnosis: where they live and none was found.
    """
    sums = _sums(run)
    good = (sums["after"] < PROGRESSION_SHARE * sums["before"]) & ~sums["new"] & ~sums["died"]
    people = run.patients.set_index("patient")
    free = people["death_day"].isna() & first_years(run).isna().reindex(people.index)
    return good.astype(float).reindex(people.index).fillna(free.astype(float)).where(people["diagnosis_day"].notna())


def restricted_years(run: Run, years: float) -> pd.Series:
    """Years lived from diagnosis, counted up to `years`: their mean is the restricted mean survival."""
    return lived_years(run).clip(upper=years)


def years_without_known(run: Run, years: float) -> pd.Series:
    """Years from diagnosis until a metastasis is found or death, up to `years`."""
    lived = restricted_years(run, years)
    return lived.where(~(first_years(run) < lived), first_years(run)).clip(lower=0.0)


def free_of_disease(run: Run, years: float) -> pd.Series:
    """One where they live, and every metastasis that was found by then was taken away or died out by then."""
    seen = found(run)
    day = run.patients.set_index("patient")["diagnosis_day"].reindex(seen["patient"]).to_numpy(dtype=float)
    end = day + years * DAYS_PER_YEAR
    gone = seen[["removed_day", "extinct_day"]].astype(float).min(axis=1).to_numpy() <= end
    left = seen[(seen["years"] <= years).to_numpy() & ~gone]["patient"].unique()
    living = alive(run, years)
    return living * (~living.index.isin(left)).astype(float)


def resectable_relapse(run: Run, years: float) -> pd.Series:
    """One where the first metastases found by then were few and all in the liver, none being seen at diagnosis."""
    seen = found(run)
    first = seen.groupby("patient")["years"].transform("min")
    at_first = seen[(seen["years"] == first) & (first > 0.0) & (first <= years)]
    number = at_first.groupby("patient").size()
    in_liver = (at_first["organ"] == "liver").groupby(at_first["patient"]).all()
    good = number[(number <= MOST_RESECTABLE) & in_liver].index
    people = run.patients.set_index("patient")
    return people.index.isin(good) * people["diagnosis_day"].notna().astype(float)


def late_relapse_of_the_free(run: Run, years: float) -> pd.Series:
    """Of those alive without a metastasis found by `years` (the others nan): one where one was found later."""
    free = (alive(run, years) == 1.0) & ~(first_years(run) <= years)
    return first_years(run).notna().astype(float).where(free)


def alive_since_reference(run: Run, years: float) -> pd.Series:
    """Alive so long after the reference day; nan where follow-up ends before it."""
    people = run.patients.set_index("patient")
    end = people["reference_day"].astype(float) + years * DAYS_PER_YEAR
    dead = people["death_day"].notna()
    known = dead | (people["last_day"].astype(float) >= end - 1.0)
    return (~(dead & (people["death_day"].astype(float) <= end))).astype(float).where(known)


def metastasis_since_reference(run: Run, years: float, organ: str | None = None) -> pd.Series:
    """A metastasis was found, or visible at a death, so long after the reference day at most."""
    people = run.patients.set_index("patient")
    end = people["reference_day"].astype(float) + years * DAYS_PER_YEAR
    rows = run.metastases if organ is None else run.metastases[run.metastases["organ"] == organ]
    limit = end.reindex(rows["patient"]).to_numpy()
    in_life = (rows["detected_day"].astype(float) <= limit).to_numpy()
    at_death = people["death_day"].where(people["diagnosis_day"].isna()).astype(float).reindex(rows["patient"])
    visible = rows["cells"].astype(float).to_numpy() >= float(threshold_cells(run) or 0.0)
    with_one = rows["patient"].to_numpy()[in_life | (visible & (at_death.to_numpy() <= limit))]
    return (people.index.to_series().isin(with_one)).astype(float)


def _other_causes(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Hazard of other causes at 70 (1/year) and its growth (1/year) of every patient: the model's own life table."""
    import numpy as np

    names = ("other_cause_death_per_year_at_70", "other_cause_death_growth_per_year")
    scenario, patients = run.manifest["scenario"], run.patients["patient"].to_numpy()
    drawn = scenario.get("posterior")
    out = []
    columns = posterior.columns(drawn.get("of", posterior.POSTERIOR)) if drawn else {}
    for name in names:
        if name in columns and name not in scenario.get("overrides", {}):
            out.append(columns[name][patients % int(drawn["draws"])])
        else:
            out.append(np.full(len(patients), float(scenario["parameters"][name]["value"])))
    return out[0], out[1]


def net_survival(run: Run, years: float) -> pd.Series:
    """Alive at `years`, over the chance of not dying of other causes until then: the mean is net survival.

    Weighting each survivor by the inverse of their expected survival is the estimator of Pohar Perme et al. (2012,
    Biometrics 68:113-120) where nobody is censored before. Nobody dies of other causes before the reference day.
    """
    import numpy as np

    people = run.patients.set_index("patient")
    at_70, growth = _other_causes(run)
    age = people["age_years"].to_numpy(dtype=float)
    since = (people["diagnosis_day"].astype(float) - people["reference_day"].astype(float)).to_numpy() / DAYS_PER_YEAR
    start, end = np.maximum(since, 0.0), np.maximum(since + years, 0.0)
    slope = np.where(np.abs(growth) > 1e-12, growth, 1.0)
    hazard = at_70 * np.where(
        np.abs(growth) > 1e-12,
        (np.exp(growth * (age - 70.0 + end)) - np.exp(growth * (age - 70.0 + start))) / slope,
        end - start,
    )
    return alive(run, years) * np.exp(hazard)


def died(run: Run) -> pd.Series:
    """One where they died during follow-up; what the hazard of death counts."""
    people = run.patients.set_index("patient")
    return people["death_day"].notna().astype(float).where(people["diagnosis_day"].notna())


def relapsed_or_died(run: Run) -> pd.Series:
    """One where a metastasis was found, or they died; nan in those with a metastasis at diagnosis."""
    first = first_years(run)
    either = ((died(run) == 1.0) | first.notna()).astype(float)
    return either.where(died(run).notna() & ~(first <= 0.0))
