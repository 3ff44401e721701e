"""The player in a real browser: it shows what the film says, by mouse and by keyboard, moving or still."""

import json

import pytest
from browser import Watched, chromium

from sim import scenario
from sim.demo import assets, film, texts
from sim.names import NICHES

SEED, PATIENT = 1, 218
LANGUAGE = "en"


@pytest.fixture(scope="module")
def shown():
    base = scenario.load("colorectal")
    return list(
        film.stream(
            [base, base.with_(off=["dual_blood_supply"])], names=["portal_vein", "shunt"], seed=SEED, patient=PATIENT
        )
    )


@pytest.fixture(scope="module")
def file(shown, tmp_path_factory):
    def embedded(value):
        return json.dumps(value).replace("<", "\\u003c")

    made = tmp_path_factory.mktemp("player") / "player.html"
    made.write_text(
        f"<!doctype html><meta charset=utf-8><style>{assets.style()}</style><div id=here></div><script>{assets.script()}</script>"
        f"<script>const film = {embedded(film.assemble(shown))}; const text = Seeding.texts({embedded(texts.load(LANGUAGE))});"
        f"const chinese = Seeding.texts({embedded(texts.load('zh-Hans'))}); const parts = {embedded(shown)};"
        "const still = new URLSearchParams(location.search).has('still');"
        "var player = new Seeding.Player(document.getElementById('here'), {text, film, reducedMotion: still});</script>",
        encoding="utf-8",
    )
    return made


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser, file):
    watched = Watched(browser)
    watched.page.goto(file.as_uri())
    yield watched.page
    assert watched.errors == [] and watched.requests == [file.as_uri()]
    watched.page.close()


def at(steps, frame):
    value = 0
    for number, then in zip(steps[::2], steps[1::2], strict=True):
        if number <= frame:
            value = then
    return value


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8, 1.0])
def test_every_number_is_the_films(opened, shown, share):
    whole = film.assemble(shown)
    day = round(share * max(arm["last_day"] for arm in whole["arms"]))
    opened.evaluate(f"player.seek({day})")
    state = opened.evaluate("player.state()")
    for told, arm in zip(state["arms"], whole["arms"], strict=True):
        frame = -(-arm["last_day"] // 7) if day >= arm["last_day"] else day // 7
        for number, organ in enumerate(NICHES):
            for quantity, by_organ in arm["counts"].items():
                assert told["counts"][organ][quantity] == at(by_organ[number], frame), (organ, quantity)
    tiles = opened.locator(".sp-tile-asleep dd").all_inner_texts()
    assert [int(tile.replace(",", "")) for tile in tiles] == [arm["totals"]["asleep"] for arm in state["arms"]]


def test_as_many_dots_are_drawn_as_cells_are_there(opened):
    opened.evaluate("player.seek(4606)")  # the first day of a frame: dots and counts are of the same moment
    drawn = opened.evaluate("player.bodies.map(body => body.view.draw(player.day, 1, true, null))")
    state = opened.evaluate("player.state()")
    for told, dots in zip(state["arms"], drawn, strict=True):
        assert dots["asleep"] == told["totals"]["asleep"] > 50
        metastases = told["totals"]["micrometastasis"] + told["totals"]["macrometastasis"]
        assert dots["metastasis"] + dots["awake"] == pytest.approx(told["totals"]["awake"] + metastases, abs=4)


def test_playing_moves_both_bodies_and_scrubbing_back_shows_what_was(opened):
    opened.evaluate("player.seek(3000); player.setSpeed(50)")  # so slow that its end is far off on any machine
    before = opened.evaluate("player.state()")
    opened.get_by_role("button", name="Play").click()
    opened.wait_for_function("player.day > 3100")
    opened.get_by_role("button", name="Pause").click()
    later = opened.evaluate("player.state()")
    assert all(
        b["totals"]["settled"] > a["totals"]["settled"] for a, b in zip(before["arms"], later["arms"], strict=True)
    )
    opened.get_by_label("Time line").evaluate(
        "range => { range.value = 3003; range.dispatchEvent(new Event('input')); }"
    )
    opened.evaluate("player.seek(3000)")
    assert opened.evaluate("player.state()") == before


BY_HAND = """(scene) => {
  const frames = new Map(), real = [window.requestAnimationFrame, window.cancelAnimationFrame];
  let last = 0;
  window.requestAnimationFrame = (call) => { frames.set(++last, call); return last; };
  window.cancelAnimationFrame = (number) => frames.delete(number);
  const show = (now) => { const calls = [...frames.values()]; frames.clear(); calls.forEach((call) => call(now)); return player.day; };
  try { return scene(show, () => frames.size); } finally { player.pause(); [window.requestAnimationFrame, window.cancelAnimationFrame] = real; }
}"""
"""Show the browser's frames one by one, at moments of the test's choice."""


def by_hand(page, scene: str):
    """What a scene, `(show, waiting) => ...`, gives: `show(milliseconds)` is the browser's next frame, after which it is
    that day in the film; `waiting()` how many calls the next one will make."""
    return page.evaluate(f"({BY_HAND})({scene})")


def test_frames_of_one_moment_and_a_pause_within_a_frame_leave_one_running_loop(opened):
    """Browsers may give two frames the same moment, most of all when they are busy."""
    days = by_hand(
        opened,
        """(show, waiting) => {
      const once = (now) => [waiting(), show(now)];
      player.seek(3000);
      player.play();
      const seen = [1000, 1000, 1000, 1100].map(once);
      player.pause(); player.play(); player.pause(); player.play();
      seen.push(...[1100, 1200, 1200, 1300].map(once));
      player.pause();
      seen.push(once(1400));
      return seen;
    }""",
    )
    step = 0.1 * opened.evaluate("player.speed")
    assert days == [
        pytest.approx(expected)
        for expected in (
            [1, 3000],
            [1, 3000],
            [1, 3000],
            [1, 3000 + step],
            [1, 3000 + step],
            [1, 3000 + 2 * step],
            [1, 3000 + 2 * step],
            [1, 3000 + 3 * step],
            [0, 3000 + 3 * step],
        )
    ]


def test_time_never_runs_back_while_the_film_is_on_its_way(opened):
    """The first part may end before the day on which the film begins: the film waits there for the next."""
    first_day, loaded, *days = by_hand(
        opened,
        """(show) => {
      player.load(parts.find((part) => part.kind === 'head'));
      const frames = parts.filter((part) => part.kind === 'frames'), seen = [player.firstDay];
      player.append(frames[0]);
      seen.push(player.loadedDay);
      player.play();
      seen.push(...[1000, 1100].map(show));
      player.controls.start.click();
      player.play();
      seen.push(show(1200));
      frames.slice(1).forEach((part) => player.append(part));
      seen.push(...[1300, 1400].map(show));
      return seen;
    }""",
    )
    assert loaded < first_day
    step = 0.1 * opened.evaluate("player.speed")
    assert days == [first_day, first_day, first_day, first_day + step, first_day + 2 * step]


def test_what_happens_last_is_told_before_the_film_stops(opened):
    """Numbers are written some times a second: the end of the film must not fall between two of them."""
    told = by_hand(
        opened,
        """(show) => {
      const told = [];
      player.on('event', (event) => told.push([event.kind, event.day]));
      player.seek(player.lastDay - 1);
      player.play();
      player.written = 1e12;  // the words have just been written
      [1000, 1250].forEach(show);
      return [told, player.playing, player.announcer.textContent];
    }""",
    )
    dead = [arm["death_day"] for arm in opened.evaluate("film.arms")]
    assert max(dead) == opened.evaluate("player.lastDay")
    assert told == [[["death", max(dead)]], False, told[2]] and "The patient dies" in told[2]


def test_events_of_one_moment_are_all_told(opened):
    said, notes = by_hand(
        opened,
        """(show) => {
      const events = (...kinds) => kinds.map((kind) => ({day: 3001, kind, organ: 'liver', treatment: 'resection'}));
      player.film.arms[0].events = events('first_visible', 'diagnosis', 'treatment');
      player.film.arms[1].events = events('diagnosis');
      player.seek(3000);
      player.play();
      [1000, 1100].forEach(show);
      player.pause();
      return [player.announcer.textContent, player.bodies.map((body) => body.message.textContent)];
    }""",
    )
    found = texts.load(LANGUAGE)["event.diagnosis"]
    assert said.count(found) == 2 and "Surgery" in said and "Liver" in said
    assert notes == [f"{found} · Treatment: Surgery", found]


def test_only_a_machine_that_is_slow_for_seconds_loses_the_flow_and_not_for_ever(opened):
    flowing = by_hand(
        opened,
        """(show) => {
      const seen = [], every = (step, from, to) => { for (let now = from; now <= to; now += step) show(now); seen.push(player.flowing); };
      player.seek(3000); player.setSpeed(0); player.play();
      const from = player.measured.from;
      every(20, from, from + 2000);
      document.dispatchEvent(new Event('visibilitychange'));
      player.measured.from = from + 9000;  // the page was hidden meanwhile
      every(20, from + 9000, from + 11000);
      every(100, from + 11100, from + 12100);
      every(20, from + 12200, from + 14000);
      every(100, from + 14100, from + 17000);
      player.pause(); player.play();
      seen.push(player.flowing);
      return seen;
    }""",
    )
    assert flowing == [True, True, True, True, False, True]


def test_the_time_line_reaches_the_end_and_steps_stay_on_it(opened):
    assert opened.evaluate("(player.lastDay - player.firstDay) % player.film.frameDays") > 0, (
        "the last step is a shorter one"
    )
    line = opened.get_by_label("Time line")
    line.focus()
    opened.keyboard.press("End")
    assert opened.evaluate("player.day") == opened.evaluate("player.lastDay")
    assert opened.locator(".sp-over").all_inner_texts()[0] != ""
    opened.keyboard.press("Home")
    assert opened.evaluate("player.day") == opened.evaluate("player.firstDay")
    opened.get_by_role("button", name="One step back").click()
    assert opened.evaluate("player.day") == opened.evaluate("player.firstDay")


def test_without_a_film_nothing_can_go_wrong(opened):
    """Before the first film, and after one that no longer answers what is asked."""
    opened.evaluate("player.seek(4500); player.play()")
    for prepare in ("player.clear()", "player.destroy(); player = new Seeding.Player(here, {text})"):
        opened.evaluate(prepare)
        for name in ("One step back", "One step forward", "Play", "Back to the start"):
            opened.get_by_role("button", name=name, exact=True).click()
        for key in ("ArrowLeft", "ArrowRight", "Home", "End"):
            opened.keyboard.press(key)
        opened.get_by_label("Time line").press("End")
        opened.get_by_label("Speed").select_option("365")
        assert opened.evaluate("player.playing") is False and opened.locator(".sp-body, .sp-card table").count() == 0
        assert opened.locator(".sp-clock").inner_text() == ""
    opened.evaluate("player.load(film); player.seek(4500)")
    assert opened.locator(".sp-body").count() == 2 and opened.evaluate("player.state().day") == 4500


def test_a_picture_is_a_function_of_the_day(opened):
    picture = "player.bodies.map(body => body.canvas.toDataURL())"
    opened.evaluate("player.seek(4000)")
    first = opened.evaluate(picture)
    opened.evaluate("player.seek(4900)")
    assert opened.evaluate(picture) != first
    opened.evaluate("player.seek(4000)")
    assert opened.evaluate(picture) == first


def test_it_can_be_used_by_keyboard_alone(opened):
    opened.evaluate("player.seek(3500)")
    opened.get_by_role("button", name="One step forward").focus()
    day = opened.evaluate("player.day")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("player.day") == day + 7
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("End")
    assert opened.evaluate("player.day") == opened.evaluate("player.lastDay")
    opened.keyboard.press("Home")
    assert opened.evaluate("player.day") == opened.evaluate("player.firstDay")
    # one stop a body; arrow keys move among its organs, and the card follows
    stops = opened.locator("svg [data-organ][tabindex='0']")
    assert stops.count() == 2
    stops.first.focus()
    opened.keyboard.press("ArrowRight")
    chosen = opened.evaluate("document.activeElement.dataset.organ")
    assert opened.locator(".sp-card h3").inner_text() == texts.load(LANGUAGE)[f"organ.{chosen}"]
    opened.keyboard.press(" ")
    assert opened.evaluate("player.playing") is True


def test_hovering_an_organ_names_it_with_its_numbers(opened):
    opened.evaluate("player.seek(4500)")
    opened.locator("svg [data-organ='lung'] .shape").first.hover()
    assert opened.locator(".sp-card h3").inner_text() == "Lungs"
    shown_here = opened.locator("tr[data-row='asleep'] td").all_inner_texts()
    state = opened.evaluate("player.state()")
    assert [int(n.replace(",", "")) for n in shown_here] == [arm["counts"]["lung"]["asleep"] for arm in state["arms"]]


def test_screen_readers_are_told(opened):
    assert opened.get_by_role("region", name="The bodies, and what happens in them").count() == 1
    for name in ("Play", "One step back", "One step forward", "Back to the start"):
        assert opened.get_by_role("button", name=name, exact=True).count() == 1
    assert opened.get_by_role("slider", name="Time line").get_attribute("aria-valuetext").startswith("Year ")
    assert opened.get_by_role("button", name="Liver").count() == 2
    opened.evaluate("""() => { window.told = [];
      new MutationObserver(() => told.push(player.announcer.textContent)).observe(player.announcer, {childList: true});
      player.seek(4500); player.setSpeed(365); player.play(); }""")
    opened.wait_for_function("told.some((text) => text.includes('diagnosis'))")


def test_reduced_motion_stands_still(browser, file):
    watched = Watched(browser, reduced_motion="reduce")
    watched.page.goto(file.as_uri())
    assert watched.page.evaluate("new Seeding.Player(document.body, {text, film}).still") is True
    watched.page.goto(file.as_uri() + "?still")
    watched.page.evaluate("player.seek(4500); player.play()")
    watched.page.wait_for_function("player.day > 4600")
    drawn = watched.page.evaluate("player.bodies.map(body => body.drawn)")
    assert [body["travellers"] for body in drawn] == [0, 0] and watched.page.evaluate("player.flowSeconds") == 0
    assert sum(body["asleep"] for body in drawn) > 50
    watched.page.close()


def test_cells_travel_where_motion_is_welcome(opened):
    opened.evaluate("player.seek(4500); player.play()")
    opened.wait_for_function("player.day > 4550 && player.bodies.every(body => body.drawn.travellers > 3)")
    assert opened.evaluate("player.flowSeconds") > 0


def test_parts_can_come_one_by_one(opened):
    opened.evaluate("player.load(parts.find(part => part.kind === 'head'))")
    assert opened.evaluate("player.loadedDay") == 0
    opened.evaluate("for (const part of parts.filter(part => part.kind === 'frames').slice(0, 3)) player.append(part)")
    half = opened.evaluate("player.loadedDay")
    assert 0 < half < opened.evaluate("player.lastDay")
    opened.evaluate("player.seek(100000)")
    assert opened.evaluate("player.day") == half
    opened.evaluate("for (const part of parts.filter(part => part.kind === 'frames').slice(3)) player.append(part)")
    opened.evaluate("player.seek(4606)")
    by_parts = opened.evaluate("player.state()")
    opened.evaluate("player.load(film); player.seek(4606)")
    assert opened.evaluate("player.state()") == by_parts


def test_a_film_may_be_loaded_while_the_page_hides_the_player(browser, file):
    watched = Watched(browser)
    hidden = file.with_name("hidden.html")
    hidden.write_text(
        file.read_text(encoding="utf-8").replace("<div id=here>", "<div id=here style='display: none'>"),
        encoding="utf-8",
    )
    watched.page.goto(hidden.as_uri())
    watched.page.evaluate("player.seek(4500); here.style.display = 'block'")
    watched.page.wait_for_function("player.bodies.every(body => body.canvas.width > 200)")
    assert watched.page.evaluate("player.bodies.map(body => body.drawn.asleep)") != [0, 0]
    assert watched.errors == []
    watched.page.close()


def test_another_language_at_once(opened):
    opened.evaluate("player.seek(4500); player.setText(chinese)")
    assert opened.locator(".sp-card h3").inner_text() == "肝"
    assert opened.evaluate("player.day") == 4500
    assert opened.get_by_role("button", name="播放").count() == 1


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_it_fits_every_width(browser, file, width):
    watched = Watched(browser, width, 800)
    watched.page.goto(file.as_uri())
    watched.page.evaluate("player.seek(4500)")
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [box.bounding_box() for box in watched.page.locator(".sp-frame").all()]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]  # side by side, also on a phone
    assert watched.page.locator(".sp-button:visible").evaluate_all(
        "all => all.every(b => b.offsetHeight >= 44 && b.offsetWidth >= 44)"
    )
    watched.page.close()


def contrast(first: str, second: str) -> float:
    """WCAG's contrast of two colours given as #rrggbb."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_cells_stand_out_from_every_organ(opened):
    colours = opened.evaluate("Seeding.COLOURS")
    fills = opened.evaluate("""[...document.querySelectorAll('.sp-body:first-child [data-organ] .shape')].map(shape => {
        const [r, g, b] = getComputedStyle(shape).fill.match(/[0-9]+/g).map(Number);
        return '#' + [r, g, b].map(v => v.toString(16).padStart(2, '0')).join('');
    })""")
    assert len(set(fills)) >= 10
    for name in ("asleep", "awake", "metastasis", "traveller", "seed", "cleared"):
        assert min(contrast(colours[name], fill) for fill in fills) >= 3.0, name  # AA for graphics
    for text_colour, ground in (
        ("#1c2333", "#ffffff"),
        ("#4a5468", "#f5f7fa"),
        ("#ffffff", "#22509e"),
        ("#ffffff", "#1b5e9e"),
        ("#ffffff", "#b0470a"),
    ):
        assert contrast(text_colour, ground) >= 4.5


@pytest.mark.long
def test_two_bodies_are_drawn_at_least_ten_times_a_second(browser, file):
    watched = Watched(browser, 1920, 1080)
    watched.page.goto(file.as_uri())
    watched.page.evaluate("player.seek(4000); player.play()")
    watched.page.wait_for_function("player.day > 4500", timeout=60_000)
    assert watched.page.evaluate("player.updatesPerSecond") >= 10
    watched.page.close()
