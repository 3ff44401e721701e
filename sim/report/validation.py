"""The scorecard as a folder: a page in Markdown, a table for programs, and figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from sim.analysis.validation import scorecard
from sim.analysis.validation.page import page
from sim.analysis.validation.rows import Row, counts
from sim.results.whole_file import machine_errors, write_whole

PAGE, TABLE, PICTURES = "validation.md", "scorecard.csv", "validation"
FITTED, PATTERN = "validation_organs", "validation_forest"


def _compared(rows: Sequence[Row]) -> list:
    from sim.plots.validation import Compared

    def ends(value: float | None, low: float | None, high: float | None) -> tuple[float, float, float]:
        assert value is not None
        return value, value if low is None else low, value if high is None else high

    return [
        Compared(
            row.name,
            row.population.removesuffix(", autopsies"),
            ends(row.published, row.published_low, row.published_high),
            ends(row.model, row.model_low, row.model_high),
            row.status == "outside",
        )
        for row in rows
        if row.published is not None and row.model is not None and row.population.endswith(", autopsies")
    ]


def _figures(rows: Sequence[Row], folder: Path) -> list[tuple[str, str]]:
    """Draw the figures into `folder`; captions and paths as the page links them."""
    from sim.plots.save import save
    from sim.plots.validation import forest, observed_against_fitted

    chosen = _compared([row for row in rows if "fitted" in row.table])
    if not chosen:
        return []
    footer = ["Autopsies of 1914 to 1943; the model's intervals hold its misfit between sites. Red: outside."]
    drawn: tuple[tuple[str, str, Callable], ...] = (
        (FITTED, "Organs of patients at death, published and in the model", observed_against_fitted),
        (PATTERN, "The same row by row", forest),
    )
    found = []
    for name, title, draw in drawn:
        save(draw(chosen, title, footer), folder / PICTURES / name, ("png",))
        found.append((title, f"{PICTURES}/{name}.png"))
    return found


def write(rows: Sequence[Row], folder: Path, sections: Sequence[str] = (), figures: bool = True) -> Path:
    """Write page, table and figures into `folder`, which is made; returns the page. Raises MachineError."""
    with machine_errors(folder, "the scorecard cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        table = csv.DictWriter(text, scorecard.COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(scorecard.records(rows))
        write_whole(folder / TABLE, text.getvalue().encode())
    pictures = _figures(rows, folder) if figures else []
    with machine_errors(folder, "the scorecard cannot be written"):
        write_whole(folder / PAGE, page(rows, sections, pictures).encode())
    return folder / PAGE


def summary(rows: Sequence[Row]) -> str:
    """Counts and misses, as text."""
    found = counts(rows)
    lines = [
        f"{kind:<10}"
        + ", ".join(f"{found[kind][status]} {status}" for status in ("inside", "outside", "not comparable"))
        for kind in found
    ]
    missed = [row for row in rows if row.status == "outside"]
    lines += ["", "outside:"] if missed else []
    for row in missed:
        model = "not a number" if row.model is None else f"{row.model:.3g}"
        against = f"published {row.published:.3g}" if row.published is not None else "outside its band"
        lines.append(f"  {row.name}, {row.population}: {model} ({against}) {row.kind}")
    return "\n".join(lines)
