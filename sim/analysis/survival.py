"""How long patients live, and how long without a metastasis: Kaplan-Meier, log-rank, hazard of recurrence.

Days count from diagnosis. A patient's follow-up ends with death or with the horizon; those alive at
the end are censored on their last day. Metastasis-free survival and the hazard of recurrence are those
of patients without a visible metastasis on the day of diagnosis. What death does to the incidence of
metastases is in `sim.analysis.competing_risks`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.names import DAYS_PER_YEAR, TWO_SIDED_95
from sim.results.incidence import wilson_interval
from sim.results.outcomes import DIAGNOSIS

if TYPE_CHECKING:
    import numpy.typing as npt

    from sim.results.reading import Run

OVERALL, METASTASIS_FREE = "overall", "metastasis_free"
"""What ends survival: death; or death and the first visible metastasis, whichever comes first."""
EVENTS_PER_INTERVAL = 10
GRACE_DAYS = 1.0
"""A horizon in whole days ends some hours before its last year does."""


@dataclass(frozen=True)
class TimesToEvent:
    """One row a patient: days from diagnosis to the end of follow-up, and whether the event ended it.

    `patient` (patients,) int, ascending; `days` (patients,) float, >= 0; `happened` (patients,) bool,
    False where censored.
    """

    patient: np.ndarray
    days: np.ndarray
    happened: np.ndarray

    def __len__(self) -> int:
        return len(self.days)

    def of(self, chosen: np.ndarray) -> TimesToEvent:
        """The rows that are `chosen`, (patients,) bool."""
        return TimesToEvent(self.patient[chosen], self.days[chosen], self.happened[chosen])

    def at_risk(self, days: npt.ArrayLike) -> np.ndarray:
        """How many have their event or censoring on each of `days` or later; shaped as `days`.

        Who was censored up to a day before still counts: a horizon in whole days ends some hours before its last year.
        """
        return at_risk(self.days, self.happened, days)


def at_risk(ends: np.ndarray, happened: np.ndarray, days: npt.ArrayLike) -> np.ndarray:
    """As `TimesToEvent.at_risk`: `ends` (patients,) days, `happened` (patients,) bool."""
    asked = np.asarray(days, dtype=float)
    ended, censored = np.sort(ends[happened]), np.sort(ends[~happened])
    gone = np.searchsorted(ended, asked, side="left") + np.searchsorted(censored, asked - GRACE_DAYS, side="left")
    return len(ends) - gone


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval, and how many patients were at risk; nan where follow-up does not reach."""

    value: float
    low: float
    high: float
    at_risk: int


@dataclass(frozen=True)
class Curve:
    """A step function of time with a pointwise 95 % band: `value[i]` holds from `days[i]` on.

    All arrays (steps,), shares from 0 to 1; the first step is day 0. `patients` entered, `events`
    ended with the event; follow-up reaches `last_day`, and nobody is left to follow after it where
    `all_ended`.
    """

    days: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    patients: int
    events: int
    last_day: float
    all_ended: bool
    follow_up: TimesToEvent

    def at(self, day: float) -> Estimate:
        """The estimate on `day`; nan after the end of follow-up, unless nobody is left to follow."""
        at_risk = int(self.follow_up.at_risk(day)) if self.patients else 0
        if not self.patients or (day > self.last_day + GRACE_DAYS and not self.all_ended):
            return Estimate(math.nan, math.nan, math.nan, at_risk)
        step = max(int(np.searchsorted(self.days, day, side="right")) - 1, 0)
        return Estimate(float(self.value[step]), float(self.low[step]), float(self.high[step]), at_risk)


def follow_up(run: Run, kind: str = OVERALL, since: str = DIAGNOSIS) -> TimesToEvent:
    """When each patient of `run` met the end: `kind` is "overall" or "metastasis_free".

    Days count from diagnosis, of those who were diagnosed; or `since` the reference day, of all (what came before it
    counts at day 0), where arms may differ before diagnosis. Metastasis-free survival leaves out patients with a
    metastasis found by then. Raises ValueError for another kind.
    """
    if kind not in (OVERALL, METASTASIS_FREE):
        raise ValueError(f"kind {kind!r} is none of {OVERALL}, {METASTASIS_FREE}")
    people = run.patients.dropna(subset=[since]).sort_values("patient")
    diagnosis = people[since].to_numpy(dtype=float)
    last = people["last_day"].to_numpy(dtype=float) - diagnosis
    happened = people["death_day"].notna().to_numpy(dtype=bool)
    patient = people["patient"].to_numpy()
    if kind == METASTASIS_FREE:
        detected = people["first_detected_day"].to_numpy(dtype=float, na_value=np.inf) - diagnosis
        free = detected > 0
        patient, last, happened, detected = patient[free], last[free], happened[free], detected[free]
        found = detected <= last
        last, happened = np.where(found, detected, last), happened | found
    return TimesToEvent(patient, np.maximum(last, 0.0), happened)


def log_log_band(
    survival: npt.ArrayLike, standard_error: npt.ArrayLike, patients: int
) -> tuple[np.ndarray, np.ndarray]:
    """95 % bounds of a survival share on the scale log(-log S), which keeps them between 0 and 1.

    Arrays (steps,). Before the first event (S = 1) the scale has no value: Wilson's bound for no event among `patients`
    stands there; after the last one (S = 0) the upper bound of the step before stands.
    """
    survival, standard_error = (np.asarray(x, dtype=float) for x in (survival, standard_error))
    inside = (survival > 0) & (survival < 1)
    s = np.where(inside, survival, 0.5)
    width = TWO_SIDED_95 * np.where(inside, standard_error, 0.0) / (s * -np.log(s))
    low, high = (np.where(inside, s ** np.exp(sign * width), survival) for sign in (1, -1))
    return _close_ends(survival, low, high, patients)


def _close_ends(
    survival: np.ndarray, low: np.ndarray, high: np.ndarray, patients: int
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds where the log-log scale has none: see `log_log_band`."""
    low, high = low.copy(), high.copy()
    low[survival >= 1] = wilson_interval(np.float64(patients), patients)[0]
    high[survival >= 1] = 1.0
    low[survival <= 0] = 0.0
    ended = survival <= 0
    if ended.any():
        first = int(np.flatnonzero(ended)[0])
        high[first:] = high[first - 1] if first else wilson_interval(np.float64(0), patients)[1]
    return low, high


def kaplan_meier(follow_up: TimesToEvent) -> Curve:
    """The share without the event over time (Kaplan and Meier 1958), with Greenwood's error on the log-log scale.

    Without patients the curve is one step at nan.
    """
    from scipy.stats import CensoredData, ecdf

    count = len(follow_up)
    if not count:
        nothing = np.full(1, math.nan)
        return Curve(np.zeros(1), nothing, nothing, nothing, 0, 0, 0.0, False, follow_up)
    days, happened = follow_up.days, follow_up.happened
    survival = ecdf(CensoredData(uncensored=days[happened], right=days[~happened])).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # at 0 and 1, where the bounds are closed by hand
        band = survival.confidence_interval(confidence_level=0.95, method="log-log")
    steps = np.isin(survival.quantiles, days[happened])  # censoring alone moves nothing
    value = np.concatenate([[1.0], survival.probabilities[steps]])
    low, high = (np.concatenate([[1.0], part.probabilities[steps]]) for part in (band.low, band.high))
    low, high = _close_ends(value, low, high, count)
    at = np.concatenate([[0.0], survival.quantiles[steps]])
    return Curve(
        at,
        value,
        low,
        high,
        count,
        int(happened.sum()),
        float(days.max()),
        bool(happened[days == days.max()].all()),
        follow_up,
    )


def survival_curve(run: Run, kind: str = OVERALL) -> Curve:
    """Kaplan-Meier curve of `run`; `kind` as for `follow_up`."""
    return kaplan_meier(follow_up(run, kind))


def survival_at_years(run: Run, years: float = 5.0, kind: str = OVERALL) -> Estimate:
    """Share of patients who survive so many years from diagnosis, with its 95 % interval."""
    return survival_curve(run, kind).at(years * DAYS_PER_YEAR)


def median_years(curve: Curve) -> float:
    """Years until half have met the event; nan where fewer have."""
    below = np.flatnonzero(curve.value <= 0.5 + 1e-12)
    return float(curve.days[below[0]]) / DAYS_PER_YEAR if len(below) else math.nan


@dataclass(frozen=True)
class LogRank:
    """Mantel's log-rank test of two groups: standard normal statistic and two-sided p.

    The statistic is positive where the first group has more events.
    """

    statistic: float
    p_value: float


def logrank(first: TimesToEvent, second: TimesToEvent) -> LogRank:
    """Compare the event times of two groups. Without an event at which they could differ: statistic 0, p 1."""
    from scipy import stats

    if not len(first) or not len(second):
        return LogRank(0.0, 1.0)
    groups = [stats.CensoredData(uncensored=g.days[g.happened], right=g.days[~g.happened]) for g in (first, second)]
    with np.errstate(divide="ignore", invalid="ignore"):  # no event at which both groups could differ
        result = stats.logrank(*groups)
    return (
        LogRank(float(result.statistic), float(result.pvalue)) if math.isfinite(result.statistic) else LogRank(0.0, 1.0)
    )


@dataclass(frozen=True)
class Hazard:
    """Events per patient-year in consecutive intervals of time since diagnosis, with exact 95 % intervals.

    Arrays (intervals,): `start_days`, `end_days`, `events`, `patient_years`, `per_year`, `low`, `high`
    (nan where nobody was at risk). `patients` entered, `follow_up` holds their times.
    """

    start_days: np.ndarray
    end_days: np.ndarray
    events: np.ndarray
    patient_years: np.ndarray
    per_year: np.ndarray
    low: np.ndarray
    high: np.ndarray
    patients: int
    follow_up: TimesToEvent


def recurrence_hazard(run: Run, interval_years: float | None = None) -> Hazard:
    """How fast first metastases appear after diagnosis, in patients who had none; death ends the time at risk.

    Events over patient-years, interval by interval; 95 % intervals from the Poisson law (Garwood
    1936). Without `interval_years` five to twenty intervals of a round length span the follow-up, fewer
    where events are few.
    Raises ValueError where it is not positive.
    """
    from scipy.stats import chi2

    if interval_years is not None and not interval_years > 0:
        raise ValueError(f"interval_years: found {interval_years}, must be positive")
    times = follow_up(run, METASTASIS_FREE)
    recurred = _recurred(run, times)
    longest = float(times.days.max()) if len(times) else 0.0
    wanted = min(max(int(recurred.sum()) // EVENTS_PER_INTERVAL, 5), 20)
    width = DAYS_PER_YEAR * (interval_years or round_interval(longest / DAYS_PER_YEAR, wanted))
    intervals = max(1, math.ceil((longest - GRACE_DAYS) / width))
    edges = width * np.arange(intervals + 1)
    # A recurrence on the last day of an interval belongs to it: intervals are (start, end].
    events = np.bincount(
        np.clip(np.ceil(times.days[recurred] / width).astype(int) - 1, 0, intervals - 1), minlength=intervals
    )
    days = np.sort(times.days)
    sums = np.concatenate([[0.0], np.cumsum(days)])
    before = np.searchsorted(days, edges, side="right")
    lived = sums[before] + edges * (len(days) - before)  # patient-days before each edge
    lived[-1] = sums[-1]
    years = np.diff(lived) / DAYS_PER_YEAR
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(years > 0, events / years, math.nan)
        low = np.where(
            years > 0, np.where(events > 0, chi2.ppf(0.025, 2 * np.maximum(events, 1)), 0.0) / 2 / years, math.nan
        )
        high = np.where(years > 0, chi2.ppf(0.975, 2 * (events + 1)) / 2 / years, math.nan)
    return Hazard(edges[:-1], edges[1:], events, years, rate, low, high, len(times), times)


def _recurred(run: Run, times: TimesToEvent) -> np.ndarray:
    """Which of the patients of metastasis-free `times` ended with a metastasis, not with death."""
    detected = run.patients.set_index("patient")["first_detected_day"].reindex(times.patient)
    return detected.notna().to_numpy(dtype=bool) & times.happened


def round_interval(years: float, intervals: int = 20) -> float:
    """A round length, in years, of which about so many `intervals` span `years`."""
    wanted = max(years / intervals, 1 / DAYS_PER_YEAR)
    lengths = np.array([1 / DAYS_PER_YEAR, 7 / DAYS_PER_YEAR, 1 / 12, 1 / 6, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0])
    return float(lengths[np.argmin(np.abs(np.log(lengths / wanted)))])
