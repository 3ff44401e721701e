"""Shapley values of a game: how much each player adds, averaged over the orders in which players may join.

A coalition is a whole number whose bit i says whether player i is in it: 0 is the empty one, 2^k - 1
has all k players. A game gives every coalition a value, an array of any shape; so a game of patients
and organs is as many games as it has entries, and Shapley values, being linear in the game, are had
patient by patient (Shapley 1953, "A value for n-person games").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

MOST_EXACT = 6
"""Players up to which all 2^k coalitions are valued; above, orders of joining are sampled."""
ORDERS = 64
"""Orders that are sampled above that, half of them the reverse of the other half."""


@dataclass(frozen=True)
class Contributions:
    """Shapley values: `share[i]` has the shape of the game's values.

    `error[i]` is the standard error that comes from sampling the orders, zeros where all coalitions were valued.
    """

    share: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Design:
    """The coalitions to value for a game of `players`, and the orders that were sampled (none: exact)."""

    players: int
    orders: tuple[tuple[int, ...], ...]
    coalitions: tuple[int, ...]

    @property
    def exact(self) -> bool:
        """Whether every coalition is valued."""
        return not self.orders

    def contributions(self, values: np.ndarray) -> Contributions:
        """Shapley values from `values`, (coalitions, ...), in the order of `coalitions`.

        They sum to the value of all players together less that of none, up to rounding, and a player
        that changes nothing gets exactly zero, whether all coalitions were valued or orders sampled.
        """
        place = {coalition: i for i, coalition in enumerate(self.coalitions)}
        value = lambda coalition: np.asarray(values[place[coalition]], dtype=float)  # noqa: E731
        return self._exact(value) if self.exact else self._sampled(value)

    def _exact(self, value: Callable[[int], np.ndarray]) -> Contributions:
        k = self.players
        share = np.zeros((k, *value(0).shape))
        for player in range(k):
            for coalition in range(2**k):
                if not coalition >> player & 1:
                    size = coalition.bit_count()
                    weight = factorial(size) * factorial(k - size - 1) / factorial(k)
                    share[player] += weight * (value(coalition | 1 << player) - value(coalition))
        return Contributions(share, np.zeros_like(share))

    def _sampled(self, value: Callable[[int], np.ndarray]) -> Contributions:
        shape = (self.players, *value(0).shape)
        total, squares = np.zeros(shape), np.zeros(shape)
        pairs = [self.orders[i : i + 2] for i in range(0, len(self.orders), 2)]
        for pair in pairs:
            of_pair = np.zeros(shape)
            for order in pair:
                coalition = 0
                for player in order:
                    of_pair[player] += value(coalition | 1 << player) - value(coalition)
                    coalition |= 1 << player
            total += of_pair / 2
            squares += (of_pair / 2) ** 2
        share = total / len(pairs)
        # An order and its reverse are one draw: only pairs are independent of each other.
        spread = np.maximum(squares / len(pairs) - share**2, 0.0)
        return Contributions(share, np.sqrt(spread / max(len(pairs) - 1, 1)))


def design(players: int, *, seed: int = 1, orders: int = ORDERS, most_exact: int = MOST_EXACT) -> Design:
    """The coalitions to value: all of them for up to `most_exact` players, else those that sampled orders pass.

    `orders` (even, at least 4) orders of joining are sampled from `seed` as antithetic pairs, each with its
    reverse: a player that comes early in one comes late in the other. Raises ValueError for other numbers.
    """
    if players < 1:
        raise ValueError(f"a game needs at least one player, not {players}")
    if players <= most_exact:
        return Design(players, (), tuple(range(2**players)))
    if orders < 4 or orders % 2:
        raise ValueError(f"orders are sampled in pairs, at least two of them: {orders} is not an even number from 4")
    generator = np.random.default_rng(seed)
    drawn: list[tuple[int, ...]] = []
    for _ in range(orders // 2):
        order = tuple(int(player) for player in generator.permutation(players))
        drawn += [order, order[::-1]]
    return Design(players, tuple(drawn), tuple(sorted(_passed(drawn))))


def _passed(orders: Sequence[Sequence[int]]) -> set[int]:
    """Every coalition that some order passes on its way from none to all."""
    found = {0}
    for order in orders:
        coalition = 0
        for player in order:
            coalition |= 1 << player
            found.add(coalition)
    return found
