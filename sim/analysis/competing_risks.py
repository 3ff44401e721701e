"""Incidence of metastases by organ when death may come first: the Aalen-Johansen estimator.

One minus Kaplan-Meier would treat the dead as if a metastasis were still to come. Here death is what
it is, the end of the risk: the incidence of an organ's first visible metastasis is the sum, over time,
of the share still alive and free of it times the hazard of getting it (Aalen and Johansen 1978).
Days count from diagnosis; what is visible on that day or before counts as day 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.survival import Curve, TimesToEvent, log_log_band
from sim.names import NICHES

if TYPE_CHECKING:
    import numpy.typing as npt

    from sim.results.reading import Run

CENSORED, EVENT, COMPETING = 0, 1, 2
ANY_ORGAN = "any organ"


def aalen_johansen(days: npt.ArrayLike, end: npt.ArrayLike) -> Curve:
    """Cumulative incidence of the event with a competing one, and its pointwise 95 % band.

    `days` (patients,) float >= 0; `end` (patients,) int: what ended each follow-up, 0 censored, 1 the
    event, 2 the competing event. Variance by the delta method (Greenwood's on
    1 - KM where nothing competes), bounds on the scale log(-log(1 - F)). Ties of event and competing
    event share the risk set. Without patients the curve is one step at nan.
    """
    days, end = np.asarray(days, dtype=float), np.asarray(end, dtype=int)
    count = len(days)
    times = TimesToEvent(np.arange(count), days, end == EVENT)
    if not count:
        nothing = np.full(1, np.nan)
        return Curve(np.zeros(1), nothing, nothing, nothing, 0, 0, 0.0, False, times)
    at, place = np.unique(days, return_inverse=True)
    events, ended, all_left = (
        np.bincount(place, weights=kind, minlength=len(at)) for kind in (end == EVENT, end != CENSORED, np.ones(count))
    )
    at_risk = count - np.concatenate([[0.0], np.cumsum(all_left)[:-1]])
    free = np.cumprod(1 - ended / at_risk)
    free_before = np.concatenate([[1.0], free[:-1]])
    incidence = np.cumsum(free_before * events / at_risk)
    # sum over i of (F(t) - F_i)^2 w_i, expanded so that one pass gives it for all t; w is 0 where
    # nobody is left, because F does not move after that.
    left = at_risk - ended
    w = np.divide(ended, at_risk * left, out=np.zeros(len(at)), where=left > 0)
    squares = incidence**2 * np.cumsum(w) - 2 * incidence * np.cumsum(w * incidence) + np.cumsum(w * incidence**2)
    own = np.cumsum(free_before**2 * events * (at_risk - events) / at_risk**3)
    cross = free_before * events / at_risk**2
    mixed = incidence * np.cumsum(cross) - np.cumsum(cross * incidence)
    error = np.sqrt(np.maximum(squares + own - 2 * mixed, 0.0))

    steps = events > 0
    value = np.concatenate([[0.0], incidence[steps]])
    low, high = log_log_band(1 - value, np.concatenate([[0.0], error[steps]]), count)
    return Curve(
        np.concatenate([[0.0], at[steps]]),
        value,
        1 - high,
        1 - low,
        count,
        int(events.sum()),
        float(at[-1]),
        bool(ended[-1] == all_left[-1]),
        times,
    )


def organ_incidence(run: Run, organ: str | None = None, *, after_diagnosis: bool = False) -> Curve:
    """Cumulative incidence of the first visible metastasis in `organ`, or in any; death competes.

    Everybody diagnosed is in the denominator, those metastatic at diagnosis count on day 0;
    `after_diagnosis` leaves out who had a visible metastasis anywhere on that day. Raises ValueError
    for an unknown organ.
    """
    if organ is not None and organ not in NICHES:
        raise ValueError(f"organ {organ!r} is none of {', '.join(NICHES)}")
    people = run.patients.dropna(subset=["diagnosis_day"]).set_index("patient").sort_index()
    diagnosis = people["diagnosis_day"].to_numpy(dtype=float)
    last = np.maximum(people["last_day"].to_numpy(dtype=float) - diagnosis, 0.0)
    died = people["death_day"].notna().to_numpy(dtype=bool)
    anywhere = people["first_detected_day"].to_numpy(dtype=float, na_value=np.inf) - diagnosis
    detected = anywhere
    if organ is not None:
        seen = run.metastases[["patient", "organ", "detected_day"]].dropna(subset=["detected_day"])
        first = seen[seen["organ"] == organ].groupby("patient")["detected_day"].min()
        detected = first.reindex(people.index).to_numpy(dtype=float, na_value=np.inf) - diagnosis
    if after_diagnosis:
        free = anywhere > 0
        last, died, detected = last[free], died[free], detected[free]
    found = detected <= last
    days = np.where(found, np.maximum(detected, 0.0), last)
    return aalen_johansen(days, np.where(found, EVENT, np.where(died, COMPETING, CENSORED)))


def incidence_by_organ(run: Run, *, after_diagnosis: bool = False) -> dict[str, Curve]:
    """`organ_incidence` of every organ that anybody got, most frequent at the end first."""
    curves = {organ: organ_incidence(run, organ, after_diagnosis=after_diagnosis) for organ in NICHES}
    seen = {organ: curve for organ, curve in curves.items() if curve.events}
    return dict(sorted(seen.items(), key=lambda item: -item[1].value[-1]))
