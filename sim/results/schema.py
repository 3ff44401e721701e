"""The tables of a run: every column with its type, unit and meaning. A contract, version by version.

`results/README.md` shows the same tables; `python -m sim.results.schema` prints them, and a test keeps both
equal. A column is changed only together with SCHEMA_VERSION and a reader for the old version (`sim.results.reading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.names import CLOCKS, NICHES, PRESENTATIONS, SITES, STAGES, STAGES_AT_DIAGNOSIS, T_CATEGORIES

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = "6"
TABLES_ALL, TABLES_METASTASES = "all", "metastases"
"""What a run computes: everything, or what needs no cell whose colony dies out."""
ALL = "all"
"""Organ (or source) of rows that sum over all organs (or sources)."""
PRIMARY = "primary"
"""Source of a cell that came from the primary tumour itself."""
STEPS = (
    "shed",
    "died_in_transit",
    "arrested",
    "died_on_arrival",
    "inert",
    "settled",
    "died_asleep",
    "woke",
    "extinct",
    "micrometastasis",
    "macrometastasis",
)
"""Steps of `cascade.parquet`, from the primary tumour to a lesion that imaging shows."""
EVENTS = ("arrive", "wake", "die", "reach")
"""Events of `events.parquet`."""
REQUIRED = ("patients", "metastases", "founders", "ancestors", "seeding", "cascade")
NEW_IN_2 = ("ancestors",)
"""Tables that runs of version 1 do not have."""
OPTIONAL = MappingProxyType(
    {
        "clones": "with the mechanism lineage on; new in version 3",
        "seeds": "only with `--keep-seeds`",
        "events": "only with `--keep-events`",
    }
)
"""Tables that not every run has, and when it has them."""
HOT_MARKER, COLD_MARKER = "IFI27/REG4", "KRT17"
"""What marks clones of high and of low metastatic potential (Quinn et al. 2021, LIN02)."""

_ORGANS = (*NICHES, ALL)
_SOURCES = (PRIMARY, *NICHES, ALL)
_TYPES = ("int32", "int64", "float64", "bool", "text")


@dataclass(frozen=True)
class Column:
    """One column: its type (one of int32, int64, float64, bool, text), unit and meaning.

    `nullable` columns are null where a thing did not happen or has no value. Numbers are finite and,
    unless `signed`, not negative. `allowed` closes the list of a text column.
    """

    name: str
    type: str
    unit: str
    meaning: str
    nullable: bool = False
    signed: bool = False
    allowed: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.type not in _TYPES:
            raise ValueError(f"schema: {self.name}: type {self.type!r} is none of {', '.join(_TYPES)}")


def _day(name: str, meaning: str, *, nullable: bool = True, signed: bool = False) -> Column:
    return Column(name, "int32", "day", meaning, nullable=nullable, signed=signed)


def _text(name: str, meaning: str, allowed: tuple[str, ...] | None = None, *, nullable: bool = False) -> Column:
    return Column(name, "text", "", meaning, nullable=nullable, allowed=allowed)


def _statistic(name: str, meaning: str) -> Column:
    return Column(name, "float64", "cell or colony", meaning, nullable=True)


_PATIENT = Column("patient", "int32", "", "patient, the same in every arm with the same seed: the key of a pair")
_CLONE = Column(
    "clone",
    "int64",
    "",
    "number of the clone within the patient; null where the scenario has no clones, or several clones founded it",
    nullable=True,
)
_ORGAN = _text("organ", "where it settled", NICHES)
_SOURCE = _text("source", "`primary`, or the organ whose metastasis shed it", (PRIMARY, *NICHES))


def _colony(meaning: str, *, name: str = "colony", nullable: bool = False) -> Column:
    return Column(name, "int64", "", meaning, nullable=nullable)


TABLES: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "patients": (
            _PATIENT,
            Column("age_years", "float64", "year", "age on the reference day"),
            _text("sex", "null while the scenario does not model it", nullable=True),
            Column(
                "bmi", "float64", "kg/m2", "body-mass index; null while the scenario does not model it", nullable=True
            ),
            _text("primary", "site of the primary tumour", SITES),
            Column(
                "frailty",
                "float64",
                "1",
                "factor on the share of this patient's cells that can found a colony; the median patient has 1",
            ),
            Column("growth_factor", "float64", "1", "factor on the growth rate of the primary tumour"),
            _day("diagnosis_day", "the cancer was diagnosed; null where it was found at death"),
            _day(
                "reference_day",
                "the primary tumour alone would have presented; the same in every arm that leaves the primary alone",
                nullable=False,
            ),
            _text(
                "presentation",
                "how the cancer came to light: by the `primary` tumour, by symptoms of `metastases`, at `death`",
                PRESENTATIONS,
            ),
            Column(
                "primary_cells_at_diagnosis", "int64", "cell", "size of the primary tumour on that day", nullable=True
            ),
            Column(
                "metastatic_at_diagnosis", "bool", "", "a metastasis was visible to imaging on that day", nullable=True
            ),
            Column("nodes_positive", "bool", "", "lymph nodes of the primary were positive", nullable=True),
            _text(
                "stage",
                "I shallow, II deep, III positive nodes, IV a metastasis that imaging showed; null where it was not "
                "diagnosed, and in runs before version 4",
                STAGES_AT_DIAGNOSIS,
                nullable=True,
            ),
            _text(
                "t_category",
                "T1 to T4 by size in breast and lung (T1 to T3 in the breast), elsewhere T1-2 or T3-4 by depth; null "
                "as `stage`, and in runs before version 5, as the next three",
                T_CATEGORIES,
                nullable=True,
            ),
            Column("grade", "int64", "", "1 well, 2 moderately, 3 poorly differentiated", nullable=True),
            Column(
                "distant_nodes",
                "bool",
                "",
                "metastases in distant nodes at diagnosis: observed beside the model, without an effect",
                nullable=True,
            ),
            Column(
                "peritoneum",
                "bool",
                "",
                "metastases of the peritoneum at diagnosis: observed beside the model, without an effect",
                nullable=True,
            ),
            _day("resection_day", "the primary tumour was resected; null where it was not"),
            _day("first_detected_day", "the first metastasis in any organ was found"),
            _day(
                "liver_symptom_day",
                "symptoms of a full liver sent the patient to imaging, told with the week; null where they did not, "
                "and where follow-up has no visits",
            ),
            _day("death_day", "death"),
            _text("death_cause", "null for those alive at the end", nullable=True),
            _day(
                "last_day",
                "last day of follow-up: death, or the end of the horizon, which counts from the reference day",
                nullable=False,
            ),
            _text("censor_reason", "why follow-up ended without a death; null for the dead", nullable=True),
            Column(
                "shed_cells",
                "int64",
                "cell",
                "cells shed into the blood until the last day, without those that return to the primary; a cluster "
                "counts as one, here and until it grows",
            ),
            Column("arrested_cells", "int64", "cell", "of these, held in a capillary bed"),
            Column("settled_cells", "int64", "cell", "of these, alive in a niche and able to found a colony"),
        ),
        "metastases": (
            _PATIENT,
            _colony("colony; unique in the run, the same in every arm with the same seed"),
            _colony(
                "colony that shed its founder (one below 10^6 cells has its row in `ancestors.parquet`); null from "
                "the primary tumour",
                name="parent_colony",
                nullable=True,
            ),
            _ORGAN,
            _SOURCE,
            _CLONE,
            Column("founders", "int64", "cell", "cells that founded it: one, or the size of the cluster"),
            _day("arrived_day", "its founder settled", nullable=False),
            _day("woke_day", "its founder left sleep; null where it never slept"),
            _day("reached_day", "it first reached 10^6 cells (about 1 mm)", nullable=False),
            _day(
                "detected_day",
                "it was found while the patient lived: at the detection threshold, or at a visit after that",
            ),
            _day("removed_day", "an operation took it away"),
            _day("extinct_day", "its last cell died, of treatment (told at the end of the week)"),
            Column(
                "cells", "int64", "cell", "size on the morning of the patient's last day; 0 once removed or extinct"
            ),
            Column("cells_at_diagnosis", "int64", "cell", "size on the day of diagnosis", nullable=True),
            Column("cells_at_detection", "int64", "cell", "size on its detected_day", nullable=True),
            Column("doubling_days_at_detection", "float64", "day", "doubling time on its detected_day", nullable=True),
            Column(
                "resistant",
                "bool",
                "",
                "it resists a drug that this patient was given; null in patients without one",
                nullable=True,
            ),
        ),
        "founders": (
            _colony("colony of `metastases.parquet`"),
            _CLONE,
            Column("cells", "int64", "cell", "founding cells of that clone"),
        ),
        "ancestors": (
            _PATIENT,
            _colony(
                "colony that never reached 10^6 cells in the patient's time, and from which one of "
                "`metastases.parquet` descends"
            ),
            _colony(
                "colony that shed its founder, of `metastases.parquet` or of this table; null from the primary tumour",
                name="parent_colony",
                nullable=True,
            ),
            _ORGAN,
            _SOURCE,
            _CLONE,
            _day("arrived_day", "its founder settled", nullable=False),
        ),
        "clones": (
            _PATIENT,
            Column("clone", "int64", "", "number of the clone within the patient: its barcode"),
            Column(
                "share_of_primary", "float64", "1", "share of the primary tumour's cells; a patient's clones sum to 1"
            ),
            Column(
                "potential",
                "float64",
                "1",
                "chance of one of its cells to found a colony, relative to the mean of the primary's cells; heritable",
            ),
            _text(
                "marker",
                "sign of the potential: `IFI27/REG4` for a clone above the primary's mean (hot), `KRT17` below it "
                "(cold), "
                "named after what marks such clones in the literature (LIN02); no expression is simulated",
                (HOT_MARKER, COLD_MARKER),
                nullable=True,
            ),
            Column(
                "seeded",
                "int64",
                "cell",
                "its cells that settled until the patient's last day, alive and able to found a colony, "
                "from the primary or a metastasis; cells of a cluster count one by one; null with "
                "`tables = metastases`",
                nullable=True,
            ),
            Column(
                "metastases",
                "int64",
                "colony",
                "colonies of `metastases.parquet` with a founder of it; a polyclonal colony counts for each of its "
                "clones",
            ),
        ),
        "seeding": (
            _text("clock", "where days start: `first_cell`, or `diagnosis` (then negative before it)", CLOCKS),
            _day("day", "day on the output grid of that clock", nullable=False, signed=True),
            _text("organ", "organ, or `all` for the body", _ORGANS),
            _text("stage", "`arrested` and `settled` are cumulative, the others present on that day", STAGES),
            _statistic("mean", "mean per patient at risk"),
            _statistic("q05", "5 % of patients at risk have no more than this"),
            _statistic("q25", "25 %"),
            _statistic("q50", "median"),
            _statistic("q75", "75 %"),
            _statistic("q95", "95 %"),
            Column("share_of_patients", "float64", "1", "share of patients at risk with at least one", nullable=True),
            Column("n_at_risk", "int32", "patient", "patients alive and not censored on that day"),
        ),
        "cascade": (
            _text(
                "source", "`primary`, an organ whose metastases shed, or their sum `all` where there are any", _SOURCES
            ),
            _text("organ", "where the step happened; `all` for steps without an organ, and for sums", _ORGANS),
            _text("step", "step of the cascade", STEPS),
            Column("cells", "int64", "cell", "cells (colonies from `extinct` on) that took it, all patients together"),
            Column(
                "share_of_previous",
                "float64",
                "1",
                "share of the step that it follows from; null without one",
                nullable=True,
            ),
        ),
        "seeds": (
            _PATIENT,
            Column("seed", "int64", "", "competent settled cell, numbered within the patient"),
            _ORGAN,
            _SOURCE,
            _CLONE,
            _day("arrived_day", "it settled", nullable=False),
            Column("slept", "bool", "", "it went to sleep on arrival"),
            Column(
                "threshold_days",
                "float64",
                "day",
                "energy at which it wakes, in days of an undisturbed niche",
                nullable=True,
            ),
            _day("woke_day", "it left sleep; null where it never slept or still sleeps"),
            _day("died_day", "it, or the last cell of its colony, died"),
            _colony("colony of `metastases.parquet` that it founded; null if none", nullable=True),
        ),
        "events": (
            _PATIENT,
            _day("day", "day of the event", nullable=False),
            _colony("colony; null for a cell that founded none", nullable=True),
            _ORGAN,
            _text("event", "what happened", EVENTS),
        ),
    }
)
"""Every table of the contract, its columns in order."""


def arrow_schema(table: str) -> pa.Schema:
    """The pyarrow schema of one table, with unit and meaning of each column as field metadata.

    Text is dictionary-encoded (32-bit codes). Raises KeyError for a table outside the contract.
    """
    import pyarrow as pa

    types = {
        "int32": pa.int32(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "text": pa.dictionary(pa.int32(), pa.string()),
    }
    fields = [
        pa.field(c.name, types[c.type], nullable=c.nullable, metadata={"unit": c.unit, "meaning": c.meaning})
        for c in TABLES[table]
    ]
    return pa.schema(fields, metadata={"table": table, "schema_version": SCHEMA_VERSION})


def markdown() -> str:
    """All tables as Markdown, for `results/README.md`."""
    parts = []
    for table, columns in TABLES.items():
        note = f" ({OPTIONAL[table]})" if table in OPTIONAL else ""
        lines = [f"### `{table}.parquet`{note}", "", "| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        for c in columns:
            kind = f"{c.type}, may be null" if c.nullable else c.type
            allowed = (
                f": {', '.join(f'`{name}`' for name in c.allowed)}" if c.allowed in (STEPS, EVENTS, STAGES) else ""
            )
            lines.append(f"| `{c.name}` | {kind} | {c.unit} | {c.meaning}{allowed} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
