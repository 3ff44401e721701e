"""Founders, promising and doomed, against the closed forms of birth and death: the engine's law of small sizes.

A founder's fate is drawn when it settles and its sizes only when somebody looks. What comes out must be Kendall's
law of the plain process, at every age and for every size, and over two days and a dose.
"""

import numpy as np
import pytest
from injected import ARRIVAL_DAY, LIVER, both, injected, sizes, to
from quick_cohort import scenario_file
from scipy import stats
from statistics_helpers import FALSE_ALARM, assert_counts, assert_mean, chi_square_p
from treated_patients import plan, treated_model
from virtual_patients import NOTHING_ACTS, drawn_model, plain_model, values

from sim import scenario as scenarios
from sim.analysis.closed_form import theory
from sim.disease import shells
from sim.disease.identity import PROMISING_INDEX, unpack
from sim.errors import InputError
from sim.names import NICHES
from sim.runs import tables
from sim.runs.run import run_scenario

FOUNDERS = 120_000
EDGES = np.array([0, 1, 2, 10, 100, 1000])
"""Colonies with none, 1, 2-9, 10-99, 100-999 and more cells."""


def kendall(model, days: float) -> tuple[float, float]:
    """Survival and ratio of the geometric law of one founder's colony after so many days."""
    birth, death = model.law.birth[0, LIVER], model.law.death[0, LIVER]
    return theory.birth_death_law(np.array([birth]), np.array([death]), np.array([days]))


def expected_in_bins(survival: float, ratio: float) -> np.ndarray:
    """Share of colonies in each bin of EDGES: P(N >= n) = survival x ratio^(n - 1)."""
    at_least = np.where(EDGES > 0, survival * ratio ** np.maximum(EDGES - 1, 0), 1.0)
    return at_least - np.append(at_least[1:], 0.0)


def in_bins(cells, founders: int) -> np.ndarray:
    cells = np.asarray(list(cells), dtype=float)
    cells = np.concatenate([cells, np.zeros(founders - len(cells))])
    return np.bincount(np.searchsorted(EDGES, cells + 1e-9, side="right") - 1, minlength=len(EDGES))


@pytest.fixture(scope="module")
def followed():
    """Founders of one day, looked at on four mornings, two of them on the raster: {days since: sizes}, and the model."""
    model = injected(FOUNDERS, 90)
    found = {}
    for day in (10, 28, 47, 84):
        found[day - ARRIVAL_DAY - 1] = sizes(to(model, day))
    return model, found


def test_numbers_of_colonies_by_size_and_age(followed):
    """Sums of cells hide a wrong law of small sizes: 1, 2-9, 10-99, 100-999 cells are counted; off by 2 % is found."""
    model, found = followed
    for age, cells in found.items():
        expected = FOUNDERS * expected_in_bins(*kendall(model, age))
        assert chi_square_p(in_bins(cells.values(), FOUNDERS), expected) > FALSE_ALARM, age


def test_a_chance_to_be_promising_that_is_off_by_five_per_cent_is_noticed():
    """The broken variant: p x 1.05, everything else as it is."""
    many = 4 * FOUNDERS
    model = injected(many, 90)
    model.law.promising *= 1.05
    cells = sizes(to(model, 84))
    expected = many * expected_in_bins(*kendall(model, 84 - ARRIVAL_DAY - 1))
    assert chi_square_p(in_bins(cells.values(), many), expected) < FALSE_ALARM


def test_promising_founders_alone_are_a_share_p_and_grow_to_an_exponential_limit(followed):
    model, found = followed
    p = model.law.promising[0, LIVER]
    age, cells = max(found.items())
    promising = np.array([c for identity, c in cells.items() if identity >> 8 & PROMISING_INDEX])
    assert_counts([len(promising), FOUNDERS - len(promising)], FOUNDERS * np.array([p, 1.0 - p]))
    rate, death = model.law.early_rate_per_day[0, LIVER], model.law.death[0, LIVER]
    growth = np.exp(rate * age)
    assert_mean(promising, growth + (growth + 1.0) * death * (growth - 1.0) / rate / growth)
    limit = promising * p / growth
    assert stats.kstest(limit, "expon").statistic < 0.05, "the noise that is left is small"


def test_a_founder_of_either_kind_has_the_law_of_its_kind(followed):
    """All cells of the promising: E (N; immortal line) = (N - (d/b) of the doomed) by Bayes, age by age."""
    model, found = followed
    birth, death = model.law.birth[0, LIVER], model.law.death[0, LIVER]
    p = 1.0 - death / birth
    for age, cells in found.items():
        survival, ratio = kendall(model, age)
        size = np.arange(1, 20_000)
        mass = survival * (1 - ratio) * ratio ** (size - 1.0)
        doomed_mass = mass * (death / birth) ** size / (1.0 - p)
        doomed = [c for identity, c in cells.items() if not identity >> 8 & PROMISING_INDEX]
        n = round(FOUNDERS * (1.0 - p))
        bins = np.bincount(np.searchsorted(EDGES, size, side="right") - 1, doomed_mass, minlength=len(EDGES))
        observed = in_bins(doomed, n)[1:]
        assert (
            chi_square_p(np.append(observed, n - observed.sum()), n * np.append(bins[1:], 1.0 - bins[1:].sum()))
            > FALSE_ALARM
        )


def test_sizes_on_two_days_belong_to_one_course():
    """E (N1 N2) = exp(r t) E (N1^2), and who is gone stays gone: P(gone at 2 | n at 1) = q^n."""
    model = injected(FOUNDERS, 90)
    one, two = both(model, 28, 56)
    rate = model.law.early_rate_per_day[0, LIVER]
    assert np.all(two[one == 0.0] == 0.0)
    product, square = one * two, one * one * np.exp(28.0 * rate)
    error = np.std(product - square) / np.sqrt(len(one))
    assert abs((product - square).mean()) < 5.0 * error < 0.1 * square.mean()
    strangers = one * np.random.default_rng(1).permutation(two) - square
    assert abs(strangers.mean()) > 10.0 * error, "sizes of another colony on the second day are noticed"
    survival, _ = kendall(model, 28.0)
    for n in (1, 2, 3):
        mine = one == n
        gone = (1.0 - survival) ** n
        assert mine.sum() > 100
        assert_counts([(two[mine] == 0).sum(), (two[mine] > 0).sum()], mine.sum() * np.array([gone, 1.0 - gone]))


def test_doomed_colonies_end_when_the_dual_process_does():
    """Days of extinction of 10^5 doomed founders: P(gone by t) = b e / (1 + b e) with e = (exp(rt) - 1) / r."""
    model = to(injected(FOUNDERS, 90), 84)
    told = model.cells.doomed.everybody(model.day)
    rate, birth = model.law.early_rate_per_day[0, LIVER], model.law.birth[0, LIVER]
    days = np.arange(0, 81)
    term = np.expm1(rate * days) / rate
    gone = birth * term / (1.0 + birth * term)
    observed = np.bincount(np.where(told.died < 0, 80, told.died - ARRIVAL_DAY - 1), minlength=81)
    expected = len(told.died) * np.append(np.diff(gone), 1.0 - gone[-1])
    assert chi_square_p(observed, expected) > FALSE_ALARM
    wrong = model.law.death[0, LIVER] * term / (1.0 + model.law.death[0, LIVER] * term)
    expected = len(told.died) * np.append(np.diff(wrong), 1.0 - wrong[-1])
    assert chi_square_p(observed, expected) < FALSE_ALARM, "the rate of death in place of that of birth is noticed"


def test_clusters_follow_the_law_of_their_founders_together():
    """Pairs: the colony of two cells, whatever their fates; and the number that is promising, 1 - (1 - p)^2."""
    model = injected(60_000, 90, clusters=True, cluster_mean_cells=2.0)
    cells = sizes(to(model, 38))
    survival, ratio = kendall(model, 38 - ARRIVAL_DAY - 1)
    size = np.arange(0, 30_000)
    one = np.where(size > 0, survival * (1 - ratio) * ratio ** (size - 1.0), 1.0 - survival)
    pair = np.convolve(one, one)[: len(size)]
    expected = np.bincount(np.searchsorted(EDGES, size, side="right") - 1, pair, minlength=len(EDGES))
    assert chi_square_p(in_bins(cells.values(), 60_000), 60_000 * expected / expected.sum()) > FALSE_ALARM


# -- doses -----------------------------------------------------------------------------------------


def dosed(founders: int, days: int, **plans):
    """Founders of one day under treatment; diagnosis on day 20."""

    def model_of(lanes, days, keep_seeds, **overrides):
        return treated_model(
            lanes,
            [[plan("radiotherapy", organ="liver", **plans)]],
            days=days,
            diagnosis_day=20,
            keep_seeds=keep_seeds,
            **overrides,
        )

    return injected(founders, days, model_of=model_of, radiotherapy_surviving_fraction=0.4)


def composed(model, days, doses) -> tuple[float, float]:
    """Kendall's law from the morning after arrival, with doses (pure death) on some mornings, to a morning."""
    birth, death = model.law.birth[0, LIVER], model.law.death[0, LIVER]
    pieces = []
    for day in range(ARRIVAL_DAY + 1, days):
        if day in doses:
            pieces.append((0.0, -np.log(0.4)))
        pieces.append((birth, death))
    births, deaths = np.array(pieces).T
    return theory.birth_death_law(births, deaths, np.ones(len(pieces)))


@pytest.mark.parametrize("doses, every", [(1, 1), (3, 9), (6, 1)])
def test_colonies_under_doses_have_the_law_of_the_thinned_process(doses, every):
    """Every colony, promising, doomed, and doomed by a dose: 1, 2-9, ... cells and extinction; a dose every morning too."""
    model = dosed(FOUNDERS, 90, cycles=doses, every_days=every)
    cells = sizes(to(model, 52))
    expected = expected_in_bins(*composed(model, 52, range(20, 20 + doses * every, every)))
    assert chi_square_p(in_bins(cells.values(), FOUNDERS), FOUNDERS * expected) > FALSE_ALARM


def test_sizes_before_and_after_a_dose_belong_to_one_course():
    """E (N1 N2) = s exp(r t) E (N1^2) over a dose."""
    model = dosed(FOUNDERS, 90)
    one, two = both(model, 20, 47)
    ratio = 0.4 * np.exp(27.0 * model.law.early_rate_per_day[0, LIVER])
    product, square = one * two, one * one * ratio
    error = np.std(product - square) / np.sqrt(len(one))
    assert abs((product - square).mean()) < 5.0 * error < 0.2 * square.mean()
    strangers = one * np.random.default_rng(1).permutation(two) - square
    assert abs(strangers.mean()) > 10.0 * error, "sizes of another colony after the dose are noticed"


def test_doomed_cells_of_a_dosed_colony_that_are_forgotten_are_noticed(monkeypatch):
    """The broken variant: a colony without immortal lines is gone at once."""

    from sim.disease.small_colonies import SmallColonies

    right = SmallColonies.dose

    def forget(self, *args):
        right(self, *args)
        gone = self.column("immortal") == 0
        self.column("doomed")[gone], self.column("end")[gone], self.column("due")[gone] = 0, 0.0, 0

    monkeypatch.setattr(SmallColonies, "dose", forget)
    model = dosed(FOUNDERS, 90)
    cells = sizes(to(model, 22))
    expected = expected_in_bins(*composed(model, 22, [20]))
    assert chi_square_p(in_bins(cells.values(), FOUNDERS), FOUNDERS * expected) < FALSE_ALARM


# -- marks and shells ------------------------------------------------------------------------------


def opened(bound: float, settled: int, patients: int = 400, seed: int = 5):
    counts = np.full((patients, len(NICHES)), settled, dtype=np.int64)
    identity = np.empty(counts.sum(), dtype=np.uint64)
    doomed = np.zeros_like(counts)
    n = shells.open_shells(
        np.uint64(seed),
        np.arange(patients),
        3,
        0,
        0,
        0,
        np.flatnonzero(counts),
        counts,
        np.full(counts.shape, bound),
        identity,
        doomed,
    )
    return identity[:n], doomed


@pytest.mark.parametrize("bound", [0.004, 0.0162, 0.1, 0.7, 1.0])
def test_the_promising_are_a_binomial_number(bound):
    identity, doomed = opened(bound, 30)
    parts = unpack(identity)
    number = np.zeros_like(doomed)
    np.add.at(number, (parts["lane"], parts["niche"]), 1)
    assert np.array_equal(number + doomed, np.full_like(doomed, 30))
    assert len(np.unique(identity)) == len(identity)
    expected = stats.binom(30, bound).pmf(np.arange(31)) * number.size
    assert chi_square_p(np.bincount(number.ravel(), minlength=31), expected) > FALSE_ALARM


def test_the_promising_are_nested_in_the_bound_and_in_the_number_that_settled():
    small, medium, large = (set(opened(bound, 200)[0].tolist()) for bound in (0.01, 0.0171, 0.4))
    assert small < medium < large
    fewer, more = (set(opened(0.05, settled)[0].tolist()) for settled in (180, 200))
    assert len(fewer - more) < 0.1 * len(fewer) and len(more) > len(fewer)


# -- looks -----------------------------------------------------------------------------------------


def course(looks=(), **settings):
    """A model with deaths, run to its end with looks on some mornings: what tables are made of."""
    arm = values(competent_share=0.01, frailty_log_sd=1.0, primary_death_per_day=300.0)
    model = drawn_model(np.arange(8), [arm], seed=4, horizon_days=150, **settings)
    while model.running:
        if model.day in looks:
            model.cells.sleeping, model.cycling_cells, len(model.cells)
        model.step()
    return model


def test_looks_change_no_bit():
    plain, watched = course(), course(looks=(1, 17, 50, 51, 56, 120, 200))
    for name in ("sleeping", "woke", "died_asleep", "extinct", "colonies"):
        assert np.array_equal(getattr(plain.cells, name), getattr(watched.cells, name)), name
    for name in ("identity", "start_day", "start_log_cells"):
        assert np.array_equal(plain.cells.grown.column(name), watched.cells.grown.column(name))
    one, other = plain.observer.sparse(), watched.observer.sparse()
    for clock in one:
        for name in one[clock]:
            assert np.array_equal(one[clock][name], other[clock][name]), (clock, name)


def test_metastases_are_the_same_where_nobody_asks_for_the_doomed():
    asked, unasked = course(), course(doomed=False)
    found = [tables.Metastases(model) for model in (asked, unasked)]
    assert np.array_equal(found[0].identity, found[1].identity) and len(found[0].identity) > 20
    assert np.array_equal(found[0].cells_at_end, found[1].cells_at_end)
    assert np.array_equal(asked.death_day, unasked.death_day)
    with pytest.raises(ValueError, match="not computed"):
        _ = unasked.cells.sleeping
    stages = {int(row) % 6 for row in unasked.observer.sparse()["first_cell"]["row"]}
    assert stages and not stages & {2, 3}, "stages that need the doomed are left out"


def test_tables_counts_and_lives_tell_the_same():
    """Counting on the output grid and telling lives one by one, in lanes that ended on different days."""
    model = course(keep_seeds=True)
    seeds = tables.every_seed(model)
    parts = unpack(seeds["identity"])
    for name, mask in (
        ("woke", ~seeds["slept"] | (seeds["woke_day"] >= 0)),
        ("died_asleep", seeds["slept"] & (seeds["woke_day"] < 0) & (seeds["died_day"] >= 0)),
    ):
        counted = np.zeros_like(model.cells.settled)
        np.add.at(counted, (parts["lane"][mask], parts["niche"][mask]), 1)
        assert np.array_equal(counted, getattr(model.cells, name)), name


def test_sleepers_that_are_doomed_wait_and_die_as_theory_says():
    """Doomed sleepers by fate and day against the closed form; NOTHING_ACTS, so clocks run at constant rates."""
    model = plain_model(90, 180, seed=9, keep_seeds=True, **NOTHING_ACTS, sleep_probability=0.8, competent_share=0.02)
    model.run()
    told = model.cells.doomed.everybody(model.day)
    arrived = unpack(told.identity)["day"]
    slept = (told.threshold >= 0.0) & (arrived < 60)
    days = 100
    waited_woke = (told.woke - arrived - 1)[slept & (told.woke >= 0)]
    waited_died = (told.died - arrived - 1)[slept & (told.woke < 0) & (told.died >= 0)]
    p = model.parameters

    def law(energy):
        return theory.threshold_survival(
            energy,
            p["dormancy_narrow_share"][0],
            (p["dormancy_narrow_scale_days"][0], p["dormancy_narrow_shape"][0]),
            (p["dormancy_broad_scale_days"][0], p["dormancy_broad_shape"][0]),
        )

    exact = theory.sleeper_fates(np.ones(days), np.full(days, p["sleeper_death_per_day"][0]), law)
    woke, died = (np.bincount(waited[waited < days], minlength=days) for waited in (waited_woke, waited_died))
    total = slept.sum()
    observed = np.concatenate([woke, died, [total - woke.sum() - died.sum()]])
    assert total > 5000
    assert (
        chi_square_p(observed, total * np.concatenate([exact["woke"], exact["died"], exact["asleep"][-1:]]))
        > FALSE_ALARM
    )


def test_a_run_for_metastases_alone_has_the_same_metastases_and_nulls(tmp_path):
    """`tables = metastases`: columns that need the doomed are null, not nought; the rest is the same to the byte."""
    quick = scenarios.load(scenario_file(tmp_path, 12))
    everything, alone = (
        run_scenario(quick, seed=5, out=tmp_path / name, tables=name) for name in ("all", "metastases")
    )
    assert alone.manifest["tables"] == "metastases" and len(alone.metastases) > 20
    for table in ("patients", "metastases", "founders", "ancestors"):
        assert getattr(alone, table).equals(getattr(everything, table)), table
    untold = alone.seeding["stage"].isin(["dormant", "cycling"])
    assert untold.any() and alone.seeding.loc[untold, "mean"].isna().all()
    assert alone.seeding[~untold].equals(everything.seeding[~untold])
    key = ["clock", "day", "organ", "stage", "n_at_risk"]
    assert alone.seeding[key].equals(everything.seeding[key])
    assert set(everything.cascade["step"]) - set(alone.cascade["step"]) == {"died_asleep", "woke", "extinct"}
    with pytest.raises(InputError, match="need every cell"):
        run_scenario(quick, seed=5, out=tmp_path / "seeds", tables="metastases", keep_seeds=True)
