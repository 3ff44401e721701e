"""When patients first get a visible metastasis, and how long they live: what curve and summary share.

Times are years since diagnosis, negative before it. Everybody diagnosed stays in the denominator, the
dead too (death is a competing event): follow-up ends early for no other reason than the horizon.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.names import DAYS_PER_YEAR, NICHES, TWO_SIDED_95

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from sim.results.reading import Run


def follow_up_years(run: Run) -> pd.Series:
    """Years from diagnosis to each diagnosed patient's last day: series by patient, in years."""
    people = run.patients.dropna(subset=["diagnosis_day"]).set_index("patient")
    return (people["last_day"] - people["diagnosis_day"]).astype(float) / DAYS_PER_YEAR


def follow_up(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Of each diagnosed patient: days from diagnosis to the last day, and whether death ended it; (patients,) each."""
    people = run.patients.dropna(subset=["diagnosis_day"])
    days = (people["last_day"] - people["diagnosis_day"]).to_numpy(dtype=float)
    return days, people["death_day"].notna().to_numpy(dtype=bool)


def first_detection_years(run: Run) -> dict:
    """For every organ a sorted array, in years: the first visible metastasis of each patient who got one.

    Organs in the order of the contract; a patient counts once an organ, at the first colony to cross
    the detection threshold in life. An organ that nobody got has an empty array.
    """
    import numpy as np

    diagnosis_day = run.patients.set_index("patient")["diagnosis_day"].dropna()
    seen = run.metastases.dropna(subset=["detected_day"])
    first_day = seen.groupby(["organ", "patient"])["detected_day"].min().reset_index()
    first_day = first_day[first_day["patient"].isin(diagnosis_day.index)]
    since_days = first_day["detected_day"].to_numpy(dtype=float) - diagnosis_day.loc[first_day["patient"]].to_numpy(
        dtype=float
    )
    organ = first_day["organ"].to_numpy(dtype=object)
    years = since_days / DAYS_PER_YEAR
    return {name: np.sort(years[organ == name]) for name in NICHES}


def first_in_any_organ(run: Run) -> np.ndarray:
    """Sorted years from diagnosis to each patient's first visible metastasis in whatever organ."""
    import numpy as np

    people = run.patients.set_index("patient")
    seen = run.metastases.dropna(subset=["detected_day"])
    first_day = seen.groupby("patient")["detected_day"].min()
    since_days = (first_day - people["diagnosis_day"].reindex(first_day.index)).dropna()
    return np.sort(since_days.to_numpy(dtype=float)) / DAYS_PER_YEAR


def wilson_interval(successes: npt.ArrayLike, trials: int) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of a share: (low, high) as shares, shaped as `successes`; (0, 1) without trials."""
    import numpy as np

    successes = np.asarray(successes, dtype=float)
    if trials == 0:
        return np.zeros_like(successes), np.ones_like(successes)
    share, z2 = successes / trials, TWO_SIDED_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = TWO_SIDED_95 / (1 + z2 / trials) * np.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)


def median_survival_years(run: Run) -> float:
    """Kaplan-Meier median of survival from diagnosis, in years; nan where fewer than half have died."""
    import numpy as np

    years = follow_up_years(run)
    dead = run.patients.set_index("patient")["death_day"].notna().loc[years.index].to_numpy(dtype=bool)
    order = np.lexsort((~dead, years.to_numpy()))  # at a tie deaths come first
    years, dead = years.to_numpy()[order], dead[order]
    alive = np.cumprod(1 - dead / np.arange(len(years), 0, -1))
    below = np.flatnonzero(alive <= 0.5 + 1e-12)
    return float(years[below[0]]) if len(below) else math.nan


def horizon_years(run: Run) -> float:
    """The horizon of the scenario, in years after diagnosis."""
    return float(run.manifest["scenario"]["horizon_days"]) / DAYS_PER_YEAR


def threshold_cells(run: Run) -> float | None:
    """The size in cells from which this run calls a colony a macrometastasis; None where it is not recorded."""
    scenario = run.manifest["scenario"]
    parameter = scenario.get("parameters", {}).get(f"{scenario.get('observe', 'imaging')}_threshold_cells")
    return float(parameter["value"]) if parameter else None


def changes_text(run: Run, most: int | None = None) -> str:
    """What sets this run apart from the plain model: mechanisms not as by default, parameters that were overridden.

    At most `most` of these parameters are named, the others counted.
    """
    from sim.mechanisms import default_states

    scenario = run.manifest["scenario"]
    default = default_states()
    switched = {name: on for name, on in scenario.get("mechanisms", {}).items() if on != default.get(name, False)}
    off, new = ([name for name, on in switched.items() if on == state] for state in (False, True))
    overrides = scenario.get("overrides", {})
    changed = [f"{name} = {override['value']:g}" for name, override in list(overrides.items())[:most]]
    if len(overrides) > len(changed):
        changed.append(f"and {len(overrides) - len(changed)} more parameters")
    return "; ".join(
        [
            *([f"off: {', '.join(off)}"] if off else []),
            *([f"on: {', '.join(new)}"] if new else []),
            *([f"set: {', '.join(changed)}"] if changed else []),
        ]
    )


def patients_text(run: Run) -> str:
    """How many patients the run holds, as text, and of how many where it was interrupted."""
    finished, asked = run.manifest["patients_finished"], run.manifest["patients"]
    if run.manifest["status"] == "interrupted":
        return f"{finished:,} of {asked:,} patients"
    return "1 patient" if finished == 1 else f"{finished:,} patients"
