"""The closed form of autopsies with deaths inside, its likelihood, and how its fit is scored; small cases by hand and by chance."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln
from scipy.stats import binom, norm

from sim.analysis.organs import data, law, scores
from sim.analysis.organs import fit as organ_fit
from sim.analysis.organs.exposed import DEATH_DAYS, Exposed
from sim.analysis.organs.fit import Body, OrganFit, priors
from sim.analysis.organs.likelihood import deviance, likelihood
from sim.names import ORGANS

ORGANS_IN_ALL = len(ORGANS)


def exposures(rng: np.random.Generator, lanes: int = 4, deadly: float = 0.3) -> Exposed:
    """Made-up exposures that rise in time; a share of the visible kills."""
    either = np.cumsum(rng.uniform(0.0, 0.2, (ORGANS_IN_ALL, lanes, DEATH_DAYS)), axis=2)
    return Exposed(deadly * either * np.linspace(0.1, 1.0, DEATH_DAYS), either)


def test_without_deaths_the_law_is_a_poisson_mean_over_frailty():
    found = exposures(np.random.default_rng(1), deadly=0.0)
    frailty = law.frailties(1.0, 2.5, 0.7)
    strength = np.linspace(0.1, 1.0, ORGANS_IN_ALL)
    mean = strength[:, None] * found.either[:, :, -1]
    none = np.exp(-mean[:, :, None] * frailty.value) @ frailty.weight
    assert law.shares(strength, found, frailty) == pytest.approx(0.7 * (1 - none.mean(axis=1)))


def test_deaths_inside_the_law_by_brute_force():
    """Colonies drawn one by one: when each is seen, when it kills; the first that kills ends the patient's life.

    200,000 patients: within four standard errors (false alarm 0.0008 over the organs). Leaving deaths out is off by ten.
    """
    rng = np.random.default_rng(5)
    found = exposures(rng, lanes=1)
    strength = np.full(ORGANS_IN_ALL, 0.06)
    frailty = law.Frailties(np.array([0.5, 2.0]), np.array([0.5, 0.5]), 1.0)
    patients = 200_000
    x = rng.choice(frailty.value, patients)
    kills = strength[:, None] * found.killing[:, 0]  # expected so far, (organs, days)
    # On a grid as fine as the law's own: a day's killers and a day's newly seen who do not kill yet.
    seen_only = strength[:, None] * (found.either[:, 0] - found.killing[:, 0])
    died = np.full(patients, DEATH_DAYS)
    killer = np.full(patients, -1)
    alive = np.ones(patients, dtype=bool)
    for day in range(DEATH_DAYS):
        new = kills[:, day] - (kills[:, day - 1] if day else 0.0)
        falls = alive & (rng.random(patients) < -np.expm1(-x * new.sum()))
        killer[falls] = rng.choice(ORGANS_IN_ALL, falls.sum(), p=new / new.sum())
        died[falls], alive[falls] = day, False
    last = np.minimum(died, DEATH_DAYS - 1)
    # Within a day's interval the death lies anywhere: what is seen by then is taken half-way.
    before = np.where(last[None, :] > 0, seen_only[:, np.maximum(last - 1, 0)], 0.0)
    now = np.where(died < DEATH_DAYS, 0.5 * (before + seen_only[:, last]), seen_only[:, -1:])
    visible = rng.random((ORGANS_IN_ALL, patients)) < -np.expm1(-x * now)
    visible[killer[killer >= 0], np.flatnonzero(killer >= 0)] = True
    observed, expected = visible.mean(axis=1), law.shares(strength, found, frailty)
    error = np.sqrt(expected * (1 - expected) / patients)
    assert (died < DEATH_DAYS).mean() > 0.2
    assert np.all(abs(observed - expected) < 4 * error + 0.002)
    without = law.shares(strength, Exposed(0 * found.killing, found.either), frailty)
    assert np.all(without - observed > 10 * error)


@pytest.mark.parametrize("seen, patients, sd", [(0, 40, 0.3), (7, 40, 0.01), (30, 40, 0.4), (400, 1000, 0.2)])
def test_the_likelihood_integrates_the_misfit_out(seen, patients, sd):
    log_odds = -0.8

    def density(e):
        return binom.pmf(seen, patients, 1 / (1 + np.exp(-log_odds - e))) * norm.pdf(e, scale=sd)

    expected = quad(density, -8 * sd, 8 * sd, epsabs=1e-14)[0] / binom.pmf(seen, patients, seen / patients)
    found = likelihood(np.array([log_odds]), sd, np.array([float(seen)]), np.array([float(patients)]))
    coefficient = gammaln(patients + 1) - gammaln(seen + 1) - gammaln(patients - seen + 1)
    log_at_best = binom.logpmf(seen, patients, seen / patients) - coefficient
    assert np.exp(found.value[0] - log_at_best) == pytest.approx(expected, rel=3e-3)
    step = 1e-5

    def value(o, s):
        return likelihood(np.array([o]), s, np.array([float(seen)]), np.array([float(patients)])).value[0]

    assert found.slope[0] == pytest.approx(
        (value(log_odds + step, sd) - value(log_odds - step, sd)) / (2 * step), rel=1e-4
    )
    assert found.slope_sd[0] == pytest.approx(
        (value(log_odds, sd + step) - value(log_odds, sd - step)) / (2 * step), rel=1e-3, abs=1e-6
    )


def test_deviance_keeps_zeros():
    seen, patients = np.array([0.0, 5.0, 10.0]), np.full(3, 10.0)
    assert deviance(seen, patients, np.array([0.0, 0.5, 1.0])) == pytest.approx(0.0)
    assert deviance(seen, patients, np.full(3, 0.5)) == pytest.approx([-20 * np.log(0.5), 0.0, -20 * np.log(0.5)])
    assert deviance(np.array([1.0]), np.array([10.0]), np.array([0.0]))[0] == np.inf


def told_strengths(body: Body, log_strength: np.ndarray) -> dict:
    """What the natural history would tell of these strengths (sites, organs) in place of the catalogue's."""
    known = priors()["known_strength"]
    log = {
        site: {organ: log_strength[body.sites.index(site), ORGANS.index(organ)] for organ in organs}
        for site, organs in known["log"].items()
    }
    return {**priors(), "known_strength": {**known, "log": log}}


@pytest.fixture(scope="module")
def made_up():
    """A body whose exposures are made up, so that no engine runs, and counts drawn from a known point.

    The strengths that the natural history tells are those of this point too.
    """
    rng = np.random.default_rng(3)
    body = Body(data.FITTED_SITES, exposures={site: exposures(rng) for site in data.FITTED_SITES})
    rows = data.fitted()
    fit = OrganFit(rows, body)
    truth = fit.start()
    truth[:5] = [-1.0, 1.0, 0.5, 0.0, -0.5]
    truth[5:17] += rng.normal(0, 1.2, 12)
    share = fit.predicted(truth)
    misfit = 0.2
    odds = np.log(share / (1 - share)) + misfit * rng.normal(size=len(rows))
    counted = rng.binomial(fit.patients.astype(int), 1 / (1 + np.exp(-odds)))
    drawn = [data.Count(r.row, r.site, r.organ, int(k), r.patients) for r, k in zip(rows, counted, strict=True)]
    told = told_strengths(body, fit.log_strength(truth)[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(organ_fit, "priors", lambda: told)
        yield body, drawn, truth


def test_the_slopes_of_the_posterior_are_its_derivatives(made_up):
    body, rows, truth = made_up
    fit = OrganFit(rows, body)
    at = truth + 0.1 * np.random.default_rng(0).normal(size=fit.size)
    gradient, step = fit._evaluate(at)[1], 1e-4
    by_differences = [
        (fit._compute(at + step * e)[0] - fit._compute(at - step * e)[0]) / (2 * step) for e in np.eye(fit.size)
    ]
    assert gradient == pytest.approx(by_differences, rel=1e-3, abs=0.05)


def test_a_known_pattern_is_found_again(made_up):
    """Sites within three SDs of the truth, D2 near the ceiling, and the misfit inside its limits."""
    body, rows, truth = made_up
    fit = OrganFit(rows, body)
    at = fit.maximum()
    sd = np.sqrt(np.diag(fit.covariance(at)))
    assert np.all(abs(at - truth)[:17] < 3.5 * sd[:17])
    assert 0 < fit.misfit(at) < priors()["misfit_between_sites"]["logit_sd_maximum"]
    assert scores.explained(rows, fit.predicted(at)) > 0.85
    pattern = fit.pattern(at)
    strength = pattern.log_strength(body)
    assert strength == pytest.approx(fit.log_strength(at)[0], abs=1e-8), "named and unnamed are one law"
    assert pattern.log_site.mean() == pytest.approx(0.0, abs=1e-9)


def test_what_the_natural_history_tells_moves_its_site_alone(made_up, monkeypatch):
    """Told that metastases of the colon are half as likely, the fit says so of the colon; other sites keep what they show."""
    body, rows, _ = made_up
    fit = OrganFit(rows, body)
    strength = fit.log_strength(fit.maximum())[0]
    told = strength - np.log(2.0) * (np.arange(len(body.sites)) == body.sites.index("colon"))[:, None]
    other = told_strengths(body, told)
    monkeypatch.setattr(organ_fit, "priors", lambda: other)
    again = OrganFit(rows, body)
    moved = again.log_strength(again.maximum())[0] - strength
    colon = body.sites.index("colon")
    named = [ORGANS.index(organ) for organ in other["known_strength"]["log"]["colon"]]
    assert np.all(moved[colon, named] < -0.4)
    assert np.all(abs(np.delete(moved, colon, axis=0)[:, named]) < 0.3)


def test_the_additive_rival_is_exact_where_effects_add_up():
    site_effect, organ_effect = {"colon": -1.0, "breast": 0.5}, np.linspace(-2.0, 0.5, ORGANS_IN_ALL)
    rows = [
        data.Count("", site, organ, round(10_000 / (1 + np.exp(-effect - organ_effect[i]))), 10_000)
        for site, effect in site_effect.items()
        for i, organ in enumerate(ORGANS)
    ]
    assert scores.explained(rows, scores.additive(rows)) > 0.999
    left = scores.additive_left_out(rows, ["colon"])
    assert scores.explained([row for row in rows if row.site == "colon"], left) > 0.99
    assert scores.explained(rows, scores.site_means(*scores.table(rows))) == pytest.approx(0.0, abs=1e-9)


def test_a_true_law_reaches_the_ceiling():
    rows = data.fitted()
    chance, ceiling = scores.noise(rows, resamples=200)
    assert 0.7 * len(rows) < chance < 1.3 * len(rows) and 0.95 < ceiling < 0.99
    assert scores.noise_adjusted(rows, ceiling) == pytest.approx(1.0, abs=0.01)


def test_the_slopes_of_the_law_are_its_derivatives():
    found, frailty = exposures(np.random.default_rng(2)), law.frailties(1.5, 2.5, 0.8)
    at = np.linspace(-4.0, 0.0, ORGANS_IN_ALL)
    share, slopes = law.shares_and_slopes(at, found, frailty)
    assert share == pytest.approx(law.shares(np.exp(at), found, frailty))
    step = 1e-5
    for organ in range(ORGANS_IN_ALL):
        up, down = at.copy(), at.copy()
        up[organ] += step
        down[organ] -= step
        by_difference = (law.shares(np.exp(up), found, frailty) - law.shares(np.exp(down), found, frailty)) / (2 * step)
        assert slopes[:, organ] == pytest.approx(by_difference, rel=1e-4, abs=1e-8)
