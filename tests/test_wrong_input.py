"""Wrong scenarios: each fault ends in one clear InputError that says where, what was found, what is allowed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.finding import SCENARIOS as FOLDER
from sim.scenario import Scenario, load
from sim.scenario.text import locate

BASE = (FOLDER / "colorectal.toml").read_text(encoding="utf-8")
CHILD = 'extends = "colorectal.toml"\n'


@pytest.fixture(scope="module")
def refusal(tmp_path_factory):
    """refusal(text) -> the message with which a scenario of that text (or bytes) is refused."""
    folder = tmp_path_factory.mktemp("scenarios")
    (folder / "colorectal.toml").write_text(BASE, encoding="utf-8")
    (folder / "loop.toml").write_text('extends = "mine.toml"\n', encoding="utf-8")
    (folder / "broken.toml").write_text('extends = "colorectal.toml"\nhorizon = "5 mm"\n', encoding="utf-8")
    (folder / "unreadable.toml").write_text("a = [\n", encoding="utf-8")

    def refuse(text):
        path = folder / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(InputError) as caught:
            load(path)
        return str(caught.value)

    return refuse


def parameter(entry):
    return f"{CHILD}[parameters]\n{entry}\n"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        # keys
        (
            CHILD + "horison = 3\n",
            ["line 2: horison:", 'unknown key "horison"', "did you mean horizon", "allowed: extends, title"],
        ),
        (
            CHILD + "[cohort]\npatient = 3\n",
            ["line 3: cohort.patient:", "did you mean patients?", "allowed: patients, age"],
        ),
        (CHILD + "[cohort]\nage = { maen = '3 years' }\n", ["line 3: cohort.age.maen:", "did you mean mean?"]),
        (CHILD + "patients = 3\n", ["line 2", 'unknown key "patients"', "patients stands in [cohort]"]),
        (CHILD + "[mechanisms]\nobserve = 'autopsy'\n", ["line 3", "unknown mechanism", "observe stands at the top"]),
        (CHILD + "horizon = '1 year'\n\nhorizon = '2 years'\n", ["line 4: horizon: found twice (first in line 2)"]),
        (CHILD + "[cohort]\n[mechanisms]\n[cohort]\n", ["line 4: cohort: found twice (first in line 2)"]),
        # types
        (
            CHILD + "[mechanisms]\ndormancy = 'off'\n",
            ['line 3: mechanisms.dormancy: found "off"; allowed: true or false'],
        ),
        (CHILD + "[mechanisms]\ndormancy = 0\n", ["found 0 (a number); allowed: true or false"]),
        (CHILD + "mechanisms = ['dormancy']\n", ["line 2: mechanisms: found a list; allowed: a table"]),
        (CHILD + "title = 5\n", ["line 2: title: found 5 (a number); allowed: text in quotes"]),
        (CHILD + "title = ''\n", ["title: found an empty text; allowed: text that is not empty"]),
        (CHILD + "title = '''a\nb'''\n", ["allowed: one line of text"]),
        (CHILD + "cohort = 3\n", ["line 2: cohort: found 3 (a number); allowed: a table"]),
        (CHILD + "[cohort]\npatients = '500'\n", ['found "500"; allowed: a whole number, 1 to']),
        (CHILD + "[cohort]\npatients = 500.0\n", ["found 500.0 (a number); allowed: a whole number"]),
        (CHILD + "[cohort]\npatients = true\n", ["found true; allowed: a whole number"]),
        (CHILD + "[cohort]\npatients = 1979-05-27\n", ["found 1979-05-27 (a date or time); allowed: a whole number"]),
        # numbers
        (
            CHILD + "[cohort]\npatients = 0\n",
            ["line 3: cohort.patients: found 0 (a number); allowed: a whole number, 1 to"],
        ),
        (CHILD + "[cohort]\npatients = -3\n", ["found -3"]),
        (CHILD + "[cohort]\npatients = " + "9" * 400, ["found a number of more than 30 digits"]),
        (CHILD + "[cohort]\npatients = " + "9" * 5000, ["found a number with too many digits"]),
        (
            parameter("sleep_probability = { value = 1.5, reason = 'x' }"),
            ["line 3: parameters.sleep_probability.value: found 1.5 (a number); allowed: 0 to 1"],
        ),
        (parameter("sleep_probability = { value = '150 %', reason = 'x' }"), ['found "150 %"; allowed: 0 to 1']),
        (
            parameter("cycling_birth_per_day = { value = -1, reason = 'x' }"),
            ["found -1 (a number); allowed: 0.001 to 20 1/day"],
        ),
        (
            parameter("cycling_birth_per_day = { value = inf, reason = 'x' }"),
            ["found inf (a number), which is not finite"],
        ),
        (
            parameter("cycling_birth_per_day = { value = nan, reason = 'x' }"),
            ["found nan (a number), which is not finite"],
        ),
        (parameter(f"cycling_birth_per_day = {{ value = {'9' * 400}, reason = 'x' }}"), ["which is not finite"]),
        (parameter("sleep_probability = { value = true, reason = 'x' }"), ["found true; allowed: a number, 0 to 1"]),
        (parameter("sleep_probability = { value = [0.5], reason = 'x' }"), ["found a list; allowed: a number"]),
        (
            parameter(
                "'drainage.colon.portal' = { value = 0, reason = 'x' }\n'drainage.colon.caval' = { value = 0, reason = 'x' }"
            ),
            ["drainage.colon: found shares that sum to 0"],
        ),
        # overrides
        (parameter("sleep_probability = 0.5"), ["found 0.5 (a number); allowed: { value = ..., reason"]),
        (parameter("sleep_probability = { value = 0.5 }"), ["sleep_probability.reason: missing"]),
        (parameter("sleep_probability = { reason = 'x' }"), ["sleep_probability.value: missing"]),
        (parameter("sleep_probability = { value = 0.5, reason = ' ' }"), ["reason: found an empty text"]),
        (
            parameter("sleep_probability = { value = 0.5, reson = 'x' }"),
            ['unknown key "reson"; did you mean reason?', "reason: missing"],
        ),
        (
            parameter("sleep_probabilty = { value = 0.5, reason = 'x' }"),
            ["line 3", "unknown parameter", "did you mean sleep_probability"],
        ),
        (
            parameter("'soil.livr' = { value = 0.5, reason = 'x' }"),
            ['unknown organ "livr"; did you mean liver? allowed: liver, lung, bone'],
        ),
        (
            parameter("'drainage.colom.portal' = { value = 0.5, reason = 'x' }"),
            ['unknown primary site "colom"; did you mean colon?'],
        ),
        (parameter("'soil' = { value = 0.5, reason = 'x' }"), ['choose one, such as "soil.liver"']),
        (parameter("soil.liver = { value = 0.5, reason = 'x' }"), ['without quotes; allowed: "soil.liver" =']),
        (parameter("'sleep_probability.liver' = { value = 0.5, reason = 'x' }"), ["did you mean sleep_probability?"]),
        # names
        (
            CHILD + "[mechanisms]\ndormncy = false\n",
            ["line 3", 'unknown mechanism "dormncy"; did you mean dormancy? allowed: dual_blood_supply'],
        ),
        (CHILD + "primary = 'bowel'\n", ['unknown primary site "bowel"', "allowed: colon, rectum"]),
        (CHILD + "primary = 'Colon'\n", ["did you mean colon?"]),
        (CHILD + "observe = 'ct'\n", ["found \"ct\"; allowed: 'imaging' or 'autopsy'"]),
        # units
        (
            CHILD + "horizon = '5 mm'\n",
            ['line 2: horizon: found "5 mm"', '"mm" does not fit; allowed: hour, day, week, month, year'],
        ),
        (CHILD + "horizon = 5\n", ["found 5 (a number); allowed: text with a number and a unit"]),
        (CHILD + "horizon = '5'\n", ['found "5" without a unit; allowed units: hour, day']),
        (CHILD + "horizon = '0 days'\n", ['found "0 days"; allowed: 1 day to 200 years']),
        (CHILD + "horizon = '-5 years'\n", ['found "-5 years"']),
        (CHILD + "horizon = 'nan years'\n", ["not finite"]),
        (CHILD + "output_every = '10 days'\n", ["allowed: a whole number of weeks"]),
        (
            parameter("cycling_birth_per_day = { value = '5 days', reason = 'x' }"),
            ['"days" does not fit; allowed: 1/hour, 1/day'],
        ),
        (
            CHILD + "cohort.age.low = '80 years'\n",
            ["line 2: cohort.age: found low 80, mean 67, high 95 years; allowed: low <= mean <= high"],
        ),
        (CHILD + "cohort.age.mean = '3 kg'\n", ['"kg" does not fit']),
        # extends
        (
            CHILD.replace("tal", "tl"),
            [
                'line 1: extends: found "colorectl.toml": no such file, neither in ',
                " nor among the scenarios that come with the program; did you mean colorectal.toml",
                "mine.toml -> colorectl.toml",
            ],
        ),
        ("extends = 'loop.toml'\n", ["extends: circular: mine.toml -> loop.toml -> mine.toml"]),
        ("extends = 'mine.toml'\n", ["circular: mine.toml -> mine.toml"]),
        ("extends = '.'\n", ["found a folder", "extended by"]),
        ("extends = 'a\\u0000b'\n", ["no such file"]),
        ("extends = 5\n", ["line 1: extends: found 5 (a number); allowed: text in quotes"]),
        ("extends = ''\n", ["extends: found an empty text"]),
        ("extends = 'broken.toml'\nhorizon = '1 year'\n", ['broken.toml, line 2: horizon: found "5 mm"']),
        ("extends = 'unreadable.toml'\n", ["unreadable.toml, line 2", "not valid TOML", "extended by"]),
        # no scenario at all
        ("", ["found an empty file; allowed: a scenario"]),
        (" \n\n", ["found an empty file"]),
        ("# title = 'x'\n", ["found no keys"]),
        (b"title = 'x'\nprimary = '\xe9'\n", ["line 2: not UTF-8: found byte 0xe9 at byte offset 23"]),
        ("title = 'x'".encode("utf-16"), ["not UTF-8", "looks like UTF-16"]),
        (b"PAR1\x00\x01\xff\xfe", ["not UTF-8: found byte 0xff at byte offset 6"]),
        ("title = 'x'\nprimary: colon\n", ["line 2, column 8: not valid TOML"]),
        ("title = 'x'\nprimary = 'colon\nhorizon = '5 years'", ["line 2, column 17: not valid TOML"]),
        ("a = " + "[" * 50_000, ["nested too deep"]),
        ("#" * 1_000_001, ["found more than 1,000,000 bytes"]),
        # what is missing
        (
            "title = 'x'\n",
            [
                "missing key question",
                "missing key primary",
                'missing key horizon; allowed: horizon = "5 years"',
                "missing key cohort;",
            ],
        ),
        (BASE.replace("patients = 500", ""), ["missing key cohort.patients; allowed: patients = 500"]),
        (BASE.replace('sd = "11 years"', ""), ["missing key cohort.age.sd"]),
    ],
    ids=lambda value: repr(value[-40:]) if isinstance(value, str | bytes) else "",
)
def test_a_fault_is_told_with_its_place(refusal, text, pieces):
    message = refusal(text)
    for piece in pieces:
        assert piece in message
    assert all(line.count(".toml") for line in message.splitlines())


def test_all_faults_of_a_chain_are_told_one_a_line_in_the_order_of_the_files(refusal):
    message = refusal(
        "extends = 'broken.toml'\nprimary = 'bowel'\n[cohort]\npatients = 0\n[mechanisms]\ndormncy = true\n"
        "[parameters]\nsleep_probability = { value = 2, reason = '' }\n"
    )
    places = [line.split(": ")[0].split(", ")[-1] + " " + line.split(": ")[1] for line in message.splitlines()]
    assert places == [
        "line 2 primary",
        "line 4 cohort.patients",
        "line 6 mechanisms.dormncy",
        "line 8 parameters.sleep_probability.value",
        "line 8 parameters.sleep_probability.reason",
        "line 2 horizon",
    ]
    assert "broken.toml" in message.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("colorctal", ["no such scenario file", "did you mean", "colorectal"]),
        ("scenarios/colorctal.toml", ["no such scenario file", "did you mean", "colorectal"]),
        ("autopsy/colan", ["did you mean", "autopsy/colon"]),
        ("autopsy/colan.toml", ["neither in", "did you mean", "autopsy/colon.toml"]),
        ("nothing like it at all", ["no such scenario file", "breast, ", ", colorectal, "]),
        ("scenarios", ["found a folder", "colorectal.toml"]),
        ("scenarios/autopsy", ["found a folder", "colon.toml"]),
        ("scenarios/autopsy/_base.toml", ["missing key primary", "is a base for others"]),
        ("", ["empty scenario name"]),
        (" ", ["empty scenario name"]),
        ("a\0b", ["no such scenario file"]),
        ("x" * 5000, ["no such scenario file"]),
        ("colorectal.toml/x", ["no such scenario file"]),
    ],
)
def test_a_name_that_is_no_scenario_is_answered_with_those_that_are(name, pieces, monkeypatch):
    monkeypatch.chdir(FOLDER.parent)
    with pytest.raises(InputError) as caught:
        load(name)
    for piece in pieces:
        assert piece in str(caught.value)
    assert "\0" not in str(caught.value)


def test_a_device_is_no_scenario():
    with pytest.raises(InputError, match="not an ordinary file"):
        load("/dev/null")


@pytest.mark.parametrize(
    ("changes", "pieces"),
    [
        ({"patients": 0}, ["--patients 0: found 0 (a number); allowed: a whole number, 1 to"]),
        ({"patients": 2**20 + 1}, ["--patients 1048577:", "1 to 1,048,576"]),
        ({"patients": 1.5}, ["found 1.5"]),
        ({"off": ["dormncy"]}, ["--off dormncy: unknown mechanism", "did you mean dormancy?"]),
        ({"on": ["x"]}, ["--on x: unknown mechanism"]),
        ({"on": ["dormancy"], "off": ["dormancy"]}, ["--on dormancy: found with --off dormancy"]),
        ({"set_": ["soil.liver"]}, ["--set soil.liver: found no name and value; allowed: name=value"]),
        ({"set_": ["=3"]}, ["found no name and value"]),
        ({"set_": ["soil.liver="]}, ['--set soil.liver=: found ""']),
        ({"set_": ["soil.livr=0.1"]}, ['unknown organ "livr"; did you mean liver?']),
        ({"set_": ["soil.liver=1.1"]}, ['found "1.1"; allowed: 0 to 1']),
        ({"set_": ["soil.liver=nan"]}, ["not finite"]),
        ({"set_": ["soil.liver=true"]}, ['found "true"; allowed: a plain number or %']),
        ({"set_": ["cycling_birth_per_day=5 days"]}, ['"days" does not fit; allowed: 1/hour, 1/day']),
        ({"set_": ["soil.liver=0.1", "soil.liver=0.2"]}, ["found soil.liver twice"]),
        (
            {"set_": ["drainage.colon.portal=0", "drainage.colon.caval=0"]},
            ["drainage.colon: found shares that sum to 0"],
        ),
        ({"patients": -1, "off": ["a"], "set_": ["b=1"]}, ["--patients -1", "--off a", "--set b=1"]),
    ],
)
def test_a_wrong_option_is_told_by_its_name(changes, pieces):
    with pytest.raises(InputError) as caught:
        load("colorectal").with_(**changes)
    for piece in pieces:
        assert piece in str(caught.value)
    assert len(str(caught.value).splitlines()) == (3 if len(changes) == 3 else 1)


PIECES = st.sampled_from(
    [
        "extends",
        "title",
        "horizon",
        "cohort",
        "age",
        "mean",
        "patients",
        "mechanisms",
        "parameters",
        "dormancy",
        "'soil.liver'",
        "value",
        "reason",
        "=",
        "\n",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ".",
        ",",
        '"',
        "'",
        '"""',
        "#",
        "true",
        "1",
        "-1",
        "1e400",
        "nan",
        "'5 years'",
        "'colorectal.toml'",
        "'.'",
        "1979-05-27",
        " ",
        "\\",
        "\\u0041",
        "\0",
        "\ufeff",
        "é",
    ]
)


def only_refused(folder, text):
    path = folder / "fuzzed.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(load(path), Scenario)
    except InputError as error:
        assert str(error)
        assert all(line.strip() for line in str(error).splitlines())


@pytest.fixture(scope="module")
def fuzz_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "colorectal.toml").write_text(BASE, encoding="utf-8")
    return folder


RICH = BASE + '[mechanisms]\ndormancy = false\n[parameters]\n"soil.liver" = { value = "0.5", reason = "a\\tb" }\n'


@given(
    st.lists(
        st.tuples(st.integers(0, len(RICH)), st.integers(0, 25), st.lists(PIECES, max_size=3).map("".join)),
        min_size=1,
        max_size=4,
    )
)
def test_a_mutated_scenario_is_a_scenario_or_an_input_error(fuzz_folder, mutations):
    text = RICH
    for start, length, new in mutations:
        text = text[:start] + new + text[start + length :]
    only_refused(fuzz_folder, text)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_toml_like_text_is_a_scenario_or_an_input_error(fuzz_folder, text):
    only_refused(fuzz_folder, text)


SCALARS = st.one_of(
    st.booleans().map(lambda flag: str(flag).lower()),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["'5 years'", "'colon'", "''", "'1/day'", "1979-05-27T07:32:00Z", "07:32:00", "'colorectal.toml'"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(st.sampled_from(["value", "reason", "age", "mean", "low", "x"]), inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "extends",
        "title",
        "question",
        "primary",
        "horizon",
        "observe",
        "output_every",
        "cohort",
        "mechanisms",
        "parameters",
        "cohort.age",
        "cohort.patients",
        "mechanisms.dormancy",
        'parameters."soil.liver"',
        "parameters.sleep_probability",
        "x",
        '""',
    ]
)


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.booleans())
def test_valid_toml_of_any_shape_is_a_scenario_or_an_input_error(fuzz_folder, table, extending):
    lines = ["extends = 'colorectal.toml'"] if extending and "extends" not in table else []
    only_refused(fuzz_folder, "\n".join(lines + [f"{key} = {value}" for key, value in table.items()]))


@given(st.text(max_size=200))
def test_the_scanner_never_raises(text):
    assert all(line >= 1 for line in locate(text).lines.values())
