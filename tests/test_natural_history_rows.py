"""Measures of a course on patients made by hand; the sketch against the program; the fit finds what made its data."""

import dataclasses
import json
import math

import numpy as np
import pytest

from sim import catalog
from sim.analysis.natural_history import calibrate, cohorts, measures, stages, targets, two_sites
from sim.analysis.natural_history.course import METASTASES, OTHER, PRIMARY, Course, of_run
from sim.analysis.natural_history.fit import Problem, Target, Unknown
from sim.analysis.natural_history.sketch import simulate
from sim.analysis.natural_history.values_file import FILE, blocks, with_values
from sim.analysis.validation import natural_history
from sim.names import DAYS_PER_YEAR, NICHES
from sim.runs.run import run_scenario

INF = np.inf
LIVER, LUNG = NICHES.index("liver"), NICHES.index("lung")
PATIENTS = 300


def course(**changes) -> Course:
    """Four patients, diagnosed and operated on at day 1000 and 1028, followed for ten years; nobody ill but as said."""
    n = 4
    plain = dict(
        reference_day=np.full(n, 1000.0), diagnosis_day=np.full(n, 1000.0), resection_day=np.full(n, 1028.0),
        death_day=np.full(n, INF), cause=np.full(n, -1), last_day=np.full(n, 1028.0 + 10 * DAYS_PER_YEAR),
        primary_cells=np.full(n, 1e10), stage=np.zeros(n, dtype=int), nodes=np.zeros(n, dtype=bool),
        deep=np.zeros(n, dtype=bool), grade=np.full(n, 2), distant_nodes=np.zeros(n, dtype=bool), peritoneum=np.zeros(n, dtype=bool),
        visible_day=np.full((n, len(NICHES)), INF), visible=np.zeros((n, len(NICHES))),
        cells_at_diagnosis=np.zeros(n), cells_at_end=np.zeros(n), doubling_days=np.full(n, np.nan),
    )  # fmt: skip
    return Course(**(plain | changes))


# -- measures ------------------------------------------------------------------------------------------


def test_shares_are_of_those_at_risk_with_their_interval():
    value, low, high = measures.share(np.array([True, True, False, False]), np.array([True, True, True, False]))
    assert value == pytest.approx(200 / 3) and 0 < low < value < high < 100
    assert all(math.isnan(x) for x in measures.share(np.array([True]), np.array([False])))


def test_a_relapse_is_found_at_a_visit_and_what_is_found_early_is_synchronous():
    seen = np.full((4, len(NICHES)), INF)
    seen[0, LIVER] = 1028.0 + 400.0
    seen[1, LUNG] = 1000.0 + 60.0  # within ninety days of diagnosis
    seen[2, LUNG] = 1028.0 + 7 * DAYS_PER_YEAR
    one = course(visible_day=seen)
    months = measures.relapse_months(one)
    assert 400.0 <= months[0] * measures.MONTH_DAYS <= 400.0 + measures.VISIT_DAYS
    assert math.isnan(months[1]) and months[2] > 60.0 and np.isinf(months[3])
    assert measures.relapsed(one, 5.0)[0] == pytest.approx(100 / 3)
    assert measures.organ_at_relapse(one, "liver")[0] == 100.0 and measures.organ_at_relapse(one, "lung")[0] == 0.0


def test_nobody_relapses_after_death():
    seen = np.full((4, len(NICHES)), INF)
    seen[:, LIVER] = 1028.0 + 400.0
    dead = np.array([1100.0, 1028.0 + 410.0, INF, INF])
    one = course(visible_day=seen, death_day=dead, last_day=np.minimum(dead, 5000.0))
    assert np.isinf(measures.relapse_months(one)[0]) and np.isfinite(measures.relapse_months(one)[2:]).all()


def test_survival_and_causes():
    dead = 1000.0 + np.array([100.0, 200.0, 1000.0, INF])
    one = course(death_day=dead, cause=np.array([METASTASES, PRIMARY, OTHER, -1]))
    everybody = np.ones(4, dtype=bool)
    assert measures.dead_within(one, 1.0, everybody)[0] == 50.0
    assert measures.cancer_deaths_by_metastases(one)[0] == 50.0
    assert measures.died_of_other_causes(one).tolist() == [False, False, True, False]


def test_burden_counts_those_with_any():
    visible = np.zeros((4, len(NICHES)))
    visible[0, LIVER], visible[1, LIVER], visible[1, LUNG] = 1, 6, 2
    one = course(visible=visible, cells_at_diagnosis=np.array([2e12, 1e10, 0.0, 0.0]))
    assert measures.heavier_at_diagnosis(one, 1.0)[0] == 50.0
    assert measures.liver_number(one, lambda n: n == 1)[0] == 50.0
    assert measures.at_diagnosis(one, "lung")[0] == 25.0
    assert measures.found_at_death(course(diagnosis_day=np.array([INF, 1.0, 1.0, 1.0])))[0] == 25.0


# -- the sketch ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both():
    """The program's patients and the sketch's, operated on; the same traits, other founders."""
    chosen = dataclasses.replace(cohorts.scenario_of("colon", True), patients=PATIENTS, horizon_days=1826)
    program = of_run(run_scenario(chosen, seed=5, out=None))
    sketch = simulate(
        dict(chosen.effective()), "colon", chosen.age, seed=5, patients=PATIENTS, horizon_days=1826.0,
        resect_after_days=28.0,
    )  # fmt: skip
    return program, sketch


def test_the_sketch_has_the_programs_patients(both):
    program, sketch = both
    assert np.array_equal(program.reference_day, sketch.reference_day)
    assert np.allclose(program.primary_cells[program.diagnosis_day == program.reference_day],
                       sketch.primary_cells[program.diagnosis_day == program.reference_day], rtol=0.01)  # fmt: skip
    found = measures.diagnosed(program)
    for name in ("nodes", "deep", "grade", "distant_nodes", "peritoneum"):
        assert np.array_equal(getattr(program, name)[found], getattr(sketch, name)[found]), name


def test_the_sketch_agrees_with_the_program(both):
    """Shares within four standard errors of a difference (a false alarm in 3,000 for the five together)."""
    program, sketch = both
    for measure in (
        lambda c: measures.at_diagnosis(c),
        lambda c: measures.at_diagnosis(c, "lung"),
        lambda c: measures.relapsed(c, 5.0),
        lambda c: measures.dead_within(c, 3.0, np.ones(len(c), dtype=bool)),
        lambda c: measures.liver_number(c, lambda n: n >= 5),
    ):
        one, other = (measure(c) for c in (program, sketch))
        error = math.hypot((one[2] - one[1]) / 3.92, (other[2] - other[1]) / 3.92)
        assert abs(one[0] - other[0]) < 4.0 * error, (one, other)


def test_a_wrong_strength_is_noticed(both):
    """The same comparison, with a sketch that sheds thirty times as much, fails at diagnosis."""
    program, _ = both
    chosen = cohorts.scenario_of("colon", True)
    values = dict(chosen.effective())
    values["site_shedding_factor.colon"] *= 30.0
    wrong = simulate(
        values, "colon", chosen.age, seed=5, patients=PATIENTS, horizon_days=1826.0, resect_after_days=28.0
    )
    one, other = measures.at_diagnosis(program), measures.at_diagnosis(wrong)
    assert abs(one[0] - other[0]) > 4.0 * math.hypot((one[2] - one[1]) / 3.92, (other[2] - other[1]) / 3.92)


def test_more_shedding_moves_every_measure_smoothly():
    """One per cent more: the same patients, and hardly anybody changes."""
    chosen = cohorts.scenario_of("colon", False)
    values = dict(chosen.effective())
    more = values | {"site_shedding_factor.colon": 1.01 * values["site_shedding_factor.colon"]}
    a, b = (simulate(v, "colon", chosen.age, seed=2, patients=400, horizon_days=700.0) for v in (values, more))
    assert (a.visible.any(axis=1) != b.visible.any(axis=1)).mean() < 0.02
    assert abs(b.visible.sum() - a.visible.sum()) < 0.05 * a.visible.sum()


def test_the_sketch_refuses_what_it_leaves_out():
    chosen = cohorts.scenario_of("colon", False)
    with pytest.raises(ValueError, match="metastatic_death_per_day"):
        simulate(dict(chosen.effective()) | {"metastatic_death_per_day": 0.01}, "colon", chosen.age, seed=1, patients=2,
                 horizon_days=10.0)  # fmt: skip


# -- rows ----------------------------------------------------------------------------------------------


def test_every_row_is_measured_and_cites_what_is_there():
    """The small form: rows from the sketch. Sources exist; bands are those of the issue for a few."""

    def cohort(site, operated, years, old=False):
        return cohorts.sketched(site, operated, 400, 1, years or cohorts.UNTREATED_YEARS, old=old)

    rows = natural_history.rows(cohort=cohort)
    literature = catalog.literature()
    assert {source for row in rows for source in row.source.split()} <= literature.keys()
    assert len(rows) > 45 and len({(row.name, row.population) for row in rows}) == len(rows)
    by_name = {(row.name, row.population): row for row in rows}
    liver = by_name["liver", "colorectal, at diagnosis"]
    assert (liver.band_low, liver.band_high, liver.published) == (13.5, 17.0, 15.34)
    assert sum(row.status == "inside" for row in rows) > len(rows) / 2


def test_colorectal_rows_of_the_default_natural_history():
    """Eight central rows of the defaults, by the sketch in 3,000 patients, with the chance of so few allowed for."""
    untreated, operated = (cohorts.sketched("colorectal", op, 3000, 4, 10.0) for op in (False, True))
    rows = {(row.name, row.population): row for row in natural_history.colorectal(untreated, operated)}
    at = "colorectal, at diagnosis"
    for name, where in (("any of four organs", at), ("liver", at), ("lung", at),
                        ("any blood-borne within five years", "colorectal, operated on, none synchronous"),
                        ("dead by three years", "colorectal, untreated, no metastases seen"),
                        ("found at death", "colorectal, all"),
                        ("five or more liver metastases", "colorectal, with liver metastases at diagnosis")):  # fmt: skip
        row = rows[name, where]
        assert row.model_high >= row.band_low and row.model_low <= row.band_high, row


# -- the fit -------------------------------------------------------------------------------------------


def test_the_fit_finds_the_values_that_made_its_targets_and_goes_on_where_it_stopped(tmp_path):
    made = {"a": 2.0, "b": 0.3}
    seen = []

    def measure(values):
        seen.append(values)
        return {"sum": values["a"] + values["b"], "product": values["a"] * values["b"]}

    wanted = measure(made)
    problem = [
        [Unknown("a", 1.0, 0.1, 10.0), Unknown("b", 0.5, 0.01, 0.99, kind="share")],
        [Target(name, 0.01, value) for name, value in wanted.items()],
        measure,
    ]
    kept = tmp_path / "kept.jsonl"
    first = Problem(*problem, kept)
    best = first.fit(steps=30)
    assert first.values(best) == pytest.approx(made, rel=0.02)
    seen.clear()
    again = Problem(*problem, kept)
    assert again.values(again.fit(steps=30)) == first.values(best)
    assert not seen and again.evaluations == 0
    assert all(json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines())


def test_a_profile_holds_one_number_and_shows_what_is_not_identified():
    """Only the product is measured: along a profile of one factor the loss is flat."""
    problem = Problem(
        [Unknown("a", 1.0, 0.1, 10.0), Unknown("b", 1.0, 0.1, 10.0)],
        [Target("product", 0.2, 1.0)],
        lambda values: {"product": values["a"] * values["b"]},
    )
    profile = problem.profile("a", (0.7, 1.0, 1.4), problem.fit(), steps=30)
    assert [value for value, _, _ in profile] == [0.7, 1.0, 1.4]
    assert max(loss for _, loss, _ in profile) < 0.1


def test_bounds_cost_nothing_inside_and_distance_outside():
    bound = Target("x", 2.0, low=1.0, high=5.0)
    assert bound.residual(3.0) == 0.0 and bound.residual(7.0) > 0.9 and bound.residual(-1.0) < -0.9
    assert Target("x", 0.1, 10.0, log=True).residual(10.0) == 0.0
    assert Target("x", 1.0, 0.0).residual(math.nan) == 3.0


# -- the catalogue's file ------------------------------------------------------------------------------


def test_numbers_are_replaced_and_nothing_else():
    text = FILE.read_text(encoding="utf-8")
    new = with_values(text, {"frailty_log_sd": 1.5, "niche_pace.lung": 0.25})
    changed = [(a, b) for a, b in zip(text.splitlines(), new.splitlines(), strict=True) if a != b]
    assert next(b for _, b in changed) == "value = 1.5" and "lung = 0.25" in changed[1][1] and len(changed) == 2
    with pytest.raises(KeyError):
        with_values(text, {"no_such_number": 1.0})


def test_every_fitted_number_is_calibrated_in_the_catalogue():
    known = catalog.load()
    own = set(blocks())
    for part in set(calibrate.PARTS) - {stages.PART}:
        for unknown in targets.unknowns(part):
            assert unknown.low <= unknown.start <= unknown.high
            assert known[unknown.name].kind == "calibrated"
            # What the organs' fit owns has a prior here, or its autopsies are among the targets.
            owned = unknown.name.partition(".")[0] in own
            assert owned or unknown.prior is not None or part == targets.OF_TWO_SITES
    every = (targets.COLORECTAL, two_sites.targets(), *targets.SITE_TARGETS.values())
    rows = {row for wanted in every for t in wanted for row in t.rows}
    assert rows <= catalog.literature().keys()
