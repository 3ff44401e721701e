"""What a notebook shows of a run, a comparison, an answer and a sweep: small pieces of HTML, without style or script.

Everything that comes from a scenario is escaped. A notebook's own style sheet makes the tables its own.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sim.analysis.compare import PairedRuns, notes_on_who, warnings
from sim.analysis.competing_risks import ANY_ORGAN
from sim.report import comparison as comparison_text
from sim.report import questions
from sim.report.summary import SCOPE
from sim.results import incidence


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return (
        f"<table><thead>{row(head, 'th')}</thead><tbody>{''.join(row(cells, 'td') for cells in rows)}</tbody></table>"
    )


def _paragraph(text: str, tag: str = "p") -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>" if text else ""


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _whole(*parts: str) -> str:
    return f"<div>{''.join(parts)}</div>"


def run_fragment(run: Any) -> str:
    """A run: its question, its cohort, and who had a visible metastasis where."""
    scenario = run.manifest["scenario"]
    total = len(incidence.follow_up_years(run))
    found = {ANY_ORGAN: incidence.first_in_any_organ(run), **incidence.first_detection_years(run)}
    rows = [
        (organ, _per_cent((years <= 0).sum() / total), _per_cent(len(years) / total))
        for organ, years in found.items()
        if total and (len(years) or organ == ANY_ORGAN)
    ]
    horizon = incidence.horizon_years(run)
    interrupted = ", interrupted" if run.manifest["status"] == "interrupted" else ""
    where = f"in {run.path}" if run.path is not None else "in memory"
    return _whole(
        _paragraph(str(scenario.get("title") or scenario.get("name", "")), "h4"),
        _paragraph(str(scenario.get("question", ""))),
        _paragraph(f"{incidence.patients_text(run)}{interrupted}, seed {run.manifest['seed']}, {where}"),
        _paragraph(incidence.changes_text(run)),
        _table(("visible metastasis", "at diagnosis", f"by death or {horizon:.3g} years"), rows),
        _paragraph(" ".join(SCOPE)),
    )


def comparison_fragment(found: PairedRuns) -> str:
    """A comparison: its sentence, and the shares with their differences and intervals."""
    rows = []
    for change in found.organs:
        pairs = change.pairs
        if pairs.both + pairs.only_first + pairs.only_second or change.organ == ANY_ORGAN:
            rows.append((f"visible metastasis, {change.organ}", pairs))
    rows.append(("alive at the end", found.alive))
    cells = []
    for name, pairs in rows:
        low, high = (100 * float(bound) for bound in pairs.difference_interval)
        difference = f"{100 * pairs.difference:+.1f} ({low:+.1f} to {high:+.1f})"
        cells.append((name, _per_cent(pairs.first), _per_cent(pairs.second), difference))
    return _whole(
        _paragraph(f"A: {found.first.place}. B: {found.second.place}. {found.patients:,} pairs of the same patients."),
        _table((f"within {found.end_years:.3g} years", "A", "B", "B − A, points (95 % interval)"), cells),
        _paragraph(comparison_text.sentence(found)),
        *(_paragraph(f"note: {note}") for note in [*notes_on_who(found), *warnings(found.first, found.second)]),
    )


def answer_fragment(answer: Mapping[str, Any]) -> str:
    """An answer: question, arms, and what was expected with what was seen."""
    number, interval = questions.number, questions.interval
    arms = [
        (
            questions.arm_label(arm),
            str(arm["patients"]),
            number(arm["mean"]),
            interval(arm),
        )
        for arm in answer["arms"]
    ]
    directions = [
        (found["expected"], number(found["difference"]), interval(found), found["seen"])
        for found in answer["directions"]
    ]
    over = questions.holds_over(answer)
    return _whole(
        _paragraph(answer["question"], "h4"),
        _paragraph(f"assumes: {answer['assumes']}" if answer["assumes"] else ""),
        _paragraph(questions.enriched_text(answer) or ""),
        _paragraph(f"{answer['outcome']} ({answer['unit']}: {answer['meaning']})"),
        _table(("arm", "patients", "mean", "95 % interval"), arms),
        _table(("expected", "difference", "95 % interval", "seen"), directions),
        *map(_paragraph, questions.counts_texts(answer)),
        _drawn(answer),
        _table(("does it hold?", "over", "seen"), over) if over else "",
        _paragraph(questions.sentence(answer)),
    )


def _drawn(answer: Mapping[str, Any]) -> str:
    """What draws of what is not known say, where an answer was asked under some."""
    if not answer.get("posterior"):
        return ""
    about = (
        f"Under {answer['posterior']['draws']} draws of what is not known; P is that of {questions.beyond_text(answer)}"
    )
    return _paragraph(about) + _table(questions.DRAWN_HEAD, questions.drawn_rows(answer))


def sweep_fragment(sweep: Any) -> str:
    """A sweep: its plan, how far it is, and what varies in it."""
    manifest = sweep.manifest
    plan = manifest["plan"]
    failed = f", {manifest['runs_failed']:,} failed" if manifest["runs_failed"] else ""
    told = f"{manifest['runs_finished']:,} of {manifest['runs']:,} runs finished{failed}; {manifest['points']:,} points"
    return _whole(
        _paragraph(plan["title"] or plan["name"], "h4"),
        _paragraph(f"{told} in {len(manifest['scenarios'])} scenarios, seed {manifest['seed']}, {sweep.place}"),
        _table(("factor", "meaning"), [(factor["name"], factor["meaning"]) for factor in manifest["factors"]]),
    )
