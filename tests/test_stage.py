"""Stage at diagnosis: laws of depth and nodes, that nothing else reads them, and stages as groups of patients."""

import numpy as np
import pytest
import synthetic
from virtual_patients import AGE, values

from sim.catalog import load
from sim.catalog.parameters import LaneParameters
from sim.disease.hosts import draw_hosts
from sim.disease.stage import competence, stage, t_category
from sim.results.conditions import CONDITIONS

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
    one = drawn()
    other = drawn(
        node_log_odds=2.0, depth_log_sd=2.0, deep_from_cells=1e5, depth_competence_correlation=0.9, grade_1_share=0.3,
        grade_3_share=0.4, grade_correlation=0.9, grade_growth_share=0.9, distant_nodes_share__colon=0.3,
        distant_nodes_correlation=0.1, peritoneum_share__colon=0.4, peritoneum_correlation=0.9,
    )  # fmt: skip
    for name in ("nodes", "deep", "grade", "distant_nodes", "peritoneum"):
        assert (getattr(one, name) != getattr(other, name)).any(), name
    for name in ("frailty", "growth_factor", "metastasis_growth", "diagnosis_day", "lethal_cells", "death_threshold"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_a_stage_is_a_group_of_patients(tmp_path):
    run = synthetic.write(tmp_path / "run", 9)
    told = run.patients.set_index("patient")["stage"]
    for number in ("I", "II", "III", "IV"):
        assert (CONDITIONS[f"stage {number}"](run) == (told == number)).all()
    assert CONDITIONS["stage III"](run).sum() == 3


# -- T by size ---------------------------------------------------------------------------------------


def cells_of(diameter_cm):
    return np.pi / 6 * np.array(diameter_cm) ** 3 * 1e9


@pytest.mark.parametrize(
    "site, diameters, expected",
    [
        ("breast", (0.5, 1.99, 2.01, 4.99, 5.01, 9.0), "T1 T1 T2 T2 T3 T3"),
        ("lung", (2.99, 3.01, 4.99, 5.01, 6.99, 7.01), "T1 T2 T2 T3 T3 T4"),
        ("colon", (0.5, 1.99, 2.01, 4.99, 5.01, 9.0), "T3-4 T1-2 T3-4 T1-2 T3-4 T1-2"),
    ],
)
def test_t_by_published_cuts_where_size_decides(site, diameters, expected):
    deep = np.arange(6) % 2 == 0
    assert t_category(np.full(6, site), cells_of(diameters), deep).tolist() == expected.split()


def test_a_shallow_tumour_of_breast_or_lung_is_t1():
    n = 3000
    for site in ("breast", "lung", "colon"):
        hosts = draw_hosts(4, np.arange(n), [site] * n, [AGE] * n, LaneParameters(
            {name: p.value for name, p in load().items()}, n))  # fmt: skip
        t = t_category(hosts.site, hosts.diagnosis_cells, hosts.deep)
        assert 0.05 < hosts.deep.mean() < 0.95
        assert (np.isin(t, ("T1", "T1-2")) == ~hosts.deep).all(), site


# -- grade, distant nodes and peritoneum ---------------------------------------------------------------


def test_competence_is_one_normal_in_which_the_unable_come_first():
    rng = np.random.default_rng(3)
    able, frailty = rng.random(LANES), rng.random(LANES)
    z = competence(able, np.full(LANES, 0.4), frailty)
    assert abs(z.mean()) < 0.03 and abs(z.std() - 1.0) < 0.02
    can = able < 0.4
    assert z[can].min() >= z[~can].max()
    assert (np.argsort(z[can]) == np.argsort(frailty[can])).all()


def correlation(hosts, of):
    return float(np.corrcoef(hosts.grade, of)[0, 1])


def test_grades_have_their_shares_and_tell_of_growth_and_competence_as_the_split_says():
    def graded(**changes):
        return drawn(metastasis_growth_log_sd=0.3, growth_correlation=0.3, **changes)

    hosts = graded(grade_1_share=0.2, grade_3_share=0.3, grade_correlation=0.6, grade_growth_share=0.5)
    assert np.bincount(hosts.grade, minlength=4)[1:] / LANES == pytest.approx((0.2, 0.5, 0.3), abs=0.015)
    assert correlation(hosts, np.log(hosts.metastasis_growth)) > 0.3 and correlation(hosts, hosts.frailty > 0) > 0.2
    for split, growth, able in ((1.0, True, False), (0.0, False, True)):
        hosts = graded(grade_correlation=0.6, grade_growth_share=split)
        assert (correlation(hosts, np.log(hosts.metastasis_growth)) > 0.4) == growth
        assert (correlation(hosts, hosts.frailty > 0) > 0.3) == able
        assert abs(correlation(hosts, hosts.frailty > 0 if growth else hosts.metastasis_growth)) < 0.03
    hosts = graded(grade_correlation=0.0)
    assert abs(correlation(hosts, np.log(hosts.metastasis_growth))) < 0.03
    assert abs(correlation(hosts, hosts.frailty > 0)) < 0.03


def test_shares_of_grades_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="grade_1_share and grade_3_share"):
        drawn(grade_1_share=0.6, grade_3_share=0.5)


@pytest.mark.parametrize("name", ["distant_nodes", "peritoneum"])
def test_what_lies_beyond_the_blood_has_its_share_and_goes_with_the_ability_to_spread(name):
    hosts = drawn(**{f"{name}_share__colon": 0.1, f"{name}_correlation": 0.7})
    found, able = getattr(hosts, name), hosts.frailty > 0
    assert found.mean() == pytest.approx(0.1, abs=0.01)
    assert found[able].mean() > 3 * found[~able].mean()
    hosts = drawn(**{f"{name}_share__colon": 0.1, f"{name}_correlation": 0.0})
    assert getattr(hosts, name)[hosts.frailty > 0].mean() == pytest.approx(0.1, abs=0.015)
    assert not getattr(drawn(**{f"{name}_share__colon": 0.0}), name).any()
