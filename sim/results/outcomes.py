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

if TYPE_CHECKING:
    import pandas as pd

    from sim.results.reading import Run

SHARE = "share of patients"
DIAGNOSIS, REFERENCE = "diagnosis_day", "reference_day"
"""What years are counted from: columns of the table of patients."""
Measure = Callable[..., Any]
"""A series by patient, of a run and of what is free in the outcome's name (organ, years)."""
_FREE = {"organ": "|".join(NICHES), "years": r"\d+(?:\.\d+)?"}


@dataclass(frozen=True)
class Outcome:
    """One outcome: `values(run)` is a pandas series by patient; `years` is None where it has no date.

    `from_diagnosis` says whether it counts from diagnosis: only arms that are the same up to it can be compared then.
    `ends` says what ends survival where the outcome is of survival ("overall": death; "metastasis_free": death or the
    first metastasis found), else it is None. `needs_visits` says whether only follow-up by visits can record it.
    """

    name: str
    unit: str
    meaning: str
    years: float | None
    values: Callable[[Any], Any]
    ends: str | None
    needs_visits: bool = False
    from_diagnosis: bool = False


@dataclass(frozen=True)
class _Kind:
    unit: str
    meaning: str
    measure: Callable[..., Any]
    ends: str | None = None
    needs_visits: bool = False
    from_diagnosis: bool = False


def _by_patient(run: Run, counted: pd.Series) -> pd.Series:
    """A value a patient of the run, in the order of `patients`; zero for those who are not in `counted`."""
    return counted.reindex(run.patients["patient"], fill_value=0).astype(float)


def found_in_life(run: Run, organ: str | None = None, since: str = DIAGNOSIS) -> pd.DataFrame:
    """The metastases that were found in life, with the years from diagnosis (or the reference day) to that."""
    found = run.metastases.dropna(subset=["detected_day"])
    if organ is not None:
        found = found[found["organ"] == organ]
    start_day = run.patients.set_index("patient")[since].reindex(found["patient"]).to_numpy(dtype=float)
    return found.assign(years=(found["detected_day"].to_numpy(dtype=float) - start_day) / DAYS_PER_YEAR)


def _woken(run: Run, years: float) -> pd.DataFrame:
    """Colonies of 1 mm whose founder woke after diagnosis, so many years later at most."""
    slept = run.metastases.dropna(subset=["woke_day"])
    diagnosis_day = run.patients.set_index("patient")["diagnosis_day"].reindex(slept["patient"]).to_numpy(dtype=float)
    since = (slept["woke_day"].to_numpy(dtype=float) - diagnosis_day) / DAYS_PER_YEAR
    return slept[(since > 0.0) & (since <= years)]


def _count(found: pd.DataFrame) -> pd.Series:
    return found.groupby("patient").size()


def _first_years(run: Run, organ: str | None = None, since: str = DIAGNOSIS) -> pd.Series:
    """Years from diagnosis (or the reference day) to the first metastasis found, nan where there was none."""
    return found_in_life(run, organ, since).groupby("patient")["years"].min().reindex(run.patients["patient"])


def _by_then(run: Run, years: float, organ: str | None = None, since: str = DIAGNOSIS) -> pd.Series:
    return (_first_years(run, organ, since) <= years).astype(float)


def _symptom_years(run: Run) -> pd.Series:
    """Years from diagnosis until the liver's symptoms, nan where there were none."""
    import numpy as np

    people = run.patients.set_index("patient")
    return (people["liver_symptom_day"].astype("Float64") - people["diagnosis_day"]).astype(float).fillna(
        np.nan
    ) / DAYS_PER_YEAR


def _lived(run: Run, since: str = DIAGNOSIS) -> pd.Series:
    people = run.patients.set_index("patient")
    return (people["last_day"] - people[since]).astype(float) / DAYS_PER_YEAR


def _alive(run: Run, years: float, since: str = DIAGNOSIS) -> pd.Series:
    """Whether they lived longer than that: follow-up ends by death or with the horizon, and by nothing else."""
    dead = run.patients.set_index("patient")["death_day"].notna()
    return (~(dead & (_lived(run, since) <= years))).astype(float)


def _free(run: Run, years: float, since: str = DIAGNOSIS) -> pd.Series:
    return _alive(run, years, since) * (1.0 - _by_then(run, years, since=since))


def _if_diagnosed(measure: Measure) -> Measure:
    """Of those who were diagnosed; nan for those found at death, who have no day to count from."""
    return lambda run, **free: measure(run, **free).where(
        run.patients.set_index("patient")[DIAGNOSIS].notna().reindex(run.patients["patient"])
    )


def _first_size(run: Run) -> pd.Series:
    import numpy as np

    found = found_in_life(run).sort_values(["patient", "years", "colony"]).groupby("patient").first()
    return np.log10(found["cells_at_detection"].astype(float)).reindex(run.patients["patient"])


def _share_in(run: Run, organ: str) -> pd.Series:
    return _count(found_in_life(run, organ)).reindex(run.patients["patient"], fill_value=0) / _count(
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
    return _by_patient(run, _count(run.metastases))


def _from_diagnosis(unit: str, meaning: str, measure: Measure, **rest: Any) -> _Kind:
    return _Kind(unit, meaning, _if_diagnosed(measure), from_diagnosis=True, **rest)


def _since_reference(measure: Measure) -> Measure:
    return functools.partial(measure, since=REFERENCE)


OUTCOMES: Mapping[str, _Kind] = MappingProxyType(
    {
        "metastases per patient": _Kind(
            "metastases", "metastases found", lambda run: _by_patient(run, _count(found_in_life(run)))
        ),
        "metastases in the {organ} per patient": _Kind(
            "metastases",
            "metastases found in that organ",
            lambda run, organ: _by_patient(run, _count(found_in_life(run, organ))),
        ),
        "patients with a metastasis": _Kind(
            SHARE, "at least one metastasis was found", lambda run: _first_years(run).notna().astype(float)
        ),
        "patients with a metastasis in the {organ}": _Kind(
            SHARE,
            "at least one was found in that organ",
            lambda run, organ: _first_years(run, organ).notna().astype(float),
        ),
        "patients with a metastasis within {years} years": _from_diagnosis(
            SHARE,
            "one was found at or before that time; the dead stay in the denominator",
            _by_then,
        ),
        "patients with a metastasis in the {organ} within {years} years": _from_diagnosis(
            SHARE,
            "one was found in that organ at or before that time; the dead stay in the denominator",
            _by_then,
        ),
        "patients with a first metastasis after {years} years": _from_diagnosis(
            SHARE,
            "a late relapse: the first of all metastases was found later than that",
            lambda run, years: (_first_years(run) > years).astype(float),
        ),
        "survival at {years} years": _from_diagnosis(SHARE, "alive at that time", _alive, ends="overall"),
        "metastasis-free survival at {years} years": _from_diagnosis(
            SHARE,
            "alive at that time, and no metastasis was found until then",
            _free,
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
        ),
        "years lived": _from_diagnosis(
            "years", "years from diagnosis to death or to the end of the horizon", _lived, ends="overall"
        ),
        "years to the first metastasis": _from_diagnosis(
            "years",
            "years from diagnosis (negative before it) to the first metastasis found, in those who got one",
            _first_years,
        ),
        "patients alive {years} years after the reference day": _Kind(
            SHARE,
            "of all, those found at death too: alive so long after the day on which the primary alone would present",
            _since_reference(_alive),
            ends="overall",
        ),
        "patients alive without a metastasis {years} years after the reference day": _Kind(
            SHARE,
            "of all, those found at death too: alive at that time, and no metastasis was found until then",
            _since_reference(_free),
        ),
        "patients with a metastasis within {years} years after the reference day": _Kind(
            SHARE,
            "one was found at or before that time, before diagnosis too; the dead stay in the denominator",
            _since_reference(_by_then),
        ),
        "patients with a metastasis in the {organ} within {years} years after the reference day": _Kind(
            SHARE,
            "one was found in that organ at or before that time; the dead stay in the denominator",
            _since_reference(_by_then),
        ),
        "patients with a first metastasis more than {years} years after the reference day": _Kind(
            SHARE,
            "the first of all was found later than that after the day on which the primary alone would present",
            lambda run, years: (_first_years(run, since=REFERENCE) > years).astype(float),
        ),
        "years lived after the reference day": _Kind(
            "years",
            "years from the day on which the primary alone would present to death (negative before it) or to the "
            "end of the horizon",
            _since_reference(_lived),
            ends="overall",
        ),
        "years from the reference day to the first metastasis": _Kind(
            "years",
            "years from the day on which the primary alone would present (negative before it) to the first metastasis "
            "found, in those who got one",
            _since_reference(_first_years),
        ),
        "size of the first metastasis when found": _Kind(
            "log10 cells",
            "cells of the first metastasis on the day on which it was found, in those who got one",
            _first_size,
        ),
        "share of metastases in the {organ}": _Kind(
            "share of metastases",
            "of a patient's metastases, in those who have one",
            lambda run, organ: _share_in(run, organ),
        ),
        "share of metastases of the commonest clone": _Kind(
            "share of metastases",
            "of a patient's metastases that one clone founded, in those who have two or more",
            _commonest_clone,
        ),
        "metastases from metastases per patient": _Kind(
            "metastases",
            "metastases found that another metastasis had shed",
            lambda run: _by_patient(run, _count(found_in_life(run).query("source != 'primary'"))),
        ),
        "metastases of several founders per patient": _Kind(
            "metastases",
            "metastases found that a cluster of cells had founded",
            lambda run: _by_patient(run, _count(found_in_life(run).query("founders > 1"))),
        ),
        "colonies of 1 mm per patient": _Kind("colonies", "colonies that reached 10^6 cells, found or not", _colonies),
        "colonies of 1 mm on a log scale": _Kind(
            "log10 colonies", "log10(1 + colonies that reached 10^6 cells)", _powers_of_ten(_colonies)
        ),
        "colonies of 1 mm that woke within {years} years on a log scale": _from_diagnosis(
            "log10 colonies",
            "log10(1 + colonies that reached 10^6 cells, and whose founder woke after diagnosis, at or before that "
            "time)",
            _powers_of_ten(lambda run, years: _by_patient(run, _count(_woken(run, years)))),
        ),
        "cells in metastases on a log scale": _Kind(
            "log10 cells",
            "log10(1 + cells in metastases that reached 10^6 cells), on the patient's last day",
            _powers_of_ten(lambda run: _by_patient(run, run.metastases.groupby("patient")["cells"].sum())),
        ),
        "cells in metastases in the {organ} on a log scale": _Kind(
            "log10 cells",
            "log10(1 + cells in metastases of that organ that reached 10^6 cells), on the patient's last day",
            _powers_of_ten(
                lambda run, organ: _by_patient(
                    run, run.metastases[run.metastases["organ"] == organ].groupby("patient")["cells"].sum()
                )
            ),
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
                kind.ends,
                kind.needs_visits,
                kind.from_diagnosis,
            )
    near = nearest(name, OUTCOMES)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise KeyError(
        f"unknown outcome {describe(text)}; {hint}allowed: {'; '.join(OUTCOMES)} (organ: a niche; years: a number)"
    )
