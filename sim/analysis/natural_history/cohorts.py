"""The cohorts that published tables are laid beside: default scenarios, untreated or operated on.

Colorectal tables hold cancers of colon and rectum: RECTAL_SHARE of the patients run with the rectum's drainage.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sim import scenario as scenarios
from sim.analysis.natural_history.course import Course, of_run, together
from sim.analysis.natural_history.sketch import simulate
from sim.names import DAYS_PER_YEAR
from sim.results.schema import TABLES_METASTASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.scenario import Scenario

RECTAL_SHARE = 0.3
"""Of colorectal cancers, about three in ten are rectal."""
UNTREATED_YEARS, OPERATED_YEARS = 5.0, 10.0
RESECT_AFTER_DAYS = 28.0
SITES = ("breast", "lung", "pancreas", "stomach")
"""Sites with data of their own, beside colon and rectum; each has a scenario of its name."""


def scenario_of(site: str, operated: bool, old: bool = False) -> Scenario:
    """The default scenario of a site; operated on, that of `surgery_alone` with the site's primary and age.

    `old` asks for patients of series before 1945, the site's autopsy scenario as imaging would see it.
    """
    if old:
        return dataclasses.replace(scenarios.load(f"autopsy/{site}"), observe="imaging")
    plain = scenarios.load(site if site in SITES else "colorectal")
    if operated:
        plain = dataclasses.replace(scenarios.load("surgery_alone"), age=plain.age)
    return dataclasses.replace(plain, primary=site)


def _parts(site: str, patients: int) -> list[tuple[str, int]]:
    if site != "colorectal":
        return [(site, patients)]
    rectal = round(RECTAL_SHARE * patients)
    return [("colon", patients - rectal), ("rectum", rectal)]


def simulated(
    site: str,
    operated: bool,
    patients: int,
    seed: int,
    years: float | None = None,
    workers: int = 1,
    old: bool = False,
) -> Course:
    """The course of a cohort by the program, followed for `years` (or as it says); `site` may be "colorectal"."""
    from sim.runs.run import run_scenario

    found = []
    for part, number in _parts(site, patients):
        chosen = dataclasses.replace(scenario_of(part, operated, old), patients=number)
        if years is not None:
            chosen = dataclasses.replace(chosen, horizon_days=round(years * DAYS_PER_YEAR))
        found.append(of_run(run_scenario(chosen, seed=seed, out=None, workers=workers, tables=TABLES_METASTASES)))
    return together(*found)


def sketched(
    site: str,
    operated: bool,
    patients: int,
    seed: int,
    years: float,
    values: Mapping[str, float] | None = None,
    old: bool = False,
) -> Course:
    """The same by the sketch; `values` are put over the scenario's own, a colon's over those of the rectum too."""
    found = []
    for part, number in _parts(site, patients):
        chosen = scenario_of(part, operated, old)
        all_values = dict(chosen.effective()) | dict(values or {})
        if part == "rectum":
            for name in OF_THE_COLON:
                all_values[f"{name}.rectum"] = all_values[f"{name}.colon"]
        after = RESECT_AFTER_DAYS if operated else float("inf")
        found.append(
            simulate(
                all_values,
                part,
                chosen.age,
                seed=seed,
                patients=number,
                horizon_days=years * DAYS_PER_YEAR,
                resect_after_days=after,
            )
        )
    return together(*found)


OF_THE_COLON = ("site_shedding_factor", "metastatic_share")
"""What the rectum has as the colon: no row tells them apart."""
