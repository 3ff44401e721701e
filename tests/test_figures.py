"""Every figure of a run: each curve is there and shows the right numbers, nothing overlaps, both sizes, hard runs too."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
import synthetic
from figure_checks import artists, assert_keys_are_off_the_data, assert_texts_are_apart, starting, text_of
from PIL import Image

from sim import plots
from sim.analysis import competing_risks, survival
from sim.analysis.traffic import vessel_traffic
from sim.cli import main
from sim.cli import plot as cli_plot
from sim.errors import InputError
from sim.names import NICHES, ORGANS, SITES
from sim.plots.arms import arm_names
from sim.plots.cascade import FUNNEL
from sim.plots.figures import FIGURES
from sim.plots.seeding import NAMED_ORGANS
from sim.plots.style import ARM_LOOKS, SIZES
from sim.results import incidence
from sim.results.schema import STEPS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run(folder):
    return synthetic.write(folder / "run", 300)


@pytest.fixture(scope="module")
def other(folder):
    """A second arm: the same scenario, other luck."""
    found = synthetic.write(folder / "other", 300, seed=2)
    found.manifest["seed"] = 2
    return found


@pytest.fixture(scope="module")
def empty(folder):
    return synthetic.write_empty(folder / "empty")


@pytest.fixture(scope="module")
def interrupted(folder):
    return synthetic.write(folder / "interrupted", 500, status="interrupted", finished=7)


@pytest.fixture(scope="module")
def nobody(folder):
    return synthetic.write(folder / "nobody", 500, status="interrupted", finished=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", ["run", "empty", "interrupted", "nobody"])
@pytest.mark.parametrize("what", FIGURES)
def test_texts_are_apart_and_off_the_data(request, monkeypatch, what, which, size):
    figure = plots.draw(what, [request.getfixturevalue(which)], size)
    assert_keys_are_off_the_data(figure)
    assert_texts_are_apart(figure, monkeypatch)
    if what == "lineage":
        assert ("n = 0 patients" if which == "nobody" else "n = 1 patient (age ") in text_of(figure, "footer")
        return
    finished = {
        "run": "n = 300 patients",
        "empty": "n = 1 patient,",
        "interrupted": "Interrupted run. n = 7 of 500 patients",
        "nobody": "Interrupted run. n = 0 of 500 patients",
    }[which]
    assert finished in text_of(figure, "footer") and "Blood-borne spread only" in text_of(figure, "footer")
    for axes in figure.axes:
        label = axes.get_xlabel() + axes.get_ylabel()
        assert not axes.axison or label, "every panel says what it shows"


@pytest.mark.parametrize("what", [name for name in FIGURES if name != "seeding"])
def test_a_run_without_metastases_says_so(empty, nobody, what):
    if what == "survival":
        assert "no patient to follow" in text_of(plots.draw(what, [nobody]), "nothing")
        return
    words = {
        "incidence": "no macrometastasis",
        "cascade": "no cell was shed",
        "cells": "no cell asleep",
        "hazard": "no recurrence",
    }
    if what in words and what != "cascade":
        assert words[what] in text_of(plots.draw(what, [empty]), "nothing")
    if what != "body":  # which is drawn in the palest shade
        assert artists(plots.draw(what, [nobody]))["nothing"]


# Incidence by organ


@pytest.mark.parametrize("size", SIZES)
def test_incidence_has_a_curve_an_organ(run, size):
    figure = plots.draw("incidence", [run], size)
    curves = competing_risks.incidence_by_organ(run)
    assert starting(figure, "incidence:") == set(curves) and len(curves) > NAMED_ORGANS
    assert starting(figure, "band:") == set(list(curves)[:NAMED_ORGANS])
    assert len(artists(figure)["label"]) == NAMED_ORGANS + 1
    for organ, curve in curves.items():
        years, shown = artists(figure)[f"incidence:{organ}"][0].get_data()
        for year in (0.0, 1.0, 4.9):
            assert shown[years <= year][-1] == pytest.approx(100 * curve.at(year * 365.25).value), (organ, year)


def test_numbers_at_risk_stand_below(run):
    figure = plots.draw("incidence", [run])
    followed = survival.follow_up(run).days
    counts = [artist.get_text() for artist in artists(figure)["at-risk"]]
    assert counts == [str(int((followed >= 365.25 * year - 1).sum())) for year in range(6)]


# Survival


def test_survival_shows_both_curves(run):
    figure = plots.draw("survival", [run])
    for kind in ("overall", "metastasis_free"):
        years, shown = artists(figure)[f"{kind}:0"][0].get_data()
        curve = survival.survival_curve(run, kind)
        for year in (0.5, 2.0, 4.9):
            assert shown[years <= year][-1] == pytest.approx(100 * curve.at(year * 365.25).value), (kind, year)
    five = survival.survival_at_years(run)
    assert f"Alive at five years: {100 * five.value:.0f} % ({100 * five.low:.1f} to {100 * five.high:.1f})" in text_of(
        figure, "footer"
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("arms", [2, 3, len(ARM_LOOKS)])
def test_runs_are_arms(run, other, interrupted, monkeypatch, arms, size):
    runs = [run, other, interrupted, run, other, interrupted][:arms]
    figure = plots.draw("survival", runs, size)
    expected = {f"{kind}:{number}" for kind in ("overall", "metastasis_free") for number in range(arms)}
    assert {gid for gid in artists(figure) if gid.startswith(("overall:", "metastasis_free:"))} == expected
    assert len(artists(figure)["arm"]) == arms == len(artists(figure)["key"]) - 2 * arms
    assert (
        len({(str(line.get_linestyle()), line.get_color()) for line in figure.findobj() if line.get_gid() in expected})
        == arms
    )
    assert_keys_are_off_the_data(figure)
    assert_texts_are_apart(figure, monkeypatch)


def test_arms_have_names_of_their_own(run, other, folder):
    assert arm_names([run, other]) == ["seed 1", "seed 2"]
    off = synthetic.write(folder / "off", 20)
    off.manifest["scenario"] |= {"mechanisms": {"dormancy": False}}
    assert arm_names([run, off]) == ["as the scenario has it", "off: dormancy"]
    off.manifest["scenario"] |= {"title": "Breast cancer"}
    assert arm_names([run, off]) == ["Colorectal cancer, untreated", "Breast cancer"]
    assert len(set(arm_names([run, run]))) == 2
    with pytest.raises(InputError, match="7 runs in one figure cannot be told apart; give 6 at most"):
        plots.draw("survival", [run] * 7)


# The funnel


def test_the_funnel_has_a_bar_a_step(run, monkeypatch):
    figure = plots.draw("cascade", [run])
    cells = dict(zip(run.cascade["step"], run.cascade["cells"], strict=True))
    assert starting(figure, "step:") == {step for step in FUNNEL if cells[step]} and set(FUNNEL) <= set(STEPS)
    for step in FUNNEL:
        bar = artists(figure).get(f"step:{step}")
        assert bar is None or bar[0].get_x() + bar[0].get_width() == pytest.approx(cells[step])
    assert figure.axes[0].get_xscale() == "log"
    assert "20 % of shed" not in text_of(figure, "count:arrested"), "in the made-up table arrested is 4 % of shed"
    assert f"{100 * cells['arrested'] / cells['shed']:.2g} % of shed" in text_of(figure, "count:arrested")


def test_the_funnel_marks_organs(folder):
    run = synthetic.write(folder / "organs", 20)
    rows = [
        ("primary", organ, step, cells)
        for organ, top in (("all", 2000), ("liver", 1500), ("lung", 400), ("bone", 100), ("skin", 0))
        for step, cells in (
            ("shed", top),
            ("arrested", top),
            ("settled", top // 10),
            ("woke", top // 20),
            ("micrometastasis", top // 50),
        )
    ]
    run.__dict__["cascade"] = pd.DataFrame(rows, columns=["source", "organ", "step", "cells"])
    figure = plots.draw("cascade", [run])
    assert starting(figure, "organ:") == {"liver", "lung", "bone"}
    assert artists(figure)["organ:liver"][0].get_xdata().tolist() == [1500, 1500, 150, 75, 30]
    assert_keys_are_off_the_data(figure)


# The body map


def test_every_organ_is_drawn_and_shaded(run):
    figure = plots.draw("body", [run])
    found = artists(figure)
    assert starting(figure, "organ:") == set(ORGANS)
    lightness = {
        organ: np.dot(found[f"organ:{organ}"][0].get_facecolor()[:3], [0.2126, 0.7152, 0.0722]) for organ in ORGANS
    }
    shares = {organ: len(years) for organ, years in incidence.first_detection_years(run).items() if organ in ORGANS}
    ranked = sorted(ORGANS, key=lambda organ: -shares[organ])
    assert ranked[0] == "liver"
    for more, less in itertools.pairwise(ranked):
        assert lightness[more] < lightness[less] or shares[more] == shares[less], (more, less)
    texts = {text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in found["organ-label"]}
    assert len(texts) == 13 and f"liver {100 * shares['liver'] / 300:.0f} %" in texts
    assert found["primary:colon"] and found["shades"] and found["vessel-key"]


def test_vessels_are_as_wide_as_their_traffic(run):
    traffic = vessel_traffic(run)
    found = artists(plots.draw("body", [run]))
    widths = {bed: found[f"artery:{bed}"][0].get_linewidth() for bed in traffic.artery if f"artery:{bed}" in found}
    assert set(widths) == {*ORGANS, "gut"} - {"lung"}
    for one, other in itertools.combinations(widths, 2):
        assert (widths[one] - widths[other]) * (traffic.artery[one] - traffic.artery[other]) >= 0, (one, other)
    assert widths["kidney"] > widths["adrenal"]
    assert {"portal vein:gut", "vein:liver", "vein:vena cava", "artery:aorta"} <= set(found)


def test_a_shunt_empties_the_portal_vein(folder):
    run = synthetic.write(folder / "shunt", 20)
    run.manifest["scenario"]["mechanisms"] = {"dual_blood_supply": False}
    found = artists(plots.draw("body", [run]))
    assert "portal vein:gut" not in found and "vein:shunt" in found
    assert vessel_traffic(run).portal_vein == 0.0


@pytest.mark.parametrize("site", SITES)
def test_traffic_balances(run, site):
    """What enters a bed leaves it, arrests or dies; what the primary sheds arrests or dies in the end."""
    other = dataclasses.replace(run, manifest=run.manifest | {"scenario": run.manifest["scenario"] | {"primary": site}})
    traffic = vessel_traffic(other)
    parameters = {name: parameter["value"] for name, parameter in other.manifest["scenario"]["parameters"].items()}
    passing = (1 - parameters["death_per_pass"]) * (1 - parameters["arrest_probability.other"])
    for bed in ("brain", "kidney", "muscle"):
        assert traffic.vein[bed] == pytest.approx(traffic.artery[bed] * passing)
    returned = sum(traffic.vein.values()) + sum(traffic.drainage[vein] for vein in ("caval", "azygos", "thoracic_duct"))
    assert traffic.pulmonary_artery == pytest.approx(returned)
    liver = traffic.portal_vein + traffic.artery["liver"]
    assert traffic.arrested["liver"] == pytest.approx(
        liver * (1 - parameters["death_per_pass"]) * parameters["arrest_probability.liver"]
    )
    assert sum(traffic.arrested.values()) < traffic.shed and set(traffic.arrested) == set(NICHES)
    assert artists(plots.draw("body", [other]))[f"primary:{site}"]


def test_a_manifest_without_vessels_is_named(folder):
    run = synthetic.write(folder / "old", 20)
    run.manifest["scenario"]["parameters"] = {"imaging_threshold_cells": {"value": 1e9}}
    with pytest.raises(InputError, match=r"old: manifest.json: scenario: .* is missing; run the scenario again"):
        plots.draw("body", [run])


# Sleeping and cycling cells


def test_cells_show_the_means(run):
    figure = plots.draw("cells", [run])
    for stage in ("dormant", "cycling"):
        assert len(starting(figure, f"{stage}:")) == NAMED_ORGANS + 1
        rows = (
            run.seeding.query("clock == 'diagnosis' and organ == 'liver' and n_at_risk >= 10")
            .query("stage == @stage")
            .sort_values("day")
        )
        rows = rows[(rows["day"] / 365.25).between(-3, 5)]
        years, mean = artists(figure)[f"{stage}:liver"][0].get_data()
        assert years == pytest.approx(rows["day"].to_numpy() / 365.25) and len(rows) > 90
        assert np.asarray(mean) == pytest.approx(rows["mean"].to_numpy())
    assert {"band:dormant", "band:cycling"} <= set(artists(figure))


# Hazard


def test_hazard_shows_rates_and_counts(run):
    figure = plots.draw("hazard", [run])
    hazard = survival.recurrence_hazard(run)
    years, rate = artists(figure)["hazard"][0].get_data()
    shown = len(rate) - 1
    assert shown >= 5 and np.asarray(rate[:-1]) == pytest.approx(100 * hazard.per_year[:shown])
    assert np.asarray(years[:-1]) == pytest.approx(hazard.start_days[:shown] / 365.25)
    recurred = [int(artist.get_text()) for artist in artists(figure)["recurred"]]
    assert recurred[0] == 0 and recurred == sorted(recurred)
    assert recurred[1] == hazard.events[hazard.end_days <= 366].sum() > 0
    assert artists(figure)["band:hazard"]


# Huge runs


def test_a_hundred_thousand_patients_over_twenty_years(run, folder, monkeypatch):
    """The counts fit, and nothing is drawn patient by patient: a figure of 10^5 patients takes seconds."""
    huge = synthetic.write(folder / "huge", 300)
    copies = 334
    people = pd.concat(
        [run.patients.assign(patient=run.patients["patient"] + 300 * copy) for copy in range(copies)], ignore_index=True
    )
    stretch = 4
    people["last_day"] = people["diagnosis_day"] + stretch * (people["last_day"] - people["diagnosis_day"])
    people["death_day"] = people["last_day"].astype("Int32").where(people["death_day"].notna())
    huge.__dict__["patients"] = people
    huge.__dict__["metastases"] = pd.concat(
        [run.metastases.assign(patient=run.metastases["patient"] + 300 * copy) for copy in range(copies)],
        ignore_index=True,
    )
    huge.manifest["scenario"]["horizon_days"] = stretch * synthetic.HORIZON_DAYS
    huge.manifest.update(patients=len(people), patients_finished=len(people))
    for what in FIGURES:
        figure = plots.draw(what, [huge])
        assert_texts_are_apart(figure, monkeypatch)
        assert "n = 100,200 patients" in text_of(figure, "footer") or what == "lineage"
        if what == "survival":
            assert_texts_are_apart(plots.draw(what, [huge] * 3), monkeypatch)
        if "at-risk" in artists(figure):
            assert "100,200" in [artist.get_text() for artist in artists(figure)["at-risk"]] or what in (
                "survival",
                "hazard",
            )


# The command


def test_plot_writes_every_figure(folder, run, capsys):
    assert main(["plot", str(run.path)]) == 0
    written = capsys.readouterr().out.split()
    assert len(written) == 2 * len(FIGURES)
    names = {path.name for path in (run.path / "figures").iterdir()}
    assert names == {f"{kind.file}.{suffix}" for kind in FIGURES.values() for suffix in ("png", "pdf")}


def test_plot_writes_what_is_asked_for(folder, run, other, capsys, tmp_path):
    out = tmp_path / "figures"
    asked = ["--what", "survival,hazard", "--format", "svg,png", "--size", "slide", "--out", str(out)]
    assert main(["plot", str(run.path), str(other.path), *asked]) == 0
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert names == [
        "other/recurrence_hazard.png",
        "other/recurrence_hazard.svg",
        "run/recurrence_hazard.png",
        "run/recurrence_hazard.svg",
        "survival.png",
        "survival.svg",
    ]
    with Image.open(out / "survival.png") as image:
        assert image.size[0] / image.size[1] == pytest.approx(16 / 9, abs=0.01)
    first = (out / "survival.svg").read_bytes()
    assert main(["plot", str(run.path), str(other.path), *asked]) == 0
    assert (out / "survival.svg").read_bytes() == first, "the same bytes each time"
    assert b"<svg" in first


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--what", "survial"], ["survial", "survival", "incidence"]),
        (["--format", "jpg"], ["jpg", "png, pdf, svg"]),
        (["--what", ","], ["names nothing"]),
        (["--size", "poster"], ["poster", "column", "slide"]),
    ],
)
def test_plot_refuses_what_it_does_not_know(run, capsys, options, words):
    assert main(["plot", str(run.path), *options]) == 2
    message = capsys.readouterr().err
    assert all(word in message for word in words), message


def test_two_runs_of_one_name_do_not_overwrite_each_other(run, folder, capsys, tmp_path):
    synthetic.write(tmp_path / "run", 20)
    assert main(["plot", str(run.path), str(tmp_path / "run"), "--what", "hazard", "--out", str(tmp_path / "out")]) == 2
    assert "two runs are called 'run'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_command_knows_every_figure():
    assert tuple(FIGURES) == cli_plot.FIGURES
    assert len({kind.file for kind in FIGURES.values()}) == len(FIGURES)
