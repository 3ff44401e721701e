"""The classroom in a browser, for tests: a served classroom, watched tabs, and what is measured in a page."""

from __future__ import annotations

import contextlib
import time
from urllib.parse import urlsplit

import pytest
from browser import Watched, chromium
from test_demo_server import serving

WIDTHS = {"phone": (360, 740), "laptop": (1024, 768), "projector": (1920, 1080)}
PATIENCE = 90_000  # milliseconds

PLAYER = "window.stagePlayer = () => Object.values(mounted_app.$refs).flat().find((e) => e?.player)?.player ?? {loadedDay: 0}"
"""The player of the page's stage, for tests to ask."""


@pytest.fixture(scope="module")
def classroom(repository):
    """A browser, the address of a classroom of its own, and the process that serves it."""
    with chromium() as browser, serving(repository) as (process, line, port):
        assert "open" in line
        yield browser, f"http://localhost:{port}/", process


@contextlib.contextmanager
def tab(classroom, query="", width="laptop", script="", **options):
    """A page of the classroom, in which `script` runs first; afterwards: nothing left this machine, nothing went wrong in it."""
    browser, address, _ = classroom
    watched = Watched(browser, *WIDTHS[width], **options)
    try:
        watched.page.set_default_timeout(PATIENCE)
        watched.page.add_init_script(PLAYER)
        watched.page.add_init_script(script)
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


def whole_film_is_there(page):
    """Wait for all parts of the film (before the first of them both days are 0)."""
    page.wait_for_function(
        "() => document.querySelector('.stage [id^=c]') && stagePlayer().film && stagePlayer().loadedDay >= stagePlayer().lastDay"
    )


def state(page) -> dict:
    return page.evaluate("stagePlayer().state()")


def settled(page) -> list[int]:
    """Settled cells in both bodies at the day that is shown, as the page's player counts them."""
    return [sum(organ["settled"] for organ in arm["counts"].values()) for arm in state(page)["arms"]]


def step(page, words, key: str, heading: str) -> None:
    """Press one of a lesson's buttons; the step of that heading comes."""
    page.get_by_role("button", name=words(key), exact=True).click()
    page.get_by_role("heading", name=words(heading), exact=True).wait_for()


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


NAMELESS = """() => [...document.querySelectorAll('button, a[href], input, select, [role=slider], [role=switch], [role=img], svg[role]')]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.getAttribute('aria-label') || e.innerText?.trim() || e.labels?.[0]?.innerText || e.querySelector('title')?.textContent || e.title
    || document.getElementById(e.getAttribute('aria-labelledby'))?.innerText || e.closest('label, [role=switch], [role=combobox]')?.innerText?.trim()))
  .filter((e) => e.getAttribute('aria-hidden') !== 'true' && e.tabIndex >= 0)
  .map((e) => e.outerHTML.slice(0, 160))"""
"""Controls without an accessible name."""


def found(page, faults: str, seconds: float = 20.0) -> list[str]:
    """Faults in a page once it has come to rest: none as soon as there are none."""
    end = time.monotonic() + seconds
    while (left := page.evaluate(faults)) and time.monotonic() < end:
        page.wait_for_timeout(100)
    return left


FAINT = """() => {
  const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const rgba = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.99) return c; } return [255, 255, 255]; };
  const out = [];
  const walker = document.createTreeWalker(document.querySelector('.classroom, #handout'), NodeFilter.SHOW_TEXT);
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

OVERFLOWING = """() => [...document.querySelectorAll('.classroom *, #handout *')].filter((e) => {
  if (!(e instanceof HTMLElement) || !e.checkVisibility() || e.closest('[aria-hidden=true], .sp-hidden, .skip, .q-field, .unseen, svg, select')) return false;
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) return false;
  const range = document.createRange();
  range.selectNodeContents(e);
  const text = range.getBoundingClientRect(), box = (e.closest('button, dd, dt, td, th, li, figcaption, p, .card, section') || e.parentElement).getBoundingClientRect();
  return text.width > 0 && (text.right > box.right + 1.5 || text.left < box.left - 1.5);
}).map((e) => e.outerHTML.slice(0, 160))"""
"""Texts that are wider than what holds them."""
