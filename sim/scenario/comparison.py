"""A scenario's comparison: its arms as scenarios of their own, one outcome, and what is expected of it.

    [comparison]
    outcome = "survival at 5 years"
    expect = ["treated > untreated"]
    arms = [{ name = "untreated" }, { name = "treated", mechanisms = { dormancy = false } }]

An arm changes its scenario by the rules by which a file changes the file that it extends. All arms
have the same patients, drawn with the same seed: a difference between arms is paired.

The question is asked at the scenario's own numbers. Where too few patients of a small cohort would count,
`[comparison.small]` says how the small cohort, and it alone, is enriched.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sim.catalog.posterior import POSTERIOR
from sim.errors import InputError
from sim.messages import describe
from sim.results.outcomes import OUTCOMES, Outcome, outcome
from sim.scenario import Override, Scenario, find
from sim.scenario.apart import before_diagnosis
from sim.scenario.chain import shown
from sim.scenario.expectations import Contrast, across_values, contrasts, slug
from sim.scenario.read import merge_into, read
from sim.scenario.resolve import from_merged

DEFAULT_SMALL_PATIENTS = 60


@dataclass(frozen=True)
class Arm:
    """One arm: the scenario that it runs, and the patients who count in it (a name of CONDITIONS, or None: all)."""

    name: str
    only: str | None
    scenario: Scenario
    own_parameters: frozenset[str]


@dataclass(frozen=True)
class Across:
    """A parameter of unknown size, and the values (in the catalogue's unit) at which the question is asked again."""

    parameter: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Question:
    """What `ask` runs and reads to answer the question of `scenario`.

    `assumes` is what it takes for granted beyond the catalogue, `least` the least difference that matters, in the
    outcome's unit, `by_construction` why the law fixes its sign (None: it does not). `enriched` are the overrides of a
    small cohort, already in its arms; empty where the question is asked at the scenario's own numbers.
    """

    scenario: Scenario
    outcome: Outcome
    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    across: tuple[Across, ...]
    assumes: str | None
    small_patients: int
    small_overrides: Mapping[str, Override]
    least: float = 0.0
    by_construction: str | None = None
    enriched: Mapping[str, Override] = field(default_factory=dict)

    def drawn(self, draws: int, which: str = POSTERIOR) -> Question:
        """The same question, asked of patients under so many draws of what is not known; `which` of POSTERIOR, PRIOR.

        Each arm applies its own difference on top of every draw. Raises InputError where there are fewer draws, and
        where arms differ before diagnosis in a number that only one of them sets.
        """
        _refuse_apart(self.scenario.path, self.arms, self.outcome, self.contrasts, drawn=True)
        arms = tuple(replace(arm, scenario=arm.scenario.with_(posterior=draws, which=which)) for arm in self.arms)
        return replace(self, scenario=self.scenario.with_(posterior=draws, which=which), arms=arms)

    def small(self) -> Question:
        """The same question, asked of the small cohort; an arm's own parameters stay."""
        arms = tuple(replace(arm, scenario=self._small(arm)) for arm in self.arms)
        return replace(
            self,
            scenario=replace(self.scenario, patients=self.small_patients),
            arms=arms,
            enriched=self.small_overrides,
        )

    def _small(self, arm: Arm) -> Scenario:
        scenario = arm.scenario.with_(patients=self.small_patients)
        for name, override in self.small_overrides.items():
            if name not in arm.own_parameters:
                scenario = scenario.with_(set_=[f"{name}={override.value!r}"], reason=override.reason)
        return scenario


def load_comparison(path: Path | str) -> Question | None:
    """The comparison of the scenario in a file; None where it has none. Raises InputError as `scenario.load` does."""
    return load_whole(path)[1]


def load_whole(path: Path | str) -> tuple[Scenario, Question | None]:
    """The scenario in a file and its comparison, from one reading: a fault in either makes the file wrong."""
    file = find(path)
    return whole_of(file, read(file))


def whole_of(file: Path, keys: Mapping[str, Any], name: str | None = None) -> tuple[Scenario, Question | None]:
    """The same of a file's merged keys (see `sim.scenario.read`); `name` where it is not the file's own."""
    merged = dict(keys)
    table = merged.pop("comparison", None)
    scenario = from_merged(file, merged, name)
    if table is None:
        return scenario, None
    small = table.get("small", {})
    arms = tuple(_arm(file, merged, scenario, arm) for arm in table["arms"])
    _refuse_the_same(file, arms)
    asked = outcome(table["outcome"])
    expected = tuple(
        contrast for text in table["expect"] for contrast in contrasts(text, [arm["name"] for arm in table["arms"]])
    )
    crossed = {entry["parameter"] for entry in table.get("across", ())}
    _refuse_apart(file, arms, asked, expected, drawn=any(crossed & arm.own_parameters for arm in arms))
    return scenario, Question(
        scenario=scenario,
        outcome=asked,
        arms=arms,
        contrasts=expected,
        across=tuple(Across(entry["parameter"], across_values(entry)) for entry in table.get("across", ())),
        assumes=table.get("assumes"),
        least=float(table.get("least", 0.0)),
        by_construction=table.get("by_construction"),
        small_patients=small.get("patients", DEFAULT_SMALL_PATIENTS),
        small_overrides={name: Override(**entry) for name, entry in small.get("parameters", {}).items()},
    )


def _arm(file: Path, merged: Mapping[str, Any], scenario: Scenario, changes: Mapping[str, Any]) -> Arm:
    changes = dict(changes)
    name, only = changes.pop("name"), changes.pop("only", None)
    whole = copy.deepcopy(dict(merged))
    merge_into(whole, changes)
    whole["title"] = f"{scenario.title}: {name}"
    age = whole["cohort"]["age"]
    if not age["low"] <= age["mean"] <= age["high"]:
        raise InputError(
            f"{shown(file)}: comparison arm {describe(name)}: found low {age['low']:g}, mean {age['mean']:g}, "
            f"high {age['high']:g} years; allowed: low <= mean <= high"
        )
    resolved = from_merged(file, whole, name=f"{scenario.name}-{slug(name)}")
    return Arm(name, only, resolved, frozenset(changes.get("parameters", ())))


def _refuse_the_same(file: Path, arms: tuple[Arm, ...]) -> None:
    """Two arms of the same patients, settings and numbers, whatever their reasons say, would be one arm run twice."""
    seen: dict[str, str] = {}
    for arm in arms:
        resolved = arm.scenario.to_dict()
        for key in ("name", "file", "title", "question", "overrides", "parameters"):
            del resolved[key]
        same = json.dumps([arm.only, resolved, arm.scenario.values()], sort_keys=True)
        if same in seen:
            raise InputError(
                f"{shown(file)}: comparison.arms: found {describe(seen[same])} and {describe(arm.name)}, which are the "
                "same; allowed: arms that differ in more than their names"
            )
        seen[same] = arm.name


def _refuse_apart(
    file: Path, arms: tuple[Arm, ...], asked: Outcome, expected: tuple[Contrast, ...], *, drawn: bool
) -> None:
    """Arms that differ before diagnosis have no common diagnosis to count from, and no common groups of patients.

    `drawn`: a number that only one arm sets differs, whatever its value.
    """
    resolved = {arm.name: arm.scenario.to_dict() for arm in arms}

    def apart(one: str, other: str) -> str | None:
        found = before_diagnosis(resolved[one], resolved[other], drawn=drawn)
        if not found:
            return None
        return f"between {describe(one)} and {describe(other)}, which differ before diagnosis ({', '.join(found[:3])})"

    for place, arm in enumerate(arms):
        words = [apart(arms[0].name, other.name) for other in arms[1:]] if arm.only else []
        for text in filter(None, words):
            raise InputError(
                f"{shown(file)}: comparison.arms.{place}.only: found {describe(arm.only)}, a group that is chosen at "
                f"diagnosis, {text}: other patients would be in it; allowed: arms that differ after diagnosis, or no "
                "group: all patients, those found at death too"
            )
    for contrast in expected if asked.from_diagnosis else ():
        first, *others = [name for name, _ in contrast.weights]
        for text in filter(None, [apart(first, other) for other in others]):
            allowed = "; ".join(name for name in OUTCOMES if "reference day" in name)
            raise InputError(
                f"{shown(file)}: comparison.outcome: found {describe(asked.name)}, which counts from diagnosis, {text}"
                f"; allowed: an outcome of all patients over their whole course, or from the reference day ({allowed})"
            )
