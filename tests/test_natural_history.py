"""Who can metastasise, how fast metastases grow in whom: laws of the draws, the time scale, and their nulls."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from virtual_patients import AGE, NOTHING_ACTS, drawn_model, plain_hosts, values

from sim.analysis.closed_form.exposure import visible_chance, visible_chances
from sim.catalog.parameters import LaneParameters
from sim.disease.birth_death import STEP_DAYS, advance_week
from sim.disease.cells import TumourCells
from sim.disease.colonies import ColonyLaw
from sim.disease.doses import paces
from sim.disease.hosts import draw_hosts
from sim.disease.identity import pack
from sim.disease.trajectories import Trajectories
from sim.model import MetastasisModel
from sim.names import NICHES

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


# -- growth between metastases of a patient ------------------------------------------------------------


def week_of(pace: float, paced: bool, birth: float, death: float, dose_day: int | None = None):
    """Colonies of one cell after a week, and those that left; the cells of each by identity."""
    number, shape = 4000, (1, len(NICHES))
    arm = values(**({"colony_growth_log_sd": 0.3} if paced else {}))
    cells = TumourCells(np.array([7]), LaneParameters(arm, 1), 10)
    identity = np.array([pack(0, 0, i, 0, 0) for i in range(number)], dtype=np.uint64)
    cells.small.append(cells=5, identity=identity, since=2, woke=0, traits=0, pace=pace)
    growth, spread = np.ones((STEP_DAYS + 1, *shape)), np.zeros((STEP_DAYS + 1, *shape))
    terms = [np.full(shape, np.nan) for _ in range(4)]
    rates = np.full(shape, birth), np.full(shape, death)
    for position in range(STEP_DAYS):
        before = growth[position] * (0.4 if position == dose_day else 1.0)
        advance_week(position, *rates, *terms, before, growth, spread)
    law = SimpleNamespace(
        week_growth=growth[None],
        week_spread=spread[None],
        week_clearance=np.zeros((STEP_DAYS + 1, *shape)),
        certain_cells=np.full(shape, 10**9),
        birth=rates[0],
        death=rates[1],
    )
    cells.step_colonies(np.uint64(3), np.array([True]), STEP_DAYS - 1, law)
    out = np.zeros(number)
    out[(cells.small.column("identity") >> np.uint64(8)).astype(int) & 0xFFFFFF] = cells.small.column("cells")
    return out


@pytest.mark.parametrize("dose_day", [None, 4])
def test_a_colony_of_pace_two_lives_a_week_of_doubled_rates(dose_day):
    """Same draws: the law composed for the colony is that of doubled birth and death, doses as they are."""
    paced, doubled = week_of(2.0, True, 0.5, 0.45, dose_day), week_of(1.0, False, 1.0, 0.9, dose_day)
    assert (paced == doubled).mean() > 0.999 and 0.02 < (paced == 0).mean() < 0.9
    assert (paced != week_of(1.0, False, 0.5, 0.45, dose_day)).mean() > 0.5


def test_pace_one_in_the_paced_law_is_the_plain_one_to_the_bit():
    assert np.array_equal(week_of(1.0, True, 0.5, 0.45), week_of(1.0, False, 0.5, 0.45))


def test_paces_are_log_normal_keyed_and_stay_with_the_colony():
    arm = values(**NOTHING_ACTS, colony_growth_log_sd=0.4, sleep_probability=0.0, metastasis_gompertz_per_day=0.02)
    both = drawn_model(np.arange(20), [arm], horizon_days=60)
    both.run()
    grown, small = both.cells.grown, both.cells.small
    assert grown.count > 100 and small.count > 500
    # Most colonies have died out; who is left is a sample of the fast as of the slow: the chance to live does not depend on it.
    for rows in (grown, small):
        again = paces(
            both.key,
            both.cells.patient,
            rows.column("identity"),
            np.full(20, 0.4),
            both.parameters["trait_truncation_sd"],
        )
        assert np.array_equal(rows.column("pace"), again)
    identity = np.array([pack(0, 5, i, 0, 0) for i in range(20_000)], dtype=np.uint64)
    z = np.log(paces(both.key, both.cells.patient, identity, np.full(20, 0.4), np.full(20, 2.5))) / 0.4
    assert stats.kstest(z, stats.truncnorm(-2.5, 2.5).cdf).pvalue > LEAST_P


def test_the_size_of_a_paced_colony_is_that_of_its_own_time():
    arm = values(**NOTHING_ACTS, colony_growth_log_sd=0.4, sleep_probability=0.0, metastasis_gompertz_per_day=0.02)
    model = drawn_model(np.arange(20), [arm], horizon_days=100)
    model.run()
    paths, rows = Trajectories(model.cells, model.law), model.cells.grown
    pace, since = rows.column("pace"), model.day - rows.column("start_day")
    law = ColonyLaw(LaneParameters(arm, 20), growth=model.hosts.metastasis_growth)
    early, limit, gap, gompertz = law.of_colonies(paths.lane, paths.niche)
    order = np.argsort(rows.column("identity"))
    start, pace, since = rows.column("start_log_cells")[order], pace[order], since[order]
    in_time = np.maximum(0.0, since - (limit - start) / (early * pace)) * pace
    size = np.where(
        start + early * pace * since <= limit,
        start + early * pace * since,
        limit + gap * -np.expm1(-gompertz * in_time),
    )
    assert np.log(paths.cells_on(np.full(len(paths.colony), model.day))) == pytest.approx(size, rel=1e-9)


def test_a_niche_has_its_pace():
    plain, slow = (ColonyLaw(LaneParameters(values(niche_pace__lung=pace), 2)) for pace in (1.0, 0.7))
    lung = NICHES.index("lung")
    for name in ("gompertz_per_day", "early_rate_per_day", "birth", "death"):
        ratio = getattr(slow, name) / getattr(plain, name)
        assert ratio[:, lung] == pytest.approx(0.7, rel=1e-12) and np.all(np.delete(ratio, lung, axis=1) == 1.0)


def test_the_closed_form_averages_over_the_paces_of_colonies():
    p = values(sleep_probability=0.0, metastasis_gompertz_per_day=0.01, metastasis_capacity_cells=1e12)
    spread = p | {"colony_growth_log_sd": 0.4, "niche_pace.lung": 0.7}
    curve = visible_chances(spread, 1e8, 200, "lung", np.ones(1))[0][0]
    z = stats.truncnorm(-p["trait_truncation_sd"], p["trait_truncation_sd"]).ppf((np.arange(80) + 0.5) / 80)
    paces_of = 0.7 * np.exp(0.4 * z)
    brute = np.mean([visible_chances(p, 1e8, 200, "liver", np.array([pace]))[0][0] for pace in paces_of], axis=0)
    assert curve == pytest.approx(brute, abs=0.05 * brute.max())


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
