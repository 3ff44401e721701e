"""The page of the scorecard in Markdown: counts first, then every table, misses in red with their reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sim.analysis.validation import others
from sim.analysis.validation.rows import STATUSES, Row, counts

INTRODUCTION = """# The model beside what was published

Made by `run_sim.py validate`; do not edit by hand. A row is a published number with its 95 % interval and the model's.
It is *inside* where the model lies in the band that was asked for, or, without a band, where the two intervals are
compatible. *Fitted* rows moved a number of the model, *predicted* ones moved none. Misses are red and say why. Out of
scope are lymph nodes, peritoneum and pleura as routes, emergency and screen-detected presentation, and operative
mortality.
"""


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "-"
    if low is None and high is None:
        return _number(value)
    return f"{_number(value)} ({_number(low)} to {_number(high)})"


def _band(row: Row) -> str:
    if not row.has_band:
        return ""
    if row.band_low is None:
        return f"at most {_number(row.band_high)}"
    if row.band_high is None:
        return f"at least {_number(row.band_low)}"
    return f"{_number(row.band_low)} to {_number(row.band_high)}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")


def _markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = "| " + " | ".join("---" for _ in header) + " |"
    body = ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join(["| " + " | ".join(header) + " |", rule, *body]) + "\n"


def _status(row: Row) -> str:
    return (
        f'<span class="miss" style="color:#b3261e">**{row.status}**</span>' if row.status == "outside" else row.status
    )


def _line(row: Row) -> list[str]:
    unit = "" if row.unit in ("1", "D2") else f" {row.unit}"
    return [
        row.name,
        row.population,
        _interval(row.published, row.published_low, row.published_high) + (unit if row.published is not None else ""),
        _band(row) + (unit if row.has_band else ""),
        _interval(row.model, row.model_low, row.model_high) + (unit if row.model is not None else ""),
        _status(row),
        row.kind,
        row.source,
        row.reason if row.status != "inside" else "",
    ]


def _counted(rows: Sequence[Row]) -> str:
    found = counts(rows)
    lines = [[kind, *(str(found[kind][status]) for status in STATUSES)] for kind in found]
    judged = {kind: found[kind]["inside"] + found[kind]["outside"] for kind in found}
    for line, kind in zip(lines, found, strict=True):
        line.append(f"{100 * found[kind]['inside'] / judged[kind]:.0f} %" if judged[kind] else "-")
    return _markdown(("rows", *STATUSES, "inside, of those compared"), lines)


def page(rows: Sequence[Row], sections: Sequence[str] = (), pictures: Sequence[tuple[str, str]] = ()) -> str:
    """The page of some rows.

    `sections` are further Markdown texts, `pictures` captions and paths as the page links them.
    """
    text = [INTRODUCTION, _counted(rows)]
    text += [f"![{caption}]({path})\n" for caption, path in pictures]
    header = ("row", "of", "published", "must lie in", "model", "", "", "source", "why")
    tables = list(dict.fromkeys(row.table for row in rows if row.table != others.TABLE))
    for name in tables:
        text.append(f"## {name}\n\n{_markdown(header, [_line(row) for row in rows if row.table == name])}")
    text += list(sections)
    left = [row for row in rows if row.table == others.TABLE]
    if left:
        why = Counter(row.reason for row in left)
        listed = [
            [reason, str(n), " ".join(r.source for r in left if r.reason == reason)] for reason, n in why.most_common()
        ]
        text.append(f"## {others.TABLE}\n\n{_markdown(('why', 'rows', 'which'), listed)}")
    return "\n".join(text)
