"""A film is the engine's own course of a patient: its counts, dots and paths are checked against the run's tables."""

import json

import numpy as np
import pytest
from quick_cohort import scenario_file

from sim import scenario
from sim.demo import film
from sim.demo.dots import MOST_CELL_DOTS, MOST_METASTASIS_DOTS
from sim.demo.film import MOST_FRAMES
from sim.demo.routes import paths
from sim.disease.body import route
from sim.errors import InputError
from sim.finding import SCENARIOS
from sim.names import NICHES
from sim.runs.chunk import build_model, run_chunk
from sim.runs.task import CohortTask

SEED, PATIENT = 1, 91  # in the colorectal cohort: metastases in both arms, and a dot a cell
TREATED = 38  # the first metastasis is found in the liver after diagnosis


@pytest.fixture(scope="module")
def arms():
    base = scenario.load("colorectal")
    return [base, base.with_(off=["dual_blood_supply"])]


@pytest.fixture(scope="module")
def shown(arms):
    return film.make(arms, names=["with", "without"], seed=SEED, patient=PATIENT)


@pytest.fixture(scope="module")
def crowded_arms(arms):
    """More cells that settle, and no burden that kills before there are many metastases."""
    return [arm.with_(set_=["competent_share=1e-3", "symptom_cells=1e14"]) for arm in arms]


@pytest.fixture(scope="module")
def crowded(crowded_arms):
    return film.make(crowded_arms, names=["with", "without"], seed=SEED, patient=PATIENT)


@pytest.fixture(scope="module")
def run_of(arms):
    """The run command's own tables of a patient in an arm, computed once."""
    known = {}

    def of(number):
        if number not in known:
            known[number] = run_chunk(CohortTask(arms[number], SEED, PATIENT, PATIENT + 1, keep_seeds=True))
        return known[number]

    return of


def by_organ(chunk, step):
    """A step of the cascade by organ, all sources together."""
    return chunk.cascade[step].sum(axis=0).tolist()


def at(steps, frame):
    """A step function of the film at a frame."""
    value = 0
    for number, then in zip(steps[::2], steps[1::2], strict=True):
        if number <= frame:
            value = then
    return value


@pytest.mark.parametrize("number", [0, 1])
def test_the_last_frame_is_the_runs_cascade(shown, run_of, number):
    chunk, arm, last = run_of(number), shown["arms"][number], 10**9
    for quantity in ("arrested", "settled", "macrometastasis"):
        told = [at(steps, last) for steps in arm["counts"][quantity]]
        assert told == by_organ(chunk, quantity), quantity
    cleared = [at(steps, last) for steps in arm["counts"]["cleared"]]
    assert cleared == np.add(by_organ(chunk, "died_asleep"), by_organ(chunk, "extinct")).tolist()
    assert at(arm["shed"], last) == arm["shed_cells"] == chunk.tables["patients"]["shed_cells"][0]
    assert [at(arm["died_in_transit"], last)] == by_organ(chunk, "died_in_transit")
    assert sum(by_organ(chunk, "settled")) > 300  # there was something to compare


def test_sleepers_in_between_are_those_of_the_seeds_table(shown, run_of):
    seeds = run_of(0).tables["seeds"]
    organ, arrived = np.asarray(seeds["organ"]), np.asarray(seeds["arrived_day"])
    never = 10**9
    left = np.minimum(np.ma.filled(seeds["woke_day"], never), np.ma.filled(seeds["died_day"], never))
    seen = 0
    for frame in range(0, shown["frames"] - 1, 40):
        day = frame * shown["frame_days"]
        asleep = np.asarray(seeds["slept"]) & (arrived < day) & (left >= day)
        told = [at(steps, frame) for steps in shown["arms"][0]["counts"]["asleep"]]
        assert told == [int((asleep & (organ == niche)).sum()) for niche in NICHES], frame
        seen += sum(told)
    assert seen > 500


def test_every_dot_is_a_cell_with_its_own_fate(shown, run_of):
    seeds, dots = run_of(0).tables["seeds"], shown["arms"][0]["dots"]
    assert (shown["cells_per_dot"], shown["metastases_per_dot"]) == (1, 1)
    never = -1

    def after(column):
        days = np.ma.filled(seeds[column], never) - np.asarray(seeds["arrived_day"])
        return np.where(np.ma.getmaskarray(np.ma.asarray(seeds[column])), never, days)

    woke = np.where(seeds["slept"], after("woke_day"), 0)
    index = np.array([NICHES.index(organ) for organ in seeds["organ"]])
    expected = sorted(
        zip(
            index.tolist(),
            np.asarray(seeds["arrived_day"]).tolist(),
            woke.tolist(),
            after("died_day").tolist(),
            strict=True,
        )
    )
    assert sorted(zip(dots["organ"], dots["arrived"], dots["woke"], dots["ended"], strict=True)) == expected
    assert dots["arrived"] == sorted(dots["arrived"])
    assert sum(dots["metastasis"]) == len(run_of(0).tables["metastases"]["colony"])


def test_metastases_have_the_size_of_the_metastases_table(shown, run_of):
    table, dots = run_of(0).tables["metastases"], shown["arms"][0]["dots"]
    sizes = sorted(dots["sizes"][i][-1] for i in np.flatnonzero(dots["metastasis"]))
    assert len(sizes) >= 3
    assert sizes == pytest.approx(sorted(np.log10(table["cells"])), abs=0.16)  # noted in steps of a tenth


def test_a_crowd_is_sampled_one_in_so_many_of_the_same_cells(crowded, crowded_arms):
    tables = run_chunk(CohortTask(crowded_arms[0], SEED, PATIENT, PATIENT + 1, keep_seeds=True)).tables
    seeds = tables["seeds"]
    arm, scale = crowded["arms"][0], crowded["cells_per_dot"]
    cells = int(np.sum(np.asarray(arm["dots"]["metastasis"]) == 0))
    assert scale > 30 and crowded["metastases_per_dot"] > 1
    assert cells <= MOST_CELL_DOTS and sum(arm["dots"]["metastasis"]) <= MOST_METASTASIS_DOTS
    # A sample of one in so many: its standard deviation is the root of its mean; five of them, one false alarm in a million.
    expected = (len(seeds["organ"]) - len(tables["metastases"]["colony"])) / scale
    assert abs(cells - expected) < 5 * np.sqrt(expected)
    told = [at(steps, 10**9) for steps in arm["counts"]["settled"]]
    assert sum(told) == len(seeds["organ"])  # numbers count all of them


def test_the_same_cell_is_the_same_dot_in_both_bodies(shown):
    cells = [set(zip(a["dots"]["organ"], a["dots"]["arrived"], a["dots"]["place"], strict=True)) for a in shown["arms"]]
    assert len(cells[0] & cells[1]) > 20


def test_parts_make_the_whole_and_a_film_is_pure(arms, shown):
    parts = list(film.stream(arms, names=["with", "without"], seed=SEED, patient=PATIENT))
    kinds = [part["kind"] for part in parts]
    assert kinds.index("head") > kinds.index("progress") and kinds.count("frames") > 3
    assert film.assemble(parts) == shown
    largest = max(len(json.dumps(part)) for part in parts)
    assert largest < 150_000  # parts go through a web socket


@pytest.mark.parametrize("which", ["shown", "crowded"])
def test_a_film_is_small_strict_json(which, request):
    made = request.getfixturevalue(which)
    assert len(json.dumps(made, allow_nan=False, separators=(",", ":"))) < 1_000_000
    assert 100 < made["frames"] <= MOST_FRAMES


def test_a_long_life_has_longer_frames(arms):
    slow = [arm.with_(set_=["primary_gompertz_per_day=0.0003"]) for arm in arms[:1]]
    made = film.make(slow, names=["with"], seed=SEED, patient=0)
    assert made["frame_days"] == 14 and made["frames"] <= MOST_FRAMES
    arm = made["arms"][0]
    assert (made["frames"] - 1) * 14 >= arm["last_day"] > (made["frames"] - 2) * 14


@pytest.mark.parametrize(
    "site, off", [("colon", ()), ("colon", ("dual_blood_supply",)), ("breast", ()), ("lung", ()), ("oesophagus", ())]
)
def test_paths_are_the_routing_unrolled(site, off):
    import dataclasses

    chosen = dataclasses.replace(scenario.load("colorectal").with_(off=off), primary=site)
    parameters = build_model(chosen, seed=1, patients=np.array([0]), collect=False).parameters
    ways, arrest = paths(parameters, site), route(parameters, [site]).arrest[0]
    assert sum(way["share"] for way in ways) == pytest.approx(1.0, abs=1e-3)
    for niche, exact in zip(NICHES, arrest, strict=True):
        told = sum(way["share"] for way in ways if way["niche"] == niche and way["ends"] == "arrested")
        assert told == pytest.approx(exact, rel=2e-4), niche
    assert ("shunt" in {way["vein"] for way in ways}) == bool(off)


def treatments(*plans):
    """The text of these treatments in a scenario: name, after what, and how many days after."""
    return "".join(
        f"[[treatments]]\nname = '{name}'\nafter = '{after}'\nstart_days = {days}\n" for name, after, days in plans
    )


def starts_of(arm):
    """The day on which each treatment of a film's arm starts."""
    return {event["treatment"]: event["day"] for event in arm["events"] if event["kind"] == "treatment"}


@pytest.fixture(scope="module")
def treated():
    given = treatments(
        ("resection", "diagnosis", 10), ("liver_resection", "first metastasis", 7), ("chemotherapy", "surgery", 60)
    )
    text = f"extends = 'colorectal.toml'\ntitle = 'treated'\nquestion = '?'\n{given}"
    arm = scenario.load(SCENARIOS / "treated.toml", text=text)
    return film.make([arm], names=["with"], seed=SEED, patient=TREATED)


@pytest.mark.parametrize("which, number", [("shown", 0), ("shown", 1), ("crowded", 0), ("treated", 0)])
def test_every_settled_cell_is_somewhere_in_every_frame(which, number, request):
    made = request.getfixturevalue(which)
    counts = made["arms"][number]["counts"]
    for frame in range(0, made["frames"] - 1, 20):
        for niche in range(len(NICHES)):
            here = {name: at(counts[name][niche], frame) for name in counts}
            assert here["settled"] == sum(
                here[name] for name in ("asleep", "awake", "micrometastasis", "macrometastasis", "cleared")
            ), (frame, niche)
    assert sum(at(steps, 10**9) for steps in counts["settled"]) > 100


def test_treatment_shows_in_film(treated):
    arm = treated["arms"][0]
    started = {name: day - arm["diagnosis_day"] for name, day in starts_of(arm).items()}
    assert (started["resection"], started["chemotherapy"]) == (10, 70) and started["liver_resection"] > 7
    operation, dots = arm["diagnosis_day"] + started["liver_resection"], arm["dots"]
    cut = [
        i
        for i in np.flatnonzero(dots["metastasis"])
        if dots["organ"][i] == 0 and dots["arrived"][i] + dots["ended"][i] == operation
    ]
    assert cut and all(dots["ended"][i] > 0 for i in cut)
    assert arm["primary_log10_cells"][-1] == 0


def test_treatments_start_in_the_film_when_the_engine_starts_them(tmp_path):
    """Of one whose metastases are visible, and make symptoms, before the primary would present.

    What waits for the first metastasis waits for diagnosis too; what comes before diagnosis counts from the reference day.
    """
    file, patient = scenario_file(tmp_path, patients=4), 3
    given = treatments(("chemotherapy", "first metastasis", 7), ("senolytic", "diagnosis", -20))
    file.write_text(file.read_text(encoding="utf-8") + given, encoding="utf-8")
    many_and_fast = ["competent_share=1e-2", "metastasis_capacity_cells=1e12", "diagnosis_median_cells=5e6"]
    early = ["imaging_threshold_cells=1e6", "symptom_cells=1e9", "lethal_factor=100"]
    arm = scenario.load(file).with_(off=["dormancy"], set_=many_and_fast + early)
    reference = int(build_model(arm, seed=SEED, patients=np.array([patient]), collect=False).hosts.reference_day[0])
    (shown,) = film.make([arm], names=["with"], seed=SEED, patient=patient)["arms"]
    seen = min(event["day"] for event in shown["events"] if event["kind"] == "first_visible")
    assert seen + 21 < shown["diagnosis_day"] < reference - 21
    assert starts_of(shown) == {"chemotherapy": shown["diagnosis_day"] + 7, "senolytic": reference - 20}


def test_a_patient_without_seeds_and_one_body_alone(arms):
    made = film.make(arms[:1], names=["with"], seed=SEED, patient=2)
    assert made["arms"][0]["dots"]["organ"] == [] and made["first_day"] == 0 and made["cells_per_dot"] == 1
    assert made["arms"][0]["shed_cells"] > 0 and at(made["arms"][0]["shed"], 10**9) == made["arms"][0]["shed_cells"]


def test_values_that_do_not_fit_are_refused(arms):
    wrong = arms[0].with_(
        set_=[
            "arrest_probability.liver=0",
            "arrest_probability.lung=0",
            "arrest_probability.other=0",
            "death_per_pass=0",
        ]
    )
    with pytest.raises(InputError, match="circulate for ever"):
        film.make([wrong], names=["with"], seed=SEED, patient=PATIENT)
