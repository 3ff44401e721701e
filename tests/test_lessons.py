"""Lessons: each loads, shows what its explanation says, and its sources are in the literature file."""

import csv

import pytest

from sim.catalog import __file__ as catalog_file
from sim.demo import film, lessons, texts
from sim.errors import InputError
from sim.names import NICHES

NAMES = lessons.names()


@pytest.fixture(scope="module")
def films():
    made = {}

    def of(name):
        if name not in made:
            lesson = lessons.load(name)
            made[name] = film.make(lesson.arms, names=lesson.names, seed=lesson.seed, patient=lesson.patient)
        return made[name]

    return of


def ends(made, quantity):
    """Final counts by organ in each arm: [{organ: count}, ...]."""
    return [
        {organ: (steps[-1] if steps else 0) for organ, steps in zip(NICHES, arm["counts"][quantity], strict=True)}
        for arm in made["arms"]
    ]


def test_lessons_come_in_their_order():
    assert tuple(lessons._raw()) == NAMES  # the engine can show all of them
    orders = [raw["order"] for raw in lessons._raw().values()]
    assert orders == sorted(orders) == list(range(1, len(orders) + 1))
    assert len(orders) == 6


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_whole_and_its_film_has_something_to_show(name, films):
    lesson, made = lessons.load(name), films(name)
    assert 5 <= lesson.minutes <= 10 and len(lesson.options) >= 3 and 0 <= lesson.answer < len(lesson.options)
    assert len(lesson.arms) == 2 and 200 <= lesson.patients <= 500
    assert max(len(arm["dots"]["organ"]) for arm in made["arms"]) > 100
    assert any(event["kind"] == "first_visible" for arm in made["arms"] for event in arm["events"])
    assert made["arms"][0]["counts"] != made["arms"][1]["counts"]
    assert {f"event.{event['kind']}" for arm in made["arms"] for event in arm["events"]} <= set(texts.load("en"))


def test_an_unknown_lesson_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="sleepers"):
        lessons.load("no_such_lesson")


def test_plumbing_alone_fills_muscle_and_kidneys(films):
    soil, equal = ends(films("plumbing_or_soil"), "settled")
    assert equal["muscle"] > 10 * soil["muscle"] and equal["kidney"] > soil["kidney"]
    assert soil["bone"] > 1.15 * equal["bone"] and soil["adrenal"] > 10 * max(equal["adrenal"], 1)
    assert all(body["lung"] == max(body.values()) for body in (soil, equal))  # "the lungs stay first in both bodies"
    # Bone has a way of its own, the vertebral plexus; its soil is what it loses.
    others = [
        equal[organ] for organ in NICHES if organ not in ("lung", "liver", "bone", "muscle", "kidney", "elsewhere")
    ]
    assert min(equal["muscle"], equal["kidney"]) >= max(others)


def test_the_shunt_moves_metastases_from_the_liver_to_the_lungs(films):
    portal, shunt = ends(films("two_blood_supplies"), "settled")
    assert portal["liver"] > 5 * shunt["liver"]
    assert shunt["lung"] > 1.25 * portal["lung"]  # the liver arrests 27 of 100 cells that pass it: 1 / 0.73 = 1.37
    portal, shunt = ends(films("two_blood_supplies"), "macrometastasis")
    assert portal["liver"] > shunt["liver"] and shunt["lung"] > portal["lung"]


def test_inflammation_changes_the_liver_and_nothing_else(films):
    made = films("prepared_soil")
    prepared, bare = ends(made, "settled")
    assert prepared["liver"] > 1.5 * bare["liver"]
    # Deaths differ by a few days at most, so that the other organs agree but for the last arrivals.
    assert abs(prepared["lung"] - bare["lung"]) <= 0.05 * prepared["lung"] + 2
    caught = ends(made, "arrested")
    assert caught[0]["liver"] == pytest.approx(caught[1]["liver"], rel=0.02)


def test_the_old_liver_makes_the_tumour_shed_into_every_organ(films):
    made = films("ageing_liver")
    old, silent = ends(made, "arrested")
    assert all(old[organ] > 1.3 * silent[organ] for organ in NICHES)
    sizes = [
        dict(zip(arm["primary_log10_cells"][::2], arm["primary_log10_cells"][1::2], strict=True))
        for arm in made["arms"]
    ]
    shared = set(sizes[0]) & set(sizes[1])
    assert len(shared) > 50 and all(sizes[0][frame] == sizes[1][frame] for frame in shared)
    assert made["arms"][0]["diagnosis_day"] == made["arms"][1]["diagnosis_day"]
    assert made["arms"][0]["age_years"] == 80.0


def test_scars_spoil_the_soil_of_the_liver_alone(films):
    inflamed, scarred = ends(films("evidence_disagrees"), "settled")
    assert scarred["liver"] < 0.6 * inflamed["liver"]
    assert abs(scarred["lung"] - inflamed["lung"]) <= 0.15 * inflamed["lung"] + 3


def test_surgery_stops_the_shedding_and_a_sleeper_returns_years_later(films):
    made = films("sleepers")
    first = []
    for arm in made["arms"]:
        surgery = next(event["day"] for event in arm["events"] if event["kind"] == "treatment")
        assert surgery == arm["diagnosis_day"]
        shed_late = [
            value for frame, value in zip(arm["shed"][::2], arm["shed"][1::2], strict=True) if frame * 7 > surgery + 7
        ]
        assert shed_late == []
        assert arm["primary_log10_cells"][-1] == 0  # gone
        assert not any(day > surgery for day in arm["dots"]["arrived"])
        first.append(min(event["day"] for event in arm["events"] if event["kind"] == "first_visible") - surgery)
    assert first[0] > 7 * 365 and first[1] < 3 * 365  # "well for more than seven years"; "within about three years"


def test_numbers_in_the_explanations_are_those_of_the_literature_file():
    from pathlib import Path

    with (Path(catalog_file).parent / "targets.csv").open(encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    english = texts.load("en")
    said = english["lesson.evidence_disagrees.intro"]
    for row in ("CLD01", "CLD02", "CLD03"):
        assert rows[row]["value"] in said
    assert float(rows["AUT474"]["value"]) == pytest.approx(50, abs=5)  # "about half": bone
    assert float(rows["AUT473"]["value"]) == pytest.approx(33, abs=3)  # "a third": adrenal glands
    assert float(rows["AUT486"]["value"]) == 0 and "n=432" in rows["AUT486"]["note"]  # "none of 432": muscle
    assert "432" in english["lesson.plumbing_or_soil.explanation"]
    assert f"{rows['DOR01']['value']} of 100" in english["lesson.sleepers.explanation"]
    assert f"{rows['BF_portal']['value']} %" in english["lesson.two_blood_supplies.source"]
    assert f"{rows['BF_liver']['value']} %" in english["lesson.two_blood_supplies.source"]


@pytest.mark.long
@pytest.mark.parametrize(
    "name, organ, sign",
    [
        ("plumbing_or_soil", "bone", -1),
        ("two_blood_supplies", "liver", -1),
        ("two_blood_supplies", "lung", 1),
        ("prepared_soil", "liver", -1),
        ("ageing_liver", "all", -1),
        ("evidence_disagrees", "liver", -1),
    ],
)
def test_the_cohort_says_what_the_patient_says(name, organ, sign):
    """The whole 95 % interval of the paired difference lies on the side that the lesson explains (fixed seed)."""
    from sim.demo.cohort import paired_cohort

    lesson = lessons.load(name)
    *_, last = paired_cohort(lesson.arms, seed=lesson.seed, patients=lesson.patients)
    paired = last["paired"][organ]
    assert sign * paired["difference"] > 0.01
    assert min(sign * paired["low"], sign * paired["high"]) > 0


@pytest.mark.long
def test_sleepers_relapse_late_and_less():
    from sim.demo.cohort import paired_cohort

    lesson = lessons.load("sleepers")
    *_, last = paired_cohort(lesson.arms, seed=lesson.seed, patients=lesson.patients)
    third = next(i for i, day in enumerate(last["days"]) if day > 3.2 * 365)
    late = [arm["found"]["all"]["share"][-1] - arm["found"]["all"]["share"][third] for arm in last["arms"]]
    assert late[0] > 3 * late[1] and late[1] <= 0.03  # "hardly anything more comes"
    assert last["paired"]["all"]["difference"] > 0  # in the end more patients relapse where nobody sleeps


@pytest.mark.long
def test_the_first_curves_cost_a_few_seconds():
    """Of one processor, whatever else the machine does: the class sees something soon in every lesson."""
    import time

    from sim.demo.cohort import paired_cohort
    from sim.runs.warm_up import warm_up

    warm_up()
    spent = {}
    for name in NAMES:
        lesson, start = lessons.load(name), time.process_time()
        next(paired_cohort(lesson.arms, seed=lesson.seed, patients=lesson.patients))
        spent[name] = round(time.process_time() - start, 1)
    print("seconds of a processor until the first curves:", spent)
    assert max(spent.values()) < 6, spent
