"""The work on which the engine's other mechanisms and treatments are compared with the plain ones, as in `treated_agreement`.

Each work changes what is looked at, and is as small as its power allows. Patients have a body-mass index, scars and clones: the
engine's are drawn here, the plain ones draw their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from agreement_compare import Sample
from reference.plain_host import HostPatient
from reference.plain_seeds import CLONES
from reference.plain_treated import DRUGS, Regimen
from agreement_scenarios import FED
from treated_agreement import SHED, Work, engine_sample, plain_sample


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
LIVER_SIGNALS = {"inflammation_gain": 4.0, "il6_half_cells": 1e8, "obesity_il6_gain": 0.15, "il6_block": 0.9, "stat3_block": 0.9, "niche_time_days": 10.0,
                 "soil.liver": 0.2}
WORK = {
    "obesity and vesicles": HostWork(
        (Regimen("p2rx7_inhibition", 91, times=6, every_days=7), Regimen("mirna_silencing", 147, times=10, every_days=3, adherence=0.7)),
        (), SHED, {**ARRIVAL_ONLY, "obesity_senescence_gain": 1.0, "p2rx7_block": 0.9, "mirna_block": 0.9}, plain=70, bmi=37.0),
    "obesity and the liver's niche": HostWork(
        (Regimen("il6_blockade", 98, times=2, every_days=14, adherence=0.7), Regimen("stat3_blockade", 140, times=30, adherence=0.9)),
        (), SHED, {**ARRIVAL_ONLY, **LIVER_SIGNALS}, plain=90, bmi=37.0),
    "scars and clusters": HostWork(
        (), ("settled liver", *FATES), ("shed", "settled lung", "slept lung"),
        {"fibrosis_prevalence": 0.4, "fibrosis_receptivity": 0.3, "competent_share": 0.2, "cluster_share": 0.4, "cluster_potential": 3.0,
         "cluster_transit_death_factor": 0.2, "cluster_mean_cells": 3.5, "shedding_per_day": 0.016}, plain=150),
    "stem-like and mesenchymal cells": HostWork(
        (), FATES, ("shed", *SETTLED, *SLEPT_THERE),
        {"competent_share": 0.2, "stem_share": 0.4, "stem_motility": 2.0, "emt_mean": 0.55, "emt_sd": 0.25, "emt_escape_gain": 3.0, "emt_return_cost": 2.0,
         "emt_sleep_gain": 0.8, "sleep_probability": 0.5, "niche_hypoxia.liver": 0.8, "niche_hypoxia.lung": 0.1, "hypoxia_sleep_gain": 0.6,
         "shedding_per_day": 0.02}, plain=90),
    "T cells": HostWork(
        (), FATES, CELLS, {"immune_clearance_per_day": 0.08, "t_cell_decline_per_year": 0.015, "liver_drain_half_cells": 1e5,
                           "obesity_t_cell_cost": 0.6}, plain=110, bmi=37.0),
    "checkpoint inhibition": HostWork(
        (Regimen("checkpoint_inhibition", 98, times=5, every_days=14, adherence=0.8),), FATES, CELLS,
        {"immune_clearance_per_day": 0.03, "t_cell_decline_per_year": 0.01, "checkpoint_gain": 3.0, "checkpoint_shrink_per_day": 0.03,
         "jak_loss_prevalence": 0.15, "pten_loss_prevalence": 0.15, "pole_prevalence": 0.3, "pole_response_factor": 2.0}, plain=150),
    "vessels": HostWork((), FATES, CELLS, {"angiogenic_delay_days": 30.0, "liver_growth_factor": 1.6}, plain=70),
    "inflamed organs": HostWork(
        (Regimen("resection", 112),), FATES, SHED,
        {"surgery_inflammation": 1.0, "surgery_inflammation_days": 10.0, "awakening_gain": 2.0, "organ_inflammation.lung": 0.6,
         "dormancy_narrow_share": 0.0, **{k: v for k, v in LIVER_SIGNALS.items() if k != "soil.liver"}}, plain=130),
    "metastases that seed": HostWork(
        (Regimen("chemotherapy", 126, times=2, every_days=14),), (*FATES, *SETTLED, "shed", *RESISTED[:2]), ("log10 primary",),
        {"secondary_shedding_factor": 1.5, "competent_share": 0.3, "clone_potential_log_sd": 0.8, "self_seeding_share": 0.2,
         "shedding_per_day": 0.012}, plain=200),
    "cells that return": HostWork(
        (), (), ("shed", "log10 primary"), {**ARRIVAL_ONLY, "primary_capacity_cells": 2e3, "primary_gompertz_per_day": 0.01, "shedding_per_day": 0.6,
                                          "self_seeding_share": 0.5, "soil.liver": 0.1, "soil.lung": 0.1}, plain=60),
    "two drugs and stem-like cells": HostWork(
        (Regimen("chemotherapy", 91, times=6, every_days=14), Regimen("targeted_therapy", 98, times=40, every_days=2)),
        (*FATES, *RESISTED), ("log10 primary",),
        {"stem_share": 0.3, "stem_motility": 3.0, "stem_drug_resistance": 0.7, "log10_kill.targeted_therapy": 0.15, "sleeper_sparing.targeted_therapy": 0.9,
         "resistant_share.targeted_therapy": 0.2, "acquired_resistance.targeted_therapy": 0.02}, plain=150),
}


def engine_hosts(work: HostWork, seed: int = 5) -> Sample:
    """The engine's counts, of patients whose scars and clones are drawn."""
    rng = np.random.default_rng(seed)
    lanes = work.engine
    return engine_sample(work, seed, bmi=np.full(lanes, work.bmi), luck=rng.random(lanes), clone_share=rng.dirichlet([1.0] * CLONES, lanes),
                         clone_z=rng.standard_normal((lanes, CLONES)))


def plain_hosts(work: HostWork, patient_class=HostPatient, first_seed: int = 1000) -> Sample:
    """The plain patients' counts."""
    return plain_sample(work, patient_class, first_seed, bmi=work.bmi)
