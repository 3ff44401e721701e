"""The page of the classroom without a browser: what a click does, what is refused, lessons from step to step."""

import pytest
from fastapi import Request  # the simulation has made sure that it is installed
from nicegui import ui
from simulated_tab import play

from sim.demo import lessons
from sim.demo.lesson_panel import STEPS
from sim.demo.page import Page
from sim.demo.phrases import MORE_WHAT_IFS, WHAT_IFS, Phrases
from sim.demo.settings import Settings


def test_the_page_opens_with_what_ifs_and_two_bodies_from_the_engine():
    async def scene(room, page):
        await page.open()
        for what_if in (*WHAT_IFS, *MORE_WHAT_IFS):
            assert page.user.find(marker=f"if-{what_if}").elements
        await page.until(lambda: any(part["kind"] == "frames" for part in page.parts()), "the film")
        head = next(part for part in page.parts() if part["kind"] == "head")
        assert [arm["mechanisms"]["dual_blood_supply"] for arm in head["arms"]] == [True, False]
        assert page.alert() is None and len(room.sessions) == 1

    play(scene)


def test_one_click_asks_another_what_if():
    async def scene(room, page):
        await page.open()
        page.click("if-off.dormancy")
        await page.until(
            lambda: (
                page.parts()
                and any(p["kind"] == "head" and not p["arms"][1]["mechanisms"]["dormancy"] for p in page.parts())
            ),
            "its film",
        )
        assert page.address().what_if == "off.dormancy"
        pressed = {
            m: next(iter(page.user.find(marker=f"if-{m}").elements))._props["aria-pressed"]
            for m in (*WHAT_IFS, *MORE_WHAT_IFS)
        }
        assert [m for m, state in pressed.items() if state == "true"] == ["off.dormancy"]
        assert any("nobody sleeps" in text for text in page.labels()), "it says what that is in biology"

    play(scene)


def test_a_what_if_that_changes_nothing_says_so():
    same = Phrases("en")("ui.means.same")

    async def scene(room, page):
        await page.open("age=40")
        for marker, nothing in (
            ("if-age.40", True),
            ("if-age.85", False),
            ("mechanism-dormancy", False),
            ("if-off.dormancy", True),
        ):
            page.click(marker)
            await page.changed()
            assert (same in page.labels()) is nothing, marker

    play(scene)


def test_switching_a_mechanism_says_what_it_stands_for():
    async def scene(room, page):
        await page.open()
        switch = next(iter(page.user.find(marker="mechanism-inflammation").elements))
        assert switch.value is True and any("Il-6" in t or "IL-6" in t for t in page.labels())
        page.click("mechanism-inflammation")
        await page.changed()
        assert page.address().mechanisms == {"inflammation": False}
        assert any("STAT3 (a knock-out)" in text for text in page.labels())

    play(scene)


def test_a_switch_never_leaves_two_equal_bodies():
    async def scene(room, page):
        await page.open()
        page.click("mechanism-dual_blood_supply")
        await page.changed()
        assert page.address().what_if == "on.dual_blood_supply"

    play(scene)


@pytest.mark.parametrize(
    "marker, value, words",
    [
        ("age", "1000", 'cohort.age.mean: found "1000 years"; allowed: 0 to 120 years'),
        ("seed", "-3", 'seed: found "-3"; allowed: a whole number'),
    ],
)
def test_a_wrong_value_is_refused_and_what_was_set_stays(marker, value, words):
    async def scene(room, page):
        await page.open("age=70")
        field = next(iter(page.user.find(marker=marker).elements))
        before = field.value
        field.value = value
        page.user.find(marker=marker).trigger("change")
        assert words in page.alert()
        assert field.value == before
        field.value = "44"
        page.user.find(marker=marker).trigger("change")
        assert page.alert() is None
        await page.changed()
        assert getattr(page.address(), marker) == "44"

    play(scene)


@pytest.mark.parametrize(
    "query, words",
    [
        ("age=x", 'cohort.age.mean: found "x years"'),
        ("lesson=none", 'unknown lesson "none"'),
        ("lang=tlh", 'unknown language "tlh"'),
        ("if=off.gravity", 'unknown mechanism "gravity"'),
        ("seed=1e3", 'seed: found "1e3"'),
    ],
)
def test_a_broken_address_opens_a_fresh_page_that_says_why(query, words):
    async def scene(room, page):
        await page.open(query)
        assert words in page.alert()
        assert page.user.find(marker="if-off.dormancy").elements

    play(scene)


def test_an_unknown_key_in_the_address_is_ignored_with_a_note():
    async def scene(room, page):
        await page.open("seed=3&fbclid=IwAR0&colour=red")
        assert page.alert() is None
        assert any(text.endswith("ignored: fbclid, colour") for text in page.labels())

    play(scene)


def test_the_address_is_enough_to_go_on():
    async def scene(room, page):
        await page.open("site=breast&age=50&off=dormancy&if=off.inflammation&seed=3&patient=2")
        await page.until(lambda: page.parts() and page.parts()[-1]["kind"] == "frames", "the film")
        head = next(part for part in page.parts() if part["kind"] == "head")
        assert (head["seed"], head["patient"]) == (3, 2)
        assert [(a["primary"], a["age_years"]) for a in head["arms"]] == [("breast", 50.0)] * 2
        assert [(a["mechanisms"]["dormancy"], a["mechanisms"]["inflammation"]) for a in head["arms"]] == [
            (False, True),
            (False, False),
        ]

    play(scene)


def test_reset_and_another_patient():
    async def scene(room, page):
        await page.open("age=50&patient=7&lang=zh-Hans")
        page.click("next-patient")
        await page.changed()
        assert page.address().patient == "8"
        page.click("reset")
        await page.changed()
        assert page.address() == Settings(language="zh-Hans")

    play(scene)


def test_a_lesson_from_prediction_to_questions():
    name = lessons.names()[0]
    lesson = lessons.load(name)
    words = Phrases("en")

    async def scene(room, page):
        await page.open()
        page.click(f"lesson-{name}")
        await page.user.should_see(words(f"lesson.{name}.prediction"))
        for _ in range(3):
            page.click("more-1")
        page.click("fewer-1")
        page.click("more-0")
        await page.until(lambda: sum(page.address().votes) == 3, "the votes")
        assert page.address().votes == tuple([1, 2] + [0] * (len(lesson.options) - 2))
        stage = next(e for e in page.user.client.elements.values() if "stage" in e._classes)
        assert "unseen" in stage._classes, "first the prediction"
        seen = [page.address().step]
        while STEPS[page.address().step] != "questions":
            page.click("lesson-next")
            await page.until(lambda: page.address().step == seen[-1] + 1, "the next step")
            seen.append(page.address().step)
            assert "unseen" not in stage._classes
            if STEPS[seen[-1]] == "explain":
                assert (
                    words(f"lesson.{name}.explanation") in page.labels()
                    and words(f"lesson.{name}.source") in page.labels()
                )
                assert any(text.endswith(words("ui.lesson.votes", votes=2)) for text in page.labels())
        assert seen == list(range(len(STEPS)))
        assert {words(f"lesson.{name}.question.1"), words(f"lesson.{name}.question.2")} <= set(page.labels())
        page.click("lesson-explore")
        await page.until(lambda: page.address().lesson == "", "the end of the lesson")
        parts = [
            [(a.primary, dict(a.mechanisms), {n: p.value for n, p in a.parameters.items()}) for a in arms]
            for arms in (page.address().arms(), lesson.arms)
        ]
        assert parts[0] == parts[1]

    play(scene)


def test_a_lesson_goes_on_after_a_reload():
    name = lessons.names()[0]

    async def scene(room, page):
        await page.open(f"lesson={name}&step=3&votes=4,2")
        words = Phrases("en")
        assert words(f"lesson.{name}.explanation") in page.labels()
        assert any(words("ui.lesson.votes", votes=4) in text for text in page.labels())

    play(scene)


def test_every_lesson_can_be_drawn_in_every_language():
    async def scene(room, page):
        @ui.page("/still")
        def still(request: Request):  # a page that computes nothing
            drawn.append(Page(room, request.url.query))

        drawn: list[Page] = []
        for name in lessons.names():
            for language in ("en", "zh-Hans"):
                await page.user.open(f"/still?lang={language}&lesson={name}")
                for step in range(len(STEPS)):
                    drawn[-1].lesson_panel.go(step)
                    assert Phrases(language)(f"lesson.{name}.title") in page.labels()
                    assert Phrases(language)(f"ui.lesson.{STEPS[step]}") in page.labels()
        assert len(drawn) == 12

    play(scene)
