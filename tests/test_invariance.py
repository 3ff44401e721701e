"""A patient's course is a function of the seed and the patient: not of the cohort, the order, or other arms.

Compared bit for bit. Arms of one seed differ only downstream of what was switched.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_patients import NOTHING_ACTS, drawn_model, off, plain_model, values

from sim import scenario
from sim.disease.identity import unpack
from sim.mechanisms import REGISTRY
from sim.names import NICHES
from sim.runs.chunk import build_model
from sim.runs.tables import every_seed

LIVER, LUNG = NICHES.index("liver"), NICHES.index("lung")
LANE = np.uint64(48)
BUSY = dict(competent_share=3e-3, frailty_log_sd=1.0, growth_log_sd=0.2, diagnosis_log_sd=0.5, primary_death_per_day=100.0,
            metastatic_death_per_day=1e4, diagnosis_median_cells=2e5, vesicle_release=2.0, inflammation_gain=2.0, il6_half_cells=1e5)  # fmt: skip
"""Feedback on: metastases kill, patients differ, all four mechanisms act."""


def rows_of(model, rows, lane: int) -> list[tuple]:
    """A table's rows of one lane, the lane itself left out of the identity; sorted."""
    identity = rows.column("identity")
    mine = (identity >> LANE).astype(int) == lane
    columns = [(identity[mine] & np.uint64((1 << 48) - 1)).tolist()]
    columns += [rows.column(name)[mine].tolist() for name in rows._dtypes if name not in ("identity", "shedder")]
    return sorted(zip(*columns, strict=True))


BY_LANE = ("shed_total", "died_in_transit", "died_on_arrival", "inert", "death_day", "death_cause", "last_day",
           "cycling_cells", "burden_cells", "small_metastases", "large_metastases")  # fmt: skip
BY_CELLS = ("settled", "sleeping", "woke", "died_asleep", "extinct", "colonies")
TRAITS = ("patient", "age_years", "growth_factor", "frailty", "diagnosis_cells", "diagnosis_day", "death_threshold", "bmi",
          "metastasis_growth", "luck", "clone_share", "clone_z")  # fmt: skip


def course(model, lane: int) -> dict:
    """Everything that happened in a lane, as plain values that compare bit for bit."""
    out = {name: getattr(model, name)[lane].tolist() for name in BY_LANE}
    out |= {name: getattr(model.cells, name)[lane].tolist() for name in BY_CELLS}
    out |= {name: getattr(model.hosts, name)[lane].tolist() for name in TRAITS}
    out["hazard"] = model.mortality.hazard[lane].item()
    out["seeds"], out["fates"] = rows_of(model, model.cells.seeds, lane), rows_of(model, model.cells.fates, lane)
    out["grown"] = rows_of(model, model.cells.grown, lane)
    lives = every_seed(model)
    mine = lives["identity"] >> LANE == lane
    out["lives"] = [(lives["identity"][mine] & np.uint64((1 << 48) - 1)).tolist()]
    out["lives"] += [lives[name][mine].tolist() for name in ("slept", "threshold_days", "woke_day", "died_day")]
    return out


def run(patients, arms=None, **keywords):
    model = drawn_model(patients, arms or [values(**BUSY)], keep_seeds=True, **keywords)
    model.run()
    return model


@pytest.fixture(scope="module")
def three():
    return run([0, 1, 17])


def test_the_courses_are_eventful(three):
    cells = three.cells
    assert min(cells.died_asleep.sum(), cells.extinct.sum(), cells.grown.count, cells.woke.sum()) > 30
    assert len(set(three.death_day.tolist())) == 3 and (three.death_day >= 0).any()


def same(one: dict, other: dict) -> None:
    different = [name for name in one if one[name] != other[name]]
    assert not different, {
        name: (one[name], other[name]) for name in different if name not in ("seeds", "fates", "grown", "lives")
    } or different


def test_a_patient_alone_among_three_and_among_three_hundred(three):
    crowd = run(np.arange(300))
    for lane, patient in enumerate((0, 1, 17)):
        same(course(three, lane), course(crowd, patient))
        same(course(three, lane), course(run([patient]), 0))


def test_not_even_the_order_of_a_patients_colonies_depends_on_the_company():
    """Sums over colonies are taken in that order: another one would move the last bit of a burden."""
    rates = dict(competent_share=0.004, sleep_probability=1.0, dormancy_narrow_share=1.0, dormancy_narrow_scale_days=40.0,
                 sleeper_death_per_day=0.0, cycling_birth_per_day=0.3, metastasis_gompertz_per_day=0.03)  # fmt: skip
    few, many = (plain_model(lanes, 120, **NOTHING_ACTS, **rates) for lanes in (12, 90))
    orders = []
    for model in (few, many):
        model.run()
        identity = model.cells.grown.column("identity")
        orders.append(identity[(identity >> LANE) < 12].tolist())
    by_lane = [[[i for i in order if i >> 48 == lane] for lane in range(12)] for order in orders]
    assert len(orders[0]) > 300 and by_lane[0] == by_lane[1]
    assert np.array_equal(few.burden_cells, many.burden_cells[:12])


@pytest.mark.parametrize("order", [[17, 1, 0], [400, 17, 0, 23, 1, 5, 6, 7]])
def test_any_order_and_company(three, order):
    model = run(order)
    for lane, patient in enumerate((0, 1, 17)):
        same(course(three, lane), course(model, order.index(patient)))


def test_chunks_of_a_cohort(three):
    """Patients 0 to 39 in chunks of 7: the courses of the whole."""
    whole = run(np.arange(40))
    for start in range(0, 40, 7):
        part = run(np.arange(start, min(start + 7, 40)))
        for lane, patient in enumerate(part.hosts.patient):
            same(course(part, lane), course(whole, int(patient)))


def test_lanes_of_other_arms_change_nothing(three):
    """The same patient three times, in three arms, mixed: each arm as if it were alone."""
    arms = [
        values(**BUSY),
        values(**{**BUSY, **off("dormancy")}),
        values(**{**BUSY, "soil__lung": 0.9, "feeding__lung": 7.0}),
    ]
    model = run([0, 17, 1, 0, 17, 1, 0, 1], arms=arms, arm_of_lane=[1, 2, 0, 0, 0, 2, 2, 1])
    same(course(three, 0), course(model, 3))
    same(course(three, 1), course(model, 2))
    same(course(three, 2), course(model, 4))
    alone = run([0, 1], arms=[arms[2]])
    same(course(alone, 0), course(model, 6))
    same(course(alone, 1), course(model, 5))


def test_another_seed_is_another_course(three):
    other = run([0, 1, 17], seed=2)
    for lane in range(3):
        assert course(three, lane)["seeds"] != course(other, lane)["seeds"]
        assert course(three, lane)["frailty"] != course(other, lane)["frailty"]
    # Both halves of a 64-bit seed count.
    high = run([0], seed=1 + 2**32)
    assert course(high, 0)["frailty"] != course(three, 0)["frailty"]


def test_a_draw_by_row_number_is_noticed(three, monkeypatch):
    """The broken variant: patients keyed by their place in the cohort."""
    from sim.numerics import streams

    right = streams.patient_uniforms
    monkeypatch.setattr(
        streams, "patient_uniforms", lambda seed, patients, *what: right(seed, np.arange(len(patients)), *what)
    )
    model = run([17, 1, 0])
    with pytest.raises(AssertionError):
        same(course(three, 0), course(model, 2))


# -- arms ----------------------------------------------------------------------------------------

QUIET = {**BUSY, "primary_death_per_day": 0.0, "metastatic_death_per_day": 0.0}
"""Without death by disease arms are followed equally long, so that counts compare."""


def arm_pair(**change):
    """Twelve patients with everything on, and the same with `change`, in one model: (model, on lanes, changed lanes)."""
    patients = np.tile(np.arange(12), 2)
    model = run(patients, arms=[values(**QUIET), values(**{**QUIET, **change})], arm_of_lane=np.repeat([0, 1], 12))
    return model, slice(0, 12), slice(12, 24)


def seeds_of(model, lanes: slice, niches) -> set:
    """(patient, identity without lane, threshold) of the cells that settled in some niches."""
    seeds = every_seed(model)
    parts = unpack(seeds["identity"])
    chosen = np.isin(parts["niche"], niches) & (parts["lane"] >= lanes.start) & (parts["lane"] < lanes.stop)
    bare = seeds["identity"][chosen] & np.uint64((1 << 48) - 1)
    coded = np.rint(seeds["threshold_days"][chosen] * 1024.0).astype(np.int64) * 2 + seeds["slept"][chosen]
    return set(
        zip(
            model.hosts.patient[parts["lane"][chosen]].tolist(),
            bare.tolist(),
            coded.tolist(),
            strict=True,
        )
    )


def test_switching_the_portal_vein_changes_where_cells_stop_not_how_many_are_shed():
    model, on, changed = arm_pair(**off("dual_blood_supply"))
    assert np.array_equal(model.shed_total[on], model.shed_total[changed])
    settled = model.cells.settled
    assert (
        np.all(settled[changed, LIVER] <= settled[on, LIVER])
        and settled[changed, LIVER].sum() < 0.3 * settled[on, LIVER].sum()
    )
    assert (
        np.all(settled[changed, LUNG] >= settled[on, LUNG]) and settled[changed, LUNG].sum() > settled[on, LUNG].sum()
    )


def test_switching_dormancy_changes_nobodys_arrival():
    model, on, changed = arm_pair(**off("dormancy"))
    assert np.array_equal(model.shed_total[on], model.shed_total[changed])
    assert np.array_equal(model.cells.settled[on], model.cells.settled[changed])
    arrivals = [{seed[:2] for seed in seeds_of(model, lanes, range(13))} for lanes in (on, changed)]
    assert arrivals[0] == arrivals[1] and len(arrivals[0]) > 1000
    # Cells that did not sleep with dormancy on have the same colonies with it off.
    awake = {seed[:2] for seed in seeds_of(model, on, range(13)) if seed[2] % 2 == 0}
    grown = [
        {
            (int(model.hosts.patient[int(row >> 48)]), row & (1 << 48) - 1, *rest)
            for row, rest in whole_rows(model, lanes)
        }
        for lanes in (on, changed)
    ]
    assert {row for row in grown[0] if row[:2] in awake} == {row for row in grown[1] if row[:2] in awake} != set()


def whole_rows(model, lanes: slice):
    """(identity, waking day, start day, log cells) of the grown colonies of some lanes."""
    grown = model.cells.grown
    for row in zip(
        *(grown.column(name).tolist() for name in ("identity", "woke", "start_day", "start_log_cells")), strict=True
    ):
        if lanes.start <= row[0] >> 48 < lanes.stop:
            yield row[0], (row[1], row[2], row[3])


@pytest.mark.parametrize(
    "change, organ",
    [(off("inflammation"), "liver"), ({"soil__kidney": 0.9}, "kidney"), ({"soil__elsewhere": 0.9}, "elsewhere")],
)
def test_what_acts_on_one_organ_leaves_the_others_alone(change, organ):
    model, on, changed = arm_pair(**change)
    niche = NICHES.index(organ)
    others = [i for i in range(13) if i != niche]
    assert np.array_equal(model.shed_total[on], model.shed_total[changed])
    assert model.cells.settled[on, niche].sum() != model.cells.settled[changed, niche].sum()
    same_seeds = seeds_of(model, on, others) & seeds_of(model, changed, others)
    either = seeds_of(model, on, others) | seeds_of(model, changed, others)
    # Conditional chances move by 1e-3 x 0.1 at most here: hardly a cell in the other organs.
    assert len(either) > 1000 and len(same_seeds) > 0.998 * len(either)
    assert seeds_of(model, on, [niche]) < seeds_of(model, changed, [niche]) or seeds_of(
        model, changed, [niche]
    ) < seeds_of(model, on, [niche])


def test_vesicles_raise_the_number_shed_and_leave_the_day_of_diagnosis():
    model, on, changed = arm_pair(**off("senescent_vesicles"))
    assert np.array_equal(model.hosts.diagnosis_day[on], model.hosts.diagnosis_day[changed])
    assert np.all(model.shed_total[on] > model.shed_total[changed])


def test_a_faster_clock_wakes_the_same_sleepers_earlier():
    model, on, changed = arm_pair(**{f"feeding__{niche}": 2.0 for niche in NICHES})
    assert seeds_of(model, on, range(13)) == seeds_of(model, changed, range(13))
    assert (
        np.all(model.cells.woke[changed] >= model.cells.woke[on])
        and model.cells.woke[changed].sum() > model.cells.woke[on].sum()
    )


# -- off is on at the null -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def short():
    """The headline scenario, fast enough for a test; all of its patients can have metastases, or there is little to compare."""
    chosen = {**BUSY, "primary_gompertz_per_day": 0.02, "primary_capacity_cells": 1e7, "growth_log_sd": 0.0,
              "metastasis_gompertz_per_day": 0.01, "metastasis_capacity_cells": 1e9, "avascular_limit_cells": 1e5,
              "dormancy_narrow_scale_days": 60.0, "dormancy_broad_scale_days": 200.0, "shedding_per_day": 3.0,
              "immune_clearance_per_day": 0.02, "fibrosis_prevalence": 0.5, "organ_inflammation.lung": 0.5, "bmi_mean": 30.0,
              "secondary_shedding_factor": 0.03, "metastatic_death_per_day": 0.0,
              "metastatic_share.colon": 1.0}  # fmt: skip
    return scenario.load("colorectal").with_(on=REGISTRY, set_=[f"{name}={value}" for name, value in chosen.items()])


def courses(resolved) -> list[dict]:
    model = build_model(resolved, seed=3, patients=np.arange(8), keep_seeds=True, collect=False)
    model.run()
    return [course(model, lane) for lane in range(8)]


@pytest.mark.parametrize("name", REGISTRY)
def test_off_is_on_at_its_null_bit_for_bit(short, name):
    null = short.with_(set_=[f"{parameter}={value}" for parameter, value in REGISTRY[name].null.items()])
    switched_off = courses(short.with_(off=[name]))
    assert switched_off == courses(null)
    assert switched_off != courses(short), "and on is something else"


def test_a_mechanism_at_its_null_multiplies_by_exactly_one(short):
    """With everything off the day's rates are the base rates, bit for bit."""
    model = build_model(short.with_(off=REGISTRY), seed=3, patients=np.arange(2), collect=False)
    while model.running and model.day < 120:
        model.step()
        assert (
            np.all(model.rates.shedding == 1.0)
            and np.all(model.rates.receptivity == 1.0)
            and np.all(model.rates.sleep == 0.0)
        )


# -- without compilation -------------------------------------------------------------------------


def tiny() -> dict:
    """Courses of three patients over a few weeks."""
    arm = values(**{**BUSY, "diagnosis_median_cells": 2000.0, "shedding_per_day": 10.0})
    model = drawn_model([0, 5, 9], [arm], seed=8, horizon_days=30, keep_seeds=True)
    model.run()
    return {lane: course(model, lane) for lane in range(3)}


def test_the_same_without_compilation(tmp_path):
    """NUMBA_DISABLE_JIT=1, in a process of its own: slow, and the same numbers."""
    here = Path(__file__).parent
    program = "import pickle, sys, test_invariance; pickle.dump(test_invariance.tiny(), open(sys.argv[1], 'wb'))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path / "courses")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    plain, compiled = pickle.loads((tmp_path / "courses").read_bytes()), tiny()
    assert sum(sum(one["settled"]) for one in compiled.values()) > 30
    for lane in range(3):
        same(plain[lane], compiled[lane])


# -- chance ---------------------------------------------------------------------------------------


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 2**22 - 1), min_size=2, max_size=6, unique=True))
@settings(max_examples=15)
def test_any_seed_and_any_patients(seed, patients):
    arm = values(**{**BUSY, "diagnosis_median_cells": 5000.0})
    together = drawn_model(patients, [arm], seed=seed, horizon_days=40, keep_seeds=True)
    alone = drawn_model(patients[-1:], [arm], seed=seed, horizon_days=40, keep_seeds=True)
    together.run()
    alone.run()
    same(course(together, len(patients) - 1), course(alone, 0))
