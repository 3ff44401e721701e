"""How a cancer comes to light and what of metastases kills: thresholds, reference day, found at death, and the null."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from virtual_patients import AGE, NOTHING_ACTS, plain_hosts, plainly, values

from sim import scenario
from sim.catalog.parameters import LaneParameters
from sim.disease.birth_death import STEP_DAYS
from sim.disease.death import METASTASES, Mortality
from sim.disease.hosts import draw_hosts
from sim.disease.presentation import LEAST_LETHAL_FACTOR
from sim.model import MetastasisModel
from sim.names import NICHES
from sim.runs import tables
from sim.runs.chunk import build_model
from sim.runs.presentation import may_come_first

LEAST_P = 1e-4
PATIENTS = 60
QUICK = [
    "primary_gompertz_per_day=0.004",
    "metastasis_gompertz_per_day=0.009",
    "frailty_log_sd=1",
    "competent_share=2e-4",
    "follow_up_interval_days=1500",
]
"""About two years from the first cell to the reference day; most have metastases by then."""


def quick(*more: str, **changes):
    return scenario.load("colorectal").with_(patients=PATIENTS, set_=plainly(*QUICK, *more), **changes)


def finished(chosen, patients=PATIENTS):
    model = build_model(chosen, seed=1, patients=np.arange(patients), collect=False)
    model.run()
    return model


# -- thresholds ----------------------------------------------------------------------------------------


def test_thresholds_follow_their_laws():
    lanes = 20_000
    arm = values(symptom_cells=1e11, symptom_log_sd=0.8, lethal_factor=2.5, lethal_log_sd=0.6, trait_truncation_sd=3.0)
    drawn = draw_hosts(9, np.arange(lanes), ["colon"] * lanes, [AGE] * lanes, LaneParameters(arm, lanes))
    cut = stats.truncnorm(-3, 3)
    assert stats.kstest(np.log(drawn.symptom_cells / 1e11) / 0.8, cut.cdf).pvalue > LEAST_P
    factor = drawn.lethal_cells / drawn.symptom_cells
    assert factor.min() > LEAST_LETHAL_FACTOR, "symptoms come first"
    assert np.median(factor) == pytest.approx(2.5, rel=0.02)
    assert (
        stats.kstest(np.log((factor - LEAST_LETHAL_FACTOR) / (2.5 - LEAST_LETHAL_FACTOR)) / 0.6, cut.cdf).pvalue
        > LEAST_P
    )


def test_no_threshold_is_infinite():
    arm = values(symptom_cells=1e18, symptom_log_sd=0.8)
    drawn = draw_hosts(9, np.arange(9), ["colon"] * 9, [AGE] * 9, LaneParameters(arm, 9))
    assert np.isinf(drawn.symptom_cells).all() and np.isinf(drawn.lethal_cells).all()
    assert np.array_equal(drawn.reference_day, drawn.diagnosis_day)
    assert not may_come_first(drawn, np.ones(9)).any()


# -- the day of diagnosis ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def presenting():
    return finished(quick("symptom_cells=2e9", "symptom_log_sd=0.5"))


def test_diagnosis_is_the_first_of_reference_day_and_symptoms(presenting):
    hosts = presenting.hosts
    early = hosts.diagnosis_day < hosts.reference_day
    assert 5 < early.sum() < PATIENTS - 5
    assert np.all(hosts.diagnosis_day <= hosts.reference_day)
    assert np.all(hosts.diagnosis_day[early] % STEP_DAYS == 0), "burden is measured with the week"


def test_symptoms_begin_where_the_weighted_burden_passes_the_threshold(presenting):
    """Recomputed from the sizes of the colonies on the morning of diagnosis, and of a week before."""
    hosts, parameters = presenting.hosts, presenting.parameters
    found = tables.Metastases(presenting)
    weight = parameters.by_niche("burden_weight")

    def burden(day):
        cells = np.nan_to_num(found.cells_on(day[found.lane]))
        niche = (found.identity >> np.uint64(4)).astype(np.int64) & 0xF
        out = np.zeros(len(hosts.patient))
        np.add.at(out, found.lane, weight[found.lane, niche] * cells)
        return out

    early = np.flatnonzero(hosts.diagnosis_day < hosts.reference_day)
    late = np.flatnonzero(hosts.diagnosis_day == hosts.reference_day)
    now, before = burden(hosts.diagnosis_day), burden(hosts.diagnosis_day - STEP_DAYS)
    # Colonies below 10^6 cells are left out here: they weigh less than one part in a hundred.
    assert np.all(now[early] > 0.99 * hosts.symptom_cells[early])
    assert np.all(before[early] < 1.01 * hosts.symptom_cells[early])
    assert np.all(before[late] < 1.01 * hosts.symptom_cells[late])


def test_the_reference_day_is_that_without_thresholds(presenting):
    plain = build_model(quick(), seed=1, patients=np.arange(PATIENTS), collect=False)
    assert np.array_equal(presenting.hosts.reference_day, plain.hosts.diagnosis_day)
    assert np.array_equal(presenting._age_on_day_0, plain._age_on_day_0), "age is that on the reference day"
    assert np.array_equal(plain.hosts.reference_day, plain.hosts.diagnosis_day)


def test_follow_up_ends_with_the_horizon_from_the_reference_day():
    """Which is the same in all arms: whoever is diagnosed earlier is followed that much longer."""
    chosen = quick("symptom_cells=2e9", "symptom_log_sd=0.5")
    model = build_model(chosen, seed=1, patients=np.arange(PATIENTS), collect=False)
    assert np.unique(model.last_day - model.hosts.reference_day).tolist() == [np.ceil(chosen.horizon_days)]
    assert len(np.unique(model.last_day - model.hosts.diagnosis_day)) > 5


def test_a_patient_presents_alike_in_any_cohort(presenting):
    chosen = quick("symptom_cells=2e9", "symptom_log_sd=0.5")
    some = build_model(chosen, seed=1, patients=np.array([41, 7]), collect=False).hosts
    assert some.diagnosis_day.tolist() == presenting.hosts.diagnosis_day[[41, 7]].tolist()


def test_the_tables_tell_how_it_came_to_light(presenting):
    columns = tables.patients_table(presenting, tables.Metastases(presenting))
    hosts = presenting.hosts
    by_metastases = columns["presentation"] == "metastases"
    assert np.array_equal(by_metastases, hosts.diagnosis_day < hosts.reference_day)
    assert (columns["presentation"] == "primary").sum() + by_metastases.sum() == PATIENTS
    assert columns["reference_day"].tolist() == hosts.reference_day.tolist()
    assert np.ma.count_masked(columns["diagnosis_day"]) == 0


def test_treatment_before_diagnosis_starts_from_the_reference_day():
    from treated_patients import plan

    hosts = replace(plain_hosts(2, diagnosis_day=100), reference_day=np.array([100, 160]))
    both = np.ones(2, dtype=bool)
    given = [(plan("p2rx7_inhibition", start_days=-50, cycles=1), both), (plan("chemotherapy", start_days=5), both)]
    model = MetastasisModel(
        hosts, LaneParameters(values(), 2), seed=1, horizon_days=80, visible_cells=1e8, collect=False, treatments=given
    )
    starts = {table.plan.name: table.start.tolist() for table in model.therapy._tables}
    assert starts == {"p2rx7_inhibition": [50, 110], "chemotherapy": [105, 105]}


# -- death ---------------------------------------------------------------------------------------------


def mortality(lanes: int, hosts, **rates) -> Mortality:
    return Mortality(LaneParameters(values(**rates), lanes), hosts, np.full(lanes, 0.5))


def test_bulk_kills_at_once_and_before_diagnosis_too():
    hosts = replace(plain_hosts(3, diagnosis_day=50), lethal_cells=np.array([1e9, 1e9, np.inf]))
    deaths = mortality(3, hosts)
    burden = np.zeros((3, len(NICHES)))
    burden[:, 0] = [1.1e9, 0.9e9, 1e30]
    deaths.measure(burden)
    dead, cause = deaths.day(10, np.arange(3), np.full(3, 60.0), np.ones(3))
    assert dead.tolist() == [0] and cause.tolist() == [METASTASES]


def test_nobody_dies_of_other_causes_or_of_the_primary_before_the_reference_day():
    hosts = replace(
        plain_hosts(2, diagnosis_day=50), reference_day=np.array([90, 50]), death_threshold=np.full(2, 1e-12)
    )
    deaths = mortality(2, hosts, other_cause_death_per_year_at_70=5.0, primary_death_per_day=1.0)
    everybody, age, primary = np.arange(2), np.full(2, 70.0), np.full(2, 1e11)
    assert deaths.day(60, everybody, age, primary)[0].tolist() == [1]
    assert deaths.day(90, everybody, age, primary)[0].tolist() == [0, 1]


def test_danger_multiplies_the_hazard_of_the_primary():
    hosts = replace(plain_hosts(2), primary_danger=np.array([1.0, 3.0]))
    deaths = mortality(2, hosts, primary_death_per_day=0.01)
    deaths.day(1, np.arange(2), np.full(2, 70.0), np.full(2, 1e10))
    assert deaths.hazard == pytest.approx([0.001, 0.003], rel=1e-12)


def test_a_smaller_lethal_factor_never_lengthens_life():
    long, short = (
        finished(quick("symptom_cells=2e9", f"lethal_factor={factor}", "lethal_log_sd=0")) for factor in (20.0, 2.0)
    )
    assert np.all(short.last_day <= long.last_day) and (short.last_day < long.last_day).sum() > 5
    assert np.array_equal(short.hosts.diagnosis_day, long.hosts.diagnosis_day)


def test_found_at_death_has_no_day_of_diagnosis():
    """Two lanes die of bulk before they are diagnosed (here by hand: symptoms always come before it)."""
    model = build_model(quick(), seed=1, patients=np.arange(8), collect=False)
    lethal = np.where(np.arange(8) < 4, 1e7, np.inf)
    hosts = replace(model.hosts, lethal_cells=lethal)
    model = MetastasisModel(
        hosts, model.parameters, seed=1, horizon_days=100, visible_cells=model.visible_cells, collect=False
    )
    model.run()
    columns = tables.patients_table(model, tables.Metastases(model))
    early = (model.death_day >= 0) & (model.death_day < hosts.diagnosis_day)
    assert early.any() and not early[4:].any()
    assert np.array_equal(np.ma.getmaskarray(columns["diagnosis_day"]), early)
    assert np.array_equal(columns["presentation"] == "death", early)
    assert (columns["death_cause"][early] == "metastases").all()


# -- the null ------------------------------------------------------------------------------------------


def test_a_threshold_that_nobody_reaches_changes_nothing_to_the_bit():
    """The machinery of presentation runs (the threshold is finite) and finds nobody."""
    plain, never = finished(quick()), finished(quick("symptom_cells=9e17"))
    assert np.isfinite(never.hosts.symptom_cells).all()
    one, other = (tables.patients_table(m, tables.Metastases(m)) for m in (plain, never))
    for name in one:
        if one[name] is not None:
            assert np.array_equal(np.ma.filled(one[name], -1), np.ma.filled(other[name], -1)), name


def test_symptoms_send_a_patient_to_imaging_between_visits():
    never, own = (
        finished(quick(*more, "liver_symptom_cells=1e17")) for more in ((), ("symptom_cells=4e10", "lethal_factor=90"))
    )
    assert (never.follow_up.symptom_day < 0).all() and (own.follow_up.symptom_day >= 0).sum() > 3
    same = own.hosts.diagnosis_day == never.hosts.diagnosis_day
    first = [
        np.where(m.follow_up.first_detected_day < 0, 10**6, m.follow_up.first_detected_day)[same] for m in (own, never)
    ]
    assert (first[0] <= first[1]).mean() > 0.95 and (first[0] < first[1]).any()


def test_nothing_acts_leaves_everybody_to_the_primary():
    parameters = LaneParameters(values(**NOTHING_ACTS), 3)
    assert not may_come_first(plain_hosts(3), parameters["competent_share"]).any()
