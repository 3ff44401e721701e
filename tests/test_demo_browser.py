"""The classroom in a browser: what a class does, at one width in `make test`, all lessons at three widths in `make long`."""

import contextlib
import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser import Watched, chromium
from test_demo_server import serving

from sim.demo import lessons, texts
from sim.demo.lesson_panel import STEPS
from sim.demo.words import WHAT_IFS, Words

WIDTHS = {"phone": (360, 740), "laptop": (1280, 800), "projector": (1920, 1080)}
PATIENCE = 90_000  # milliseconds

PLAYER = "window.stagePlayer = () => Object.values(mounted_app.$refs).flat().find((e) => e?.player)?.player ?? {loadedDay: 0}"
"""The player of the page's stage, for tests to ask."""


@pytest.fixture(scope="module")
def classroom(repository):
    with chromium() as browser, serving(repository) as (_, line, port):
        assert "open" in line
        yield browser, f"http://localhost:{port}/"


@contextlib.contextmanager
def tab(classroom, query="", width="laptop", **options):
    """A page of the classroom; afterwards: nothing left this machine, nothing went wrong in it."""
    browser, address = classroom
    watched = Watched(browser, *WIDTHS[width], **options)
    try:
        watched.page.set_default_timeout(PATIENCE)
        watched.page.add_init_script(PLAYER)
        watched.page.goto(f"{address}?{query}")
        yield watched.page
        hosts = {urlsplit(url).hostname for url in watched.requests if not url.startswith(("data:", "blob:"))}
        assert hosts == {"localhost"}, f"requests left this machine: {hosts}"
        assert watched.errors == []
    finally:
        watched.page.close()


def film_is_there(page):
    """Wait for the film of what is set; gives the player's state."""
    page.wait_for_function("() => document.querySelector('.stage [id^=c]') && stagePlayer().loadedDay > 0")


def state(page) -> dict:
    return page.evaluate("stagePlayer().state()")


def settled(page) -> list[int]:
    """Settled cells in both bodies at the day that is shown, as the page's player counts them."""
    return [sum(organ["settled"] for organ in arm["counts"].values()) for arm in state(page)["arms"]]


def press(page, control, sign: str) -> None:
    """Click until the address tells it: on a busy machine a page that is just reconnecting loses a click."""
    from playwright.sync_api import TimeoutError as Late

    for _ in range(6):
        control.click()
        try:
            page.wait_for_function("(sign) => location.href.includes(sign)", arg=sign, timeout=PATIENCE / 6)
            return
        except Late:
            continue
    raise AssertionError(f"nothing came of the click: {sign}")


def test_a_class_switches_plays_scrubs_and_sees_what_the_engine_says(classroom):
    import numpy as np

    from sim.demo.settings import Settings
    from sim.experiment.chunk import build_model

    with tab(classroom) as page:
        film_is_there(page)
        page.wait_for_function("() => stagePlayer().playing && stagePlayer().day > 0")
        press(page, page.get_by_role("button", name=Words("en").what_if("off.dormancy"), exact=True), "if=off.dormancy")
        page.wait_for_function("() => stagePlayer().film?.arms[1].mechanisms.dormancy === false && stagePlayer().loadedDay >= stagePlayer().lastDay")
        assert "if=off.dormancy" in page.url
        page.evaluate("stagePlayer().pause(); stagePlayer().seek(stagePlayer().lastDay)")
        expected = []
        for arm in Settings(what_if="off.dormancy").arms():
            model = build_model(arm, seed=1, patients=np.array([int(Settings().patient)]), collect=False)
            model.run()
            expected.append(int(model.cells.settled.sum()))
        assert settled(page) == expected and sum(expected) > 0
        page.evaluate("stagePlayer().seek(0)")
        assert settled(page) == [0, 0]
        page.get_by_role("switch", name=Words("en").mechanism("inflammation")).click()
        page.wait_for_function("() => stagePlayer().film?.arms.every((arm) => arm.mechanisms.inflammation === false)")
        assert "off=inflammation" in page.url
        page.wait_for_function("() => document.querySelectorAll('.curves-line').length === 4")
        assert re.search(r"\d+ patients", page.locator(".curves-sentence").inner_text())


def test_a_lesson_to_its_end_with_the_keyboard_alone(classroom):
    name = "two_blood_supplies"
    words = Words("en")
    lesson = lessons.load(name)

    def press(label):
        """Walk with the tabulator until something of that name has the focus, then press it."""
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || ''").strip() == label:
                page.keyboard.press("Enter")
                return
        raise AssertionError(f"the keyboard does not reach {label!r}")

    def arrived():
        """A step takes the focus, so that a keyboard and a screen reader go on there."""
        page.wait_for_function("() => document.activeElement.classList.contains('lesson')")

    with tab(classroom) as page:
        press(words(f"lesson.{name}.title"))
        arrived()
        page.get_by_text(words(f"lesson.{name}.prediction")).wait_for()
        assert not page.locator(".stage").is_visible(), "first the prediction"
        press(words("ui.lesson.more", option=words(lesson.options[0])))
        page.wait_for_function("() => location.search.includes('votes=1')")
        page.keyboard.press("Enter")  # the button keeps the focus
        page.wait_for_function("() => location.search.includes('votes=2')")
        press(words("ui.lesson.run"))
        arrived()
        page.wait_for_function("() => stagePlayer().playing")
        assert page.locator(".stage").is_visible()
        for step in STEPS[2:]:
            press(words("ui.lesson.next"))
            arrived()
            page.get_by_role("heading", name=words(f"ui.lesson.{step}"), exact=True).wait_for()
        assert page.get_by_text(words(f"lesson.{name}.question.2")).is_visible()
        page.reload()
        page.get_by_text(words(f"lesson.{name}.question.2")).wait_for()
        assert "votes=2" in page.url, "a reload picks the lesson up again"


def test_every_control_has_a_name_and_its_text_a_contrast(classroom):
    with tab(classroom, "treat=resection@30") as page:
        film_is_there(page)
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        nameless = page.evaluate(NAMELESS)
        assert nameless == []
        faint = page.evaluate(FAINT)
        assert faint == []


NAMELESS = """() => [...document.querySelectorAll('button, a[href], input, select, [role=slider], [role=switch], [role=img], svg[role]')]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.getAttribute('aria-label') || e.innerText?.trim() || e.labels?.[0]?.innerText || e.querySelector('title')?.textContent || e.title
    || document.getElementById(e.getAttribute('aria-labelledby'))?.innerText || e.closest('label, [role=switch], [role=combobox]')?.innerText?.trim()))
  .filter((e) => e.getAttribute('aria-hidden') !== 'true' && e.tabIndex >= 0)
  .map((e) => e.outerHTML.slice(0, 160))"""
"""Controls without an accessible name."""

FAINT = """() => {
  const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const rgba = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.99) return c; } return [255, 255, 255]; };
  const out = [];
  const walker = document.createTreeWalker(document.querySelector('.classroom'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, style = getComputedStyle(e);
    if (!walker.currentNode.textContent.trim() || e.closest('svg, .skip, [aria-hidden=true], option') || !e.getClientRects().length || style.visibility === 'hidden') continue;
    const ink = rgba(style.color), paper = ground(e);
    const opaque = (ink[3] ?? 1) > 0.99 ? ink : ink.slice(0, 3).map((v, i) => v * ink[3] + paper[i] * (1 - ink[3]));
    const [a, b] = [light(opaque), light(paper)].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) out.push(`${walker.currentNode.textContent.trim().slice(0, 40)}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return out;
}"""
"""Texts whose contrast is below WCAG 2 AA."""


def test_the_tests_for_names_and_contrast_can_fail(classroom):
    with tab(classroom) as page:
        film_is_there(page)
        page.evaluate("""() => { const box = document.querySelector('.classroom'); const faint = document.createElement('p');
          faint.style.color = '#bbb'; faint.textContent = 'hardly there'; box.append(faint, document.createElement('button')); }""")
        assert page.evaluate(FAINT) == ["hardly there: 1.70"]
        assert len(page.evaluate(NAMELESS)) == 1


def test_two_bodies_are_drawn_ten_times_a_second(classroom):
    """On two cores that compute a cohort meanwhile. The machine of the tests may be busy: half of it is the alarm here."""
    with tab(classroom) as page:
        film_is_there(page)
        assert updates_a_second(page, 4) >= 5


def updates_a_second(page, seconds: float) -> float:
    """Drawn updates of a playing film a second: calls of the drawing itself, of both bodies."""
    page.evaluate(COUNT)
    start = time.monotonic()
    page.wait_for_timeout(1000 * seconds)
    return page.evaluate("window.drawn") / (time.monotonic() - start)


COUNT = """() => { const player = stagePlayer(), draw = player.draw.bind(player);
  window.drawn = 0;
  const moments = new Set();
  player.draw = (atOnce, now) => { if (now) { moments.add(now); window.drawn = moments.size; } draw(atOnce, now); };
  player.pause(); player.setSpeed(30); player.seek(player.firstDay); player.play(); }"""
"""Play a film from its start, slowly, and count the moments at which it is drawn."""


@pytest.mark.long
def test_four_tabs_at_once_keep_five_updates(classroom):
    """Each computes its own cohort meanwhile; they are separate windows, because a hidden tab is not drawn."""
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(tab(classroom, f"patient={18 + i}")) for i in range(4)]
        for page in pages:
            film_is_there(page)
        for page in pages:
            page.evaluate(COUNT)
        start = time.monotonic()
        pages[0].wait_for_timeout(6000)
        rates = [page.evaluate("window.drawn") / (time.monotonic() - start) for page in pages]
    print("drawn updates a second in four tabs:", [round(rate, 1) for rate in rates])
    assert min(rates) >= 5, rates


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", lessons.names())
def test_every_lesson_at_every_width(classroom, name, width, tmp_path):
    """Each step is drawn without a sideways scroll bar; with SIM_SCREENSHOTS set to a folder, pictures are kept there."""
    folder = Path(os.environ.get("SIM_SCREENSHOTS", tmp_path))
    language = "zh-Hans" if width == "phone" else "en"
    words = Words(language)
    with tab(classroom, f"lang={language}&lesson={name}", width) as page:
        film_is_there(page)
        for step in STEPS:
            page.get_by_role("heading", name=words(f"ui.lesson.{step}"), exact=True).wait_for()
            if step == "watch":
                page.wait_for_function("() => stagePlayer().playing && stagePlayer().loadedDay >= stagePlayer().lastDay")
                page.evaluate("() => { const p = stagePlayer(); p.pause(); p.seek(0.9 * p.lastDay); }")
            if step == "many":
                page.wait_for_function("() => document.querySelectorAll('.curves-line').length === 4")
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), f"{step}: wider than the screen"
            page.screenshot(path=folder / f"{name}-{width}-{step}.png", full_page=True)
            if step != STEPS[-1]:
                page.get_by_role("button", name=words("ui.lesson.run" if step == "predict" else "ui.lesson.next"), exact=True).click()
        assert page.evaluate(FAINT) == []


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", texts.languages())
def test_exploring_at_every_width_in_every_language(classroom, width, language):
    with tab(classroom, f"lang={language}&treat=resection@30", width) as page:
        film_is_there(page)
        assert page.evaluate("document.documentElement.lang") == language
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
        assert page.evaluate(FAINT) == [] and page.evaluate(NAMELESS) == []


def test_reduced_motion_is_honoured(classroom):
    with tab(classroom, reduced_motion="reduce") as page:
        film_is_there(page)
        assert page.evaluate("stagePlayer().still") is True
        moving = page.evaluate("""() => document.getAnimations().filter((a) => a.playState === 'running' && a.effect.getTiming().duration > 1).length""")
        assert moving == 0
