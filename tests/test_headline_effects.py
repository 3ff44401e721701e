"""Headline effects of mechanisms and treatments against closed forms that no other file has, and the list of all of them.

`docs/effects.md` says for every mechanism and treatment which test holds its headline effect against a closed form or the
plain second implementation. Statistical checks fail a correct program with probability 2e-9 each (`statistics_helpers`).
"""

import re

import numpy as np
import pytest
from conftest import REPOSITORY
from statistics_helpers import assert_counts, assert_poisson_total
from treated_patients import (
    DIAGNOSIS_DAY,
    FROZEN,
    LIVER,
    LUNG,
    NOTHING_SETTLES,
    SPARED,
    plan,
    put_grown,
    put_small,
    run_to,
    sizes,
    treated_model,
)
from virtual_patients import NOTHING_ACTS, off, plain_model

from sim import mechanisms, treatments
from sim.disease.growth import gompertz_cells
from sim.disease.identity import unpack
from sim.disease.trajectories import Trajectories
from sim.names import NICHES

# -- the list ------------------------------------------------------------------------------------------


def listed() -> dict[str, list[str]]:
    """Tests by mechanism or treatment, from the table of the page."""
    rows = re.findall(
        r"^\| `(\w+)` \| .+ \| (.+) \|$", (REPOSITORY / "docs/effects.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: re.findall(r"`(\w+)::(\w+)`", tests) for name, tests in rows}


def test_every_mechanism_and_treatment_has_a_test_of_its_headline_effect():
    """The page lists all of them, in their order, and the tests that it names exist."""
    found = listed()
    assert list(found) == [*mechanisms.REGISTRY, *treatments.REGISTRY]
    for name, tests in found.items():
        assert tests, name
        for file, test in tests:
            text = (REPOSITORY / "tests" / f"{file}.py").read_text(encoding="utf-8")
            assert f"\ndef {test}(" in text, f"{name}: {file} has no {test}"


# -- vesicles, and what is given against them ----------------------------------------------------------

AT_REST = {**NOTHING_SETTLES, "shedding_exponent": 0.0, "shedding_per_day": 40.0, "primary_gompertz_per_day": 1e-12}
"""A primary that sheds 40 cells a day, if nothing acts."""


def check_shedding() -> None:
    """Cells shed in 100 days: 1 + gain (1 - PTEN x LATS2), each 1 / (1 + release x senescent share), by what is blocked of it."""
    given = {"none": [], "p2rx7": [plan("p2rx7_inhibition", cycles=100)], "mirna": [plan("mirna_silencing", cycles=100, dose=0.5)],
             "senolytic": [plan("senolytic")], "all": [plan("p2rx7_inhibition", cycles=100), plan("mirna_silencing", cycles=100, dose=0.5), plan("senolytic")]}  # fmt: skip
    model = treated_model(60, list(given.values()), days=100, **AT_REST, **off("inflammation"), vesicle_release=6.0, emt_shedding_gain=3.0,
                          senescent_share_maximum=0.3, senescence_half_age_years=67.0, senescence_width_years=1e9, p2rx7_block=0.8, mirna_block=0.7,
                          senolytic_clearance=0.5, senescence_return_days=1e12)  # fmt: skip
    run_to(model, DIAGNOSIS_DAY)
    before = model.shed_total.copy()
    run_to(model, DIAGNOSIS_DAY + 100)
    shed = (model.shed_total - before).reshape(5, 60).sum(axis=1)
    left = np.array([1.0, 0.2, 0.3**0.5, 0.5, 0.2 * 0.3**0.5 * 0.5])  # of vesicles x what they repress
    factor = 1.0 + 3.0 * (1.0 - (1.0 + 6.0 * 0.15 * left) ** -2)
    for count, mean in zip(shed, 60 * 100 * 40.0 * factor, strict=True):
        assert_poisson_total(int(count), mean)


def test_vesicles_raise_shedding_and_three_drugs_lower_it_by_their_law():
    """Counts of 300,000: an error of 1.5 % in shedding is found."""
    check_shedding()


def test_a_blockade_that_does_nothing_is_noticed(monkeypatch):
    from sim.treatments import p2rx7_inhibition

    monkeypatch.setattr(p2rx7_inhibition, "left_after", lambda share, level: np.ones_like(level))
    with pytest.raises(AssertionError, match="counted"):
        check_shedding()


# -- inflammation, and what is given against it --------------------------------------------------------


def test_inflammation_prepares_the_liver_and_two_drugs_hinder_it_by_their_law():
    """A primary of constant size: the liver's receptivity settles at 1 + gain x STAT3, and its seeds are Poisson with that.

    Ten thousand seeds an arm: an error of 12 % in their number is found; receptivity is exact.
    """
    given = [[], [plan("il6_blockade", cycles=200)], [plan("stat3_blockade", cycles=200)],
             [plan("il6_blockade", cycles=200, dose=0.5), plan("stat3_blockade", cycles=200)]]  # fmt: skip
    law = {"inflammation_gain": 4.0, "il6_half_cells": 1e5, "stat3_half_il6": 0.3, "stat3_hill_exponent": 2.0, "saa_time_days": 2.0, "niche_time_days": 3.0,
           "il6_block": 0.9, "stat3_block": 0.6}  # fmt: skip
    model = treated_model(40, given, days=200, **off("senescent_vesicles"), **law, shedding_exponent=0.0, shedding_per_day=100.0, competent_share=0.05,
                          primary_gompertz_per_day=1e-12)  # fmt: skip
    model.primary.gap[:] = np.log(10.0)  # 10^6 cells
    run_to(model, 120)
    il6 = 1e6 / 1.1e6 * np.array([1.0, 0.1, 1.0, 0.1**0.5])
    stat3 = il6**2 / (il6**2 + 0.09) * np.array([1.0, 1.0, 0.4, 0.4])
    expected = np.repeat(1.0 + 4.0 * stat3, 40)
    assert model.rates.receptivity[:, LIVER] == pytest.approx(expected, rel=1e-6)
    assert np.all(np.delete(model.rates.receptivity, LIVER, axis=1) == 1.0)
    before = model.cells.settled[:, LIVER].copy()
    run_to(model, 200)
    settled = (model.cells.settled[:, LIVER] - before).reshape(4, 40).sum(axis=1)
    mean = 80 * 100.0 * 40 * model.streams[0].routing.arrest[0, LIVER] * 0.1 * 0.05 * expected.reshape(4, 40)[:, 0]
    for count, wanted in zip(settled, mean, strict=True):
        assert_poisson_total(int(count), wanted)
    assert settled[1] < settled[3] < settled[2] < settled[0]


# -- stemness ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share, motility", [(1.0, 1.0), (0.2, 1.0), (0.2, 3.0)])
def test_only_stem_like_cells_settle_and_they_move_more(share, motility):
    """Settled cells are Poisson with share x motility times as many: off by 9 % is found."""
    model = plain_model(
        40,
        100,
        **NOTHING_ACTS,
        shedding_exponent=0.0,
        shedding_per_day=100.0,
        competent_share=0.05,
        stem_share=share,
        stem_motility=motility,
    )
    model.run()
    arrest = model.streams[0].routing.arrest[0].sum()
    assert_poisson_total(int(model.cells.settled.sum()), 40 * 100 * 100.0 * arrest * 0.1 * 0.05 * share * motility)


def test_sleeping_founders_are_stem_like_as_a_whole():
    """A dose of twelve logs that spares no sleeper leaves of founders what stemness saves: 0.7 of them, found if off by 6 %."""
    asleep = {f"feeding__{niche}": 0.0 for niche in NICHES} | {
        "sleep_probability": 1.0,
        "sleeper_death_per_day": 0.0,
        "competent_share": 3e-2,
    }
    model = treated_model(40, [[plan("chemotherapy")]], diagnosis_day=100, log10_kill__chemotherapy=12.0, stem_share=0.2, stem_motility=5.0,
                          stem_drug_resistance=0.7, **NOTHING_ACTS, **asleep, **SPARED | {"sleeper_sparing__chemotherapy": 0.0})  # fmt: skip
    run_to(model, 100)
    before = int(model.cells.sleeping.sum())
    died = model.cells.died_asleep.sum()
    model.step()
    left = before - int(model.cells.died_asleep.sum() - died)
    assert before > 5000
    assert_counts([left, before - left], before * np.array([0.7, 0.3]))


# -- targeted therapy ----------------------------------------------------------------------------------


def test_targeted_therapy_and_chemotherapy_hit_who_does_not_resist_them():
    """10,000 colonies of 20 cells for each set of resistances, both drugs on one morning: shares by hand, off by 1 % is found."""
    model = treated_model(100, [[plan("chemotherapy"), plan("targeted_therapy", dose=2.0)]], diagnosis_day=24, log10_kill__chemotherapy=0.3,
                          log10_kill__targeted_therapy=0.1, acquired_resistance__targeted_therapy=0.0, **FROZEN, **SPARED)  # fmt: skip
    run_to(model, 21)
    put_small(model, 400, 20)
    index = unpack(model.cells.small.column("identity"))["index"]
    model.cells.small.column("traits")[:] = index // 100  # bit 1: chemotherapy, bit 2: targeted therapy
    run_to(model, 28)
    parts = unpack(model.cells.small.column("identity"))["index"] // 100
    cells = np.bincount(parts, sizes(model), minlength=4)
    for resists, left in enumerate((10**-0.5, 10**-0.2, 10**-0.3, 1.0)):
        if left < 1.0:
            assert_counts([cells[resists], 200_000 - cells[resists]], 200_000 * np.array([left, 1.0 - left]))
    assert abs(cells[3] - 200_000) < 200, "hit by neither; born and dead in a week are few"


# -- checkpoint inhibition -----------------------------------------------------------------------------

READY = {"immune_clearance_per_day": 0.01, "checkpoint_shrink_per_day": 0.05, "checkpoint_gain": 1.5, "pole_prevalence": 0.0,
         "jak_loss_prevalence": 0.0, "pten_loss_prevalence": 0.0, "t_cell_decline_per_year": 0.0, "liver_drain_half_cells": 2e5}  # fmt: skip


def test_checkpoint_inhibition_falls_with_age_adiposity_and_liver_metastases():
    """One strike at a lung colony: its exponent is the T cells, of which the old have e^(-0.02 x 47), and fewer those with a full liver.

    The strike takes the T cells of the day before, and these the burden of the last weekly measurement.
    """
    arms = [{}, {"t_cell_decline_per_year": 0.02}, {}, {"obesity_t_cell_cost": 0.5}]
    model = treated_model(
        1,
        [[plan("checkpoint_inhibition", cycles=14)]] * 4,
        diagnosis_day=41,
        arm_values=[READY | arm for arm in arms],
        **NOTHING_SETTLES,
    )
    model.hosts.bmi[3] = 45.0
    mechanisms.REGISTRY["obesity"].start(model.signals, model.parameters)  # as if so from the start
    model.primary.gap[:] = np.log(10.0)
    run_to(model, 21)
    put_grown(model, 1e5, LUNG)
    put_grown(model, 1e5, LIVER, number=1)
    grown = model.cells.grown
    parts = unpack(grown.column("identity"))
    grown.keep((parts["niche"] == LUNG) | (parts["lane"] == 2))  # the third patient alone has a liver metastasis
    run_to(model, 43)
    age = model.signals.age_years[1]
    before, now = gompertz_cells(
        np.array([14.0, 21.0]), 1e5, 1e9, 0.01
    )  # the liver's burden as measured a week ago, and last night
    t_cells = {burden: 2.5 * np.array([1.0, np.exp(-0.02 * (age - 20.0)), 1.0 / (1.0 + burden / 2e5), 1.0 / (1.0 + 0.5 * 2.0)])
               for burden in (before, now)}  # fmt: skip
    assert model.signals.level["t_cells"] == pytest.approx(t_cells[now], rel=1e-4)
    paths = Trajectories(model.cells, model.law)
    cells = paths.cells_on(np.full(len(paths.colony), 43))[unpack(paths.colony)["niche"] == LUNG]
    struck = gompertz_cells(21, 1e5, 1e9, 0.01) * np.exp(-7 * 0.05 * t_cells[before])
    assert cells == pytest.approx(gompertz_cells(1, struck, 1e9, 0.01), rel=1e-4)


def test_checkpoint_inhibition_clears_more_small_colonies():
    """Cells that neither divide nor die survive five weeks with exp(-0.01 x 2.5 x 35), and exp(-0.01 x 35) without it, blind or not."""
    arms = [{}, {"pten_loss_prevalence": 1.0}]
    model = treated_model(100, [[plan("checkpoint_inhibition", cycles=40)]] * 2, diagnosis_day=21, arm_values=[FROZEN | READY | arm for arm in arms],
                          cycling_birth_per_day=0.0)  # fmt: skip
    run_to(model, 21)
    put_small(model, 100, 1000)
    run_to(model, 56)
    left = np.bincount(unpack(model.cells.small.column("identity"))["lane"] // 100, minlength=2)
    for there, hazard in zip(left, (0.025, 0.01), strict=True):
        alive = 10_000 * np.exp(-35 * hazard)
        assert_counts([there, 10_000 - there], [alive, 10_000 - alive])


@pytest.mark.parametrize(
    "marker, responds", [("jak_loss_prevalence", 0.0), ("pten_loss_prevalence", 0.0), ("pole_prevalence", 3.0)]
)
def test_markers_of_response_are_as_frequent_as_their_prevalence(marker, responds):
    """Of 4,000 patients a quarter carries the marker (POLE and POLD1 are one): blind to T cells let loose, or three times as responsive."""
    model = treated_model(4000, [[plan("checkpoint_inhibition", cycles=3)]], diagnosis_day=1, days=4, **NOTHING_SETTLES, **READY | {marker: 0.25},
                          pole_response_factor=3.0)  # fmt: skip
    run_to(model, 2)
    gain = model.signals.t_cell_factor - 1.0
    carries = np.isclose(gain, 1.5 * responds)
    assert np.all(carries | np.isclose(gain, 1.5))
    assert_counts([carries.sum(), (~carries).sum()], [1000, 3000])
