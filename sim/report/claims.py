"""The table of all statements as a page, as rows for a spreadsheet, and as a forest of effects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim import catalog
from sim.analysis.claims.levels import LEVELS, chance, size_text
from sim.analysis.claims.table import Answered, Plan, counts
from sim.catalog.posterior import POSTERIOR, PRIOR
from sim.results.manifest import commit
from sim.results.storage import csv_text, write_text

PAGE, TABLE, PICTURE = "claims.md", "claims.csv", "claims_forest"
_HEAD = (
    "id",
    "statement",
    "level",
    "effect (95 %)",
    "least",
    "chance: posterior, prior",
    "patients: asked; needed in pairs, in groups",
    "published",
)
_RULES = (
    "**Levels.** *supported*: the model's own numbers, an outcome in patients, at least 95 % chance under the "
    "posterior that the effect is beyond the least that matters, not so under the prior already, and the published "
    "size (where there is one) inside the model's 95 % interval, which is at most twice as wide. *by construction*: "
    "the prior alone or the law's sign gives it; that the model then shows it is no evidence. *conditional*: in a "
    "stated part of the draws, or at numbers of the question's own. *not supported*: the runs do not show it; too few "
    "patients is one reason, and said. *contradicted by better evidence*: published rows are against it. *not built*: "
    "no mechanism here could show or deny it. Patients needed are those of a whole cohort for 90 % power at the least "
    "effect, in pairs (the same patients in both arms) and in separate groups (of each).",
    "",
    "**Caution.** The arms are counterfactuals of one model: a statement that is supported is one that this model's "
    "calibrated numbers imply, not one that patients have shown. The mean effect and the interval (of a new draw) are "
    "under draws of calibrated and assumed numbers; chances of several contrasts are those of the weakest. A mechanism "
    "that was never shown in humans is at its null in a fifth of the draws, and cannot reach 95 % over all of them.",
    "",
)


def rows(answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """A row a contrast (or a statement without one): effects, chances, patients that were needed, the level."""
    found: list[dict[str, Any]] = []
    for one in answered:
        contrasts = (one.found or {}).get("contrasts") or [{}]
        for row in contrasts:
            drawn = row.get(POSTERIOR, {})
            found.append(
                {
                    "id": one.statement.id,
                    "statement": one.statement.statement,
                    "level": one.level.name,
                    "why": one.level.why,
                    "expected": row.get("expected"),
                    "outcome": one.statement.outcome or None,
                    "least": one.statement.least,
                    "patients": (one.found or {}).get("patients"),
                    "needed_in_pairs": row.get("paired"),
                    "needed_in_each_group": row.get("unpaired"),
                    "catalogue": row.get("estimate"),
                    "catalogue_error": row.get("error"),
                    "mean": drawn.get("mean"),
                    "low": drawn.get("predicted_low"),
                    "high": drawn.get("predicted_high"),
                    "probability": drawn.get("probability"),
                    "probability_where_acting": drawn.get("probability_acting"),
                    "probability_under_prior": row.get(PRIOR, {}).get("probability"),
                    "published": None if one.statement.published is None else one.statement.published.value,
                }
            )
    return found


def write(answered: Sequence[Answered], plan: Plan, folder: Path, command: str, figures: bool = True) -> Path:
    """Write page, table and figure into `folder`; returns the page. Raises InputError and MachineError."""
    write_text(folder / TABLE, csv_text(rows(answered)))
    drawn = _draw(answered, folder) if figures else (folder / f"{PICTURE}.png").is_file()
    write_text(folder / PAGE, page(answered, plan, command=command, commit=commit(), picture=drawn))
    return folder / PAGE


def forest(answered: Sequence[Answered], size: str = "column") -> Any:
    """The effects of all contrasts under draws, as a figure; None where there are none."""
    from sim.plots.claims import Effect, effects_forest

    effects = [
        Effect(
            f"{one.statement.id} {row['expected']}",
            _scale(one.statement.outcome),
            (row[POSTERIOR]["mean"], row[POSTERIOR]["predicted_low"], row[POSTERIOR]["predicted_high"]),
            None if len(one.statement.expect) > 1 or one.statement.published is None else one.statement.published.value,
            one.level.name,
        )
        for one in answered
        for row in (one.found or {}).get("contrasts", ())
        if row.get(POSTERIOR, {}).get("predicted_low") is not None
    ]
    return effects_forest(effects, LEVELS, size) if effects else None


def _draw(answered: Sequence[Answered], folder: Path) -> bool:
    from sim.plots.save import save

    figure = forest(answered)
    if figure is not None:
        save(figure, folder / PICTURE, ("png",))
    return figure is not None


def _scale(outcome: str) -> str:
    if "hazard" in outcome:
        return "log hazard ratio"
    return "years" if outcome.startswith("years") else "share of patients"


def page(answered: Sequence[Answered], plan: Plan, *, command: str, commit: str, picture: bool) -> str:
    """The whole page in Markdown."""
    number = counts(answered)
    limit = "as planned" if plan.patients is None else f"at most {plan.patients} of an arm, fewer than planned"
    seconds = sum((one.found or {}).get("seconds", 0.0) for one in answered)
    head = [
        "# Every statement of the sources, asked in patients",
        "",
        f"Made by `{command}` at commit `{commit}`; do not edit by hand. Seed {plan.seed}, {plan.draws} draws, "
        f"patients {limit}; {seconds / 60:.0f} minutes of runs.",
        "",
        *_RULES,
        "| level | statements |",
        "| --- | --- |",
        *(
            f"| {name} | {n}: {', '.join(one.statement.id for one in answered if one.level.name == name)} |"
            for name, n in number.items()
        ),
        "",
    ]
    if picture:
        head += [f"![Effects under draws, with 95 % intervals of a new draw]({PICTURE}.png)", ""]
    head += [
        _cells(_HEAD),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_line(one) for one in answered),
        "",
    ]
    return "\n".join(head) + "\n" + "\n".join(_section(one) for one in answered)


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def _effect(row: Mapping[str, Any]) -> str:
    drawn = row.get(POSTERIOR, {})
    if drawn.get("mean") is None:
        return "-"
    return f"{number(drawn['mean'])} ({number(drawn['predicted_low'])} to {number(drawn['predicted_high'])})"


def _line(one: Answered) -> str:
    st, found = one.statement, one.found or {}
    contrasts = found.get("contrasts", ())
    chances = [chance(found, under) if contrasts else None for under in (POSTERIOR, PRIOR)]
    needed = "; ".join(f"{_whole(row['paired'])}, {_whole(row['unpaired'])}" for row in contrasts)
    return _cells(
        [
            f"[{st.id}](#{st.id.lower()})",
            st.statement,
            one.level.name,
            "; ".join(_effect(row) for row in contrasts) or "-",
            number(st.least),
            ", ".join(number(c) for c in chances) if contrasts else "-",
            f"{found['patients']}; {needed}" if contrasts else "-",
            size_text(st.published) or "-",
        ]
    )


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{math.ceil(value):,}"


def _section(one: Answered) -> str:
    st, found = one.statement, one.found or {}
    lines = [f"## {st.id}", "", f"{st.statement[0].upper()}{st.statement[1:]}.", ""]
    lines += [f"**{one.level.name}**: {one.level.why}.", ""]
    lines += [
        f"- in whom: {st.population}",
        f"- what: {st.estimand}",
        f"- clock: {st.clock}",
        f"- evidence: {st.evidence}",
    ]
    if st.least is not None:
        lines += [f"- least that matters: {st.least:g} ({st.why_least})"]
    if st.law:
        lines += [f"- built in: {st.law}"]
    if st.assumed:
        lines += [f"- assumed, with the catalogue's ranges: {', '.join(_range(name) for name in st.assumed)}"]
    if st.changed:
        lines += [f"- changed after the first full run: {st.changed}"]
    lines.append("")
    if found.get("arms"):
        lines += [
            f"*{st.outcome}*, at the catalogue's numbers:",
            "",
            "| arm | patients | mean (95 %) |",
            "| --- | --- | --- |",
        ]
        lines += [
            _cells(
                [
                    arm["arm"],
                    str(arm["patients"]),
                    f"{number(arm['mean'])} ({number(arm['low'])} to {number(arm['high'])})",
                ]
            )
            for arm in found["arms"]
        ]
        lines += [
            "",
            "| contrast | at the catalogue's numbers | under draws | between draws | chance |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            _cells(
                [
                    row["expected"],
                    f"{number(row['estimate'])} ± {number(row['error'])}",
                    _effect(row),
                    number(row.get(POSTERIOR, {}).get("between_sd")),
                    number(row.get(POSTERIOR, {}).get("probability")),
                ]
            )
            for row in found["contrasts"]
        ]
        lines.append("")
    return "\n".join(lines)


def _range(name: str) -> str:
    p = catalog.load()[name]
    return f"`{name}` {p.low:g} to {p.high:g}" + (f" {p.unit}" if p.unit != "1" else "")
