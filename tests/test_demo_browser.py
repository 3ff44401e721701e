"""What a class does, in a browser: at one width and with one lesson here; everywhere else in `test_demo_everywhere`."""

import os
import re
import subprocess
import sys

import pytest
from browser import Watched, until
from classroom_pages import (
    FAINT,
    NAMELESS,
    OVERFLOWING,
    WIDTHS,
    classroom,  # noqa: F401
    film_is_there,
    found,
    settled,
    state,
    step,
    tab,
    updates_a_second,
    whole_film_is_there,
)

from sim.demo import lessons
from sim.demo.lesson_panel import STEPS
from sim.demo.phrases import WHAT_IFS, Phrases

LESSON = "two_blood_supplies"


@pytest.fixture(scope="module")
def handout(repository, tmp_path_factory):
    """The lesson's handout as the command writes it, meanwhile: a function that waits for it."""
    file = tmp_path_factory.mktemp("handout") / "lesson.html"
    command = [sys.executable, str(repository / "run_sim.py"), "export-lesson", LESSON, "--quiet", "--out", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def written():
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        return file

    yield written
    process.kill()
    process.communicate()


@pytest.fixture(autouse=True)
def _exporting(handout):
    """The export begins with the first test and is done by the time it is read."""


def test_a_class_switches_plays_scrubs_and_sees_what_the_engine_says(classroom):
    import numpy as np

    from sim.demo.settings import Settings
    from sim.runs.chunk import build_model

    with tab(classroom) as page:
        film_is_there(page)
        page.wait_for_function("() => stagePlayer().day > stagePlayer().firstDay")
        page.get_by_role(
            "button", name=Phrases("en").what_if("off.dual_blood_supply"), exact=True, pressed=True
        ).wait_for()
        page.get_by_role("button", name=Phrases("en").what_if("off.dormancy"), exact=True).click()
        page.wait_for_function(
            "() => stagePlayer().film?.arms[1].mechanisms.dormancy === false && stagePlayer().loadedDay >= stagePlayer().lastDay"
        )
        assert "if=off.dormancy" in page.url
        page.evaluate("stagePlayer().pause(); stagePlayer().seek(stagePlayer().lastDay)")
        expected = []
        for arm in Settings(what_if="off.dormancy").arms():
            model = build_model(arm, seed=1, patients=np.array([int(Settings().patient)]), collect=False)
            model.run()
            expected.append(int(model.cells.settled.sum()))
        assert settled(page) == expected and sum(expected) > 0
        page.get_by_role("slider", name=Phrases("en")("player.timeline")).focus()
        page.keyboard.press("Home")
        assert settled(page) == [0, 0], "scrubbed back to before the first cell"
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function("() => stagePlayer().day > stagePlayer().firstDay + 200")
        assert sum(settled(page)) > 0, "the counts change while it plays"
        page.get_by_role("switch", name=Phrases("en").mechanism("inflammation")).click()
        page.wait_for_function("() => stagePlayer().film?.arms.every((arm) => arm.mechanisms.inflammation === false)")
        assert "off=inflammation" in page.url
        page.wait_for_function("() => document.querySelectorAll('.curves-line').length === 4")
        assert re.search(r"\d+ patients", page.locator(".curves-sentence").inner_text())


def test_a_lesson_to_its_end_with_the_keyboard_alone(classroom):
    words = Phrases("en")
    lesson = lessons.load(LESSON)

    def press(label, key="Enter"):
        """Walk with the tabulator until something of that name has the focus, then press it."""
        for _ in range(120):
            page.keyboard.press("Tab")
            if (
                page.evaluate(
                    "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || ''"
                ).strip()
                == label
            ):
                page.keyboard.press(key)
                return
        raise AssertionError(f"the keyboard does not reach {label!r}")

    def arrived():
        """A step takes the focus, so that a keyboard and a screen reader go on there."""
        page.wait_for_function("() => document.activeElement.classList.contains('lesson')")

    with tab(classroom) as page:
        press(words(f"lesson.{LESSON}.title"))
        arrived()
        page.get_by_text(words(f"lesson.{LESSON}.prediction")).wait_for()
        assert not page.locator(".stage").is_visible(), "first the prediction"
        press(words("ui.lesson.more", option=words(lesson.options[0])))
        page.wait_for_function("() => location.search.includes('votes=1')")
        page.keyboard.press("Enter")  # the button keeps the focus
        page.wait_for_function("() => location.search.includes('votes=2')")
        press(words("ui.lesson.run"))
        arrived()
        page.wait_for_function("() => stagePlayer().playing")
        assert page.locator(".stage").is_visible()
        press(words("player.speed"), "End")  # the fastest
        press_end = "() => !stagePlayer().playing && stagePlayer().day >= stagePlayer().lastDay"
        page.wait_for_function(press_end)
        assert state(page)["arms"][0]["over"], "the film has been watched to its end"
        page.locator(".lesson").focus()
        for key in STEPS[2:]:
            press(words("ui.lesson.next"))
            arrived()
            page.get_by_role("heading", name=words(f"ui.lesson.{key}"), exact=True).wait_for()
        assert page.get_by_text(words(f"lesson.{LESSON}.question.2")).is_visible()
        page.reload()
        page.get_by_text(words(f"lesson.{LESSON}.question.2")).wait_for()
        assert "votes=2" in page.url, "a reload picks the lesson up again"
        press(words("ui.lesson.explore"))
        page.get_by_role("button", name=words.what_if("off.dormancy"), exact=True).wait_for()


def test_a_class_that_is_faster_than_the_engine_never_sees_the_answer_to_another_question(classroom):
    words = Phrases("en")
    names = [words(f"arm.{name}") for name in lessons.load(LESSON).names]
    with tab(classroom) as page:
        film_is_there(page)
        for what_if in WHAT_IFS:
            page.get_by_role("button", name=words.what_if(what_if), exact=True).click()
        page.get_by_role("button", name=words(f"lesson.{LESSON}.title"), exact=True).click()
        step(page, words, "ui.lesson.run", "ui.lesson.watch")
        of = "stagePlayer().film?.arms.map((arm) => arm.name) ?? null"
        assert page.evaluate(of) in (None, names), "no body rather than another's"
        whole_film_is_there(page)
        assert page.evaluate(of) == names


def test_while_the_connection_is_lost_nothing_can_be_pressed_in_vain(classroom):
    words = Phrases("en")
    with tab(classroom, f"lesson={LESSON}&step=1") as page:
        whole_film_is_there(page)
        page.get_by_role("button", name=words("ui.lesson.next"), exact=True).focus()
        page.evaluate("socket.io.reconnection(false); socket.io.engine.close()")
        page.get_by_text(words("ui.lost")).wait_for()
        assert page.evaluate(
            "document.querySelector('.classroom .top').inert && document.querySelector('.languages').inert"
        )
        page.evaluate("stagePlayer().seek(stagePlayer().lastDay)")
        assert sum(settled(page)) > 0, "the player goes on"
        page.evaluate("socket.io.reconnection(true); socket.connect()")
        # playwright waits until the button can be pressed: as soon as the connection is there again
        step(page, words, "ui.lesson.next", "ui.lesson.many")
        assert not page.get_by_text(words("ui.lost")).is_visible()


BOTH_BODIES_AND_THE_TIME_LINE = """() => { const bottom = (of) => Math.max(...[...document.querySelectorAll(of)].map((e) => e.getBoundingClientRect().bottom));
  const controls = document.querySelector('.sp-controls').getBoundingClientRect();
  return document.querySelectorAll('.sp-frame').length === 2 && bottom('.sp-frame') < controls.top && controls.bottom <= innerHeight; }"""
"""Seen on the first screen, without scrolling."""


def test_every_control_has_a_name_and_its_text_a_contrast_and_its_place_at_every_width(classroom):
    with tab(classroom, "treat=resection@30") as page:
        film_is_there(page)
        page.set_viewport_size(dict(zip(("width", "height"), WIDTHS["projector"], strict=True)))
        page.wait_for_function(BOTH_BODIES_AND_THE_TIME_LINE)
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        for width in WIDTHS.values():
            page.set_viewport_size(dict(zip(("width", "height"), width, strict=True)))
            assert found(page, "() => document.documentElement.scrollWidth > innerWidth ? ['the page'] : []") == []
            for fault in (NAMELESS, OVERFLOWING, FAINT):
                assert found(page, fault) == [], width


def test_the_tests_for_names_and_contrast_can_fail(classroom):
    with tab(classroom) as page:
        film_is_there(page)
        page.evaluate("""() => { const box = document.querySelector('.classroom'); const faint = document.createElement('p');
          faint.style.color = '#bbb'; faint.textContent = 'hardly there'; box.append(faint, document.createElement('button')); }""")
        assert page.evaluate(FAINT) == ["hardly there: 1.70"]
        assert len(page.evaluate(NAMELESS)) == 1
        page.evaluate(
            "document.querySelector('.lessons h2').style.cssText = 'width: 2rem; white-space: nowrap; display: block'; document.querySelector('.lessons').style.width = '3rem'"
        )
        assert any("Lessons" in text for text in page.evaluate(OVERFLOWING))


def test_two_bodies_are_drawn_ten_times_a_second(classroom):
    """On two cores that compute a cohort meanwhile. The machine of the tests may be busy: half of it is the alarm here."""
    with tab(classroom) as page:
        film_is_there(page)
        for _ in range(5):  # what else the machine does comes and goes
            rate = updates_a_second(page, 2)
            if rate >= 5:
                break
        print(f"drawn updates a second: {rate:.1f}")
        assert rate >= 5


MOVING = """window.moving = [];
for (const kind of ['transitionrun', 'animationstart']) document.addEventListener(kind, (event) => {
  const of = event.target.getAnimations({subtree: true}).filter((a) => a.effect.pseudoElement === (event.pseudoElement || null) && a.effect.getTiming().duration > 1);
  if (of.length) window.moving.push(`${event.target.className || event.target.id} ${event.pseudoElement} ${event.propertyName || event.animationName}`);
}, true);
const animate = Element.prototype.animate;
Element.prototype.animate = function (...what) { window.moving.push(`${this.className} ${JSON.stringify(what)}`); return animate.apply(this, what); };"""
"""Note from the first moment on whatever begins to move by itself."""


def test_reduced_motion_is_honoured(classroom):
    for wish in ("no-preference", "reduce"):
        with tab(classroom, reduced_motion=wish, script=MOVING) as page:
            film_is_there(page)
            assert page.evaluate("stagePlayer().still") is (wish == "reduce")
            page.get_by_role("switch", name=Phrases("en").mechanism("inflammation")).click()
            page.wait_for_function(
                "() => stagePlayer().film?.arms.every((arm) => arm.mechanisms.inflammation === false)"
            )
            moving = page.evaluate("window.moving")
            assert bool(moving) is (wish == "no-preference"), moving


@pytest.mark.parametrize("width", ["phone", "projector"])
def test_the_exported_handout_opens_without_a_network(classroom, handout, width):
    file = handout()
    watched = Watched(classroom[0], *WIDTHS[width], offline=True)
    page = watched.page
    try:
        page.goto(file.as_uri())
        page.locator(".ho-option").first.click()
        page.get_by_role("button").first.click()
        until(page, "handout.player.day > handout.player.firstDay", seconds=90)
        page.evaluate("handout.player.pause(); handout.player.seek(handout.player.lastDay)")
        bodies = page.evaluate("handout.player.state().arms.map((arm) => arm.counts.liver.settled)")
        assert bodies[0] > 5 * bodies[1] > 0, "the shunt spares the liver"
        assert "300 patients" in page.locator(".curves-sentence").inner_text()
        assert page.locator(".curves-line").count() == 4
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width][0]
        assert watched.requests == [file.as_uri()] and watched.errors == []
        assert os.path.getsize(file) < 3_000_000
    finally:
        page.close()
