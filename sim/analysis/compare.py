"""Two runs of the same patients, compared patient by patient.

Runs that are the same up to diagnosis are compared from it, in everybody diagnosed, the dead too. Others have other
days of diagnosis: they are compared from the reference day, which is the same in both, in all patients, those found at
death too. A metastasis counts where it became visible in life. The comparison ends where the shorter horizon, or the
first censoring before it, ends: until then each patient's outcome is known in both arms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.analysis import paired, survival
from sim.analysis.competing_risks import ANY_ORGAN
from sim.errors import InputError
from sim.names import DAYS_PER_YEAR, NICHES
from sim.results import incidence
from sim.results.outcomes import DIAGNOSIS, REFERENCE
from sim.results.reading import Run
from sim.scenario.apart import before_diagnosis

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from sim.results.reading import Run

CLEAR = 0.05
"""An organ has clearly changed where its p value, adjusted for the number of organs, is below this."""


@dataclass(frozen=True)
class OrganChange:
    """First visible metastases in one organ (or any) by the end: pairs, and p adjusted for the number of organs."""

    organ: str
    pairs: paired.Shares
    adjusted_p: float


@dataclass(frozen=True)
class PairedRuns:
    """Everything that `compare` reports; `first` and `second` are the runs.

    `detected_days` and `death_days` hold, by organ (also `any organ`) and for deaths, a pair of arrays
    (patients,): days from diagnosis, inf where it did not happen until `end_days`; or, where the runs are `apart`
    before diagnosis (by what, in words), days from the reference day (what came before it is negative).
    `diagnosed_in_one` counts those diagnosed in the first run only, and in the second only (found at death in the
    other).
    """

    first: Run
    second: Run
    patients: int
    end_days: float
    differences: list[str]
    detected_days: dict[str, tuple[np.ndarray, np.ndarray]]
    death_days: tuple[np.ndarray, np.ndarray]
    organs: list[OrganChange]
    alive: paired.Shares
    died_earlier: int
    died_later: int
    years_lived: paired.Means
    metastases: paired.Means
    overall: survival.LogRank
    metastasis_free: survival.LogRank
    apart: list[str]
    diagnosed_in_one: tuple[int, int]

    @property
    def origin(self) -> str:
        """What days count from, in words."""
        return "the reference day" if self.apart else "diagnosis"

    @property
    def end_years(self) -> float:
        """The end of the comparison, in years from its origin."""
        return self.end_days / DAYS_PER_YEAR

    def grid_days(self, points: int = 200) -> np.ndarray:
        """Days at which difference curves are given: (points + 1,), from the origin to the end."""
        return np.linspace(0.0, self.end_days, points + 1)

    def incidence_curve(self, organ: str, days: npt.ArrayLike) -> paired.Shares:
        """Pairs with a visible metastasis in `organ` (or `any organ`) by each of `days`."""
        return paired.shares_over_time(*self.detected_days[organ], days)

    def death_curve(self, days: npt.ArrayLike) -> paired.Shares:
        """Pairs that have died by each of `days`."""
        return paired.shares_over_time(*self.death_days, days)


def compare(first: Run, second: Run) -> PairedRuns:
    """Compare the runs `first` (the reference) and `second`, patient by patient.

    Raises InputError where they are not pairs: another seed, other patients, nobody diagnosed in both.
    """
    _refuse_unpaired(first, second)
    apart = before_diagnosis(*(run.manifest["scenario"] for run in (first, second)))
    since = REFERENCE if apart else DIAGNOSIS
    known = [run.patients.set_index("patient")["diagnosis_day"].dropna().index for run in (first, second)]
    people = [run.patients.dropna(subset=[since]).set_index("patient").sort_index() for run in (first, second)]
    together = people[0].index.intersection(people[1].index)
    people = [arm.loc[together].assign(origin_day=arm.loc[together, since]) for arm in people]
    if together.empty:
        raise InputError(
            f"{first.place} and {second.place}: no patient was diagnosed in both runs; there is nothing to compare"
        )
    end = min(_known_until(run, arm) for run, arm in zip((first, second), people, strict=True))
    death = (
        _until(_days(people[0], people[0]["death_day"]), end),
        _until(_days(people[1], people[1]["death_day"]), end),
    )
    detected = _detected(first, second, people, end)
    pairs = {organ: paired.shares_over_time(*times, np.float64(end)) for organ, times in detected.items()}
    pairs = {
        organ: paired.Shares(*(int(x) for x in (p.both, p.only_first, p.only_second, p.neither)))
        for organ, p in pairs.items()
    }
    adjusted = dict(zip(NICHES, paired.holm([pairs[organ].p_value for organ in NICHES]), strict=True))
    organs = [OrganChange(organ, found, adjusted.get(organ, found.p_value)) for organ, found in pairs.items()]
    return PairedRuns(
        first,
        second,
        len(together),
        end,
        differences(first, second),
        detected,
        death,
        organs,
        alive=paired.shares(np.isinf(death[0]), np.isinf(death[1])),
        died_earlier=int((death[1] < death[0]).sum()),
        died_later=int((death[1] > death[0]).sum()),
        years_lived=paired.means(*(np.minimum(days, end) / DAYS_PER_YEAR for days in death)),
        metastases=paired.means(*(_colonies(run, arm, end) for run, arm in zip((first, second), people, strict=True))),
        overall=survival.logrank(*(survival.follow_up(run, since=since) for run in (first, second))),
        metastasis_free=survival.logrank(
            *(survival.follow_up(run, survival.METASTASIS_FREE, since) for run in (first, second))
        ),
        apart=apart,
        diagnosed_in_one=(len(known[0].difference(known[1])), len(known[1].difference(known[0]))),
    )


def _refuse_unpaired(first: Run, second: Run) -> None:
    seeds = [run.manifest["seed"] for run in (first, second)]
    if seeds[0] != seeds[1]:
        raise InputError(
            f"{first.place} and {second.place}: not the same patients: seeds {seeds[0]} and {seeds[1]}; "
            "runs are paired patient by patient, so run both with the same --seed"
        )
    ids = [set(run.patients["patient"]) for run in (first, second)]
    if ids[0] != ids[1]:
        held = " and ".join(f"{run.place} holds {incidence.patients_text(run)}" for run in (first, second))
        raise InputError(
            f"not the same patients: {held}; run both with the same --patients (the same command finishes an "
            "interrupted run)"
        )


def _days(arm: pd.DataFrame, column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=float, na_value=np.inf) - arm["origin_day"].to_numpy(dtype=float)


def _until(days: np.ndarray, end: float) -> np.ndarray:
    return np.where(days <= end, days, np.inf)


def _known_until(run: Run, arm: pd.DataFrame) -> float:
    """Days to which every patient's outcome is known: the horizon, or the first censoring before it."""
    horizon = float(run.manifest["scenario"]["horizon_days"])
    censored = (arm["last_day"] - arm["origin_day"])[arm["death_day"].isna()].to_numpy(dtype=float)
    return min(horizon, float(censored.min(initial=np.inf)) + survival.GRACE_DAYS)


def _detected(
    first: Run, second: Run, people: Sequence[pd.DataFrame], end: float
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By organ, `any organ` first: days to the first visible metastasis of each patient, in both arms."""
    found: dict[str, list[np.ndarray]] = {
        ANY_ORGAN: [_until(_days(arm, arm["first_detected_day"]), end) for arm in people]
    }
    found |= {organ: [] for organ in NICHES}
    for run, arm in zip((first, second), people, strict=True):
        seen = run.metastases[["patient", "organ", "detected_day"]].dropna(subset=["detected_day"])
        day = seen.groupby(["organ", "patient"])["detected_day"].min()
        known = set(day.index.get_level_values("organ"))
        for organ in NICHES:
            column = (day.loc[organ] if organ in known else day.iloc[:0].droplevel("organ")).reindex(arm.index)
            found[organ].append(_until(_days(arm, column), end))
    return {organ: (one, other) for organ, (one, other) in found.items()}


def _colonies(run: Run, arm: pd.DataFrame, end: float) -> np.ndarray:
    """Visible metastases of each patient by the end."""
    seen = run.metastases[["patient", "detected_day"]].dropna(subset=["detected_day"])
    since = seen["detected_day"] - arm["origin_day"].reindex(seen["patient"]).to_numpy()
    return (
        seen[(since <= end).fillna(False).to_numpy(dtype=bool)]
        .groupby("patient")
        .size()
        .reindex(arm.index, fill_value=0)
        .to_numpy()
    )


_NOT_COMPARED = (
    "name",
    "file",
    "path",
    "title",
    "question",
    "patients",
    "parameters",
    "overrides",
    "mechanisms",
    "treatments",
    "output_every_days",
    "horizon_days",
)  # outcomes are compared until the shorter horizon


def differences(first: Run, second: Run) -> list[str]:
    """What the scenario of `second` has that that of `first` has not, from their manifests, in plain words."""
    one, other = (run.manifest["scenario"] for run in (first, second))
    found = []
    toggles = [scenario.get("mechanisms", {}) for scenario in (one, other)]
    for name in dict.fromkeys([*toggles[0], *toggles[1]]):
        before, after = (bool(toggle.get(name, False)) for toggle in toggles)
        if before != after:
            found.append(f"{name} switched {'on' if after else 'off'}")
    parameters = [scenario.get("parameters", {}) for scenario in (one, other)]
    for name in dict.fromkeys([*parameters[0], *parameters[1]]):
        before, after = (values.get(name, {}).get("value") for values in parameters)
        if before != after:
            unit = (parameters[1].get(name) or parameters[0][name]).get("unit", "")
            found.append(
                f"{name} {_plain(after)} instead of {_plain(before)}" + (f" {unit}" if unit not in ("", "1") else "")
            )
    found += _treatment_changes(*(list(scenario.get("treatments") or []) for scenario in (one, other)))
    flat = [
        dict(_flat({key: value for key, value in scenario.items() if key not in _NOT_COMPARED}))
        for scenario in (one, other)
    ]
    for key in dict.fromkeys([*flat[0], *flat[1]]):
        old, new = (values.get(key) for values in flat)
        if old != new:
            found.append(f"{key} {_plain(new)} instead of {_plain(old)}")
    return found


def _flat(values: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value


def _plain(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _treatment_changes(before: list[dict], after: list[dict]) -> list[str]:
    """Treatments that only one of the two has, each with what is special about it."""
    gone, new = ([item for item in these if item not in those] for these, those in ((before, after), (after, before)))
    return [f"{_treatment(item)} added" for item in new] + [f"{_treatment(item)} left out" for item in gone]


def _treatment(item: dict) -> str:
    when = (
        f"{_plain(item['start_days'])} days after {item.get('after', 'diagnosis')}"
        if item.get("start_days") is not None
        else ""
    )
    usual = {
        "cycles": 1,
        "every_days": item.get("every_days") if item.get("cycles", 1) == 1 else None,
        "dose": 1,
        "adherence": 1,
        "turn": item.get("turn"),
    }
    rest = [
        f"{key.removesuffix('_days').replace('_', ' ')} {_plain(value)}{' days' if key.endswith('_days') else ''}"
        for key, value in item.items()
        if key not in ("name", "after", "start_days") and value is not None and value != usual.get(key)
    ]
    details = ", ".join([*([when] if when else []), *rest])
    return str(item.get("name", "treatment")).replace("_", " ") + (f" ({details})" if details else "")


def notes_on_who(found: PairedRuns) -> list[str]:
    """What a reader must know of who is compared, and from which day."""
    notes = []
    if found.apart:
        by = ", ".join([*found.apart[:3], *(["..."] if len(found.apart) > 3 else [])])
        notes.append(
            f"the runs differ before diagnosis ({by}): all patients are compared, those found at death too, from the "
            "reference day, on which the primary alone would present"
        )
    if any(found.diagnosed_in_one):
        notes.append(
            f"diagnosed in one run only, found at death in the other: {found.diagnosed_in_one[0]:,} in A, "
            f"{found.diagnosed_in_one[1]:,} in B"
        )
    return notes


def warnings(first: Run, second: Run) -> list[str]:
    """What a reader must know beside the scenarios: other versions, other horizons."""
    one, other = (run.manifest.get("versions", {}) for run in (first, second))
    differ = [name for name in dict.fromkeys([*one, *other]) if one.get(name) != other.get(name) and name != "platform"]
    if first.manifest.get("commit") != second.manifest.get("commit"):
        differ.append("commit")
    notes = (
        [f"the runs were made with different versions ({', '.join(differ)}); some patients may differ by that alone"]
        if differ
        else []
    )
    horizons = [float(run.manifest["scenario"]["horizon_days"]) for run in (first, second)]
    if horizons[0] != horizons[1]:
        notes.append(
            f"the horizons differ ({horizons[0]:g} and {horizons[1]:g} days); the log-rank tests use the whole "
            "follow-up, all else the shorter"
        )
    return notes
