"""Answers of many questions as rows (for CSV) and as one page (Markdown)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sim.analysis.contrasts import NO, SAME, YES, pooled
from sim.analysis.questions import seen

Answer = Mapping[str, Any]


def rows(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """A row a scenario, seed, expected direction and value of an assumed parameter (None: the scenario's own numbers).

    Where there are several seeds, the rows with seed None are of all of them together.
    """
    by_scenario = _by_scenario(answers)
    together = [
        {**asked[0], "seed": None, "directions": pooled(asked), "across": []}
        for asked in by_scenario.values()
        if len(asked) > 1
    ]
    return [
        {
            "scenario": answer["scenario"],
            "seed": answer["seed"],
            "expected": found["expected"],
            "outcome": answer["outcome"],
            "unit": answer["unit"],
            "parameter": point.get("parameter"),
            "value": point.get("value"),
            "patients": found["patients"],
            "difference": found["difference"],
            "low": found["low"],
            "high": found["high"],
            "logrank_p": found.get("logrank_p"),
            "seen": found["seen"],
            **_drawn_columns(answer, found),
        }
        for answer in (*answers, *together)
        for point in (answer, *answer["across"])
        for found in point["directions"]
    ]


def _drawn_columns(answer: Answer, found: Mapping[str, Any]) -> dict[str, Any]:
    """What draws of what is not known say of a direction; none where it was not asked under draws."""
    if "posterior" not in found:
        return {}
    posterior = found["posterior"]
    names = ("draws", "between_draws_sd", "chance_error", "predicted_low", "predicted_high")
    return {
        "least": answer["posterior"]["least"],
        **{name: posterior[name] for name in names},
        "probability": posterior["probability"],
        "prior_probability": found["prior"]["probability"],
        "by_construction": found.get("by_construction"),
    }


def _by_scenario(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        found.setdefault(answer["scenario"], []).append(answer)
    return found


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "-" if value is None else f"{value:.3g}"


def arm_label(arm: Mapping[str, Any]) -> str:
    """An arm with its condition, and whether that chose other patients than in the arms beside it."""
    if not arm["only"]:
        return str(arm["arm"])
    own = ", patients of its own: the arms differ before diagnosis" if arm.get("chosen_by_itself") else ""
    return f"{arm['arm']} ({arm['only']}{own})"


def interval(found: Mapping[str, Any]) -> str:
    """Both bounds, as `number` has them."""
    return f"{number(found['low'])} to {number(found['high'])}"


def holds_over(answer: Answer) -> list[tuple[str, str, str]]:
    """(expected direction, parameter, what was seen at which value) of each assumed parameter that an answer covers."""
    found: dict[tuple[str, str], list[str]] = {}
    for point in answer["across"]:
        for one in point["directions"]:
            found.setdefault((one["expected"], point["parameter"]), []).append(f"{one['seen']} at {point['value']:g}")
    return [(expected, parameter, ", ".join(at)) for (expected, parameter), at in found.items()]


def enriched_text(answer: Answer) -> str | None:
    """What a small cohort was enriched with; None where it was not."""
    if not answer["enriched"]:
        return None
    changed = ", ".join(
        f"{entry['parameter']} = {entry['value']:g} (catalogue: {entry['catalogue']:g})" for entry in answer["enriched"]
    )
    reasons = dict.fromkeys(entry["reason"] for entry in answer["enriched"])
    return f"enriched cohort: {changed}: {'; '.join(reasons)}"


def sentence(answer: Answer) -> str:
    """What came out, in one plain sentence."""
    verdicts = [found["seen"] for found in answer["directions"]]
    told = "; ".join(
        f"{found['expected']} (difference {number(found['difference'])}, 95 % {interval(found)})"
        for found in answer["directions"]
    )
    reason = by_construction(answer)
    if all(verdict == YES for verdict in verdicts):
        head = f"By construction ({reason})" if reason else "As expected"
    elif NO in verdicts or SAME in verdicts:
        head = "Not as expected"
    else:
        head = "Too few patients to tell"
    at_values = Counter(found["seen"] for point in answer["across"] for found in point["directions"])
    across = ""
    if at_values:
        total = sum(at_values.values())
        across = f"; across assumed sizes: {YES} in {at_values.pop(YES, 0)} of {total}"
        across += "".join(f", {verdict} in {count}" for verdict, count in at_values.items())
    drawn = f"; {'; '.join(chance_text(found) for found in answer['directions'])}" if answer.get("posterior") else ""
    return f"{head}: {answer['outcome']}, {told}{drawn}{across}."


def by_construction(answer: Answer) -> str | None:
    """Why the whole answer follows from the law, or from what was believed before any data; None where it does not."""
    if answer.get("by_construction"):
        return str(answer["by_construction"])
    reasons = [found.get("by_construction") for found in answer["directions"]]
    return "; ".join(dict.fromkeys(map(str, reasons))) if reasons and all(reasons) else None


def chance_text(found: Mapping[str, Any]) -> str:
    """The probability of a direction under the posterior and under the prior."""
    told = ", by construction" if found.get("by_construction") else ""
    return (
        f"{found['expected']} with probability {number(found['posterior']['probability'])} under the posterior, "
        f"{number(found['prior']['probability'])} under the prior{told}"
    )


def beyond_text(answer: Answer) -> str:
    """What the probabilities are of."""
    least = answer["posterior"]["least"]
    said = "" if least else ": none is stated, so any on the expected side counts"
    return (
        f"an effect beyond the least that matters, {least:g} {answer['unit']}{said}; of an equality, within its bound"
    )


def counts_texts(answer: Answer) -> list[str]:
    """Lines on the patients of whom only some of the compared arms know something."""
    out = []
    for found in answer["directions"]:
        if count := found.get("diagnosed_in_some_arms"):
            out.append(f"{found['expected']}: {count} patients were diagnosed in one arm and found at death in another")
        if count := found.get("defined_in_some_arms"):
            out.append(f"{found['expected']}: {count} patients have a value in one arm only, and are left out")
    return out


def drawn_rows(answer: Answer) -> list[tuple[str, ...]]:
    """DRAWN_HEAD's cells of each direction under draws of what is not known."""
    rows: list[tuple[str, ...]] = []
    for found in answer["directions"]:
        posterior, prior = found["posterior"], found["prior"]
        new = f"{number(posterior['predicted_low'])} to {number(posterior['predicted_high'])}"
        reason = found.get("by_construction")
        rows.append(
            (
                found["expected"],
                number(posterior["chance_error"]),
                number(posterior["between_draws_sd"]),
                new,
                number(posterior["probability"]),
                number(prior["probability"]) + (" (by construction)" if reason else ""),
            )
        )
    return rows


DRAWN_HEAD = (
    "expected",
    "error of chance",
    "SD between draws",
    "a new draw, 95 %",
    "P, posterior",
    "P, prior",
)


def page(answers: Sequence[Answer], waiting: Sequence[tuple[str, str]], *, command: str, commit: str) -> str:
    """All answers as a page: a section a scenario, a table of its directions with a column a seed.

    `waiting` are scenarios and what has not been asked of them yet.
    """
    by_scenario = _by_scenario(answers)
    shown = [name for name, asked in by_scenario.items() if seen(*asked)]
    seeds = list(dict.fromkeys(answer["seed"] for answer in answers))
    minutes = sum(answer["wall_seconds"] for answer in answers) / 60
    missed = [name for name in by_scenario if name not in shown]
    head = (
        "# The scenarios' questions, answered\n\n"
        f"Made by `{command}` at commit `{commit}`; do not edit by hand. The runs took {minutes:.0f} minutes in "
        "all.\n\n"
        "Every scenario that has a comparison is asked at its own numbers, with its full cohort. The arms of a "
        "question hold the same patients: "
        "differences are paired, with 95 % intervals. *yes*: the interval lies where the scenario says it must; "
        "*unclear*: it "
        "reaches both sides; *no*: it lies on the other side, or beyond the stated bound of an equality; *no "
        "difference*: "
        "all pairs are equal; *too few*: fewer than ten pairs, or an interval without width. `patients` are those of "
        "the smallest arm who count. A log-rank p takes the arms for independent groups, "
        "which is cautious where they hold the same patients.\n\n"
        f"{len(shown)} of {len(by_scenario)} scenarios show every direction with "
        + (f"seed {seeds[0]}" if len(seeds) == 1 else f"the seeds {', '.join(map(str, seeds))} together")
        + (f"; not: {', '.join(f'[{name}](#{name.replace(chr(47), chr(45))})' for name in missed)}" if missed else "")
        + ".\n"
    )
    if waiting:
        left: dict[str, list[str]] = {}
        for name, what in waiting:
            left.setdefault(what, []).append(name)
        head += (
            "\n**Not asked yet** (the same command continues): "
            + "; ".join(f"{what}: {', '.join(names)}" for what, names in left.items())
            + ".\n"
        )
    return head + "".join("\n" + _section(name, asked) for name, asked in by_scenario.items())


def _section(name: str, asked: Sequence[Answer]) -> str:
    first = asked[0]
    logrank = any("logrank_p" in found for found in first["directions"])
    lines = [f"## {name}", "", first["question"], "", f"*{first['outcome']}*, in {first['unit']}: {first['meaning']}."]
    if first["assumes"]:
        lines += ["", f"Assumes: {first['assumes']}."]
    if enriched := enriched_text(first):
        lines += ["", enriched[0].upper() + enriched[1:] + "."]
    if reason := by_construction(first):
        lines += ["", f"By construction: {reason}."]
    head = [
        "expected",
        "patients",
        *(f"seed {answer['seed']}" for answer in asked),
        *(["all seeds"] if len(asked) > 1 else []),
        *(["log-rank p"] if logrank else []),
    ]
    lines += ["", _row(head), "|" + " --- |" * len(head)]
    for place, (found, together) in enumerate(zip(first["directions"], pooled(asked), strict=True)):
        same = [answer["directions"][place] for answer in asked]
        told = [*same, together] if len(asked) > 1 else same
        cells = [f"{number(one['difference'])} ({interval(one)}): {one['seen']}" for one in told]
        p_values = [", ".join(number(one["logrank_p"]) for one in same if "logrank_p" in one)] if logrank else []
        lines.append(_row([found["expected"], ", ".join(str(one["patients"]) for one in same), *cells, *p_values]))
    lines += [line for answer in asked for text in counts_texts(answer) for line in ("", f"{text}.")]
    for answer in asked:
        if answer.get("posterior"):
            lines += [
                "",
                f"Under {answer['posterior']['draws']} draws of what is not known. P is that of {beyond_text(answer)}:",
            ]
            lines += ["", _row(DRAWN_HEAD), "|" + " --- |" * len(DRAWN_HEAD), *map(_row, drawn_rows(answer))]
    over = [row for answer in asked for row in holds_over(answer)]
    if over:
        lines += [
            "",
            "Over the range of what is assumed:",
            "",
            _row(["expected", "parameter", "seen"]),
            "| --- | --- | --- |",
        ]
        lines += [_row([expected, f"`{parameter}`", at]) for expected, parameter, at in over]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"
