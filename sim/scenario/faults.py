"""pydantic's faults in our words: what was found, what is allowed. Files of every kind are refused in the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.messages import describe

if TYPE_CHECKING:
    from pydantic import ValidationError

    from sim.scenario.text import KeyPath


def faults(error: ValidationError) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Each fault with the path of its key."""
    for fault in error.errors(include_url=False):
        path = tuple(fault["loc"])
        # pydantic's mark of a fault in a key itself; a person may have named a key so.
        is_marked = len(path) > 1 and path[-1] == "[key]" and fault["input"] == path[-2]
        yield path[:-1] if is_marked else path, fault


def found_and_allowed(fault: Mapping[str, Any], allowed: str | None = None) -> str:
    """Our "found ...; allowed: ...", where `allowed` is what the kind of fault alone does not tell."""
    limits = fault.get("ctx", {})
    if fault["type"] == "quantity":
        return str(limits["text"])
    by_kind = {
        "literal_error": limits.get("expected"),
        "string_type": "text in quotes",
        "string_too_short": "text that is not empty",
        "string_too_long": f"at most {limits.get('max_length')} characters",
        "string_pattern_mismatch": "one line of text",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "model_type": "a table",
        "dict_type": "a table",
        "list_type": "a list in brackets",
        "greater_than_equal": f"{limits.get('ge')} or more",
        "less_than_equal": f"{limits.get('le')} or less",
        "too_short": "at least one",
        "too_long": f"at most {limits.get('max_length')}",
    }
    return f"found {describe(fault['input'])}; allowed: {allowed or by_kind.get(fault['type']) or fault['msg']}"
