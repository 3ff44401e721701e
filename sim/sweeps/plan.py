"""A plan, resolved: its points, its runs with their identities, and the blocks in which they are computed.

plan = load("plans/factorial.toml")
len(plan.points), plan.runs[0].name
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sim import finding
from sim.errors import InputError
from sim.results.schema import SCHEMA_VERSION
from sim.scenario import Scenario
from sim.scenario import find as find_scenario
from sim.scenario.chain import Document
from sim.scenario.read import read
from sim.scenario.resolve import from_merged, scenario_name
from sim.scenario.text import KeyPath, Places
from sim.sweeps import designs
from sim.sweeps.block import LANES, Block, BlockRun, program_digest

SWEEP_SCHEMA = "4"
"""Version of a sweep's tables: part of each run's identity, as is the program.

A column is changed only with it (`sim.sweeps.read`).
"""
BLOCK_RUNS = 100
FEWEST_BLOCKS = 8
"""A replicate is cut into so many blocks at least, where it has the runs: for the workers."""
_COURSE = (
    "name",
    "primary",
    "patients",
    "age",
    "horizon_days",
    "observe",
    "output_every_days",
    "treatments",
    "posterior",
)
"""What a run is, besides its mechanisms and values: keys of a resolved scenario, as far as it has them."""


@dataclass(frozen=True)
class Variant:
    """A base scenario with one cohort and one treatment of the plan (their names; None where the plan has none)."""

    scenario: Scenario
    cohort: str | None
    treatment: str | None


@dataclass(frozen=True)
class Point:
    """One setting of all factors: its number in the plan, its variant, and what it changes there."""

    number: int
    variant: int
    mechanisms: tuple[tuple[str, bool], ...]
    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Factor:
    """A column of the sweep's tables: bool for mechanisms, float64 for parameters, text for alternatives."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class PlannedRun:
    """One cohort: a point, a replicate and a seed. `name` is its identity."""

    name: str
    point: Point
    replicate: int
    seed: int


@dataclass(frozen=True)
class Plan:
    """Everything that a sweep will do. `text` is the file's own."""

    name: str
    title: str
    text: str
    seed: int
    replicates: int
    paired: bool
    variants: tuple[Variant, ...]
    points: tuple[Point, ...]
    factors: tuple[Factor, ...]
    design: str
    path: Path

    @cached_property
    def runs(self) -> list[PlannedRun]:
        """Every run, replicate by replicate, so that a sweep that is stopped is balanced."""
        courses = [self._course(point) for point in self.points]
        runs = []
        for replicate in range(self.replicates):
            for point, course in zip(self.points, courses, strict=True):
                seed = self._seed(replicate, course)
                name = hashlib.sha256(f"{course} {seed}".encode()).hexdigest()[:16]
                runs.append(PlannedRun(name, point, replicate, seed))
        return runs

    def _course(self, point: Point) -> str:
        """A digest of everything that the runs of a point depend on, but their seed."""
        scenario = self.variants[point.variant].scenario
        values = scenario.values() | dict(point.values)
        states = {**scenario.mechanisms, **dict(point.mechanisms)}
        asked = [self._of_variant[point.variant], values, states]
        if scenario.posterior:  # what is set is the same in every draw, even to the catalogue's value
            asked.append(sorted({*scenario.overrides, *dict(point.values)}))
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _of_variant(self) -> list[str]:
        resolved = [variant.scenario.to_dict() for variant in self.variants]
        asked = [{key: scenario[key] for key in _COURSE if key in scenario} for scenario in resolved]
        versions = [SCHEMA_VERSION, SWEEP_SCHEMA, program_digest()]
        return [
            hashlib.sha256(json.dumps([versions, one], sort_keys=True, default=str).encode()).hexdigest()
            for one in asked
        ]

    def _seed(self, replicate: int, course: str) -> int:
        """Paired: the same in all points of a replicate. Else a seed of its own for every run."""
        if self.paired:
            return self.seed + replicate
        digest = hashlib.sha256(f"{self.seed} {replicate} {course}".encode()).digest()
        return int.from_bytes(digest[:8], "little") >> 1

    def blocks(self) -> list[Block]:
        """All runs in blocks, in the order in which they are to be computed: a function of the plan alone.

        Replicate by replicate, and taking turns among the variants.
        """
        blocks = []
        for replicate in range(self.replicates):
            by_variant: list[list[PlannedRun]] = [[] for _ in self.variants]
            for run in self.runs[replicate * len(self.points) : (replicate + 1) * len(self.points)]:
                by_variant[run.point.variant].append(run)
            cut = [self._cut(self.variants[place].scenario, runs) for place, runs in enumerate(by_variant)]
            blocks += [block for turn in itertools.zip_longest(*cut) for block in turn if block is not None]
        return blocks

    def _cut(self, scenario: Scenario, runs: Sequence[PlannedRun]) -> list[Block]:
        enough = math.ceil(len(self.points) / FEWEST_BLOCKS)
        size = max(1, min(BLOCK_RUNS, LANES // scenario.patients, enough))
        described = [BlockRun(run.name, run.seed, run.point.mechanisms, run.point.values) for run in runs]
        return [
            Block(scenario, tuple(described[start : start + size]), program_digest())
            for start in range(0, len(described), size)
        ]

    def levels(self, point: Point) -> dict[str, Any]:
        """The value of every factor at a point."""
        variant = self.variants[point.variant]
        own = {"cohort": variant.cohort, "treatment": variant.treatment, **dict(point.mechanisms), **dict(point.values)}
        return {factor.name: own[factor.name] for factor in self.factors}

    @property
    def patients(self) -> int:
        """Virtual patients of all runs together."""
        return self.replicates * sum(self.variants[point.variant].scenario.patients for point in self.points)


class _Elsewhere(Places):
    """The places of keys that stand in a plan under another path than in a scenario."""

    def __init__(self, places: Places, homes: dict[str, KeyPath]):
        super().__init__(places.lines, places.repeated)
        self._homes = homes

    def line(self, path: KeyPath) -> int | None:
        """The line in the plan of a key of the scenario."""
        home = self._homes.get(str(path[0])) if path else None
        return super().line((*home, *path[1:]) if home else ("scenarios",))


def load(name: Path | str, posterior: int | None = None) -> Plan:
    """The plan in a file, or of that name in the folder `plans`; with `posterior` under so many draws (see `Scenario`).

    Raises InputError with all its problems, one a line.
    """
    from sim.sweeps.plan_file import MOST_RUNS, find, read_plan, refuse_if_faulty

    file = find(name)
    checked, document = read_plan(file)
    variants = _variants(checked, document)
    refuse_if_faulty(document)
    if posterior is not None:
        variants = [replace(one, scenario=one.scenario.with_(posterior=posterior)) for one in variants]
    table = checked.get("mechanisms", {})
    rows, design = _mechanism_rows(table)
    grid = {name: tuple(_crossed(entry)) for name, entry in checked["parameters"].items()}
    sampled = checked.get("sample", {})
    number = math.prod(
        [len(variants), len(rows), checked["replicates"], sampled.get("points", 1), *map(len, grid.values())]
    )
    if number > MOST_RUNS:
        raise InputError(f"{_shown(file)}: found a plan of {number:,} runs; allowed: at most {MOST_RUNS:,}")
    ranges = [(entry["low"], entry["high"], entry["scale"]) for entry in sampled.get("parameters", {}).values()]
    sample = designs.sample(sampled["method"], sampled["points"], ranges, sampled["seed"]) if ranges else [()]
    names = (*grid, *sampled.get("parameters", {}))
    settings = [
        tuple(zip(names, (*crossed, *drawn), strict=True))
        for crossed in itertools.product(*grid.values())
        for drawn in sample
    ]
    switched = [tuple(zip(table.get("names", ()), row, strict=True)) for row in rows]
    points = tuple(
        Point(place, variant, states, values)
        for place, (variant, states, values) in enumerate(itertools.product(range(len(variants)), switched, settings))
    )
    factors = _factors(checked, names)
    plan = Plan(
        file.stem,
        checked["title"],
        document_text(file),
        checked["seed"],
        checked["replicates"],
        checked["paired"],
        tuple(variants),
        points,
        factors,
        design,
        file.resolve(),
    )
    _refuse_twins(plan, file)
    return plan


def document_text(file: Path) -> str:
    """The plan's text, kept with the results."""
    from sim.scenario.chain import read_text

    return read_text(file, "a plan")


def _shown(file: Path) -> str:
    from sim.scenario.chain import shown

    return shown(file)


def _variants(checked: dict[str, Any], document: Document) -> list[Variant]:
    """Every scenario with every cohort and treatment; faults are told in the plan's own lines."""
    variants: list[Variant] = []
    called: dict[str, tuple[str, Path]] = {}
    cohorts = [*enumerate(checked.get("cohorts", [])), *([] if "cohorts" in checked else [(None, {})])]
    treatments = [*enumerate(checked.get("treatments", [])), *([] if "treatments" in checked else [(None, {})])]
    for place, name in enumerate(checked["scenarios"]):
        try:
            beside = finding.find_beside(name, document.path, finding.SCENARIOS) if name.strip() else None
            file = find_scenario(name) if beside is None or beside.is_dir() else beside
        except InputError as error:
            document.refuse(("scenarios", place), str(error))
            continue
        if name in checked["scenarios"][:place]:
            document.refuse(("scenarios", place), f'found "{name}" twice; allowed: once')
            continue
        earlier = called.setdefault(unicodedata.normalize("NFC", scenario_name(file)).casefold(), (name, file))
        if earlier[0] != name:
            same = earlier[1].resolve() == file.resolve()
            document.refuse(
                ("scenarios", place),
                f'found "{earlier[0]}" and "{name}", '
                + ("which are one file; allowed: once" if same else "which have one name in the tables; allowed: ")
                + ("" if same else "scenarios whose files have different names"),
            )
            continue
        for (cohort_place, cohort), (treatment_place, treatment) in itertools.product(cohorts, treatments):
            raw = document.raw
            cohort_raw = raw["cohorts"][cohort_place] if cohort_place is not None else {}
            changes: dict[str, Any] = {
                "cohort": {key: cohort_raw[key] for key in ("patients", "age") if key in cohort_raw}
            }
            if "patients" not in cohort_raw and "patients" in raw:
                changes["cohort"]["patients"] = raw["patients"]
            if treatment_place is not None:
                changes["treatments"] = raw["treatments"][treatment_place]["give"]
            homes: dict[str, KeyPath] = {
                "cohort": ("cohorts", cohort_place) if cohort_place is not None else ("patients",)
            }
            if treatment_place is not None:
                homes["treatments"] = ("treatments", treatment_place, "give")
            own = Document(document.path, changes, _Elsewhere(document.places, homes))
            try:
                variants.append(Variant(from_merged(file, read(file, own)), cohort.get("name"), treatment.get("name")))
            except InputError as error:
                line = document.places.line(("scenarios", place)) or 0
                for text in str(error).splitlines():
                    if (line, text) not in document.problems:
                        document.problems.append((line, text))
    return variants


def _mechanism_rows(table: dict[str, Any]) -> tuple[list[tuple[bool, ...]], str]:
    """The rows of the design over mechanisms, and what it is in words."""
    factors = len(table.get("names", ()))
    if not factors:
        return [()], ""
    if table["design"] == "one at a time":
        return designs.one_at_a_time(factors), f"{factors} mechanisms one at a time"
    if table["design"] == "full":
        return designs.full_factorial(factors), f"full factorial 2^{factors}"
    words = designs.fractional_columns(factors, table.get("resolution", 4))
    achieved = designs.achieved_resolution(words)
    if achieved is None:
        return designs.fractional_factorial(
            factors, table.get("resolution", 4)
        ), f"full factorial 2^{factors} (no smaller fraction has that resolution)"
    fraction = factors - max(words).bit_length()
    return (
        designs.fractional_factorial(factors, table.get("resolution", 4)),
        f"fractional factorial 2^({factors}-{fraction}) of resolution {designs.ROMAN.get(achieved, achieved)}",
    )


def _crossed(entry: dict[str, Any]) -> Sequence[float]:
    if "values" in entry:
        return entry["values"]
    return designs.spaced(entry["low"], entry["high"], entry["steps"], entry["scale"])


def _factors(checked: dict[str, Any], parameters: Sequence[str]) -> tuple[Factor, ...]:
    from sim import catalog, mechanisms

    out = [Factor(key[:-1], "text", f"the plan's {key[:-1]}") for key in ("cohorts", "treatments") if key in checked]
    out += [
        Factor(name, "bool", f"on: {mechanisms.REGISTRY[name].title}")
        for name in checked.get("mechanisms", {}).get("names", ())
    ]
    out += [
        Factor(name, "float64", f"{catalog.load()[name].meaning} (unit: {catalog.load()[name].unit})")
        for name in parameters
    ]
    return tuple(out)


def _refuse_twins(plan: Plan, file: Path) -> None:
    """Two points with the same runs would be one run with two names."""
    seen: dict[str, PlannedRun] = {}
    for run in plan.runs[: len(plan.points)]:
        twin = seen.setdefault(run.name, run)
        if twin is not run:
            told = ", ".join(f"{name} = {level}" for name, level in plan.levels(run.point).items())
            raise InputError(
                f"{_shown(file)}: points {twin.point.number} and {run.point.number} ({told}) are the same run; "
                "allowed: points that differ in what they compute"
            )
