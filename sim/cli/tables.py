"""Text of `list` and `show`: fixed-width tables that fit a terminal and stay one line a row in a pipe."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sim.cli.values import PROGRAM, shown
from sim.names import DAYS_PER_YEAR
from sim.treatments import REGISTRY as TREATMENTS

if TYPE_CHECKING:
    from sim.scenario import Scenario
    from sim.scenario.comparison import Question
    from sim.treatments.base import Plan

LEAST_WIDTH = 100


def width() -> int | None:
    """Columns of the terminal (at least 100); None in a pipe, where lines are left whole for grep."""
    if not sys.stdout.isatty():
        return None
    return max(LEAST_WIDTH, shutil.get_terminal_size().columns)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None) -> str:
    """Left-aligned columns; only the last one is wrapped, to `columns` characters in all."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header) - 1)]
    indent = sum(widths) + 2 * len(widths)

    def lines(row: Sequence[str]) -> list[str]:
        front = "".join(cell.ljust(size + 2) for cell, size in zip(row, widths, strict=False))
        if columns is None:
            return [(front + row[-1]).rstrip()]
        last = textwrap.wrap(row[-1], max(30, columns - indent)) or [""]
        return [(front + last[0]).rstrip(), *(" " * indent + line for line in last[1:])]

    return "\n".join(line for row in (header, *rows) for line in lines(row))


def listing_text(scenarios: Sequence[tuple], mechanisms: Mapping) -> str:
    """Scenarios with their titles, and mechanisms with what off means."""
    columns = width()
    rows = [
        (str(path), primary, f"{title} {question}" if title == "(broken)" else title)  # a broken one says why
        for path, title, question, primary in scenarios
    ]
    offs = [
        (name, "on" if mechanism.default else "off", mechanism.title, mechanism.off)
        for name, mechanism in mechanisms.items()
    ]
    return "\n\n".join(
        (
            table(("scenario", "primary", "title"), rows, columns),
            table(("mechanism", "default", "title", "off means"), offs, columns),
            table(
                ("treatment", "usual course", "title"),
                [(t.name, _doses(t.cycles, t.every_days), t.title) for t in TREATMENTS.values()],
                columns,
            ),
            f"{PROGRAM} show SCENARIO prints every parameter; {PROGRAM} run SCENARIO --off MECHANISM runs the "
            "counterfactual.",
        )
    )


def _number(value: float) -> str:
    return f"{value:.6g}"


def _doses(cycles: int, every_days: int) -> str:
    """A course in words."""
    if cycles == 1:
        return "once"
    return f"{cycles} doses, one every {every_days} days" if every_days > 1 else f"{cycles} doses, one a day"


def _plan_rows(plans: Sequence[Plan]) -> list[tuple[str, ...]]:
    """What each treatment is given, and how."""
    rows: list[tuple[str, ...]] = []
    for plan in plans:
        start = (
            f"{abs(plan.start_days)} days {'before' if plan.start_days < 0 else 'after'} {plan.after}"
            if plan.start_days
            else f"at {plan.after}"
        )
        notes = [f"to {plan.organ}"] if plan.organ else []
        notes += [f"dose {_number(plan.dose)}"] if plan.dose != 1.0 else []
        notes += [f"adherence {_number(plan.adherence)}"] if plan.adherence < 1.0 else []
        rows.append((plan.name, start, _doses(plan.cycles, plan.every_days), ", ".join(notes)))
    return rows


def _head(scenario: Scenario) -> str:
    age = scenario.age
    rows = [
        ("file", shown(scenario.path)),
        ("primary", scenario.primary),
        ("patients", str(scenario.patients)),
        (
            "age at diagnosis",
            f"{_number(age.mean_years)} years, SD {_number(age.sd_years)}, from {_number(age.low_years)} to "
            f"{_number(age.high_years)}",
        ),
        (
            "horizon",
            f"{_number(scenario.horizon_days / DAYS_PER_YEAR)} years from the reference day "
            f"({_number(scenario.horizon_days)} days)",
        ),
        ("observed by", scenario.observe),
        ("output every", f"{scenario.output_every_days} days"),
    ]
    facts = "\n".join(f"{label:<18}{value}" for label, value in rows)
    return f"{scenario.title}\n{scenario.question}\n\n{facts}"


def _parameter_rows(scenario: Scenario, whole: bool) -> Iterator[tuple[str, ...]]:
    """Rows of the table; where lines are not `whole`, a source that repeats the one above is said to be the same."""
    above = None
    for name, resolved in scenario.parameters.items():
        entry = resolved.parameter
        changed = name in scenario.overrides
        source = resolved.source
        if changed:
            source = f"changed from {_number(entry.value)}: {resolved.reason} [catalogue: {entry.source}]"
        same, above = source == above and not whole, source
        yield (
            ("* " if changed else "  ") + name,
            _number(resolved.value),
            resolved.unit,
            resolved.kind,
            f"{_number(entry.low)} to {_number(entry.high)}",
            "as above" if same else source,
        )


def _comparison_text(comparison: Question) -> str:
    """What `ask` compares."""
    rows = [
        ("asks for", comparison.outcome.name),
        ("expects", "; ".join(contrast.text for contrast in comparison.contrasts)),
        ("arms", ", ".join(arm.name + (f" ({arm.only})" if arm.only else "") for arm in comparison.arms)),
    ]
    rows += [("assumes", comparison.assumes)] if comparison.assumes else []
    rows += (
        [("least that matters", f"{_number(comparison.least)} {comparison.outcome.unit}")] if comparison.least else []
    )
    rows += [("by construction", comparison.by_construction)] if comparison.by_construction else []
    small = ", ".join(f"{name} = {_number(override.value)}" for name, override in comparison.small_overrides.items())
    rows += [("small cohort", f"{comparison.small_patients} patients" + (f", enriched: {small}" if small else ""))]
    rows += [("across", f"{entry.parameter} = {', '.join(map(_number, entry.values))}") for entry in comparison.across]
    return "\n".join(f"{label:<18}{value}" for label, value in rows)


def scenario_text(scenario: Scenario, mechanisms: Mapping, comparison: Question | None = None) -> str:
    """The resolved scenario: facts, comparison, the state of each mechanism, and every parameter with its source."""
    columns = width()
    states = [
        ("on" if scenario.mechanisms[name] else "OFF", name, f"{mechanism.title}. Off means: {mechanism.off}")
        for name, mechanism in mechanisms.items()
    ]
    rows = list(_parameter_rows(scenario, whole=columns is None))
    changed = len(scenario.overrides)
    note = (
        f"{len(rows)} parameters, {changed} changed by this scenario (marked *)"
        if changed
        else f"{len(rows)} parameters, all from the catalogue"
    )
    plans = _plan_rows(scenario.treatments)
    return "\n\n".join(
        (
            _head(scenario) + (f"\n{_comparison_text(comparison)}" if comparison else ""),
            *([table(("treatment", "starts", "course", "how"), plans, columns)] if plans else []),
            table(("", "mechanism", "meaning"), states, columns),
            note,
            table(("  name", "value", "unit", "kind", "range", "source"), rows, columns),
        )
    )
