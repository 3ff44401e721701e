"""Outcomes that doctors use, by hand and against libraries; and that arms which differ before diagnosis are refused."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as statsmodels

from sim.analysis.cox import cox
from sim.analysis.hazards import cox_influence, hazard_contrast, hazard_influence
from sim.analysis.survival import TimesToEvent
from sim.errors import InputError
from sim.names import DAYS_PER_YEAR
from sim.results import clinical
from sim.results.outcomes import OUTCOMES, outcome
from sim.runs.run import run_scenario
from sim.scenario import load
from sim.scenario.expectations import Contrast

DIAGNOSIS, LAST = 1000, 1183


def seen(*lesions, died=False, patients=1):
    """A run with lesions (patient, organ, years to detection, cells at diagnosis, cells at the end, removed after days)."""
    people = pd.DataFrame({
        "patient": range(patients), "diagnosis_day": DIAGNOSIS, "reference_day": DIAGNOSIS, "last_day": LAST,
        "death_day": pd.array([LAST if died else None] * patients, dtype="Int64"), "age_years": 70.0,
    })  # fmt: skip
    rows = [
        (p, i, o, DIAGNOSIS + y * DAYS_PER_YEAR, before, after, None if gone is None else DIAGNOSIS + gone)
        for i, (p, o, y, before, after, gone) in enumerate(lesions)
    ]
    names = ["patient", "colony", "organ", "detected_day", "cells_at_diagnosis", "cells", "removed_day"]
    found = pd.DataFrame(rows, columns=names).astype({"removed_day": "Float64", "detected_day": "Float64"})
    found["extinct_day"] = pd.array([None] * len(found), dtype="Float64")
    return SimpleNamespace(patients=people, metastases=found, manifest={"scenario": {"parameters": {}}})


@pytest.mark.parametrize(
    "lesions, died, responds, progresses",
    [
        ([(0, "liver", -1, 1e9, 0.7**3 * 1e9, None)], False, 1, 0),  # a diameter down by three tenths, just
        ([(0, "liver", -1, 1e9, 0.75**3 * 1e9, None)], False, 0, 0),
        ([(0, "liver", -1, 1e9, 1.25**3 * 1e9, None)], False, 0, 1),
        ([(0, "liver", -1, 1e9, 1e8, None)], True, 0, 1),  # the dead did not respond
        ([(0, "liver", -1, 1e9, 1e8, None), (0, "lung", 0.2, 0, 1e9, None)], False, 0, 1),  # a new one
        # The third of an organ is no target, however it grows: the two largest are summed.
        ([(0, "liver", -1, 1e9, 1e8, None), (0, "liver", -1, 9e8, 1e8, None), (0, "liver", -1, 8e8, 8e11, None)], False, 1, 0),
        ([(0, "liver", -1, 1e9, 1e8, None), (0, "lung", -1, 1e9, 8e9, None)], False, 0, 1),
    ],
)  # fmt: skip
def test_response_and_progression_go_by_the_sum_of_diameters(lesions, died, responds, progresses):
    run = seen(*lesions, died=died)
    assert clinical.response(run).tolist() == [responds]
    assert clinical.progression_free(run).tolist() == [1 - progresses]


def test_five_lesions_at_most_are_summed():
    organs = ("liver", "lung", "bone")
    rows = [(0, organ, -1, 1e9 / (i + 1), 1.0, None) for i, organ in enumerate(organs * 2)]
    sixth = [*rows[:5], (0, "bone", -1, 1e8, 1e14, None)]
    assert clinical.response(seen(*sixth)).tolist() == [1]
    fifth = [*rows[:4], (0, "bone", -1, 2e8, 1e14, None), rows[5]]
    assert clinical.response(seen(*fifth)).tolist() == [0]


def test_who_has_no_metastasis_at_diagnosis_cannot_respond_but_may_progress():
    run = seen((0, "liver", 0.2, 0, 1e9, None), patients=2)
    assert clinical.response(run).isna().all()
    assert clinical.progression_free(run).tolist() == [0, 1]


@pytest.mark.parametrize(
    "lesions, resectable",
    [
        ([(0, "liver", 0.2, 0, 1e9, None)], 1),
        ([(0, "liver", 0.2, 0, 1e9, None), (0, "lung", 0.2, 0, 1e9, None)], 0),
        ([(0, "liver", 0.2, 0, 1e9, None), (0, "lung", 0.3, 0, 1e9, None)], 1),  # found later: not at the relapse
        ([(0, "liver", 0.2, 0, 1e9, None)] * 5, 0),
        ([(0, "liver", -0.1, 1e9, 1e9, None)], 0),  # no relapse: it was there at diagnosis
    ],
)
def test_a_resectable_relapse_is_small_and_of_the_liver_alone(lesions, resectable):
    assert clinical.resectable_relapse(seen(*lesions), 0.4).tolist() == [resectable]


def test_free_of_disease_are_those_whose_metastases_were_taken_away():
    lesion = (0, "liver", 0.1, 0, 0, 100)
    assert clinical.free_of_disease(seen(lesion), 0.4).tolist() == [1]
    assert clinical.free_of_disease(seen(lesion), 0.2).tolist() == [0]  # taken away on day 100 only
    assert clinical.free_of_disease(seen(lesion, (0, "lung", 0.1, 0, 1e9, None)), 0.4).tolist() == [0]


@pytest.mark.parametrize("excess_per_year", [0.0, 0.1])
def test_net_survival_is_that_of_the_cancer_alone(excess_per_year):
    """Deaths of other causes by the model's own law, and of the cancer by a constant hazard: exp(-5 x it) is left."""
    dice, patients, years = np.random.default_rng(5), 40_000, 5.0
    at_70, growth = 0.02, 0.085
    age = dice.uniform(50, 85, patients)
    hazard_at = at_70 * np.exp(growth * (age - 70))
    other = np.log1p(growth * dice.exponential(size=patients) / hazard_at) / growth
    cancer = dice.exponential(1 / excess_per_year, patients) if excess_per_year else np.full(patients, np.inf)
    death = np.minimum(other, cancer)
    people = pd.DataFrame({
        "patient": range(patients), "diagnosis_day": 0.0, "reference_day": 0.0, "age_years": age,
        "last_day": np.minimum(death, 6.0) * DAYS_PER_YEAR,
        "death_day": pd.array([day * DAYS_PER_YEAR if day < 6.0 else None for day in death], dtype="Float64"),
    })  # fmt: skip
    numbers = {"other_cause_death_per_year_at_70": at_70, "other_cause_death_growth_per_year": growth}
    manifest = {"scenario": {"parameters": {name: {"value": value} for name, value in numbers.items()}}}
    net = outcome(f"net survival at {years:g} years").values(SimpleNamespace(patients=people, manifest=manifest))
    assert net.mean() == pytest.approx(np.exp(-years * excess_per_year), abs=4 * net.std() / patients**0.5)
    assert outcome("survival at 5 years").values(SimpleNamespace(patients=people)).mean() < net.mean() - 0.05


def cohort(seed, patients=300, effect=0.5, ties=False):
    """Times of the same patients in two arms, with a trait of their own: pairs are alike."""
    dice = np.random.default_rng(seed)
    own = dice.normal(size=patients)
    arms = {}
    for name, factor in (("a", 0.0), ("b", effect)):
        days = dice.exponential(np.exp(-own - factor)) * 1000 + 1.0
        days = np.ceil(days / 100) * 100 if ties else days
        arms[name] = TimesToEvent(np.arange(patients), np.minimum(days, 1500.0), days < 1500.0)
    return arms


@pytest.mark.parametrize("ties", [False, True])
def test_a_hazard_ratio_and_its_paired_error_are_those_of_statsmodels(ties):
    """Breslow's ties; the error by Lin and Wei, clustered by patient."""
    arms = cohort(3, ties=ties)
    value, error, patients = hazard_contrast(Contrast("b > a", (("b", 1), ("a", -1)), 1), arms, {"a": None, "b": None})
    days = np.concatenate([arms[name].days for name in "ab"])
    happened = np.concatenate([arms[name].happened for name in "ab"]).astype(int)
    treated = np.repeat([0.0, 1.0], 300)
    model = statsmodels.PHReg(days, treated[:, None], status=happened, ties="breslow")
    theirs = model.fit(groups=np.tile(np.arange(300), 2))
    assert value == pytest.approx(theirs.params[0], rel=1e-6) and patients == 300
    if not ties:  # with ties their score residuals count the day of an event in another way
        assert error == pytest.approx(theirs.bse[0], rel=0.02)
    apart = model.fit().bse[0]
    assert error < 0.95 * apart, "pairs share what they are; separate groups would not know it"


def test_influences_are_what_leaving_a_patient_out_does():
    dice = np.random.default_rng(1)
    time, happened = dice.exponential(size=80), dice.random(80) < 0.7
    x = dice.normal(size=(80, 2))
    beta, influence = cox_influence(time, happened, x)
    assert beta == pytest.approx(cox(time, happened, x)[0])
    for row in (0, 17, 40):
        keep = np.arange(80) != row
        without = cox(time[keep], happened[keep], x[keep])[0]
        assert (beta - without) == pytest.approx(influence[row], abs=0.02), row


def test_a_ratio_of_hazard_ratios_has_a_baseline_for_each_group():
    """Half of the patients die three times as fast: within groups the ratio is the same, and theirs is one."""
    arms = cohort(4, patients=2000, effect=0.5)
    slow = {f"{name} slow": arms[name].of(arms[name].patient < 1000) for name in "ab"}
    fast = {
        f"{name} fast": dataclasses.replace(part, days=part.days / 3)
        for name, part in ((name, arms[name].of(arms[name].patient >= 1000)) for name in "ab")
    }
    weights = (("b slow", 1), ("a slow", -1), ("b fast", -1), ("a fast", 1))
    only = {name: name.split()[1] for name in (*slow, *fast)}
    value, error, _ = hazard_contrast(Contrast("", weights, 0, 0.2), {**slow, **fast}, only)
    assert abs(value) < 4 * error and error < 0.2
    _, patients, influence = hazard_influence(Contrast("", weights, 0, 0.2), {**slow, **fast}, only)
    assert len(patients) == 2000 and abs(influence.sum()) < 1e-6


def test_a_hazard_alone_is_refused():
    with pytest.raises(InputError, match="allowed: arms compared in equal number"):
        hazard_influence(Contrast("a < b", (("a", 1), ("b", 1)), 1), cohort(1), {"a": None, "b": None})


def test_outcomes_that_compare_other_people_say_so():
    chosen = {name for name, kind in OUTCOMES.items() if kind.selected}
    assert "later relapse of those free at {years} years" in chosen and "years to the first metastasis" in chosen
    assert all(OUTCOMES[name].from_diagnosis for name in clinical.CLINICAL)


@pytest.fixture(scope="module")
def followed():
    """The same operated patients with visits every 3 and every 12 months, and not operated on."""
    base = load("colorectal").with_(
        patients=120, set_=["metastatic_share.colon=1", "frailty_log_sd=1", "competent_share=4e-6"]
    )
    plans = load("adherence").treatments[:1]
    surgery = dataclasses.replace(base, treatments=plans)
    return {
        name: run_scenario(scenario, seed=2, out=None, tables="metastases")
        for name, scenario in (
            ("untreated", base),
            ("3 months", surgery.with_(set_=["follow_up_interval_days=91"])),
            ("12 months", surgery.with_(set_=["follow_up_interval_days=365"])),
        )
    }


def test_more_visits_bring_a_lead_time_and_no_life(followed):
    """Found earlier by visits alone nobody lives longer: the outcome that counts from surgery knows it."""
    known, lived = (
        outcome(name).values
        for name in ("years without a known metastasis within 4 years", "years lived within 4 years")
    )
    gain = known(followed["12 months"]) - known(followed["3 months"])
    assert gain.mean() > 0.02 and (gain >= -0.05).mean() > 0.9
    assert (lived(followed["12 months"]) == lived(followed["3 months"])).all()


def test_surgery_lowers_the_hazard_of_death(followed):
    from sim.analysis.survival import follow_up

    times = {name: follow_up(followed[name]) for name in ("untreated", "12 months")}
    contrast = Contrast("12 months < untreated", (("12 months", 1), ("untreated", -1)), -1)
    value, error, _ = hazard_contrast(contrast, times, dict.fromkeys(times))
    assert value < -2 * error
