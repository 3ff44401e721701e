"""Engines of promising and doomed founders that are wrong on purpose, each caught by a check that the right one passes.

Every check is of a law, by chi-square on 60,000 founders with a false-alarm rate of 2e-9: a share of a tenth that is off by
six per cent is found. What is broken is broken in Python, around the kernels, so that it has exactly the law that it says.
"""

import numpy as np
import pytest
from injected import ARRIVAL_DAY, LIVER, injected, sizes, to
from scipy import stats
from statistics_helpers import FALSE_ALARM, assert_counts, chi_square_p
from test_founders import EDGES, composed, dosed, expected_in_bins, in_bins, kendall
from treated_patients import plan, treated_model
from virtual_patients import NOTHING_ACTS, drawn_model, values

from sim.disease import cells as tumour_cells
from sim.disease.doomed import Doomed
from sim.disease.identity import PROMISING_INDEX
from sim.disease.small_colonies import SmallColonies

FOUNDERS = 60_000


# -- the cells of a promising colony ---------------------------------------------------------------


def promising_in_bins(model, days: float) -> np.ndarray:
    """Share of promising founders in each bin of EDGES: by Bayes P(n; promising) = P(n) (1 - (d/b)^n) / p."""
    survival, ratio = kendall(model, days)
    size = np.arange(1, 40_000)
    mass = survival * (1 - ratio) * ratio ** (size - 1.0)
    lost = model.law.death[0, LIVER] / model.law.birth[0, LIVER]
    return np.bincount(
        np.searchsorted(EDGES, size, side="right") - 1, mass * (1.0 - lost**size) / (1.0 - lost), minlength=len(EDGES)
    )


def test_new_cells_come_of_the_lines_at_both_ends():
    """All cells are J + NegBin(J + I): the broken variant has NegBin(J), without the offspring of the I lines that it began with."""
    model = to(injected(10 * FOUNDERS, 40), 28)
    cells = model.cells.small.sizes(28, model.alive, np.zeros(model.cells.settled.shape))
    lines = model.cells.small.column("immortal")
    assert model.cells.grown.count == 0 and len(cells) > 0.8 * FOUNDERS
    expected = len(cells) * promising_in_bins(model, 28 - ARRIVAL_DAY - 1)
    assert chi_square_p(in_bins(cells, len(cells)), expected) > FALSE_ALARM
    # Given all the offspring, that of one line of J + 1 is beta-binomial.
    more = cells - lines
    lost = stats.betabinom(more, 1, lines).rvs(random_state=4)
    assert chi_square_p(in_bins(cells - lost, len(cells)), expected) < FALSE_ALARM


# -- clusters --------------------------------------------------------------------------------------

MEAN_CELLS, LIVELY_BIRTH = 5.0, 0.3
"""Clusters of several cells, a third of which are promising: many have more than one line."""


def cluster_in_bins(model, days: float) -> np.ndarray:
    """Share of clusters' colonies in each bin: the generating function (1 - f) g^2 / (1 - f g), turned back by Fourier."""
    survival, ratio = kendall(model, days)
    more = (MEAN_CELLS - 2.0) / (MEAN_CELLS - 1.0)
    points = 2**14
    z = np.exp(-2j * np.pi * np.arange(points) / points)
    one = 1.0 - survival + survival * (1.0 - ratio) * z / (1.0 - ratio * z)
    mass = np.fft.ifft((1.0 - more) * one**2 / (1.0 - more * one)).real
    assert mass.min() > -1e-12 and mass[-1] < 1e-12
    size = np.arange(points)
    return np.bincount(np.searchsorted(EDGES, size, side="right") - 1, mass, minlength=len(EDGES))


def clusters_after(days: int) -> tuple[np.ndarray, np.ndarray]:
    model = injected(
        FOUNDERS,
        60,
        clusters=True,
        cluster_mean_cells=MEAN_CELLS,
        cycling_birth_per_day=LIVELY_BIRTH,
        colony_noise=0.02,
    )
    found = sizes(to(model, days))
    expected = FOUNDERS * cluster_in_bins(model, days - ARRIVAL_DAY - 1)
    return in_bins(found.values(), FOUNDERS), expected


@pytest.mark.parametrize("days", [12, 28])
def test_clusters_of_many_cells_follow_the_law_of_their_founders_together(days):
    assert chi_square_p(*clusters_after(days)) > FALSE_ALARM


def test_clusters_with_one_line_are_noticed(monkeypatch):
    """The broken variant: one founder of a promising cluster is immortal, all others are doomed."""
    right, rng = SmallColonies.begin, np.random.default_rng(2)

    def begin(self, identity, *rest):
        right(self, identity, *rest)
        new = slice(self.count - len(identity), self.count)
        self.doomed[new] += self.immortal[new] - 1
        self.immortal[new], self.limit[new] = 1, rng.exponential(size=len(identity))

    monkeypatch.setattr(SmallColonies, "begin", begin)
    assert chi_square_p(*clusters_after(28)) < FALSE_ALARM


# -- doses -----------------------------------------------------------------------------------------


def test_a_hazard_jump_on_cycling_doomed_colonies_is_noticed(monkeypatch):
    """The broken variant: a dose takes a doomed colony as a whole with chance 1 - s, where its cells are to be thinned."""
    survival, rng = 0.4, np.random.default_rng(7)

    def after_a_dose(model):
        found = sizes(to(model, 22))
        expected = FOUNDERS * expected_in_bins(*composed(model, 22, [20]))
        return found, expected

    found, expected = after_a_dose(dosed(FOUNDERS, 90))
    assert chi_square_p(in_bins(found.values(), FOUNDERS), expected) > FALSE_ALARM
    monkeypatch.setattr(Doomed, "dose", lambda *_: None)
    found, expected = after_a_dose(dosed(FOUNDERS, 90))
    left = [n for i, n in found.items() if i >> 8 & PROMISING_INDEX or rng.random() < survival]
    assert chi_square_p(in_bins(left, FOUNDERS), expected) < FALSE_ALARM


def limits(survival: float, founders: int = FOUNDERS) -> dict[int, float]:
    """Limits, in cells on day 0 of the course, of the promising colonies that have a line after a dose on day 20, by identity."""

    def model_of(lanes, days, keep_seeds, **overrides):
        given = [[plan("radiotherapy", organ="liver")]]
        return treated_model(lanes, given, days=days, diagnosis_day=20, keep_seeds=keep_seeds, **overrides)

    model = to(injected(founders, 60, model_of=model_of, radiotherapy_surviving_fraction=survival), 21)
    small = model.cells.small
    has_line = small.column("immortal") > 0
    back = np.exp(-model.law.early_rate_per_day[0, LIVER] * small.column("since")[has_line])
    limit = small.column("limit")[has_line] * back
    return dict(zip(small.column("identity")[has_line].tolist(), limit.tolist(), strict=True))


def keeps_its_limit(dosed_limits, plain_limits) -> bool:
    """A dose leaves a colony the limit of the lines that live: all of it where all live, and never more than there was."""
    ratio = np.array([dosed_limits[i] / plain_limits[i] for i in dosed_limits])
    return bool(np.all(ratio <= 1.0 + 1e-9) and (ratio > 1.0 - 1e-9).mean() > 0.5 and np.log(ratio).std() < 0.5)


def test_a_fresh_limit_at_a_dose_is_noticed(monkeypatch):
    """A limit drawn anew has the right law, and another arm would have other metastases. Arms are to share theirs.

    Exactly: of colonies with n lines a share 0.9^n keeps all its lines, and with them its limit to the last digits.
    """
    plain, weak = limits(1.0), limits(0.9)
    assert weak.keys() <= plain.keys() and len(weak) > 0.9 * len(plain)
    assert keeps_its_limit(weak, plain)
    right, rng = SmallColonies.dose, np.random.default_rng(3)

    def dose(self, *rest):
        right(self, *rest)
        has_line = self.column("immortal") > 0
        self.column("limit")[has_line] = rng.gamma(self.column("immortal")[has_line])

    monkeypatch.setattr(SmallColonies, "dose", dose)
    assert not keeps_its_limit(limits(0.9), plain)


def test_the_share_of_the_limit_is_that_of_the_lines(monkeypatch):
    """Given that k of n lines live the share is Beta(k, n - k): of two lines of which one lives it is uniform."""
    share = {}
    right = SmallColonies.dose

    def dose(self, day, alive, survival):
        # The rows stand where the last raster day left them; a dose of nothing brings them to this morning.
        right(self, day, alive, np.where(survival < 1.0, 1.0 - 1e-12, survival))
        lines, limit = self.column("immortal").copy(), self.column("limit").copy()
        right(self, day, alive, survival)
        mine = (lines == 2) & (self.column("immortal") == 1)
        share["found"] = (self.column("limit") / np.where(limit > 0, limit, 1.0))[mine]

    monkeypatch.setattr(SmallColonies, "dose", dose)
    limits(0.5, 2 * FOUNDERS)
    assert len(share["found"]) > 300
    assert stats.kstest(share["found"], "uniform").pvalue > 1e-6


# -- marks -----------------------------------------------------------------------------------------


def promising_of_two_arms() -> tuple[set, set, bool]:
    """Promising founders of arms in which colonies die out more and less often, and whether the same cells settled."""
    found = []
    for birth in (1.0, 0.6):
        arm = values(**NOTHING_ACTS, competent_share=0.01, cycling_birth_per_day=birth)
        model = drawn_model(np.arange(8), [arm], keep_seeds=True, doomed=False)
        while model.day < 130:
            model.step()
        found.append(
            (set(model.cells.seeds.column("identity").tolist()), model.cells.settled.copy(), model.law.promising)
        )
    (few, settled, low), (many, other, high) = found
    share = low[0, LIVER] / high[0, LIVER]
    assert share < 0.7 and len(many) > 2000
    assert_counts([len(few), len(many) - len(few)], len(many) * np.array([share, 1.0 - share]))
    return few, many, np.array_equal(settled, other)


def test_marks_are_those_of_the_cell_in_every_arm():
    few, many, same = promising_of_two_arms()
    assert same and few <= many


def test_marks_redrawn_by_arm_are_noticed(monkeypatch):
    """The broken variant: the key of marks and shells knows the bound, so the numbers are right and the founders are others."""
    right = tumour_cells.shells.open_shells

    def open_shells(key, patient, day, source, tag, first_index, places, settled, bound, identity, doomed):
        key = key ^ np.uint64(int(bound[0, 0] * 1e6))
        return right(key, patient, day, source, tag, first_index, places, settled, bound, identity, doomed)

    monkeypatch.setattr(tumour_cells.shells, "open_shells", open_shells)
    few, many, same = promising_of_two_arms()
    assert same and not few <= many
