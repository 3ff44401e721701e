"""The figure of an attribution: every bar is there, as long as the table says, and nothing is hidden."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from sim.plots.attribution import PREVENTS, attribution_bars, attribution_figure

PARTS = ("all off", "inflammation", "dormancy", "all on")
SHARES = {"all": (0.4, 0.9, -0.3, 1.0), "liver": (0.1, 1.2, -0.3, 1.0), "bone": (5.0, 0.0, -4.0, 1.0)}
MEANS = {"all": 10.0, "liver": 8.0, "bone": 2.0, "skin": 0.0}


def made_up(gains=(2.0, 0.0, 6.0)) -> dict[str, list]:
    """A table with three organs that get something, one that gets nothing, and three gains."""
    rows = []
    for gain in gains:
        for organ, mean in MEANS.items():
            for part, share in zip(PARTS, SHARES.get(organ, (float("nan"),) * 4), strict=True):
                share *= gain / 2 if part == "inflammation" and gain is not None else 1
                rows.append(
                    {
                        "outcome": "colonies",
                        "inflammation_gain": gain,
                        "soil_liver": 0.1,
                        "organ": organ,
                        "part": part,
                        "value": share * mean if mean else 0.0,
                        "value_low": 0.0,
                        "value_high": 0.0,
                        "share": share,
                        "share_low": share - 0.1,
                        "share_high": share + 0.2,
                        "order_standard_error": 0.0,
                        "patients": 50,
                    }
                )
    return {name: [row[name] for row in rows] for name in rows[0]}


def artists(figure) -> dict:
    return {artist.get_gid(): artist for artist in figure.findobj() if artist.get_gid()}


def test_every_bar_is_as_long_as_its_share():
    found = artists(attribution_figure(made_up(), "Made up", "colonies"))
    for organ, shares in SHARES.items():
        for part, share in zip(PARTS[:-1], shares, strict=False):
            bar = found[f"bar:{organ}:{part}"]
            assert bar.get_width() == pytest.approx(min(max(100 * share, -200), 300))
            low, high = found[f"interval:{organ}:{part}"].get_xdata()
            assert low == pytest.approx(max(100 * share - 10, -200)) and high == pytest.approx(
                min(100 * share + 20, 300)
            )
            assert f"{abs(100 * share):.0f} %" in found[f"value:{organ}:{part}"].get_text()
    assert not any("skin" in gid or "all on" in gid for gid in found)


def test_prevention_goes_to_the_left_in_another_colour_and_hatch():
    found = artists(attribution_figure(made_up(), "Made up", "colonies"))
    prevents, causes, base = (found[f"bar:liver:{part}"] for part in ("dormancy", "inflammation", "all off"))
    assert prevents.get_width() < 0 < causes.get_width()
    assert prevents.get_hatch() and not causes.get_hatch()
    assert len({bar.get_facecolor() for bar in (prevents, causes, base)}) == 3
    assert found["value:liver:dormancy"].get_text().startswith("\N{MINUS SIGN}")
    assert PREVENTS == "#0072b2" and "prevents" in found["footer"].get_text()
    assert found["zero"].get_xdata()[0] == 0


def test_what_does_not_fit_ends_in_an_arrow():
    figure = attribution_figure(made_up(), "Made up", "colonies")
    arrows = [artist for artist in figure.findobj() if artist.get_gid() == "beyond"]
    assert {arrow.get_marker() for arrow in arrows} == {"<", ">"} and len(arrows) == 2


def test_the_assumed_range_of_inflammation_is_drawn():
    found = artists(attribution_figure(made_up(), "Made up", "colonies"))
    assert list(found["range:liver"].get_xdata()) == pytest.approx([0.0, 300.0], abs=9)
    assert "range:bone" not in found, "inflammation does nothing there"
    assert "gains from 0 to 6" in found["footer"].get_text()
    alone = artists(attribution_figure(made_up(gains=(None,)), "Made up", "colonies"))
    assert not any(gid.startswith("range") for gid in alone)


def test_no_text_touches_another_or_leaves_the_page():
    figure = attribution_figure(
        made_up(), "A title that is so long that it must be wrapped to another line", "colonies"
    )
    FigureCanvasAgg(figure).draw()
    page = figure.bbox
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible()
    ]
    assert len(boxes) > 20
    for text, box in boxes:
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
    for (one, a), (two, b) in itertools.combinations(boxes, 2):
        assert not a.padded(-1).overlaps(b.padded(-1)), (one, two)


def test_files_are_the_same_each_time(tmp_path):
    first, second = (
        attribution_bars(made_up(), "Made up", "colonies", tmp_path / name / "attribution") for name in "ab"
    )
    assert [file.suffix for file in first] == [".png", ".pdf"]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_nobody_with_a_metastasis_is_said_so():
    table = made_up()
    table["value"], table["share"] = [0.0] * len(table["value"]), [float("nan")] * len(table["share"])
    assert (
        artists(attribution_figure(table, "Made up", "colonies"))["empty"].get_text()
        == "nobody got a visible metastasis"
    )
