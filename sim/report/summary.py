"""The summary printed after a run: plain text, plain ASCII, at most 80 columns."""

from __future__ import annotations

import math
import textwrap
from statistics import median
from typing import TYPE_CHECKING

from sim.names import DAYS_PER_YEAR, SITES
from sim.results import incidence

if TYPE_CHECKING:
    from sim.results.reading import Run

WIDTH = 78
SCOPE = (
    "Scope: blood-borne spread only; lymph nodes, peritoneum and pleura are not",
    "modelled. Teaching and research, not clinical.",
)


def summary_text(run: Run) -> str:
    """What happened to the patients of `run`, as a fixed-width table (many lines, no closing newline)."""
    scenario = run.manifest["scenario"]
    title = str(scenario.get("title") or scenario.get("name", ""))
    parts = [
        [title[:WIDTH], "=" * min(len(title), WIDTH)],
        _cohort(run),
        _organs(run),
        _deaths(run),
        _cells(run),
        list(SCOPE),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _row(label: str, value: str) -> str:
    return f"{label:<30}{value}"


def _per_cent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "-"


def _scientific(value: float) -> str:
    """A large number in plain text: 950, 10^9, 6.4 x 10^13."""
    if abs(value) < 10_000:
        return f"{value:,.0f}"
    digits, power = f"{value:.1e}".split("e")
    digits = digits.removesuffix(".0")
    return f"10^{int(power)}" if digits == "1" else f"{digits} x 10^{int(power)}"


def _threshold(run: Run) -> str:
    cells = incidence.threshold_cells(run)
    size = "" if cells is None else f"at least {_scientific(cells)} cells, "
    return (
        f"{size}seen by imaging" if run.manifest["scenario"].get("observe") != "autopsy" else f"{size}found at autopsy"
    )


def _cohort(run: Run) -> list[str]:
    people = run.patients
    site = run.manifest["scenario"].get("primary")
    ages = people["age_years"].tolist()
    return [
        _row(
            "cohort",
            incidence.patients_text(run) + (" (interrupted)" if run.manifest["status"] == "interrupted" else ""),
        ),
        *([_row("primary tumour", str(site))] if site in SITES else []),
        _row("median age at diagnosis", f"{median(ages):.0f} years" if ages else "-"),
        _row("seed", str(run.manifest["seed"])),
        *_changes(run),
    ]


def _changes(run: Run) -> list[str]:
    """Mechanisms that are off and overridden parameters, wrapped."""
    lines = textwrap.wrap(incidence.changes_text(run), WIDTH - 34)
    return [_row("changed" if number == 0 else "", line) for number, line in enumerate(lines)]


def _horizon(years: float) -> str:
    return f"{years:.3g} years" if years >= 1 else f"{years * DAYS_PER_YEAR:.0f} days"


def _organs(run: Run) -> list[str]:
    total = len(incidence.follow_up_years(run))
    horizon = incidence.horizon_years(run)
    lines = [
        f"Patients with a macrometastasis ({_threshold(run)})",
        f"{'':<14}{'at':>14}{'by death or':>16}{'median years to the first,':>30}",
        f"{'organ':<14}{'diagnosis':>14}{_horizon(horizon):>16}{'if after diagnosis':>30}",
        "-" * 74,
    ]
    by_organ = incidence.first_detection_years(run)
    shown = [
        ("any organ", incidence.first_in_any_organ(run)),
        *sorted(by_organ.items(), key=lambda item: -len(item[1])),
    ]
    for organ, years in shown:
        at_diagnosis = int((years <= 0).sum())
        later = years[years > 0]
        wait = f"{median(later.tolist()):.{1 if horizon >= 1 else 2}f}" if len(later) else "-"
        lines.append(f"{organ:<14}{_per_cent(at_diagnosis, total):>14}{_per_cent(len(years), total):>16}{wait:>30}")
    return lines


def _deaths(run: Run) -> list[str]:
    total = len(run.patients)
    causes = run.patients["death_cause"].fillna("cause not recorded")[run.patients["death_day"].notna()].value_counts()
    survival = incidence.median_survival_years(run)
    alive = total - int(causes.sum())
    lines = [
        _row(
            f"died of {cause}" if cause != "cause not recorded" else "died, cause not recorded",
            f"{count:,} ({_per_cent(count, total)})",
        )
        for cause, count in sorted(causes.items(), key=lambda item: (-item[1], item[0]))
    ]
    lines.append(_row("alive at the end", f"{alive:,} ({_per_cent(alive, total)})"))
    reached = f"{survival:.1f} years from diagnosis"
    if math.isnan(survival):
        reached = "not reached (more than half are alive)" if total else "-"
    lines.append(_row("median survival", reached))
    return lines


def _cells(run: Run) -> list[str]:
    # Python's whole numbers: the sum over a large cohort may pass 64 bits.
    lines = []
    for label, column in (
        ("cells shed", "shed_cells"),
        ("cells arrested in an organ", "arrested_cells"),
        ("cells settled, able to grow", "settled_cells"),
    ):
        cells = [int(value) for value in run.patients[column]]
        middle = f" (median patient {_scientific(median(cells))})" if cells else ""
        lines.append(_row(label, f"{_scientific(sum(cells))} in all{middle}"))
    return lines
