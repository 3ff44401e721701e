"""What each parameter of the catalogue is said to move: an outcome a name, and the patients in whom it is measured.

Outcomes without chance are functions of a mapping of values (`EXACT`); the others are read from one
run of paired patients (`SIMULATED`). A disease of about six years from the first cell to the end of
follow-up, nobody dies unless the outcome is survival, soil levelled so that every niche gets seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
from virtual_patients import PLAIN_ILLNESS, PLAIN_SIZES

from sim import catalog
from sim.catalog.parameters import LaneParameters
from sim.disease import body, colonise
from sim.disease.clones import potentials
from sim.disease.hosts import draw_hosts
from sim.disease.identity import unpack
from sim.disease.signals import Signals
from sim.mechanisms import REGISTRY, default_states, dormancy, effective_parameters, immune_surveillance, inflammation
from sim.names import LIVER, MICROMETASTASIS_CELLS, NICHES, SITES, VEINS
from sim.numerics import streams
from sim.runs.tables import every_seed
from sim.treatments import REGISTRY as REGIMENS
from sim.treatments import checkpoint_inhibition, endocrine_therapy
from sim.treatments.base import Course, Plan

SEED = 8
PATIENTS = 32
HORIZON_DAYS = 1800
FOUNDED_BEFORE_DAY = 900
"""Colonies founded later may not have reached their size by the end: they would censor `reach_days`."""
ELSEWHERE = NICHES.index("elsewhere")


def age(years: float, sd_years: float = 0.0) -> SimpleNamespace:
    """Patients of this age at diagnosis."""
    return SimpleNamespace(mean_years=years, sd_years=sd_years, low_years=30.0, high_years=95.0)


# -- base values ---------------------------------------------------------------------------------


def catalogue_values(**changes: float) -> dict[str, float]:
    """The catalogue's values, mechanisms in their default states, with changes (`__` for a dot); what was fitted is pinned at round numbers."""
    out = effective_parameters({name: parameter.value for name, parameter in catalog.load().items()}, default_states())
    plain = {k: v for k, v in (PLAIN_ILLNESS | PLAIN_SIZES).items() if not k.startswith("niche_pace")}
    out |= {k: v for k, v in plain.items() if k != "primary_gompertz_per_day"}
    out |= {f"site_shedding_factor.{site}": 1.0 for site in SITES}
    out |= {f"primary_death_factor.{site}": 1.0 for site in SITES}
    out |= {"arrest_probability.liver": 0.9, "arrest_probability.lung": 0.4, "arrest_probability.other": 0.2}
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    assert set(changes) <= set(out), set(changes) - set(out)
    return out | changes


def switched_on(*mechanisms: str) -> dict[str, float]:
    """The catalogue's values of what is null while these mechanisms are off."""
    return {name: catalog.load()[name].value for mechanism in mechanisms for name in REGISTRY[mechanism].null}


def own_mechanism(name: str) -> dict[str, float]:
    """Values with which the mechanism that a parameter belongs to is on."""
    mechanism = catalog.load()[name].mechanism
    return switched_on(mechanism) if mechanism else {}


def levelled_soil(site: str) -> dict[str, float]:
    """Soil with which every niche gets the same number of viable cells from this site; the best is 0.1."""
    arrest = body.route(LaneParameters(catalogue_values(), 1), [site]).arrest[0]
    return {f"soil.{niche}": float(0.1 * arrest.min() / share) for niche, share in zip(NICHES, arrest, strict=True)}


NOBODY_DIES = {"other_cause_death_per_year_at_70": 0.0, "primary_death_per_day": 0.0, "metastatic_death_per_day": 0.0}
DISEASE = {
    "primary_gompertz_per_day": 0.004, "growth_log_sd": 0.0, "diagnosis_log_sd": 0.0, "frailty_log_sd": 0.0,
    "competent_share": 1e-6, **levelled_soil("breast"), **NOBODY_DIES,
}  # fmt: skip
"""Patients who differ by chance alone, with some 40 competent cells a niche."""


def course_of(name: str, **changes) -> Plan:
    """A treatment's usual course from the day of diagnosis, with changes."""
    usual = {"name": name, "after": "diagnosis", "start_days": 0, "dose": 1.0, "cycles": REGIMENS[name].cycles,
             "every_days": REGIMENS[name].every_days, "adherence": 1.0}  # fmt: skip
    return Plan(**usual | changes)


# -- outcomes without chance -----------------------------------------------------------------------


def arrested(values: Mapping[str, float], site: str, niche: str | None) -> float:
    """Share of shed cells arrested in a niche (None: anywhere)."""
    arrest = body.route(LaneParameters(values, 1), [site]).arrest[0]
    return float(arrest.sum() if niche is None else arrest[NICHES.index(niche)])


def hosts(values: Mapping[str, float], n: int = 1000, site: str = "colon"):
    """Drawn patients."""
    return draw_hosts(SEED, np.arange(n), [site] * n, [age(67.0, 11.0)] * n, LaneParameters(values, n))


def over_sites(values: Mapping[str, float], trait: Callable) -> float:
    """Mean of a trait of drawn patients, over all sites."""
    return float(np.mean([trait(hosts(values, 100, site)).mean() for site in SITES]))


def over_many(values: Mapping[str, float], trait: Callable) -> float:
    """As `over_sites`, of so many patients that a trait of few of them is seen."""
    return float(np.mean([trait(hosts(values, site=site)).mean() for site in SITES]))


def grade_with(values: Mapping[str, float], trait: str) -> float:
    """Correlation of grade with the logarithm of a trait between patients."""
    drawn = hosts(values | {"metastasis_growth_log_sd": 0.3})
    return float(np.corrcoef(drawn.grade, np.log(getattr(drawn, trait)))[0, 1])


def growth_together(values: Mapping[str, float]) -> float:
    """Correlation of the primary's growth with the metastases' pace (of their logarithms) between patients."""
    drawn = hosts(values)
    return float(np.corrcoef(np.log(drawn.growth_factor), np.log(drawn.metastasis_growth))[0, 1])


def early_liver_readiness(values: Mapping[str, float]) -> float:
    """Readiness of the liver's niche after half a year beside a primary of 5e8 cells."""
    parameters = LaneParameters(values, 1)
    signals = Signals(np.array([67.0]), np.array([5e8]), np.zeros((1, len(NICHES))), hosts(values, 1))
    inflammation.MECHANISM.start(signals, parameters)
    for _ in range(182):
        inflammation.MECHANISM.advance(signals, parameters)
    return float(signals.level["liver_readiness"][0])


def t_cells_with_liver_metastases(values: Mapping[str, float]) -> float:
    """T cells of a patient with 1e10 cells in the liver."""
    burden = np.zeros((1, len(NICHES)))
    burden[0, NICHES.index("liver")] = 1e10
    signals = Signals(np.array([67.0]), np.array([5e8]), burden, hosts(values, 1))
    return float(immune_surveillance.t_cells(signals, LaneParameters(values, 1))[0])


def clone_dominance(values: Mapping[str, float]) -> float:
    """Mean share of a patient's settled cells that descend from the clone with most of them."""
    drawn = hosts(values)
    weight = drawn.clone_share * potentials(drawn.clone_z, LaneParameters(values, 1000)["clone_potential_log_sd"])
    return float((weight.max(axis=1) / weight.sum(axis=1)).mean())


def _course(values: Mapping[str, float], n: int = 1000) -> Course:
    """Checkpoint inhibition in drawn patients."""
    patients = np.arange(n)
    return Course(
        course_of("checkpoint_inhibition"),
        LaneParameters(values, n),
        np.ones(n),
        lambda number: streams.patient_uniforms(SEED, patients, streams.MARKER, number),
    )


def receptor_positive_tumours(values: Mapping[str, float]) -> float:
    """Share of patients whose tumour has hormone receptors."""
    course = _course(values)
    return float(endocrine_therapy.receptor_positive(course).mean())


def _exact_arrest(name: str, outcome: str):
    """The site to look at, and the niche, for a parameter of the vessels."""
    niche = outcome.partition(".")[2]
    if name.startswith("drainage."):
        return name.split(".")[1], niche
    if name == "arrest_probability.other":
        return "prostate", "bone"  # through the vertebral plexus alone: see `exact_changes`
    site = {"arrest_probability.lung": "breast", "portocaval_shunt_fraction": "colon", "hepatic_artery_compensation": "colon",
            "arrest_probability.liver": "colon"}.get(name, "lung")  # fmt: skip
    return site, {"": None, "gut": "elsewhere", "rest": "elsewhere"}.get(niche, niche)


def exact_changes(name: str) -> dict[str, float]:
    """Where in parameter space an outcome without chance is looked at."""
    if name.startswith("drainage."):
        _, site, vein = name.split(".")
        counter = "caval" if vein in ("portal", "pulmonary_venous", "vertebral") else "pulmonary_venous"
        return {f"drainage.{site}.{other}": 0.5 * (other == counter) for other in VEINS}
    if name == "growth_correlation":
        return {"metastasis_growth_log_sd": 0.3}
    if name == "arrest_probability.other":
        return {f"drainage.prostate.{vein}": float(vein == "vertebral") for vein in VEINS}
    if name.startswith("old_series_factor."):
        return {"old_series": 1.0, "diagnosis_median_cells": 1e9}
    return {"portocaval_shunt_fraction": 1.0} if name == "hepatic_artery_compensation" else {}


FINITE = {"symptom_cells": 1e11}
EXACT: dict[str, Callable[[Mapping[str, float]], float]] = {
    "frailty_sd": lambda values: float(np.log(hosts(values).frailty[hosts(values).frailty > 0]).std()),
    "able_share": lambda values: float(np.mean([(hosts(values, site=site).frailty > 0).mean() for site in SITES])),
    "growth_factor_of_the_site": lambda values: over_sites(values, lambda drawn: drawn.growth_factor),
    "metastasis_growth_of_the_site": lambda values: over_sites(values, lambda drawn: drawn.metastasis_growth),
    "diagnosis_day_of_the_site": lambda values: over_sites(values, lambda drawn: drawn.diagnosis_day),
    "diagnosis_day_of_old_series": lambda values: over_sites(values, lambda drawn: drawn.diagnosis_day),
    "sleep_of_the_site": lambda values: float(dormancy.sleep_of_site(LaneParameters(values, len(SITES)), SITES).mean()),
    "sleeper_death_of_the_site": lambda values: float(
        dormancy.sleeper_death_of_site(LaneParameters(values, len(SITES)), SITES).mean()
    ),
    "metastasis_growth_sd": lambda values: float(np.log(hosts(values).metastasis_growth).std()),
    "growth_together": growth_together,
    "shallow_share": lambda values: float((~hosts(values).deep).mean()),
    "deep_by_size": lambda values: float(np.corrcoef(hosts(values).deep, np.log(hosts(values).diagnosis_cells))[0, 1]),
    "node_share": lambda values: float(hosts(values).nodes.mean()),
    "node_share_of_the_able": lambda values: float(hosts(values).nodes[hosts(values).frailty > 0].mean()),
    "node_share_of_the_frail": lambda values: float(hosts(values).nodes[hosts(values).frailty > 1].mean()),
    "node_share_of_the_large": lambda values: float(
        hosts(values).nodes[hosts(values).diagnosis_cells > values["diagnosis_median_cells"]].mean()
    ),
    "deep_share_of_the_able": lambda values: float(
        hosts(values).deep[hosts(values).frailty > 1].mean() - hosts(values).deep[hosts(values).frailty < 1].mean()
    ),
    "grade_1_share": lambda values: float((hosts(values).grade == 1).mean()),
    "grade_3_share": lambda values: float((hosts(values).grade == 3).mean()),
    "grade_by_course": lambda values: grade_with(values, "frailty") + grade_with(values, "metastasis_growth"),
    "grade_by_growth": lambda values: grade_with(values, "metastasis_growth") - grade_with(values, "frailty"),
    "distant_nodes_seen": lambda values: over_many(values, lambda drawn: drawn.distant_nodes),
    "distant_nodes_of_the_able": lambda values: float(hosts(values).distant_nodes[hosts(values).frailty > 1].mean()),
    "peritoneum_seen": lambda values: over_many(values, lambda drawn: drawn.peritoneum),
    "peritoneum_of_the_able": lambda values: float(hosts(values).peritoneum[hosts(values).frailty > 1].mean()),
    "symptom_cells_sd": lambda values: float(np.log(hosts(values | FINITE).symptom_cells).std()),
    "symptom_cells_mean": lambda values: float(np.log(np.minimum(hosts(values).symptom_cells, 1e18)).mean()),
    "lethal_factor_mean": lambda values: float(
        (hosts(values | FINITE).lethal_cells / hosts(values | FINITE).symptom_cells).mean()
    ),
    "lethal_factor_sd": lambda values: float(
        np.log(hosts(values | FINITE).lethal_cells / hosts(values | FINITE).symptom_cells).std()
    ),
    "primary_danger_sd": lambda values: float(np.log(hosts(values).primary_danger).std()),
    "growth_factor_sd": lambda values: float(np.log(hosts(values).growth_factor).std()),
    "diagnosis_cells_sd": lambda values: float(np.log(hosts(values).diagnosis_cells).std()),
    "diagnosis_day": lambda values: float(hosts(values).diagnosis_day.mean()),
    "early_liver_readiness": early_liver_readiness,
    "bmi_mean": lambda values: float(hosts(values).bmi.mean()),
    "bmi_sd": lambda values: float(hosts(values).bmi.std()),
    "t_cells_with_liver_metastases": t_cells_with_liver_metastases,
    "clone_dominance": clone_dominance,
    "receptor_positive_tumours": receptor_positive_tumours,
    "response_to_checkpoint_inhibition": lambda values: float(checkpoint_inhibition.response(_course(values)).mean()),
}


def exact(name: str, outcome: str) -> Callable[[Mapping[str, float]], float] | None:
    """The outcome as a function of all values, or None where it takes a run."""
    if outcome.split(".")[0] in ("arrested_cells", "arrested_in_first_bed"):
        site, niche = _exact_arrest(name, outcome)
        return lambda values: arrested(values, site, niche)
    return EXACT.get(outcome)


# -- outcomes of a run -----------------------------------------------------------------------------


class Finished:
    """A finished model and what outcomes read of it, by lane."""

    def __init__(self, model):
        self.model, self.cells = model, model.cells
        told = every_seed(model)
        self.asleep, self.threshold_days = told["slept"], told["threshold_days"]
        seeds = unpack(told["identity"])
        self.seed_lane, self.seed_niche = seeds["lane"], seeds["niche"]
        grown = model.cells.grown
        lane = unpack(grown.column("identity"))["lane"]
        niche = unpack(grown.column("identity"))["niche"]
        law = (
            *(grown.column(name) for name in ("start_day", "start_log_cells", "delay_days")),
            *model.law.of_colonies(lane, niche, grown.column("pace")),
        )
        early = grown.column("woke") < FOUNDED_BEFORE_DAY
        self.colony_lane, self.colony_niche = lane[early], niche[early]
        self.reach_days, self.reach_large_days = (
            (colonise.grown_reach_days(np.log(np.broadcast_to(cells, lane.shape)), *law) - grown.column("woke"))[early]
            for cells in (MICROMETASTASIS_CELLS, model.visible_cells[lane])
        )

    def by_lane(self, lanes, of_lane, values, statistic) -> np.ndarray:
        """`statistic` of the values of each lane; nan where it has none."""
        chosen = [values[of_lane == lane] for lane in lanes]
        return np.array([statistic(v) if len(v) else np.nan for v in chosen], dtype=float)

    def asleep_in(self, lanes, niches) -> np.ndarray:
        """Share of the arrivals in these niches that fell asleep."""
        here = np.isin(self.seed_niche, niches)
        return self.by_lane(lanes, self.seed_lane[here], self.asleep[here], np.mean)

    def reach_in(self, lanes, organ: str) -> np.ndarray:
        """Mean days of an organ's colonies to 10^6 cells."""
        here = self.colony_niche == NICHES.index(organ)
        return self.by_lane(lanes, self.colony_lane[here], self.reach_days[here], np.mean)

    def sleep(self, lanes, statistic) -> np.ndarray:
        """`statistic` of the energy thresholds (days of reference feeding) of those who fell asleep."""
        return self.by_lane(lanes, self.seed_lane[self.asleep], self.threshold_days[self.asleep], statistic)


def _spread(days: np.ndarray) -> float:
    return float(days.std() / days.mean())


def niches_of(outcome: str) -> list[int]:
    """The column of an outcome's niche; all columns where it names none."""
    name = outcome.partition(".")[2]
    return [NICHES.index(name)] if name else list(range(len(NICHES)))


@dataclass(frozen=True)
class Simulated:
    """An outcome by patient: `measure(finished, lanes, niches)`, in patients with these changes and of this age."""

    measure: Callable[[Finished, np.ndarray, list[int]], np.ndarray]
    changes: Mapping[str, float] = field(default_factory=dict)
    age_years: float = 67.0
    treatments: tuple[Plan, ...] = ()


def _survival_days(finished, lanes, niches):
    return (finished.model.last_day - finished.model.hosts.diagnosis_day)[lanes].astype(float)


def _found_day(finished, lanes, niches):
    """Days from diagnosis until the first metastasis was found, or to the end where none was."""
    model = finished.model
    found = model.follow_up.first_detected_day
    return (np.where(found >= 0, found, model.last_day) - model.hosts.diagnosis_day)[lanes].astype(float)


def _shed(finished, lanes, niches):
    return finished.model.shed_total[lanes].astype(float)


def _settled(finished, lanes, niches):
    return finished.cells.settled[lanes][:, niches].sum(axis=1).astype(float)


def _woke(finished, lanes, niches):
    return finished.cells.woke[lanes][:, niches].sum(axis=1).astype(float)


def _died_asleep(finished, lanes, niches):
    return finished.cells.died_asleep[lanes].sum(axis=1).astype(float)


def _large(finished, lanes, niches):
    return finished.model.large_metastases[lanes].sum(axis=1).astype(float)


INERT = {"competent_share": 0.0}  # nothing settles: shedding may rise a thousandfold
MANY_COLONIES = {"competent_share": 1e-5, "sleep_probability": 0.0}
EVERYBODY_SLEEPS = {"sleep_probability": 1.0}
DEATHS = {"other_cause_death_per_year_at_70": 0.02, "primary_death_per_day": 0.005, "metastatic_death_per_day": 0.01}
FROM_METASTASES = {
    **MANY_COLONIES,
    "competent_share": 2e-5,
    **NOBODY_DIES,
    "metastatic_death_per_day": 0.05,
    "metastasis_gompertz_per_day": 0.002,
}
FROM_ALL_ORGANS = {
    **FROM_METASTASES,
    **{f"{law}.{niche}": 1.0 for law in ("niche_pace", "burden_weight") for niche in NICHES},
    "metastatic_death_per_day": 0.0,
    "symptom_cells": 3e11,
}
"""Deaths at the lethal burden, to which every organ adds alike: else the brain decides alone, the others in nobody."""
MANY_SEEDS = {"competent_share": 1e-4, "sleep_probability": 1.0}
OBESE = {"bmi_mean": 35.0}

LIVER_ALONE = (
    MANY_COLONIES
    | {f"soil.{niche}": 0.0 for niche in NICHES if niche != "liver"}
    | {"metastasis_gompertz_per_day": 0.003}
)
LONG = {"start_days": -4000, "cycles": 600, "every_days": 14}
"""A course from years before diagnosis to the end."""


def _burden(finished, lanes, niches):
    return finished.model.burden_cells[lanes].sum(axis=1)


SIMULATED: dict[str, Simulated] = {
    "burden_under_chemotherapy": Simulated(_burden, MANY_COLONIES, treatments=(course_of("chemotherapy", cycles=80),)),
    "burden_under_targeted_therapy": Simulated(_burden, MANY_COLONIES, treatments=(course_of("targeted_therapy", cycles=120),)),
    "died_asleep_under_chemotherapy": Simulated(_died_asleep, EVERYBODY_SLEEPS, treatments=(course_of("chemotherapy"),)),
    "died_asleep_under_targeted_therapy": Simulated(_died_asleep, EVERYBODY_SLEEPS, treatments=(course_of("targeted_therapy"),)),
    "burden_under_radiotherapy": Simulated(
        lambda f, lanes, n: f.model.burden_cells[lanes, LIVER], MANY_COLONIES,
        treatments=(course_of("radiotherapy", organ="liver", start_days=1000, cycles=8),)),
    "shed_after_resection": Simulated(_shed, INERT, treatments=(course_of("resection"),)),
    "woke_after_surgery": Simulated(_woke, {**EVERYBODY_SLEEPS, **MANY_SEEDS, "surgery_inflammation": 1.0, **switched_on("inflammatory_awakening")},
                                    treatments=(course_of("resection"),)),
    "large_liver_metastases_after_ablation": Simulated(
        lambda f, lanes, n: f.model.large_metastases[lanes, LIVER].astype(float), LIVER_ALONE,
        treatments=(course_of("liver_ablation", start_days=1700),)),
    "woke_under_endocrine_therapy": Simulated(_woke, {**EVERYBODY_SLEEPS, "hormone_receptor_share": 1.0}, treatments=(course_of("endocrine_therapy"),)),
    "extinct_share_under_checkpoint_inhibition": Simulated(
        lambda f, lanes, n: f.cells.extinct[lanes].sum(axis=1) / f.cells.woke[lanes].sum(axis=1),
        {**MANY_COLONIES, **switched_on("immune_surveillance")}, treatments=(course_of("checkpoint_inhibition", cycles=80),)),
    "burden_under_checkpoint_inhibition": Simulated(
        _burden, {**MANY_COLONIES, **switched_on("immune_surveillance")}, treatments=(course_of("checkpoint_inhibition", cycles=80),)),
    **{f"shed_under_{name}": Simulated(_shed, INERT, treatments=(course_of(name, **LONG),))
       for name in ("senolytic", "p2rx7_inhibition", "mirna_silencing")},
    **{f"settled_in_the_liver_under_{name}": Simulated(
        lambda f, lanes, n: f.cells.settled[lanes, LIVER].astype(float), MANY_SEEDS, treatments=(course_of(name, **LONG),))
       for name in ("il6_blockade", "stat3_blockade")},
    "shed_cells": Simulated(_shed, INERT),
    "shed_cells_of_the_young": Simulated(_shed, INERT, age_years=45.0),
    "settled_cells": Simulated(_settled),
    "primary_cells_at_diagnosis": Simulated(lambda f, lanes, n: f.model.primary.cells_at_diagnosis[lanes]),
    "sleeping_share": Simulated(lambda f, lanes, n: f.by_lane(lanes, f.seed_lane, f.asleep, np.mean)),
    "sleep_days": Simulated(lambda f, lanes, n: f.sleep(lanes, np.mean)),
    "narrow_sleep_spread": Simulated(lambda f, lanes, n: f.sleep(lanes, _spread), {"dormancy_narrow_share": 1.0}),
    "broad_sleep_spread": Simulated(lambda f, lanes, n: f.sleep(lanes, _spread), {"dormancy_narrow_share": 0.0}),
    "died_asleep": Simulated(_died_asleep),
    "woke_after_sleep": Simulated(_woke, EVERYBODY_SLEEPS),
    "extinct_share": Simulated(lambda f, lanes, n: f.cells.extinct[lanes].sum(axis=1) / f.cells.woke[lanes].sum(axis=1)),
    "reach_large_days": Simulated(lambda f, lanes, n: f.by_lane(lanes, f.colony_lane, f.reach_large_days, np.mean), MANY_COLONIES),
    "reach_days_in_the_liver": Simulated(lambda f, lanes, n: f.reach_in(lanes, "liver"), MANY_COLONIES),
    "settled_cells_of_mesenchymal_tumours": Simulated(_settled, {"emt_mean": 0.7}),
    "settled_clusters": Simulated(_settled, {"cluster_share": 1.0, "death_per_pass": 0.5}),
    "asleep_on_arrival": Simulated(lambda f, lanes, n: f.asleep_in(lanes, n), {**MANY_COLONIES, "sleep_probability": 0.4}),
    "woke_after_sleep_in_inflamed_lungs": Simulated(_woke, {**EVERYBODY_SLEEPS, "organ_inflammation.lung": 1.0}),
    "reach_days": Simulated(lambda f, lanes, n: f.by_lane(lanes, f.colony_lane, f.reach_days, np.mean), MANY_COLONIES),
    "reach_days_here": Simulated(lambda f, lanes, n: f.reach_in(lanes, NICHES[n[0]]), MANY_COLONIES),
    "reach_days_spread": Simulated(lambda f, lanes, n: f.by_lane(lanes, f.colony_lane, f.reach_days, np.std), MANY_COLONIES),
    "macrometastases": Simulated(_large, MANY_COLONIES),
    "macrometastases_at_autopsy": Simulated(_large, MANY_COLONIES),
    "found_day": Simulated(_found_day, MANY_COLONIES),
    "found_day_without_visits": Simulated(_found_day, {**MANY_COLONIES, "metastasis_gompertz_per_day": 0.004, "follow_up_interval_days": 5000.0}),
    "survival_days": Simulated(_survival_days, DEATHS),
    "survival_days_of_the_old": Simulated(_survival_days, DEATHS, age_years=85.0),
}  # fmt: skip
NOBODY_ACQUIRES = {f"acquired_resistance.{drug}": 0.0 for drug in ("chemotherapy", "targeted_therapy")}
NOBODY_RESISTS = {f"resistant_share.{drug}": 0.0 for drug in ("chemotherapy", "targeted_therapy")}
CHANGES_OF = {
    "resistant_share": {
        **MANY_COLONIES,
        **NOBODY_ACQUIRES,
        "resistant_share.chemotherapy": 0.1,
        "resistant_share.targeted_therapy": 0.1,
    },
    "log10_kill": {**MANY_COLONIES, **NOBODY_ACQUIRES, **NOBODY_RESISTS},
    "acquired_resistance": {
        **MANY_COLONIES,
        **NOBODY_RESISTS,
        "log10_kill.chemotherapy": 0.15,
        "log10_kill.targeted_therapy": 0.1,
    },
    "stem_drug_resistance": {
        **MANY_COLONIES,
        "competent_share": 5e-5,
        **NOBODY_ACQUIRES,
        **NOBODY_RESISTS,
        "log10_kill.chemotherapy": 0.15,
    },
    "primary_death_factor": {**NOBODY_DIES, "primary_death_per_day": 0.01},
    "burden_weight": FROM_ALL_ORGANS,
    "metastatic_death_per_day": FROM_METASTASES,
    "saa_time_days": MANY_SEEDS,
    "obesity_il6_gain": {**MANY_SEEDS, **OBESE},
    "obesity_senescence_gain": {**INERT, **OBESE},
    "obesity_t_cell_cost": {**MANY_COLONIES, **OBESE, **switched_on("immune_surveillance")},
    "immune_clearance_per_day": MANY_COLONIES,
    "colony_noise": {
        "colony_growth_log_sd": 0.0,
        "metastasis_growth_log_sd": 0.0,
    },  # the slow would not reach it in time
    "clearance_until_cells": {**MANY_COLONIES, **switched_on("immune_surveillance")},
    "t_cell_decline_per_year": MANY_COLONIES,
    "cluster_mean_cells": {**MANY_COLONIES, "cluster_share": 1.0, "cluster_potential": 1.0},
    "niche_pace": {**MANY_COLONIES, "competent_share": 6e-5},
    "fibrosis_receptivity": {"fibrosis_prevalence": 1.0},
    "fibrosis_prevalence": MANY_SEEDS,
    "secondary_shedding_factor": {**MANY_COLONIES, "metastasis_gompertz_per_day": 0.002},
}
"""Where one outcome serves several parameters and some of them need other patients to show."""


def setup(name: str, outcome: str) -> tuple[dict[str, float], str, float]:
    """Base values, primary site and age of the patients in whom a parameter's outcome is measured."""
    simulated = SIMULATED[outcome.split(".")[0]]
    changes = CHANGES_OF.get(name.split(".")[0], simulated.changes)
    site = (
        name.split(".")[1]
        if name.split(".")[0] in ("site_shedding_factor", "own_organ_receptivity", "primary_death_factor")
        else "breast"
    )
    return catalogue_values() | own_mechanism(name) | DISEASE | dict(changes), site, simulated.age_years
