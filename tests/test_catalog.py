"""The catalogue: every number has its proof, its unit and its range, stands once, and is really used."""

import dataclasses
import math
import re
import shutil

import numpy as np
import pytest
from every import assert_every, failures
from treated_patients import plan
from virtual_patients import AGE, on, values

from sim import catalog, units
from sim.catalog import transcription
from sim.catalog.parameters import LaneParameters
from sim.disease import body
from sim.disease.hosts import draw_hosts
from sim.mechanisms import REGISTRY
from sim.model import MetastasisModel
from sim.names import NICHES, SITES, VEINS
from sim.treatments import REGISTRY as TREATMENTS

PARAMETERS = catalog.load()
UNITS = {"1", "%", "day", "1/day", "cell", "year", "1/year", "kg/m2"}
"""Units that the engine computes in; another one here is a new unit in the engine."""


def of_each_parameter(check):
    """Fail with the names of all parameters of which `check(parameter)` fails."""
    assert_every(check, PARAMETERS.values(), name=lambda parameter: parameter.name)


def blocks():
    """Every block of every file as (file, name, block), straight from the TOML."""
    for path in sorted(catalog.FOLDER.glob("*.toml")):
        for name, block in catalog.blocks(path):
            yield path.name, name, block


# -- proof ---------------------------------------------------------------------------------------


def check_proof(entry):
    _file, _name, block = entry
    proof = block[catalog.PROOF[block["kind"]]]
    if block["kind"] == "measured":
        assert block["targets"], "a measured number cites the rows it was read from"
        assert any(character.isdigit() for character in proof), "a source has a year, a table or a page"
    elif block["kind"] == "derived":
        assert "=" in proof and block["targets"], "a formula, and the rows that it starts from"
    elif block["kind"] == "assumed":
        for reason in proof.values() if isinstance(proof, dict) else [proof]:
            assert len(reason.split()) >= 2, "why is a reason, not a word"
    assert len(block["meaning"].split()) >= 4


def test_every_kind_brings_its_proof():
    assert_every(check_proof, blocks(), name=lambda entry: f"{entry[0]}:{entry[1]}")


def test_every_citation_is_a_published_row():
    rows = catalog.literature()
    cited = {(name, row) for name, p in PARAMETERS.items() for row in p.targets}
    assert {row for _, row in cited} <= set(rows)
    assert all(rows[row]["citation"] for _, row in cited)
    for name, parameter in PARAMETERS.items():
        if parameter.kind in ("measured", "derived", "calibrated"):
            assert parameter.targets, f"{name} is {parameter.kind} and cites no row"


def test_ids_in_a_reason_are_published_rows():
    """An id named in the text (CTC01) is one that the table has, and is cited."""
    known = set(catalog.literature())
    stems = {re.match(r"[A-Z]+(?=\d)", row)[0] for row in known if re.match(r"[A-Z]+\d", row)}
    for name, parameter in PARAMETERS.items():
        for word in re.findall(r"\b([A-Z]+)(\d{2,3})\b", parameter.source):
            if word[0] in stems:
                assert "".join(word) in known, f"{name} names {''.join(word)}, which the published rows do not have"


def test_published_rows_have_an_id_each_and_a_citation():
    lines = [line for path in catalog.LITERATURE_FILES for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(catalog.literature()) == len([line for line in lines if line])
    assert all(row["quantity"] and row["citation"] for row in catalog.literature().values())


# -- a second transcription ----------------------------------------------------------------------

# NRC 1999, p. 239, tables: per cent of the resting output, typed again from the table.
BLOOD_FLOW_PERCENT = {
    "BF_stomach_wall": 1.0, "BF_small_intestine_wall": 10.0, "BF_upper_large_intestine_wall": 2.0,
    "BF_lower_large_intestine_wall": 2.0, "BF_pancreas": 1.0, "BF_spleen": 3.0, "BF_adrenals": 0.3, "BF_brain": 12.0,
    "BF_heart_wall": 4.0, "BF_liver": 6.5, "BF_lung_tissue": 2.5, "BF_kidneys": 19.0, "BF_muscle": 17.0,
    "BF_red_marrow": 3.0, "BF_yellow_marrow": 3.0, "BF_trabecular_bone": 0.9, "BF_cortical_bone": 0.6,
    "BF_adipose": 5.0, "BF_skin": 5.0, "BF_thyroid": 1.5, "BF_testes": 0.05, "BF_other": 3.2,
}  # fmt: skip
ARTERIAL_SHARE_PERCENT = {
    "liver": 6.5, "bone": 3 + 3 + 0.9 + 0.6, "brain": 12, "adrenal": 0.3, "kidney": 19, "spleen": 3, "thyroid": 1.5,
    "pancreas": 1, "heart": 4, "skin": 5, "muscle": 17, "gut": 1 + 10 + 2 + 2, "rest": 5 + 0.05 + 3.2,
}  # fmt: skip


def test_blood_flow_rows_read_twice_are_equal():
    rows = catalog.literature()
    assert {row: float(rows[row]["value"]) for row in BLOOD_FLOW_PERCENT} == BLOOD_FLOW_PERCENT
    assert {rows[row]["unit"] for row in BLOOD_FLOW_PERCENT} == {"% cardiac output"}
    assert float(rows["BF_portal"]["value"]) == pytest.approx(15 + 1 + 3)


@pytest.mark.parametrize("bed", [bed for bed in body.BEDS if bed != "lung"])
def test_arterial_shares(bed):
    parameter = PARAMETERS[f"arterial_share.{bed}"]
    assert parameter.value == pytest.approx(ARTERIAL_SHARE_PERCENT[bed], rel=1e-12)
    assert parameter.value == pytest.approx(sum(BLOOD_FLOW_PERCENT[row] for row in parameter.targets), rel=1e-12)


def test_arterial_shares_use_every_row_once():
    """All but the bronchial flow, which the table counts on top of its hundred per cent."""
    used = [row for name, p in PARAMETERS.items() if name.startswith("arterial_share.") for row in p.targets]
    assert sorted(used) == sorted(set(BLOOD_FLOW_PERCENT) - {"BF_lung_tissue"})
    assert sum(ARTERIAL_SHARE_PERCENT.values()) == pytest.approx(100.0, abs=0.1)


@pytest.mark.parametrize(
    "name, value, to",
    [
        # One gram of 1e9 cells sheds 3.2e6 a day.
        ("shedding_per_day", 3.2e6 / 1e9 ** PARAMETERS["shedding_exponent"].value, 1e-3),
        ("autopsy_threshold_cells", math.pi / 6 * 0.5**3 * 1e9, 0.01),  # a ball of 5 mm at 1e9 cells a cubic centimetre
    ],
)
def test_derived_numbers(name, value, to):
    assert PARAMETERS[name].value == pytest.approx(value, rel=to)


@pytest.mark.parametrize(
    "what, days, to",
    [
        ("a rest of the narrow component lasts", 1088.0, 0.002),
    ],
)
def test_what_the_reasons_claim(what, days, to):
    """Numbers that stand in a `why` follow from the values beside it."""
    value = {name: p.value for name, p in PARAMETERS.items()}
    found = {
        "a rest of the narrow component lasts":
            value["dormancy_narrow_scale_days"] * math.gamma(1 + 1 / value["dormancy_narrow_shape"]),
    }  # fmt: skip
    assert found[what] == pytest.approx(days, rel=to)


def test_one_awake_cell_in_forty_five_founds_a_colony():
    value = {name: p.value for name, p in PARAMETERS.items()}
    net = value["metastasis_gompertz_per_day"] * math.log(
        value["metastasis_capacity_cells"] / value["avascular_limit_cells"]
    )
    assert 1 / (net / value["cycling_birth_per_day"]) == pytest.approx(45, rel=0.1)


# -- form ----------------------------------------------------------------------------------------


def check_form(parameter):
    assert parameter.kind in catalog.KINDS
    assert parameter.minimum <= parameter.low <= parameter.value <= parameter.high <= parameter.maximum
    closed = parameter.name.startswith("drainage.") and parameter.high == 0
    assert parameter.low < parameter.high or closed, "a range has two ends, but a way out that no text names is closed"
    assert all(math.isfinite(x) for x in (parameter.value, parameter.low, parameter.high, parameter.minimum))
    assert parameter.direction in catalog.DIRECTIONS and parameter.outcome and "{" not in parameter.outcome
    assert parameter.source or parameter.targets


def test_form():
    of_each_parameter(check_form)


def check_unit(parameter):
    assert parameter.unit in UNITS
    assert parameter.unit in units.fitting_units(parameter.unit)
    assert units.parse_quantity(f"2.5 {parameter.unit}", parameter.unit) == 2.5


def test_units():
    of_each_parameter(check_unit)


def check_name(parameter):
    name = parameter.name
    for ending, unit in (("_per_day", "1/day"), ("_days", "day"), ("_cells", "cell"), ("_years", "year")):
        if name.endswith(ending):
            assert parameter.unit == unit
    if parameter.unit == "1/day":
        assert "per_day" in name
    if parameter.unit in ("day", "cell", "year"):
        assert f"_{parameter.unit}s" in name


def test_a_unit_in_a_name_is_the_unit():
    of_each_parameter(check_name)


def test_shares_end_at_one():
    """What is a probability or a share has a maximum of one, so that a scenario cannot exceed it."""
    words = ("probability", "share", "fraction", "drainage", "soil", "own_organ_receptivity", "death_per_pass")
    for name, parameter in PARAMETERS.items():
        if any(word in name for word in words) and parameter.unit == "1":
            assert parameter.maximum == 1.0, name


def test_every_organ_site_and_vein_has_its_numbers():
    for vector in ("soil", "feeding", "burden_weight"):
        assert {name.split(".", 1)[1] for name in PARAMETERS if name.startswith(f"{vector}.")} == set(NICHES)
    assert {name.split(".")[1] for name in PARAMETERS if name.startswith("site_shedding_factor.")} == set(SITES)
    assert {tuple(name.split(".")[1:]) for name in PARAMETERS if name.startswith("drainage.")} == {
        (site, vein) for site in SITES for vein in VEINS
    }
    for site in SITES:
        assert sum(PARAMETERS[f"drainage.{site}.{vein}"].value for vein in VEINS) == pytest.approx(1.0)


def test_drainage_is_what_its_table_says():
    """Value, range and the reason of every share, with where it was read."""
    for site, veins in transcription.drainage().items():
        for vein, row in veins.items():
            parameter = PARAMETERS[f"drainage.{site}.{vein}"]
            found = (parameter.value, parameter.low, parameter.high)
            assert found == (float(row["share"]), float(row["low"]), float(row["high"]))
            assert all(row[field] in parameter.source for field in ("reason", "citation", "address"))


def test_no_two_sites_share_one_drainage():
    """Sites of one drainage give the same patients."""
    shares = {tuple(PARAMETERS[f"drainage.{site}.{vein}"].value for vein in VEINS) for site in SITES}
    assert len(shares) == len(SITES)


def test_no_parameter_stands_twice():
    def dotted(name, value):
        return (
            [full for key, inner in value.items() for full in dotted(f"{name}.{key}", inner)]
            if isinstance(value, dict)
            else [name]
        )

    names = [full for _, name, block in blocks() for full in dotted(name, block.get("values"))]
    assert len(names) == len(set(names)) == len(PARAMETERS)


# -- use -----------------------------------------------------------------------------------------


class RecordingParameters(LaneParameters):
    """Notes every name that is read."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.read = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)


READ_BY_THE_CALLER = {"autopsy_threshold_cells"}
"""What `observe` of an autopsy scenario hands to the model (sim/runs/chunk.py); imaging guides operations, too."""


def names_read_by_the_engine(**overrides) -> set[str]:
    """Names read while patients of every site are drawn, diagnosed, given every treatment, and followed for a month."""
    parameters = RecordingParameters(values(**overrides), len(SITES))
    hosts = draw_hosts(1, np.arange(len(SITES)), SITES, [AGE] * len(SITES), parameters)
    model = MetastasisModel(
        hosts,
        parameters,
        seed=1,
        horizon_days=30,
        visible_cells=1e8,
        collect=False,
        treatments=[(plan(name, organ="liver"), np.ones(len(SITES), dtype=bool)) for name in TREATMENTS],
    )
    model.run()
    assert model.cells.settled.sum() > 0
    return parameters.read


def test_the_engine_reads_every_parameter():
    read = names_read_by_the_engine(**on(*REGISTRY), surgery_inflammation=0.5)
    assert read <= set(PARAMETERS)
    assert set(PARAMETERS) - read == READ_BY_THE_CALLER


@pytest.mark.parametrize(
    "observe, threshold", [("imaging", "imaging_threshold_cells"), ("autopsy", "autopsy_threshold_cells")]
)
def test_a_scenario_chooses_the_threshold(observe, threshold):
    from sim import scenario
    from sim.runs.chunk import build_model

    chosen = scenario.load("colorectal" if observe == "imaging" else "autopsy/colon").with_(
        set_=[f"{threshold}=12345678 cells"]
    )
    assert build_model(chosen, seed=1, patients=np.arange(3), collect=False).visible_cells.tolist() == [12345678.0] * 3


# -- it can fail ---------------------------------------------------------------------------------

BREAKS = [
    (check_form, {"kind": "guessed"}),
    (check_form, {"low": 0.9, "high": 0.8}),
    (check_form, {"minimum": -math.inf}),
    (check_form, {"direction": "v"}),
    (check_form, {"outcome": ""}),
    (check_form, {"source": "", "targets": ()}),
    (check_unit, {"unit": "furlong"}),
    (check_name, {"name": "soil_per_day"}),
    (check_name, {"unit": "1/day"}),
    (check_name, {"unit": "cell"}),
]


def test_every_lint_names_each_entry_that_it_refuses():
    """A loop over the catalogue could swallow what it finds: two broken entries are both named, by every lint."""
    for check, change in BREAKS:
        broken = [dataclasses.replace(PARAMETERS[name], **change) for name in ("soil.liver", "soil.lung")]
        found = failures(check, [PARAMETERS["soil.bone"], *broken], name=lambda parameter: parameter.name)
        assert [text.partition(":")[0] for text in found] == [parameter.name for parameter in broken], (check, change)


def test_a_block_without_its_proof_is_named():
    good = {"kind": "measured", "source": "table 2", "targets": ["CRC01"], "meaning": "one two three four"}
    assert failures(check_proof, [("a.toml", "good", good)]) == []
    for change in (
        {"targets": []},
        {"source": "somewhere"},
        {"meaning": "too short"},
        {"kind": "assumed", "why": "because"},
        {"kind": "derived", "formula": "two"},
    ):
        assert len(failures(check_proof, [("a.toml", "bad", good | change)] * 2)) == 2, change


@pytest.fixture
def broken_catalogue(tmp_path, monkeypatch):
    """A copy of the catalogue in which one text of one file is replaced, and a fresh reading of it."""

    def read(file, old, new):
        for path in (*catalog.FOLDER.glob("*.toml"), transcription.DRAINAGE_FILE):
            shutil.copy(path, tmp_path)
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        monkeypatch.setattr(catalog, "FOLDER", tmp_path)
        catalog.load.cache_clear()
        return catalog.load()

    yield read
    monkeypatch.undo()
    catalog.load.cache_clear()


@pytest.mark.parametrize(
    "file, old, new, message",
    [
        ("body.toml", 'source = "NRC', 'note = "NRC', r"arterial_share: a measured number needs 'source'"),
        ("natural_history.toml", "formula = ", "note = ", r"shedding_per_day: a derived number needs 'formula'"),
        (
            "natural_history.toml",
            'targets = ["NAT408", "NAT419", "CRC15", "NAT356"]',
            "targets = []",
            r"frailty_log_sd: a calibrated number needs 'targets'",
        ),
        (
            "mechanisms.toml",
            'why = "STAT3 acts as a dimer"',
            'why = ""',
            r"stat3_hill_exponent: a assumed number needs 'why'",
        ),
        ("primary.toml", 'kind = "assumed"', 'kind = "guessed"', r"'guessed' is none of measured"),
        (
            "natural_history.toml",
            "low = 0.5\nhigh = 1.0\nmaximum = 1.2",
            "low = 0.95\nhigh = 1.0\nmaximum = 1.2",
            r"shedding_exponent = .* lies outside its range 0.95 to 1.0",
        ),
        ("natural_history.toml", "[diagnosis_log_sd]", "[growth_log_sd]", r"growth_log_sd stands twice"),
        ("hosts.toml", 'direction = "^"', 'direction = "v"', r"emt_mean: direction 'v' is none of \+, -, \^, 0"),
        ("hosts.toml", "optimum = 0.7", "", r"emt_mean: the direction \^ and an optimum come together"),
        (
            "hosts.toml",
            'direction = "^"',
            'direction = "+"',
            r"emt_mean: the direction \^ and an optimum come together",
        ),
        (
            "hosts.toml",
            "optimum = 0.7",
            "optimum = 1.2",
            r"emt_mean: its optimum 1.2 lies outside its range 0.0 to 1.2",
        ),
        ("primary.toml", "values = { rectum = ", "values = { colon = ", r"site_shedding_factor.colon stands twice"),
    ],
)
def test_a_broken_entry_is_refused(broken_catalogue, file, old, new, message):
    with pytest.raises(ValueError, match=message):
        broken_catalogue(file, old, new)


def test_a_changed_entry_is_read(broken_catalogue):
    """The copy that the broken ones are made of is sound."""
    assert broken_catalogue("body.toml", "liver = 6.5", "liver = 6.6")["arterial_share.liver"].value == 6.6


def test_every_calibrated_number_says_what_it_was_fitted_to():
    fitted = [p for p in catalog.load().values() if p.kind == "calibrated"]
    assert fitted and all(p.source.startswith("fitted to ") and p.targets for p in fitted)
    assert "autopsy rows (AUT" in catalog.load()["soil.liver"].source
