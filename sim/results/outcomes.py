"""Outcomes with a name: what a question asks of a patient, read from the tables of a run.

A name is a phrase such as "survival at 5 years" or "metastases in the liver per patient", in which
the organ and the years are free. Every outcome is one number a patient, nan where it is not defined
for them; a share of patients is the mean of ones and zeros. Only what was found while the patient
lived counts as a metastasis here. Times count from diagnosis.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sim.messages import describe, nearest
from sim.names import DAYS_PER_YEAR, NICHES, STAGES_AT_DIAGNOSIS
from sim.results import clinical
from sim.results.found import alive, by_patient, count, first_years, found, lived_years

if TYPE_CHECKING:
    import pandas as pd

    from sim.results.reading import Run

SHARE = "share of patients"
LOG_HAZARD_RATIO = "log hazard ratio"
Measure = Callable[..., Any]
"""A series by patient, of a run and of what is free in the outcome's name (organ, years)."""
_MARKS = ("ends", "needs_visits", "alike_until_diagnosis", "hazard", "selected")
_FREE = {"organ": "|".join(NICHES), "years": r"\d+(?:\.\d+)?"}


@dataclass(frozen=True)
class Outcome:
    """One outcome: `values(run)` is a pandas series by patient; `years` is None where it has no date.

    `ends` says what ends survival where the outcome is of survival ("overall": death; "metastasis_free": death or the
    first metastasis found), else it is None. `needs_visits` says whether only follow-up by visits can record it.
    `alike_until_diagnosis`: it counts from diagnosis and is refused between arms of which a patient is diagnosed on
    other days (lead time). `hazard`: arms differ by the log of a hazard ratio, not by their means. `selected`: it is
    defined only in patients whom something after diagnosis has chosen, so arms compare different people.
    """

    name: str
    unit: str
    meaning: str
    years: float | None
    values: Callable[[Any], Any]
    ends: str | None
    needs_visits: bool = False
    alike_until_diagnosis: bool = False
    hazard: bool = False
    selected: bool = False


@dataclass(frozen=True)
class _Kind:
    unit: str
    meaning: str
    measure: Callable[..., Any]
    ends: str | None = None
    needs_visits: bool = False
    alike_until_diagnosis: bool = False
    hazard: bool = False
    selected: bool = False


def _woken(run: Run, years: float) -> pd.DataFrame:
    """Colonies of 1 mm whose founder woke after diagnosis, so many years later at most."""
    slept = run.metastases.dropna(subset=["woke_day"])
    diagnosis_day = run.patients.set_index("patient")["diagnosis_day"].reindex(slept["patient"]).to_numpy(dtype=float)
    since = (slept["woke_day"].to_numpy(dtype=float) - diagnosis_day) / DAYS_PER_YEAR
    return slept[(since > 0.0) & (since <= years)]


def _symptom_years(run: Run) -> pd.Series:
    """Years from diagnosis until the liver's symptoms, nan where there were none."""
    import numpy as np

    people = run.patients.set_index("patient")
    return (people["liver_symptom_day"].astype("Float64") - people["diagnosis_day"]).astype(float).fillna(
        np.nan
    ) / DAYS_PER_YEAR


def _free(run: Run, years: float) -> pd.Series:
    first = first_years(run)
    return alive(run, years) * (~(first <= years)).astype(float)


def _first_size(run: Run) -> pd.Series:
    import numpy as np

    first = found(run).sort_values(["patient", "years", "colony"]).groupby("patient").first()
    return np.log10(first["cells_at_detection"].astype(float)).reindex(run.patients["patient"])


def _share_in(run: Run, organ: str) -> pd.Series:
    return count(found(run, organ)).reindex(run.patients["patient"], fill_value=0) / count(found(run)).reindex(
        run.patients["patient"]
    )


def _commonest_clone(run: Run) -> pd.Series:
    clones = found(run).dropna(subset=["clone"]).groupby(["patient", "clone"]).size().groupby("patient")
    number = clones.sum()
    return (clones.max() / number)[number > 1].reindex(run.patients["patient"])


def _column(name: str) -> Measure:
    return lambda run: run.patients.set_index("patient")[name].astype(float)


def _powers_of_ten(measure: Measure) -> Measure:
    """log10 of one more than a count: patients differ by factors of thousands, and a mean would be one patient's."""
    import numpy as np

    return lambda run, **free: np.log10(1.0 + measure(run, **free))


def _colonies(run: Run) -> pd.Series:
    return by_patient(run, count(run.metastases))


OUTCOMES: Mapping[str, _Kind] = MappingProxyType(
    {
        "metastases per patient": _Kind(
            "metastases", "metastases found", lambda run: by_patient(run, count(found(run)))
        ),
        "metastases in the {organ} per patient": _Kind(
            "metastases",
            "metastases found in that organ",
            lambda run, organ: by_patient(run, count(found(run, organ))),
        ),
        "patients with a metastasis": _Kind(
            SHARE, "at least one metastasis was found", lambda run: first_years(run).notna().astype(float)
        ),
        "patients with a metastasis in the {organ}": _Kind(
            SHARE,
            "at least one was found in that organ",
            lambda run, organ: first_years(run, organ).notna().astype(float),
        ),
        "patients with a metastasis within {years} years": _Kind(
            SHARE,
            "one was found at or before that time; the dead stay in the denominator",
            lambda run, years: (first_years(run) <= years).astype(float),
        ),
        "patients with a metastasis in the {organ} within {years} years": _Kind(
            SHARE,
            "one was found in that organ at or before that time; the dead stay in the denominator",
            lambda run, organ, years: (first_years(run, organ) <= years).astype(float),
        ),
        "patients with a first metastasis after {years} years": _Kind(
            SHARE,
            "a late relapse: the first of all metastases was found later than that",
            lambda run, years: (first_years(run) > years).astype(float),
        ),
        "survival at {years} years": _Kind(
            SHARE, "alive at that time", lambda run, years: alive(run, years), ends="overall"
        ),
        "metastasis-free survival at {years} years": _Kind(
            SHARE,
            "alive at that time, and no metastasis was found until then",
            lambda run, years: _free(run, years),
            ends="metastasis_free",
        ),
        "patients with liver symptoms": _Kind(
            SHARE,
            "a full liver sent them to imaging; needs follow-up by visits (follow_up_interval_days)",
            lambda run: _symptom_years(run).notna().astype(float),
            needs_visits=True,
        ),
        "patients with liver symptoms within {years} years": _Kind(
            SHARE,
            "a full liver sent them to imaging at or before that time; needs follow-up by visits",
            lambda run, years: (_symptom_years(run) <= years).astype(float),
            needs_visits=True,
        ),
        "years to liver symptoms": _Kind(
            "years",
            "years from diagnosis until a full liver sent them to imaging, in those who had symptoms",
            lambda run: _symptom_years(run),
            needs_visits=True,
            selected=True,
        ),
        "years lived": _Kind(
            "years", "years from diagnosis to death or to the end of the horizon", lived_years, ends="overall"
        ),
        "years to the first metastasis": _Kind(
            "years",
            "years from diagnosis (negative before it) to the first metastasis found, in those who got one",
            first_years,
            selected=True,
        ),
        "size of the first metastasis when found": _Kind(
            "log10 cells",
            "cells of the first metastasis on the day on which it was found, in those who got one",
            _first_size,
            selected=True,
        ),
        "share of metastases in the {organ}": _Kind(
            "share of metastases",
            "of a patient's metastases, in those who have one",
            lambda run, organ: _share_in(run, organ),
            selected=True,
        ),
        "share of metastases of the commonest clone": _Kind(
            "share of metastases",
            "of a patient's metastases that one clone founded, in those who have two or more",
            _commonest_clone,
            selected=True,
        ),
        "metastases from metastases per patient": _Kind(
            "metastases",
            "metastases found that another metastasis had shed",
            lambda run: by_patient(run, count(found(run).query("source != 'primary'"))),
        ),
        "metastases of several founders per patient": _Kind(
            "metastases",
            "metastases found that a cluster of cells had founded",
            lambda run: by_patient(run, count(found(run).query("founders > 1"))),
        ),
        "colonies of 1 mm per patient": _Kind("colonies", "colonies that reached 10^6 cells, found or not", _colonies),
        "colonies of 1 mm on a log scale": _Kind(
            "log10 colonies", "log10(1 + colonies that reached 10^6 cells)", _powers_of_ten(_colonies)
        ),
        "colonies of 1 mm that woke within {years} years on a log scale": _Kind(
            "log10 colonies",
            "log10(1 + colonies that reached 10^6 cells, and whose founder woke after diagnosis, at or before that "
            "time)",
            _powers_of_ten(lambda run, years: by_patient(run, count(_woken(run, years)))),
        ),
        "cells in metastases on a log scale": _Kind(
            "log10 cells",
            "log10(1 + cells in metastases that reached 10^6 cells), on the patient's last day",
            _powers_of_ten(lambda run: by_patient(run, run.metastases.groupby("patient")["cells"].sum())),
        ),
        "cells in metastases in the {organ} on a log scale": _Kind(
            "log10 cells",
            "log10(1 + cells in metastases of that organ that reached 10^6 cells), on the patient's last day",
            _powers_of_ten(
                lambda run, organ: by_patient(
                    run, run.metastases[run.metastases["organ"] == organ].groupby("patient")["cells"].sum()
                )
            ),
        ),
        "response at the end of follow-up": _Kind(
            SHARE,
            "sum of diameters of up to five metastases seen at diagnosis (two an organ) down by 30 % or more, none "
            "new, alive; in those with a metastasis at diagnosis",
            clinical.response,
            alike_until_diagnosis=True,
        ),
        "no progression at the end of follow-up": _Kind(
            SHARE,
            "alive, no new metastasis found, the sum of diameters grown by less than 20 % since diagnosis",
            clinical.progression_free,
            alike_until_diagnosis=True,
        ),
        "net survival at {years} years": _Kind(
            "net survival",
            "alive, each weighted by the inverse of their chance not to die of other causes: relative survival",
            clinical.net_survival,
            alike_until_diagnosis=True,
        ),
        "years lived within {years} years": _Kind(
            "years", "restricted mean survival from diagnosis", clinical.restricted_years, alike_until_diagnosis=True
        ),
        "years without a known metastasis within {years} years": _Kind(
            "years",
            "from diagnosis to the first metastasis found or death, in everybody: between schedules of follow-up "
            "of the same patients the difference is the lead time",
            clinical.years_without_known,
            alike_until_diagnosis=True,
        ),
        "patients free of disease at {years} years": _Kind(
            SHARE,
            "alive, and every metastasis found by then was taken away or died out",
            clinical.free_of_disease,
            alike_until_diagnosis=True,
        ),
        "patients with a resectable relapse within {years} years": _Kind(
            SHARE,
            f"the first metastases were found by then, {clinical.MOST_RESECTABLE} or fewer, all in the liver",
            clinical.resectable_relapse,
            alike_until_diagnosis=True,
        ),
        "later relapse of those free at {years} years": _Kind(
            SHARE,
            "a metastasis was found later, in those who lived without one at that landmark",
            clinical.late_relapse_of_the_free,
            alike_until_diagnosis=True,
            selected=True,
        ),
        "alive {years} years after the reference day": _Kind(
            SHARE,
            "everybody counts from the day on which the primary alone would have presented, those found at death too",
            clinical.alive_since_reference,
        ),
        "a metastasis within {years} years of the reference day": _Kind(
            SHARE,
            "found by then, or visible at a death that came before diagnosis; everybody counts",
            clinical.metastasis_since_reference,
        ),
        "a metastasis in the {organ} within {years} years of the reference day": _Kind(
            SHARE,
            "found there by then, or visible at a death that came before diagnosis; everybody counts",
            lambda run, organ, years: clinical.metastasis_since_reference(run, years, organ),
        ),
        "hazard of death": _Kind(
            LOG_HAZARD_RATIO,
            "arms: share who died; differences: log of the ratio of hazards from diagnosis (Cox)",
            clinical.died,
            ends="overall",
            alike_until_diagnosis=True,
            hazard=True,
        ),
        "hazard of a metastasis or death": _Kind(
            LOG_HAZARD_RATIO,
            "arms: share with either; differences: log of the ratio of hazards (Cox), without metastases at diagnosis",
            clinical.relapsed_or_died,
            ends="metastasis_free",
            alike_until_diagnosis=True,
            hazard=True,
        ),
        "cells shed per patient": _Kind("cells", "cells shed into the blood", _column("shed_cells")),
        "settled cells per patient": _Kind(
            "cells", "cells that settled, alive and able to found a colony", _column("settled_cells")
        ),
        "settled cells on a log scale": _Kind(
            "log10 cells",
            "log10(1 + cells that settled, alive and able to found a colony)",
            _powers_of_ten(_column("settled_cells")),
        ),
    }
)
"""Outcomes by name; {organ} and {years} stand for an organ and a number."""


def _pattern(name: str) -> re.Pattern:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", lambda free: f"(?P<{free[1]}>{_FREE[free[1]]})", re.escape(name)))


_PATTERNS = {name: _pattern(name) for name in OUTCOMES}


def outcome(text: str) -> Outcome:
    """The outcome that `text` names. Raises KeyError, with the words of the refusal, where there is none."""
    name = " ".join(text.split())
    for known, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(name):
            free: dict[str, Any] = match.groupdict()
            if "years" in free:
                free["years"] = float(free["years"])
            kind = OUTCOMES[known]
            return Outcome(
                name,
                kind.unit,
                kind.meaning,
                free.get("years"),
                functools.partial(kind.measure, **free),
                **{mark: getattr(kind, mark) for mark in _MARKS},
            )
    near = nearest(name, OUTCOMES)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise KeyError(
        f"unknown outcome {describe(text)}; {hint}allowed: {'; '.join(OUTCOMES)} (organ: a niche; years: a number)"
    )


def _at_diagnosis(run: Run, choose: Callable[[Any], Any]) -> pd.Series:
    """Whether `choose`, of the set of organs with a visible metastasis on the day of diagnosis, is true."""
    seen = found(run)
    organs = seen[seen["years"] <= 0].groupby("patient")["organ"].agg(set)
    held = organs.reindex(run.patients["patient"])
    return held.map(lambda organs: bool(choose(organs if isinstance(organs, set) else set())))


def _at_stage(run: Run, number: str) -> pd.Series:
    """Whether a patient was diagnosed at that stage."""
    return run.patients.set_index("patient")["stage"].astype(object) == number


CONDITIONS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "with a metastasis at diagnosis": lambda run: _at_diagnosis(run, bool),
        "without a metastasis at diagnosis": lambda run: _at_diagnosis(run, lambda organs: not organs),
        "with a liver metastasis at diagnosis": lambda run: _at_diagnosis(run, lambda organs: "liver" in organs),
        "without a liver metastasis at diagnosis": lambda run: _at_diagnosis(run, lambda organs: "liver" not in organs),
        "with liver metastases only at diagnosis": lambda run: _at_diagnosis(run, lambda organs: organs == {"liver"}),
        "with metastases but none in the liver at diagnosis": lambda run: _at_diagnosis(
            run, lambda organs: bool(organs) and "liver" not in organs
        ),
        **{f"stage {number}": functools.partial(_at_stage, number=number) for number in STAGES_AT_DIAGNOSIS},
    }
)
"""Groups of patients by what imaging and pathology see at diagnosis: a boolean series by patient."""
