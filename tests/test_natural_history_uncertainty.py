"""How well the natural history is known: the normal law at the fit is that of theory, and draws keep its limits."""

import math

import numpy as np
import pytest

from sim import catalog
from sim.analysis.natural_history import calibrate, stages, uncertainty
from sim.analysis.natural_history.fit import WIDEST, Problem, Target, Unknown


@pytest.fixture
def linear() -> Problem:
    """Log a + log b is measured with SD 0.1, log a with SD 0.2; of c no row tells anything."""
    return Problem(
        [Unknown("growth.a", 1.0, 0.1, 10.0), Unknown("growth.b", 1.0, 0.1, 10.0), Unknown("growth.c", 1.0, 0.1, 10.0)],
        [Target("product", 0.1, 1.0, log=True), Target("a", 0.2, 1.0, log=True)],
        lambda values: {"product": values["growth.a"] * values["growth.b"], "a": values["growth.a"]},
    )


def test_the_covariance_is_that_of_a_linear_problem(linear):
    covariance = linear.covariance(np.zeros(3))
    slopes = np.array([[10.0, 10.0, 0.0], [5.0, 0.0, 0.0]])
    assert covariance == pytest.approx(np.linalg.inv(slopes.T @ slopes + np.eye(3) / WIDEST**2), rel=0.03, abs=1e-3)
    assert math.sqrt(covariance[2, 2]) == pytest.approx(WIDEST)


def test_draws_have_the_spread_of_the_fit_and_keep_its_limits(linear, tmp_path):
    """2,000 draws: an SD within 10 % (six standard errors)."""
    path = uncertainty.write({"made up": uncertainty.of_part(linear, np.zeros(3))}, tmp_path / "fit.json")
    rng, centre = np.random.default_rng(1), {"growth.a": 1.0, "growth.b": 2.0, "growth.c": 1.0}
    drawn = [uncertainty.draw(rng, centre, path) for _ in range(2000)]
    assert uncertainty.names(path) == list(centre)
    log_a = np.log([one["growth.a"] for one in drawn])
    assert log_a.std() == pytest.approx(math.sqrt(linear.covariance(np.zeros(3))[0, 0]), rel=0.1)
    assert np.exp(np.mean(np.log([one["growth.b"] for one in drawn]))) == pytest.approx(2.0, rel=0.05)
    assert all(0.1 <= one["growth.c"] <= 10.0 for one in drawn)


def test_what_the_organs_fit_owns_is_not_drawn_here():
    problem = Problem(
        [Unknown("growth", 1.0, 0.1, 10.0), Unknown("soil.bone", 1.0, 0.1, 10.0)],
        [Target("a", 0.2, 1.0), Target("b", 0.2, 1.0)],
        lambda values: {"a": values["growth"], "b": values["soil.bone"]},
    )
    assert [name for name, *_ in uncertainty.of_part(problem, np.zeros(2))["unknowns"]] == ["growth"]


def test_the_file_beside_the_catalogue_is_of_the_catalogues_fit():
    known, parts = catalog.load(), uncertainty.read()
    assert set(parts) == set(calibrate.PARTS) - {stages.PART}
    for part in parts.values():
        covariance = np.array(part["covariance"])
        assert covariance.shape == (len(part["unknowns"]),) * 2 and np.all(np.diag(covariance) > 0.0)
        assert np.all(np.linalg.eigvalsh((covariance + covariance.T) / 2.0) > -1e-6)
        for name, _, low, high in part["unknowns"]:
            assert known[name].kind == "calibrated" and low <= known[name].value <= high
