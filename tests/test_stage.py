"""Stage at diagnosis: laws of depth and nodes, that nothing else reads them, and stages as groups of patients."""

import numpy as np
import pytest
import synthetic
from virtual_patients import AGE, values

from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import draw_hosts
from sim.disease.stage import stage
from sim.results.outcomes import CONDITIONS

LANES = 20_000


def drawn(**changes):
    arm = values(frailty_log_sd=1.0, diagnosis_log_sd=1.0, metastatic_share__colon=0.5, **changes)
    return draw_hosts(4, np.arange(LANES), ["colon"] * LANES, [AGE] * LANES, LaneParameters(arm, LANES))


def test_stage_is_read_from_depth_nodes_and_metastases():
    deep, nodes, seen = (np.array(column, dtype=bool) for column in zip(
        (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (1, 1, 1), strict=True))  # fmt: skip
    assert stage(deep, nodes, seen).tolist() == ["I", "II", "III", "III", "IV", "IV"]


def test_log_odds_of_nodes_are_linear():
    """Shares by group against the logistic law, at each of the four parameters alone."""
    hosts = drawn(node_log_odds=-1.0, node_able_log_odds=0.0, node_frailty_log_odds=0.0, node_size_log_odds=0.0)
    assert hosts.nodes.mean() == pytest.approx(1 / (1 + np.exp(1.0)), abs=0.015)
    hosts = drawn(node_log_odds=-1.0, node_able_log_odds=2.0, node_frailty_log_odds=0.0, node_size_log_odds=0.0)
    able = hosts.frailty > 0
    assert hosts.nodes[able].mean() == pytest.approx(1 / (1 + np.exp(-1.0)), abs=0.015)
    assert hosts.nodes[~able].mean() == pytest.approx(1 / (1 + np.exp(1.0)), abs=0.015)
    hosts = drawn(node_log_odds=0.0, node_able_log_odds=0.0, node_frailty_log_odds=1.0, node_size_log_odds=0.0)
    near = np.abs(np.log(np.where(hosts.frailty > 0, hosts.frailty, 1e9)) - 1.0) < 0.15
    assert hosts.nodes[near].mean() == pytest.approx(1 / (1 + np.exp(-1.0)), abs=0.06)


def test_depth_goes_with_size_and_nodes_with_the_ability_to_spread():
    hosts = drawn(deep_from_cells=1e6, depth_log_sd=0.5)
    large = hosts.diagnosis_cells > 1e6
    assert hosts.deep[large].mean() > 0.8 and hosts.deep[~large].mean() < 0.2
    assert hosts.nodes[hosts.frailty > 0].mean() > hosts.nodes[hosts.frailty == 0].mean() + 0.1


def test_nothing_else_depends_on_them():
    """Whatever the law of depth and nodes, every other trait is the same to the bit."""
    one, other = drawn(), drawn(node_log_odds=2.0, depth_log_sd=2.0, deep_from_cells=1e5)
    assert (one.nodes != other.nodes).any() and (one.deep != other.deep).any()
    for name in ("frailty", "growth_factor", "metastasis_growth", "diagnosis_day", "lethal_cells", "death_threshold"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_a_stage_is_a_group_of_patients(tmp_path):
    run = synthetic.write(tmp_path / "run", 9)
    told = run.patients.set_index("patient")["stage"]
    for number in ("I", "II", "III", "IV"):
        assert (CONDITIONS[f"stage {number}"](run) == (told == number)).all()
    assert CONDITIONS["stage III"](run).sum() == 3
