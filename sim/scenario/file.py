"""What may stand in a scenario file: its keys, their types and their limits, in pydantic.

Every key is optional here, because a file may leave to the file that it extends what it does not
change; `scenario_read.py` asks for what is missing once the chain is merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from sim.messages import describe
from sim.names import DAYS_PER_YEAR, MOST_PATIENTS, SITES
from sim.results.conditions import CONDITIONS
from sim.results.outcomes import OUTCOMES
from sim.scenario.treatments import MOST_DAYS, TARGETS
from sim.treatments import REGISTRY
from sim.treatments.base import AFTER
from sim.units import UnitError, fitting_text, parse_quantity

if TYPE_CHECKING:
    from sim.scenario.text import KeyPath

    # pydantic reads the names that are allowed from our registries; to a type checker they are text.
    Site: TypeAlias = str
    TreatmentName: TypeAlias = str
    Event: TypeAlias = str
    Target: TypeAlias = str
else:
    Site, TreatmentName, Event, Target = Literal[SITES], Literal[tuple(REGISTRY)], Literal[AFTER], Literal[TARGETS]


def absent(**about: Any) -> Any:
    """The default of a key that a file may leave out, as pydantic's `Field` with what else it says `about` the key.

    It is None, and nobody sees it: what is checked is passed on without the keys that were left out. The key's type
    stays what may stand in a file, for `T | None` would let pydantic accept a null and promise it to editors.
    """
    return Field(None, **about)


def _quantity(
    unit: str, low: float, high: float, limits: str, example: str, whole_multiple: int | None = None
) -> tuple[BeforeValidator, WithJsonSchema]:
    """What makes of a number a text with a unit, read into `unit`, between `low` and `high`."""

    def read(found: Any) -> float:
        if not isinstance(found, str):
            text = (
                f"found {describe(found)}; allowed: text with a number and a unit ({fitting_text(unit)}), "
                f'such as "{example}"'
            )
            raise PydanticCustomError("quantity", "{text}", {"text": text})
        try:
            value = parse_quantity(found, unit)
        except UnitError as error:
            raise PydanticCustomError("quantity", "{text}", {"text": str(error)}) from None
        if not low <= value <= high or (whole_multiple and value % whole_multiple):
            raise PydanticCustomError("quantity", "{text}", {"text": f"found {describe(found)}; allowed: {limits}"})
        return value

    schema = {"type": "string", "pattern": r"^\s*[+-]?[0-9.].*$", "examples": [example]}
    return BeforeValidator(read), WithJsonSchema(schema)


def _days(low: int) -> tuple[BeforeValidator, WithJsonSchema]:
    """What makes of a whole number days, given as a number or as text with a unit (rounded)."""

    def read(found: Any) -> int:
        words = (
            f"found {describe(found)}; allowed: whole days, {low:,} to {MOST_DAYS:,}, or text with a unit, "
            'such as "5 years"'
        )
        if isinstance(found, str):
            try:
                found = round(parse_quantity(found, "day"))
            except UnitError as error:
                raise PydanticCustomError("quantity", "{text}", {"text": str(error)}) from None
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= MOST_DAYS:
            raise PydanticCustomError("quantity", "{text}", {"text": words})
        return found

    return BeforeValidator(read), WithJsonSchema({"type": ["integer", "string"], "examples": ["5 years"]})


OneLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
ArmName = Annotated[str, StringConstraints(pattern=r"^[\w%+./]+(?:[ -][\w%+./]+)*$", max_length=60)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
AgeYears = Annotated[float, *_quantity("year", 0.0, 120.0, "0 to 120 years", "67 years")]
SpreadYears = Annotated[float, *_quantity("year", 0.1, 60.0, "0.1 to 60 years", "11 years")]
Horizon = Annotated[float, *_quantity("day", 1.0, 200 * DAYS_PER_YEAR, "1 day to 200 years", "5 years")]
GridStep = Annotated[
    float, *_quantity("day", 7.0, 3640.0, "a whole number of weeks, 1 to 520", "28 days", whole_multiple=7)
]
StartDays = Annotated[int, *_days(-MOST_DAYS)]
CourseDays = Annotated[int, *_days(1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class AgeTable(_Table):
    """Age at diagnosis: a normal distribution cut off at both ends."""

    mean: AgeYears = absent(description="mean of the normal distribution before it is cut off")
    sd: SpreadYears = absent(description="its standard deviation")
    low: AgeYears = absent(description="no patient is younger")
    high: AgeYears = absent(description="no patient is older")


class CohortTable(_Table):
    """Who is simulated."""

    patients: int = absent(ge=1, le=MOST_PATIENTS, description="number of virtual patients")
    age: AgeTable = absent()


class OverrideTable(_Table):
    """A parameter's value in this scenario, and why it is not the catalogue's."""

    value: Any = Field(
        description="a number in the catalogue's unit, or text with a unit that fits",
        json_schema_extra={"anyOf": [{"type": "number"}, {"type": "string"}]},
    )
    reason: Prose = Field(description="why this scenario differs from the catalogue")


class TreatmentTable(_Table):
    """One treatment; what is left out is its usual course (see `run_sim.py list`)."""

    name: TreatmentName = Field(description="the treatment")
    after: Event = absent(description='what the start is counted from (default "diagnosis")')
    start_days: StartDays = absent(description="days from that event to the first dose (default 0)")
    dose: float = absent(ge=0, le=10, description="dose as a multiple of the standard dose (default 1)")
    cycles: int = absent(ge=1, le=MOST_DAYS, description="number of doses")
    every_days: CourseDays = absent(description="days from one dose to the next")
    duration_days: CourseDays = absent(description="days of treatment, instead of cycles")
    adherence: float = absent(ge=0, le=1, description="probability that a dose is taken (default 1)")
    organ: Target = absent(description="target of a local treatment: an organ, or primary")


class ArmCohortTable(_Table):
    """Who is simulated in an arm; the number of patients is the same in all arms."""

    age: AgeTable = absent()


class ArmTable(_Table):
    """One arm of a comparison: what it changes in its scenario, by the same rules as a file that extends it."""

    name: ArmName = Field(description="name of the arm in tables and in expect")
    only: OneLine = absent(
        description="count these patients only, by what imaging sees at diagnosis; allowed: " + "; ".join(CONDITIONS),
    )
    primary: Site = absent(description="site of the primary tumour in this arm")
    cohort: ArmCohortTable = absent()
    mechanisms: dict[str, bool] = absent(description="mechanisms on (true) or off (false) in this arm")
    treatments: list[TreatmentTable] = absent(
        max_length=100, description="treatments of this arm, instead of the scenario's; [] for none"
    )
    parameters: dict[str, OverrideTable] = absent(description="overrides of this arm, each with its reason")


def _values(found: Any) -> Any:
    if not isinstance(found, list) and found != "range":
        text = f'found {describe(found)}; allowed: a list of numbers, such as [0.2, 0.8], or "range"'
        raise PydanticCustomError("quantity", "{text}", {"text": text})
    return found


AcrossValues = Annotated[
    Any,
    BeforeValidator(_values),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": ["number", "string"]}}, {"const": "range"}]}),
]


class AcrossTable(_Table):
    """A parameter whose size nobody has published: the question is asked again at each of these values."""

    parameter: OneLine = Field(description="name of the parameter")
    values: AcrossValues = Field(
        description='numbers in the catalogue\'s unit or texts with a unit, or "range": the low and the high end of '
        "the catalogue's range"
    )


class SmallTable(_Table):
    """The small cohort that the tests run: fewer patients and, where too few of them would count, an enriched cohort."""  # noqa: E501  (stands in the schema, as it is)

    patients: int = absent(
        ge=10, le=100_000, description="patients with which the expected directions already show (default 60)"
    )
    parameters: dict[str, OverrideTable] = absent(
        description="overrides of the small cohort alone, which fill it with patients whom the question is about; "
        "each with its reason",
    )


class ComparisonTable(_Table):
    """How the question is answered: arms with the same patients, one outcome, and what is expected of it."""

    outcome: OneLine = absent(description="what is compared; allowed: " + "; ".join(OUTCOMES))
    expect: list[OneLine] = absent(
        description='directions that must show, such as "treated < untreated", "a < b < c", "a - b > c - d" or '
        '"a = b within 0.05"',
    )
    across: list[AcrossTable] = absent(
        description="parameters of unknown size, across whose values the answer is reported"
    )
    assumes: OneLine = absent(
        description="what the question takes for granted beyond the catalogue; printed with every answer"
    )
    least: float = absent(
        ge=0, description="the least difference that matters, in the outcome's unit (default 0: any on the right side)"
    )
    by_construction: OneLine = absent(
        description="why the law fixes the sign of the difference, whatever the numbers; the answer says so"
    )
    small: SmallTable = absent(description="the small cohort, which `ask --small` and the tests run")
    arms: list[ArmTable] = absent(description="two arms or more")


class ScenarioFile(_Table):
    """One scenario, or what it changes in the one that it extends."""

    extends: OneLine = absent(description="file that this one starts from, relative to this file")
    title: OneLine = absent(description="one line for lists and figures")
    question: Prose = absent(description="the question that this scenario answers")
    primary: Site = absent(description="site of the primary tumour")
    horizon: Horizon = absent(description='how long patients are followed from the reference day, such as "5 years"')
    observe: Literal["imaging", "autopsy"] = absent(
        description="which detection threshold makes a macrometastasis (default imaging)"
    )
    output_every: GridStep = absent(description='step of the output grid, whole weeks (default "28 days")')
    cohort: CohortTable = absent()
    mechanisms: dict[str, bool] = absent(
        description="mechanisms on (true) or off (false); those not named are as `list` shows"
    )
    treatments: list[TreatmentTable] = absent(
        max_length=100, description="treatments; they replace those of the file that this one extends"
    )
    parameters: dict[str, OverrideTable] = absent(description="overrides of catalogue values, each with its reason")
    comparison: ComparisonTable = absent(description="the arms that `ask` compares to answer the question")


REQUIRED = (
    ("title", 'title = "..."'),
    ("question", 'question = "..."'),
    ("primary", 'primary = "colon"'),
    ("horizon", 'horizon = "5 years"'),
    ("cohort", "[cohort] with patients and [cohort.age]"),
    ("cohort.patients", "patients = 500"),
    ("cohort.age", "[cohort.age] with mean, sd, low and high"),
    ("cohort.age.mean", 'mean = "67 years"'),
    ("cohort.age.sd", 'sd = "11 years"'),
    ("cohort.age.low", 'low = "30 years"'),
    ("cohort.age.high", 'high = "95 years"'),
)
"""Keys that a scenario has once its chain is merged, each with how it is written."""

KEYS: dict[KeyPath, tuple[str, ...]] = {
    ("comparison",): tuple(ComparisonTable.model_fields),
    ("comparison", "across"): tuple(AcrossTable.model_fields),
    ("comparison", "small"): tuple(SmallTable.model_fields),
    ("comparison", "arms"): tuple(ArmTable.model_fields),
    ("comparison", "arms", "treatments"): tuple(TreatmentTable.model_fields),
    ("comparison", "arms", "cohort"): tuple(ArmCohortTable.model_fields),
    ("comparison", "arms", "cohort", "age"): tuple(AgeTable.model_fields),
    (): tuple(ScenarioFile.model_fields),
    ("treatments",): tuple(TreatmentTable.model_fields),
    ("cohort",): tuple(CohortTable.model_fields),
    ("cohort", "age"): tuple(AgeTable.model_fields),
}
"""The keys of each table with a fixed set of them; a list of tables stands without its numbers."""
