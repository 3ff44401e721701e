"""What published tables count, measured on courses: shares, quartiles, medians and sizes.

Shares are crude (the dead stay in the denominator) unless said otherwise. A relapse counts from the resection; it is
found at six-monthly visits, the first within half a year, by what imaging sees on that day; what is found within
SYNCHRONOUS_DAYS of diagnosis is synchronous. A measure is (value, low, high): low and high are the 95 % interval of the
simulation's own chance, nan where none is given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np

from sim.analysis.cox import cox
from sim.analysis.natural_history.course import METASTASES, OTHER, PRIMARY, Course
from sim.analysis.validation.rows import wilson
from sim.disease.growth import gompertz_days
from sim.names import DAYS_PER_YEAR, NICHES

Measure = tuple[float, float, float]
SYNCHRONOUS_DAYS = 90.0
"""Found so soon after diagnosis is synchronous; 0 and 180 as sensitivity."""
VISIT_DAYS = DAYS_PER_YEAR / 2
GOLDEN = 0.6180339887498949
"""Visits of different patients fall on different days of the half year; multiples of this spread them evenly."""
MONTH_DAYS = DAYS_PER_YEAR / 12
CELLS_PER_KG = 1e12
"""At 10^9 cells a gram, the textbook figure (GRO08 argues for a tenth)."""
SMALLEST_SEEN_CELLS = 6.5e7
"""A primary of 5 mm at 10^9 cells a cm3, which endoscopy finds: from there on the sojourn counts."""
FOUR_ORGANS = ("liver", "lung", "bone", "brain")
_PLACE = {name: place for place, name in enumerate(NICHES)}


def places(*organs: str) -> list[int]:
    """Columns of organs in arrays by niche."""
    return [_PLACE[organ] for organ in organs]


def share(chosen: np.ndarray, of: np.ndarray | None = None) -> Measure:
    """Per cent of patients (bool arrays), with Wilson's interval; nan of nobody."""
    at_risk = np.ones(len(chosen), dtype=bool) if of is None else of
    number, hits = int(at_risk.sum()), int((chosen & at_risk).sum())
    if not number:
        return math.nan, math.nan, math.nan
    low, high = wilson(hits, number)
    return 100.0 * hits / number, 100.0 * low, 100.0 * high


def quantile(values: np.ndarray, q: float, weight: float = 1.0) -> Measure:
    """A quantile of the finite or infinite `values`, with the interval of order statistics; nan where too few."""
    values = np.sort(values[~np.isnan(values)]) * weight
    number = len(values)
    if number < 5:
        return math.nan, math.nan, math.nan
    spread = 1.96 * math.sqrt(number * q * (1.0 - q))

    def at(rank: float) -> float:
        return float(values[int(np.clip(rank, 0, number - 1))])

    return at(number * q), at(number * q - spread), at(number * q + spread)


def diagnosed(course: Course) -> np.ndarray:
    """Who was diagnosed in life, (patients,) bool."""
    return np.isfinite(course.diagnosis_day) & (course.diagnosis_day <= course.last_day)


def any_at_diagnosis(course: Course, *organs: str) -> np.ndarray:
    """Who has a visible metastasis in one of the organs (all niches by default) at diagnosis, (patients,) bool."""
    columns = places(*organs) if organs else slice(None)
    return np.asarray((course.visible[:, columns] > 0).any(axis=1))


def at_diagnosis(course: Course, *organs: str) -> Measure:
    """Share of the diagnosed with a visible metastasis in one of the organs."""
    return share(any_at_diagnosis(course, *organs), diagnosed(course))


def found_day(course: Course, *organs: str) -> np.ndarray:
    """Day on which visits find the first metastasis of the organs (all by default), inf for none, (patients,)."""
    columns = places(*organs) if organs else slice(None)
    day = course.visible_day[:, columns].min(axis=1)
    start = course.resection_day
    phase = ((np.arange(len(course)) + 1) * GOLDEN) % 1.0
    with np.errstate(invalid="ignore"):
        visit = start + VISIT_DAYS * (np.ceil(np.maximum(day - start, 0.0) / VISIT_DAYS - phase) + phase)
    found = np.where(day <= start, day, visit)
    return np.where(found <= course.last_day, found, np.inf)


def operated_free(course: Course) -> np.ndarray:
    """Who was operated on and had no synchronous metastasis, (patients,) bool."""
    early = course.visible_day.min(axis=1) <= course.diagnosis_day + SYNCHRONOUS_DAYS
    return np.isfinite(course.resection_day) & ~early


def relapse_months(course: Course, *organs: str) -> np.ndarray:
    """Months from resection to relapse, inf for none, nan for who was not at risk; (patients,)."""
    with np.errstate(invalid="ignore"):
        months = (found_day(course, *organs) - course.resection_day) / MONTH_DAYS
    return np.where(operated_free(course), months, np.nan)


def relapsed(course: Course, years: float, *organs: str) -> Measure:
    """Share of the operated without synchronous metastases who relapse within so many years."""
    months = relapse_months(course, *organs)
    return share(months <= 12.0 * years, ~np.isnan(months))


def relapse_quantile(course: Course, q: float, years: float = 5.0) -> Measure:
    """A quantile of the months to relapse, of those who relapse within so many years."""
    months = relapse_months(course)
    return quantile(months[months <= 12.0 * years], q)


def organ_at_relapse(course: Course, organ: str, years: float = 5.0) -> Measure:
    """Share of those who relapse within so many years in whom imaging sees the organ's metastases at that visit."""
    months = relapse_months(course)
    seen = course.visible_day[:, _PLACE[organ]] <= found_day(course)
    return share(seen, months <= 12.0 * years)


def survival_months(course: Course) -> np.ndarray:
    """Months from diagnosis to death, inf for those alive at the end of follow-up, (patients,)."""
    return (course.death_day - course.diagnosis_day) / MONTH_DAYS


def median_survival(course: Course, chosen: np.ndarray) -> Measure:
    """Median months from diagnosis to death of the chosen; inf where more than half live on."""
    return quantile(survival_months(course)[chosen], 0.5)


def dead_within(course: Course, years: float, chosen: np.ndarray) -> Measure:
    """Share of the chosen who have died within so many years of diagnosis."""
    return share(survival_months(course) <= 12.0 * years, chosen)


def by_burden(course: Course, chosen: np.ndarray, groups: int = 3) -> list[Measure]:
    """Median survival in groups of rising burden at diagnosis."""
    burden = np.where(chosen, course.cells_at_diagnosis, np.nan)
    edges = np.nanquantile(burden, np.linspace(0.0, 1.0, groups + 1)) if chosen.any() else np.zeros(groups + 1)
    return [
        median_survival(course, chosen & (burden >= low) & (burden <= high)) for low, high in itertools.pairwise(edges)
    ]


def cancer_deaths_by_metastases(course: Course) -> Measure:
    """Of the operated who die of their cancer, the share who die of metastases."""
    operated = np.isfinite(course.resection_day)
    return share(course.cause == METASTASES, operated & ((course.cause == METASTASES) | (course.cause == PRIMARY)))


def heavier_at_diagnosis(course: Course, kilograms: float) -> Measure:
    """Of those with visible metastases at diagnosis, the share whose metastases weigh more."""
    return share(course.cells_at_diagnosis > kilograms * CELLS_PER_KG, any_at_diagnosis(course))


def heavier_ever(course: Course, kilograms: float) -> Measure:
    """Share of all patients whose metastases weigh more at the end of their follow-up."""
    return share(course.cells_at_end > kilograms * CELLS_PER_KG)


def number_at_diagnosis(course: Course, q: float) -> Measure:
    """A quantile of the number of visible metastases, of those with any at diagnosis."""
    return quantile(course.visible.sum(axis=1)[any_at_diagnosis(course)], q)


def liver_number(course: Course, condition: Callable[[np.ndarray], np.ndarray]) -> Measure:
    """Of those with liver metastases at diagnosis, the share whose number meets the condition."""
    number = course.visible[:, 0]
    return share(condition(number), number > 0)


def doubling(course: Course) -> tuple[Measure, float]:
    """Mean doubling time (days) of the largest metastasis a patient when found, with its interval, and its log-SD."""
    days = course.doubling_days[np.isfinite(course.doubling_days)]
    if len(days) < 5:
        return (math.nan,) * 3, math.nan
    mean, error = float(days.mean()), 1.96 * float(days.std()) / math.sqrt(len(days))
    return (mean, mean - error, mean + error), float(np.log(days).std())


def found_at_death(course: Course) -> Measure:
    """Share found at death, of all patients."""
    return share(~diagnosed(course))


def stage_share(course: Course, stage: int) -> Measure:
    """Share of the diagnosed in a stage (0 to 3)."""
    return share(course.stage == stage, diagnosed(course))


def relapsed_by_stage(course: Course, stage: int, years: float = 5.0) -> Measure:
    """Share of the operated of a stage who relapse within so many years."""
    months = relapse_months(course)
    return share(months <= 12.0 * years, ~np.isnan(months) & (course.stage == stage))


def died_of_other_causes(course: Course) -> np.ndarray:
    """Who died of other causes, (patients,) bool."""
    return course.cause == OTHER


def sojourn_years(course: Course, values: Mapping[str, float]) -> Measure:
    """Mean years in which a primary of 5 mm grows to its size at diagnosis, under all parameter `values`."""
    capacity, rate = values["primary_capacity_cells"], values["primary_gompertz_per_day"]
    # The patient's own rate follows from the day on which their tumour has its size.
    size = np.maximum(course.primary_cells, SMALLEST_SEEN_CELLS)
    day = np.where(np.isfinite(course.diagnosis_day), course.diagnosis_day, course.reference_day)
    own = gompertz_days(1.0, np.maximum(size, 2.0), capacity, rate) / np.maximum(day, 1.0)
    years = gompertz_days(SMALLEST_SEEN_CELLS, size, capacity, rate) / own / DAYS_PER_YEAR
    years = years[np.isfinite(years)]
    error = 1.96 * float(years.std()) / math.sqrt(len(years))
    return float(years.mean()), float(years.mean()) - error, float(years.mean()) + error


def any_distant(course: Course) -> Measure:
    """Share of the diagnosed with any distant metastasis: blood-borne and visible, or observed nodes or peritoneum."""
    return share(any_at_diagnosis(course) | course.distant_nodes | course.peritoneum, diagnosed(course))


def grade_hazard_ratio(course: Course, years: float = 5.0) -> Measure:
    """Hazard of relapse of grade 3 beside 1 and 2, adjusted for T and N: of the operated, within so many years."""
    at_risk = operated_free(course)
    months = relapse_months(course)[at_risk]
    last = np.minimum((course.last_day - course.resection_day)[at_risk] / MONTH_DAYS, 12.0 * years)
    seen = np.column_stack([course.grade == 3, course.deep, course.nodes])[at_risk].astype(float)
    log_ratio, error = cox(np.minimum(months, last), months <= last, seen)
    low, high = log_ratio[0] - 1.96 * error[0], log_ratio[0] + 1.96 * error[0]
    return math.exp(log_ratio[0]), math.exp(low), math.exp(high)
