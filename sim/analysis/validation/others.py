"""Published rows that nothing was laid beside, each with the reason: a scorecard that leaves rows out says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sim import catalog
from sim.analysis.organs.data import ROW_NAME
from sim.analysis.validation.rows import Row
from sim.names import ORGANS, SITES

TABLE = "Published rows without a comparison"
_ORGANS = {ROW_NAME.get(organ, organ) for organ in ORGANS}
_TREATED = ("checkpoint", "PD-1", "PD-L1", "endocrine", "adherence", "after resection of liver", "chemotherapy")

# The first reason that holds is given.
_REASONS: tuple[tuple[Callable[[dict[str, str]], bool], str], ...] = (
    (lambda r: r["id"].startswith("BF_"), "an input: the model's arterial shares are these numbers"),
    (
        lambda r: r["id"].startswith(("FLR_", "FLO")),
        "another statistic: R2 of log frequencies in other tables; what flow alone explains here stands above",
    ),
    (lambda r: r["evidence"] == "unverified", "unverified: no stored text of the number was found"),
    (
        lambda r: bool(r["species"]) and "human" not in r["species"],
        "animals or cell lines: a bolus into one vein, with a cell line's own competence, is no default patient",
    ),
    (lambda r: r["value"].startswith("direction only"), "a direction, which a scenario asks about (docs/questions.md)"),
    (
        lambda r: r["quantity"].startswith("autopsy") and r["primary"] not in SITES,
        "the primary is no site of the model",
    ),
    (
        lambda r: r["quantity"].startswith("autopsy") and r["organ"] == "any",
        "any metastasis counts lymph nodes and peritoneum, which blood does not reach here",
    ),
    (
        lambda r: r["quantity"].startswith("autopsy") and r["organ"] == r["primary"],
        "a deposit in a single organ cannot be told from its primary",
    ),
    (
        lambda r: r["quantity"].startswith("autopsy") and r["organ"] not in _ORGANS,
        "lymph nodes, serous linings, or an organ that is part of `elsewhere`",
    ),
    (
        lambda r: any(word in r["quantity"] for word in _TREATED),
        "patients under a treatment that the default scenarios do not give",
    ),
    (
        lambda r: r["primary"].split(" ")[0] in ("all", "solid", "pan-cancer"),
        "all sites together: no cohort of the model",
    ),
    (
        lambda r: not any(word in r["primary"] for word in (*SITES, "colorectal")),
        "the primary is no site of the model",
    ),
)
NOT_MEASURED = "not measured by this command"


def reason(row: dict[str, str]) -> str:
    """Why a published row has nothing beside it."""
    return next((why for holds, why in _REASONS if holds(row)), NOT_MEASURED)


def rows(compared: Iterable[Row]) -> list[Row]:
    """A row for every published row whose id no compared row gives as its source."""
    known = {key for row in compared for key in row.source.split()}
    return [
        Row(
            row["quantity"],
            ", ".join(part for part in (row["primary"], row["organ"]) if part),
            unit=row["unit"],
            source=key,
            reason=reason(row),
            table=TABLE,
        )
        for key, row in catalog.literature().items()
        if key not in known
    ]
