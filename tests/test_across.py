"""Across: every scenario reports across the range of each assumed effect that its arms switch."""

import dataclasses
from fnmatch import fnmatch

import pytest

from sim import catalog
from sim.finding import SCENARIOS as FOLDER
from sim.mechanisms import REGISTRY as MECHANISMS
from sim.scenario import files
from sim.scenario.comparison import load_comparison
from sim.treatments import REGISTRY

ASSUMED = {name: parameter for name, parameter in catalog.load().items() if parameter.kind == "assumed"}
WITH_COMPARISON = [file for file in files() if load_comparison(file) is not None]

OF_TREATMENT = {
    "resection": ["resection_residual_share", "surgery_inflammation", "surgery_inflammation_days"],
    "liver_resection": [],
    "liver_ablation": [],
    "radiotherapy": ["radiotherapy_surviving_fraction"],
    "chemotherapy": [
        f"{name}.chemotherapy" for name in ("log10_kill", "sleeper_sparing", "resistant_share", "acquired_resistance")
    ]
    + ["stem_drug_resistance"],
    "targeted_therapy": [
        f"{name}.targeted_therapy"
        for name in ("log10_kill", "sleeper_sparing", "resistant_share", "acquired_resistance")
    ]
    + ["stem_drug_resistance"],
    "endocrine_therapy": ["endocrine_hold", "hormone_receptor_share"],
    "checkpoint_inhibition": [
        "checkpoint_gain",
        "checkpoint_shrink_per_day",
        "jak_loss_prevalence",
        "pten_loss_prevalence",
        "pole_prevalence",
        "pole_response_factor",
    ],
    "senolytic": ["senolytic_clearance", "senescence_return_days"],
    "p2rx7_inhibition": ["p2rx7_block"],
    "mirna_silencing": ["mirna_block"],
    "il6_blockade": ["il6_block"],
    "stat3_blockade": ["stat3_block"],
}
NEEDS = {
    "stem_drug_resistance": "stemness",
    "surgery_inflammation": "inflammatory_awakening",
    "surgery_inflammation_days": "inflammatory_awakening",
    "obesity_t_cell_cost": "immune_surveillance",
}
"""Parameters that act on another mechanism, and do nothing where that is off (what the wave adds to IL-6 meets no primary that sheds)."""
OF_HOST = {"bmi_mean": "obesity"}
"""Numbers of the patients themselves that an arm sets to ask about a mechanism."""

MARKERS = "the share of tumours with a marker, or what it does: checkpoint_markers asks"
SET = "set by the arms or by the scenario, since the question is about it"
EXCEPTIONS = {
    ("checkpoint_and_liver_metastases", "*_prevalence"): MARKERS,
    ("checkpoint_and_liver_metastases", "pole_response_factor"): MARKERS,
    ("combined_plan", "*_prevalence"): MARKERS,
    ("combined_plan", "pole_response_factor"): MARKERS,
    ("checkpoint_markers", "*_prevalence"): SET,
    ("endocrine_twenty_years", "hormone_receptor_share"): SET,
    ("inflamed_lung", "organ_inflammation.*"): SET,
    ("scarred_and_inflamed_liver", "fibrosis_prevalence"): SET,
    ("hypoxic_marrow", "niche_hypoxia.*"): "the question is about marrow and lung, whose values are varied",
    ("surgery_alone", "feeding.*"): "the same in every organ: one unit with the time scales of sleep, which are varied",
    ("surgery_alone", "site_sleep*"): "factors on sleep and on the death of sleepers, which are varied",
    ("surgery_alone", "dormancy_*_shape"): "the time scales of sleep, which are varied, say who wakes after four years",
}
"""Scenario and parameters that it does not vary, and why."""


def switched(comparison):
    """Mechanisms and treatments that differ between the arms, and mechanisms of which an arm sets a number of its own."""
    first, *others = (arm.scenario for arm in comparison.arms)
    mechanisms = {name for other in others for name, on in other.mechanisms.items() if on != first.mechanisms[name]}
    own = {name for arm in comparison.arms for name in arm.own_parameters}
    mechanisms |= {OF_HOST.get(name, catalog.load()[name].mechanism) for name in own} - {None}
    plans = [{dataclasses.astuple(plan) for plan in arm.scenario.treatments} for arm in comparison.arms]
    return mechanisms, {plan[0] for given in plans for plan in given - set.intersection(*plans)}


def wanted(comparison):
    """Assumed parameters of what the arms switch, which act in some arm and are not set by all of them."""
    mechanisms, treatments = switched(comparison)
    on = {name for arm in comparison.arms for name, state in arm.scenario.mechanisms.items() if state}
    of_treatments = {name for names in OF_TREATMENT.values() for name in names}
    found = {
        name
        for name, parameter in ASSUMED.items()
        if parameter.mechanism in mechanisms & on and name not in of_treatments
    }
    found |= {name for treatment in treatments for name in OF_TREATMENT[treatment]}
    acts = {name for name in found if NEEDS.get(name) is None or NEEDS[name] in on}
    return acts - set.intersection(*(set(arm.own_parameters) for arm in comparison.arms))


def excepted(scenario, name):
    return any(scenario == file and fnmatch(name, pattern) for file, pattern in EXCEPTIONS)


@pytest.mark.parametrize("file", WITH_COMPARISON, ids=lambda file: file.relative_to(FOLDER).with_suffix("").as_posix())
def test_a_question_is_asked_across_every_assumed_effect_that_its_arms_switch(file):
    comparison = load_comparison(file)
    varied = {entry.parameter for entry in comparison.across}
    missing = {name for name in wanted(comparison) - varied if not excepted(file.stem, name)}
    assert not missing, f"{file.name} has no entry of across for {sorted(missing)}"
    twice = [
        entry.parameter
        for entry in comparison.across
        if [other.parameter for other in comparison.across].count(entry.parameter) > 1
    ]
    assert not twice
    reached = {name for name in varied if any(name not in arm.own_parameters for arm in comparison.arms)}
    assert reached == varied, f"{file.name} varies what every arm sets itself: {sorted(varied - reached)}"


def test_every_exception_is_still_one():
    for scenario, pattern in EXCEPTIONS:
        comparison = load_comparison(scenario)
        varied = {entry.parameter for entry in comparison.across}
        assert any(fnmatch(name, pattern) for name in wanted(comparison) - varied), (scenario, pattern)


def test_every_assumed_number_of_a_treatment_belongs_to_one():
    """And every treatment and mechanism that has a size is asked about by some scenario."""
    of_treatments = {name for names in OF_TREATMENT.values() for name in names}
    assert of_treatments == {name for name, parameter in ASSUMED.items() if parameter.file == "treatments"}
    assert set(OF_TREATMENT) == set(REGISTRY)
    asked = [switched(load_comparison(file)) for file in WITH_COMPARISON]
    assert set().union(*(treatments for _, treatments in asked)) == set(REGISTRY)
    assert set().union(*(named for named, _ in asked)) == set(MECHANISMS)
