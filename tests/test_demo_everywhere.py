"""All lessons at all widths in all languages, with pictures to look at; load; every handout. Minutes: `make long`.

With SIM_SCREENSHOTS set to a folder, the pictures are kept there: SIM_SCREENSHOTS=pictures pytest -m long tests/test_demo_everywhere.py
"""

import contextlib
import json
import os
import re
import sys
import time
from pathlib import Path

import pytest
from browser import Watched, until
from classroom_pages import (
    COUNT,
    FAINT,
    NAMELESS,
    OVERFLOWING,
    PATIENCE,
    PLAYER,
    WIDTHS,
    classroom,  # noqa: F401
    film_is_there,
    found,
    step,
    tab,
    whole_film_is_there,
)
from test_demo_server import children, serving

from sim.demo import handout, lessons, texts
from sim.demo.lesson_panel import STEPS
from sim.demo.phrases import Phrases

pytestmark = pytest.mark.long
FULL = "UNSTUCK = document.head.appendChild(document.createElement('style')); UNSTUCK.textContent = '.sp-controls, .settings { position: static !important; max-height: none !important }'"
"""A picture of the whole page has no place for what sticks to the window."""


@pytest.fixture
def picture(tmp_path):
    """picture(page, name): a picture of what the class sees, and one of the whole page."""
    folder = Path(os.environ.get("SIM_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        page.wait_for_timeout(200)
        page.screenshot(path=folder / f"{name}.png")
        page.evaluate(FULL)
        page.screenshot(path=folder / f"{name}-whole.png", full_page=True)
        page.evaluate("UNSTUCK.remove()")

    return take


def is_sound(page, width, where):
    """Nothing wider than the screen, nothing faint, nothing cut off, nothing without a name."""
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width][0], f"{where}: wider than the screen"
    for fault in (OVERFLOWING, FAINT, NAMELESS):
        assert found(page, fault) == [], where


@pytest.mark.parametrize("language", texts.languages())
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", lessons.names())
def test_every_lesson_at_every_width(classroom, picture, name, width, language):
    """From the prediction to the last question, each step sound and photographed."""
    words = Phrases(language)
    with tab(classroom, f"lang={language}&lesson={name}&votes=3,8,1", width) as page:
        for key in STEPS:
            page.get_by_role("heading", name=words(f"ui.lesson.{key}"), exact=True).wait_for()
            if key == "watch":
                whole_film_is_there(page)
                page.evaluate("() => { const p = stagePlayer(); p.seek(0.85 * p.lastDay); p.play(); }")
                page.wait_for_function(
                    "() => stagePlayer().day > 0.88 * stagePlayer().lastDay"
                )  # cells are on their way
                assert page.evaluate(
                    "stagePlayer().bodies.some((body) => body.drawn.asleep + body.drawn.metastasis > 0)"
                )
            if (
                key == "many" and language == texts.DEFAULT
            ):  # a busy machine needs a minute for them: once for each width
                page.wait_for_function(
                    "(waiting) => ![waiting, ''].includes(document.querySelector('.curves-sentence').textContent)",
                    arg=words("curves.waiting"),
                    timeout=4 * PATIENCE,
                )
            is_sound(page, width, key)
            picture(page, f"{name}-{width}-{language}-{STEPS.index(key) + 1}-{key}")
            if key == "watch":
                page.evaluate("stagePlayer().pause(); stagePlayer().seek(stagePlayer().lastDay)")
                picture(page, f"{name}-{width}-{language}-2-watched")
            if key != STEPS[-1]:
                following = STEPS[STEPS.index(key) + 1]
                step(page, words, "ui.lesson.run" if key == "predict" else "ui.lesson.next", f"ui.lesson.{following}")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", texts.languages())
def test_exploring_at_every_width_in_every_language(classroom, picture, width, language):
    with tab(classroom, f"lang={language}&treat=resection@30", width) as page:
        film_is_there(page)
        assert page.evaluate("document.documentElement.lang") == language
        picture(page, f"explore-{width}-{language}")
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        is_sound(page, width, "everything open")
        picture(page, f"explore-open-{width}-{language}")


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


def processor_seconds(pid: int) -> float:
    """What a process has used of a processor, its own threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: processor seconds are read from /proc")
def test_the_first_cell_moves_within_seconds(classroom, repository):
    """From the command to the first moving cell. A busy machine stretches the wall's time, not that of the processor:
    what is limited is the time of the processes that stand one after the other in the way, the libraries and the film."""
    start = time.monotonic()
    with serving(repository) as (process, _, port):
        opened = time.monotonic() - start
        watched = Watched(classroom[0], *WIDTHS["laptop"])
        page = watched.page
        page.set_default_timeout(60_000)
        page.add_init_script(PLAYER)
        page.goto(f"http://localhost:{port}/", wait_until="commit")
        page.locator(".what-ifs .chip").first.wait_for()
        ready = time.monotonic() - start - opened
        page.wait_for_function(
            "() => typeof mounted_app !== 'undefined' && stagePlayer().playing && stagePlayer().bodies.some((body) => body.drawn.arriving + body.drawn.travellers > 0)",
            polling=20,
        )
        moving = time.monotonic() - start
        spent = sorted((processor_seconds(pid) for pid in children(process.pid)), reverse=True)[:2]
        page.close()
    print(
        f"address after {opened:.1f} s, page ready {ready:.1f} s later, first moving cell after {moving:.1f} s; "
        f"seconds of a processor: libraries and film {spent}, load {os.getloadavg()[0]:.1f}"
    )
    assert sum(spent) < 4, spent


def test_closing_a_tab_frees_its_worker(classroom):
    server = classroom[2].pid
    with tab(classroom) as page:
        film_is_there(page)
        before = set(children(server))
        with tab(classroom, "patient=19") as other:
            film_is_there(other)
            workers = set(children(server)) - before
            assert workers
        deadline = time.monotonic() + 60
        while workers & set(children(server)):
            assert time.monotonic() < deadline, "the worker of a closed tab goes on"
            page.wait_for_timeout(500)


def test_a_restarted_server_picks_the_lesson_up(classroom, repository):
    """The page finds the new server by itself; until then it says that the connection is lost."""
    words = Phrases("en")
    with serving(repository) as (_, _, port):
        watched = Watched(classroom[0], *WIDTHS["laptop"])
        page = watched.page
        page.set_default_timeout(60_000)
        page.goto(f"http://localhost:{port}/?lesson=sleepers&votes=1,2,3")
        step(page, words, "ui.lesson.run", "ui.lesson.watch")
        step(page, words, "ui.lesson.next", "ui.lesson.many")
        assert watched.errors == []
    page.get_by_text(words("ui.lost")).wait_for()
    with serving(repository, port=port):
        page.wait_for_function("() => !document.body.classList.contains('lost')")
        step(page, words, "ui.lesson.next", "ui.lesson.explain")
        assert "votes=1,2,3" in page.url
        page.close()


@pytest.mark.parametrize("name", lessons.names())
def test_every_handout_replays_offline_at_every_width(classroom, front_door, picture, tmp_path, name):
    """Written by the command in one language, at most 3 MB, read through with the network off."""
    language = texts.languages()[len(name) % 2]
    file = tmp_path / "x.html"
    done = front_door("export-lesson", name, "--quiet", "--language", language, "--out", file)
    assert done.returncode == 0, done.stderr
    size = file.stat().st_size
    print(f"{name}: {size:,} bytes")
    assert size <= handout.MOST_BYTES
    data = json.loads(
        re.search(
            r'<script type="application/json" id="data">(.*?)</script>', file.read_text(encoding="utf-8"), re.DOTALL
        )[1]
    )
    for width in WIDTHS:
        watched = Watched(classroom[0], *WIDTHS[width], offline=True)
        page = watched.page
        page.goto(file.as_uri())
        picture(page, f"handout-{name}-{width}-{language}-1")
        page.locator(".ho-option").first.click()
        page.get_by_role("button").first.click()
        until(page, "handout.player.day > handout.player.firstDay")
        page.evaluate("handout.player.seek(0.85 * handout.player.lastDay); handout.player.play()")
        until(page, "handout.player.day > 0.88 * handout.player.lastDay")
        picture(page, f"handout-{name}-{width}-{language}-2")
        page.evaluate("handout.player.pause(); handout.player.seek(handout.player.lastDay)")
        shown = page.evaluate(
            "handout.player.state().arms.map((arm) => Object.values(arm.counts).map((organ) => organ.settled))"
        )
        assert shown == [
            [steps[-1] if steps else 0 for steps in arm["counts"]["settled"]] for arm in data["film"]["arms"]
        ]
        assert page.locator(".curves-line").count() == 4 and data["curves"]["done"] == lessons.load(name).patients
        is_sound(page, width, name)
        assert watched.requests == [file.as_uri()] and watched.errors == []
        page.close()
