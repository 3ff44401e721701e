"""Patients under draws of what is not known: each is the patient of a run with that draw's numbers, and the draws are sound."""

import numpy as np
import pandas as pd
import pytest

import sim
from sim import catalog, cli, scenario
from sim.analysis import posterior as drawing
from sim.analysis import prior
from sim.analysis.natural_history import targets, uncertainty
from sim.catalog import posterior
from sim.errors import InputError
from sim.mechanisms import REGISTRY
from sim.names import VEINS
from sim.runs.keys import identity

FEW = dict(patients=7, figure=False, progress=False)
MILD = {"frailty_log_sd": 1.0, "competent_share": 1e-4}


@pytest.fixture
def two_draws(tmp_path, monkeypatch):
    """Two draws that differ in growth, soil and sleep, in the place of the catalogue's file."""
    columns = {
        "primary_gompertz_per_day": np.array([6e-4, 8e-4]),
        "soil.liver": np.array([0.01, 0.05]),
        "sleep_probability": np.array([0.2, 0.9]),
    }
    path = tmp_path / "posterior.parquet"
    path.write_bytes(posterior.as_bytes(columns))
    monkeypatch.setattr(posterior, "FILE", path)
    posterior.columns.cache_clear()
    yield [{name: values[i] for name, values in columns.items()} for i in range(2)]
    monkeypatch.undo()
    posterior.columns.cache_clear()


def test_a_patient_is_that_of_a_run_with_the_draws_numbers(two_draws):
    mixed = sim.run("colorectal", set=MILD, posterior=2, **FEW).patients
    alone = [sim.run("colorectal", set={**MILD, **draw}, **FEW).patients for draw in two_draws]
    assert len(mixed) == 7 and not alone[0]["diagnosis_day"].equals(alone[1]["diagnosis_day"])
    for i in range(7):
        pd.testing.assert_series_equal(mixed.iloc[i], alone[i % 2].iloc[i])


def test_what_a_scenario_sets_is_set_in_every_draw(two_draws):
    arms = scenario.load("colorectal").with_(posterior=2, set_=["soil.liver=0.03"]).arms()
    assert [arm["soil.liver"] for arm in arms] == [0.03, 0.03]
    assert [arm["sleep_probability"] for arm in arms] == [0.2, 0.9]
    off = scenario.load("colorectal").with_(posterior=2, off=["dormancy"]).arms()
    assert [arm["sleep_probability"] for arm in off] == [0.0, 0.0], "a draw does not switch a mechanism on"


def test_another_draw_is_another_run(two_draws):
    plain = scenario.load("colorectal")
    keys = {identity(chosen, 1) for chosen in (plain, plain.with_(posterior=1), plain.with_(posterior=2))}
    assert len(keys) == 3
    assert plain.with_(posterior=2).to_dict()["posterior"]["draws"] == 2 and "posterior" not in plain.to_dict()


def test_the_command_runs_draws_and_refuses_too_many(two_draws, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["run", "colorectal", "--patients", "3", "--set", "competent_share=0", "--workers", "1", "--out", str(out)]
    words += ["--no-figure", "--quiet"]
    assert cli.main([*words, "--posterior", "2"]) == 0
    assert len(sim.open(out).patients) == 3
    assert cli.main([*words, "--posterior", "3"]) == 2
    assert "1 to 2" in capsys.readouterr().err
    with pytest.raises(InputError, match="1 to 2"):
        sim.run("colorectal", posterior=5, **FEW)


# -- the draws that ship -----------------------------------------------------------------------------


def test_the_shipped_draws_are_of_calibrated_and_assumed_numbers():
    parameters, columns = catalog.load(), posterior.columns()
    assert posterior.number() >= 200
    of_organs = {name for name, p in parameters.items() if p.kind == "calibrated" and p.file == "calibrated"}
    follow = {"shedding_per_day", "metastatic_share.rectum"}
    assert set(columns) == drawing.uncertain().keys() | of_organs | set(uncertainty.names()) | follow
    assert all(np.isfinite(values).all() for values in columns.values())
    share = columns["metastatic_share.breast"]
    assert share.std() > 0.0 and share.min() >= 0.5, "about as many can metastasise as hold lung metastases at autopsy"
    for name, values in columns.items():
        assert np.all((parameters[name].minimum <= values) & (values <= parameters[name].maximum)), name


def test_the_prior_is_of_the_same_numbers_and_wider_where_rows_were_fitted():
    """What is assumed is drawn alike; what was fitted is wider before the fit, in nine of ten numbers."""
    parameters, columns, after = catalog.load(), posterior.columns(posterior.PRIOR), posterior.columns()
    assert posterior.number(posterior.PRIOR) == posterior.number()
    of_organs = {name for name, p in parameters.items() if p.kind == "calibrated" and p.file == "calibrated"}
    follow = {"shedding_per_day", "metastatic_share.rectum"}
    assert set(columns) == drawing.uncertain().keys() | of_organs | set(uncertainty.names()) | follow
    for name, values in columns.items():
        assert np.all((parameters[name].minimum <= values) & (values <= parameters[name].maximum)), name
    fitted = [name for name in uncertainty.names() if name in after]
    wider = [
        np.subtract(*np.quantile(columns[name], [0.9, 0.1])) > np.subtract(*np.quantile(after[name], [0.9, 0.1]))
        for name in fitted
    ]
    assert np.mean(wider) > 0.9, [name for name, is_wider in zip(fitted, wider, strict=True) if not is_wider]


def test_a_number_of_the_prior_lies_within_its_range():
    for part in uncertainty.read():
        for unknown in targets.unknowns(part):
            p = catalog.load()[unknown.name]
            at = [prior.natural(unknown, unit) for unit in (1e-9, 0.2, 0.5, 0.8, 1 - 1e-9)]
            assert np.all(np.diff(at) >= 0) and at[0] < at[-1] and p.low <= at[0] and at[-1] <= p.high, unknown.name


def test_the_null_is_among_the_draws_unless_the_effect_was_shown():
    columns = posterior.columns()
    for mechanism in REGISTRY.values():
        drawn = {name: value for name, value in mechanism.null.items() if name in columns}
        if not drawn:
            continue
        at_null = np.all([columns[name] == value for name, value in drawn.items()], axis=0).mean()
        if mechanism.name in drawing.SHOWN_IN_HUMANS:
            assert at_null == 0, mechanism.name
        else:
            assert 0.1 < at_null < 0.35, mechanism.name


def test_drainage_is_drawn_within_its_ranges():
    columns, parameters = posterior.columns(), catalog.load()
    for vein in VEINS:
        name = f"drainage.breast.{vein}"
        if parameters[name].low < parameters[name].high:
            assert parameters[name].low <= columns[name].min() < columns[name].max() <= parameters[name].high
        else:
            assert name not in columns


# -- how they are made -------------------------------------------------------------------------------


def test_assumed_numbers_are_drawn_over_their_ranges_about_their_values():
    names = list(drawing.uncertain())
    middle = drawing.over_ranges(np.linspace(0.001, 0.999, 999)[:, None] * np.ones((1, len(names))))
    p = catalog.load()["inflammation_gain"]
    values = middle["inflammation_gain"]
    assert (
        np.all(np.diff(values) > 0) and p.low < values[0] < p.low + 0.1 * (p.high - p.low) and values[-1] > 0.9 * p.high
    )
    density = np.diff(values)
    assert abs(values[np.argmin(density)] - p.value) < 0.05 * (p.high - p.low), "the catalogue's value is the mode"
    assert not {"portocaval_shunt_fraction", "colony_noise", "arterial_share.liver"} & set(names)


def test_draws_without_a_place_are_refused(capsys):
    assert cli.main(["calibrate", "--draws", "2"]) == 2
    assert "--draws" in capsys.readouterr().err


def test_a_stopped_drawing_goes_on(tmp_path, monkeypatch):
    """What was made is not made again, a line that was cut off is; draws of another number are not taken up."""
    asked = []

    class Drawn:
        def __init__(self, draws):
            pass

        def draw(self, number):
            asked.append(number)
            if len(asked) == 3:
                raise KeyboardInterrupt
            return {"soil.liver": 0.1 * number}

    monkeypatch.setattr(drawing, "Drawing", Drawn)
    kept = tmp_path / "kept.jsonl"
    with pytest.raises(KeyboardInterrupt):
        drawing.draws(4, kept=kept)
    with kept.open("a") as file:
        file.write('{"of": "cut')
    assert drawing.draws(4, kept=kept)["soil.liver"] == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert asked == [0, 1, 2, 2, 3] and not kept.exists()


def test_without_draws_the_way_to_them_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(posterior, "FILE", tmp_path / "none.parquet")
    with pytest.raises(InputError, match="calibrate --draws"):
        scenario.load("colorectal").with_(posterior=2)
