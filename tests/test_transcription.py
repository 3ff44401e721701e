"""Every measured number and every fitting target was typed twice; shares of drainage have their sources."""

import re
from dataclasses import replace

import pytest
from every import assert_every, failures

from sim import catalog
from sim.analysis.organs import data
from sim.catalog import transcription
from sim.names import SITES, VEINS

PARAMETERS = catalog.load()
ROWS = catalog.literature()
READINGS = transcription.readings()
FITTED = {row for p in PARAMETERS.values() if p.kind == "calibrated" for row in p.targets}


# -- typed twice -----------------------------------------------------------------------------------


def test_every_measured_number_and_every_published_row_was_typed_again():
    measured = {name for name, p in PARAMETERS.items() if p.kind == "measured"}
    assert measured | set(ROWS) == set(READINGS)
    assert len(catalog.read_rows(transcription.TRANSCRIPTION_FILE)) == len(READINGS)


def check_status(reading):
    second = reading.second
    assert reading.status in transcription.STATUSES
    assert reading.status == transcription.found_status(reading.first, second)
    assert len(second["quotation"].replace("|", " ").split()) <= transcription.LONGEST_QUOTATION_WORDS
    if reading.status == "unverified":
        assert second["note"] and not second["value"], "an unverified row says why and shows no number"
    else:
        assert second["address"].startswith(("http://", "https://", "github.com/"))
        assert second["unit"] == reading.first["unit"]


def test_the_status_is_what_the_numbers_say():
    assert_every(check_status, READINGS.values(), name=lambda reading: reading.id)


def test_every_reading_whose_status_is_another_is_named():
    """A loop over the readings could swallow what it finds."""
    good = READINGS["CRC01"]
    broken = [
        replace(good, id="number", second={**good.second, "value": "99"}),
        replace(good, id="unit", second={**good.second, "unit": "furlong"}),
        replace(good, id="address", second={**good.second, "address": "a shelf"}),
        replace(good, id="quotation", second={**good.second, "quotation": "word " * 200}),
    ]
    found = failures(check_status, [good, *broken], name=lambda reading: reading.id)
    assert [text.partition(":")[0] for text in found] == [reading.id for reading in broken]


def test_a_number_stands_in_its_quotation():
    """A figure read in words or in a count is one of the few that do not."""
    without = [
        r.id
        for r in READINGS.values()
        if r.status != "unverified"
        and not r.id.startswith(("AUT", "ABX"))
        and re.fullmatch(r"[\d.]+", r.second["value"])
        and not re.search(
            rf"(?<!\d){re.escape(r.second['value'].rstrip('0').rstrip('.'))}", r.second["quotation"].replace("·", ".")
        )
    ]
    explained = [key for key in without if READINGS[key].second["note"]]
    assert len(without) - len(explained) <= 3, sorted(set(without) - set(explained))


def test_counts_of_the_autopsies_stand_in_their_quotations():
    for key, reading in READINGS.items():
        if key.startswith("AUT") and reading.status != "unverified" and ROWS[key]["study"] == "diSibio2008":
            n, count = (int(x) for x in re.findall(r"(\d+)(?= \[|$)", reading.second["quotation"]))
            assert float(reading.second["value"]) == pytest.approx(100 * count / n, abs=0.006), key


def test_nothing_is_measured_or_fitted_that_differs():
    assert {r.id for r in transcription.differing()}.isdisjoint(FITTED)
    for name, parameter in PARAMETERS.items():
        if parameter.kind == "measured":
            assert READINGS[name].status == "confirmed", name
    unverified = [row for row in FITTED if READINGS[row].status == "unverified"]
    assert not unverified, f"a fitting target without a second reading: {unverified}"


@pytest.mark.parametrize(
    "first, second, same",
    [
        ("84", "84.4", True),
        ("84", "84.7", False),
        ("9.0", "9.04", True),
        ("9.0", "9.06", False),
        ("1.67e-08", "1.667e-8", True),
        ("1.67e-08", "1.6e-8", False),
        ("10.0 / 4.5", "10.0/4.5", True),
        ("12-25", "12-26", False),
    ],
)
def test_agreement_is_rounding_to_the_first(first, second, same):
    assert transcription.agree(first, second) is same


def test_a_changed_number_is_noticed():
    reading = READINGS["CRC01"]
    assert transcription.found_status(reading.first, reading.second) == "confirmed"
    assert transcription.found_status({**reading.first, "value": "14.6"}, reading.second) == "differs"
    assert transcription.found_status(reading.first, {**reading.second, "quotation": ""}) == "unverified"


def test_the_report_counts_every_row_once():
    found = transcription.counts()
    assert sum(found["all published rows"].values()) == len(ROWS)
    assert sum(found["rows fitted to"].values()) == len(FITTED)
    assert all(reading.id in transcription.report() for reading in transcription.differing())


# -- published rows --------------------------------------------------------------------------------


def test_a_doi_was_stated_by_a_stored_text_or_is_marked():
    for key, row in ROWS.items():
        for text in (row["doi_or_url"], row["citation"]):
            for match in re.finditer(r"(?<![\w/])10\.\d{4,}/\S+", text):
                stated = READINGS[key].second["doi_stated"]
                marked = "unconfirmed DOI" in text[: match.start()]
                assert marked or (stated.split(" ")[0].lower() in match[0].lower() and stated), (key, match[0])


def test_rows_say_what_must_be_kept_apart():
    for key, row in ROWS.items():
        assert row["study"], key
        assert row["era"] in ("", "old", "modern") and row["survival"] in (
            "",
            "relative",
            "net",
            "overall",
            "cause-specific",
            "disease-free",
            "not said",
        ), key
        assert row["evidence"] in ("data table", "primary text", "abstract", "secondary", "unverified"), key
        for other in (*row["same_as"].split(), *row["disagrees_with"].split()):
            assert other in ROWS and other != key
        for other in row["disagrees_with"].split():
            assert key in ROWS[other]["disagrees_with"].split(), f"{key} and {other} point at each other"
        for other in row["same_as"].split():
            assert ROWS[other]["study"] == row["study"]


def test_contiguous_rows_are_few_and_have_a_reason():
    contiguous = {key: row["contiguous"] for key, row in ROWS.items() if row["contiguous"]}
    assert len(contiguous) <= 3
    assert all(len(reason.split()) >= 6 for reason in contiguous.values())
    assert contiguous.keys() <= {row.row for row in data.of_fitted_sites()}, (
        "marks are for rows that a blood-borne model speaks of"
    )


def test_calibration_uses_the_rows_that_it_was_fitted_to():
    """More tables of the same sites came in; the fit still reads one of them, without what is reached by direct extension."""
    used = [count.row for count in data.fitted()]
    assert used == list(PARAMETERS["soil.liver"].targets)
    assert {ROWS[row]["study"] for row in used} == {"diSibio2008"}
    assert not any(ROWS[row]["contiguous"] for row in used)


def test_the_counts_that_are_fitted_are_those_of_the_paper():
    for count in data.of_fitted_sites():
        quoted = [int(x) for x in re.findall(r"(\d+)(?= \[|$)", READINGS[count.row].second["quotation"])]
        assert quoted == [count.patients, count.seen], count.row


# -- drainage --------------------------------------------------------------------------------------


def test_every_site_and_vein_has_a_row():
    found = transcription.drainage()
    assert tuple(found) == SITES
    assert all(tuple(veins) == VEINS for veins in found.values())


@pytest.mark.parametrize("site", SITES)
def test_shares_of_drainage(site):
    veins = transcription.drainage()[site]
    assert sum(float(row["share"]) for row in veins.values()) == pytest.approx(1.0)
    assert sum(float(row["low"]) for row in veins.values()) <= 1 <= sum(float(row["high"]) for row in veins.values())
    for vein, row in veins.items():
        assert 0 <= float(row["low"]) <= float(row["share"]) <= float(row["high"]) <= 1, vein
        assert row["status"] in transcription.DRAINAGE_STATUSES and row["reason"], vein
        assert len(row["quotation"].split()) <= transcription.LONGEST_QUOTATION_WORDS
        if row["status"] == "unverified":
            assert float(row["share"]) == 0, f"{vein}: a share without any text"
        else:
            assert row["citation"] and row["quotation"] and row["address"].startswith("http"), vein
