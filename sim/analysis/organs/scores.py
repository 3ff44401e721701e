"""How much of the organ pattern a law explains: D2 = 1 - deviance / deviance of the site mean, zeros kept.

The same statistic on the same rows for flow alone, for organ and site as two additive effects, and for the whole law;
also where a site, or all sites of one drainage, were left out of the fit. The scale of a site is its shedding, inside
the law: it is the one number that a site left out gives of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from sim.analysis.organs.data import Count
from sim.analysis.organs.fit import Body, OrganFit, Pattern
from sim.analysis.organs.law import shares
from sim.analysis.organs.likelihood import deviance
from sim.names import ORGANS

RIDGE = 0.05
"""A weak pull of the additive model's effects towards zero: an organ without a metastasis has no finite effect."""
RESAMPLES, SEED = 1000, 1


def table(rows: Sequence[Count]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Site of each row (as a number), those seen and the patients, (rows,) each."""
    names = list(dict.fromkeys(row.site for row in rows))
    site = np.array([names.index(row.site) for row in rows])
    return site, np.array([float(r.seen) for r in rows]), np.array([float(r.patients) for r in rows])


def site_means(site: np.ndarray, seen: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """The mean share of each row's site over its organs, (rows,): what the law is measured against."""
    return (np.bincount(site, seen) / np.bincount(site, patients))[site]


def explained(rows: Sequence[Count], predicted: np.ndarray) -> float:
    """D2 of predicted shares (rows,)."""
    site, seen, patients = table(rows)
    null = deviance(seen, patients, site_means(site, seen, patients)).sum()
    return float(1.0 - deviance(seen, patients, np.clip(predicted, 1e-9, 1 - 1e-9)).sum() / null)


def noise(rows: Sequence[Count], resamples: int = RESAMPLES) -> tuple[float, float]:
    """Deviance that chance alone gives a law that is true, and the D2 that such a law reaches (the ceiling).

    By resampling the autopsies about their own shares, each with half a patient added to either side.
    """
    site, seen, patients = table(rows)
    share = (seen + 0.5) / (patients + 1.0)
    again = np.random.default_rng(SEED).binomial(patients.astype(int), share, (resamples, len(rows))).astype(float)
    chance = np.array([deviance(k, patients, share).sum() for k in again])
    null = np.array([deviance(k, patients, site_means(site, k, patients)).sum() for k in again])
    return float(chance.mean()), float((1.0 - chance / null).mean())


def noise_adjusted(rows: Sequence[Count], d2: float) -> float:
    """D2 of what is not chance: the deviance that chance gives is taken off both."""
    site, seen, patients = table(rows)
    null = deviance(seen, patients, site_means(site, seen, patients)).sum()
    return float(1.0 - ((1.0 - d2) * null - noise(rows)[0]) / (null - noise(rows)[0]))


# -- rivals ----------------------------------------------------------------------------------------


def _additive_effects(rows: Sequence[Count]) -> tuple[np.ndarray, np.ndarray]:
    """Log odds by site of `table` and by organ of ORGANS that meet the rows best as a sum."""
    site, seen, patients = table(rows)
    organ, sites = np.array([ORGANS.index(r.organ) for r in rows]), site.max() + 1
    design = np.zeros((len(rows), sites + len(ORGANS)))
    design[np.arange(len(rows)), site] = 1.0
    design[np.arange(len(rows)), sites + organ] = 1.0

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        share = expit(design @ x)
        value = (
            deviance(seen, patients, np.clip(share, 1e-12, 1 - 1e-12)).sum() / 2 + 0.5 * RIDGE * x[sites:] @ x[sites:]
        )
        gradient = design.T @ (patients * share - seen)
        gradient[sites:] += RIDGE * x[sites:]
        return value, gradient

    x = minimize(loss, np.full(design.shape[1], -1.0), jac=True, method="L-BFGS-B").x
    return x[:sites], x[sites:]


def additive(rows: Sequence[Count]) -> np.ndarray:
    """Shares (rows,) of the sum of a site and an organ effect on the logit scale."""
    sites, organs = _additive_effects(rows)
    return expit(sites[table(rows)[0]] + organs[[ORGANS.index(row.organ) for row in rows]])


def _scaled(share_at: Callable[[float], np.ndarray], rows: Sequence[Count], around: float) -> np.ndarray:
    """Shares (rows,) of one site at the scale that meets its rows best, searched within ten log units of `around`."""
    _, seen, patients = table(rows)

    def loss(scale: float) -> float:
        return float(deviance(seen, patients, np.clip(share_at(scale), 1e-9, 1 - 1e-9)).sum())

    return share_at(float(minimize_scalar(loss, bounds=(around - 10.0, around + 10.0), method="bounded").x))


def _logistic(effect: np.ndarray) -> Callable[[float], np.ndarray]:
    return lambda scale: expit(scale + effect)


def additive_left_out(rows: Sequence[Count], left: Sequence[str]) -> np.ndarray:
    """Shares of the rows of the sites in `left`, organs' effects from the other sites."""
    _, organs = _additive_effects([row for row in rows if row.site not in left])
    out = []
    for site in dict.fromkeys(row.site for row in rows if row.site in left):
        mine = [row for row in rows if row.site == site]
        out.append(_scaled(_logistic(organs[[ORGANS.index(row.organ) for row in mine]]), mine, -2.0))
    return np.concatenate(out)


def of_pattern(pattern: Pattern, body: Body, rows: Sequence[Count], site: str) -> np.ndarray:
    """Shares of one site's rows from a pattern fitted to others: only the site's shedding is read from them."""
    place = body.sites.index(site)
    log_strength = pattern.log_strength(body)[place]
    organs = [ORGANS.index(row.organ) for row in rows]

    def share_at(scale: float) -> np.ndarray:
        return shares(np.exp(log_strength + scale), body.exposed[site], body.frailties[site])[organs]

    return _scaled(share_at, rows, 0.0)


def flow_only(rows: Sequence[Count], body: Body, arrest: np.ndarray) -> np.ndarray:
    """Shares (rows,) if every organ had one soil: vessels with these `arrest`s (beds,), and the scale of each site."""
    level = 2.0 - np.log(np.mean([e.either[:, :, -1].mean() for e in body.exposed.values()]))
    pattern = Pattern(body.sites, np.zeros(len(body.sites)), np.full(len(ORGANS), level), arrest, 0.0)
    out = np.empty(len(rows))
    for site in body.sites:
        mine = [i for i, row in enumerate(rows) if row.site == site]
        out[mine] = of_pattern(pattern, body, [rows[i] for i in mine], site)
    return out


# -- the law, whole and left out -------------------------------------------------------------------


@dataclass(frozen=True)
class LeftOut:
    """Rows of sites that a fit did not see, and their shares as the law and the additive model predict them."""

    rows: tuple[Count, ...]
    law: np.ndarray
    additive: np.ndarray


def pooled(parts: Sequence[LeftOut], additive: bool = False) -> float:
    """D2 over all rows of some parts, of the law or of the additive model."""
    rows = [row for part in parts for row in part.rows]
    return explained(rows, np.concatenate([part.additive if additive else part.law for part in parts]))


def left_out(rows: Sequence[Count], body: Body, groups: Mapping[str, Sequence[str]]) -> dict[str, LeftOut]:
    """Each group of sites predicted from a fit to all others, by the group's name."""
    found = {}
    for name, left in groups.items():
        kept = [row for row in rows if row.site not in left]
        rest = Body([site for site in body.sites if site not in left], exposures=body.exposed)
        fit = OrganFit(kept, rest)
        pattern = fit.pattern(fit.maximum())
        mine = [[row for row in rows if row.site == site] for site in left]
        law = [of_pattern(pattern, body, some, some[0].site) for some in mine]
        rival = [additive_left_out([*kept, *some], [some[0].site]) for some in mine]
        found[name] = LeftOut(tuple(r for some in mine for r in some), np.concatenate(law), np.concatenate(rival))
    return found
