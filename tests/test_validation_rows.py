"""A row of the scorecard knows whether the model agrees with what was published."""

import math

import pytest

from sim.analysis.validation.rows import Row, counts, wilson


def row(**fields):
    return Row("liver", "colon at autopsy", **fields)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (dict(published=28.5, published_low=21.2, published_high=37.0, model=36.0), "inside"),
        (dict(published=28.5, published_low=21.2, published_high=37.0, model=38.0), "outside"),
        # 6 above: the published half-width of 5 and the model's of 4 make 6.4
        (dict(published=10.0, published_low=9.0, published_high=15.0, model=16.0, model_low=12.0, model_high=17.0), "inside"),
        (dict(published=10.0, published_low=9.0, published_high=15.0, model=4.0, model_low=1.0, model_high=5.0), "outside"),
        (dict(published=17.1, band_low=15.5, band_high=18.5, model=18.5), "inside"),
        (dict(published=17.1, band_low=15.5, band_high=18.5, model=18.6), "outside"),
        (dict(band_high=5.0, model=-3.0), "inside"),
        (dict(band_low=0.0, model=math.nan), "outside"),
        (dict(published=3.0, reason="nodes are not modelled"), "not comparable"),
    ],
)  # fmt: skip
def test_status(fields, status):
    assert row(**fields).status == status


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (dict(model=1.0), "no band"),
        (dict(published=1.0), "why"),
        (dict(published=1.0, model=1.0, kind="guessed"), "guessed"),
    ],
)
def test_a_row_that_says_nothing_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        row(**fields)


def test_wilson_covers_zero_and_one():
    assert wilson(0, 100) == pytest.approx((0.0, 0.0370), abs=1e-4)
    assert wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_rows_are_counted_by_status_and_kind():
    rows = [row(published=1.0, model=1.0, kind="fitted"), row(published=1.0, model=2.0), row(reason="x")]
    found = counts(rows)
    assert found["all"] == {"inside": 1, "outside": 1, "not comparable": 1}
    assert found["fitted"] == {"inside": 1} and found["predicted"]["outside"] == 1
