"""The manual's build: `make docs`. Tables are made from the catalogue and the registries at build time."""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import tables  # noqa: E402

from sim import __version__  # noqa: E402

project = "Metastatic seeding"
author = "the metastatic-seeding authors"
copyright = author  # noqa: A001
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
default_role = "code"
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
suppress_warnings = ["ref.python"]  # a class that the library hands on is found in both places
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_title = f"Metastatic seeding {release}"


def _plain(app, what, name, obj, options, lines) -> None:
    """Our docstrings are plain text: a star or a bar in a formula is no markup."""
    for number, line in enumerate(lines):
        parts = re.split(r"(`[^`]*`)", line)
        lines[number] = "".join(p if p.startswith("`") else re.sub(r"([*|_])(?=\W|$|\w)", r"\\\1", p) for p in parts)


def _generate(app) -> None:
    tables.write(HERE / "_generated")


def setup(app) -> None:
    app.connect("builder-inited", _generate)
    app.connect("autodoc-process-docstring", _plain)
