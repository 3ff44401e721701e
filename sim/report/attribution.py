"""The attribution as text: a table of the organs with most metastases, and the soil's share in inflammation's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sim.analysis import products
from sim.analysis.attribution_rows import SUBJECT, own_block, ranked_organs, rows_of
from sim.report.summary import SCOPE
from sim.results.schema import ALL

ORGANS_SHOWN = 4
WHAT = {"colonies": "visible metastases a patient", "patients": "share of patients with a visible metastasis"}


def _per_cent(share: float) -> str:
    return "-" if share is None or math.isnan(share) else f"{100 * share:.1f} %"


def _interval(row: Mapping) -> str:
    if math.isnan(row["share_low"]):
        return "-"
    return f"{100 * row['share_low']:.1f} to {100 * row['share_high']:.1f} %"


def attribution_text(table: Mapping[str, Sequence], title: str, outcome: str, notes: Sequence[str]) -> str:
    """The printed answer (many lines, no closing newline)."""
    rows = rows_of(table, outcome)
    own = own_block(rows)
    organs = ranked_organs(rows)
    heading = f"What causes the {SUBJECT[outcome]}: {title}"
    lines = [heading, "=" * len(heading), *notes, ""]
    if not organs:
        return "\n".join(
            [*lines, f"nobody got a visible metastasis in {rows[0]['patients']} patients: nothing to share out"]
        )
    sampled = any(row["order_standard_error"] > 0 for row in own)
    lines += [
        f"{'organ':<12}{'part':<24}{WHAT[outcome]:>32}",
        f"{'':<36}{'':>10}{'share':>10}{'95 % interval':>22}",
        "-" * 78,
    ]
    for organ in organs[: ORGANS_SHOWN + 1]:
        for i, row in enumerate(row for row in own if row["organ"] == organ):
            name = {ALL: "all organs"}.get(organ, organ) if i == 0 else ""
            lines.append(
                f"{name:<12}{row['part']:<24}{row['value']:>10.4g}{_per_cent(row['share']):>10}{_interval(row):>22}"
            )
        lines.append("")
    if len(organs) > ORGANS_SHOWN + 1:
        lines += [f"{len(organs) - 1 - ORGANS_SHOWN} more organs are in attribution.csv", ""]
    lines += [
        "Shares are of what all mechanisms on give; they sum to one with what is left with all off.",
        "Negative: the mechanism prevents metastases. Intervals come from the patients"
        + (" and from the sampling of orders." if sampled else "."),
    ]
    return "\n".join([*lines, *_product_lines(rows), "", *SCOPE])


def _product_lines(rows: Sequence[dict]) -> list[str]:
    of_liver = [row for row in rows if row["organ"] == "liver" and row["part"] in (products.MECHANISM, "all on")]
    gains = sorted({row[products.GAIN] for row in of_liver if row[products.GAIN] is not None})
    if len(gains) < 2:
        return []
    lines = [
        "",
        "Soil and inflammation of the liver are known only as a product. Inflammation's share there, across its",
        "assumed gain, with the soil that keeps the share of patients with liver metastases:",
        "",
        f"{'gain':>8}{'soil.liver':>14}{'share':>10}{'95 % interval':>22}{'all on':>12}",
    ]
    for gain in gains:
        share, on = (
            next(row for row in of_liver if row[products.GAIN] == gain and row["part"] == part)
            for part in (products.MECHANISM, "all on")
        )
        lines.append(
            f"{gain:>8g}{share['soil_liver']:>14.3g}{_per_cent(share['share']):>10}{_interval(share):>22}{on['value']:>12.4g}"
        )
    return lines
