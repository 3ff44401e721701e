"""Shapley values against games whose values are known in closed form, exactly and by sampled orders."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.analysis import shapley


def players_in(coalition: int, players: int) -> list[int]:
    return [i for i in range(players) if coalition >> i & 1]


def play(design: shapley.Design, game) -> shapley.Contributions:
    """Shapley values of `game(list of players)`."""
    return design.contributions(np.array([game(players_in(c, design.players)) for c in design.coalitions], dtype=float))


def airport(costs):
    """A runway is as long as the largest aircraft on it needs (Littlechild and Owen 1973): the game and its values."""
    order = np.argsort(costs)
    steps = np.diff(np.sort(costs), prepend=0.0) / np.arange(len(costs), 0, -1)
    known = np.empty(len(costs))
    known[order] = np.cumsum(steps)
    return lambda members: max((costs[i] for i in members), default=0.0), known


def glove(members):
    """Players 0 and 1 own a left glove, 2 a right one; a pair is worth one: values 1/6, 1/6, 2/3 (Shapley 1953's example)."""
    return min(sum(i < 2 for i in members), sum(i == 2 for i in members))


def test_the_glove_game():
    assert play(shapley.design(3), glove).share == pytest.approx([1 / 6, 1 / 6, 2 / 3], abs=1e-15)


def test_the_airport_game_exactly():
    game, known = airport([3.0, 1.0, 8.0, 2.0, 5.0, 1.5])
    found = play(shapley.design(6), game)
    assert found.share == pytest.approx(known, abs=1e-12)
    assert not found.error.any()


@given(st.lists(st.floats(-1e3, 1e3), min_size=16, max_size=16))
def test_values_are_the_mean_over_all_orders_and_sum_to_the_whole(values):
    """Against the definition: every one of the 4! orders, walked through."""
    design = shapley.design(4)
    found = design.contributions(np.array(values)).share
    slow = np.zeros(4)
    for order in itertools.permutations(range(4)):
        coalition = 0
        for player in order:
            slow[player] += (values[coalition | 1 << player] - values[coalition]) / math.factorial(4)
            coalition |= 1 << player
    assert found == pytest.approx(slow, abs=1e-9)
    assert found.sum() == pytest.approx(values[-1] - values[0], abs=1e-9)


@pytest.mark.parametrize(
    "design", [shapley.design(5), shapley.design(5, orders=8, most_exact=0)], ids=["exact", "sampled"]
)
def test_a_player_that_changes_nothing_gets_exactly_zero(design):
    found = play(design, lambda members: math.sqrt(sum(0.1 + i for i in members if i != 3)))
    assert found.share[3] == 0.0 and found.error[3] == 0.0
    assert (found.share[[0, 1, 2, 4]] > 0).all()
    assert found.share.sum() == pytest.approx(math.sqrt(7.4), abs=1e-12)


def test_players_that_are_alike_get_the_same():
    found = play(shapley.design(5), lambda members: len({0, 1, 2} & set(members)) ** 2 * (1 + (4 in members))).share
    assert found[0] == pytest.approx(found[1], abs=1e-12) and found[1] == pytest.approx(found[2], abs=1e-12)
    assert found[3] == 0.0 and found[4] > 0


def test_a_value_may_be_an_array_of_games():
    """Patient by patient and organ by organ: each entry is a game of its own."""
    design = shapley.design(3)
    games = np.random.default_rng(1).normal(size=(8, 5, 2))
    together = design.contributions(games).share
    assert together.shape == (3, 5, 2)
    assert together[:, 4, 1] == pytest.approx(design.contributions(games[:, 4, 1]).share)


# Sampled orders


def test_reverse_orders_make_games_of_pairs_exact():
    """Where players meet in pairs only, an order and its reverse average out: no error is left, and none is stated."""
    weights = np.array([1.0, 2.0, -0.5, 4.0, 0.0, 3.0, 1.0, 0.25])
    design = shapley.design(8, orders=4)
    found = play(design, lambda members: sum(weights[i] for i in members) ** 2)
    assert found.share == pytest.approx(weights * weights.sum(), abs=1e-12)
    assert found.error == pytest.approx(0.0, abs=1e-6)


def test_sampled_orders_meet_the_known_values_within_their_stated_error():
    """Over 60 seeds the squared distance in units of the stated error is near one (0.6 to 1.6; by chance below 0.1 %)."""
    game, known = airport([3.0, 1.0, 8.0, 2.0, 5.0, 1.5, 9.0, 4.0])
    squares = []
    for seed in range(60):
        found = play(shapley.design(8, seed=seed, orders=64), game)
        assert found.share.sum() == pytest.approx(9.0, abs=1e-12)
        assert (np.abs(found.share - known) < 6 * found.error + 1e-12).all()
        squares.append(((found.share[6] - known[6]) / found.error[6]) ** 2)
    assert 0.6 < np.mean(squares) < 1.6


def test_more_orders_err_less():
    game, _ = airport([3.0, 1.0, 8.0, 2.0, 5.0, 1.5, 9.0, 4.0])
    few, many = (play(shapley.design(8, orders=orders), game).error.mean() for orders in (16, 256))
    assert many < few / 2.5


def test_orders_depend_on_the_seed_alone_and_come_in_pairs():
    design = shapley.design(9, seed=4, orders=10)
    assert design == shapley.design(9, seed=4, orders=10) != shapley.design(9, seed=5, orders=10)
    assert all(order[::-1] == reverse for order, reverse in zip(design.orders[::2], design.orders[1::2], strict=True))
    assert design.coalitions[0] == 0 and design.coalitions[-1] == 2**9 - 1
    assert len(design.coalitions) <= 10 * 8 + 2


@pytest.mark.parametrize("orders", [2, 7])
def test_orders_that_cannot_state_an_error_are_refused(orders):
    with pytest.raises(ValueError, match="pairs"):
        shapley.design(8, orders=orders)


def test_a_game_without_players_is_refused():
    with pytest.raises(ValueError, match="at least one player"):
        shapley.design(0)
