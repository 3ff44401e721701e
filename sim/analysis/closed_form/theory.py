"""Closed forms that the simulation must meet where nothing feeds back: no random number is drawn here.

Written from the textbooks rather than from the kernels, so that an error in one shows against the
other. They hold given the rates: metastatic death off, frailty either given or averaged over.
Time is in days, `day` counts as in the model: a cell that arrives on day t is in its niche from the
end of day t.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    import numpy.typing as npt

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


# -- patients ------------------------------------------------------------------------------------


def frailty_average(
    function: Callable[[np.ndarray], np.ndarray], log_sd: float, cut_sd: float, panels: int = 64
) -> float:
    """E[function(X)] over X = exp(log_sd z), z standard normal cut off at -cut_sd and cut_sd.

    `function` takes and returns float arrays of one shape. Composite Gauss-Legendre quadrature.
    """
    edges = np.linspace(-cut_sd, cut_sd, panels + 1)
    half = np.diff(edges)[:, None] / 2
    z = (edges[:-1, None] + half) + half * _NODES
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) / (ndtr(cut_sd) - ndtr(-cut_sd))
    return float((half * _WEIGHTS * density * function(np.exp(log_sd * z))).sum())


def expected_incidence(mean_events: float, log_sd: float, cut_sd: float) -> float:
    """Share of patients with at least one event, 1 - E[exp(-X m)]: events are Poisson with mean X m given frailty X.

    `mean_events` is m, the integral of the rate for a patient of frailty one.
    """
    return frailty_average(lambda x: -np.expm1(-x * mean_events), log_sd, cut_sd)


# -- colonies: the linear birth-death process (Kendall 1948) -------------------------------------


def birth_death_law(
    birth_per_day: npt.ArrayLike, death_per_day: npt.ArrayLike, days: npt.ArrayLike
) -> tuple[float, float]:
    """(survival, ratio) of one cell's descendants: P(0) = 1 - survival, P(n) = survival (1 - ratio) ratio^(n-1).

    Rates may be scalars or arrays, one entry a stretch of `days` (same shape) during which they are
    constant. From Kendall's integrals rho(t) = integral of (death - birth) and W = exp(-rho(T)) (1 +
    integral of exp(rho) death): extinct 1 - exp(-rho)/W, ratio 1 - 1/W.
    """
    birth, death, days = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (birth_per_day, death_per_day, days))
    rho, integral = 0.0, 0.0
    for b, d, t in np.broadcast(birth, death, days):
        net = d - b
        stretch = t if abs(net * t) < 1e-12 else math.expm1(net * t) / net
        integral += d * math.exp(rho) * stretch
        rho += net * t
    w = math.exp(-rho) * (1.0 + integral)
    return math.exp(-rho) / w, 1.0 - 1.0 / w


def birth_death_moments(birth_per_day: float, death_per_day: float, days: float, cells: int = 1) -> tuple[float, float]:
    """Mean and variance of the number of cells after `days`, from `cells`."""
    net = birth_per_day - death_per_day
    growth = math.exp(net * days)
    if abs(net * days) < 1e-12:
        return float(cells), cells * (birth_per_day + death_per_day) * days
    return cells * growth, cells * (birth_per_day + death_per_day) / net * growth * (growth - 1.0)


def birth_death_cdf(cells: npt.ArrayLike, survival: float, ratio: float) -> np.ndarray:
    """P(N <= n) from one cell, for an array of n >= 0; see `birth_death_law`."""
    return 1.0 - survival * ratio ** np.floor(np.asarray(cells, dtype=float))


def extinction_probability(birth_per_day: float, death_per_day: float, cells: int = 1) -> float:
    """Probability that the line of `cells` cells ever dies out: (d/b)^cells, or one where death wins."""
    return min(1.0, death_per_day / birth_per_day) ** cells


def establishment_probability(birth_per_day: float, death_per_day: float, size: int) -> float:
    """Probability that one cell's line reaches `size` before it dies out (gambler's ruin)."""
    if birth_per_day == death_per_day:
        return 1.0 / size
    odds = death_per_day / birth_per_day
    return (1.0 - odds) / (1.0 - odds**size)


def founding_to_size_cdf(days: npt.ArrayLike, size: float, birth_per_day: float, death_per_day: float) -> np.ndarray:
    """P(an established line has reached `size` >> 1 within `days`), for an array of days.

    N(t) exp(-rt) tends to an exponential variate of mean b/r (Harris 1951; r = b - d), so the time is
    a Gumbel variate: log(size r / b) / r late in the median by log(1/log 2) / r.
    """
    net = birth_per_day - death_per_day
    return np.exp(-net / birth_per_day * size * np.exp(-net * np.asarray(days, dtype=float)))


def colony_growth_days(
    start_cells: npt.ArrayLike,
    end_cells: npt.ArrayLike,
    limit_cells: float,
    capacity_cells: float,
    gompertz_per_day: float,
) -> np.ndarray:
    """Days of deterministic growth: exponential below the avascular limit, Gompertz above it; arrays broadcast."""
    start, end = np.log(start_cells), np.log(end_cells)
    limit, top = math.log(limit_cells), math.log(capacity_cells)
    rate = gompertz_per_day * (top - limit)
    early = (np.minimum(end, limit) - np.minimum(start, limit)) / rate
    late = np.log((top - np.maximum(start, limit)) / (top - np.maximum(end, limit))) / gompertz_per_day
    return early + late


# -- sleepers ------------------------------------------------------------------------------------


def threshold_survival(
    energy_days: npt.ArrayLike, narrow_share: float, narrow: tuple[float, float], broad: tuple[float, float]
) -> np.ndarray:
    """P(energy threshold > x): a mixture of two Weibull laws, each (scale in days, shape)."""
    x = np.asarray(energy_days, dtype=float)

    def weibull(scale: float, shape: float) -> np.ndarray:
        return np.exp(-((x / scale) ** shape))

    return narrow_share * weibull(*narrow) + (1.0 - narrow_share) * weibull(*broad)


def sleeper_fates(
    feeding: npt.ArrayLike, hazard: npt.ArrayLike, survival_of_threshold: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    """What becomes of a sleeper on each day after its arrival: arrays of shape (days,).

    `feeding` and `hazard` (days,) are the advances of the energy and the hazard clock on the first,
    second, ... day asleep, even within a day; `survival_of_threshold` maps energy to P(threshold >
    energy). Returns `woke` and `died` (probability of that end on that day) and `asleep` (at its end).
    With S the threshold's survival and h the day's hazard, the first end within a day is waking with
    probability exp(-H) (S(x) - exp(-h) S(x + f) - h I), I = integral of exp(-hs) S(x + fs) over s in (0, 1).
    """
    feeding, hazard = np.broadcast_arrays(np.asarray(feeding, dtype=float), np.asarray(hazard, dtype=float))
    energy_before = np.concatenate([[0.0], np.cumsum(feeding)])
    alive_before = np.exp(-np.concatenate([[0.0], np.cumsum(hazard)]))
    s = 0.5 + 0.5 * _NODES
    inside = np.exp(-hazard[:, None] * s) * survival_of_threshold(energy_before[:-1, None] + feeding[:, None] * s)
    lost = hazard * (inside @ _WEIGHTS) / 2
    still = survival_of_threshold(energy_before)
    return {
        "woke": alive_before[:-1] * (still[:-1] - np.exp(-hazard) * still[1:] - lost),
        "died": alive_before[:-1] * lost,
        "asleep": alive_before[1:] * still[1:],
    }


def expected_asleep(arrivals_per_day: npt.ArrayLike, fates: dict[str, np.ndarray]) -> np.ndarray:
    """Mean number asleep at the end of each day, shape (days,): an infinite-server queue (M/G/infinity).

    `arrivals_per_day` (days,) is the mean number that fall asleep on each day; constant clocks, so
    that `fates` holds for every arrival. The number itself is Poisson with this mean.
    """
    arrivals = np.asarray(arrivals_per_day, dtype=float)
    stay = np.concatenate([[1.0], fates["asleep"]])[: len(arrivals)]
    return np.convolve(arrivals, stay)[: len(arrivals)]


# -- vessels -------------------------------------------------------------------------------------


def two_bed_circuit(arrest_first: float, arrest_second: float, death_per_pass: float) -> tuple[float, float, float]:
    """(arrested in the first bed, in the second, died) where cells go first -> second -> first: a geometric series."""
    alive = 1.0 - death_per_pass
    into_second = alive * (1.0 - arrest_first)
    round_trip = into_second * alive * (1.0 - arrest_second)
    rounds = 1.0 / (1.0 - round_trip)
    first, second = rounds * alive * arrest_first, rounds * into_second * alive * arrest_second
    return first, second, rounds * death_per_pass * (1.0 + into_second)
