"""The course of a cohort from its promising cells alone: what a fit can afford, a hundred times the program's speed.

Traits of the patients are the program's own draws; a metastasis is a cell whose colony never dies out, drawn with its
sleep, its limit E ~ Exp(1) and its pace, and on its mean path E/p exp(rate x time) from then on. Left out are what the
default natural history leaves out too: metastases that shed, treatments other than cutting the primary out, and a
hazard of death from metastases below the lethal burden. The shedding integral has steps of STEP days.

Draws are keyed by patient and niche, and a niche's arrivals are a unit Poisson process on its cumulative intensity: a
little more shedding moves every arrival a little, so that what is measured moves smoothly with the parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sim.analysis.natural_history.course import METASTASES, Course
from sim.analysis.natural_history.sketch_kernels import live
from sim.catalog.parameters import LaneParameters
from sim.disease.body import own_organ_factor, route
from sim.disease.hosts import draw_hosts
from sim.disease.presentation import NO_THRESHOLD_CELLS
from sim.mechanisms.dormancy import sleep_of_site, sleeper_death_of_site
from sim.names import DAYS_PER_YEAR, LIVER, NICHES


def simulate(
    values: Mapping[str, float],
    site: str,
    age: object,
    *,
    seed: int,
    patients: int,
    horizon_days: float,
    resect_after_days: float = math.inf,
) -> Course:
    """The course of `patients` of a `site` under all parameter `values` (nulls set), followed for `horizon_days`.

    They count from the reference day. The primary is cut out so many days after diagnosis, or never. Raises
    ValueError where the sketch leaves out what the values ask for.
    """
    for name, null in (("metastatic_death_per_day", 0.0), ("secondary_shedding_factor", 0.0), ("cluster_share", 0.0)):
        if values[name] != null:
            raise ValueError(f"the sketch has no {name}: found {values[name]:g}, allowed {null:g}")
    p = LaneParameters(values, patients)
    one = LaneParameters(values, 1)
    hosts = draw_hosts(seed, np.arange(patients), [site] * patients, [age] * patients, p)
    soil = np.array([values[f"soil.{niche}"] for niche in NICHES])
    strength = route(one, [site]).arrest[0] * own_organ_factor(one, [site])[0] * soil
    pace_of_niche = np.array([values[f"niche_pace.{niche}"] for niche in NICHES])
    limit, gap = (
        math.log(values["avascular_limit_cells"]),
        math.log(values["metastasis_capacity_cells"] / values["avascular_limit_cells"]),
    )
    gompertz = values["metastasis_gompertz_per_day"]
    promising = gompertz * gap / max(values["cycling_birth_per_day"], gompertz * gap)
    level = (
        values["shedding_per_day"] * values[f"site_shedding_factor.{site}"] * values["competent_share"] * promising
    ) * hosts.frailty
    out = np.empty((patients, 9))
    visible_day, visible = np.full((patients, len(NICHES)), np.inf), np.zeros((patients, len(NICHES)))
    uniform = np.random.default_rng(seed).random(patients)
    live(
        np.uint64(seed), patients, math.log(values["primary_capacity_cells"]), values["shedding_exponent"],
        values["primary_gompertz_per_day"] * hosts.growth_factor, hosts.reference_day.astype(float), horizon_days,
        hosts.age_years, level, strength, values["il6_half_cells"], values["stat3_half_il6"],
        values["stat3_hill_exponent"], values["niche_time_days"] + values["saa_time_days"],
        values["inflammation_gain"],
        np.array([values[name] for name in ("senescence_half_age_years", "senescence_width_years",
                                            "senescent_share_maximum", "vesicle_release", "emt_shedding_gain")]),
        np.full(len(NICHES), sleep_of_site(one, [site])[0]), pace_of_niche, hosts.metastasis_growth,
        values["colony_growth_log_sd"], values["trait_truncation_sd"],
        np.array([
            *(values[f"dormancy_{name}"] for name in ("narrow_share", "narrow_scale_days", "narrow_shape",
                                                      "broad_scale_days", "broad_shape")),
            sleeper_death_of_site(one, [site])[0], *(values[f"feeding.{niche}"] for niche in NICHES),
        ]),
        np.array([limit, gap, gompertz, promising]), np.array([values[f"burden_weight.{niche}"] for niche in NICHES]),
        hosts.symptom_cells, hosts.lethal_cells, math.log(values["imaging_threshold_cells"]),
        np.array([values["other_cause_death_per_year_at_70"] / DAYS_PER_YEAR,
                  values["other_cause_death_growth_per_year"]]),
        values["primary_death_per_day"] * values[f"primary_death_factor.{site}"] * hosts.primary_danger / 1e11,
        hosts.death_threshold, uniform, resect_after_days, out, visible_day, visible,
    )  # fmt: skip
    diagnosis, resection, death, cause, last, at_diagnosis, at_end, doubling, _ = out.T
    stage = np.where(visible.any(axis=1), 3, np.where(hosts.nodes, 2, hosts.deep.astype(int)))
    return Course(
        reference_day=hosts.reference_day.astype(float),
        diagnosis_day=diagnosis,
        resection_day=resection,
        death_day=death,
        cause=cause.astype(int),
        last_day=last,
        primary_cells=hosts.diagnosis_cells,
        stage=stage,
        nodes=hosts.nodes,
        deep=hosts.deep,
        grade=hosts.grade,
        distant_nodes=hosts.distant_nodes,
        peritoneum=hosts.peritoneum,
        visible_day=visible_day,
        visible=visible,
        cells_at_diagnosis=at_diagnosis,
        cells_at_end=at_end,
        doubling_days=doubling,
    )


assert LIVER == 0 and METASTASES == 2 and NO_THRESHOLD_CELLS > 0
