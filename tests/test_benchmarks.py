"""The benchmark harness on tiny work: it measures what it says, and the rivals do the engine's work."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import __main__ as main
from benchmarks import engine, measure, rival_c, rival_mesa, suite, work
from sim import catalog

TINY = {"patients": 4, "chunk_patients": 3, "days": 1400, "settled": 4000}
needs_c = pytest.mark.skipif(rival_c.compiler() is None, reason="no C compiler")


@pytest.fixture(scope="module")
def tiny():
    return engine.configured(TINY)


@pytest.fixture(scope="module")
def engine_run(tiny):
    return engine.run(tiny)


@pytest.fixture(scope="module")
def c_runs(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rival")
    file = rival_c.write_work(tiny, folder / "work.bin")
    return {
        variant: rival_c.run(rival_c.compile_rival(variant, folder), file, 0, tiny.patients)
        for variant in rival_c.VARIANTS
    }


def test_the_pinned_work_is_what_the_pin_says():
    pinned, headline = work.pinned()["work"], work.headline()
    expected, chance = work.daily_rates(headline)
    assert (expected[:, None] * chance).sum() == pytest.approx(pinned["settled_cells_per_patient"], rel=0.005)
    assert expected.sum() > pinned["shed_cells_per_patient"]
    assert headline.days == pytest.approx(365.25 * pinned["years"], abs=1.0)


def test_no_calibration_reaches_the_pinned_work(tiny, engine_run, monkeypatch):
    """With every calibrated value of the catalogue a little higher, the same cells."""
    loaded = catalog.load()
    moved = {
        name: replace(parameter, value=1.1 * parameter.value) if parameter.kind == "calibrated" else parameter
        for name, parameter in loaded.items()
    }
    assert sum(moved[name].value != loaded[name].value for name in loaded) > 20
    monkeypatch.setattr(catalog, "load", lambda: moved)
    again = engine.run(engine.configured(TINY))
    assert {name: again[name] for name in suite.SAME_CELLS} == {name: engine_run[name] for name in suite.SAME_CELLS}


def test_scaling_changes_the_settled_cells_only():
    headline = work.headline()
    half = headline.scaled(settled=headline.settled_cells_per_patient / 2, days=100)
    full = headline.scaled(days=100)
    (shed, chance), (shed_half, chance_half) = work.daily_rates(full), work.daily_rates(half)
    np.testing.assert_array_equal(shed, shed_half)
    np.testing.assert_allclose(chance_half, chance / 2, rtol=1e-12)


def test_the_engine_keeps_its_books(tiny, engine_run):
    assert engine_run["settled"] == engine_run["sleeping"] + engine_run["died_asleep"] + engine_run["woke"]
    assert engine_run["woke"] == engine_run["extinct"] + engine_run["small"] + engine_run["grown"]
    assert 0 < engine_run["cell_days"] < engine_run["settled"] * tiny.days
    assert engine_run["cpu_seconds"] > 0 and engine_run["peak_bytes"] > 2**20
    assert engine_run["alive_at_end"] == engine_run["sleeping"] + engine_run["small"] + engine_run["grown"]


@needs_c
def test_c_with_the_same_draws_sheds_the_same_cells(engine_run, c_runs):
    suite.check_same_cells(engine_run, c_runs["keyed"])
    assert engine_run["cell_days"] == pytest.approx(c_runs["keyed"]["cell_days"], rel=0.08)  # other lives


@needs_c
def test_c_with_other_draws_agrees_in_distribution(engine_run, c_runs):
    other = c_runs["xoshiro"]
    assert other["settled"] != engine_run["settled"]
    for name in ("settled", "sleeping", "died_asleep", "woke", "extinct"):  # Poisson counts: five standard deviations
        assert abs(other[name] - engine_run[name]) < 5.0 * np.sqrt(2.0 * engine_run[name]), name


@needs_c
def test_a_wrong_rival_is_found(engine_run, c_runs):
    for name in ("settled", "woke"):
        count = engine_run[name]
        off = max(0.01 * count, 6.0 * np.sqrt(2.0 * count))  # what chance may do where lives have other keys
        with pytest.raises(ValueError, match=name):
            suite.check_same_cells(engine_run, c_runs["keyed"] | {name: count + int(off) + 1})
    with pytest.raises(ValueError, match="shed"):
        suite.check_same_cells(engine_run, c_runs["keyed"] | {"shed": int(1.001 * engine_run["shed"])})


def test_without_dormancy_everybody_cycles(tiny):
    run = engine.run(tiny.scaled(patients=1).without_dormancy())
    assert run["sleeping"] == run["died_asleep"] == 0
    assert run["woke"] == run["settled"]


def test_plain_mesa_does_the_same_work(tiny, engine_run):
    run = rival_mesa.run(tiny, "do", seed=3)
    for name in ("settled", "died_asleep", "extinct", "alive_at_end"):
        expected = engine_run[name] / tiny.patients
        assert abs(run[name] - expected) < 5.0 * np.sqrt(expected * 1.25), name
    assert run["cell_days"] == pytest.approx(engine_run["cell_days"] / tiny.patients, rel=0.1)


def test_work_that_strays_from_the_pin_is_refused():
    pinned = work.pinned()["work"]
    right = {
        "settled": pinned["patients"] * pinned["settled_cells_per_patient"],
        "shed": pinned["patients"] * pinned["shed_cells_per_patient"],
    }
    suite.check_work(right, pinned)
    with pytest.raises(ValueError, match="settled a patient"):
        suite.check_work(right | {"settled": int(right["settled"] * 0.98)}, pinned)
    with pytest.raises(ValueError, match="shed"):
        suite.check_work(right | {"shed": right["shed"] // 2}, pinned)


def test_a_fresh_process_answers():
    run = measure.in_fresh_process("engine", {"patients": 1, "days": 100, "settled": 500})
    assert run["settled"] > 0
    assert run["warm_up_cpu_seconds"] > 0


def test_slopes_and_ratios():
    assert measure.log_log_slope([1, 10, 100], [2, 20, 200]) == pytest.approx(1.0)
    assert measure.median_ratio([2, 9, 4], [1, 3, 4]) == 2
    assert measure.last_json('step 1\n{"a": 1}\n\n') == {"a": 1}
    with pytest.raises(ValueError, match="no result"):
        measure.last_json("nothing")


def test_the_report_has_the_keys_of_the_contract_and_the_table_says_what_is_met():
    assert len(suite.KEYS) == 17
    assert set(main.BARS) < set(suite.KEYS)
    report = dict.fromkeys(suite.KEYS) | {
        "ratio_vs_c": 1.5,
        "headline_cpu_seconds": 16.0,
        "ratio_single_patient": 120.0,
    }
    lines = {line.split()[0]: line for line in main.table(report, 2**29).splitlines()}
    assert lines["ratio_vs_c"].endswith("  met")
    assert lines["ratio_single_patient"].endswith("  met")
    assert lines["headline_cpu_seconds"].endswith("NOT MET")
    assert "not measured" in lines["slope_cells"]
    assert json.dumps(report)


def test_measuring_one_part_again_leaves_the_others_in_the_report(tmp_path, monkeypatch):
    monkeypatch.setattr(main, "HERE", tmp_path)
    empty = dict.fromkeys(suite.KEYS)
    main.write(
        empty | {"slope_cells": 0.5, "ratio_vs_c": 1.9},
        {"growth": {"settled": 1}, "cohort": {"engine": []}},
        {"commit": "a"},
    )
    main.write(empty | {"ratio_vs_c": 1.6}, {"cohort": {"engine": [1]}}, {"commit": "b"})
    report, details = (
        json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")) for name in ("report", "details")
    )
    assert report == empty | {"slope_cells": 0.5, "ratio_vs_c": 1.6}
    assert details == {"cohort": {"engine": [1]}, "growth": {"settled": 1},
                       "measured": {"cohort": {"commit": "b"}, "growth": {"commit": "a"}}}  # fmt: skip
