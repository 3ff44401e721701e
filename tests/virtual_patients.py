"""Small cohorts whose parameters are pinned, so that no calibration of the catalogue moves a test."""

from types import SimpleNamespace

import numpy as np

from sim import catalog
from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import Hosts, draw_hosts
from sim.mechanisms import REGISTRY, default_states, effective_parameters
from sim.model import MetastasisModel
from sim.names import NICHES, SITES, VEINS

AGE = SimpleNamespace(mean_years=67.0, sd_years=11.0, low_years=30.0, high_years=95.0)

WHOLE_VEIN = {"colon": "portal", "stomach": "portal", "pancreas": "portal", "lung": "pulmonary_venous"}
"""Each primary by one vein, the vena cava where none is named: small circuits are then solved by hand."""

SITE_FACTORS = (
    "site_primary_pace",
    "site_diagnosis_factor",
    "site_metastasis_pace",
    "site_sleep_factor",
    "site_sleeper_death_factor",
)
PLAIN_ILLNESS = {
    **{f"metastatic_share.{site}": 1.0 for site in SITES},
    **{f"{factor}.{site}": 1.0 for factor in SITE_FACTORS for site in SITES},
    **{f"niche_pace.{niche}": 1.0 for niche in NICHES},
    "metastasis_growth_log_sd": 0.0, "growth_correlation": 0.0, "colony_growth_log_sd": 0.0,
    "symptom_cells": 1e18, "symptom_log_sd": 0.0, "lethal_factor": 2.0, "lethal_log_sd": 0.5, "primary_danger_log_sd": 0.0,
    "imaging_threshold_cells": 1e9,
}  # fmt: skip
"""Every law of the natural history at its null: everybody can metastasise, metastases grow alike, none makes symptoms."""

PLAIN_SIZES = {
    "shedding_per_day": 3.674, "shedding_exponent": 0.66, "primary_gompertz_per_day": 0.0005, "primary_capacity_cells": 1e12,
    "diagnosis_median_cells": 1.5e10, "diagnosis_log_sd": 1.0, "metastasis_gompertz_per_day": 0.0013,
    "metastasis_capacity_cells": 1e12, "site_shedding_factor.colon": 0.09, "primary_death_per_day": 0.005,
    "metastatic_death_per_day": 0.01,
}  # fmt: skip
"""Sizes and rates of that illness, which no calibration moves."""


def plainly(*settings: str) -> list[str]:
    """What `--set` takes for a scenario of the plain illness, with these settings over it."""
    named = dict(text.split("=") for text in settings)
    plain = {name: repr(value) for name, value in (PLAIN_ILLNESS | PLAIN_SIZES).items()}
    return [f"{name}={value}" for name, value in (plain | named).items()]


PINNED = {
    **PLAIN_ILLNESS,
    **{f"drainage.{site}.{vein}": float(vein == WHOLE_VEIN.get(site, "caval")) for site in SITES for vein in VEINS},
    **{f"soil.{niche}": 0.1 for niche in NICHES},
    **{f"arrest_probability.{bed}": 0.5 for bed in ("liver", "lung", "other")},
    **{f"feeding.{niche}": 1.0 for niche in NICHES},
    "death_per_pass": 0.05, "portocaval_shunt_fraction": 0.0, "hepatic_artery_compensation": 0.0,
    "competent_share": 1e-3, "shedding_per_day": 3.0, "shedding_exponent": 0.66, "site_shedding_factor.colon": 1.0,
    "frailty_log_sd": 0.0, "growth_log_sd": 0.0, "diagnosis_log_sd": 0.0,
    "primary_gompertz_per_day": 0.02, "primary_capacity_cells": 1e7, "diagnosis_median_cells": 1e6,
    "sleep_probability": 0.5, "sleeper_death_per_day": 0.002,
    "dormancy_narrow_share": 0.3, "dormancy_narrow_scale_days": 60.0, "dormancy_narrow_shape": 4.0,
    "dormancy_broad_scale_days": 200.0, "dormancy_broad_shape": 1.0,
    "cycling_birth_per_day": 1.0, "metastasis_gompertz_per_day": 0.01, "metastasis_capacity_cells": 1e9,
    "avascular_limit_cells": 1e5, "colony_noise": 0.1,
    "other_cause_death_per_year_at_70": 0.0, "primary_death_per_day": 0.0, "metastatic_death_per_day": 0.0,
}  # fmt: skip
"""A fast disease without death: about 130 days to diagnosis; no frailty."""

NOTHING_ACTS = {"inflammation_gain": 0.0, "vesicle_release": 0.0}
"""Constant rates: neither inflammation nor vesicles."""


def values(**overrides) -> dict[str, float]:
    """All parameters: the catalogue's with the mechanisms in their default states, then the pinned ones, then the overrides (`__` for a dot in a name)."""
    out = (
        effective_parameters({name: parameter.value for name, parameter in catalog.load().items()}, default_states())
        | PINNED
    )
    for name, value in overrides.items():
        name = name.replace("__", ".")
        assert name in out, name
        out[name] = value
    return out


def off(*names: str) -> dict[str, float]:
    """Overrides that switch mechanisms off, as keyword arguments of `values`."""
    return {name.replace(".", "__"): value for mechanism in names for name, value in REGISTRY[mechanism].null.items()}


def on(*names: str) -> dict[str, float]:
    """Overrides that switch mechanisms on with the catalogue's values, as keyword arguments of `values`."""
    return {
        name.replace(".", "__"): catalog.load()[name].value for mechanism in names for name in REGISTRY[mechanism].null
    }


def plain_hosts(
    lanes: int, *, site: str = "colon", diagnosis_day: int = 0, frailty=1.0, first_patient: int = 0
) -> Hosts:
    """Equal patients, diagnosed on one day; shape (lanes,)."""
    ones = np.ones(lanes)
    return Hosts(
        patient=np.arange(first_patient, first_patient + lanes), site=np.array([site] * lanes), age_years=67.0 * ones,
        growth_factor=ones, frailty=frailty * ones, diagnosis_cells=1e6 * ones,
        diagnosis_day=np.full(lanes, diagnosis_day), death_threshold=1e9 * ones,
    )  # fmt: skip


def plain_model(lanes: int, days: int, *, seed: int = 1, site: str = "colon", model=MetastasisModel, frailty=1.0,
                keep_seeds: bool = False, output_every_days: int = 28, **overrides):  # fmt: skip
    """A model of equal patients who are followed for `days` from the first cell on, not yet run."""
    parameters = LaneParameters(values(**overrides), lanes)
    return model(plain_hosts(lanes, site=site, frailty=frailty), parameters, seed=seed, horizon_days=days, visible_cells=1e8,
                 keep_seeds=keep_seeds, output_every_days=output_every_days, collect=False)  # fmt: skip


def drawn_model(patients, arms, *, seed: int = 1, site: str = "colon", horizon_days: int = 120, arm_of_lane=None,
                keep_seeds: bool = False, doomed: bool = True):  # fmt: skip
    """A model of drawn patients; `arms` is a list of parameter mappings, `arm_of_lane` which of them a lane has.

    `site` is one site, or one a lane.
    """
    patients = np.asarray(patients)
    sites = [site] * len(patients) if isinstance(site, str) else list(site)
    arm_of_lane = np.zeros(len(patients), dtype=int) if arm_of_lane is None else np.asarray(arm_of_lane)
    parameters = LaneParameters.stack(arms, arm_of_lane)
    hosts = draw_hosts(seed, patients, sites, [AGE] * len(patients), parameters)
    return MetastasisModel(hosts, parameters, seed=seed, horizon_days=horizon_days, visible_cells=1e8, keep_seeds=keep_seeds,
                           collect=False, doomed=doomed)  # fmt: skip
