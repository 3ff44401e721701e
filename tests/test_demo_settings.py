"""The settings of a classroom tab: kept in the address, resolved and refused by the scenario loader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import scenario
from sim.demo import texts
from sim.demo.phrases import MORE_WHAT_IFS, WHAT_IFS, Phrases
from sim.demo.settings import Settings, whole
from sim.demo.treatments import TREATMENTS
from sim.errors import InputError
from sim.finding import SCENARIOS
from sim.mechanisms import REGISTRY
from sim.names import SITES

LOADER = {
    "age": ("old", 'cohort.age.mean: found "old years"; allowed: a number with a unit (hour, day, week, month, year)'),
    "primary": ("colonn", 'primary: unknown primary site "colonn"; did you mean colon? allowed: '),
    "horizon": ("500", 'horizon: found "500 years"; allowed: 1 day to 200 years'),
}


@pytest.mark.parametrize("name", LOADER)
def test_a_wrong_value_is_refused_in_the_loaders_own_words(name):
    found, words = LOADER[name]
    with pytest.raises(InputError) as refused:
        Settings(**{name: found}).arms()
    assert str(refused.value).startswith(words)
    assert "classroom" not in str(refused.value), "a file that nobody wrote is not named"
    assert len(str(refused.value).splitlines()) == 1


def test_the_page_and_a_file_with_the_same_mistake_say_the_same(tmp_path):
    file = tmp_path / "mistake.toml"
    file.write_text(
        Settings(age="1e9").text().replace('"colorectal.toml"', f'"{SCENARIOS / "colorectal.toml"}"'),
        encoding="utf-8",
    )
    with pytest.raises(InputError) as in_file:
        scenario.load(file)
    with pytest.raises(InputError) as in_page:
        Settings(age="1e9").resolve()
    assert str(in_page.value) in str(in_file.value)


def test_unknown_mechanisms_are_refused_wherever_they_stand():
    for settings in (Settings(mechanisms={"dormancyy": False}), Settings(what_if="off.dormancyy")):
        with pytest.raises(InputError, match='unknown mechanism "dormancyy"; did you mean dormancy?'):
            settings.arms()


@pytest.mark.parametrize("what_if", ["nonsense", "off", ".", "age.", "treat.", "site.nowhere"])
def test_a_what_if_that_is_none_is_refused(what_if):
    with pytest.raises(InputError):
        Settings(what_if=what_if).arms()


@pytest.mark.parametrize("found", ["-1", "1.5", "", "ten", "١", str(2**63), "9" * 50])  # noqa: RUF001
def test_a_seed_that_is_none_is_refused(found):
    with pytest.raises(InputError, match="seed: found .*; allowed: a whole number, 0 to 9223372036854775807"):
        Settings(seed=found).numbers()


@given(
    st.builds(
        Settings,
        language=st.sampled_from(["en", "zh-Hans"]),
        primary=st.sampled_from(SITES),
        age=st.text(max_size=6),
        horizon=st.text(max_size=4),
        mechanisms=st.dictionaries(st.sampled_from(sorted(REGISTRY)), st.booleans()),
        treatments=st.dictionaries(st.sampled_from(["resection", "senolytic"]), st.integers(0, 4000).map(str)),
        what_if=st.sampled_from(["", *WHAT_IFS, *MORE_WHAT_IFS]),
        seed=st.integers(0, 2**63 - 1).map(str),
        patient=st.integers(0, 99).map(str),
        lesson=st.text(max_size=8),
        step=st.integers(0, 99),
        votes=st.lists(st.integers(0, 999), max_size=5).map(lambda v: tuple(v) if any(v) else ()),
    )
)
def test_the_address_holds_everything(settings):
    assert Settings.from_query(settings.query()) == settings


def test_the_address_of_a_fresh_page_is_short():
    assert Settings().query() == ""
    assert Settings.from_query("") == Settings()


@pytest.mark.parametrize(
    "query, words",
    [
        ("step=-1", 'step: found "-1"; allowed: a whole number, 0 to 99'),
        ("votes=1,x", 'votes: found "x"; allowed: a whole number, 0 to 999'),
    ],
)
def test_an_address_that_is_none_is_refused(query, words):
    with pytest.raises(InputError) as refused:
        Settings.from_query(query)
    assert str(refused.value).startswith(words)


def test_unknown_keys_of_an_address_are_ignored():
    """A chat program adds its own to every link that somebody posts."""
    query = "seed=3&fbclid=IwAR0&utm_source=chat&colour="
    assert Settings.from_query(query) == Settings(seed="3")
    assert Settings.unknown_keys(query) == ["fbclid", "utm_source", "colour"] and Settings.unknown_keys("lang=en") == []
    flood = "&".join(f"k{i}=1" for i in range(10_000))
    assert Settings.from_query(flood) == Settings() and Settings.unknown_keys(flood) == []


def test_text_from_the_page_cannot_add_keys_to_the_scenario():
    """Values are quoted: a quote, a line break and a bracket stay inside the value."""
    evil = '67"\n[parameters]\n"soil.liver" = { value = 1.0, reason = "x" }\n#'
    with pytest.raises(InputError, match="cohort.age.mean: found"):
        Settings(age=evil).resolve()
    with pytest.raises(InputError, match="unknown mechanism"):
        Settings(mechanisms={'x" = true\n[parameters]\n': True}).resolve()


@pytest.mark.parametrize("what_if", [*WHAT_IFS, *MORE_WHAT_IFS])
def test_each_what_if_changes_one_thing_and_is_told_in_every_language(what_if):
    first, second = Settings().with_(what_if=what_if).arms()
    kind, _, name = what_if.partition(".")
    differing = {
        part
        for part in ("primary", "age", "horizon_days", "mechanisms", "parameters")
        if getattr(first, part) != getattr(second, part)
    }
    if kind in ("on", "off"):
        assert differing == {"mechanisms"} | ({"parameters"} if name == "liver_fibrosis" else set())
        assert {m for m in REGISTRY if first.mechanisms[m] != second.mechanisms[m]} == {name}
        assert second.mechanisms[name] is (kind == "on")
    elif kind in ("age", "site"):
        assert differing == {{"age": "age", "site": "primary"}[kind]}
    for language in ("en", "zh-Hans"):
        words = Phrases(language)
        assert words.what_if(what_if) and words.means(what_if)
        assert len(words.arms(Settings(what_if=what_if))) == 2


def test_a_scarred_liver_is_this_patients_liver():
    """`fibrosis_prevalence` says who has one; switched on in the page, the patient has it."""
    _, scarred = Settings(what_if="on.liver_fibrosis").arms()
    assert scarred.parameters["fibrosis_prevalence"].value == 1.0
    assert Settings(mechanisms={"liver_fibrosis": False}).resolve().parameters["fibrosis_prevalence"].value < 1.0


def test_everybody_has_the_age_that_is_set():
    import numpy as np

    from sim.runs.chunk import build_model

    model = build_model(Settings(age="40").resolve(), seed=1, patients=np.arange(20), collect=False)
    assert np.all(model.hosts.age_years == 40.0)


def test_exploring_on_from_a_lesson_keeps_what_it_showed():
    arms = Settings(primary="rectum", age="80", what_if="off.inflammation").arms()
    settings = Settings.of_arms(arms, 3, 5)
    assert [(a.primary, a.age, dict(a.mechanisms)) for a in settings.arms()] == [
        (a.primary, a.age, dict(a.mechanisms)) for a in arms
    ]
    assert settings.numbers() == (3, 5)


def test_a_whole_number_at_its_limit_is_taken():
    assert whole("votes", "999", 999) == 999
    with pytest.raises(InputError):
        whole("votes", "1000", 999)


@pytest.mark.parametrize("language", texts.languages())
def test_everything_that_can_be_switched_has_its_words(language):
    catalogue = texts.load(language)
    wanted = [f"mechanism.{name}{part}" for name in REGISTRY for part in ("", ".on", ".off")]
    wanted += [f"treatment.{name}{part}" for name in TREATMENTS for part in ("", ".means")]
    wanted += [f"ui.if.{what_if}" for what_if in (*WHAT_IFS, *MORE_WHAT_IFS)]
    assert [key for key in wanted if key not in catalogue] == []
