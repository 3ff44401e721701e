"""Paired comparison of two runs: statistics, what is refused, words, files and figure."""

import csv
import json
import math

import numpy as np
import pytest
import synthetic
from figure_checks import artists, assert_keys_are_off_the_data, assert_texts_are_apart, starting, text_of
from scipy.stats import binomtest
from stored import rewrite

from sim.analysis import paired
from sim.analysis.compare import compare, differences, warnings
from sim.analysis.competing_risks import ANY_ORGAN
from sim.cli import main
from sim.errors import InputError
from sim.names import NICHES
from sim.plots.compare import comparison_figure
from sim.plots.style import SIZES
from sim.report import comparison as compare_text

FEWER = dict(synthetic.SHARE_BY_ORGAN, liver=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def first(folder):
    return synthetic.write(folder / "first", 300)


@pytest.fixture(scope="module")
def second(folder):
    """The same patients, without liver metastases, with dormancy off and another soil."""
    run = synthetic.write(folder / "second", 300, share_by_organ=FEWER)
    manifest = json.loads((run.path / "manifest.json").read_text())
    manifest["scenario"] |= {"mechanisms": {"dormancy": False}}
    manifest["scenario"]["parameters"]["soil.liver"]["value"] = 0.0
    rewrite(run.path, scenario=manifest["scenario"])
    run.manifest.update(manifest)
    return run


@pytest.fixture(scope="module")
def found(first, second):
    return compare(first, second)


# Statistics of pairs


def test_pairs_by_hand():
    pairs = paired.shares([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    assert (pairs.both, pairs.only_first, pairs.only_second, pairs.neither) == (1, 2, 1, 6)
    assert pairs.difference == pytest.approx(-0.1) and pairs.ratio == pytest.approx(2 / 3)
    # Agresti and Min: 12 patients after adding halves; (1 - 2)/12 +- z sqrt((3 + 1) - 1/12)/12.
    half = 1.959964 * math.sqrt(4 - 1 / 12) / 12
    assert pairs.difference_interval == pytest.approx((-1 / 12 - half, -1 / 12 + half), rel=1e-6)
    assert pairs.p_value == binomtest(1, 3).pvalue


def _coverage(cells, trials: int, patients: int, seed: int):
    """Share of trials whose intervals hold the true difference and the true ratio of a 2x2 law."""
    generator = np.random.default_rng(seed)
    p11, p10, p01, _ = cells
    difference, ratio = p01 - p10, (p11 + p01) / (p11 + p10)
    held = np.zeros(2)
    for counts in generator.multinomial(patients, cells, trials):
        pairs = paired.Shares(*(int(count) for count in counts))
        low, high = pairs.difference_interval
        ratio_low, ratio_high = pairs.ratio_interval
        held += [low <= difference <= high, math.isnan(ratio_low) or ratio_low <= ratio <= ratio_high]
    return held / trials


@pytest.mark.parametrize("cells", [(0.2, 0.1, 0.02, 0.68), (0.05, 0.05, 0.05, 0.85), (0.3, 0.01, 0.01, 0.68)])
def test_intervals_hold_the_truth(cells):
    """95 % intervals of 2,000 cohorts of 200 pairs: coverage below 93 % is found (false alarm below 1e-4); above is allowed."""
    difference, ratio = _coverage(cells, 2000, 200, 11)
    assert difference > 0.93 and ratio > 0.93


def test_pairs_tell_more_than_separate_groups():
    """Where few patients change, the paired interval is several times narrower than that of two groups."""
    pairs = paired.Shares(200, 20, 5, 775)
    low, high = pairs.difference_interval
    separate = 2 * 1.96 * math.sqrt(pairs.first * (1 - pairs.first) / 1000 + pairs.second * (1 - pairs.second) / 1000)
    assert (high - low) < separate / 3


def test_nobody_changed():
    pairs = paired.Shares(10, 0, 0, 90)
    assert pairs.difference == 0 and pairs.ratio == 1 and pairs.p_value == 1.0
    assert pairs.difference_interval[0] < 0 < pairs.difference_interval[1], "nobody of a hundred is not nobody at all"
    nothing = paired.Shares(0, 0, 5, 95)
    assert math.isnan(nothing.ratio) and all(map(math.isnan, nothing.ratio_interval))


def test_curves_count_the_pairs():
    generator = np.random.default_rng(2)
    one, other = (np.where(generator.random(50) < 0.5, generator.integers(0, 90, 50), np.inf) for _ in range(2))
    days = np.array([0.0, 10.0, 45.0, 100.0])
    curve = paired.shares_over_time(one, other, days)
    for place, day in enumerate(days):
        assert paired.shares(one <= day, other <= day) == paired.Shares(
            *(int(x[place]) for x in (curve.both, curve.only_first, curve.only_second, curve.neither))
        )


def test_holm_by_hand():
    assert paired.holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert paired.holm([]) == [] and paired.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_means_of_pairs():
    result = paired.means([1, 2, 3, 4], [2, 2, 5, 4])
    assert (result.first, result.second, result.difference) == (2.5, 3.25, 0.75)
    assert result.high - result.difference == pytest.approx(1.959964 * np.std([1, 0, 2, 0], ddof=1) / 2, rel=1e-6)
    assert math.isnan(paired.means([1], [2]).low)


# Two runs


def _detected_by(run, organ: str | None, years: float) -> set:
    diagnosis = dict(zip(run.patients["patient"], run.patients["diagnosis_day"], strict=True))
    seen = run.metastases.dropna(subset=["detected_day"])
    return {
        row.patient
        for row in seen.itertuples()
        if organ in (None, row.organ) and row.detected_day - diagnosis[row.patient] <= years * 365.25
    }


def test_organs_are_counted_row_by_row(first, second, found):
    assert found.patients == 300 and found.end_years == pytest.approx(5, abs=0.01)
    assert [change.organ for change in found.organs] == [ANY_ORGAN, *NICHES]
    for change in found.organs:
        organ = None if change.organ == ANY_ORGAN else change.organ
        a, b = _detected_by(first, organ, 5), _detected_by(second, organ, 5)
        assert (change.pairs.both, change.pairs.only_first, change.pairs.only_second) == (
            len(a & b),
            len(a - b),
            len(b - a),
        ), organ
    liver = found.organs[1]
    assert liver.organ == "liver" and liver.pairs.only_second == 0 and liver.adjusted_p < 1e-6
    a, b = _detected_by(first, "liver", 1.0), _detected_by(second, "liver", 1.0)
    curve = found.incidence_curve("liver", np.array([365.25]))
    assert (curve.only_first[0], curve.only_second[0]) == (len(a - b), len(b - a))


def test_deaths_and_lives(first, second, found):
    days = [
        np.where(run.patients["death_day"].notna(), (run.patients["last_day"] - run.patients["diagnosis_day"]), np.inf)
        for run in (first, second)
    ]
    assert found.died_earlier == (days[1] < days[0]).sum() and found.died_later == (days[1] > days[0]).sum()
    assert found.alive.both + found.alive.only_first == np.isinf(days[0]).sum()
    assert found.years_lived.first == pytest.approx(np.minimum(days[0], found.end_days).mean() / 365.25)
    counts = [run.metastases["detected_day"].notna().sum() / 300 for run in (first, second)]
    assert (found.metastases.first, found.metastases.second) == pytest.approx(counts)


def test_what_differs_is_read_from_the_manifests(first, second):
    assert differences(first, second) == [
        "dormancy switched off",
        f"soil.liver 0 instead of {first.manifest['scenario']['parameters']['soil.liver']['value']:g}",
    ]
    assert differences(second, first)[0] == "dormancy switched on"
    assert differences(first, first) == []
    other = synthetic.write(first.path.parent / "changed", 20)
    other.manifest["scenario"] |= {
        "horizon_days": 900,
        "age": {"mean_years": 50.0},
        "title": "Another title",
        "treatments": [{"name": "resection", "after": "diagnosis", "start_days": 30}],
    }
    parameters = dict(first.manifest["scenario"]["parameters"], imaging_threshold_cells={"value": 1e8, "unit": "cell"})
    other.manifest["scenario"]["parameters"] = parameters
    assert differences(first, other) == [
        "imaging_threshold_cells 1e+08 instead of 1e+09 cell",
        "resection (30 days after diagnosis) added",
        "age.mean_years 50 instead of none",
    ]
    assert differences(other, first)[1] == "resection (30 days after diagnosis) left out"
    assert any("the horizons differ (1826.25 and 900 days)" in note for note in warnings(first, other))


def test_what_is_special_about_a_treatment_is_said(first):
    drug = {
        "name": "targeted_therapy",
        "after": "surgery",
        "start_days": 28.0,
        "dose": 1.0,
        "cycles": 6,
        "every_days": 21,
        "adherence": 0.5,
        "organ": None,
        "turn": 1,
    }
    other = synthetic.write(first.path.parent / "treated", 20)
    other.manifest["scenario"] |= {"treatments": [drug]}
    assert differences(first, other) == [
        "targeted therapy (28 days after surgery, cycles 6, every 21 days, adherence 0.5) added"
    ]


def test_the_sentence_says_what_the_mechanism_did(found):
    text = compare_text.sentence(found)
    liver = found.organs[1].pairs
    assert text.startswith("With dormancy switched off and soil.liver 0 instead of 0.") and ", 0.0 % instead of" in text
    assert f"{100 * liver.first:.1f} % of patients got a visible metastasis in the liver within 5 years" in text
    assert (
        f"{1000 * -liver.difference:.1f} fewer in 1,000" in text
        and f"nobody gained and {liver.only_first} lost one among 300" in text
    )


def test_the_table_fits_any_terminal(found):
    text = compare_text.table(found)
    body = [line for line in text.splitlines() if not line.startswith(("A  ", "B  "))]
    assert text.isascii() and max(map(len, body)) <= 80 and "nan" not in text
    liver = next(line for line in body if line.startswith("liver")).split()
    pairs = found.organs[1].pairs
    assert liver[1] == f"{100 * pairs.first:.1f}" and liver[-1] == "0*" and liver[-2] == str(pairs.only_first)
    assert "log-rank" in text and "died earlier" in text


def test_a_run_against_itself(first):
    found = compare(first, first)
    assert all(change.pairs.only_first == change.pairs.only_second == 0 for change in found.organs)
    assert compare_text.sentence(found) == (
        "The two scenarios are the same: nobody of 300 patients gained or lost a visible metastasis within 5 years. "
        "Nobody lived longer or shorter."
    )
    assert found.overall.p_value == pytest.approx(1) and found.years_lived.difference == 0


def test_chance_is_not_called_an_effect(folder, first):
    """Two runs that differ by chance alone: no organ is called changed (Holm: false alarm 5 %; fixed seeds)."""
    other = synthetic.write(folder / "chance", 300, seed=3)
    text = compare_text.sentence(compare(first, other))
    assert "no organ's metastases changed clearly" in text and "Clearly changed" not in text


def test_runs_that_are_no_pairs_are_refused(folder, first):
    other = synthetic.write(folder / "seeds", 300)
    other.manifest["seed"] = 7
    with pytest.raises(InputError, match=r"seeds 1 and 7; .*same --seed"):
        compare(first, other)
    with pytest.raises(
        InputError, match=r"holds 300 patients and .*holds 7 of 300 patients; run both with the same --patients"
    ):
        compare(first, synthetic.write(folder / "some", 300, status="interrupted", finished=7))
    nobody = synthetic.write(folder / "nobody", 300, status="interrupted", finished=0)
    with pytest.raises(InputError, match="no patient was diagnosed in both"):
        compare(nobody, nobody)


def test_the_comparison_ends_with_the_shorter_horizon(folder, first):
    short = synthetic.write(folder / "short", 300)
    short.manifest["scenario"]["horizon_days"] = 700
    found = compare(first, short)
    assert found.end_days == 700 and max(days[np.isfinite(days)].max() for days in found.death_days) <= 700


def test_one_patient(folder):
    found = compare(synthetic.write_empty(folder / "one"), synthetic.write_empty(folder / "two"))
    text = compare_text.table(found)
    assert "nan" not in text and "nobody of 1 patients" in text
    json.dumps(compare_text.as_dict(found), allow_nan=False)
    assert len(artists(comparison_figure(found))["difference:any organ"]) == 1


# Figure


@pytest.mark.parametrize("size", SIZES)
def test_the_figure_shows_the_differences(found, monkeypatch, size):
    figure = comparison_figure(found, size)
    shown = starting(figure, "difference:")
    assert {ANY_ORGAN, "liver", "alive"} <= shown and len(shown) == 6 == len(starting(figure, "band:")) == len(
        artists(figure)["label"]
    )
    _years, difference = artists(figure)["difference:liver"][0].get_data()
    assert difference[-1] == pytest.approx(100 * found.organs[1].pairs.difference)
    _, alive = artists(figure)["difference:alive"][0].get_data()
    assert alive[-1] == pytest.approx(100 * found.alive.difference, abs=1e-9)
    assert "dormancy switched off" in text_of(figure, "title") and "300 pairs" in text_of(figure, "footer")
    assert_keys_are_off_the_data(figure)
    assert_texts_are_apart(figure, monkeypatch)


# The command


def test_compare_writes_its_files(first, second, found, capsys):
    assert main(["compare", str(first.path), str(second.path)]) == 0
    out = capsys.readouterr().out
    folder = second.path / "compared_with_first"
    assert sorted(path.name for path in folder.iterdir()) == [
        "compare.csv",
        "compare.json",
        "compare.pdf",
        "compare.png",
        "compare_curves.csv",
    ]
    whole = json.loads((folder / "compare.json").read_text())
    assert whole["sentence"] in " ".join(out.split()) and whole["patients"] == 300
    with (folder / "compare.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["organ"] for row in rows] == [ANY_ORGAN, *NICHES, ""] and rows[1]["only_a"] == str(
        found.organs[1].pairs.only_first
    )
    with (folder / "compare_curves.csv").open() as file:
        curves = [row for row in csv.DictReader(file) if row["organ"] == "liver"]
    assert len(curves) == 201 and float(curves[-1]["difference"]) == pytest.approx(found.organs[1].pairs.difference)


def test_compare_refuses_in_one_message(first, tmp_path, capsys):
    assert main(["compare", str(first.path), str(tmp_path)]) == 2
    assert "manifest.json" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert main(["compare", str(first.path), str(first.path), "--out", str(tmp_path / "file")]) == 2
    message = capsys.readouterr().err
    assert "is a file" in message and message.count("error:") == 1


def test_longer_lives_are_named_as_a_reason(folder):
    """Where everybody in B lives two years longer, and more metastases are seen, the sentence says why."""
    short, long = (
        synthetic.write(folder / name, 300, share_by_organ=shares)
        for name, shares in (("brief", FEWER), ("longer", synthetic.SHARE_BY_ORGAN))
    )
    people = long.patients.copy()
    dead = people["death_day"].notna()
    people.loc[dead, "last_day"] = (
        people.loc[dead, "diagnosis_day"]
        + (people.loc[dead, "last_day"] - people.loc[dead, "diagnosis_day"]) // 2
        + 900
    )
    people["death_day"] = people["last_day"].where(dead).astype("Int32")
    long.__dict__["patients"] = people
    text = compare_text.sentence(compare(short, long))
    assert "days longer within 5 years" in text and text.endswith(
        "Who lives longer has more time to show a metastasis."
    )
    assert "more time" not in compare_text.sentence(compare(long, short))
