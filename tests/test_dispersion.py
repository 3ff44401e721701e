"""What settles is independent at fixed frailty: promising and doomed, asleep and awake, week and week, niche and niche.

Equal patients at constant rates: thinning of Poisson shedding makes every count an independent Poisson number. 1,500
patients, ten weeks, four niches, two million cells: a variance that is off by a tenth is found, a correlation of 0.05 between
fates, and one of 0.02 between weeks or niches, each with a false-alarm rate of 2e-9. Frailty that differs by a tenth is shown
to be.
"""

import numpy as np
import pytest
from statistics_helpers import MOST_STANDARD_ERRORS
from virtual_patients import NOTHING_ACTS, plain_model

from sim.disease.identity import PROMISING_INDEX, unpack
from sim.names import NICHES
from sim.runs.tables import every_seed

PATIENTS, FIRST_WEEK, WEEKS = 1500, 8, 10
KINDS = ("promising asleep", "promising awake", "doomed asleep", "doomed awake")
FED = NICHES[:4]


def settled(frailty=1.0) -> np.ndarray:
    """Numbers of settled cells, (kinds, patients, weeks, niches)."""
    soil = {f"soil__{niche}": 0.1 if niche in FED else 0.0 for niche in NICHES}
    model = plain_model(PATIENTS, 7 * (FIRST_WEEK + WEEKS), seed=12, keep_seeds=True, frailty=frailty, **NOTHING_ACTS, **soil,
                        competent_share=0.01, cycling_birth_per_day=0.2)  # fmt: skip
    model.run()
    seeds = every_seed(model)
    parts = unpack(seeds["identity"])
    kind = 2 * ((seeds["identity"] >> np.uint64(8)) & np.uint64(PROMISING_INDEX) == 0) + ~seeds["slept"]
    week = parts["day"] // 7 - FIRST_WEEK
    counted = week >= 0
    out = np.zeros((len(KINDS), PATIENTS, WEEKS, len(FED)))
    np.add.at(out, tuple(a[counted] for a in (kind, parts["lane"], week, parts["niche"])), 1)
    return out


@pytest.fixture(scope="module")
def counts():
    return settled()


def standardised(counts: np.ndarray) -> np.ndarray:
    """Deviations from the mean over patients, in units of a Poisson number's."""
    mean = counts.mean(axis=1, keepdims=True)
    return (counts - mean) / np.sqrt(mean) * np.sqrt(PATIENTS / (PATIENTS - 1))


def dispersion_off(counts: np.ndarray) -> float:
    """Standard errors by which the variance over patients is not the mean; of a Poisson number (x - m)^2 / m varies by 2 + 1/m."""
    square = standardised(counts) ** 2
    error = np.sqrt((2.0 + 1.0 / counts.mean(axis=1)).sum() * PATIENTS) / square.size
    return float((square.mean() - 1.0) / error)


def pairs(x: np.ndarray, axis: int) -> np.ndarray:
    """Sum of the products of all pairs along an axis, in units of its standard deviation."""
    n = x.shape[axis]
    return (x.sum(axis=axis) ** 2 - (x**2).sum(axis=axis)) / 2.0 / np.sqrt(n * (n - 1) / 2.0)


def covariances_off(counts: np.ndarray) -> dict[str, float]:
    """Standard errors by which the mean product of deviations of independent numbers is not nought."""
    x = standardised(counts)
    promising, doomed = x[:2].sum(axis=0) / np.sqrt(2.0), x[2:].sum(axis=0) / np.sqrt(2.0)
    asleep, awake = x[::2].sum(axis=0) / np.sqrt(2.0), x[1::2].sum(axis=0) / np.sqrt(2.0)
    products = {
        "promising x doomed": promising * doomed,
        "asleep x awake": asleep * awake,
        "week x week": pairs(x, 2),
        "niche x niche": pairs(x, 3),
    }
    return {name: float(product.mean() * np.sqrt(product.size)) for name, product in products.items()}


def test_numbers_that_settle_have_the_spread_of_poisson_numbers(counts):
    assert counts.sum() > 1_000_000
    for kind, mine in zip(KINDS, counts, strict=True):
        assert abs(dispersion_off(mine[None])) < MOST_STANDARD_ERRORS, kind


def test_numbers_that_settle_are_independent(counts):
    off = covariances_off(counts)
    assert max(abs(value) for value in off.values()) < MOST_STANDARD_ERRORS, off


def test_patients_that_differ_by_a_tenth_are_noticed():
    rng = np.random.default_rng(6)
    off = covariances_off(settled(rng.gamma(100.0, 0.01, PATIENTS)))
    assert min(off[name] for name in ("week x week", "niche x niche")) > MOST_STANDARD_ERRORS, off


def test_fates_shared_out_from_a_fixed_number_are_noticed(counts):
    """The broken variant: so many settle in all, and who is not promising is doomed."""
    fixed = counts.copy()
    total = np.ceil(counts.sum(axis=0).mean(axis=0))
    rng = np.random.default_rng(6)
    share = counts.mean(axis=(1, 2, 3)) / counts.mean(axis=(1, 2, 3)).sum()
    for place in np.ndindex(WEEKS, len(FED)):
        fixed[(slice(None), slice(None), *place)] = rng.multinomial(int(total[place]), share, PATIENTS).T
    assert covariances_off(fixed)["promising x doomed"] < -MOST_STANDARD_ERRORS
