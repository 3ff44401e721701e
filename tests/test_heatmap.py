"""The heat map: every pair of levels is a cell with the right mean; bins, gaps and wrong columns."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import artists, assert_texts_are_apart, starting, text_of

from sim.errors import InputError
from sim.plots.heatmap import BINS, heatmap_figure, levels_of
from sim.plots.style import SHADES, SIZES

WORDS = {"title": "Liver metastases by dormancy and age", "label": "patients with a liver metastasis (%)"}


@pytest.fixture(scope="module")
def table():
    generator = np.random.default_rng(1)
    rows = [
        (age, on, seed, 10 + age / 10 + 5 * on + generator.normal(0, 0.1))
        for age in (40, 60, 80)
        for on in (False, True)
        for seed in range(4)
        if (age, on) != (80, True)
    ]
    return pd.DataFrame(rows, columns=["age", "dormancy", "seed", "incidence"])


@pytest.mark.parametrize("size", SIZES)
def test_every_pair_of_levels_is_a_cell(table, monkeypatch, size):
    figure = heatmap_figure(table, "dormancy", "age", "incidence", size=size, **WORDS)
    assert starting(figure, "cell:") == {"40:off", "60:off", "80:off", "40:on", "60:on"}
    assert len(artists(figure)["empty"]) == 1
    texts = {tuple(text.get_text().splitlines()) for text in artists(figure)["mean"]}
    mean = table.query("age == 60 and dormancy")["incidence"].mean()
    assert (f"{mean:.3g}", "(4)") in texts and len(texts) == 5
    shade = {
        name: np.dot(artists(figure)[f"cell:{name}"][0].get_facecolor()[:3], [1, 1, 1])
        for name in ("40:off", "60:off", "60:on")
    }
    assert shade["60:on"] < shade["60:off"] < shade["40:off"], "more is darker"
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel(), figure.axes[1].get_xlabel()) == ("age", "dormancy", WORDS["label"])
    assert "Mean of 20 rows" in text_of(figure, "footer")
    assert_texts_are_apart(figure, monkeypatch)


@pytest.mark.parametrize("size", SIZES)
def test_many_levels_are_binned(monkeypatch, size):
    generator = np.random.default_rng(2)
    table = pd.DataFrame(
        {
            "soil.liver": generator.lognormal(0, 1, 1000),
            "feeding_per_day": generator.random(1000),
            "y": generator.random(1000),
        }
    )
    figure = heatmap_figure(table, "soil.liver", "feeding_per_day", "y", size=size, **WORDS)
    assert len(starting(figure, "cell:")) == BINS**2 - len(artists(figure).get("empty", []))
    assert_texts_are_apart(figure, monkeypatch)
    names, place = levels_of(table["soil.liver"])
    assert len(names) == BINS and np.bincount(place).tolist() == [1000 // BINS] * BINS


def test_levels_are_in_their_order():
    assert levels_of(pd.Series([10.0, 2.0, 10.0]))[0] == ["2", "10"]
    assert levels_of(pd.Series(["b", "a"]))[0] == ["a", "b"]
    assert levels_of(pd.Series([True, False]))[0] == ["off", "on"]


def test_a_table_without_values(table):
    figure = heatmap_figure(table.assign(incidence=np.nan), "dormancy", "age", "incidence", **WORDS)
    assert "no row with a value" in text_of(figure, "nothing")


def test_one_value_everywhere(table, monkeypatch):
    figure = heatmap_figure(table.assign(incidence=3.0), "dormancy", "age", "incidence", **WORDS)
    assert len(starting(figure, "cell:")) == 5
    assert_texts_are_apart(figure, monkeypatch)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("dormancy", "sex", "incidence"), "found no column 'sex'; the table holds age, dormancy"),
        (("age", "age", "incidence"), "'age' cannot be both axes"),
        (("age", "dormancy", "text"), "'text' does not hold numbers"),
    ],
)
def test_wrong_columns_are_named(table, columns, words):
    with pytest.raises(InputError, match=words):
        heatmap_figure(table.assign(text="a"), *columns, **WORDS)


def test_shades_are_of_the_means(table):
    figure = heatmap_figure(table, "dormancy", "age", "incidence", **WORDS)
    darkest = max((table.groupby(["age", "dormancy"])["incidence"].mean()).items(), key=lambda item: item[1])[0]
    cell = artists(figure)[f"cell:{darkest[0]}:{'on' if darkest[1] else 'off'}"][0]
    assert cell.get_facecolor() == pytest.approx(SHADES(1.0))
