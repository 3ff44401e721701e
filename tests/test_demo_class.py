"""A whole class in a browser: thirty voters beside nine pages that compute, and one that waits."""

import pytest
from browser import Watched
from classroom_pages import PATIENCE, classroom  # noqa: F401
from test_demo_server import children

from sim.demo import lessons
from sim.demo.phrases import Phrases
from sim.demo.session import MOST_TABS

VOTERS = 30
FILM_AND_MORE = 600_000  # milliseconds, on two cores that ten pages share
LESSON = "two_blood_supplies"


@pytest.mark.long
def test_thirty_vote_while_nine_compute(classroom):
    browser, address, process = classroom
    words, tabs = Phrases("en"), []

    def opened(query=""):
        watched = Watched(browser, 1024, 768)
        watched.page.set_default_timeout(PATIENCE)
        tabs.append(watched)
        watched.page.goto(f"{address}?{query}")
        return watched.page

    try:
        computing = [opened(f"patient={number}") for number in range(MOST_TABS)]
        voting = [opened(f"lesson={LESSON}") for _ in range(VOTERS)]
        option = words(lessons.load(LESSON).options[0])
        for page in voting:
            page.get_by_role("button", name=words("ui.lesson.more", option=option)).click()
        for page in voting:
            page.wait_for_function("() => location.search.includes('votes=1')")
            assert not page.locator(".waiting:visible").count()
        tenth = opened("patient=99")
        tenth.locator(".waiting:visible").wait_for()
        computing[0].close()
        tenth.locator(".waiting:visible").wait_for(state="hidden")
        tenth.wait_for_function("() => document.querySelector('progress.bar').value > 0", timeout=FILM_AND_MORE)
        voting[0].get_by_role("button", name=words("ui.lesson.run"), exact=True).click()
        voting[0].get_by_role("heading", name=words("ui.lesson.watch"), exact=True).wait_for()
        assert len(children(process.pid)) <= MOST_TABS + 4, "a worker a computing page, and one for the lesson"
        assert [watched.errors for watched in tabs if watched.errors] == []
    finally:
        for watched in tabs:
            if not watched.page.is_closed():
                watched.page.close()
