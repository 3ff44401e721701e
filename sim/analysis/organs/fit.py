"""The fit of the organ pattern: penalised binomial likelihood over sites x organs, one soil for all sites.

The strength with which a site seeds an organ is site x soil x arrest. Unknown are the sites' shedding, soil x flow of
every organ, the arrest in liver, lung and the other beds, and the SD of the misfit between sites. Drainage is anatomy's
and is not moved by autopsies (a cut); growth, frailty and deaths are the catalogue's.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from sim import catalog
from sim import scenario as scenarios
from sim.analysis.organs.data import Count
from sim.analysis.organs.exposed import Exposed, exposed
from sim.analysis.organs.law import Frailties, frailties, shares_and_slopes
from sim.analysis.organs.likelihood import likelihood
from sim.catalog.parameters import LaneParameters
from sim.disease.body import own_organ_factor, route
from sim.names import ORGANS, VEINS

SEED, PATIENTS = 1, 60
BEDS = ("liver", "lung", "other")
STEP = 1e-4
_SMALLEST = 1e-9


@functools.cache
def priors() -> Mapping[str, Any]:
    """The priors of the fit, from the catalogue's `priors.toml`."""
    return tomllib.loads((catalog.FOLDER / "priors.toml").read_text(encoding="utf-8"))["organ_fit"]


@functools.cache
def _exposed(sites: tuple[str, ...]) -> Mapping[str, Exposed]:
    return exposed(sites, seed=SEED, patients=PATIENTS)


class Body:
    """What the law knows before the fit: exposure and frailty by site, and the vessels.

    `drainage` replaces the catalogue's shares of some sites, by site and vein; `values` the catalogue's parameters.
    """

    def __init__(
        self,
        sites: Sequence[str],
        drainage: Mapping[str, Mapping[str, float]] | None = None,
        exposures: Mapping[str, Exposed] | None = None,
        values: Mapping[str, float] | None = None,
    ) -> None:
        self.sites = tuple(sites)
        self.values = dict(scenarios.load(f"autopsy/{self.sites[0]}").values() if values is None else values)
        for site, shares in (drainage or {}).items():
            self.values |= {f"drainage.{site}.{vein}": float(shares.get(vein, 0.0)) for vein in VEINS}
        known = exposures or {}
        missing = _exposed(tuple(site for site in self.sites if site not in known))
        self.exposed = {site: known[site] if site in known else missing[site] for site in self.sites}
        log_sd, cut = self.values["frailty_log_sd"], self.values["frailty_truncation_sd"]
        self.frailties: dict[str, Frailties] = {
            site: frailties(log_sd, cut, self.values[f"metastatic_share.{site}"]) for site in self.sites
        }
        own = own_organ_factor(LaneParameters(self.values, len(self.sites)), self.sites)[:, : len(ORGANS)]
        with np.errstate(divide="ignore"):
            self.own = np.maximum(np.log(own), -50.0)

    def log_arrest(self, logits: np.ndarray) -> np.ndarray:
        """Log of the share of a site's cells that arrest in an organ, (..., sites, organs), for logits (..., beds)."""
        points = np.atleast_2d(logits)
        lanes = len(points) * len(self.sites)
        columns: dict[str, float | np.ndarray] = dict(self.values)
        for i, bed in enumerate(BEDS):
            columns[f"arrest_probability.{bed}"] = np.repeat(expit(points[:, i]), len(self.sites))
        found = route(LaneParameters(columns, lanes), self.sites * len(points)).arrest[:, : len(ORGANS)]
        out = np.log(np.maximum(found, 1e-300)).reshape(len(points), len(self.sites), len(ORGANS))
        return out[0] if np.ndim(logits) == 1 else out

    def shares(self, log_strength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of patients (sites, organs), and slopes by log strength (sites, organs, organs)."""
        found = [
            shares_and_slopes(log_strength[i], self.exposed[site], self.frailties[site])
            for i, site in enumerate(self.sites)
        ]
        return np.array([f[0] for f in found]), np.array([f[1] for f in found])


@dataclass(frozen=True)
class Pattern:
    """A point of the fit, named: logs of the sites' shedding (sites,) and of soil x competent share (organs,)."""

    sites: tuple[str, ...]
    log_site: np.ndarray
    log_soil: np.ndarray
    arrest: np.ndarray
    misfit: float

    def log_strength(self, body: Body) -> np.ndarray:
        """Log of site x soil x arrest x own-organ factor, (sites of the body, organs).

        A site that was not fitted has shedding one.
        """
        known = dict(zip(self.sites, self.log_site, strict=True))
        site = np.array([known.get(name, 0.0) for name in body.sites])
        return site[:, None] + self.log_soil + body.log_arrest(logit(self.arrest)) + body.own


class OrganFit:
    """The posterior of the organ pattern given counts; `maximum` finds its mode, `covariance` how wide it is there."""

    def __init__(
        self,
        rows: Sequence[Count],
        body: Body,
        seen: np.ndarray | None = None,
        *,
        fixed_arrest: Mapping[str, float] | None = None,
    ) -> None:
        self.rows, self.body = list(rows), body
        self.site = np.array([body.sites.index(row.site) for row in rows])
        self.organ = np.array([ORGANS.index(row.organ) for row in rows])
        self.seen = np.array([row.seen for row in rows], dtype=float) if seen is None else np.asarray(seen, dtype=float)
        self.patients = np.array([row.patients for row in rows], dtype=float)
        self._sites, self._organs = len(body.sites), len(ORGANS)
        self.size = self._sites + self._organs + len(BEDS) + 1
        self._level = -np.log(np.mean([body.exposed[site].either[:, :, -1].mean() for site in body.sites]))
        p = priors()
        self._mean, self._precision = self._gaussian(p, fixed_arrest or {})
        self._known = [
            (body.sites.index(site), ORGANS.index(organ), float(log), float(p["known_strength"]["log_sd"]))
            for site, organs in p["known_strength"]["log"].items()
            if site in body.sites
            for organ, log in organs.items()
        ]
        """Strengths that stages at diagnosis and relapses tell, more than the autopsies of the site."""
        self._top = float(p["misfit_between_sites"]["logit_sd_maximum"])
        self._at: tuple[bytes, tuple[float, np.ndarray, np.ndarray]] | None = None

    def _gaussian(self, p: Mapping[str, Any], fixed: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        mean, precision = np.zeros(self.size), np.zeros((self.size, self.size))
        sites, organs, beds, _ = self._slices()
        precision[sites, sites] = np.eye(self._sites) / p["site_shedding"]["log_sd"] ** 2
        # Organs about their own mean, free but for what keeps the matrix regular; the sites' mean is zero.
        around = np.eye(self._organs) - 1.0 / self._organs
        precision[organs, organs] = around / p["soil_times_flow"]["log_sd"] ** 2 + 1e-4
        precision[sites, sites] += 1e4
        mean[organs] = self._level
        arrest = p["arrest_probability"]
        for i, bed in enumerate(BEDS, start=beds.start):
            mean[i] = logit(fixed[bed]) if bed in fixed else arrest["logit_mean"]
            precision[i, i] = 1e6 if bed in fixed else arrest["logit_sd"] ** -2
        return mean, precision

    def _slices(self) -> tuple[slice, slice, slice, int]:
        a, b = self._sites, self._sites + self._organs
        return slice(0, a), slice(a, b), slice(b, b + len(BEDS)), b + len(BEDS)

    def log_strength(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log strengths (sites, organs), and their slopes by the logits of arrest, (beds, sites, organs)."""
        sites, organs, beds, _ = self._slices()
        logits = at[beds]
        arrest = self.body.log_arrest(np.vstack([logits, logits + STEP * np.eye(len(BEDS))]))
        relative = arrest - arrest.mean(axis=1, keepdims=True)
        strength = at[sites][:, None] + at[organs] + relative[0] + self.body.own
        return strength, (relative[1:] - relative[0]) / STEP

    def misfit(self, at: np.ndarray) -> float:
        """The SD of the misfit between sites at a point of the fit."""
        return self._top * float(expit(at[-1]))

    def _evaluate(self, at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        key = at.tobytes()
        if self._at is None or self._at[0] != key:
            self._at = key, self._compute(at)
        return self._at[1]

    def _compute(self, at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Minus the log posterior, its gradient, and its matrix of second derivatives (the law taken as linear)."""
        _, organs, beds, sd = self._slices()
        strength, by_arrest = self.log_strength(at)
        share, slopes = self.body.shares(strength)
        s, o = self.site, self.organ
        p = np.clip(share[s, o], _SMALLEST, 1.0 - _SMALLEST)
        by_strength = slopes[s, o, :] / (p * (1.0 - p))[:, None]
        design = np.zeros((len(s), self.size))
        design[np.arange(len(s)), s] = by_strength.sum(axis=1)
        design[:, organs] = by_strength
        design[:, beds] = np.einsum("co,bco->cb", by_strength, by_arrest[:, s, :])
        misfit = self.misfit(at)
        found = likelihood(logit(p), misfit, self.seen, self.patients)
        turn = misfit * (1.0 - misfit / self._top)  # of the SD by its own unknown
        rise = float(expit(at[sd]))
        off = at - self._mean
        value = -found.value.sum() + 0.5 * off @ self._precision @ off - np.log(rise * (1.0 - rise))
        gradient = -design.T @ found.slope + self._precision @ off
        gradient[sd] += -turn * found.slope_sd.sum() - (1.0 - 2.0 * rise)
        c = found.curvature
        matrix = -design.T @ (c[:, 0, 0, None] * design) + self._precision
        across = -turn * design.T @ c[:, 0, 1]
        matrix[:, sd] += across
        matrix[sd, :] += across
        for i, organ, log, log_sd in self._known:
            gap = (strength[i, organ] - log) / log_sd
            slope = np.zeros(self.size)
            slope[[i, organs.start + organ]] = 1.0 / log_sd
            slope[beds] = by_arrest[:, i, organ] / log_sd
            value += 0.5 * gap**2
            gradient += gap * slope
            matrix += np.outer(slope, slope)
        bend = turn * (1.0 - 2.0 * rise)
        matrix[sd, sd] += -(turn**2) * c[:, 1, 1].sum() - bend * found.slope_sd.sum() + 2.0 * rise * (1.0 - rise)
        return float(value), gradient, matrix

    def value(self, at: np.ndarray) -> float:
        """Minus the log posterior at a point, but for a constant."""
        return self._evaluate(at)[0]

    def start(self) -> np.ndarray:
        """The priors' means, the misfit in the middle of its range."""
        return self._mean.copy()

    def prior_draw(self, rng: np.random.Generator) -> np.ndarray:
        """A point (size,) drawn from the priors; the level of all organs, which they leave free, as one of them."""
        p, at = priors(), self.start()
        sites, organs, beds, _ = self._slices()
        of_sites = p["site_shedding"]["log_sd"] * rng.normal(size=self._sites)
        of_organs = p["soil_times_flow"]["log_sd"] * rng.normal(size=self._organs)
        at[sites] += of_sites - of_sites.mean()
        at[organs] += of_organs - of_organs.mean() + p["soil_times_flow"]["log_sd"] * rng.normal()
        at[beds] += p["arrest_probability"]["logit_sd"] * rng.normal(size=len(BEDS))
        return at

    def expected_metastases(self, at: np.ndarray) -> np.ndarray:
        """Metastases by the end of life that a patient of average frailty expects, in all organs together, (sites,)."""
        strength = np.exp(self.log_strength(at)[0])
        of_one = np.array([self.body.exposed[site].either[:, :, -1].mean(axis=1) for site in self.body.sites])
        return (strength * of_one).sum(axis=1)

    def maximum(self, start: np.ndarray | None = None) -> np.ndarray:
        """The mode of the posterior, (size,): sites, soil x flow by organ, logits of arrest, and the misfit's own."""
        found = minimize(
            lambda x: self._evaluate(x)[0],
            self.start() if start is None else start,
            jac=lambda x: self._evaluate(x)[1],
            hess=lambda x: self._evaluate(x)[2],
            method="trust-exact",
            options={"gtol": 1e-3, "maxiter": 200},
        )
        return found.x

    def covariance(self, at: np.ndarray) -> np.ndarray:
        """Of the normal law that the posterior resembles at its mode, (size, size)."""
        values, vectors = np.linalg.eigh(self._evaluate(at)[2])
        return (vectors / np.maximum(values, 1e-3)) @ vectors.T

    def pattern(self, at: np.ndarray) -> Pattern:
        """A point of the fit in the catalogue's terms."""
        sites, organs, beds, _ = self._slices()
        flow = self.body.log_arrest(at[beds]).mean(axis=0)
        centre = at[sites].mean()
        return Pattern(
            self.body.sites, at[sites] - centre, at[organs] - flow + centre, expit(at[beds]), self.misfit(at)
        )

    def predicted(self, at: np.ndarray) -> np.ndarray:
        """Shares of patients at the rows, without the misfit, (rows,)."""
        return self.body.shares(self.log_strength(at)[0])[0][self.site, self.organ]
