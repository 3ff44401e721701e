"""One look for all figures: sizes, type, and for every organ one colour, line and marker.

Colours come from Okabe and Ito and from Paul Tol's muted set, both made for colour-blind readers; the
pairs of line and marker are all different, so that curves stay apart in grey print too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.colors import LinearSegmentedColormap

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType

MM_PER_INCH = 25.4
INK = "#222222"
QUIET = "#6b6b6b"
OTHER = "#a8a8a8"
"""Colour of curves that are present but not named one by one."""


MARKER_EMS = 0.48
"""Size of a marker, in units of the font's size."""


@dataclass(frozen=True)
class Look:
    """How a curve is drawn: colour, line style and marker (matplotlib's), and the marker's scale."""

    colour: str
    line: LineStyleType
    marker: str
    marker_scale: float = 1.0  # shapes with little area need more size to be seen


_SOLID: LineStyleType = "-"
_DASHED, _DOTTED, _DASH_DOT = (0, (5, 1.6)), (0, (1, 1.2)), (0, (5, 1.4, 1, 1.4))

ORGAN_LOOKS = {
    "liver": Look("#c1440e", _SOLID, "o"),
    "lung": Look("#0072b2", _DASHED, "s"),
    "bone": Look("#00795c", _DASH_DOT, "^"),
    "brain": Look("#aa4499", _SOLID, "D"),
    "adrenal": Look("#b87a00", _DASHED, "v"),
    "kidney": Look("#3f97cf", _DASH_DOT, "P", 1.35),
    "spleen": Look("#882255", _DOTTED, "X", 1.3),
    "thyroid": Look("#332288", _SOLID, "<"),
    "pancreas": Look("#7c7a1c", _DASHED, ">"),
    "heart": Look("#cc5566", _DASH_DOT, "p"),
    "skin": Look("#8c6239", _DOTTED, "h"),
    "muscle": Look("#2f8f83", _DASHED, "*", 1.6),
    "elsewhere": Look("#555555", _DOTTED, "o"),
}
ARM_LOOKS = (
    Look("#222222", _SOLID, "o"),
    Look("#c1440e", _DASHED, "s"),
    Look("#0072b2", _DASH_DOT, "^"),
    Look("#00795c", _DOTTED, "D"),
    Look("#aa4499", (0, (8, 1.5)), "v"),
    Look("#b87a00", (0, (3, 1.2, 1, 1.2, 1, 1.2)), "P", 1.35),
)
"""Runs that share a panel, in their order."""
STAGE_LOOKS = {
    "dormant": Look("#222222", _SOLID, ""),
    "cycling": Look("#aa3377", _DASHED, ""),
}


SHADES = LinearSegmentedColormap.from_list("shades", ["#fffdf5", "#f6d9a8", "#e8964f", "#b5421a", "#5c1a10"])
"""Amounts, from none to much: ever darker, so that it reads in grey as well."""
BAND_ALPHA = 0.14
"""Opacity of a band of uncertainty under its curve."""


@dataclass(frozen=True)
class Size:
    """Measures of one kind of figure. Text wraps at so many characters.

    Either both panels together keep `panels_inches` and the figure is as high as its text needs, or
    the figure keeps `height_inches` and the panels take what is left.
    """

    width_inches: float
    left_inches: float
    font_points: float
    line_points: float
    title_characters: int
    footer_characters: int
    panels_inches: float = 0.0
    height_inches: float = 0.0


SIZES = {
    # A journal's single column, and a 16:9 slide.
    "column": Size(89 / MM_PER_INCH, 0.58, 7.0, 1.1, 50, 82, panels_inches=2.9),
    "slide": Size(13.333, 1.15, 14.0, 2.2, 100, 165, height_inches=7.5),
}


@contextmanager
def styled(size: Size) -> Iterator[None]:
    """The style sheet, for the time of drawing and saving one figure."""
    import matplotlib

    points, line = size.font_points, size.line_points
    with matplotlib.rc_context(
        {
            "font.family": ["DejaVu Sans"],
            "text.parse_math": False,  # titles are the reader's: a dollar sign in one is a dollar sign
            "font.size": points,
            "axes.titlesize": points * 1.15,
            "axes.labelsize": points,
            "xtick.labelsize": points * 0.93,
            "ytick.labelsize": points * 0.93,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.linewidth": line * 0.55,
            "xtick.major.width": line * 0.55,
            "ytick.major.width": line * 0.55,
            "xtick.minor.width": line * 0.4,
            "ytick.minor.width": line * 0.4,
            "xtick.major.size": points * 0.42,
            "ytick.major.size": points * 0.42,
            "xtick.minor.size": points * 0.25,
            "ytick.minor.size": points * 0.25,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": line,
            "lines.markersize": points * MARKER_EMS,
            "figure.facecolor": "white",
            "axes.facecolor": "white",
            "savefig.facecolor": "white",
            "pdf.fonttype": 42,  # text stays text, as journals ask
            "svg.fonttype": "path",  # looks the same where the font is missing
            "svg.hashsalt": "metastatic-seeding",  # the same ids each time
            "axes.unicode_minus": True,
        }
    ):
        yield
