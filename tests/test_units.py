"""Quantities with units: what is read, what is refused, and that conversion is consistent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.units import UnitError, fitting_units, parse_quantity

TIMES = ("hour", "day", "week", "month", "year")
NUMBERS = st.floats(min_value=1e-12, max_value=1e12)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("90 days", "day", 90.0),
        ("5 years", "day", 1826.25),
        ("3 months", "day", 91.3125),
        ("2 weeks", "day", 14.0),
        ("12 hours", "day", 0.5),
        ("67 years", "year", 67.0),
        ("0.5 1/day", "1/day", 0.5),
        ("0.5/day", "1/year", 182.625),
        ("0.5 per day", "1/day", 0.5),
        ("1e9 cells", "cell", 1e9),
        ("1_000 cells", "cell", 1000.0),
        ("5 mm", "mm", 5.0),
        ("0.5 cm", "mm", 5.0),
        ("30 %", "1", 0.3),
        ("0.3", "1", 0.3),
        ("2 cells/week", "cell/day", 2 / 7),
        ("1e5 cells/ml", "cell/mm3", 100.0),
        ("3 1/(cell day)", "1/(cell day)", 3.0),
        ("3 1/day/cell", "1/(cell day)", 3.0),
        ("-2 day", "day", -2.0),
        ("3 pg/ml", "pg/ml", 3.0),
    ],
)
def test_a_quantity_is_read_exactly(text, unit, value):
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "days",
        "5",
        "5 mm",
        "5 cells",
        "nan days",
        "inf days",
        "1e999 days",
        "1e308 years",
        "5 days days",
        "5 days)",
        "5 (days",
        "5 days/",
        "5 *days",
        "1__0 days",
        "5 day99",
        "5 furlongs",
        "9" * 200 + " days",
        "five days",
        "0x10 days",
    ],
)
def test_what_is_no_time_is_refused_with_what_fits(text):
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, "day")
    assert "found" in str(caught.value) and "allowed" in str(caught.value)


def test_a_unit_that_does_not_fit_lists_those_that_do():
    with pytest.raises(UnitError, match="1/hour, 1/day, 1/week, 1/month, 1/year"):
        parse_quantity("5 mm", "1/day")


def test_a_number_without_a_unit_needs_permission():
    assert parse_quantity("5", "day", bare=True) == 5.0
    with pytest.raises(UnitError, match="without a unit"):
        parse_quantity("5", "day")


@given(NUMBERS, st.sampled_from(TIMES), st.sampled_from(TIMES))
def test_there_and_back_gives_the_same(number, first, second):
    there = parse_quantity(f"{number!r} {first}", second)
    assert math.isclose(parse_quantity(f"{there!r} {second}", first), number, rel_tol=1e-12)


@given(NUMBERS, st.sampled_from(TIMES), st.sampled_from(TIMES))
def test_a_rate_converts_inversely_to_its_time(number, first, second):
    time = parse_quantity(f"{number!r} {first}", second)
    rate = parse_quantity(f"{number!r} 1/{first}", f"1/{second}")
    assert math.isclose(time * rate, number * number, rel_tol=1e-12)


@given(NUMBERS, st.sampled_from([*TIMES, "cell", "mm", "1/day", "cell/day", "cell/mm3", "1/(cell day)", "day2"]))
def test_in_its_own_unit_a_number_keeps_every_bit(number, unit):
    assert parse_quantity(f"{number!r} {unit}", unit) == number


@given(NUMBERS, st.sampled_from(["day", "1/day", "cell/day", "cell/mm3", "1/(cell day)", "day2", "1"]))
def test_every_unit_that_is_said_to_fit_does(number, unit):
    for fitting in fitting_units(unit):
        assert parse_quantity(f"{number!r} {fitting}", unit) > 0


@given(st.text(max_size=60), st.sampled_from(["day", "1/day", "cell", "1", "cell/mm3", "pg/ml"]), st.booleans())
def test_any_text_gives_a_finite_number_or_a_refusal(text, unit, bare):
    try:
        value = parse_quantity(text, unit, bare=bare)
    except UnitError as error:
        assert str(error)
    else:
        assert math.isfinite(value)


@given(
    NUMBERS,
    st.text(alphabet="1()/* ^-2", max_size=12),
    st.lists(
        st.sampled_from(["day", "days", "cell", "year", "(", ")", "/", "*", " per ", "2", "^-1", "%", "s"]), max_size=8
    ),
)
def test_unit_like_texts_give_a_finite_number_or_a_refusal(number, before, parts):
    try:
        value = parse_quantity(f"{number!r} {before}{' '.join(parts)}", "day")
    except UnitError as error:
        assert str(error)
    else:
        assert math.isfinite(value)
