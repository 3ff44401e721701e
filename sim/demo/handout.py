"""The handout: one HTML file that replays a lesson, with both bodies and the curves of a cohort.

It holds the film, the curves, the texts of one language and the same scripts as the page. It needs neither
Python nor a network, and its own policy forbids it to ask for anything.
"""

from __future__ import annotations

import errno
import html
import json
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.demo import assets, texts
from sim.demo.lessons import Lesson
from sim.errors import InputError, MachineError
from sim.names import VERSION
from sim.results.whole_file import write_whole

MOST_BYTES = 3_000_000
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
_UNUSED = ("ui.",)
"""Blocks of the catalogue that only the live page needs, but for what `_USED` names."""
_USED = ("ui.lesson.", "ui.body", "ui.foot", "ui.title")


def content(lesson: Lesson, report: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Film and curves of a lesson, computed now; `report(share)` is told how far it is.

    Raises InputError where an arm's values do not fit.
    """
    from sim.demo.cohort import paired_cohort
    from sim.demo.film import make

    tell = report or (lambda share: None)
    film = make(lesson.arms, names=lesson.names, seed=lesson.seed, patient=lesson.patient)
    cohort = paired_cohort(lesson.arms, seed=lesson.seed, patients=lesson.patients, report=tell)
    (curves,) = deque(cohort, maxlen=1)  # the whole cohort's
    return {"film": film, "curves": curves}


def page(lesson: Lesson, language: str, computed: dict[str, Any]) -> str:
    """The handout as HTML. Raises InputError for a language that there is not."""
    catalogue = texts.load(language)
    data = {
        "lesson": {
            "name": lesson.name,
            "options": lesson.options,
            "answer": lesson.answer,
            "organ": lesson.organ,
            "minutes": lesson.minutes,
            "seed": lesson.seed,
            "patient": lesson.patient,
            "version": VERSION,
        },
        "texts": _needed(catalogue, lesson),
        **computed,
    }
    embedded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    title = html.escape(catalogue[f"lesson.{lesson.name}.title"])
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>\n{assets.style()}\n{assets.text('handout.css')}</style>\n</head>\n<body>\n"
        f'<main id="handout"></main>\n<noscript>{html.escape(catalogue["handout.noscript"])}</noscript>\n'
        f'<script type="application/json" id="data">{embedded}</script>\n'
        f"<script>\n{assets.script()}\n{assets.text('handout.js')}</script>\n</body>\n</html>\n"
    )


def _needed(catalogue: dict[str, str], lesson: Lesson) -> dict[str, str]:
    """The texts that the handout shows: not those of the live page, nor of other lessons."""
    mine = set(lesson.keys())
    return {
        key: text
        for key, text in catalogue.items()
        if key in mine
        or key.startswith(_USED)
        or not key.startswith((*_UNUSED, "lesson.", "arm.", "mechanism.", "treatment."))
    }


def write(path: Path, text: str) -> None:
    """Write the file whole or not at all.

    Raises InputError for a path that cannot be a file, MachineError otherwise.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        write_whole(path, text.encode())
    except (IsADirectoryError, NotADirectoryError, FileNotFoundError, FileExistsError) as error:
        raise InputError(
            f"--out {path}: {os.strerror(error.errno or errno.EIO)}; allowed: a file in an existing folder"
        ) from error
    except OSError as error:
        raise MachineError(f"{path}: the handout cannot be written: {os.strerror(error.errno or errno.EIO)}") from error
