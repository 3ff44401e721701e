"""All words that the classroom shows, one catalogue a language: a third language is one more file in `text/`.

A catalogue is a flat mapping of key to text with {placeholders}.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from sim.errors import InputError
from sim.messages import unknown

FOLDER = Path(__file__).parent / "text"
DEFAULT = "en"


def languages() -> tuple[str, ...]:
    """Codes of the languages (BCP 47), English first."""
    codes = sorted(file.stem for file in FOLDER.glob("*.json"))
    return (DEFAULT, *(code for code in codes if code != DEFAULT))


@cache
def load(language: str) -> dict[str, str]:
    """The catalogue of a language. Raises InputError for one that there is not."""
    if language not in languages():
        raise InputError(f"language: {unknown('language', language, languages())}")
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def find(asked: str) -> str:
    """The code of a language that was asked for, in full or by its beginning (zh: zh-Hans). Raises InputError."""
    for code in languages():
        if code.lower() == asked.lower() or code.lower().startswith(f"{asked.lower()}-"):
            return code
    raise InputError(f"--language {asked}: {unknown('language', asked, languages())}")
