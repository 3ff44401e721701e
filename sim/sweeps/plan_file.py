"""What may stand in a plan file, in pydantic, and how its faults are told: as for scenarios, with their lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sim import catalog, finding, mechanisms
from sim.catalog.checks import parameter_value, unknown_parameter
from sim.errors import InputError
from sim.messages import describe, unknown
from sim.names import LARGEST_SEED, MOST_PATIENTS
from sim.scenario.chain import Document, parse, read_text
from sim.scenario.faults import faults, found_and_allowed
from sim.scenario.file import AgeTable, OneLine, Prose, absent
from sim.scenario.text import KeyPath
from sim.units import UnitError

MOST_RUNS = 1_000_000
MOST_FACTORS = 15
"""Mechanisms in one design; a full factorial of more would be over 30,000 points."""
Design = Literal["full", "fractional", "one at a time"]
Method = Literal["latin hypercube", "sobol"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^\w[\w .,+-]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class MechanismsTable(_Table):
    """A design over mechanisms."""

    names: list[str] = Field(min_length=1, max_length=MOST_FACTORS, description="the mechanisms that are switched")
    design: Design = Field("full", description="every combination, a fraction of them, or each off alone")
    resolution: Literal[3, 4, 5] = absent(description="of a fraction: main effects are clear of what (default 4)")


class ParameterTable(_Table):
    """Values of one parameter, each of them with all the rest of the plan."""

    values: list[Any] = absent(min_length=1, description="numbers in the catalogue's unit, or texts with a unit")
    low: Any = None
    high: Any = None
    steps: int = absent(ge=2, le=10_000, description="how many values from low to high, both included")
    scale: Literal["linear", "log"] = "linear"


class RangeTable(_Table):
    """The range of one parameter of a sample; what is left out is the catalogue's own range."""

    low: Any = None
    high: Any = None
    scale: Literal["linear", "log"] = "linear"


class SampleTable(_Table):
    """Points that fill the ranges of several parameters together."""

    method: Method = "latin hypercube"
    points: int = Field(ge=1, le=MOST_RUNS)
    seed: int = Field(1, ge=0, le=LARGEST_SEED)
    parameters: dict[str, RangeTable] = Field(min_length=1)


class CohortTable(_Table):
    """One alternative for who is simulated; what is left out stays as in the scenario."""

    name: Name
    patients: int = absent(ge=1, le=MOST_PATIENTS)
    age: AgeTable = absent()


class TreatmentTable(_Table):
    """One alternative for the treatments: tables as they stand under [[treatments]] in a scenario, or none."""

    name: Name
    give: list[dict[str, Any]]


class PlanFile(_Table):
    """A plan: every scenario with every cohort, treatment, mechanism setting and parameter setting."""

    title: OneLine
    question: Prose = absent()
    scenarios: list[str] = Field(min_length=1, description="scenario files, or names of some")
    seed: int = Field(1, ge=0, le=LARGEST_SEED)
    replicates: int = Field(1, ge=1, le=MOST_RUNS)
    paired: bool = Field(True, description="all points of a replicate share their seed, and so their patients")
    patients: int = absent(ge=1, le=MOST_PATIENTS, description="patients a run (default: the scenario's)")
    mechanisms: MechanismsTable = absent()
    parameters: dict[str, ParameterTable] = {}
    sample: SampleTable = absent()
    cohorts: list[CohortTable] = absent(min_length=1)
    treatments: list[TreatmentTable] = absent(min_length=1)


KEYS: dict[KeyPath, tuple[str, ...]] = {
    (): tuple(PlanFile.model_fields),
    ("mechanisms",): tuple(MechanismsTable.model_fields),
    ("parameters",): tuple(ParameterTable.model_fields),
    ("sample",): tuple(SampleTable.model_fields),
    ("sample", "parameters"): tuple(RangeTable.model_fields),
    ("cohorts",): tuple(CohortTable.model_fields),
    ("cohorts", "age"): tuple(AgeTable.model_fields),
    ("treatments",): tuple(TreatmentTable.model_fields),
}
"""The keys of each kind of table."""


def find(name: Path | str) -> Path:
    """The plan file that `name` names: a file, or one that comes with the program.

    Raises InputError where there is none.
    """
    return finding.find(name, finding.PLANS, "plan")


def is_plan(name: Path | str) -> bool:
    """Whether `name` names a plan: a file of the folder `plans`, or one with the scenarios that only plans list."""
    try:
        file = find(name)
        return (
            file.resolve().is_relative_to(finding.PLANS)
            or "scenarios" in parse(file, read_text(file, "a plan"), "a plan")[0]
        )
    except InputError:
        return False


def read_plan(file: Path) -> tuple[dict[str, Any], Document]:
    """The checked keys of a plan file, values of parameters as numbers, and the file with its places.

    Raises InputError with all problems, one a line.
    """
    document = Document(file, *parse(file, read_text(file, "a plan"), "a plan"))
    try:
        model = PlanFile.model_validate(document.raw)
    except ValidationError as error:
        for path, fault in faults(error):
            document.refuse(path, _words(path, fault))
    else:
        document.checked = model.model_dump(exclude_none=True)
        _check_seeds(document)
        _check_mechanisms(document)
        _check_parameters(document)
        _check_names(document)
    refuse_if_faulty(document)
    return document.checked, document


def refuse_if_faulty(document: Document) -> None:
    """Raises InputError with the problems of the file so far, by line."""
    if document.problems:
        raise InputError("\n".join(text for _, text in sorted(document.problems, key=lambda problem: problem[0])))


def _words(path: KeyPath, fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        table = tuple(part for part in path[:-1] if isinstance(part, str))
        table = table if table in KEYS else table[:-1]  # a parameter's name is no kind of table
        return unknown("key", str(path[-1]), KEYS.get(table, ()))
    if fault["type"] == "missing":
        return f"missing key {path[-1]}"
    is_name = fault["type"] == "string_pattern_mismatch" and path[-1] == "name"
    return found_and_allowed(fault, "letters, digits, blanks and . , + -" if is_name else None)


def _check_seeds(document: Document) -> None:
    """Paired replicates have consecutive seeds: the last one must be a seed too."""
    seed, replicates = document.checked["seed"], document.checked["replicates"]
    if seed + replicates - 1 > LARGEST_SEED:
        document.refuse(
            ("seed",), f"found {seed} with {replicates:,} replicates; allowed: {LARGEST_SEED} for the last of them"
        )


def _check_mechanisms(document: Document) -> None:
    table = document.checked.get("mechanisms", {})
    names = table.get("names", [])
    for place, name in enumerate(names):
        path = ("mechanisms", "names", place)
        if name not in mechanisms.REGISTRY:
            document.refuse(path, unknown("mechanism", name, mechanisms.REGISTRY))
        elif name in names[:place]:
            document.refuse(path, f"found {describe(name)} twice; allowed: once")
    if "resolution" in table and table["design"] != "fractional":
        document.refuse(
            ("mechanisms", "resolution"), f'found with design "{table["design"]}"; allowed: with "fractional"'
        )


def _check_parameters(document: Document) -> None:
    crossed = document.checked.get("parameters", {})
    sampled = document.checked.get("sample", {}).get("parameters", {})
    for prefix, tables in ((("parameters",), crossed), (("sample", "parameters"), sampled)):
        for name, table in tables.items():
            refusal = unknown_parameter(name, catalog.load())
            if refusal is not None:
                document.refuse((*prefix, name), refusal)
            elif prefix == ("parameters",) and "values" in table:
                _check_values(document, (*prefix, name), table)
            else:
                _check_range(document, (*prefix, name), table, steps=prefix == ("parameters",))
    for name in sampled:
        if name in crossed:
            document.refuse(("sample", "parameters", name), "found in [parameters] too; allowed: in one of them")
    points = document.checked.get("sample", {}).get("points", 1)
    if document.checked.get("sample", {}).get("method") == "sobol" and points & (points - 1):
        document.refuse(
            ("sample", "points"),
            f"found {points}; allowed: a power of two, such as {1 << points.bit_length()}, for a Sobol sequence",
        )


def _value(document: Document, path: KeyPath, found: Any) -> float | None:
    name = next(part for part in path if isinstance(part, str) and part in catalog.load())
    try:
        return parameter_value(catalog.load()[name], found)
    except UnitError as error:
        document.refuse(path, str(error))
        return None


def _check_values(document: Document, path: KeyPath, table: dict[str, Any]) -> None:
    if extra := [key for key in ("low", "high", "steps") if key in table]:
        document.refuse((*path, extra[0]), "found with values; allowed: values, or low, high and steps")
    values = [_value(document, (*path, "values", place), found) for place, found in enumerate(table["values"])]
    for place, value in enumerate(values):
        if value is not None and value in values[:place]:
            document.refuse((*path, "values", place), f"found {value:g} twice; allowed: once")
    table["values"] = values


def _check_range(document: Document, path: KeyPath, table: dict[str, Any], *, steps: bool) -> None:
    parameter = catalog.load()[str(path[-1])]
    if steps and "steps" not in table:
        document.refuse(path, "found no values and no steps; allowed: values = [...], or low, high and steps")
        return
    for key in ("low", "high"):
        table[key] = getattr(parameter, key) if key not in table else _value(document, (*path, key), table[key])
        if table[key] is None:
            return
    low, high = table["low"], table["high"]
    if not low < high:
        document.refuse(path, f"found low {low:g} and high {high:g}; allowed: low < high")
    elif table["scale"] == "log" and low <= 0:
        document.refuse(path, f"found low {low:g} with a log scale; allowed: low above 0")


def _check_names(document: Document) -> None:
    """Alternatives are told apart by their names."""
    for key in ("cohorts", "treatments"):
        names = [table["name"] for table in document.checked.get(key, [])]
        for place, name in enumerate(names):
            if name in names[:place]:
                document.refuse((key, place, "name"), f"found {describe(name)} twice; allowed: once")
