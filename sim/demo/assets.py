"""The files that draw: the player's script and style, with the body's drawing inside, as text to serve or to embed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
SCRIPTS = (
    "geometry.js",
    "film.js",
    "draw.js",
    "elements.js",
    "panels.js",
    "controls.js",
    "legend.js",
    "player.js",
    "curves.js",
)
STYLES = ("player.css", "curves.css")


def text(name: str) -> str:
    """The text of a file in `static`."""
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def script() -> str:
    """All scripts as one, in the order in which they need each other; defines `Seeding` and `Curves`."""
    body = json.dumps(text("body.svg"), ensure_ascii=False).replace("</", "<\\/")
    return "\n".join(["'use strict';", f"window.Seeding = {{ bodyDrawing: {body} }};", *map(text, SCRIPTS)])


@cache
def style() -> str:
    """All styles as one."""
    return "\n".join(map(text, STYLES))
