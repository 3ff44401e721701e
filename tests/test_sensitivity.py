"""Sensitivity: known answers through the same code, the closed form against the engine, and the command."""

import json
import math
import sys

import numpy as np
import pandas as pd
import pytest
from quick_cohort import chunk_files, scenario_file

from sim import scenario as scenarios
from sim.analysis import points, sensitivity
from sim.analysis import sensitivity_study as studies
from sim.analysis.points import ORGANS, outcomes_at
from sim.analysis.sensitivity import VariedParameter, factors_of, rank, screen
from sim.cli import main
from sim.errors import InputError
from sim.work import resuming as kept
from sim.work import workers

SEED = 2


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """The quick scenario; no metastasis kills, as in the closed form."""
    return scenarios.load(scenario_file(tmp_path_factory.mktemp("scenario"), 12)).with_(set_=["il6_half_cells=3e5"])


@pytest.fixture
def quick_intervals(monkeypatch):
    monkeypatch.setattr(sensitivity, "RESAMPLES", 100)


# Known answers


def ishigami(x: np.ndarray) -> np.ndarray:
    """sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1 (Ishigami and Homma 1990), and a constant."""
    y = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    return np.stack([y, np.full(len(x), 3.0)], axis=1)


def known_indices() -> tuple[list[float], list[float]]:
    """First-order and total indices of `ishigami` in closed form."""
    a, b, pi = 7.0, 0.1, math.pi
    one, two = 0.5 * (1 + b * pi**4 / 5) ** 2, a**2 / 8
    together = b**2 * pi**8 * (1 / 18 - 1 / 50)
    variance = one + two + together
    return [one / variance, two / variance, 0.0], [(one + together) / variance, two / variance, together / variance]


def test_sobol_meets_the_known_indices(quick_intervals):
    """With 1024 samples estimates err by up to 0.04; an exchanged factor or a swap of first and total errs by 0.1 and more."""
    study = rank(ishigami, [VariedParameter(name, -math.pi, math.pi) for name in "abc"], samples=1024, seed=SEED)
    first, total = known_indices()
    assert study.figures["first"][:, 0] == pytest.approx(first, abs=0.06)
    assert study.figures["total"][:, 0] == pytest.approx(total, abs=0.06)
    for name, known in (("first", first), ("total", total)):
        low, high = study.figures[f"{name}_low"][:, 0], study.figures[f"{name}_high"][:, 0]
        assert (low - 0.05 < known).all() and (known < high + 0.05).all() and (high - low < 0.25).all()
    assert study.rank[:, 0].tolist() == [1, 2, 3]
    assert not study.figures["total"][:, 1].any(), "a constant has no variance to share"
    assert study.points.shape == (1024 * 5, 3) and study.outputs.shape == (1024 * 5, 2)


def test_morris_is_exact_where_the_model_is_linear(quick_intervals):
    """The effect of a whole range is slope x width, everywhere the same; the sign is kept beside it."""
    factors = [
        VariedParameter("up", 2.0, 4.0),
        VariedParameter("none", 0.0, 1.0),
        VariedParameter("down", 1.0, 100.0, log=True),
    ]
    study = screen(lambda x: 3 * x[:, 0] - np.log10(x[:, 2]), factors, trajectories=6, seed=SEED)
    assert study.figures["effect"][:, 0] == pytest.approx([6.0, 0.0, 2.0], abs=1e-9)
    assert study.figures["mean_effect"][:, 0] == pytest.approx([6.0, 0.0, -2.0], abs=1e-9)
    assert study.figures["spread"][:, 0] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    assert study.figures["effect_high"][:, 0] == pytest.approx([6.0, 0.0, 2.0], abs=1e-9)
    assert study.rank[:, 0].tolist() == [1, 3, 2]
    assert len(study.points) == 6 * 4


def test_morris_sees_that_factors_act_together(quick_intervals):
    study = screen(
        lambda x: x[:, 0] * x[:, 1],
        [VariedParameter("a", -1.0, 1.0), VariedParameter("b", -1.0, 1.0)],
        trajectories=20,
        seed=SEED,
    )
    assert (study.figures["spread"][:, 0] > 0.5).all() and (study.figures["effect"][:, 0] > 0.5).all()
    assert (np.abs(study.figures["mean_effect"][:, 0]) < study.figures["effect"][:, 0]).all()


def test_a_range_of_decades_is_stretched_in_the_logarithm():
    unit = np.array([0.0, 0.5, 1.0])
    assert VariedParameter("a", 1.0, 100.0, log=True).stretch(unit) == pytest.approx([1.0, 10.0, 100.0])
    assert VariedParameter("a", 1.0, 100.0).stretch(unit) == pytest.approx([1.0, 50.5, 100.0])


# Which numbers are varied


def test_every_assumed_number_that_can_act_is_varied():
    scenario = scenarios.load("colorectal")
    found = {factor.name: factor for factor in factors_of(scenario)}
    by_site = (
        "drainage",
        "metastatic_share",
        "own_organ_receptivity",
        "site_shedding_factor",
        "primary_death_factor",
        "site_primary_pace",
        "site_metastasis_pace",
        "site_diagnosis_factor",
        "site_sleep_factor",
        "site_sleeper_death_factor",
        "distant_nodes_share",
        "peritoneum_share",
    )
    for name, resolved in scenario.parameters.items():
        parameter, (block, _, key) = resolved.parameter, name.partition(".")
        wanted = (
            parameter.kind == "assumed"
            and parameter.low < parameter.high
            and not (block in by_site and key.split(".")[0] != "colon")
            and (parameter.mechanism is None or scenario.mechanisms[parameter.mechanism])
            and parameter.file != "treatments"
            and name != "autopsy_threshold_cells"
        )
        assert (name in found) == wanted, name
    assert len(found) > 60 and "feeding.lung" in found and "site_sleeper_death_factor.colon" in found
    assert found["il6_half_cells"].log and not found["sleep_probability"].log
    assert (found["inflammation_gain"].low, found["inflammation_gain"].high) == (0.0, 6.0)
    assert found["drainage.colon.portal"].low > 0, "shares that are all zero have no meaning"


def test_what_is_off_or_not_looked_at_is_not_varied():
    names = {factor.name for factor in factors_of(scenarios.load("autopsy/colon").with_(off=["dormancy"]))}
    assert "autopsy_threshold_cells" in names and not {"imaging_threshold_cells", "follow_up_interval_days"} & names
    assert not {"sleep_probability", "feeding.liver"} & names and "inflammation_gain" in names


def test_other_kinds_and_single_names():
    scenario = scenarios.load("colorectal")
    assert {factor.kind for factor in factors_of(scenario, kinds=["calibrated", "derived"])} == {
        "calibrated",
        "derived",
    }
    assert [factor.name for factor in factors_of(scenario, names=["soil.liver", "sleep_probability"])] == [
        "soil.liver",
        "sleep_probability",
    ]


@pytest.mark.parametrize(
    "names, words", [(["soil.livre", "sleep_probability"], "did you mean liver"), (["soil.liver"], "at least two")]
)
def test_names_that_cannot_be_varied_are_refused(names, words):
    with pytest.raises(InputError, match=words):
        factors_of(scenarios.load("colorectal"), names=names)


# The closed form, the engine, and points as lanes


def test_the_closed_form_is_what_the_simulation_gives(quick):
    """Share of patients and mean number by organ at four points, 400 patients: within 5 standard errors (false alarms below 1e-4).

    The standard error of a share is at most 2.5 %. Values: rare metastases, common ones, sleepers or none, a soil above its cap.
    """
    names = ["competent_share", "sleep_probability", "inflammation_gain", "feeding.lung", "soil.liver"]
    design = np.array(
        [
            [1e-6, 0.5, 2.0, 1.0, 0.1],
            [1e-5, 0.9, 0.0, 3.0, 0.05],
            [3e-6, 0.0, 6.0, 1.0, 0.1],
            [2e-6, 0.5, 2.0, 0.3, 0.02],
        ]
    )
    many = quick.with_(patients=400, set_=["frailty_log_sd=0.5", "other_cause_death_per_year_at_70=0"])
    expected, simulated = (outcomes_at(many, names, design, seed=SEED, simulate=way) for way in (False, True))
    share = expected[:, 0]
    error = np.sqrt(share * (1 - share) / 400) + 1e-3
    assert (np.abs(share - simulated[:, 0]) < 5 * error).all()
    assert (share < 0.1).any() and (share > 0.9).any() and (np.abs(share - 0.5) < 0.1).any()
    mean = np.exp(expected[:, 1])
    assert (np.abs(np.exp(simulated[:, 1]) - mean) < 5 * np.sqrt(mean * (1 + 0.6 * mean) / 400)).all()


@pytest.mark.parametrize("simulate", [False, True])
def test_points_as_lanes_are_points_alone(quick, simulate, monkeypatch):
    monkeypatch.setattr(points, "MODEL_LANES", 10)  # patients of one point in several models
    names, design = (
        ["sleep_probability", "primary_gompertz_per_day"],
        np.array([[0.2, 0.02], [0.8, 0.015], [0.8, 0.03]]),
    )
    together = outcomes_at(quick, names, design, seed=SEED, simulate=simulate)
    for point, found in zip(design, together, strict=True):
        assert found == pytest.approx(
            outcomes_at(quick, names, point[None], seed=SEED, simulate=simulate)[0], abs=1e-12
        )
    assert together.shape == (3, 2, len(ORGANS)) and np.ptp(together[:, 0, -1]) > 0


def test_who_would_not_be_diagnosed_in_a_lifetime_is_left_out():
    """At a tenth of the growth rate some tumours of the same cohort need over 60 years; the others are the cohort."""
    scenario = scenarios.load("colorectal").with_(patients=30)
    arms = [
        {name: p.value for name, p in scenario.parameters.items()} | {"primary_gompertz_per_day": rate}
        for rate in (0.0005, 0.0001)
    ]
    lanes = points.stacked_lanes(scenario, arms, seed=SEED, patients=np.arange(30))
    assert (lanes.arm == 0).sum() == 30 and 0 < (lanes.arm == 1).sum() < 30
    assert lanes.diagnosis_day.max() <= 22_000 and len(lanes.patient) == len(lanes.arm) == len(lanes.diagnosis_day)
    with pytest.raises(InputError, match="in every patient"):
        points.stacked_lanes(
            scenario, [arms[0], arms[1] | {"primary_gompertz_per_day": 1e-5}], seed=SEED, patients=np.arange(30)
        )


def test_a_simulated_point_with_too_many_cells_is_refused_by_name(quick, monkeypatch):
    monkeypatch.setattr(points, "MOST_CELLS", 2000)
    with pytest.raises(InputError, match=r"over 2e\+03 living cells.*competent_share = 0.01"):
        outcomes_at(quick, ["competent_share"], np.array([[1e-5], [1e-2]]), seed=SEED, simulate=True)


def test_a_mechanism_that_theory_does_not_know_asks_for_simulation(quick, monkeypatch):
    monkeypatch.setattr(points, "IN_CLOSED_FORM", frozenset({"dormancy", "inflammation", "senescent_vesicles"}))
    with pytest.raises(InputError, match="does not know dual_blood_supply; add --simulate"):
        points.refuse_closed_form(quick)
    points.refuse_closed_form(quick.with_(off=["dual_blood_supply"]))
    monkeypatch.undo()
    points.refuse_closed_form(quick)
    with pytest.raises(InputError, match="does not know treatments"):
        points.refuse_closed_form(scenarios.load("surgery_alone"))


# The command

THREE = "sleep_probability,cycling_birth_per_day,imaging_threshold_cells"


def command(file, out, *arguments):
    return main(["sensitivity", str(file), "--out", str(out), "--workers", "1", *map(str, arguments)])


def test_the_command_writes_tables_and_a_figure(tmp_path, capsys, quick_intervals):
    file = scenario_file(tmp_path, 12)
    out = tmp_path / "x"
    assert (
        command(file, out, "--parameters", THREE, "--trajectories", 3, "--samples", 8, "--keep", 2, "--patients", 6)
        == 0
    )
    printed = capsys.readouterr().out
    for words in (
        "Morris, 12 points",
        "Sobol, 32 points",
        "6 patients at every point",
        "in closed form",
        "sleep_probability",
    ):
        assert words in printed, words
    screening, ranking = (pd.read_parquet(out / f"{name}.parquet") for name in ("screening", "ranking"))
    assert len(screening) == 2 * 14 * 3 and len(ranking) == 2 * 14 * 2
    everywhere = screening[(screening.outcome == "patients") & (screening.organ == "all")]
    assert everywhere["rank"].tolist() == [1, 2, 3] and everywhere.effect.is_monotonic_decreasing
    assert set(ranking.parameter) == set(everywhere.parameter[:2])
    assert screening.set_index("parameter").scale["imaging_threshold_cells"].iloc[0] == "log"
    design = pd.read_csv(out / "screening_points.csv")
    assert len(design) == 12 and design["patients:all"].between(0, 1).all() and "sleep_probability" in design
    assert sorted(path.name for path in (out / "figures").iterdir()) == ["sensitivity.pdf", "sensitivity.png"]
    asked = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["asked"]
    assert asked["parameters"] == list(asked["parameters"]) and asked["trajectories"] == 3 and not asked["simulate"]


def test_workers_and_interruptions_change_nothing(tmp_path, monkeypatch, quick_intervals):
    monkeypatch.setattr(points, "LANES", 24)
    file = scenario_file(tmp_path, 6)
    asked = ("--parameters", THREE, "--trajectories", 3, "--method", "morris", "--patients", 6, "--quiet")
    assert command(file, tmp_path / "whole", *asked) == 0
    assert main(["sensitivity", str(file), "--out", str(tmp_path / "two"), "--workers", "2", *map(str, asked)]) == 0
    real, computed = workers.run_tasks, []

    def stopping(tasks, number, report, **_):
        for finished in real(tasks, number, report):
            yield finished
            computed.append(finished.task.name)
            if len(computed) == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(kept, "run_tasks", stopping)
    assert command(file, tmp_path / "stopped", *asked) == 130
    assert len(chunk_files(tmp_path / "stopped")) == 1
    assert command(file, tmp_path / "stopped", *asked) == 0
    assert len(computed) == len(set(computed)) == 3 and not chunk_files(tmp_path / "stopped")
    tables = [
        [path.read_bytes() for path in sorted((tmp_path / name).glob("*.parquet"))]
        for name in ("whole", "two", "stopped")
    ]
    assert tables[0] == tables[1] == tables[2] and len(tables[0]) == 2


def test_simulation_is_said_so(tmp_path, capsys, quick_intervals):
    file = scenario_file(tmp_path, 6)
    asked = (
        "--parameters",
        "sleep_probability,sleeper_death_per_day",
        "--trajectories",
        2,
        "--method",
        "morris",
        "--simulate",
        "--outcome",
        "colonies",
    )
    assert command(file, tmp_path / "x", *asked, "--patients", 4) == 0
    printed = capsys.readouterr().out
    assert "by simulation of every cell" in printed and "natural logarithm" in printed


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["--samples", "100"], 2, ["--samples", "100", "power of two"]),
        (["--parameters", "soil.livre"], 2, ["soil.livre", "did you mean liver"]),
        (["--kind", "guessed"], 2, ["assumed", "measured"]),
        (["--method", "fast"], 2, ["morris", "sobol"]),
    ],
)
def test_wrong_input_says_what_is_allowed(tmp_path, capsys, arguments, code, words):
    assert command("colorectal", tmp_path / "x", *arguments) == code
    message = capsys.readouterr().err
    assert all(word in message for word in words), message
    assert not (tmp_path / "x").exists()


def test_a_missing_package_says_how_to_install_it(tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "SALib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "SALib", None)
    assert command("colorectal", tmp_path / "x") == 1
    assert 'python -m pip install -e "' in (said := capsys.readouterr().err) and '[sensitivity]"' in said
    assert not (tmp_path / "x").exists()


def test_every_output_has_a_place():
    places = [studies.output(outcome, organ) for outcome in points.OUTCOMES for organ in ORGANS]
    assert places == list(range(28))
