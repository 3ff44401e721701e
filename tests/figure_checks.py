"""What every figure must keep: artists by name, and no text on another, on the data, or outside the paper."""

from __future__ import annotations

import itertools

from matplotlib.text import Text


def artists(figure) -> dict:
    """Lists of artists by their gid."""
    found = {}
    for artist in figure.findobj():
        if artist.get_gid():
            found.setdefault(artist.get_gid(), []).append(artist)
    return found


def starting(figure, start: str) -> set[str]:
    """The gids that start with `start`, without it."""
    return {gid.removeprefix(start) for gid in artists(figure) if gid.startswith(start)}


def text_of(figure, gid: str) -> str:
    """All texts with this gid, in one line."""
    return (
        " ".join(artist.get_text() for artist in artists(figure)[gid])
        .replace("\n", " ")
        .replace("\N{NO-BREAK SPACE}", " ")
    )


def drawn_texts(figure, monkeypatch) -> list:
    """Every text that is really drawn (not the ticks beyond the axis), with its box in pixels."""
    drawn, draw = [], Text.draw

    def note(text, renderer, *args, **kwargs):
        if text.get_visible() and text.get_text().strip():
            drawn.append((text.get_text(), text.get_window_extent(renderer)))
        return draw(text, renderer, *args, **kwargs)

    monkeypatch.setattr(Text, "draw", note)
    figure.draw_without_rendering()
    return drawn


def assert_texts_are_apart(figure, monkeypatch, fewest: int = 4, tolerance_pixels: float = 4.0) -> None:
    """No text overlaps another or leaves the figure."""
    boxes = drawn_texts(figure, monkeypatch)
    width, height = figure.bbox.width, figure.bbox.height
    assert len(boxes) >= fewest
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    for (text, box), (other, other_box) in itertools.combinations(boxes, 2):
        across = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        along = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert min(across, along) <= tolerance_pixels, f"{text!r} touches {other!r}"


def assert_keys_are_off_the_data(figure) -> None:
    """Legends, keys and curve labels stand outside the panels that hold data."""
    figure.draw_without_rendering()
    panels = [axes.get_window_extent() for axes in figure.axes if axes.get_visible()]
    legends = [legend for axes in figure.axes if (legend := axes.get_legend())]
    for artist in [*legends, *artists(figure).get("label", []), *artists(figure).get("arm", [])]:
        box = artist.get_window_extent()
        for panel in panels:
            across = min(box.x1, panel.x1) - max(box.x0, panel.x0)
            along = min(box.y1, panel.y1) - max(box.y0, panel.y0)
            assert min(across, along) <= 1.0, f"{artist} covers data"
