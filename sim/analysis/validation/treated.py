"""Treated patients laid beside published series: survival after drugs in stage IV, and after resection of the liver.

Predicted rows: no treatment's number was fitted to them. They need the program, for the sketch treats nobody.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from sim import scenario as scenarios
from sim.analysis.natural_history import measures as m
from sim.analysis.natural_history.course import Course, of_run
from sim.analysis.validation.rows import Row, measured_row
from sim.names import DAYS_PER_YEAR
from sim.results.schema import TABLES_METASTASES
from sim.scenario.comparison import load_comparison

TABLE = "Treated patients"
YEARS = 6.0
LIVER_RESECTION_ARM = "liver resection"
MOST_RESECTED = 4
"""Surgeons of the published series cut out few metastases; who has more is not of their kind."""
SCENARIO_OF_DRUGS, SCENARIO_OF_THE_LIVER = "chemotherapy_spares_sleepers", "liver_resection"


def _run(scenario: scenarios.Scenario, patients: int, seed: int, workers: int) -> Course:
    from sim.runs.run import run_scenario

    chosen = dataclasses.replace(scenario, patients=patients, horizon_days=round(YEARS * DAYS_PER_YEAR))
    return of_run(run_scenario(chosen, seed=seed, out=None, workers=workers, tables=TABLES_METASTASES))


def resectable(course: Course) -> np.ndarray:
    """Who has one to MOST_RESECTED visible metastases at diagnosis, all in the liver, (patients,) bool."""
    place = m.places("liver")
    elsewhere = np.delete(course.visible, place, axis=1).any(axis=1)
    number = course.visible[:, place].sum(axis=1)
    return (number >= 1) & (number <= MOST_RESECTED) & ~elsewhere


def rows(patients: int, seed: int = 1, workers: int = 1) -> list[Row]:
    """Median survival of stage IV on drugs, and five-year survival after resection of liver metastases.

    Survival counts from diagnosis, in those with resected livers from that operation, of who lived until then. The
    published median (NAT112) is of a whole registry, in which not everybody had drugs; of the three series of
    resections the one in the middle stands, with the others as its ends.
    """
    drugs = _run(scenarios.load(SCENARIO_OF_DRUGS), patients, seed, workers)
    question = load_comparison(SCENARIO_OF_THE_LIVER)
    assert question is not None
    arm = next(arm for arm in question.arms if arm.name == LIVER_RESECTION_ARM)
    liver = _run(arm.scenario, patients, seed, workers)
    start = sum(plan.start_days for plan in arm.scenario.treatments)  # the liver's counts from that of the primary
    cut = resectable(liver) & (m.survival_months(liver) * m.MONTH_DAYS > start)
    five_years = (m.survival_months(liver) - start / m.MONTH_DAYS) > 60.0
    return [
        measured_row(
            "median survival on chemotherapy, primary out",
            "colorectal, with metastases at diagnosis",
            m.median_survival(drugs, m.any_at_diagnosis(drugs)),
            unit="months",
            published=12.0,
            source="NAT112",
            band_low=9.0,
            band_high=16.0,
            table=TABLE,
        ),
        measured_row(
            "alive five years after resection of liver metastases",
            f"colorectal, up to {MOST_RESECTED} metastases at diagnosis, all in the liver",
            m.share(five_years, cut),
            published=33.0,
            published_low=25.0,
            published_high=38.0,
            source="NAT055 NAT058 NAT060",
            band_low=25.0,
            band_high=40.0,
            table=TABLE,
        ),
    ]
