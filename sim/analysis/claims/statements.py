"""The statements: who, what, against which clock, what least effect matters, and how each is answered.

They stand in `statements/*.toml`, a table a statement, written and committed before they were asked:

    topic, statement, population, estimand, clock, evidence    texts
    answer         one of ANSWERS; all but a comparison give a `reason`, but "validate", which gives `rows`
    outcome, expect, arms, question    a comparison: `question` is a scenario as a file has it, each arm changes it
                   (`only`, and an `outcome` of its own, beside); `expect` compares arms, or says "above: arm" or
                   "below: arm"
    least          the least effect that matters, in the outcome's unit; a bound where one arm is asked for or for "="
    patients       of an arm, as planned
    mechanism      whose null some draws have; `law`: why the sign follows from how the model is built
    assumed        parameters that nobody has measured and on which the answer rests; ranges are the catalogue's
    published      rows of the literature and their `scale`; `fitted` where the size moved a number of the model
    contradicted   better evidence against the statement
    changed        what was changed after the first full run, and why
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sim import catalog
from sim.errors import InputError
from sim.mechanisms import REGISTRY
from sim.messages import describe, unknown
from sim.names import TWO_SIDED_95
from sim.results.conditions import CONDITIONS
from sim.results.outcomes import OUTCOMES, Outcome, outcome
from sim.scenario import find
from sim.scenario.apart import before_diagnosis
from sim.scenario.chain import Document, read_chain
from sim.scenario.comparison import Arm
from sim.scenario.expectations import Contrast, contrasts, slug
from sim.scenario.read import read_documents
from sim.scenario.resolve import from_merged
from sim.scenario.text import Places

FOLDER = Path(__file__).parent / "statements"
COMPARISON, VALIDATE, CONSTRUCTION, OUT_OF_SCOPE, MISSING = (
    "comparison",
    "validate",
    "by construction",
    "out of scope",
    "missing",
)
ANSWERS = (COMPARISON, VALIDATE, CONSTRUCTION, OUT_OF_SCOPE, MISSING)
SCALES = ("share", "difference", "log", "log ratio")
"""Of published rows: per cent as a share; the difference of two; the log of a ratio; the log of the ratio of two."""
SEED = 52_2026
"""Of every draw of a full run: no result was looked at with it before the statements were committed."""
_BOUNDS = {"above": 1, "below": -1}


@dataclass(frozen=True)
class Published:
    """A published size in the unit of the outcome, with its interval where the rows have one (else nan)."""

    rows: tuple[str, ...]
    value: float
    low: float
    high: float
    fitted: bool


@dataclass(frozen=True)
class Asked:
    """What a comparison runs and reads: arms by name with their outcomes, the contrasts and the least effect."""

    arms: tuple[Arm, ...]
    outcomes: Mapping[str, Outcome]
    contrasts: tuple[Contrast, ...]
    least: float
    patients: int


@dataclass(frozen=True)
class Statement:
    """One statement; texts are empty where they have nothing to say. See the module for the keys."""

    id: str
    topic: str
    statement: str
    population: str
    estimand: str
    clock: str
    evidence: str
    answer: str
    reason: str = ""
    rows: tuple[str, ...] = ()
    outcome: str = ""
    expect: tuple[str, ...] = ()
    arms: tuple[Mapping[str, Any], ...] = ()
    question: Mapping[str, Any] = field(default_factory=dict)
    least: float | None = None
    why_least: str = ""
    patients: int | None = None
    mechanism: str = ""
    law: str = ""
    assumed: tuple[str, ...] = ()
    published: Published | None = None
    contradicted: str = ""
    changed: str = ""

    @property
    def overrides(self) -> tuple[str, ...]:
        """What keeps the question from the model's own numbers: calibrated ones, or such as all arms share.

        An assumed number of an arm is what the arm is about; a schedule of visits is what somebody does.
        """
        shared = {name for name in self.question.get("parameters", {}) if name != "follow_up_interval_days"}
        own = {name for arm in self.arms for name in arm.get("parameters", {})}
        calibrated = {name for name in own if catalog.load()[name].kind in ("calibrated", "derived")}
        return tuple(sorted(shared | calibrated))

    def asked(self) -> Asked:
        """The scenarios and contrasts of a comparison. Raises InputError that names file and key."""
        return self._asked

    @functools.cached_property
    def _asked(self) -> Asked:
        names = [arm["name"] for arm in self.arms]
        arms = tuple(self._arm(arm) for arm in self.arms)
        outcomes = {arm["name"]: outcome(arm.get("outcome", self.outcome)) for arm in self.arms}
        assert self.least is not None
        assert self.patients is not None
        found: list[Contrast] = []
        self._refuse_apart(arms, outcomes)
        for text in self.expect:
            bound, _, arm = text.partition(":")
            if bound in _BOUNDS and arm.strip() in names:
                found.append(
                    Contrast(f"{arm.strip()} {bound} {abs(self.least):g}", ((arm.strip(), 1),), _BOUNDS[bound])
                )
            else:
                found += contrasts(f"{text} within {self.least:g}" if "=" in text else text, names)
        return Asked(arms, outcomes, tuple(found), self.least, self.patients)

    def _refuse_apart(self, arms: Sequence[Arm], outcomes: Mapping[str, Outcome]) -> None:
        """Raises InputError where arms of the same people differ before a diagnosis from which they are counted.

        Arms with another primary or age are other people: groups that may differ, not counterfactuals of each other.
        """
        for arm in arms[1:]:
            for first in arms[: arms.index(arm)]:
                one, other = first.scenario.to_dict(), arm.scenario.to_dict()
                if (one["primary"], one["age"]) != (other["primary"], other["age"]):
                    continue
                apart = before_diagnosis(one, other, drawn=True)
                if apart and (arm.only or first.only or outcomes[arm.name].from_diagnosis):
                    allowed = "; ".join(name for name in OUTCOMES if "reference day" in name)
                    raise InputError(
                        f"{self.id}: arms: found {describe(first.name)} and {describe(arm.name)}, which differ before "
                        f"diagnosis ({', '.join(apart[:3])}) and are counted from it; allowed: {allowed}"
                    )

    def _arm(self, changes: Mapping[str, Any]) -> Arm:
        keys = {key: value for key, value in changes.items() if key not in ("name", "only", "outcome")}
        file = Path(f"claims {self.id}")
        question = dict(self.question)
        parent = question.get("extends")
        title = {"title": f"{self.id}: {changes['name']}", "question": self.statement}
        chain = [Document(file, {**title, **keys}, Places()), Document(file, question, Places())]
        chain += read_chain(find(parent)) if isinstance(parent, str) else []
        merged = read_documents(chain)
        merged.pop("comparison", None)
        scenario = from_merged(file, merged, name=f"{self.id.lower()}-{slug(changes['name'])}")
        return Arm(changes["name"], changes.get("only"), scenario, frozenset(keys.get("parameters", ())))


def load(folder: Path = FOLDER) -> dict[str, Statement]:
    """All statements by id, in order. Raises InputError, which names file, statement and key, with what is allowed."""
    found: dict[str, Statement] = {}
    for file in sorted(folder.glob("*.toml")):
        for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if name in found:
                raise InputError(f"{file.name}: {name}: found twice; allowed: once")
            found[name] = _statement(file.name, name, table)
    return dict(sorted(found.items()))


def chosen(ids: Sequence[str], folder: Path = FOLDER) -> dict[str, Statement]:
    """The statements of these ids; all without any. Raises InputError for an unknown one."""
    everything = load(folder)
    for name in ids:
        if name not in everything:
            raise InputError(unknown("statement", name, everything))
    return {name: statement for name, statement in everything.items() if not ids or name in ids}


def _statement(file: str, name: str, table: Mapping[str, Any]) -> Statement:
    def refuse(key: str, words: str) -> InputError:
        return InputError(f"{file}: {name}: {key}: {words}")

    keys = [f.name for f in fields(Statement) if f.name != "id"]
    for key in table:
        if key not in keys:
            raise refuse(key, unknown("key", key, keys))
    for key in ("topic", "statement", "population", "estimand", "clock", "evidence"):
        if not table.get(key):
            raise refuse(key, "missing; allowed: a text")
    answer = table.get("answer")
    if answer not in ANSWERS:
        raise refuse("answer", f"found {describe(answer)}; allowed: {', '.join(ANSWERS)}")
    needed = {
        COMPARISON: ("outcome", "expect", "arms", "question", "least", "why_least", "patients"),
        VALIDATE: ("rows",),
    }.get(answer, ("reason",))
    for key in needed:
        if key not in table:
            raise refuse(key, f"missing; a statement answered by {answer} needs it")
    known = catalog.load()
    for parameter in table.get("assumed", ()):
        if parameter not in known or known[parameter].kind != "assumed":
            raise refuse("assumed", f"found {describe(parameter)}; allowed: a parameter of kind assumed")
    if table.get("mechanism") and table["mechanism"] not in REGISTRY:
        raise refuse("mechanism", unknown("mechanism", table["mechanism"], REGISTRY))
    for arm in table.get("arms", ()):
        if "only" in arm and arm["only"] not in CONDITIONS:
            raise refuse("arms", unknown("condition", arm["only"], CONDITIONS))
    values = dict(table)
    for key in ("rows", "expect", "arms", "assumed"):
        values[key] = tuple(values.get(key, ()))
    if "published" in table:
        try:
            values["published"] = published(table["published"])
        except (KeyError, ValueError) as error:
            raise refuse("published", f"{error}; allowed: rows of the literature and a scale") from None
    try:
        for text in [table["outcome"]] if "outcome" in table else []:
            outcome(text)
    except KeyError as error:
        raise refuse("outcome", error.args[0]) from None
    return Statement(id=name, **values)


def published(entry: Mapping[str, Any]) -> Published:
    """The size that rows of the literature give, on the scale of the outcome. Raises KeyError, and ValueError."""
    rows = [catalog.literature()[row] for row in entry["rows"]]
    values = [_numbers(row) for row in rows]
    scale, (value, low, high) = entry["scale"], values[0]
    if scale not in SCALES:
        raise ValueError(f"found the scale {describe(scale)}; one of {', '.join(SCALES)}")
    if scale == "share":
        value, low, high = value / 100, low / 100, high / 100
    elif scale == "difference":
        value, low, high = (value - values[1][0]) / 100, math.nan, math.nan
    elif scale == "log":
        value, low, high = math.log(value), math.log(low), math.log(high)
    else:
        errors = [(math.log(v[2]) - math.log(v[1])) / (2 * TWO_SIDED_95) for v in values]
        value = math.log(values[0][0] / values[1][0])
        half = TWO_SIDED_95 * math.hypot(*errors)
        low, high = value - half, value + half
    return Published(tuple(entry["rows"]), value, low, high, bool(entry.get("fitted", False)))


def _numbers(row: Mapping[str, str]) -> tuple[float, float, float]:
    return tuple(float(row[key]) if row[key] else math.nan for key in ("value", "low", "high"))  # type: ignore[return-value]
