"""The level of a statement: what its numbers allow one to say, and no more.

*Supported* asks for all of: the model's own numbers, an outcome in patients, a chance of 95 % or more under the
posterior that the effect is beyond `least`, not so under the prior already, and a published size, where there is one,
inside the model's 95 % interval, which is at most twice as wide as the published one. A law that fixes the sign makes
it *by construction*, unless a published size that nothing was fitted to was met.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.analysis.claims import statements as s
from sim.catalog.posterior import POSTERIOR, PRIOR

SUPPORTED, CONSTRUCTION, CONDITIONAL, NOT, CONTRADICTED, OUT, NOT_BUILT, NOT_ASKED = LEVELS = (
    "supported",
    "by construction",
    "conditional",
    "not supported",
    "contradicted by better evidence",
    "out of scope",
    "not built",
    "not asked",
)
ENOUGH = 0.95
MOST = 0.5
WIDEST = 2.0
"""Times the published interval: a wider one meets everything."""


@dataclass(frozen=True)
class Level:
    """One of LEVELS, and why in a sentence."""

    name: str
    why: str


def level(statement: s.Statement, found: Mapping[str, Any] | None) -> Level:
    """The level of a statement from what was found (`evaluate`, or rows of `validate`); None: nothing was asked."""
    if statement.answer == s.OUT_OF_SCOPE:
        return Level(OUT, statement.reason)
    if statement.answer == s.MISSING:
        return Level(NOT_BUILT, statement.reason)
    if statement.answer == s.CONSTRUCTION:
        return Level(CONSTRUCTION, statement.reason)
    if found is None:
        return Level(NOT_ASKED, "no run of this statement yet: the same command asks it")
    if "error" in found:
        return Level(NOT, f"could not be asked: {found['error']}")
    if statement.answer == s.VALIDATE:
        return _of_rows(statement, found)
    return _of_contrasts(statement, found)


def _of_rows(statement: s.Statement, found: Mapping[str, Any]) -> Level:
    rows = found["rows"]
    told = "; ".join(f"{row['name']}: {row['text']} ({row['status']}, {row['kind']})" for row in rows)
    if statement.contradicted:
        return Level(CONTRADICTED, statement.contradicted + (f". Model: {told}" if told else ""))
    if not rows:
        return Level(NOT, "no row of validate tells")
    if any(row["status"] != "inside" for row in rows):
        return Level(NOT, f"outside: {told}")
    if all(row["kind"] == "fitted" for row in rows):
        return Level(CONSTRUCTION, f"the size was fitted: {told}")
    return Level(SUPPORTED, told)


def chance(found: Mapping[str, Any], under: str, key: str = "probability") -> float | None:
    """The chance that all contrasts are beyond `least`: that of the weakest; None where one has none."""
    chances = [row.get(under, {}).get(key) for row in found["contrasts"]]
    return None if not chances or any(c is None for c in chances) else min(chances)


def _of_contrasts(statement: s.Statement, found: Mapping[str, Any]) -> Level:
    p = chance(found, POSTERIOR)
    if p is None:
        return Level(NOT, "too few patients counted in some arm for an interval")
    if p >= ENOUGH:
        return _enough(statement, found, p)
    if statement.contradicted:
        return Level(CONTRADICTED, statement.contradicted)
    acting = chance(found, POSTERIOR, "probability_acting")
    share = min(row[POSTERIOR]["acting"] for row in found["contrasts"])
    if acting is not None and acting >= ENOUGH:
        where = f"in the {share:.0%} of draws in which the mechanism acts (never shown in humans): chance {acting:.2f}"
        return Level(CONSTRUCTION, f"{where}; {statement.law}") if statement.law else Level(CONDITIONAL, where)
    if p >= MOST and all(_shown(row) for row in found["contrasts"]):
        return Level(CONDITIONAL, f"beyond the least effect in {p:.0%} of the draws")
    return Level(NOT, f"chance {p:.2f} that the effect is beyond the least that matters{_small(found)}")


def _enough(statement: s.Statement, found: Mapping[str, Any], p: float) -> Level:
    told = f"chance {p:.2f} under the posterior"
    if statement.contradicted:
        return Level(CONTRADICTED, statement.contradicted)
    if statement.overrides:
        return Level(CONDITIONAL, f"{told}, at numbers of the question's own: {', '.join(statement.overrides)}")
    size = statement.published
    met = None if size is None else compatible(size, found["contrasts"][0][POSTERIOR])
    if met is False:
        return Level(NOT, f"{told} for the direction, but the published size ({size_text(size)}) is not met")
    if statement.law and (met is None or (size is not None and size.fitted)):
        return Level(CONSTRUCTION, f"{told}; {statement.law}")
    before = chance(found, PRIOR)
    if before is None:
        return Level(CONDITIONAL, f"{told}; the prior was not asked, so nobody knows what the data add")
    if before >= ENOUGH:
        return Level(CONSTRUCTION, f"{told}, but {before:.2f} under the prior already")
    return Level(SUPPORTED, f"{told}, {before:.2f} under the prior" + (f"; meets {size_text(size)}" if size else ""))


def compatible(size: s.Published, drawn: Mapping[str, Any]) -> bool:
    """Whether the published value lies in the model's 95 % interval (of a new draw), at most WIDEST times its width."""
    low, high = drawn.get("predicted_low"), drawn.get("predicted_high")
    if low is None or high is None or not low <= size.value <= high:
        return False
    return not math.isfinite(size.high - size.low) or high - low <= WIDEST * (size.high - size.low)


def size_text(size: s.Published | None) -> str:
    """A published size with its interval and rows."""
    if size is None:
        return ""
    ends = f" ({size.low:.2g} to {size.high:.2g})" if math.isfinite(size.low) else ""
    return f"{size.value:.2g}{ends}, {' '.join(size.rows)}"


def _shown(row: Mapping[str, Any]) -> bool:
    """Whether the mean effect's interval leaves zero on one side: chance alone is not the answer."""
    low, high = row[POSTERIOR].get("low"), row[POSTERIOR].get("high")
    return low is not None and high is not None and (low > 0.0 or high < 0.0)


def _small(found: Mapping[str, Any]) -> str:
    needed = [row["paired"] for row in found["contrasts"] if row.get("paired")]
    if needed and max(needed) > found["patients"]:
        return f"; asked of {found['patients']} patients, and 90 % power needs {math.ceil(max(needed))} in pairs"
    return ""
