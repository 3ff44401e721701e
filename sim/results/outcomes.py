"""Outcomes with a name: what a question asks of a patient, read from the tables of a run.

A name is a phrase such as "survival at 5 years" or "metastases in the liver per patient", in which
the organ and the years are free. Every outcome is one number a patient, nan where it is not defined
for them; a share of patients is the mean of ones and zeros. Only what was found while the patient
lived counts as a metastasis here. Times count from diagnosis, and are not defined for those who were found at death;
or, where the name says so, from the reference day, and are defined for everybody. None counts from a relapse: who looks
more often finds it earlier, and would seem to live longer after it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sim.messages import describe, nearest
from sim.names import DAYS_PER_YEAR, NICHES
from sim.results.clinical import CLINICAL, LOG_HAZARD_RATIO, SHARE
from sim.results.found import (
    DIAGNOSIS,
    REFERENCE,
    Measure,
    alive,
    by_patient,
    by_then,
    count,
    first_years,
    found_in_life,
    free_of_metastases,
    if_diagnosed,
    lived_years,
)

if TYPE_CHECKING:
    import pandas as pd

    from sim.results.reading import Run

__all__ = [
    "CLINICAL",
    "DIAGNOSIS",
    "LOG_HAZARD_RATIO",
    "OUTCOMES",
    "REFERENCE",
    "SHARE",
    "Outcome",
    "found_in_life",
    "outcome",
]
_MARKS = ("ends", "needs_visits", "from_diagnosis", "hazard", "selected")
_FREE = {"organ": "|".join(NICHES), "years": r"\d+(?:\.\d+)?"}


@dataclass(frozen=True)
class Outcome:
    """One outcome: `values(run)` is a pandas series by patient; `years` is None where it has no date.

    `from_diagnosis` says whether it counts from diagnosis: only arms that are the same up to it can be compared then.
    `ends` says what ends survival where the outcome is of survival ("overall": death; "metastasis_free": death or the
    first metastasis found), else it is None. `needs_visits` says whether only follow-up by visits can record it.
    `hazard`: arms differ by the log of a hazard ratio, not by their means. `selected`: defined only in patients whom
    something after diagnosis has chosen, so that arms compare different people.
    """

    name: str
    unit: str
    meaning: str
    years: float | None
    values: Callable[[Any], Any]
    ends: str | None
    needs_visits: bool = False
    from_diagnosis: bool = False
    hazard: bool = False
    selected: bool = False


@dataclass(frozen=True)
class _Kind:
    unit: str
    meaning: str
    measure: Callable[..., Any]
    ends: str | None = None
    needs_visits: bool = False
    from_diagnosis: bool = False
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


def _first_size(run: Run) -> pd.Series:
    import numpy as np

    found = found_in_life(run).sort_values(["patient", "years", "colony"]).groupby("patient").first()
    return np.log10(found["cells_at_detection"].astype(float)).reindex(run.patients["patient"])


def _share_in(run: Run, organ: str) -> pd.Series:
    return count(found_in_life(run, organ)).reindex(run.patients["patient"], fill_value=0) / count(
        found_in_life(run)
    ).reindex(run.patients["patient"])


def _commonest_clone(run: Run) -> pd.Series:
    clones = found_in_life(run).dropna(subset=["clone"]).groupby(["patient", "clone"]).size().groupby("patient")
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


def _from_diagnosis(unit: str, meaning: str, measure: Measure, **rest: Any) -> _Kind:
    return _Kind(unit, meaning, if_diagnosed(measure), from_diagnosis=True, **rest)


def _since_reference(measure: Measure) -> Measure:
    return functools.partial(measure, since=REFERENCE)


OUTCOMES: Mapping[str, _Kind] = MappingProxyType(
    {
        "metastases per patient": _Kind(
            "metastases", "metastases found", lambda run: by_patient(run, count(found_in_life(run)))
        ),
        "metastases in the {organ} per patient": _Kind(
            "metastases",
            "metastases found in that organ",
            lambda run, organ: by_patient(run, count(found_in_life(run, organ))),
        ),
        "patients with a metastasis": _Kind(
            SHARE, "at least one metastasis was found", lambda run: first_years(run).notna().astype(float)
        ),
        "patients with a metastasis in the {organ}": _Kind(
            SHARE,
            "at least one was found in that organ",
            lambda run, organ: first_years(run, organ).notna().astype(float),
        ),
        "patients with a metastasis within {years} years": _from_diagnosis(
            SHARE,
            "one was found at or before that time; the dead stay in the denominator",
            by_then,
        ),
        "patients with a metastasis in the {organ} within {years} years": _from_diagnosis(
            SHARE,
            "one was found in that organ at or before that time; the dead stay in the denominator",
            by_then,
        ),
        "patients with a first metastasis after {years} years": _from_diagnosis(
            SHARE,
            "a late relapse: the first of all metastases was found later than that",
            lambda run, years: (first_years(run) > years).astype(float),
        ),
        "survival at {years} years": _from_diagnosis(SHARE, "alive at that time", alive, ends="overall"),
        "metastasis-free survival at {years} years": _from_diagnosis(
            SHARE,
            "alive at that time, and no metastasis was found until then",
            free_of_metastases,
            ends="metastasis_free",
        ),
        "patients with liver symptoms": _Kind(
            SHARE,
            "a full liver sent them to imaging; needs follow-up by visits (follow_up_interval_days)",
            lambda run: _symptom_years(run).notna().astype(float),
            needs_visits=True,
        ),
        "patients with liver symptoms within {years} years": _from_diagnosis(
            SHARE,
            "a full liver sent them to imaging at or before that time; needs follow-up by visits",
            lambda run, years: (_symptom_years(run) <= years).astype(float),
            needs_visits=True,
        ),
        "years to liver symptoms": _from_diagnosis(
            "years",
            "years from diagnosis until a full liver sent them to imaging, in those who had symptoms",
            lambda run: _symptom_years(run),
            needs_visits=True,
            selected=True,
        ),
        "years lived": _from_diagnosis(
            "years", "years from diagnosis to death or to the end of the horizon", lived_years, ends="overall"
        ),
        "years to the first metastasis": _from_diagnosis(
            "years",
            "years from diagnosis (negative before it) to the first metastasis found, in those who got one",
            first_years,
            selected=True,
        ),
        "patients alive {years} years after the reference day": _Kind(
            SHARE,
            "of all, those found at death too: alive so long after the day on which the primary alone would present",
            _since_reference(alive),
            ends="overall",
        ),
        "patients alive without a metastasis {years} years after the reference day": _Kind(
            SHARE,
            "of all, those found at death too: alive at that time, and no metastasis was found until then",
            _since_reference(free_of_metastases),
        ),
        "patients with a metastasis within {years} years after the reference day": _Kind(
            SHARE,
            "one was found at or before that time, before diagnosis too; the dead stay in the denominator",
            _since_reference(by_then),
        ),
        "patients with a metastasis in the {organ} within {years} years after the reference day": _Kind(
            SHARE,
            "one was found in that organ at or before that time; the dead stay in the denominator",
            _since_reference(by_then),
        ),
        "patients with a first metastasis more than {years} years after the reference day": _Kind(
            SHARE,
            "the first of all was found later than that after the day on which the primary alone would present",
            lambda run, years: (first_years(run, since=REFERENCE) > years).astype(float),
        ),
        "years lived after the reference day": _Kind(
            "years",
            "years from the day on which the primary alone would present to death (negative before it) or to the "
            "end of the horizon",
            _since_reference(lived_years),
            ends="overall",
        ),
        "years from the reference day to the first metastasis": _Kind(
            "years",
            "years from the day on which the primary alone would present (negative before it) to the first metastasis "
            "found, in those who got one",
            _since_reference(first_years),
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
            lambda run: by_patient(run, count(found_in_life(run).query("source != 'primary'"))),
        ),
        "metastases of several founders per patient": _Kind(
            "metastases",
            "metastases found that a cluster of cells had founded",
            lambda run: by_patient(run, count(found_in_life(run).query("founders > 1"))),
        ),
        "colonies of 1 mm per patient": _Kind("colonies", "colonies that reached 10^6 cells, found or not", _colonies),
        "colonies of 1 mm on a log scale": _Kind(
            "log10 colonies", "log10(1 + colonies that reached 10^6 cells)", _powers_of_ten(_colonies)
        ),
        "colonies of 1 mm that woke within {years} years on a log scale": _from_diagnosis(
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
        **{
            name: _from_diagnosis(kind.unit, kind.meaning, kind.measure, **kind.marks)
            for name, kind in CLINICAL.items()
        },
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
