"""Grown colonies: the law of growth, its start, and living cells in the model (small colonies: see test_founders.py)."""

import math

import numpy as np
import pytest
from agreement_runs import small_colonies
from hypothesis import given
from hypothesis import strategies as st
from statistics_helpers import assert_mean
from virtual_patients import NOTHING_ACTS, off, plain_model

from sim.analysis.closed_form import theory
from sim.disease import colonise, growth

# -- deterministic growth ------------------------------------------------------------------------


@given(st.floats(0.0, 12.0), st.floats(1.0, 4000.0), st.floats(9.3, 15.4), st.floats(1.0, 15.0), st.floats(1e-4, 0.03))
def test_grown_colonies_follow_the_law(start_log, days, limit_log, gap, rate):
    start_log = min(start_log, limit_log)
    law = dict(limit_cells=math.exp(limit_log), capacity_cells=math.exp(limit_log + gap), gompertz_per_day=rate)
    log_cells = colonise.grown_log_cells(days, start_log, 0.0, rate * gap, limit_log, gap, rate)
    assert start_log <= log_cells <= limit_log + gap
    if limit_log + gap - log_cells > 1e-4 * gap:
        taken = theory.colony_growth_days(math.exp(start_log), math.exp(log_cells), **law)
        assert taken == pytest.approx(days, rel=1e-7, abs=1e-6)


def test_growth_has_no_jump_at_the_avascular_limit():
    """Size and rate are continuous where exponential growth passes into Gompertz."""
    limit, capacity, rate = 1e6, 1e12, 0.00117
    early = float(growth.gompertz_rate_per_day(limit, capacity, rate))
    arguments = (early, math.log(limit), math.log(capacity / limit), rate)
    at = math.log(limit) / early
    step = 1e-3
    before, here, after = (colonise.grown_log_cells(at + t, 0.0, 0.0, *arguments) for t in (-step, 0.0, step))
    assert here == pytest.approx(math.log(limit), abs=1e-9)
    assert (after - here) / step == pytest.approx((here - before) / step, rel=1e-5) == pytest.approx(early, rel=1e-5)


# -- in the model --------------------------------------------------------------------------------


def test_living_cells_in_the_model_have_their_expected_number():
    """Arrivals of every day, each grown by exp(r x its days), across the hand-over; an error of 30 % is surely found."""
    lanes, days = 600, 56
    model = plain_model(lanes, days, seed=5, **off("dormancy"), **NOTHING_ACTS, competent_share=1.0, shedding_per_day=0.5,
                        metastasis_gompertz_per_day=0.012, colony_noise=0.4)  # fmt: skip
    rate = float(model.law.early_rate_per_day[0, 0])
    expected = np.zeros(lanes)
    while model.day < days:
        model.step()
        expected = expected * math.exp(rate) + model.expected_shed * model.streams[0].chance.sum(axis=1)
    cells = np.zeros(lanes)
    grown = model.cells.grown
    small, small_cells, _ = small_colonies(model)
    np.add.at(cells, (small >> np.uint64(48)).astype(int), small_cells)
    sizes = np.exp(grown.column("start_log_cells") + rate * (days - grown.column("start_day")))
    np.add.at(cells, (grown.column("identity") >> np.uint64(48)).astype(int), sizes)
    assert grown.count > 100 and len(small) > 200
    assert_mean(cells, expected[0])
    assert cells.std() / math.sqrt(lanes) / expected[0] < 0.025
    weekly = model.cycling_cells.sum() + model.burden_cells.sum()
    young = sizes[np.log(sizes) < math.log(1e6)].sum()
    assert weekly - young == pytest.approx(cells.sum(), rel=1e-9), "the last weekly measurement was on this day"


def test_the_models_switch_follows_the_noise_criterion():
    model = plain_model(1, 7, cycling_birth_per_day=1.0, colony_noise=0.1, avascular_limit_cells=1e6)
    rate = float(growth.gompertz_rate_per_day(1e6, 1e9, 0.01))
    assert model.law.certain_cells[0, 0] == math.ceil((2.0 - rate) / rate / 0.01)
    assert model.law.birth[0, 0] - model.law.death[0, 0] == pytest.approx(rate, rel=1e-12)
    # From that size on the relative noise of all further growth is below the limit.
    n = int(model.law.certain_cells[0, 0])
    mean, variance = theory.birth_death_moments(1.0, 1.0 - rate, 2000.0, cells=n)
    assert math.sqrt(variance) / mean == pytest.approx(0.1, rel=0.01)
