"""One check of many things in one test, which names all that fail, not only the first."""

from collections.abc import Callable, Iterable


def failures(check: Callable, things: Iterable, name: Callable = str) -> list[str]:
    """What `check(thing)` says of each of the `things` of which it fails, a text each that begins with `name(thing)`.

    Any exception is a failure: one broken entry hides none of the others. Raises ValueError without things, where a
    check would pass that checks nothing.
    """
    found, all_things = [], list(things)
    if not all_things:
        raise ValueError("there is nothing to check")
    for thing in all_things:
        try:
            check(thing)
        except Exception as error:
            said = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            found.append(f"{name(thing)}: {said}")
    return found


def assert_every(check: Callable, things: Iterable, name: Callable = str) -> None:
    """Fail with all `failures`, if there are any."""
    found = failures(check, things, name)
    assert not found, f"{len(found)} failed\n" + "\n".join(found)
