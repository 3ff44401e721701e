"""Cells injected into a mouse's mesenteric vein: the cascade that a microscope counted, and what would change it."""

from __future__ import annotations

import pytest

from sim import scenario
from sim.analysis.validation import mouse

MICE = 4


@pytest.fixture(scope="module")
def found():
    return mouse.cascade(scenario.load(mouse.SCENARIO).with_(patients=MICE))


def changed(**values):
    """The cascade with some numbers of the line changed."""
    settings = [f"{name.replace('__', '.')}={value}" for name, value in values.items()]
    return mouse.cascade(scenario.load(mouse.SCENARIO).with_(patients=MICE, set_=settings))


def test_the_published_shares_come_out_together():
    rows = mouse.rows(MICE)
    assert [row.source for row in rows] == ["CAS01", "CAS02", "CAS03", "CAS04"]
    assert {row.status for row in rows} == {"inside"}, [(row.name, row.model) for row in rows]
    assert {row.kind for row in rows} == {"fitted"}  # the line's numbers were chosen for them


def test_a_bolus_is_given_once(found):
    """1e5 a mouse on day 0, Poisson: within four standard errors (false alarm 6e-5, once, the seed is fixed)."""
    injected, early, late = found
    assert abs(injected - MICE * 1e5) < 4 * (MICE * 1e5) ** 0.5
    assert early.living + early.visible <= injected
    assert late.living < early.living  # nothing comes after it


def test_what_cannot_be_seen_cannot_be_visible(found):
    _, early, late = found
    assert early.visible == 0 < late.visible <= late.micrometastases < early.micrometastases


def test_the_cascade_follows_the_line(found):
    """Each number of the line moves its step, by at least a fifth (standard errors are below 8 % of each count)."""
    _, early, late = found
    assert changed(immune_clearance_per_day="0.4 1/day")[2].visible > 1.2 * late.visible
    assert changed(sleep_probability=0.7)[2].solitary < 0.8 * late.solitary
    assert changed(sleeper_death_per_day="0.1 1/day")[2].solitary < 0.8 * late.solitary
    assert changed(**{"soil.liver": 0.5})[1].living < 0.8 * early.living
    assert changed(site_metastasis_pace__melanoma=1.5)[2].visible < 0.8 * late.visible
