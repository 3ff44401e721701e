"""Outcomes that doctors use: response and progression by the sum of diameters, net survival, lead time, resectability.

Each is a number a patient, nan where it is not defined for them. All count from diagnosis: they are defined in those
who were diagnosed, and between arms that are the same until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sim.catalog import posterior
from sim.names import DAYS_PER_YEAR
from sim.results.found import Measure, alive, first_years, found_in_life, lived_years

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from sim.results.reading import Run

SHARE = "share of patients"
LOG_HAZARD_RATIO = "log hazard ratio"
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
    seen = found_in_life(run)
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
    seen = found_in_life(run)
    day = run.patients.set_index("patient")["diagnosis_day"].reindex(seen["patient"]).to_numpy(dtype=float)
    end = day + years * DAYS_PER_YEAR
    gone = seen[["removed_day", "extinct_day"]].astype(float).min(axis=1).to_numpy() <= end
    left = seen[(seen["years"] <= years).to_numpy() & ~gone]["patient"].unique()
    living = alive(run, years)
    return living * (~living.index.isin(left)).astype(float)


def resectable_relapse(run: Run, years: float) -> pd.Series:
    """One where the first metastases found by then were few and all in the liver, none being seen at diagnosis."""
    seen = found_in_life(run)
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


@dataclass(frozen=True)
class Clinical:
    """Unit, meaning and measure of an outcome, and its marks (see `sim.results.outcomes.Outcome`)."""

    unit: str
    meaning: str
    measure: Measure
    marks: Mapping[str, Any] = field(default_factory=dict)


CLINICAL: Mapping[str, Clinical] = MappingProxyType(
    {
        "response at the end of follow-up": Clinical(
            SHARE,
            "sum of diameters of up to five metastases seen at diagnosis (two an organ) down by 30 % or more, none "
            "new, alive; in those with a metastasis at diagnosis",
            response,
        ),
        "no progression at the end of follow-up": Clinical(
            SHARE,
            "alive, no new metastasis found, the sum of diameters grown by less than 20 % since diagnosis",
            progression_free,
        ),
        "net survival at {years} years": Clinical(
            "net survival",
            "alive, each weighted by the inverse of their chance not to die of other causes: relative survival",
            net_survival,
        ),
        "years lived within {years} years": Clinical(
            "years", "restricted mean survival from diagnosis", restricted_years
        ),
        "years without a known metastasis within {years} years": Clinical(
            "years",
            "from diagnosis to the first metastasis found or death, in everybody: between schedules of follow-up of "
            "the same patients the difference is the lead time",
            years_without_known,
        ),
        "patients free of disease at {years} years": Clinical(
            SHARE, "alive, and every metastasis found by then was taken away or died out", free_of_disease
        ),
        "patients with a resectable relapse within {years} years": Clinical(
            SHARE,
            f"the first metastases were found by then, {MOST_RESECTABLE} or fewer, all in the liver",
            resectable_relapse,
        ),
        "later relapse of those free at {years} years": Clinical(
            SHARE,
            "a metastasis was found later, in those who lived without one at that landmark",
            late_relapse_of_the_free,
            {"selected": True},
        ),
        "hazard of death": Clinical(
            LOG_HAZARD_RATIO,
            "arms: share who died; differences: log of the ratio of hazards from diagnosis (Cox)",
            died,
            {"ends": "overall", "hazard": True},
        ),
        "hazard of a metastasis or death": Clinical(
            LOG_HAZARD_RATIO,
            "arms: share with either; differences: log of the ratio of hazards (Cox), without metastases at diagnosis",
            relapsed_or_died,
            {"ends": "metastasis_free", "hazard": True},
        ),
    }
)
"""Outcomes by name, as in `sim.results.outcomes.OUTCOMES`, which holds them too."""
