"""Operations, radiation, endocrine therapy, immunity and blockades against closed forms: what is left, held, or skipped.

Samples are so large that an error of a few per cent in the quantity named is found; see
`statistics_helpers` for the rate of false alarms.
"""

import numpy as np
import pytest
from scipy import stats
from statistics_helpers import assert_counts, assert_discrete, assert_mean
from treated_patients import (
    DIAGNOSIS_DAY,
    FROZEN,
    LIVER,
    LUNG,
    NOTHING_SETTLES,
    plan,
    put_grown,
    put_small,
    run_to,
    sizes,
    treated_model,
)
from virtual_patients import NOTHING_ACTS, on

from sim.disease.growth import gompertz_cells
from sim.disease.identity import unpack
from sim.disease.trajectories import Trajectories


def test_radiotherapy_hits_one_organ():
    model = treated_model(
        50,
        [[plan("radiotherapy", organ="lung", cycles=4)]],
        diagnosis_day=22,
        radiotherapy_surviving_fraction=0.6,
        **FROZEN,
    )
    run_to(model, 21)
    for niche in (LIVER, LUNG):
        put_small(model, 20, 100, niche)
    run_to(model, 28)
    niche = unpack(model.cells.small.column("identity"))["niche"]
    cells = sizes(model)
    assert abs(cells[niche == LIVER].mean() - 100) < 1
    left = cells[niche == LUNG].sum()
    assert_counts([left, 100_000 - left], 100_000 * np.array([0.6**4, 1 - 0.6**4]))


def test_radiotherapy_of_the_primary():
    model = treated_model(
        1, [[plan("radiotherapy", organ="primary", cycles=3)]], primary_gompertz_per_day=1e-9, **NOTHING_SETTLES
    )
    model.primary.gap[:] = np.log(10.0)
    run_to(model, DIAGNOSIS_DAY + 5)
    assert model.primary.cells[0] == pytest.approx(1e6 / 8, rel=1e-6)


@pytest.mark.parametrize("residual", [0.0, 0.02])
def test_resection_leaves_its_residual_share_which_grows_on(residual):
    model = treated_model(2, [[plan("resection", start_days=10)]], diagnosis_day=130, resection_residual_share=residual)
    run_to(model, 141)
    assert model.resection_day.tolist() == [140, 140]
    shed = model.shed_total.copy()
    left = residual * gompertz_cells(140, 1.0, 1e7, 0.02)
    run_to(model, 300)
    expected = gompertz_cells(160, left, 1e7, 0.02) if residual else 0.0
    assert model.primary.cells == pytest.approx(expected, rel=1e-9)
    assert np.all(model.shed_total > shed) if residual else np.array_equal(model.shed_total, shed)


def test_a_residue_of_less_than_a_cell_is_none():
    model = run_to(treated_model(1, [[plan("resection")]], resection_residual_share=1e-7), 200)
    assert model.primary.cells[0] == 0.0


def test_endocrine_therapy_holds_receptor_positive_cells_asleep():
    """Whole hold, two patients in three have the receptor: their clocks stand still while it is taken, and then run on."""
    asleep = {
        "sleep_probability": 1.0,
        "dormancy_broad_scale_days": 30.0,
        "endocrine_hold": 1.0,
        "hormone_receptor_share": 2 / 3,
    }
    model = treated_model(3000, [[plan("endocrine_therapy", cycles=60)]], diagnosis_day=130, **NOTHING_ACTS, **asleep)
    run_to(model, 130)
    clock = model.energy_clock[:, LIVER].copy()
    run_to(model, 190)
    moved = model.energy_clock[:, LIVER] - clock
    held = moved == 0.0
    assert set(moved.tolist()) == {0.0, 60.0}
    assert_counts([held.sum(), (~held).sum()], [2000, 1000])
    woke = model.cells.woke.copy()
    run_to(model, 191)
    assert np.all(model.energy_clock[:, LIVER] - clock == np.where(held, 1.0, 61.0))
    assert model.cells.woke[held].sum() > woke[held].sum()


def test_nobody_wakes_during_a_whole_hold():
    asleep = {
        "sleep_probability": 1.0,
        "dormancy_broad_scale_days": 30.0,
        "endocrine_hold": 1.0,
        "hormone_receptor_share": 1.0,
    }
    model = run_to(
        treated_model(20, [[plan("endocrine_therapy", cycles=60)]], diagnosis_day=130, **NOTHING_ACTS, **asleep), 130
    )
    before = model.cells.woke.sum()
    run_to(model, 190)
    assert before > 0 and model.cells.woke.sum() == before
    run_to(model, 195)
    assert model.cells.woke.sum() > before


def test_a_skipped_pill_lets_the_clock_run_for_its_day():
    """Adherence 0.7 over 200 days in 500 patients: 60 days of the clock on average."""
    model = treated_model(500, [[plan("endocrine_therapy", cycles=200, adherence=0.7)]], days=300, endocrine_hold=1.0, hormone_receptor_share=1.0,
                          **NOTHING_SETTLES, **NOTHING_ACTS)  # fmt: skip
    run_to(model, DIAGNOSIS_DAY)
    clock = model.energy_clock[:, LIVER].copy()
    run_to(model, DIAGNOSIS_DAY + 200)
    assert_discrete((model.energy_clock[:, LIVER] - clock).astype(int), stats.binom(200, 0.3))


def test_adherence_takes_that_share_of_doses_and_the_same_ones_in_every_arm():
    """2,000 patients, 40 doses at 0.8: binomial; another dose or a further treatment does not change who skips what."""
    arms = [[plan("radiotherapy", organ="primary", cycles=40, adherence=0.8)],
            [plan("il6_blockade", cycles=5), plan("radiotherapy", organ="primary", cycles=40, adherence=0.8, dose=2.0)],
            [plan("radiotherapy", organ="primary", cycles=40, adherence=0.5)]]  # fmt: skip
    model = treated_model(
        2000, arms, radiotherapy_surviving_fraction=0.99, primary_gompertz_per_day=1e-9, **NOTHING_SETTLES
    )
    model.primary.gap[:] = np.log(10.0)
    run_to(model, DIAGNOSIS_DAY + 41)
    doses = np.rint((model.primary.gap - np.log(10.0)) / -np.log(0.99)).astype(int).reshape(3, 2000)
    assert_discrete(doses[0], stats.binom(40, 0.8))
    assert np.array_equal(2 * doses[0], doses[1])
    assert np.all(doses[2] <= doses[0])
    assert_mean(doses[2], 20.0)


def test_senolytics_clear_senescent_cells_that_come_back():
    model = treated_model(
        1,
        [[plan("senolytic", cycles=2, every_days=30)]],
        **NOTHING_SETTLES,
        senolytic_clearance=0.4,
        senescence_return_days=50.0,
    )
    seen = {}
    while model.day < DIAGNOSIS_DAY + 100:
        model.step()
        seen[model.day - 1] = float(model.signals.senescence_factor[0])
    at = DIAGNOSIS_DAY
    assert seen[at - 1] == 1.0 and seen[at] == pytest.approx(0.6)
    for days in (1, 10, 29):
        assert seen[at + days] == pytest.approx(1 - 0.4 * np.exp(-days / 50))
    again = 1 - (1 - 0.4 * np.exp(-30 / 50)) * 0.6
    assert seen[at + 30] == pytest.approx(1 - again) and seen[at + 90] == pytest.approx(1 - again * np.exp(-60 / 50))


@pytest.mark.parametrize(
    "name, signal, parameter",
    [
        ("il6_blockade", "il6_factor", "il6_block"),
        ("stat3_blockade", "stat3_factor", "stat3_block"),
        ("p2rx7_inhibition", "vesicle_factor", "p2rx7_block"),
        ("mirna_silencing", "repression_factor", "mirna_block"),
    ],
)
def test_a_blockade_lasts_as_long_as_it_is_given(name, signal, parameter):
    model = treated_model(1, [[plan(name, cycles=2, every_days=10, dose=2.0)]], **NOTHING_SETTLES, **{parameter: 0.7})
    seen = []
    for _ in range(DIAGNOSIS_DAY + 25):
        model.step()
        seen.append(float(getattr(model.signals, signal)[0]))
    assert seen == pytest.approx([1.0] * DIAGNOSIS_DAY + [0.3**2] * 20 + [1.0] * 5)


@pytest.mark.parametrize("planned", [0, -30, -90, -200])
@pytest.mark.parametrize("cycles, every_days", [(90, 1), (3, 28), (2, 50)])
def test_a_course_planned_from_before_the_first_cell_ends_when_it_would_have(planned, cycles, every_days):
    """From so many days before the first malignant cell on: the days before it are lost, and not made up for."""
    course = plan("il6_blockade", start_days=planned - DIAGNOSIS_DAY, cycles=cycles, every_days=every_days)
    model = treated_model(2, [[course], []], days=150)
    factor = []
    while model.day < 120:
        model.step()
        factor.append(model.signals.il6_factor.copy())
    treated, untreated = np.array(factor)[:, 0] < 1.0, np.array(factor)[:, 2] < 1.0
    assert not untreated.any()
    days = max(planned + cycles * every_days, 0)
    assert treated[:days].all() and not treated[days:].any()


def test_checkpoint_inhibition_shrinks_grown_colonies_by_t_cells_and_markers():
    """One grown colony, T cells of one: 3 weeks at 0.05 a day; nothing without T cells, with PTEN lost, or in a nude mouse."""
    young = {"t_cell_decline_per_year": 0.0, "checkpoint_gain": 0.0, "checkpoint_shrink_per_day": 0.05, "pole_prevalence": 0.0,
             "jak_loss_prevalence": 0.0, "pten_loss_prevalence": 0.0, "immune_clearance_per_day": 0.01}  # fmt: skip
    others = [{}, {"pten_loss_prevalence": 1.0}, {"jak_loss_prevalence": 1.0}, {"pole_prevalence": 1.0, "pole_response_factor": 2.0},
              {"immune_clearance_per_day": 0.0}]  # fmt: skip
    arms = [[plan("checkpoint_inhibition", cycles=21)]] * len(others)
    model = treated_model(1, arms, diagnosis_day=42, arm_values=[young | other for other in others], **NOTHING_SETTLES,
                          liver_drain_half_cells=1e15)  # fmt: skip
    run_to(model, 21)
    put_grown(model, 1e5, LUNG)
    run_to(model, 63)
    expected = gompertz_cells(21, 1e5, 1e9, 0.01)
    for _ in range(3):
        expected = gompertz_cells(7, expected * np.exp([-0.35, 0.0, 0.0, -0.7, 0.0]), 1e9, 0.01)
    assert Trajectories(model.cells, model.law).cells_on(np.full(5, 63)) == pytest.approx(expected, rel=1e-9)


def test_checkpoint_inhibition_lets_t_cells_loose_from_the_first_morning_on():
    """T cells of one, let loose to three: a week at 0.15 a day from the first dose on, and again after a dose that was skipped."""
    values = {"t_cell_decline_per_year": 0.0, "checkpoint_gain": 2.0, "checkpoint_shrink_per_day": 0.05, "pole_prevalence": 0.0,
              "jak_loss_prevalence": 0.0, "pten_loss_prevalence": 0.0, "immune_clearance_per_day": 0.01}  # fmt: skip
    arms = [[plan("checkpoint_inhibition", cycles=1, every_days=7)],
            [plan("checkpoint_inhibition", cycles=1, every_days=7), plan("checkpoint_inhibition", start_days=14, cycles=1, every_days=7)]]  # fmt: skip
    model = treated_model(
        1, arms, diagnosis_day=42, arm_values=[values, values], **NOTHING_SETTLES, liver_drain_half_cells=1e15
    )
    run_to(model, 21)
    put_grown(model, 1e5, LUNG)
    run_to(model, 63)
    expected = gompertz_cells(21, 1e5, 1e9, 0.01)
    for strikes in ([1, 1], [0, 0], [0, 1]):
        expected = gompertz_cells(7, expected * np.exp(-7 * 0.15 * np.array(strikes)), 1e9, 0.01)
    assert Trajectories(model.cells, model.law).cells_on(np.full(2, 63)) == pytest.approx(expected, rel=1e-9)


def test_liver_surgery_is_for_liver_only_disease():
    """Arms: liver alone; liver and lung; a small liver lesion. Ablation goes up to 1e8 cells."""
    arms = [[plan("liver_resection")], [plan("liver_ablation")]]
    model = treated_model(
        3, arms, diagnosis_day=400, imaging_threshold_cells=2e5, ablation_largest_cells=1e8, **NOTHING_SETTLES
    )
    run_to(model, 21)
    put_grown(model, 1e5)
    run_to(model, 343)
    put_grown(model, 9.9e4, number=1)
    size = gompertz_cells(400 - 343, 9.9e4, 1e9, 0.01)
    assert size > 2e5
    lane = unpack(model.cells.grown.column("identity"))["lane"]
    model.cells.grown.keep(~((lane % 3 == 2) & (np.arange(12) < 6)))  # the third patient has the small one only
    rows = np.flatnonzero(
        (unpack(model.cells.grown.column("identity"))["lane"] % 3 == 1) & (np.arange(model.cells.grown.count) < 4)
    )
    identity = model.cells.grown.column("identity")
    identity[rows] += np.uint64(LUNG - LIVER) << np.uint64(4)  # the second patient's large one is in the lung
    run_to(model, 401)
    left = np.bincount(unpack(model.cells.grown.column("identity"))["lane"], minlength=6)
    removed = model.cells.removed[:, LIVER]
    large_too_large = gompertz_cells(379, 1e5, 1e9, 0.01) > 1e8 >= size
    assert large_too_large
    assert left.tolist() == [0, 2, 0, 1, 2, 0]
    assert removed.tolist() == [2, 0, 1, 1, 0, 1] and model.cells.ended.column("removed").all()


def test_the_wave_of_surgery_inflames_and_decays():
    model = treated_model(1, [[plan("resection")]], surgery_inflammation=0.8, surgery_inflammation_days=10.0, **NOTHING_SETTLES,
                          **on("inflammatory_awakening"))  # fmt: skip
    run_to(model, DIAGNOSIS_DAY + 1)
    assert np.all(model.signals.inflamed == pytest.approx(0.8)) and model.signals.il6_extra[0] == pytest.approx(0.8)
    run_to(model, DIAGNOSIS_DAY + 11)
    assert model.signals.inflamed[0, LUNG] == pytest.approx(0.8 * np.exp(-1.0))
    assert model.rates.feeding[0, LUNG] == pytest.approx(1.0 + 5.0 * 0.8 * np.exp(-1.0))


# -- timing ----------------------------------------------------------------------------------------


def test_what_starts_after_surgery_waits_for_it():
    arms = [[plan("radiotherapy", after="surgery", start_days=7, organ="primary"), plan("resection", start_days=5)],
            [plan("radiotherapy", after="surgery", organ="primary"), plan("resection", start_days=5, adherence=0.0)]]  # fmt: skip
    model = treated_model(1, arms, resection_residual_share=0.5, **NOTHING_SETTLES)
    run_to(model, DIAGNOSIS_DAY + 12)
    before = model.primary.cells.copy()
    model.step()
    assert model.resection_day.tolist() == [DIAGNOSIS_DAY + 5, -1]
    assert model.primary.cells[0] < 0.7 * before[0] and model.primary.cells[1] > before[1]


def test_what_starts_after_the_first_metastasis_waits_for_its_detection():
    model = treated_model(
        2, [[plan("radiotherapy", after="first metastasis", start_days=3, organ="primary")]], **NOTHING_SETTLES
    )
    run_to(model, 50)
    model.first_detected_day[1] = 49
    run_to(model, 52)
    before = model.primary.cells.copy()
    model.step()
    assert model.primary.cells[1] < 0.6 * before[1] and model.primary.cells[0] > before[0]


def test_a_metastasis_seen_before_diagnosis_is_treated_from_diagnosis_on():
    """Otherwise the primary would shrink before it is found, and the day of diagnosis be another."""
    model = treated_model(
        1, [[plan("radiotherapy", after="first metastasis", organ="primary")]], diagnosis_day=60, **NOTHING_SETTLES
    )
    model.first_detected_day[0] = 40
    run_to(model, 60)
    before = model.primary.cells.copy()
    assert before == pytest.approx(gompertz_cells(60, 1.0, 1e7, 0.02))
    model.step()
    assert model.primary.cells[0] < 0.7 * before[0]


def test_what_starts_with_an_operation_after_the_first_metastasis_is_given_on_that_day():
    """A single fraction on the day of surgery, and the first of ten three weeks apart; the same as with surgery after diagnosis."""
    since = {"after": "first metastasis", "start_days": 5}
    arms = [[plan("radiotherapy", after="surgery", organ="primary", cycles=cycles, every_days=21), plan("resection", **start)]
            for cycles in (1, 10) for start in (since, {"start_days": 32})]  # fmt: skip
    model = treated_model(
        1,
        arms,
        resection_residual_share=0.5,
        primary_gompertz_per_day=1e-9,
        radiotherapy_surviving_fraction=0.1,
        **NOTHING_SETTLES,
    )
    model.primary.gap[:] = np.log(10.0)
    run_to(model, 48)
    model.first_detected_day[:] = 47
    run_to(model, 53)
    assert model.resection_day.tolist() == [52] * 4
    assert model.primary.cells == pytest.approx(1e6 * 0.5 * 0.1, rel=1e-5)
    run_to(model, 74)
    assert model.primary.cells == pytest.approx(1e6 * 0.5 * 0.1 ** np.array([1, 1, 2, 2]), rel=1e-5)


def test_liver_surgery_with_the_operation_after_the_first_metastasis_is_not_lost():
    """One visible colony of the liver; the primary is cut out after it is found, the colony on the same day."""
    model = treated_model(
        2,
        [[plan("liver_resection", after="surgery"), plan("resection", after="first metastasis")]],
        imaging_threshold_cells=2e4,
        **NOTHING_SETTLES,
    )
    run_to(model, 21)
    put_grown(model, 1e5)
    model.first_detected_day[:] = 21
    model.step()
    assert model.resection_day.tolist() == [21, 21]
    assert model.cells.removed[:, LIVER].tolist() == [1, 1]
