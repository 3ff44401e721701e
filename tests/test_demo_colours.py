"""Every pair of colours that must be told apart: contrast AA by WCAG 2, and seen by the colour-blind."""

import itertools
import re

import numpy as np
import pytest

from sim.demo.assets import STATIC

TEXT, GRAPHIC = 4.5, 3.0
"""WCAG 2 AA: contrast of text, and of what stands for something."""
TOLD_APART = 20.0
"""Distance in CIELAB: ten times a just noticeable difference of about 2.3."""
BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Linear RGB as a colour-blind person sees it (Machado, Oliveira and Fernandes 2009, severity 1)."""


def source(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def linear(colour: str) -> np.ndarray:
    """Linear red, green and blue (3,) of #rgb or #rrggbb."""
    digits = colour.lstrip("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    parts = np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """WCAG's contrast of two colours."""
    bright, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (first, second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (3,) of linear RGB, white D65."""
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    scaled = to_xyz @ np.clip(rgb, 0, 1) / (to_xyz @ np.ones(3))
    f = np.where(scaled > 216 / 24389, np.cbrt(scaled), (24389 / 27 * scaled + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(first: str, second: str, sight=None) -> float:
    """How far apart two colours are for somebody who sees like that."""
    seen = np.eye(3) if sight is None else np.array(sight)
    return float(np.linalg.norm(lab(seen @ linear(first)) - lab(seen @ linear(second))))


def rule(style: str, selector: str, what: str) -> str:
    """The colour that a style gives to `what` in the rule of exactly that selector."""
    found = re.search(
        re.escape(selector) + r" \{[^}]*?(?<![a-z-])" + re.escape(what) + r": [^;}]*?(#[0-9a-f]{3,6})", style
    )
    assert found, f"{selector} {{ {what} }}"
    return found[1]


@pytest.fixture(scope="module")
def colours():
    """What is drawn, by name."""
    player, curves = source("player.css"), source("curves.css")
    drawn = dict(
        re.findall(r"(\w+): \"(#[0-9a-f]{6})\"", re.search(r"COLOURS = \{(.*?)\}", source("draw.js"), re.DOTALL)[1])
    )
    drawn |= {kind: rule(player, f".vessel.{kind}", "stroke") for kind in ("artery", "vein")}
    drawn |= {
        "portal": rule(player, ".vessel.portal, .vessel.shunt", "stroke"),
        "halo": rule(player, ".body-drawing .halo", "stroke"),
        "silhouette": rule(player, ".body-drawing .silhouette", "fill"),
        "tile": rule(player, ".seeding-player", "--panel"),
        "A": rule(curves, ".curves", "--arm-0"),
        "B": rule(curves, ".curves", "--arm-1"),
    }
    drawn |= {
        f"mark {kind}": rule(player, f".sp-mark-{kind}", "background")
        for kind in ("diagnosis", "first_visible", "treatment", "death")
    }
    return drawn


@pytest.mark.parametrize("what", ["artery", "vein", "portal", "halo", "traveller", "primary", "message"])
def test_what_is_drawn_stands_out_from_the_body(colours, what):
    assert contrast(colours[what], colours["silhouette"]) >= GRAPHIC


@pytest.mark.parametrize("kind", ["diagnosis", "first_visible", "treatment", "death"])
def test_marks_stand_out_from_the_time_line(colours, kind):
    assert contrast(colours[f"mark {kind}"], colours["tile"]) >= GRAPHIC


def test_curves_stand_out_and_their_names_can_be_read(colours):
    for arm, ground in itertools.product("AB", ("#ffffff", "#fffdfa")):
        assert contrast(colours[arm], ground) >= TEXT


@pytest.mark.parametrize(
    "style, inks, grounds",
    [
        ("classroom.css", ("--ink", "--soft", "--accent", "--good"), ("--ground", "--card", "--accent-soft")),
        ("player.css", ("--ink", "--quiet", "--accent"), ("--paper", "--panel")),
        ("handout.css", ("--accent", "--soft"), ("--ground", "--card")),
    ],
)
def test_every_ink_can_be_read_on_every_ground(style, inks, grounds):
    values = dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", source(style)))
    for ink, ground in itertools.product(inks, grounds):
        assert contrast(values[ink], values[ground]) >= TEXT, (ink, ground)


@pytest.mark.parametrize(
    "first, second", [("A", "B"), ("artery", "vein"), ("artery", "portal"), ("asleep", "awake"), ("halo", "vein")]
)
@pytest.mark.parametrize("sight", [None, *BLIND])
def test_the_colour_blind_tell_them_apart(colours, first, second, sight):
    """What is alike here differs in shape too (hollow and filled cells, dashed curves, the portal vein's width)."""
    assert distance(colours[first], colours[second], BLIND.get(sight)) >= TOLD_APART


def test_these_tests_can_fail():
    assert contrast("#d97706", "#e9eef5") < GRAPHIC, "the amber that the rim once had"
    assert distance("#c2452d", "#4d7a2a", BLIND["deuteranopia"]) < TOLD_APART < distance("#c2452d", "#4d7a2a")
    assert contrast("#000", "#fff") == pytest.approx(21) and distance("#fff", "#000") == pytest.approx(100, abs=0.01)
