"""The loop that stands for many cases: it names all that fail, and passes only what it has checked."""

import pytest
from every import assert_every, failures


def check_even(number: int) -> None:
    if number % 2:
        raise AssertionError("is odd")


def test_all_failures_are_named_and_nothing_else():
    """One case an entry would show them all; a loop that stopped at the first would hide the rest."""
    assert failures(check_even, [1, 2, 3, 4]) == ["1: is odd", "3: is odd"]
    assert_every(check_even, [2, 4])
    with pytest.raises(AssertionError, match="2 failed\n1: is odd\n3: is odd"):
        assert_every(check_even, [1, 2, 3])


def test_an_exception_is_a_failure_and_stops_nothing():
    assert failures(check_even, ["a", 2, 3]) == [
        "a: TypeError: not all arguments converted during string formatting",
        "3: is odd",
    ]


def test_a_loop_over_nothing_does_not_pass():
    """A glob that finds no file would make every check of files pass."""
    with pytest.raises(ValueError, match="nothing to check"):
        assert_every(check_even, [])
