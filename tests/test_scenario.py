"""Scenarios: the files of the repository, resolving, extending, the command line's changes, the schema."""

import json
import pickle
import tomllib

import pytest

from sim import catalog, mechanisms
from sim.finding import SCENARIOS as FOLDER
from sim.names import SITES
from sim.scenario import AgeDistribution, Override, files, listing, load
from sim.scenario import json_schema as scenario_schema
from sim.scenario.comparison import load_comparison
from sim.scenario.resolve import DEFAULT_OUTPUT_EVERY_DAYS
from sim.scenario.text import key_parts, locate

YEAR_DAYS = 365.25
TOGGLES = {
    "colorectal_without_portal_vein": "dual_blood_supply",
    "colorectal_without_inflammation": "inflammation",
    "colorectal_without_senescent_vesicles": "senescent_vesicles",
    "colorectal_without_dormancy": "dormancy",
}
BASES = {"colorectal": "colon", "breast": "breast", "pancreas": "pancreas", "lung": "lung", "stomach": "stomach"}


@pytest.fixture
def folder(tmp_path):
    """A folder with a copy of colorectal.toml to extend."""
    (tmp_path / "colorectal.toml").write_text(
        (FOLDER / "colorectal.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    return tmp_path


def write(folder, text, name="mine.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_folder_holds_what_is_promised():
    promised = {*BASES, *TOGGLES, *(f"autopsy/{site}" for site in SITES)}
    assert promised <= {file.relative_to(FOLDER).with_suffix("").as_posix() for file in files()}


@pytest.mark.parametrize("file", files(), ids=lambda file: file.relative_to(FOLDER).as_posix())
def test_every_scenario_of_the_repository_loads(file):
    scenario = load(file)
    assert scenario.name == file.relative_to(FOLDER).with_suffix("").as_posix().replace("/", "_")
    of_its_own = load_comparison(file) or file.stem == "mouse_liver_bolus"  # a question, or an assay
    assert scenario.patients == 500 or of_its_own, "only a question sizes its cohort by its error"
    assert scenario.primary in SITES
    assert set(scenario.mechanisms) == set(mechanisms.REGISTRY)
    assert list(scenario.parameters) == list(catalog.load())
    assert set(scenario.overrides) <= {"old_series"} or of_its_own, (
        "only a question asks of other patients than the catalogue's"
    )
    assert file.read_text(encoding="utf-8").startswith("#:schema ")
    schema = file.parent / file.read_text(encoding="utf-8").splitlines()[0].removeprefix("#:schema ")
    assert schema.resolve() == scenario_schema.FILE.resolve()


@pytest.mark.parametrize(("name", "primary"), BASES.items())
def test_a_base_scenario_is_followed_for_five_years_by_imaging(name, primary):
    scenario = load(FOLDER / f"{name}.toml")
    assert (scenario.primary, scenario.horizon_days, scenario.observe) == (primary, 5 * YEAR_DAYS, "imaging")
    assert scenario.mechanisms == mechanisms.default_states()
    assert scenario.output_every_days == DEFAULT_OUTPUT_EVERY_DAYS
    assert scenario.age == AgeDistribution(60.0 if name == "breast" else 67.0, 11.0, 30.0, 95.0)


@pytest.mark.parametrize("site", SITES)
def test_an_autopsy_scenario_differs_from_its_fellows_in_its_site_alone(site):
    scenario = load(f"autopsy/{site}")
    assert (scenario.primary, scenario.observe, scenario.horizon_days) == (site, "autopsy", 45 * YEAR_DAYS)
    assert scenario.name == f"autopsy_{site}"
    assert {name: override.value for name, override in scenario.overrides.items()} == {"old_series": 1.0}
    assert scenario.mechanisms == mechanisms.default_states()


@pytest.mark.parametrize(("name", "mechanism"), TOGGLES.items())
def test_a_toggle_scenario_changes_one_line_of_its_base(name, mechanism):
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    assert set(raw) == {"extends", "title", "question", "mechanisms"}
    assert raw["mechanisms"] == {mechanism: False}
    base, toggled = load("colorectal").to_dict(), load(name).to_dict()
    assert toggled["mechanisms"] == base["mechanisms"] | {mechanism: False}
    differing = {key for key in base if base[key] != toggled[key]}
    assert differing == {"name", "file", "title", "question", "mechanisms"}


def test_overrides_are_converted_and_keep_their_reason(folder):
    path = write(
        folder,
        """extends = "colorectal.toml"
[parameters]
"soil.liver" = { value = 0.25, reason = "fibrosis" }
cycling_birth_per_day = { value = "3.5 1/week", reason = "faster" }
[parameters.imaging_threshold_cells]
value = "1e8 cells"
reason = "a better scanner"
""",
    )
    scenario = load(path)
    assert scenario.overrides == {
        "soil.liver": Override(0.25, "fibrosis"),
        "cycling_birth_per_day": Override(0.5, "faster"),
        "imaging_threshold_cells": Override(1e8, "a better scanner"),
    }
    resolved = scenario.parameters["soil.liver"]
    assert (resolved.value, resolved.kind, resolved.source, resolved.reason) == (
        0.25,
        "override",
        "fibrosis",
        "fibrosis",
    )
    assert resolved.parameter == catalog.load()["soil.liver"]
    untouched = scenario.parameters["soil.lung"]
    assert untouched.reason is None
    assert (untouched.value, untouched.kind) == (catalog.load()["soil.lung"].value, catalog.load()["soil.lung"].kind)


def test_an_override_may_leave_the_plausible_range_but_not_the_hard_limits(folder):
    parameter = catalog.load()["primary_gompertz_per_day"]
    text = 'extends = "colorectal.toml"\n[parameters]\nprimary_gompertz_per_day = { value = VALUE, reason = "an extreme" }\n'
    beyond = parameter.high * 1.001
    assert beyond < parameter.maximum
    assert load(write(folder, text.replace("VALUE", repr(beyond)))).parameters[parameter.name].value == beyond


def test_extending_merges_key_by_key_along_the_chain(folder):
    write(
        folder, 'extends = "colorectal.toml"\n[cohort]\npatients = 7\n[mechanisms]\ndormancy = false\n', "middle.toml"
    )
    path = write(
        folder,
        'extends = "middle.toml"\ncohort.age.mean = "50 years"\noutput_every = "2 weeks"\n[mechanisms]\ninflammation = false\n',
    )
    scenario = load(path)
    assert scenario.patients == 7
    assert scenario.age == AgeDistribution(50.0, 11.0, 30.0, 95.0)
    assert scenario.output_every_days == 14
    assert scenario.mechanisms == mechanisms.default_states() | {"inflammation": False, "dormancy": False}
    assert scenario.title == load("colorectal").title


def test_what_extends_wins_and_leaves_what_it_extends_alone(folder):
    parent = write(
        folder,
        'extends = "colorectal.toml"\n[parameters]\n"soil.liver" = { value = 0.1, reason = "a" }\n',
        "parent.toml",
    )
    child = write(folder, 'extends = "parent.toml"\n[parameters]\n"soil.liver" = { value = 0.2, reason = "b" }\n')
    assert load(child).overrides["soil.liver"] == Override(0.2, "b")
    assert load(parent).overrides["soil.liver"] == Override(0.1, "a")


def test_extends_is_relative_to_its_own_file(folder, monkeypatch):
    (folder / "deep").mkdir()
    path = write(folder / "deep", 'extends = "../colorectal.toml"\n')
    monkeypatch.chdir(folder / "deep")
    assert load("mine.toml").title == load(path).title == load("colorectal").title


def test_a_name_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "colorectal").mkdir()  # a folder of results must not hide the scenario
    assert (
        load("colorectal")
        == load("colorectal.toml")
        == load("scenarios/colorectal.toml")
        == load(FOLDER / "colorectal.toml")
    )


def test_windows_texts_are_read(folder):
    text = (folder / "colorectal.toml").read_text(encoding="utf-8")
    path = folder / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load(path).primary == "colon"


def test_the_command_line_changes_a_copy():
    base = load("colorectal")
    changed = base.with_(
        patients=20, off=["dormancy", "inflammation"], set_=["soil.liver=20 %", "cycling_birth_per_day = 7 1/week"]
    )
    assert changed.patients == 20
    assert changed.mechanisms == mechanisms.default_states() | {"inflammation": False, "dormancy": False}
    assert changed.overrides == {
        "soil.liver": Override(0.2, "command line"),
        "cycling_birth_per_day": Override(1.0, "command line"),
    }
    assert changed.parameters["soil.liver"].value == 0.2
    assert changed.parameters["soil.liver"].reason == "command line"
    assert (base.patients, dict(base.overrides), dict(base.mechanisms)) == (500, {}, mechanisms.default_states())
    assert load("colorectal_without_dormancy").with_(on=["dormancy"]).mechanisms == base.mechanisms
    assert base.with_() == base


def test_a_scenario_is_frozen_and_travels_to_workers():
    scenario = load("colorectal").with_(set_=["soil.liver=0.2"])
    with pytest.raises(AttributeError):
        scenario.patients = 3
    with pytest.raises(TypeError):
        scenario.mechanisms["dormancy"] = False
    travelled = pickle.loads(pickle.dumps(scenario))
    assert travelled == scenario
    with pytest.raises(TypeError):
        travelled.parameters["soil.liver"] = None


def test_the_resolved_scenario_is_plain_and_holds_no_machine_path(folder):
    for scenario in (load("autopsy/colon"), load(folder / "colorectal.toml").with_(set_=["soil.liver=0.2"])):
        text = json.dumps(scenario.to_dict(), allow_nan=False)
        assert str(folder) not in text and str(FOLDER.parent) not in text
        plain = json.loads(text)
        assert plain["parameters"]["soil.liver"]["value"] == scenario.parameters["soil.liver"].value
        assert plain["horizon_days"] == scenario.horizon_days
        assert plain["mechanisms"] == dict(scenario.mechanisms)


def test_the_list_is_sorted_and_survives_a_broken_file(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    write(tmp_path, (FOLDER / "colorectal.toml").read_text(encoding="utf-8"), "b.toml")
    write(tmp_path, "title = ", "a.toml")
    title = load("colorectal").title
    write(tmp_path / "sub", 'extends = "../b.toml"\ntitle = "Deeper"\n', "a.toml")
    write(tmp_path, "nothing = 1", "_base.toml")
    monkeypatch.setattr("sim.finding.SCENARIOS", tmp_path)
    rows = listing()
    assert [row[0].as_posix() for row in rows] == ["a", "b", "sub/a"]
    assert rows[0][1] == "(broken)" and "line 1" in rows[0][2] and rows[0][3] == "?"
    assert rows[1][1] == title and rows[1][3] == "colon"
    assert rows[2][1] == "Deeper"


def test_the_list_of_the_repository_is_whole():
    rows = listing()
    assert len(rows) == len(files())
    assert all(title and question and primary in SITES for _, title, question, primary in rows)


def test_the_schema_in_the_repository_is_the_one_that_the_code_makes():
    made = scenario_schema.schema_text()
    assert scenario_schema.FILE.read_text(encoding="utf-8") == made, "run: python -m sim.scenario.json_schema"


def test_the_schema_names_mechanisms_and_parameters():
    schema = json.loads(scenario_schema.schema_text())
    assert set(schema["properties"]["mechanisms"]["properties"]) == set(mechanisms.REGISTRY)
    assert set(schema["properties"]["parameters"]["properties"]) == set(catalog.load())
    assert schema["properties"]["primary"]["enum"] == list(SITES)
    assert schema["additionalProperties"] is False
    assert "null" not in json.dumps(schema)


TRICKY = '''# a = 1
title = "x # [no.table]"
question = """
[not.a.table]
key = 1 """ # comment
a."b.c" = [ 1, { d = 2, e = [
  "]" ] }, # , [
  3,
]
[ t . 'u' ]
v = { w = "}", x.y = 1979-05-27 }
[[list]]
k = 1
[[list]]
k = 2
[list.inner]
m = 3
'''


def test_the_scanner_finds_the_line_of_every_key():
    tomllib.loads(TRICKY)
    assert locate(TRICKY).lines == {
        ("title",): 2,
        ("question",): 3,
        ("a",): 6,
        ("a", "b.c"): 6,
        ("a", "b.c", 0): 6,
        ("a", "b.c", 1): 6,
        ("a", "b.c", 1, "d"): 6,
        ("a", "b.c", 1, "e"): 6,
        ("a", "b.c", 1, "e", 0): 7,
        ("a", "b.c", 2): 8,
        ("t",): 10,
        ("t", "u"): 10,
        ("t", "u", "v"): 11,
        ("t", "u", "v", "w"): 11,
        ("t", "u", "v", "x"): 11,
        ("t", "u", "v", "x", "y"): 11,
        ("list",): 12,
        ("list", 0): 12,
        ("list", 0, "k"): 13,
        ("list", 1): 14,
        ("list", 1, "k"): 15,
        ("list", 1, "inner"): 16,
        ("list", 1, "inner", "m"): 17,
    }
    assert locate(TRICKY).line(("t", "u", "absent")) == 10
    assert locate(TRICKY).line(("absent",)) is None


def test_the_scanner_tells_keys_that_stand_twice():
    assert locate("a = 1\n\n[b]\nc = 2\nc = 3\n").repeated == [(("b", "c"), 4, 5)]
    assert locate("[b]\n[b]\n").repeated == [(("b",), 1, 2)]
    assert not locate("[b.c]\n[b]\n").repeated


def test_a_dotted_key_is_taken_apart():
    assert key_parts("a.\"b.c\" . 'd'") == ("a", "b.c", "d")
