"""How many patients pairing saves: the ratio of variances against known ones, and against truly independent arms."""

import math

import numpy as np
import pytest
from quick_cohort import scenario_file

from benchmarks import paired
from sim import scenario as scenarios
from sim.runs.counterfactuals import Counterfactual, metastases_by_arm


def test_the_ratio_of_known_variances():
    """on = x + e, off = x + e', Var x = 9, Var e = 1: (10 + 10) / 2 = 10. Its relative standard error is 3 % at 4000 patients."""
    generator = np.random.default_rng(1)
    x, e, f = 3 * generator.normal(size=4000), generator.normal(size=4000), generator.normal(size=4000)
    ratio, low, high = paired.times_fewer(x + e + 50, x + f - 50, seed=1, resamples=400)
    assert ratio == pytest.approx(10.0, rel=0.12) and low < 10.0 < high and high / low < 1.3


def test_nothing_in_common_saves_nothing_and_everything_in_common_saves_all():
    generator = np.random.default_rng(2)
    a, b = generator.normal(size=4000), generator.normal(size=4000)
    assert paired.times_fewer(a, b, seed=1, resamples=50)[0] == pytest.approx(1.0, abs=0.1)
    assert paired.times_fewer(a, a + 1.0, seed=1, resamples=50)[0] > 1e9
    assert math.isinf(paired.times_fewer(np.arange(9), np.arange(9), seed=1)[0])
    assert all(map(math.isnan, paired.times_fewer(np.ones(9), np.zeros(9), seed=1)))


def test_independent_arms_really_vary_so_much(tmp_path):
    """The variance of a difference of arms with other patients is the sum that the ratio is made with.

    60 differences of arms of 10 patients with seeds of their own; their variance has a relative standard error of
    18 %, and must lie within a factor of 2 (false alarm below 1e-4) of the one that paired arms promise.
    """
    quick = scenarios.load(scenario_file(tmp_path, 600)).with_(set_=["frailty_log_sd=0.3", "competent_share=3e-6"])
    arms = [Counterfactual(), Counterfactual(frozenset(["dormancy"]))]
    counts = metastases_by_arm(quick, arms, 1, np.arange(600)).sum(axis=2)
    promised = (counts[:, 0].var() + counts[:, 1].var()) / 10
    other = metastases_by_arm(quick, arms[1:], 2, np.arange(600)).sum(axis=2)[:, 0]
    differences = (counts[:, 0] - other).reshape(60, 10).mean(axis=1)
    assert 0.5 < differences.var(ddof=1) / promised < 2.0
    assert paired.times_fewer(counts[:, 0], counts[:, 1], seed=1)[0] > 2


def test_the_table_has_a_row_a_mechanism_organ_and_outcome(tmp_path, capsys):
    paired.main(["--scenario", str(scenario_file(tmp_path, 20)), "--patients", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "quick, 20 patients, seed 1"
    assert sum(line.startswith("| `dormancy` | liver |") for line in lines) == 2
    assert len(lines) == 4 + 4 * 3 * 2
