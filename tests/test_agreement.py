"""The engine against the plain second implementation: both agree in distribution.

Power: see `agreement_compare`. Every comparison has a false-alarm rate below 1e-6 and finds a true
difference of twice its tolerance (`Effort` in `agreement_scenarios`) with the same certainty; samples
too small for that raise TooWeak. The plain side has about 10^5 cells, or 1,500 patients; ten times that
with `make long`. That the comparison can fail is shown on what `reference.broken` gets wrong on purpose.
"""

from __future__ import annotations

import numpy as np
import pytest
from agreement_compare import FALSE_ALARM, Sample, Tolerances, TooWeak, differences, disagreements
from agreement_scenarios import BROKEN, LIFE, LONG, SHORT, both_ages, both_firsts, both_lives, both_patients, both_sizes
from reference import broken as wrong
from reference.plain import PlainModel, birth_and_death
from reference.plain_patient import PlainPatient
from scipy import stats

effort = pytest.mark.parametrize(
    "effort", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
)


def assert_agree(plain: Sample, engine: Sample, tolerances: Tolerances) -> None:
    """The two samples agree within the tolerances."""
    found = disagreements(differences(plain, engine, tolerances))
    assert not found, found


@effort
def test_counts_and_waiting_times_agree(effort):
    assert_agree(*both_lives(PlainModel, effort, 1000), effort.life)


@pytest.mark.parametrize(
    "broken, caught",
    [
        (wrong.InvertedSleep, {"mean woke liver", "mean asleep lung"}),
        (wrong.DoubleDeathAsleep, {"mean died_asleep liver", "mean died_asleep lung"}),
        (wrong.SettleBeforeWake, {"values woke liver", "values woke lung"}),
        (wrong.WakesADayLate, {"values woke liver", "values woke lung"}),
    ],
)
def test_a_broken_life_is_caught(broken, caught):
    assert caught <= disagreements(differences(*both_lives(broken, BROKEN, 2000), BROKEN.life)).keys()


@effort
def test_first_metastasis_times_agree(effort):
    assert_agree(*both_firsts(PlainModel, effort, 10_000), effort.first)


def test_broken_first_metastases_are_caught():
    found = disagreements(differences(*both_firsts(wrong.TwiceTheNoise, BROKEN, 20_000), BROKEN.first))
    # Of lines twice as noisy half as many live: the share of patients is off by about what is tolerated.
    assert {"values first metastasis"} <= found.keys() <= {"values first metastasis", "share with a metastasis"}


@effort
def test_colony_sizes_agree(effort):
    assert_agree(*both_sizes(PlainModel, effort, 30_000), effort.sizes)


@pytest.mark.parametrize(
    "broken, caught",
    [
        (wrong.TwiceTheNoise, {"share alive at 10 days", "values cells at 10 days"}),
        (wrong.JumpyColonies, {"values cells at 95 days"}),
    ],
)
def test_broken_colonies_are_caught(broken, caught):
    assert caught <= disagreements(differences(*both_sizes(broken, BROKEN, 40_000), BROKEN.sizes)).keys()


def worst_numbers(plain: dict[int, np.ndarray], engine: dict[int, np.ndarray]) -> float:
    """Smallest p of numbers of colonies with none, 1, 2-9, 10-99, 100-999 and more cells, by age: chi-square of two samples."""
    p = []
    for age in plain:
        both = np.array(
            [np.histogram(cells[age], bins=[0, 1, 2, 10, 100, 1000, np.inf])[0] for cells in (plain, engine)]
        )
        p.append(stats.chi2_contingency(both[:, both.sum(axis=0) > 20]).pvalue)
    return min(p)


@effort
def test_numbers_of_colonies_by_size_and_age_agree(effort):
    """Sums of cells hide a wrong law of small sizes. 40,000 plain colonies: a share of 0.1 that is off by a sixth is found."""
    assert worst_numbers(*both_ages(PlainModel, effort, 30_000)) > FALSE_ALARM


def test_numbers_of_colonies_of_another_law_are_noticed():
    """Births a seventh too frequent, deaths to match: the mean size is as it is."""
    assert worst_numbers(*both_ages(wrong.ALittleMoreNoise, SHORT, 45_000)) < FALSE_ALARM


@pytest.mark.parametrize("cells", [1, 8])
def test_the_plain_law_of_a_day_is_that_of_single_events(cells):
    """The oracle itself: Bailey's law, drawn at once, against births and deaths one by one."""
    rng = np.random.default_rng(3)
    at_once, one_by_one = (
        Sample(values={"cells": np.array([birth_and_death(rng, cells, 1.0, 0.6, below) for _ in range(12_000)])})
        for below in (0, 10**9)
    )
    assert_agree(at_once, one_by_one, Tolerances(distance=0.04))
    other_death = Sample(values={"cells": np.array([birth_and_death(rng, cells, 1.0, 0.4) for _ in range(12_000)])})
    assert disagreements(differences(other_death, one_by_one, Tolerances(distance=0.04)))


@effort
@pytest.mark.parametrize("site", ["colon", "lung", "oesophagus"])
def test_fates_of_shed_cells_agree(site, effort):
    assert_agree(*both_patients(site, PlainPatient, effort, 50_000), effort.patient)


@pytest.mark.parametrize(
    "broken, caught",
    [
        (wrong.ArrestBeforeDeath, {"mean died_in_transit"}),
        (wrong.InvertedShunt, {"share arrested liver", "mean settled"}),
        (wrong.CalmLiver, {"share settled liver", "share died_on_arrival liver"}),
    ],
)
def test_a_broken_patient_is_caught(broken, caught):
    assert caught <= disagreements(differences(*both_patients("colon", broken, BROKEN, 60_000), BROKEN.patient)).keys()


# -- the comparison itself -----------------------------------------------------------------------------


def test_a_comparison_too_weak_for_its_tolerance_is_refused():
    few = Sample(counts={"settled": np.array([3, 5, 4])}, values={"days": np.arange(20)})
    with pytest.raises(TooWeak, match="too few"):
        differences(few, few, SHORT.life)
    with pytest.raises(TooWeak, match="different counts"):
        differences(few, Sample(values=few.values), SHORT.life)


def test_the_plain_model_knows_two_activations():
    for activation in ("do", "shuffle_do"):
        model = PlainModel(5.0, LIFE, activation=activation, seed=1)
        for _ in range(30):
            model.step()
        settled, gone = model.counts["settled", "liver"], model.counts["died_asleep", "liver"]
        assert settled - gone - model.counts["extinct", "liver"] == len(model.agents) > 0
        assert 0 < model.cell_days < settled * 30
    with pytest.raises(ValueError, match="'do' or 'shuffle_do', not 'every'"):
        PlainModel(5.0, LIFE, activation="every")
