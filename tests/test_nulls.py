"""What "off" means, said without the registry's own null: the world without the mechanism, to the last bit.

`Off is on at its null` cannot notice a wrong null: it reads the same number twice. So each mechanism is switched off here,
and then asked for what could only come from it: its other numbers may be anything, or it has a trace of its own that must
not be there. Each check is also made with the mechanism on, where it must not hold.
"""

import numpy as np
import pytest
from test_biology import NOTICED, of_lanes
from test_biology import same as equal
from virtual_patients import drawn_model, off, on, plain_model, values

from sim.catalog.parameters import LaneParameters
from sim.disease import body
from sim.disease.colonies import ColonyLaw
from sim.disease.signals import Rates, Signals
from sim.mechanisms import REGISTRY
from sim.names import NICHES
from sim.treatments import drug

LIVER, LUNG = NICHES.index("liver"), NICHES.index("lung")
PATIENTS = 5
EVERYTHING_ELSE = {
    "il6_half_cells": 1e5, "inflammation_gain": 2.0, "vesicle_release": 2.0, "immune_clearance_per_day": 0.02,
    "fibrosis_prevalence": 0.5, "organ_inflammation__lung": 0.5, "bmi_mean": 32.0, "avascular_limit_cells": 3000.0,
    "secondary_shedding_factor": 0.3, "frailty_log_sd": 1.0, "sleep_probability": 0.5, "clone_potential_log_sd": 1.0,
}  # fmt: skip
"""All mechanisms act, and show within four months."""

OWN_NUMBERS = {
    "inflammation": {"il6_half_cells": 1e3, "niche_time_days": 7.0},
    "senescent_vesicles": {"senescent_share_maximum": 0.6, "emt_shedding_gain": 6.0},
    "dormancy": {"dormancy_narrow_scale_days": 20.0, "feeding__bone": 3.0, "sleeper_death_per_day": 0.005},
    "clusters": {"cluster_potential": 50.0, "cluster_mean_cells": 10.0},
    "liver_fibrosis": {"fibrosis_prevalence": 0.0},
    "hypoxia": {"niche_hypoxia__bone": 0.0, "niche_hypoxia__liver": 1.0},
    "emt": {"emt_mean": 0.9, "emt_sd": 0.3},
    "inflammatory_awakening": {"organ_inflammation__lung": 1.0, "organ_inflammation__bone": 1.0},
    "immune_surveillance": {"t_cell_decline_per_year": 0.04, "liver_drain_half_cells": 1e3},
    "obesity": {"bmi_mean": 45.0},
}
"""Numbers that only this mechanism reads, at other values."""
CLOCKS = {"energy_clock", "hazard_clock"}
"""Niches feed whether anybody sleeps or not: where nobody does, clocks may run as they like."""


def states(name: str, **changes) -> dict[str, float]:
    """Every mechanism on but this one, which is as `changes` say."""
    others = [other for other in REGISTRY if other != name]
    return values(**{**on(*others), **EVERYTHING_ELSE, **NOTICED.get(name, {}), **changes})


def in_arms(*arms: dict[str, float]) -> list[dict[str, np.ndarray]]:
    """The same patients in each of these arms, in one model: what became of them, arm by arm."""
    arm_of_lane = np.repeat(np.arange(len(arms)), PATIENTS)
    patients = np.tile(np.arange(PATIENTS), len(arms))
    model = drawn_model(patients, list(arms), arm_of_lane=arm_of_lane, horizon_days=60)
    model.run()
    found = [of_lanes(model, arm_of_lane == arm) for arm in range(len(arms))]
    return [{name: array for name, array in one.items() if name not in CLOCKS} for one in found]


@pytest.mark.parametrize("name", OWN_NUMBERS)
def test_off_nobody_cares_for_a_mechanisms_own_numbers(name):
    """A null that is off by a hundredth lets them through. On, they move the same patients: the check can fail."""
    without, acting = (
        off(name),
        {**on(name), **{key: EVERYTHING_ELSE[key] for key in on(name) if key in EVERYTHING_ELSE}},
    )
    changed = OWN_NUMBERS[name]
    as_is, other, on_as_is, on_other = in_arms(
        *(states(name, **{**state, **numbers}) for state in (without, acting) for numbers in ({}, changed))
    )
    assert equal(as_is, other)
    assert not equal(on_as_is, on_other)


def test_off_weight_reaches_neither_il6_nor_vesicles_nor_t_cells():
    """Obesity has three nulls; each by itself, in the signal that it would reach."""
    parameters = LaneParameters(states("obesity", **off("obesity")), PATIENTS)
    hosts = drawn_model(np.arange(PATIENTS), [states("obesity", bmi_mean=45.0)], horizon_days=1).hosts
    signals = Signals(hosts.age_years, np.full(PATIENTS, 5e8), np.zeros((PATIENTS, len(NICHES))), hosts)
    assert np.all(hosts.bmi > 25.0)
    REGISTRY["obesity"].start(signals, parameters)
    REGISTRY["obesity"].advance(signals, parameters)
    assert np.all(signals.il6_extra == 0.0)
    assert np.all(signals.senescence_factor == 1.0) and np.all(signals.t_cell_factor == 1.0)


def test_off_every_cell_is_competent_and_moves_as_any_other():
    """Stemness, clones, EMT: the competence of a day is exactly one, and nobody sleeps more for it."""
    for name in ("stemness", "lineage", "emt"):
        parameters = LaneParameters(states(name, **off(name)), PATIENTS)
        hosts = drawn_model(np.arange(PATIENTS), [states(name)], horizon_days=1).hosts
        signals = Signals(hosts.age_years, np.full(PATIENTS, 5e8), np.zeros((PATIENTS, len(NICHES))), hosts)
        rates = Rates.base(PATIENTS)
        rates.sleep += 0.5
        REGISTRY[name].start(signals, parameters)
        REGISTRY[name].act(rates, signals, parameters)
        assert np.all(rates.competence == 1.0) and np.all(rates.sleep == 0.5), name


def test_off_colonies_do_not_wait_for_vessels():
    model = plain_model(4, 150, **off("angiogenesis"), sleep_probability=0.0, competent_share=0.1)
    model.run()
    delay = model.cells.grown.column("delay_days")
    assert delay.size > 100 and np.all(delay == 0.0)


def test_off_the_liver_feeds_its_colonies_as_the_lung_does():
    law = ColonyLaw(LaneParameters(values(**off("dual_feeding")), 1))
    fed = ColonyLaw(LaneParameters(values(**on("dual_feeding")), 1))
    for rate in ("gompertz_per_day", "early_rate_per_day", "death"):
        assert getattr(law, rate)[0, LIVER] == getattr(law, rate)[0, LUNG]
    assert fed.gompertz_per_day[0, LIVER] > fed.gompertz_per_day[0, LUNG]


def test_off_metastases_shed_nothing_and_nothing_returns():
    """A primary that takes no cells in grows by its own law alone, however much is shed."""
    arms = [values(**off("secondary_seeding"), shedding_per_day=rate, competent_share=0.01) for rate in (0.3, 30.0)]
    acting = [arm | {"secondary_shedding_factor": 1.0, "self_seeding_share": 0.9} for arm in arms]
    for chosen, returns in ((arms, False), (acting, True)):
        model = drawn_model(np.tile(np.arange(4), 2), chosen, arm_of_lane=np.repeat([0, 1], 4), horizon_days=90)
        model.run()
        assert np.any(model.primary.cells[:4] != model.primary.cells[4:]) == returns
        assert (sum(stream.shed.sum() for stream in model.streams[1:]) > 0) == returns


def test_off_the_portal_vein_leads_where_the_vena_cava_does():
    """A colon's blood under the shunt meets what a caval primary's meets, exactly; with the portal vein it does not."""

    def arrest(site, **changes):
        return body.route(LaneParameters(values(**changes), 1), [site]).arrest[0]

    caval = {f"drainage__colon__{vein}": float(vein == "caval") for vein in ("portal", "caval")}
    shunted = arrest("colon", **off("dual_blood_supply"))
    assert np.array_equal(shunted, arrest("colon", **off("dual_blood_supply"), **caval))
    assert not np.array_equal(arrest("colon"), arrest("colon", **caval))


def test_off_drugs_kill_as_if_no_cell_were_stem_like():
    """Of what a dose leaves, and of sleepers, which count as stem-like as a whole: exactly what the dose says."""
    survival = np.array([0.1, 0.5])
    for state, spared in (("off", False), ("on", True)):
        p = LaneParameters(values(**{"off": off, "on": on}[state]("stemness")), 2)
        for share in (p["stem_share"], 1.0):
            left = drug.spared_by_stemness(survival, share, p["stem_drug_resistance"])
            assert np.all(left > survival) if spared else np.array_equal(left, survival)


def test_half_of_the_response_of_stat3_is_at_its_half_il6():
    """At the IL-6 called `stat3_half_il6` STAT3 is at one half, whatever the Hill exponent: x^h / (x^h + half^h)."""
    for half, exponent in ((0.3, 2.0), (0.5, 3.0), (0.7, 1.0)):
        cells = np.array([half / (1.0 - half), 1e-9, 1e12]) * 1e9
        parameters = LaneParameters(
            values(**on("inflammation"), il6_half_cells=1e9, stat3_half_il6=half, stat3_hill_exponent=exponent), 3
        )
        hosts = drawn_model(np.arange(3), [values()], horizon_days=1).hosts
        signals = Signals(hosts.age_years, cells, np.zeros((3, len(NICHES))), hosts)
        REGISTRY["inflammation"].start(signals, parameters)
        REGISTRY["inflammation"].advance(signals, parameters)
        assert signals.level["il6"][0] == pytest.approx(half, rel=1e-12)
        full = 1.0 / (1.0 + half**exponent)
        assert signals.level["stat3"] == pytest.approx([0.5, 0.0, full], rel=1e-8, abs=1e-8)
