"""Every word of the classroom stands in every language, and every key that is asked for exists."""

import json
import re

import pytest

from sim.demo import lessons, texts
from sim.demo.assets import STATIC
from sim.demo.recording import COUNTS
from sim.errors import InputError
from sim.names import NICHES, SITES

LANGUAGES = texts.languages()
KINDS = ("diagnosis", "first_arrival", "first_waking", "first_metastasis", "first_visible", "treatment", "death")
# What the scripts put together from parts: text(`organ.${...}`) and the like.
BUILT = {
    "organ": [*NICHES, "all", *(f"{organ}.about" for organ in NICHES)],
    "site": SITES,
    "event": KINDS,
    "tile": ["asleep", "awake", "micrometastasis", "macrometastasis"],
    "count": [*COUNTS, "soil", "shedding"],
    "player": [
        "play",
        "pause",
        "before_diagnosis",
        "at_diagnosis",
        "after_diagnosis",
        *(f"speed_{i}" for i in range(1, 5)),
        "to_start",
        "step_back",
        "step_forward",
    ],
    "legend": [
        "size_0",
        "size_3",
        "size_6",
        "size_9",
        "artery",
        "vein",
        "portal",
        "mark_diagnosis",
        "mark_first_visible",
        "mark_treatment",
        "mark_death",
    ],
}


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_there_are_two_languages_and_english_is_first():
    assert LANGUAGES[0] == "en" and "zh-Hans" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_have_the_same_keys_and_placeholders(language):
    english, other = texts.load("en"), texts.load(language)
    assert set(english) == set(other)
    assert other["language.code"] == language
    for key, text in other.items():
        assert text.strip() == text and text, key
        assert placeholders(text) == placeholders(english[key]), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_catalogue_says_a_key_twice(language):
    pairs = json.loads((texts.FOLDER / f"{language}.json").read_text(encoding="utf-8"), object_pairs_hook=list)
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]


def test_a_translation_is_a_translation():
    english, chinese = texts.load("en"), texts.load("zh-Hans")
    same = [
        key
        for key, text in chinese.items()
        if text == english[key] and re.search("[a-z]{4}", re.sub(r"\{\w+\}", "", text))
    ]
    assert same == []
    assert sum(bool(re.search("[\u4e00-\u9fff]", text)) for text in chinese.values()) > 0.95 * len(chinese)


def asked_by_scripts() -> set[str]:
    """Literal keys in the scripts: every string that begins with a block of the catalogue."""
    blocks = "|".join(sorted({key.partition(".")[0] for key in texts.load("en")}))
    found = set()
    for script in STATIC.glob("*.js"):
        found |= set(re.findall(rf'"((?:{blocks})\.[a-z0-9_.]*[a-z0-9_])"', script.read_text(encoding="utf-8")))
    return found


def test_every_key_that_a_script_asks_for_exists():
    asked = asked_by_scripts()
    assert len(asked) > 40  # the pattern still finds them
    built = {f"{block}.{name}" for block, names in BUILT.items() for name in names}
    assert (asked | built) - set(texts.load("en")) == set()


@pytest.mark.parametrize("name", sorted(file.stem for file in lessons.FOLDER.glob("*.toml")))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lesson_has_all_its_texts(language, name):
    raw, catalogue = lessons._raw()[name], texts.load(language)
    needed = [f"lesson.{name}.{text}" for text in lessons.TEXTS] + [f"lesson.{name}.option.{o}" for o in raw["options"]]
    needed += [f"arm.{arm['name']}" for arm in raw["arms"]]
    assert [key for key in needed if key not in catalogue] == []


@pytest.mark.parametrize("asked, code", [("en", "en"), ("zh", "zh-Hans"), ("ZH-hans", "zh-Hans")])
def test_a_language_is_found_by_its_beginning(asked, code):
    assert texts.find(asked) == code


@pytest.mark.parametrize("asked", ["", "z", "fr", "zh-Hant"])
def test_an_unknown_language_is_refused(asked):
    with pytest.raises(InputError, match="allowed: en, zh-Hans"):
        texts.find(asked)


def test_a_third_language_is_one_file(monkeypatch, tmp_path):
    from sim.demo import handout
    from sim.demo.phrases import Phrases
    from sim.demo.settings import Settings

    for file in texts.FOLDER.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    french = {
        **texts.load("en"),
        "language.code": "fr",
        "language.name": "Fran\u00e7ais",
        "ui.title": "Graine et terre",
    }
    (tmp_path / "fr.json").write_text(json.dumps(french, ensure_ascii=False), encoding="utf-8")
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    assert texts.languages() == ("en", "fr", "zh-Hans")
    try:
        assert texts.find("fr") == Settings.from_query("lang=fr").language == "fr"
        assert Phrases("fr")("ui.title") == "Graine et terre"
        page = handout.page(lessons.load("sleepers"), "fr", {"film": {}, "curves": {}})
        assert '<html lang="fr">' in page and "Graine et terre" in page
    finally:
        texts.load.cache_clear()
