"""The tables of a sweep: every column with its type, unit and meaning; plan factors stand in every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.names import ALL_ORGANS, NICHES
from sim.results import schema
from sim.results.schema import Column
from sim.sweeps.plan import Factor
from sim.sweeps.record import CUMULATIVE, PRESENT

if TYPE_CHECKING:
    import pyarrow as pa

RUNS, PATIENTS, FAILURES = "runs", "patients", "failures"

_KEYS = (
    Column("run", "text", "", "identity of the run: the same whenever scenario, values, seed and program are the same"),
    Column("point", "int32", "", "number of the design point in the plan"),
)
_SEEDS = (
    Column("seed", "int64", "", "seed of the run: the same seed is the same patients"),
    Column("replicate", "int32", "", "number of the replicate"),
)
_ON_A_DAY = (
    Column("organ", "text", "", "organ, or `all` for the body", allowed=ALL_ORGANS),
    Column("year", "float64", "year", "years since diagnosis: whole years, then the end of follow-up"),
    Column("day", "int32", "day", "day since diagnosis that was read for that year: the last one of the output grid"),
    Column("at_risk", "int32", "patient", "patients alive on that day"),
    Column("survival", "float64", "1", "share of all patients alive on that day"),
    Column(
        "incidence",
        "float64",
        "1",
        "share of all patients in whom a metastasis was detected by that day; death is a competing event",
    ),
)


def columns(table: str, factors: Sequence[Factor]) -> tuple[Column, ...]:
    """The columns of one table (without the scenario, which is the name of the partition)."""
    levels = tuple(Column(factor.name, factor.type, "", factor.meaning, signed=True) for factor in factors)
    keys = (*_KEYS, *levels, *_SEEDS)
    if table == FAILURES:
        return (
            Column("scenario", "text", "", "the scenario"),
            *keys,
            Column("error", "text", "", "why the run failed"),
        )
    if table == PATIENTS:
        return (*keys, *schema.TABLES["patients"], *_by_organ())
    return (*keys, Column("patients", "int32", "patient", "size of the cohort"), *_ON_A_DAY, *_means())


def _means() -> tuple[Column, ...]:
    steps = [
        Column(
            name,
            "float64",
            "cell or colony",
            f"{name}: mean a patient up to that day, the dead included",
            nullable=True,
        )
        for name in CUMULATIVE
    ]
    stages = [
        Column(
            f"present_{name}", "float64", "cell or colony", f"{name}: mean a patient at risk on that day", nullable=True
        )
        for name in PRESENT
    ]
    return (*steps, *stages)


def _by_organ() -> tuple[Column, ...]:
    number = [
        Column(f"metastases_{organ}", "int32", "colony", f"metastases of that organ ({organ}) detected in life")
        for organ in NICHES
    ]
    first = [
        Column(
            f"first_detected_day_{organ}", "int32", "day", f"the first of them ({organ}) was detected", nullable=True
        )
        for organ in NICHES
    ]
    return (*number, *first)


def arrow_schema(table: str, factors: Sequence[Factor]) -> pa.Schema:
    """The pyarrow schema of one table, with unit and meaning of each column as field metadata; text is plain."""
    import pyarrow as pa

    types = {"int32": pa.int32(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
    return pa.schema(
        [
            pa.field(
                column.name,
                types[column.type],
                nullable=column.nullable,
                metadata={"unit": column.unit, "meaning": column.meaning},
            )
            for column in columns(table, factors)
        ]
    )
