"""The figure of a sensitivity study: every bar as long as its figure, in order, nothing hidden."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from sim.analysis.points import ORGANS, OUTCOMES
from sim.analysis.sensitivity import Study, VariedParameter
from sim.analysis.sensitivity_study import Asked, output
from sim.plots.sensitivity import SHOWN, sensitivity_bars, sensitivity_figure

FACTORS = tuple(VariedParameter(f"number_{i:02}", 0.0, 1.0) for i in range(20))
OUTPUTS = len(OUTCOMES) * len(ORGANS)


def study(names, leading) -> Study:
    """Figures that fall from the last factor to the first, which has none."""
    level = np.repeat(np.arange(20)[:, None] / 100, OUTPUTS, axis=1)
    figures = {
        name: level * (1.5 if name.endswith("high") else 0.5 if name.endswith(("low", "first")) else 1.0)
        for name in names
    }
    return Study(FACTORS, np.zeros((40, 20)), np.zeros((40, OUTPUTS)), figures, leading)


STUDIES = {
    "screening": study(("effect", "effect_low", "effect_high", "mean_effect", "spread"), "effect"),
    "ranking": study(("first", "first_low", "first_high", "total", "total_low", "total_high"), "total"),
}
ASKED = Asked(FACTORS)


def artists(figure) -> dict:
    return {artist.get_gid(): artist for artist in figure.findobj() if artist.get_gid()}


def test_bars_are_as_long_as_the_figures():
    found = artists(sensitivity_figure(STUDIES, ASKED, "Made up"))
    assert found["effect:number_19"].get_width() == pytest.approx(19.0), "percentage points of patients"
    assert found["total:number_19"].get_width() == pytest.approx(0.19)
    assert found["alone:number_19"].get_width() == pytest.approx(0.095)
    assert list(found["interval:effect:number_19"].get_xdata()) == pytest.approx([9.5, 28.5])
    assert sum(gid.startswith("effect:") for gid in found) == SHOWN
    assert "effect:number_00" not in found


def test_the_largest_comes_first():
    found = artists(sensitivity_figure(STUDIES, ASKED, "Made up"))
    places = [found[f"effect:number_{i:02}"].get_y() for i in range(19, 4, -1)]
    assert places == sorted(places)


def test_one_study_alone_and_the_way_it_was_computed():
    alone = artists(sensitivity_figure({"ranking": STUDIES["ranking"]}, Asked(FACTORS, simulate=True), "Made up"))
    assert "Simulated" in alone["footer"].get_text() and not any(gid.startswith("effect:") for gid in alone)
    assert "Closed form" in artists(sensitivity_figure(STUDIES, ASKED, "Made up"))["footer"].get_text()


def test_colonies_are_drawn_from_their_own_outputs():
    moved = STUDIES["screening"].figures["effect"].copy()
    moved[3, output("colonies", "all")] = 7.0
    changed = Study(
        FACTORS, np.zeros((40, 20)), np.zeros((40, OUTPUTS)), STUDIES["screening"].figures | {"effect": moved}, "effect"
    )
    found = artists(sensitivity_figure({"screening": changed}, Asked(FACTORS, outcome="colonies"), "Made up"))
    assert found["effect:number_03"].get_width() == pytest.approx(7.0)


def test_no_text_touches_another_or_leaves_the_page():
    figure = sensitivity_figure(STUDIES, ASKED, "A title that is so long that it must be wrapped to another line")
    FigureCanvasAgg(figure).draw()
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible()
    ]
    page = figure.bbox
    assert len(boxes) > 30
    for text, box in boxes:
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
    for (one, a), (two, b) in itertools.combinations(boxes, 2):
        assert not a.padded(-1).overlaps(b.padded(-1)), (one, two)


def test_files_are_the_same_each_time(tmp_path):
    first, second = (sensitivity_bars(STUDIES, ASKED, "Made up", tmp_path / name / "sensitivity") for name in "ab")
    assert [file.suffix for file in first] == [".png", ".pdf"]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
