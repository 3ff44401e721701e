"""The files that the page loads besides NiceGUI's own: one script, one style. Their address changes with their text."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

from sim.demo import assets

if TYPE_CHECKING:
    from fastapi import FastAPI

_YEAR = "public, max-age=31536000, immutable"


@cache
def style() -> str:
    """Styles of the drawings and of the page around them."""
    return "\n".join([assets.style(), assets.text("classroom.css")])


@cache
def script() -> str:
    """The drawings, and what only the live page needs."""
    return f"{assets.script()}\n{assets.text('connection.js')}"


@cache
def _folder() -> str:
    digest = hashlib.sha256((script() + style()).encode()).hexdigest()[:12]
    return f"/classroom/{digest}"


def head() -> str:
    """What a page puts into its head. The script comes first: elements of the page use it as soon as they appear."""
    return f'<script src="{_folder()}/seeding.js"></script><link rel="stylesheet" href="{_folder()}/classroom.css">'


def serve(app: FastAPI) -> None:
    """Serve the files from a FastAPI application."""
    from fastapi import Response

    def declare(name: str, kind: str, content: str) -> None:
        @app.get(f"{_folder()}/{name}")
        def answer() -> Response:
            return Response(content, media_type=kind, headers={"Cache-Control": _YEAR})

    declare("seeding.js", "text/javascript", script())
    declare("classroom.css", "text/css", style())
