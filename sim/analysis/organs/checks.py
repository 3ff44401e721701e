"""Whether the closed form is the program's, and whether the fit's intervals cover: simulation and synthetic data."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from sim import scenario as scenarios
from sim.analysis.organs import data, law
from sim.analysis.organs.fit import Body, OrganFit, Pattern
from sim.names import NICHES, ORGANS

SEED = 11
SMALLEST_VARIANCE = 1e-4
"""Of a share: an organ in which one patient in ten thousand is expected says little about a squared distance."""


def seen_at_death(chosen: scenarios.Scenario, patients: int, seed: int = SEED) -> np.ndarray:
    """Whether each simulated patient has a visible metastasis on their last day, (patients, niches) bool."""
    from sim.disease.identity import unpack
    from sim.runs import tables
    from sim.runs.chunk import build_model

    model = build_model(chosen, seed=seed, patients=np.arange(patients), collect=False, doomed=False)
    model.run()
    found = tables.Metastases(model)
    seen = found.cells_on(model.last_day[found.lane]) >= model.visible_cells[found.lane]
    out = np.zeros((patients, len(NICHES)), dtype=bool)
    out[found.lane[seen], unpack(found.identity)["niche"][seen]] = True
    model.__dict__.clear()  # Mesa keeps every model that had agents
    return out


def simulated_shares(site: str, patients: int, seed: int = SEED) -> np.ndarray:
    """Share of simulated autopsies of a site with a visible metastasis, (organs,), at the catalogue's numbers."""
    return seen_at_death(scenarios.load(f"autopsy/{site}"), patients, seed)[:, : len(ORGANS)].mean(axis=0)


def agreement(pattern: Pattern, patients: int) -> float:
    """Mean squared distance, in standard errors, of simulated autopsies of the fitted sites from the closed form.

    Over all sites and organs but a site's own single organ. The simulation runs at the catalogue's numbers, which
    `pattern` must be.
    """
    body = Body(pattern.sites)
    strength = np.exp(pattern.log_strength(body))
    found: list[float] = []
    for i, site in enumerate(pattern.sites):
        expected = law.shares(strength[i], body.exposed[site], body.frailties[site])
        variance = np.maximum(expected * (1.0 - expected), SMALLEST_VARIANCE) / patients
        distance = (simulated_shares(site, patients) - expected) ** 2 / variance
        found += [z for z, organ in zip(distance, ORGANS, strict=True) if organ != site or site == "lung"]
    return float(np.mean(found))


def coverage(fit: OrganFit, at: np.ndarray, sets: int, seed: int = SEED) -> tuple[float, int]:
    """Share of intervals that cover the truth, and how many there were, over synthetic data sets.

    Each set draws its truth from the fit's posterior, misfit by cell, and counts; the fit is made again. Looked at are
    the log strengths with which each fitted site seeds each organ of a row: what the data see, not the numbers that
    only their products identify.
    """
    rng = np.random.default_rng(seed)
    covariance = fit.covariance(at)
    covered, numbers = 0, 0
    for _ in range(sets):
        truth = rng.multivariate_normal(at, covariance)
        odds = logit(np.clip(fit.predicted(truth), 1e-9, 1 - 1e-9)) + fit.misfit(truth) * rng.normal(size=len(fit.rows))
        seen = rng.binomial(fit.patients.astype(int), expit(odds)).astype(float)
        again = OrganFit(fit.rows, fit.body, seen)
        best = again.maximum(at.copy())
        draws = rng.multivariate_normal(best, again.covariance(best), 200)
        strengths = np.array([again.log_strength(x)[0][again.site, again.organ] for x in draws])
        low, high = np.quantile(strengths, (0.025, 0.975), axis=0)
        true = fit.log_strength(truth)[0][fit.site, fit.organ]
        inside = (low <= true) & (true <= high)
        covered, numbers = covered + int(inside.sum()), numbers + len(inside)
    return covered / numbers, numbers


def profile(
    rows: list[data.Count], body: Body, bed: str, values: tuple[float, ...]
) -> list[tuple[float, float, Pattern]]:
    """Log posterior (relative to the best of the profile) and pattern with the arrest in a bed held at each value."""
    found = []
    for value in values:
        fit = OrganFit(rows, body, fixed_arrest={bed: value})
        start = fit.start()
        at = fit.maximum(start)
        found.append((value, -fit.value(at), fit.pattern(at)))
    best = max(value for _, value, _ in found)
    return [(value, loss - best, pattern) for value, loss, pattern in found]
