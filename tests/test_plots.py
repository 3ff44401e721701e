"""Seeding curves and the summary: every curve is there, shows the right numbers, and nothing overlaps."""

import errno
import itertools
import os

import numpy as np
import pandas as pd
import pytest
import synthetic
from figure_checks import artists, assert_texts_are_apart
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sim import plots
from sim.errors import InputError, MachineError
from sim.mechanisms import default_states
from sim.names import NICHES
from sim.plots.labels import spread
from sim.plots.seeding import NAMED_ORGANS
from sim.plots.style import ORGAN_LOOKS, SHADES, SIZES, STAGE_LOOKS
from sim.report.summary import WIDTH, summary_text
from sim.results import incidence


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("runs") / "run", 300)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return synthetic.write_empty(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("runs") / "run", 500, status="interrupted", finished=7)


@pytest.fixture(scope="module")
def nobody(tmp_path_factory):
    """Interrupted before the first patient was finished."""
    return synthetic.write(tmp_path_factory.mktemp("runs") / "run", 500, status="interrupted", finished=0)


def _brute_force_share(run, organ: str, year: float) -> float:
    """Per cent of all patients with a colony of `organ` detected by `year`, row by row."""
    diagnosis = dict(zip(run.patients["patient"], run.patients["diagnosis_day"], strict=True))
    ever = {
        row.patient
        for row in run.metastases.itertuples()
        if row.organ == organ
        and not pd.isna(row.detected_day)
        and row.detected_day - diagnosis[row.patient] <= year * 365.25
    }
    return 100 * len(ever) / len(diagnosis)


# The figure


@pytest.mark.parametrize("size", SIZES)
def test_every_curve_is_there(run, size):
    found = artists(plots.seeding_figure(run, size))
    seen = {organ for organ, years in incidence.first_detection_years(run).items() if len(years)}
    assert len(seen) > NAMED_ORGANS
    assert {gid for gid in found if gid.startswith("share:")} == {f"share:{organ}" for organ in seen}
    assert {gid for gid in found if gid.startswith("cells:")} == {"cells:dormant", "cells:cycling"}
    assert len([gid for gid in found if gid.startswith("band:")]) == NAMED_ORGANS + 2
    assert len(found["diagnosis"]) == 2 and len(found["diagnosis-label"]) == 1
    assert len(found["label"]) == NAMED_ORGANS + 1 + 2
    title, footer = found["title"][0].get_text(), found["footer"][0].get_text().replace("\n", " ")
    assert title == "Colorectal cancer, untreated"
    for words in ("n = 300 patients", "seed 1", "Blood-borne spread only", "10⁹ cells", "imaging"):
        assert words in footer


def test_curves_show_the_shares(run):
    found = artists(plots.seeding_figure(run))
    for organ in NICHES:
        if f"share:{organ}" not in found:
            assert _brute_force_share(run, organ, 5) == 0
            continue
        times, shares = found[f"share:{organ}"][0].get_data()
        assert np.all(np.diff(shares) >= 0) and times[-1] == pytest.approx(5, abs=0.01)
        for year in (-1.0, 0.0, 0.5, 1.9, 5.0):
            shown = shares[times <= year][-1] if np.any(times <= year) else 0.0
            assert shown == pytest.approx(_brute_force_share(run, organ, year)), (organ, year)


def test_the_lower_panel_shows_the_quantiles(run):
    line = artists(plots.seeding_figure(run))["cells:dormant"][0]
    rows = run.seeding.query("clock == 'diagnosis' and organ == 'all' and stage == 'dormant' and n_at_risk > 0")
    rows = rows[(rows["day"] / 365.25).between(-3, 5)].sort_values("day")
    assert line.get_xdata() == pytest.approx(rows["day"].to_numpy() / 365.25)
    assert line.get_ydata() == pytest.approx(rows["q50"].to_numpy()) and len(rows) > 90


def test_quantiles_of_a_handful_are_not_drawn(run, tmp_path):
    few = synthetic.write(tmp_path / "run", 300)
    few.__dict__["seeding"] = run.seeding.assign(n_at_risk=np.where(run.seeding["day"] > 700, 9, 300))
    assert artists(plots.seeding_figure(few))["cells:dormant"][0].get_xdata().max() == pytest.approx(
        700 / 365.25, abs=0.1
    )
    few.__dict__["seeding"] = run.seeding.assign(n_at_risk=np.where(run.seeding["day"] > 700, 10, 300))
    assert artists(plots.seeding_figure(few))["cells:dormant"][0].get_xdata().max() == pytest.approx(5, abs=0.1)


def test_patients_at_risk(run):
    counts = [artist.get_text() for artist in artists(plots.seeding_figure(run))["at-risk"]]
    years = incidence.follow_up_years(run)
    assert counts[0] == "300" and counts[1] == str(int((years >= 1).sum())) and len(counts) == 6


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", ["run", "empty", "interrupted", "nobody"])
def test_no_text_overlaps_or_leaves_the_figure(request, monkeypatch, which, size):
    figure = plots.seeding_figure(request.getfixturevalue(which), size)
    assert_texts_are_apart(figure, monkeypatch, fewest=16)


def test_labels_stand_beside_the_data(run):
    figure = plots.seeding_figure(run)
    figure.draw_without_rendering()
    edge = max(axes.get_window_extent().x1 for axes in figure.axes)
    assert all(label.get_window_extent().x0 > edge for label in artists(figure)["label"])


def test_counts_of_a_large_cohort_fit(run, tmp_path):
    large = synthetic.write(tmp_path / "run", 300)
    large.__dict__["patients"] = pd.concat(
        [run.patients.assign(patient=run.patients["patient"] + 300 * copy) for copy in range(400)], ignore_index=True
    )
    figure = plots.seeding_figure(large)
    counts = [artist.get_window_extent() for artist in artists(figure)["at-risk"]]
    assert len(counts) >= 2 and all(a.x1 < b.x0 for a, b in itertools.pairwise(counts))


@pytest.mark.parametrize("which", ["empty", "nobody"])
@pytest.mark.parametrize("size", SIZES)
def test_a_run_without_metastases(request, which, size):
    found = artists(plots.seeding_figure(request.getfixturevalue(which), size))
    assert not [gid for gid in found if gid.startswith("share:")]
    assert "no macrometastasis in any organ" in [text.get_text() for text in found["nothing"]]


def test_an_interrupted_run_says_so(interrupted):
    footer = artists(plots.seeding_figure(interrupted))["footer"][0].get_text().replace("\n", " ")
    assert footer.startswith("Interrupted run. n = 7 of 500 patients")


def test_long_follow_up_ends_with_the_patients(run, tmp_path):
    long = synthetic.write(tmp_path / "run", 300)
    long.manifest["scenario"]["horizon_days"] = 60 * 365.25
    limits = plots.seeding_figure(long).axes[0].get_xlim()
    assert limits == pytest.approx((-3, 5), abs=0.05)


# Files


def _pixels(path):
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize(("size", "inches"), [("column", 89 / 25.4), ("slide", 13.333)])
def test_files_are_written_in_the_size_asked_for(run, tmp_path, size, inches):
    png, pdf = plots.seeding_curves(run, tmp_path / "figures" / "seeding.curves", size)
    assert (png.name, pdf.name) == ("seeding.curves.png", "seeding.curves.pdf")
    assert _pixels(png)[0] == pytest.approx(300 * inches, abs=2) and pdf.read_bytes().startswith(b"%PDF")
    if size == "slide":
        assert _pixels(png)[0] / _pixels(png)[1] == pytest.approx(16 / 9, abs=0.01)
    assert len(list(png.parent.iterdir())) == 2


def test_equal_runs_give_equal_files(run, tmp_path):
    first, second = (plots.seeding_curves(run, tmp_path / name) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_place_that_cannot_be_written(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be saved"):
        plots.seeding_curves(run, tmp_path / "file" / "curves")
    with pytest.raises(InputError, match="found 'poster'; allowed: column, slide"):
        plots.seeding_curves(run, tmp_path / "curves", "poster")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EROFS, "no")))
    with pytest.raises(MachineError, match="Read-only file system"):
        plots.seeding_curves(run, tmp_path / "curves")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# The look


def test_every_organ_has_a_look_of_its_own():
    assert set(ORGAN_LOOKS) == set(NICHES)
    looks = [*ORGAN_LOOKS.values()]
    assert len({look.colour for look in looks}) == len({(str(look.line), look.marker) for look in looks}) == len(looks)
    assert len({str(look.line) for look in STAGE_LOOKS.values()}) == len(STAGE_LOOKS)


def _lightness(colour: str) -> float:
    """CIE L* of "#rrggbb"."""
    linear = [
        (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
        for c in (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    ]
    luminance = np.dot([0.2126, 0.7152, 0.0722], linear)
    return 116 * np.cbrt(luminance) - 16


def test_shades_darken_all_the_way():
    luminance = SHADES(np.linspace(0, 1, 33))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(luminance) < 0)


def test_colours_print_dark_enough():
    for organ, look in ORGAN_LOOKS.items():
        assert _lightness(look.colour) < 62, f"{organ} fades on white paper"


@given(wanted=st.lists(st.floats(0, 1), min_size=1, max_size=14).map(sorted), gap=st.floats(0.001, 0.3))
def test_labels_are_spread(wanted, gap):
    places = spread(wanted, gap, 0.0, 1.0)
    least = min(gap, 1 / max(len(wanted) - 1, 1))
    assert all(0 - 1e-9 <= place <= 1 + 1e-9 for place in places)
    assert all(b - a >= least - 1e-9 for a, b in itertools.pairwise(places))
    if all(b - a >= gap for a, b in itertools.pairwise(wanted)):
        assert places == pytest.approx(wanted)


# Incidence


@given(trials=st.integers(1, 5000), share=st.floats(0, 1))
def test_wilson_is_scipys(trials, share):
    from scipy.stats import binomtest

    successes = round(share * trials)
    low, high = incidence.wilson_interval(successes, trials)
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_median_survival_is_scipys(run, nobody, empty):
    from scipy.stats import CensoredData, ecdf

    years, dead = incidence.follow_up_years(run).to_numpy(), run.patients["death_day"].notna().to_numpy()
    curve = ecdf(CensoredData(uncensored=years[dead], right=years[~dead])).sf
    assert incidence.median_survival_years(run) == curve.quantiles[curve.probabilities <= 0.5 + 1e-9][0]
    assert np.isnan(incidence.median_survival_years(nobody))
    assert incidence.median_survival_years(empty) == pytest.approx(incidence.follow_up_years(empty).iloc[0])


# The summary


def _line(text: str, start: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(start)).removeprefix(start).split()


def test_the_summary_counts(run):
    text = summary_text(run)
    for organ in ("liver", "heart", "elsewhere"):
        at_diagnosis, ever = (f"{_brute_force_share(run, organ, year):.1f}" for year in (0, 99))
        assert _line(text, organ)[:4] == [at_diagnosis, "%", ever, "%"]
    deaths = (run.patients["death_cause"] == "metastases").sum()
    assert _line(text, "died of metastases")[0] == str(deaths)
    assert _line(text, "median survival")[0] == f"{incidence.median_survival_years(run):.1f}"
    assert ("300 patients" in text and "67 years" in text) or "68 years" in text
    assert "blood-borne spread only" in text and "not clinical" in text


@pytest.mark.parametrize("which", ["run", "empty", "interrupted", "nobody"])
def test_the_summary_fits_any_terminal(request, which):
    text = summary_text(request.getfixturevalue(which))
    assert text.isascii() and max(map(len, text.splitlines())) <= WIDTH
    assert all(organ in text for organ in NICHES) and "nan" not in text.split()
    assert ("(interrupted)" in text) == (which in ("interrupted", "nobody"))


def test_the_footer_names_what_was_changed(tmp_path):
    run = synthetic.write(tmp_path / "run", 40)
    run.manifest["scenario"]["mechanisms"] = {"dormancy": False, "inflammation": True}
    run.manifest["scenario"]["overrides"] = {"soil.liver": {"value": 0.9, "reason": "command line"}}
    text = " ".join(part.get_text() for part in plots.seeding_figure(run).texts).replace("\n", " ")
    assert "off: dormancy" in text and "soil.liver = 0.9" in text
    assert "changed" in summary_text(run) and "off: dormancy" in summary_text(run)


def test_a_footer_leaves_room_for_the_figure_whatever_was_changed(tmp_path):
    """Of four hundred changed parameters some are named, the others counted; the run's page names them all."""
    run = synthetic.write(tmp_path / "run", 40)
    overrides = {f"arterial_share.bed_{i}": {"value": 0.123456 * i, "reason": "file"} for i in range(400)}
    run.manifest["scenario"]["overrides"] = overrides
    figure = plots.seeding_figure(run, "slide")
    text = " ".join(part.get_text() for part in figure.texts).replace("\n", " ")
    assert "bed_9 = " in text and "bed_10 = " not in text and "and 390 more parameters" in text
    assert all(axes.get_position().height > 0.15 for axes in figure.axes)
    assert "bed_399 = " in incidence.changes_text(run) and "more parameters" not in incidence.changes_text(run)


def test_what_is_off_by_default_is_no_change(tmp_path):
    run = synthetic.write(tmp_path / "run", 20)
    run.manifest["scenario"]["mechanisms"] = default_states()
    assert incidence.changes_text(run) == ""
    run.manifest["scenario"]["mechanisms"] = default_states() | {"dormancy": False, "secondary_seeding": True}
    assert incidence.changes_text(run) == "off: dormancy; on: secondary_seeding"


def test_a_short_horizon_is_shown_in_days(tmp_path):
    run = synthetic.write(tmp_path / "run", 40)
    run.manifest["scenario"]["horizon_days"] = 30
    axes = plots.seeding_figure(run).axes
    assert any(a.get_xlabel() == "days since diagnosis" for a in axes)
    assert not any(a.get_xlabel() == "years since diagnosis" for a in axes)
    assert "30 days" in summary_text(run)
