"""The work on which the engine's other mechanisms and treatments are compared with the plain ones, as in `treated_agreement`.

Each work changes what is looked at, and is as small as its power allows. Patients have a body-mass index, scars and clones: the
engine's are drawn here, the plain ones draw their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

import numpy as np
from agreement_compare import Sample
from agreement_scenarios import FED
from reference.plain_host import HostPatient
from reference.plain_seeds import CLONES
from reference.plain_treated import DRUGS, Regimen
from treated_agreement import SHED, VALUES, Work, engine_sample, plain_sample


@dataclass(frozen=True)
class HostWork(Work):
    """As `Work`, of patients with a body-mass index."""

    bmi: float = 25.0


ARRIVAL_ONLY = {"sleep_probability": 1.0, "sleeper_death_per_day": 1.0}
"""Who arrives dies at once, asleep: only arrival is told, cheaply."""
FATES = tuple(f"{what} {organ}" for what in ("woke", "died_asleep", "extinct", "colonies") for organ in FED)
SETTLED, SLEPT_THERE = (tuple(f"{what} {organ}" for organ in FED) for what in ("settled", "slept"))
CELLS = tuple(f"log10 cells {organ}" for organ in FED)
RESISTED = tuple(f"{drug} resisted {organ}" for drug in DRUGS for organ in FED)
SIGNALS = {"inflammation_gain": 4.0, "il6_half_cells": 3e8, "niche_time_days": 10.0}
MARKERS = {
    "jak_loss_prevalence": 0.25,
    "pten_loss_prevalence": 0.25,
    "pole_prevalence": 0.3,
    "pole_response_factor": 2.0,
}
SMALL_LITRE = {
    "metastasis_capacity_cells": 9e3,
    "avascular_limit_cells": 3e3,
    "metastasis_gompertz_per_day": 0.1 / log(3.0),
}
"""The same net growth before the switch; an organ's metastases together are more than one can be."""
WORK = {
    "obesity and vesicles": HostWork(
        (
            Regimen("p2rx7_inhibition", 112, times=2, every_days=21, adherence=0.8),
            Regimen("mirna_silencing", 147, times=10, every_days=3, adherence=0.7),
        ),
        SETTLED,
        ("shed",),
        {**ARRIVAL_ONLY, "obesity_senescence_gain": 1.0, "p2rx7_block": 0.95, "mirna_block": 0.95},
        plain=80,
        bmi=37.0,
    ),
    "obesity and the liver's niche": HostWork(
        (
            Regimen("il6_blockade", 98, times=3, every_days=14, adherence=0.8),
            Regimen("stat3_blockade", 140, times=30, adherence=0.9),
        ),
        ("settled liver",),
        ("shed", "settled lung"),
        {**ARRIVAL_ONLY, **SIGNALS, "obesity_il6_gain": 0.2, "il6_block": 0.95, "stat3_block": 0.95, "soil.liver": 0.2},
        plain=80,
        bmi=37.0,
    ),
    "scars and clusters": HostWork(
        (),
        (*FATES, *SLEPT_THERE),
        ("shed", "settled lung"),
        {
            "fibrosis_prevalence": 0.7,
            "fibrosis_receptivity": 0.4,
            "competent_share": 0.35,
            "cluster_share": 0.4,
            "cluster_potential": 2.5,
            "cluster_transit_death_factor": 0.1,
            "cluster_mean_cells": 3.5,
            "death_per_pass": 0.3,
        },
        0.3,
        plain=110,
    ),
    "stem-like and mesenchymal cells": HostWork(
        (),
        FATES,
        ("shed", *SETTLED, *SLEPT_THERE),
        {
            "competent_share": 0.25,
            "stem_share": 0.4,
            "stem_motility": 2.0,
            "emt_mean": 0.3,
            "emt_sd": 0.4,
            "emt_reference_mean": -0.2,
            "emt_escape_gain": 4.0,
            "emt_return_cost": 3.0,
            "emt_sleep_gain": 0.8,
            "sleep_probability": 0.5,
            "niche_hypoxia.liver": 0.8,
            "niche_hypoxia.lung": 0.1,
            "hypoxia_sleep_gain": 0.6,
            "shedding_per_day": 0.02,
        },
        plain=100,
        fine_tolerance=0.06,
    ),
    "T cells": HostWork(
        (),
        FATES,
        (),
        {
            "immune_clearance_per_day": 0.08,
            "t_cell_decline_per_year": 0.015,
            "liver_drain_half_cells": 1e3,
            "obesity_t_cell_cost": 0.6,
        },
        plain=120,
        bmi=37.0,
    ),
    "checkpoint inhibition": HostWork(
        (Regimen("checkpoint_inhibition", 98, times=12, every_days=7, adherence=0.5),),
        FATES,
        CELLS,
        {
            "immune_clearance_per_day": 0.004,
            "t_cell_decline_per_year": 0.01,
            "checkpoint_gain": 4.0,
            "checkpoint_shrink_per_day": 0.06,
            **dict.fromkeys(MARKERS, 0.0),
        },
        plain=120,
        fine_tolerance=0.06,
    ),
    "markers": HostWork(
        (Regimen("checkpoint_inhibition", 98, times=3, every_days=28),),
        FATES,
        (),
        {
            **MARKERS,
            "immune_clearance_per_day": 0.02,
            "t_cell_decline_per_year": 0.01,
            "checkpoint_gain": 3.0,
            "checkpoint_shrink_per_day": 0.04,
        },
        0.24,
        plain=140,
    ),
    "vessels": HostWork(
        (),
        FATES,
        CELLS,
        {"angiogenic_delay_days": 40.0, "liver_growth_factor": 2.0, "portocaval_shunt_fraction": 0.5},
        plain=80,
    ),
    "paces": HostWork(
        (Regimen("chemotherapy", 112, times=3, every_days=14),),
        (*FATES, *SLEPT_THERE, "log10 cells liver"),
        ("log10 cells lung",),
        {
            "metastasis_growth_log_sd": 0.5,
            "colony_growth_log_sd": 0.6,
            "niche_pace.liver": 0.6,
            "niche_pace.lung": 1.5,
            "sleep_probability": 0.35,
            "site_sleep_factor.colon": 1.8,
            "site_sleeper_death_factor.colon": 0.5,
            "log10_kill.chemotherapy": 0.2,
        },
        plain=160,
        fine_tolerance=0.08,
    ),
    "inflamed organs": HostWork(
        (Regimen("resection", 112),),
        FATES,
        SHED,
        {
            **SIGNALS,
            "surgery_inflammation": 3.0,
            "surgery_inflammation_days": 10.0,
            "awakening_gain": 2.0,
            "organ_inflammation.lung": 0.6,
            "dormancy_narrow_share": 0.0,
        },
        plain=120,
    ),
    "metastases that seed": HostWork(
        (Regimen("resection", 140),),
        (*FATES, *SETTLED),
        (),
        {
            **SMALL_LITRE,
            "secondary_shedding_factor": 30.0,
            "competent_share": 0.5,
            "self_seeding_share": 0.2,
            "resection_residual_share": 0.0,
        },
        0.17,
        plain=110,
    ),
    "seeds that resist": HostWork(
        (Regimen("resection", 126), Regimen("chemotherapy", 133, times=3, every_days=7)),
        (*SETTLED, *RESISTED[1:2]),
        (),
        {
            "secondary_shedding_factor": 30.0,
            "competent_share": 0.4,
            "resection_residual_share": 0.0,
            "resistant_share.chemotherapy": 0.2,
            "metastasis_capacity_cells": 3e4,
            "avascular_limit_cells": 3e3,
            "metastasis_gompertz_per_day": 0.1 / log(10.0),
        },
        0.32,
        plain=110,
    ),
    "cells that return": HostWork(
        (),
        (),
        ("shed", "log10 primary"),
        {
            **ARRIVAL_ONLY,
            "primary_capacity_cells": 1e6,
            "primary_gompertz_per_day": 0.004,
            "shedding_per_day": 1.0,
            "self_seeding_share": 0.5,
            "competent_share": 0.1,
        },
        plain=25,
    ),
    "two drugs and stem-like cells": HostWork(
        (Regimen("chemotherapy", 91, times=6, every_days=14), Regimen("targeted_therapy", 99, times=40, every_days=2)),
        (*FATES, *RESISTED[2:]),
        ("log10 primary",),
        {
            "stem_share": 0.5,
            "stem_motility": 2.0,
            "stem_drug_resistance": 0.9,
            "log10_kill.targeted_therapy": 0.15,
            "sleeper_sparing.targeted_therapy": 0.9,
            "resistant_share.targeted_therapy": 0.2,
            "acquired_resistance.targeted_therapy": 0.02,
        },
        plain=130,
    ),
    "clones that seed": HostWork(
        (Regimen("resection", 140),),
        (*FATES, *SETTLED),
        (),
        {
            **SMALL_LITRE,
            "clone_potential_log_sd": 0.8,
            "secondary_shedding_factor": 60.0,
            "competent_share": 0.1,
            "shedding_per_day": 0.016,
            "resection_residual_share": 0.0,
        },
        0.26,
        plain=400,
    ),
    "everything": HostWork(
        (
            Regimen("p2rx7_inhibition", 84, times=3, every_days=14),
            Regimen("mirna_silencing", 112, times=60, adherence=0.5),
            Regimen("il6_blockade", 84, times=2, every_days=28),
            Regimen("stat3_blockade", 105, times=40),
            Regimen("resection", 140),
            Regimen("chemotherapy", 147, times=2, every_days=14),
            Regimen("targeted_therapy", 148, times=10, every_days=2),
            Regimen("checkpoint_inhibition", 126, times=6, every_days=7, adherence=0.7),
            Regimen("endocrine_therapy", 91, times=40, adherence=0.7),
            Regimen("senolytic", 98, times=2, every_days=14),
            Regimen("radiotherapy", 168, times=3, organ="lung"),
        ),
        (*FATES, *SETTLED, *RESISTED[1:2]),
        ("log10 primary", "shed"),
        {
            **SIGNALS,
            **SMALL_LITRE,
            **MARKERS,
            "obesity_il6_gain": 0.2,
            "obesity_senescence_gain": 0.5,
            "obesity_t_cell_cost": 0.5,
            "fibrosis_prevalence": 0.3,
            "fibrosis_receptivity": 0.6,
            "cluster_share": 0.2,
            "cluster_potential": 2.0,
            "cluster_transit_death_factor": 0.3,
            "cluster_mean_cells": 3.0,
            "stem_share": 0.5,
            "stem_motility": 1.5,
            "stem_drug_resistance": 0.7,
            "emt_mean": 0.5,
            "emt_sd": 0.3,
            "emt_escape_gain": 1.0,
            "emt_return_cost": 1.0,
            "emt_sleep_gain": 0.5,
            "niche_hypoxia.liver": 0.5,
            "hypoxia_sleep_gain": 0.3,
            "clone_potential_log_sd": 0.4,
            "secondary_shedding_factor": 10.0,
            "self_seeding_share": 0.1,
            "competent_share": 0.1,
            "shedding_per_day": 0.03,
            "immune_clearance_per_day": 0.02,
            "t_cell_decline_per_year": 0.01,
            "liver_drain_half_cells": 1e4,
            "checkpoint_gain": 1.0,
            "checkpoint_shrink_per_day": 0.02,
            "angiogenic_delay_days": 10.0,
            "liver_growth_factor": 1.3,
            "awakening_gain": 1.0,
            "organ_inflammation.lung": 0.3,
            "surgery_inflammation": 1.0,
            "resection_residual_share": 0.1,
        },
        0.35,
        plain=150,
        bmi=33.0,
    ),
}
LONG_ONLY = ("markers", "clones that seed", "everything")
"""What takes too many patients for every day."""


def at_length(work: HostWork) -> HostWork:
    """The same with so many patients that tolerances are two fifths as wide."""
    return replace(
        work,
        plain=8 * work.plain,
        engine=5 * work.engine,
        tolerance=0.4 * work.tolerance,
        fine_tolerance=0.4 * work.fine_tolerance,
    )


def engine_hosts(work: HostWork, seed: int = 5) -> Sample:
    """The engine's counts, of patients whose scars and clones are drawn."""
    rng = np.random.default_rng(seed)
    lanes = work.engine
    log_sd = (VALUES | work.changes)["metastasis_growth_log_sd"]
    return engine_sample(
        work,
        seed,
        bmi=np.full(lanes, work.bmi),
        metastasis_growth=np.exp(log_sd * np.random.default_rng([seed, 1]).standard_normal(lanes)),
        luck=rng.random(lanes),
        clone_share=rng.dirichlet([1.0] * CLONES, lanes),
        clone_z=rng.standard_normal((lanes, CLONES)),
    )


def plain_hosts(work: HostWork, patient_class=HostPatient, first_seed: int = 1000) -> Sample:
    """The plain patients' counts."""
    return plain_sample(work, patient_class, first_seed, bmi=work.bmi)
