"""The handout: one small file that asks nothing of a network and replays what the engine computed."""

import dataclasses
import json
import re

import pytest
from browser import Watched, chromium, until

from sim.demo import handout, lessons, texts
from sim.errors import InputError


@pytest.fixture(scope="module")
def lesson():
    return dataclasses.replace(lessons.load("two_blood_supplies"), patients=20)


@pytest.fixture(scope="module")
def computed(lesson):
    told = []
    made = handout.content(lesson, told.append)
    assert told == sorted(told) and told[-1] == 1.0
    return made


@pytest.fixture(scope="module", params=texts.languages())
def page(request, lesson, computed):
    return handout.page(lesson, request.param, computed)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_it_is_small_and_holds_everything(page, lesson, computed):
    assert len(page.encode()) < handout.MOST_BYTES / 3
    data = data_of(page)
    assert data["film"] == computed["film"] and data["curves"] == computed["curves"]
    assert data["curves"]["done"] == data["curves"]["patients"] == 20
    assert set(lesson.keys()) <= set(data["texts"])
    other = [
        key for key in data["texts"] if key.startswith("lesson.") and not key.startswith("lesson.two_blood_supplies.")
    ]
    assert other == []


def test_it_refers_to_nothing_outside(page):
    code = page.replace("http://www.w3.org/2000/svg", "")  # a name, never fetched
    without_data = re.sub(r'<script type="application/json".*?</script>', "", code, flags=re.DOTALL)
    assert not re.search(
        r"https?:|//[a-z0-9-]+\.[a-z]{2,}|\bsrc\s*=|<link|@import|url\(|fetch\(|XMLHttp|WebSocket|import\(",
        without_data,
    )
    assert "default-src 'none'" in page


def test_texts_cannot_break_out_of_the_page(lesson, computed, monkeypatch):
    nasty = "</script><script>alert(1)</script>"
    catalogue = {**texts.load("en"), "lesson.two_blood_supplies.title": nasty}
    monkeypatch.setattr(texts, "load", lambda language: catalogue)
    made = handout.page(lesson, "en", computed)
    assert "<script>alert" not in made
    assert data_of(made)["texts"]["lesson.two_blood_supplies.title"] == nasty


def test_it_is_read_through_in_a_browser(page, tmp_path):
    file = tmp_path / "handout.html"
    handout.write(file, page)
    with chromium() as browser:
        watched = Watched(browser, 360, 740)
        shown = watched.page
        shown.goto(file.as_uri())
        assert shown.locator(".seeding-player").count() == 0  # first the prediction
        assert shown.get_by_role("button").first.is_disabled()
        shown.locator(".ho-option").first.click()
        shown.get_by_role("button").first.click()
        until(shown, "handout.player.day > handout.player.firstDay")
        shown.evaluate("handout.player.pause(); handout.player.seek(handout.player.lastDay)")
        settled = shown.evaluate("handout.player.state().arms.map(arm => arm.counts.liver.settled)")
        film = data_of(page)["film"]
        assert settled == [arm["counts"]["settled"][0][-1] for arm in film["arms"]]
        assert shown.locator(".ho-right").count() == 1
        assert shown.locator(".curves-sentence").inner_text().count("20") >= 1
        shown.locator(".ho-questions summary").first.click()
        assert shown.locator(".ho-questions details[open] p").is_visible()
        assert shown.evaluate("document.documentElement.scrollWidth") <= 360
        assert watched.requests == [file.as_uri()] and watched.errors == []


def test_a_handout_is_written_whole_or_refused(tmp_path):
    with pytest.raises(InputError, match="existing folder"):
        handout.write(tmp_path / "no_such_folder" / "x.html", "x")
    with pytest.raises(InputError, match="directory"):
        handout.write(tmp_path, "x")
    handout.write(tmp_path / "x.html", "x")
    assert [file.name for file in tmp_path.iterdir()] == ["x.html"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["no_such_lesson"], "unknown lesson"),
        (["two_blood_supplies", "--language", "klingon"], "unknown language"),
        (["two_blood_supplies", "--out", "no_such_folder/x.html"], "no such folder"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_computed(front_door, tmp_path, arguments, words):
    done = front_door("export-lesson", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and words in done.stderr
    assert "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []


def test_the_lessons_can_be_listed(front_door):
    done = front_door("export-lesson", "help", "--language", "zh")
    assert done.returncode == 0 and "two_blood_supplies" in done.stdout and "肝脏" in done.stdout
