"""Who can metastasise, how fast metastases grow in whom: laws of the draws, the time scale, and their nulls."""

import numpy as np
import pytest
from injected import ARRIVAL_DAY, LIVER, injected, sizes, to
from reference.plain import birth_and_death
from scipy import stats
from statistics_helpers import FALSE_ALARM, assert_follows, chi_square_p, ks_distance, ks_limit
from treated_patients import plan, treated_model
from virtual_patients import AGE, NOTHING_ACTS, drawn_model, plain_hosts, values

from sim.analysis.closed_form import theory
from sim.analysis.closed_form.exposure import visible_chance, visible_chances
from sim.catalog.parameters import LaneParameters
from sim.disease.colonies import ColonyLaw
from sim.disease.doses import pace_law, paces
from sim.disease.hosts import draw_hosts
from sim.disease.identity import PROMISING_INDEX, pack
from sim.disease.small_colonies import NO_TRAITS, SmallColonies
from sim.disease.trajectories import Trajectories
from sim.model import MetastasisModel
from sim.names import NICHES

LEAST_P = 1e-4
BINS = np.array([0, 1, 2, 10, 100, 1000])
"""Colonies with none, 1, 2-9, 10-99, 100-999 and more cells."""


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


FOUNDERS, LOOK_DAYS = 60_000, (20, 56, 63)
"""Mornings on which sizes are looked at: off the raster, on it, and off it again."""


def promising_sizes(pace: float, days: int, founders: int = FOUNDERS, look_at: tuple[int, ...] = ()) -> np.ndarray:
    """Cells of promising colonies of a pace, all begun on the morning of day 1, after so many days; `look_at` other mornings before."""
    law = ColonyLaw(LaneParameters(values(), 1))
    small = SmallColonies(np.uint64(11), np.array([4]), law)
    identity = np.array([pack(0, 0, PROMISING_INDEX + i, LIVER, 0) for i in range(founders)], dtype=np.uint64)
    nobody = np.zeros(law.birth.shape)
    small.begin(identity, 0, NO_TRAITS, np.full(founders, pace), nobody, nobody.astype(np.int64))
    for morning in (*look_at, 1 + days):
        cells = small.sizes(morning, np.array([True]), np.zeros(law.birth.shape))
    return cells


@pytest.mark.parametrize("pace, days", [(2.0, 15), (2.0, 27), (0.5, 60), (0.5, 124)])
def test_a_promising_colony_of_a_pace_has_the_law_of_its_own_time(pace, days):
    """Sizes at t with pace g against those at g t with pace one, and against the law in closed form, with looks on the way.

    60,000 colonies: a distance of 0.02 between the laws is found; a pace that is off by a tenth is shown to be.
    """
    law = ColonyLaw(LaneParameters(values(), 1))
    birth, death = law.birth[0, LIVER], law.death[0, LIVER]
    paced, plain = (
        promising_sizes(pace, days, look_at=(5, 28, 33)[: days // 15]),
        promising_sizes(1.0, int(pace * days)),
    )
    assert stats.ks_2samp(paced, plain).pvalue > FALSE_ALARM

    def of_the_promising(time: float):
        """P(N <= n) of all and of the doomed, by Bayes: geometric of ratio r, and of r d/b."""
        survival, ratio = theory.birth_death_law(np.array([birth]), np.array([death]), np.array([time]))
        less = ratio * death / birth
        gone = survival * (1 - ratio) / ratio * less / (1 - less)
        return lambda n: (
            (survival * -np.expm1(n * np.log(ratio)) - gone * -np.expm1(n * np.log(less))) / (1 - death / birth)
        )

    for sample in (paced, plain):
        assert_follows(sample, of_the_promising(pace * days))
    assert ks_distance(paced, of_the_promising(1.1 * pace * days)) > ks_limit(FOUNDERS)


@pytest.mark.parametrize("sleep", [0.0, 0.8])
def test_a_doomed_life_awake_is_divided_by_the_pace(sleep):
    """The same founders with and without a pace of their own: asleep as long, then extinct after so many days / pace, to the day."""
    arm = dict(NOTHING_ACTS, sleep_probability=sleep, competent_share=0.02)
    paced, plain = (
        drawn_model(np.arange(4), [values(**arm, colony_growth_log_sd=sd)], horizon_days=150) for sd in (0.4, 0.0)
    )
    for model in (paced, plain):
        model.run()
    told, other = (model.cells.doomed.everybody(model.day) for model in (paced, plain))
    assert np.array_equal(told.identity, other.identity) and np.array_equal(told.woke, other.woke)
    pace = paces(
        paced.key,
        paced.cells.patient,
        told.identity,
        pace_law(np.full(4, 0.4), paced.parameters["trait_truncation_sd"]),
    )
    over = (told.woke >= 0) & (told.died >= 0) & (other.died >= 0)
    awake, plainly = (told.died - told.woke)[over], (other.died - other.woke)[over]
    assert over.sum() > 2000
    assert np.all(awake >= np.ceil((plainly - 1) / pace[over])) and np.all(awake <= np.ceil(plainly / pace[over]))
    assert (awake != plainly).mean() > 0.1, "a pace that is not used is noticed"


@pytest.fixture(scope="module")
def paced_colonies():
    """Founders of one day with paces of their own: (model, identities of all, their paces, {days since: sizes})."""
    model = injected(FOUNDERS, 90, colony_growth_log_sd=0.5)
    found = {day - ARRIVAL_DAY - 1: sizes(to(model, day)) for day in LOOK_DAYS}
    told = model.cells.doomed.everybody(model.day).identity
    everybody = np.concatenate([told, model.cells.seeds.column("identity")])
    assert len(everybody) == FOUNDERS
    law = pace_law(np.full(1, 0.5), model.parameters["trait_truncation_sd"])
    return model, everybody, paces(model.key, model.cells.patient, everybody, law), found


def in_bins(cells: np.ndarray) -> np.ndarray:
    """Numbers of colonies with none, 1, 2-9, 10-99, 100-999 and more cells."""
    return np.bincount(np.searchsorted(BINS, cells + 1e-9, side="right") - 1, minlength=len(BINS))


def test_promising_and_doomed_colonies_together_agree_with_the_plain_implementation(paced_colonies):
    """Slow, middling and fast thirds, by size and age, against plain colonies that live day by day at birth and death x pace.

    60,000 and 30,000 colonies, a third of each: a share of 0.1 that is off by a sixth is found. Plain colonies of pace one do not
    agree with the fast and the slow.
    """
    model, everybody, pace, found = paced_colonies
    birth, death = model.law.birth[0, LIVER], model.law.death[0, LIVER]
    rng = np.random.default_rng(8)
    third = np.searchsorted(np.quantile(pace, [1 / 3, 2 / 3]), pace)
    number_plain = FOUNDERS // 2
    plain, unpaced = np.ones(number_plain, dtype=np.int64), np.ones(number_plain, dtype=np.int64)
    for day in range(1, max(found) + 1):
        for i in range(number_plain):
            if plain[i]:
                plain[i] = birth_and_death(rng, int(plain[i]), birth * pace[i], death * pace[i])
            if unpaced[i] and day <= min(found):
                unpaced[i] = birth_and_death(rng, int(unpaced[i]), birth, death)
        if day not in found:
            continue
        cells = np.array([found[day].get(identity, 0.0) for identity in everybody.tolist()])
        for number in range(3):
            of_plain = third[:number_plain] == number
            both = np.array([in_bins(cells[third == number]), in_bins(plain[of_plain])])
            both = both[:, both.sum(axis=0) > 40]
            assert stats.chi2_contingency(both).pvalue > FALSE_ALARM, (day, number)
            if day == min(found) and number != 1:
                both[1] = in_bins(unpaced[of_plain])[: both.shape[1]]
                assert stats.chi2_contingency(both).pvalue < FALSE_ALARM, (day, number)


def test_a_dose_hits_a_paced_colony_as_any_other():
    """Doses on two mornings at a pace of one's own: Kendall's law of births and deaths x pace, thinned, summed over the founders' paces."""
    doses = (20, 29)

    def model_of(lanes, days, keep_seeds, **overrides):
        given = [[plan("radiotherapy", organ="liver", cycles=2, every_days=9)]]
        return treated_model(lanes, given, days=days, diagnosis_day=20, keep_seeds=keep_seeds, **overrides)

    model = injected(FOUNDERS, 90, model_of=model_of, radiotherapy_surviving_fraction=0.4, colony_growth_log_sd=0.5)
    cells = sizes(to(model, 47))
    told = model.cells.doomed.everybody(model.day).identity
    everybody = np.concatenate([told, model.cells.seeds.column("identity")])
    law = pace_law(np.full(1, 0.5), model.parameters["trait_truncation_sd"])
    pace = paces(model.key, model.cells.patient, everybody, law)
    birth, death = model.law.birth[0, LIVER], model.law.death[0, LIVER]

    def expected(paces_of, paced_doses=False):
        total = np.zeros(len(BINS))
        for pace, weight in paces_of:
            pieces = []
            for day in range(ARRIVAL_DAY + 1, 47):
                if day in doses:
                    pieces.append((0.0, -np.log(0.4) * (pace if paced_doses else 1.0)))
                pieces.append((birth * pace, death * pace))
            survival, ratio = theory.birth_death_law(*np.array(pieces).T, np.ones(len(pieces)))
            at_least = np.where(BINS > 0, survival * ratio ** np.maximum(BINS - 1, 0), 1.0)
            total += weight * (at_least - np.append(at_least[1:], 0.0))
        return total

    third = np.searchsorted(np.quantile(pace, [1 / 3, 2 / 3]), pace)
    all_cells = np.array([cells.get(identity, 0.0) for identity in everybody.tolist()])
    for number in range(3):
        mine = np.sort(pace[third == number])
        groups = [(group.mean(), len(group)) for group in np.array_split(mine, 40)]
        observed = in_bins(all_cells[third == number])
        assert chi_square_p(observed, expected(groups)) > FALSE_ALARM, number
        if number != 1:
            assert chi_square_p(observed, expected(groups, paced_doses=True)) < FALSE_ALARM, "a dose is no time"


def test_paces_are_log_normal_keyed_and_stay_with_the_colony():
    arm = values(**NOTHING_ACTS, colony_growth_log_sd=0.4, sleep_probability=0.0, metastasis_gompertz_per_day=0.02)
    both = drawn_model(np.arange(20), [arm], horizon_days=60)
    both.run()
    grown, small = both.cells.grown, both.cells.small
    assert grown.count > 100 and small.count > 50
    law = pace_law(np.full(20, 0.4), both.parameters["trait_truncation_sd"])
    for rows in (grown, small):
        again = paces(both.key, both.cells.patient, rows.column("identity"), law)
        assert np.array_equal(rows.column("pace"), again)
    identity = np.array([pack(0, 5, i, 0, 0) for i in range(20_000)], dtype=np.uint64)
    z = np.log(paces(both.key, both.cells.patient, identity, pace_law(np.full(20, 0.4), np.full(20, 2.5)))) / 0.4
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
