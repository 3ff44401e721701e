"""Rows of an attribution as its text and its figure read them: one outcome, the scenario's own gain, organs by rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sim.analysis import products
from sim.results.schema import ALL

SUBJECT = {"colonies": "metastases", "patients": "patients with a metastasis"}


def rows_of(table: Mapping[str, Sequence], outcome: str) -> list[dict]:
    """The rows of one outcome, as mappings."""
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return [row for row in rows if row["outcome"] == outcome]


def own_block(rows: Sequence[dict]) -> list[dict]:
    """The rows of the scenario's own gain: its block comes first."""
    return [row for row in rows if row[products.GAIN] == rows[0][products.GAIN]]


def ranked_organs(rows: Sequence[dict]) -> list[str]:
    """Organs that get anything with all mechanisms on, most first; all organs together lead."""
    on = {row["organ"]: row["value"] for row in own_block(rows) if row["part"] == "all on"}
    return sorted((organ for organ, value in on.items() if value > 0), key=lambda organ: (organ != ALL, -on[organ]))
