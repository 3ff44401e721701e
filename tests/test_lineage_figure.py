"""The lineage and migration graph of one patient: every colony and way is drawn, and descends from the right one."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from figure_checks import artists, assert_keys_are_off_the_data, assert_texts_are_apart, starting, text_of

from sim import plots
from sim.cli import main
from sim.errors import InputError
from sim.names import NICHES
from sim.plots.family_tree import MOST_ROWS, chosen_patient, descent_order, lineage_figure
from sim.plots.style import SIZES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def _family(run, rows):
    """Colonies of patient 0: (colony, parent, organ, source, clone, day of arrival, cells)."""
    table = run.metastases.iloc[:1].loc[[run.metastases.index[0]] * len(rows)].reset_index(drop=True)
    columns = dict(
        zip(
            ("colony", "parent_colony", "organ", "source", "clone", "arrived_day", "cells"),
            zip(*rows, strict=True),
            strict=True,
        )
    )
    for name, values in columns.items():
        table[name] = pd.array(values, dtype=table[name].dtype)
    table["patient"] = 0
    diagnosis = int(run.patients["diagnosis_day"].iloc[0])
    arrived = table["arrived_day"].to_numpy() + diagnosis
    table = table.assign(arrived_day=arrived, reached_day=arrived + 100)
    table["woke_day"] = pd.Series(arrived + 40, dtype="Int32").where(pd.Series(np.arange(len(rows)) % 2 == 0))
    table["detected_day"] = pd.Series(arrived + 160, dtype="Int32").where(pd.Series(np.arange(len(rows)) == 0))
    run.__dict__["metastases"] = table
    people = run.patients.copy()
    people.loc[0, "last_day"] = diagnosis + 1500
    run.__dict__["patients"] = people
    return run


@pytest.fixture(scope="module")
def family(folder):
    return _family(
        synthetic.write(folder / "family", 20),
        [
            (1, None, "liver", "primary", 4, -900, 10**9),
            (2, 1, "lung", "liver", 4, 10, 10**8),
            (3, 2, "brain", "lung", None, 300, 10**7),
            (4, None, "bone", "primary", 2, -100, 10**8),
            (5, 1, "liver", "liver", 4, 200, 10**6),
            (6, 99, "skin", "liver", 4, 250, 10**7),
        ],
    )


@pytest.mark.parametrize("size", SIZES)
def test_every_colony_and_way_is_drawn(family, monkeypatch, size):
    figure = lineage_figure(family, size, 0)
    assert starting(figure, "colony:") == {"1", "2", "3", "4", "5", "6"} == starting(figure, "link:")
    assert starting(figure, "asleep:") == {"1", "3", "5"} and starting(figure, "detected:") == {"1"}
    assert starting(figure, "node:") == {"primary", "liver", "lung", "brain", "bone", "skin"}
    assert starting(figure, "way:") == {
        "primary to liver",
        "primary to bone",
        "liver to lung",
        "lung to brain",
        "liver to skin",
    }
    assert {text.get_text() for text in artists(figure)["label"]} >= {
        "liver, clone 4",
        "bone, clone 2",
        "brain",
        "primary",
    }
    assert "liver 2" in [text.get_text() for text in artists(figure)["node-label"]]
    footer = text_of(figure, "footer")
    assert "liver to lung 1" in footer and "all 6 colonies" in footer and "no clones" not in footer
    assert_keys_are_off_the_data(figure)
    assert_texts_are_apart(figure, monkeypatch)


def test_a_link_leads_to_the_parent(family):
    found = artists(lineage_figure(family, patient=0))
    row = {colony: found[f"colony:{colony}"][0].get_ydata()[0] for colony in range(1, 7)}
    for colony, parent in ((2, 1), (3, 2), (5, 1)):
        _x, y = found[f"link:{colony}"][0].get_data()
        assert sorted(y) == sorted([row[parent], row[colony]]), (colony, parent)
    assert 0 in found["link:1"][0].get_ydata() and 0 in found["link:6"][0].get_ydata(), (
        "from the primary, or from a colony too small for the table"
    )
    years = found["colony:1"][0].get_xdata()
    assert years[0] == pytest.approx((-900 + 100) / 365.25) and years[1] == pytest.approx(1500 / 365.25)


def test_colonies_follow_what_seeded_them(family):
    assert [row["colony"] for row in descent_order(family.metastases)] == [1, 2, 3, 5, 4, 6]


def test_many_colonies_are_cut_to_the_largest_and_their_ancestors(folder, monkeypatch):
    chain = [(1, None, "liver", "primary", None, -900, 1)]
    others = [
        (10 + n, 1 if n == 0 else None, NICHES[n % 13], "liver" if n == 0 else "primary", None, n, 10**8 + n)
        for n in range(60)
    ]
    run = _family(synthetic.write(folder / "many", 20), chain + others)
    drawn = [row["colony"] for row in descent_order(run.metastases)]
    assert drawn == [*range(10 + 60 - MOST_ROWS, 70)], "the 20 largest, none of which descends from the small one"
    figure = lineage_figure(run, patient=0)
    assert f"the {MOST_ROWS} largest, with their ancestors, of 61 colonies" in text_of(figure, "footer")
    assert len(starting(figure, "node:")) == 14
    assert_texts_are_apart(figure, monkeypatch)
    run.metastases.loc[1, "cells"] = 10**12
    assert {1, 10} <= {row["colony"] for row in descent_order(run.metastases)}


def test_a_patient_without_colonies(folder):
    empty = synthetic.write_empty(folder / "empty")
    assert chosen_patient(empty, None) == 0
    assert "no colony reached 1 mm" in text_of(lineage_figure(empty), "nothing")


def test_the_patient_is_chosen_and_checked(folder, family, capsys):
    run = synthetic.write(folder / "run", 60)
    patient = chosen_patient(run, None)
    organs = run.metastases.groupby("patient")["organ"].nunique()
    assert organs[patient] == organs.max()
    with pytest.raises(InputError, match="found 60, the run holds 0 to 59"):
        chosen_patient(run, 60)
    assert main(["plot", str(run.path), "--what", "lineage", "--patient", "60"]) == 2
    assert "found 60, the run holds 0 to 59" in capsys.readouterr().err
    assert main(["plot", str(run.path), "--what", "lineage", "--patient", "7", "--format", "svg"]) == 0
    assert [path.name for path in (run.path / "figures").iterdir()] == ["lineage_of_patient_7.svg"]
    assert "patient 7" in text_of(plots.draw("lineage", [run], patient=7), "title")
