"""Who can metastasise, how fast metastases grow in whom: laws of the draws, the time scale, and their nulls."""

import numpy as np
import pytest
from scipy import stats
from virtual_patients import AGE, NOTHING_ACTS, drawn_model, plain_hosts, values

from sim.analysis.closed_form.exposure import visible_chance, visible_chances
from sim.catalog.parameters import LaneParameters
from sim.disease.colonies import ColonyLaw
from sim.disease.hosts import draw_hosts
from sim.disease.trajectories import Trajectories
from sim.model import MetastasisModel

LEAST_P = 1e-4


def hosts_of(lanes: int, **changes):
    arm = values(**changes)
    return draw_hosts(5, np.arange(lanes), ["colon"] * lanes, [AGE] * lanes, LaneParameters(arm, lanes))


# -- who can metastasise -------------------------------------------------------------------------------


def test_a_share_of_patients_can_metastasise_and_the_others_have_no_frailty():
    lanes = 20_000
    drawn = hosts_of(lanes, metastatic_share__colon=0.3, frailty_log_sd=1.0, frailty_truncation_sd=3.0)
    able = drawn.frailty > 0
    assert stats.binomtest(int(able.sum()), lanes, 0.3).pvalue > LEAST_P
    assert stats.kstest(np.log(drawn.frailty[able]), stats.truncnorm(-3, 3).cdf).pvalue > LEAST_P
    everybody = hosts_of(lanes, metastatic_share__colon=1.0, frailty_log_sd=1.0, frailty_truncation_sd=3.0)
    assert np.array_equal(drawn.frailty[able], everybody.frailty[able])
    fewer = hosts_of(lanes, metastatic_share__colon=0.1, frailty_log_sd=1.0).frailty > 0
    assert np.all(able[fewer]), "who can with a smaller share can with a larger one"


def test_the_share_is_that_of_the_site():
    lanes = 400
    arm = values(metastatic_share__colon=0.0, metastatic_share__lung=1.0)
    sites = ["colon", "lung"] * (lanes // 2)
    drawn = draw_hosts(5, np.arange(lanes), sites, [AGE] * lanes, LaneParameters(arm, lanes))
    assert np.array_equal(drawn.frailty > 0, drawn.site == "lung")


def test_who_cannot_metastasise_sheds_and_nothing_settles():
    model = drawn_model(np.arange(6), [values(metastatic_share__colon=0.0)])
    model.run()
    assert (model.shed_total > 0).all() and model.cells.settled.sum() == 0 and model.inert.sum() > 0


# -- growth between patients ---------------------------------------------------------------------------


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.3, 1.0])
def test_the_pace_of_metastases_has_its_spread_and_its_correlation(correlation):
    lanes = 20_000
    drawn = hosts_of(
        lanes,
        growth_log_sd=0.3,
        metastasis_growth_log_sd=0.35,
        growth_correlation=correlation,
        trait_truncation_sd=8.0,
    )
    primary, pace = np.log(drawn.growth_factor) / 0.3, np.log(drawn.metastasis_growth) / 0.35
    assert pace.std() == pytest.approx(1.0, abs=0.02) and abs(pace.mean()) < 0.03
    assert np.corrcoef(primary, pace)[0, 1] == pytest.approx(correlation, abs=0.03)


def test_without_spread_everybody_grows_at_the_catalogue_pace_to_the_bit():
    drawn = hosts_of(50, growth_log_sd=0.3, metastasis_growth_log_sd=0.0, growth_correlation=0.7)
    assert np.array_equal(drawn.metastasis_growth, np.ones(50))
    parameters = LaneParameters(values(), 50)
    plain, law = ColonyLaw(parameters), ColonyLaw(parameters, growth=drawn.metastasis_growth)
    for name in ("gompertz_per_day", "early_rate_per_day", "birth", "death", "certain_cells"):
        assert np.array_equal(getattr(plain, name), getattr(law, name)), name


def test_pace_is_a_time_scale():
    """Birth, death and Gompertz rate alike: the chance of dying out and the certain size stay."""
    pace = np.array([0.5, 1.0, 3.0])
    law = ColonyLaw(LaneParameters(values(), 3), growth=pace)
    for name in ("gompertz_per_day", "early_rate_per_day", "birth", "death"):
        rates = getattr(law, name)
        assert rates / rates[1] == pytest.approx(np.broadcast_to(pace[:, None], rates.shape), rel=1e-12), name
    assert np.array_equal(law.certain_cells[0], law.certain_cells[2])


def test_fast_metastases_reach_their_size_so_much_sooner():
    """Mean days from waking to a size, and share that dies out, at two paces: times 1/pace, and the same."""
    lanes, days, reach = 300, 140, {}
    parameters = LaneParameters(
        values(**NOTHING_ACTS, sleep_probability=0.0, competent_share=4e-3, metastasis_gompertz_per_day=0.02), lanes
    )
    for pace in (1.0, 2.0):
        hosts = plain_hosts(lanes)
        object.__setattr__(hosts, "metastasis_growth", np.full(lanes, pace))
        model = MetastasisModel(hosts, parameters, seed=3, horizon_days=days, visible_cells=1e8, collect=False)
        model.run()
        paths = Trajectories(model.cells, model.law)
        early = paths.woke[paths.first] < days - 80
        took = (paths.first_day(np.full(len(paths.identity), 1e4)) - paths.woke[paths.first])[early]
        woke = model.cells.woke.sum()
        reach[pace] = np.median(took), early.sum(), woke
    assert reach[2.0][0] == pytest.approx(reach[1.0][0] / 2.0, rel=0.06)
    assert reach[1.0][2] == reach[2.0][2]


# -- closed form ---------------------------------------------------------------------------------------


def test_the_closed_form_knows_the_pace():
    """Awake cells: a pace is a change of the unit of time. Lanes of one pace share a curve; pace one is the plain one."""
    p = values(sleep_probability=0.0, metastasis_gompertz_per_day=0.01, metastasis_capacity_cells=1e12)
    curves, row = visible_chances(p, 1e8, 300, "liver", np.array([1.0, 2.0, 1.0, 0.5]))
    plain = visible_chance(p, 1e8, 600, "liver")
    assert row.tolist() == [1, 2, 1, 0]
    assert np.array_equal(curves[1], plain[:300])
    weeks = np.arange(20, 290)
    assert curves[2][weeks] == pytest.approx(np.interp(2 * weeks + 0.5, np.arange(600), plain), abs=0.01)
