"""What the natural history is fitted to: published rows, with the spread that chance and the model's simplicity allow.

A target with a `value` is a row; one with only `low` or `high` is a bound that no row states (such as what nobody
carries). Rows that `sim.analysis.validation.natural_history` shows as `fitted` stand here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sim.analysis.natural_history import cohorts, two_sites
from sim.analysis.natural_history import measures as m
from sim.analysis.natural_history.fit import Target, Unknown
from sim.analysis.natural_history.values_file import blocks
from sim.catalog import load as catalogue

COLORECTAL_YEARS = 6.0

COLORECTAL: tuple[Target, ...] = (
    Target("any of four organs", 0.7, 17.07, rows=("NAT408",)),
    Target("liver", 0.7, 15.34, rows=("NAT409",)),
    Target("lung", 0.5, 5.22, rows=("NAT410",)),
    Target("bone", 0.3, 1.26, rows=("NAT411",)),
    Target("brain", 0.15, 0.29, rows=("NAT412",)),
    Target("bone given lung", 3.0, 10.0, rows=("NAT419",)),
    Target("relapse within five years", 1.2, 17.5, rows=("CRC15",)),
    Target("liver within five years", 1.0, low=11.5, high=16.0, rows=("CRC02",)),
    Target("first quartile", 1.3, 10.0, rows=("CRC20",)),
    Target("second quartile", 1.3, 17.0, rows=("CRC20",)),
    Target("third quartile", 1.0, 29.0, rows=("CRC20",)),
    Target("within three years", 2.5, 86.0, rows=("CRC20",)),
    Target("liver at relapse", 4.0, 62.0, rows=("CRC16",)),
    Target("lung at relapse", 4.0, 37.0, rows=("CRC17",)),
    Target("median survival", 0.2, 7.0, log=True, rows=("NAT044", "NAT329")),
    Target("survival of least burden", 0.3, 20.0, log=True, rows=("NAT044",)),
    Target("survival of most burden", 0.3, 4.0, log=True, rows=("NAT044",)),
    Target("dead by three years", 6.0, 79.0, rows=("NAT080",)),
    Target("alive at five years", 4.0, 10.0, rows=("NAT200", "NAT201", "NAT202")),
    Target("cancer deaths by metastases", 4.0, low=84.0),
    Target("above 1 kg", 1.0, high=3.5),
    Target("above 3 kg", 0.15, high=0.3),
    Target("visible, 95 % quantile", 8.0, high=42.0),
    Target("solitary in the liver", 2.0, low=15.0, high=37.0),
    Target("five in the liver", 5.0, low=25.0, high=60.0),
    Target("doubling days", 0.15, low=75.0, high=140.0, log=True, rows=("GRO01", "GRO02")),
    Target("doubling log-SD", 0.06, low=0.38, high=0.7, rows=("GRO01", "GRO02")),
    Target("sojourn", 0.3, 5.0, rows=("NAT069",)),
)
"""Lung at relapse and lung at diagnosis pull apart: their SDs say how much each counts."""


def measure_colorectal(values: Mapping[str, float], patients: int, seed: int) -> dict[str, float]:
    """The measures of COLORECTAL, by the sketch of both arms."""
    untreated = cohorts.sketched("colorectal", False, patients, seed, COLORECTAL_YEARS, values)
    operated = cohorts.sketched("colorectal", True, patients, seed, cohorts.OPERATED_YEARS, values)
    months = m.relapse_months(operated)
    liver = m.any_at_diagnosis(operated, "liver")
    fifths = m.by_burden(operated, liver, 5)
    clean = ~m.any_at_diagnosis(untreated)
    doubling, log_sd = m.doubling(operated)
    out = {
        "any of four organs": m.at_diagnosis(untreated, *m.FOUR_ORGANS),
        **{organ: m.at_diagnosis(untreated, organ) for organ in m.FOUR_ORGANS},
        "bone given lung": m.share(m.any_at_diagnosis(untreated, "bone"), m.any_at_diagnosis(untreated, "lung")),
        "relapse within five years": m.relapsed(operated, 5.0),
        "liver within five years": m.relapsed(operated, 5.0, "liver"),
        "first quartile": m.relapse_quantile(operated, 0.25),
        "second quartile": m.relapse_quantile(operated, 0.5),
        "third quartile": m.relapse_quantile(operated, 0.75),
        "within three years": m.share(months <= 36.0, months <= 60.0),
        "liver at relapse": m.organ_at_relapse(operated, "liver"),
        "lung at relapse": m.organ_at_relapse(operated, "lung"),
        "median survival": m.median_survival(operated, liver),
        "survival of least burden": fifths[0],
        "survival of most burden": fifths[-1],
        "dead by three years": m.dead_within(untreated, 3.0, clean),
        "alive at five years": (100.0 - m.dead_within(untreated, 5.0, clean)[0], math.nan, math.nan),
        "cancer deaths by metastases": m.cancer_deaths_by_metastases(operated),
        "above 1 kg": m.heavier_at_diagnosis(untreated, 1.0),
        "above 3 kg": max(m.heavier_ever(untreated, 3.0), m.heavier_ever(operated, 3.0)),
        "visible, 95 % quantile": m.number_at_diagnosis(untreated, 0.95),
        "solitary in the liver": m.liver_number(untreated, lambda n: n == 1),
        "five in the liver": m.liver_number(untreated, lambda n: n >= 5),
        "doubling days": doubling,
        "sojourn": m.sojourn_years(untreated, {**cohorts.scenario_of("colon", False).effective(), **values}),
    }
    return {name: found[0] for name, found in out.items()} | {"doubling log-SD": log_sd}


SITE_TARGETS: Mapping[str, tuple[Target, ...]] = {
    "pancreas": (
        Target("any", 0.1, low=42.0, high=52.0, log=True, rows=("NAT041",)),
        Target("liver", 0.06, 39.96, log=True, rows=("NAT002",)),
        Target("lung", 0.15, 11.19, log=True, rows=("NAT038",)),
        Target("alive at 1 years", 2.5, 9.6, rows=("NAT206",)),
        Target("median of the metastatic", 0.3, 2.5, log=True, rows=("NAT207",)),
        Target("above 1 kg", 2.0, high=4.0),
    ),
    "stomach": (
        Target("any", 0.05, 26.0, log=True, rows=("NAT095", "NAT096")),
        Target("liver", 0.1, 16.89, log=True, rows=("NAT102",)),
        Target("median", 0.2, low=6.0, high=14.0, log=True, rows=("NAT101",)),
        Target("above 1 kg", 2.0, high=4.0),
    ),
}
SITE_YEARS = 10.0


def measure_site(site: str, values: Mapping[str, float], patients: int, seed: int) -> dict[str, float]:
    """The measures of SITE_TARGETS of a site, by the sketch."""
    course = cohorts.sketched(site, False, patients, seed, SITE_YEARS, values)
    months, with_any = m.survival_months(course), m.any_at_diagnosis(course)
    out = {"any": m.at_diagnosis(course)[0]}
    # A quarter of a patient is added: nobody among so few is not never.
    out |= {organ: m.at_diagnosis(course, organ)[0] + 25.0 / patients for organ in m.FOUR_ORGANS}
    out["alive at 1 years"] = 100.0 * float(np.mean(months > 12.0))
    out["median"] = float(np.median(months))
    out["median of the metastatic"] = float(np.median(months[with_any])) if with_any.any() else math.nan
    out["above 1 kg"] = m.heavier_at_diagnosis(course, 1.0)[0]
    return out


SHARED = (
    "frailty_log_sd", "shedding_exponent", "primary_gompertz_per_day", "diagnosis_log_sd",
    "metastasis_gompertz_per_day", "metastasis_growth_log_sd", "colony_growth_log_sd",
    "growth_correlation", "niche_pace.lung", "symptom_cells",
    "symptom_log_sd", "lethal_factor", "primary_death_per_day", "primary_danger_log_sd", "imaging_threshold_cells",
    "metastatic_share.colon",
)  # fmt: skip
STRENGTHS = {"colorectal": ("site_shedding_factor.colon", "soil.lung")}
"""What the organs' fit owns, moved here within its own uncertainty: their values become its `known_strength`."""
STRENGTH_LOG_SD = {"site_shedding_factor": 0.45, "soil": 0.7}
OF_TWO_SITES = "breast and lung"
"""The part of the fit that moves both sites at once (`sim.analysis.natural_history.two_sites`)."""
LEAST_SHARE = {"colon": 0.35, "breast": 0.5, "lung": 0.4, "pancreas": 0.6, "stomach": 0.38}
"""Nobody with metastases at autopsy was unable: the largest share of an organ in the site's autopsies, and a little."""
SHARES = ("metastatic_share",)
PLAIN = ("growth_correlation",)


def unknowns(site: str) -> list[Unknown]:
    """What is fitted on a part's cohorts, with the catalogue's value as start, its range as limits, and its prior."""
    names: tuple[str, ...]
    if site == OF_TWO_SITES:
        names = two_sites.UNKNOWNS
    else:
        names = SHARED if site == "colorectal" else tuple(f"{name}.{site}" for name in two_sites.OF_A_SITE)
    known, found = catalogue(), blocks()
    out = []
    for name in (*names, *STRENGTHS.get(site, ())):
        parameter, head = known[name], name.partition(".")[0]
        kind = "share" if head in SHARES else "plain" if head in PLAIN else "log"
        block = found.get(head, {})
        prior, sd = block.get("prior"), float(block.get("prior_log_sd", 1.0))
        if isinstance(prior, Mapping):  # by site
            prior = prior.get(name.partition(".")[2])
        if head in STRENGTH_LOG_SD and site != OF_TWO_SITES:  # whose autopsies are among the targets
            prior, sd = parameter.value, STRENGTH_LOG_SD[head]
        high = min(parameter.high, 0.98) if kind == "share" else parameter.high
        low = high / 30.0 if kind == "log" and parameter.low <= 0.0 else parameter.low
        if head == "metastatic_share":
            low = LEAST_SHARE[name.partition(".")[2]]
        out.append(Unknown(name, min(max(parameter.value, low), high), low, high, prior, sd, kind))
    return out
