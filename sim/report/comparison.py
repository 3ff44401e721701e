"""A comparison in words and tables: a plain sentence, a table for the terminal, rows for files."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.analysis.compare import CLEAR, OrganChange, PairedRuns, notes_on_who, warnings
from sim.analysis.competing_risks import ANY_ORGAN
from sim.analysis.paired import Means, Shares
from sim.finding import key_of
from sim.names import DAYS_PER_YEAR

if TYPE_CHECKING:
    from sim.results.reading import Run

WIDTH = 78


def sentence(found: PairedRuns) -> str:
    """What the difference between the two scenarios did, in plain words."""
    what = _listed(found.differences[:4]) + (
        f" and {len(found.differences) - 4} more changes" if len(found.differences) > 4 else ""
    )
    start = f"With {what}, " if found.differences else "The two scenarios are the same: "
    clear = [change for change in found.organs if change.organ != ANY_ORGAN and change.adjusted_p < CLEAR]
    clear.sort(key=lambda change: -abs(change.pairs.difference))
    if clear:
        text = start + _organ_clause(clear[0], found)
        if rest := clear[1:]:
            text += f" Clearly changed as well: {_listed([_short(change) for change in rest])}."
    else:
        whole = found.organs[0].pairs
        nobody = whole.only_first + whole.only_second == 0
        text = start + (
            f"nobody of {found.patients:,} patients gained or lost a visible metastasis within {_horizon(found)}."
            if nobody
            else f"no organ's metastases changed clearly within {_horizon(found)}: "
            f"{_lost_gained(whole, 'visible metastases')} among "
            f"{found.patients:,} patients."
        )
    if found.died_earlier + found.died_later == 0:
        return text + " Nobody lived longer or shorter."
    days = found.years_lived.difference * DAYS_PER_YEAR
    longer = found.years_lived.low > 0 and clear and clear[0].pairs.difference > 0
    reason = " Who lives longer has more time to show a metastasis." if longer else ""
    return text + (
        f" {_people(found.died_earlier).capitalize()} died earlier and {_people(found.died_later)} later; on average "
        f"they lived {abs(days):,.0f} days "
        f"{'longer' if days >= 0 else 'shorter'} within {_horizon(found)} ({_days_interval(found)}).{reason}"
    )


def _organ_clause(change: OrganChange, found: PairedRuns) -> str:
    pairs = change.pairs
    low, high = (1000 * float(bound) for bound in pairs.difference_interval)
    return (
        f"{_share(pairs.second)} instead of {_share(pairs.first)} of patients got a visible metastasis in the "
        f"{change.organ} within "
        f"{_horizon(found)}: {_per_thousand(1000 * pairs.difference)} ({_bounds(low, high)}); "
        f"{_lost_gained(pairs, 'one')} among "
        f"{found.patients:,}."
    ).replace("in the elsewhere", "elsewhere")


def _lost_gained(pairs: Shares, what: str) -> str:
    return f"{_people(pairs.only_second)} gained and {_people(pairs.only_first)} lost {what}"


def _people(count: int) -> str:
    return f"{count:,}" if count else "nobody"


def _per_thousand(difference: float) -> str:
    return f"{abs(difference):.1f} {'more' if difference >= 0 else 'fewer'} in 1,000"


def _bounds(low: float, high: float) -> str:
    words = [
        f"{abs(value):.1f} {'more' if value >= 0 else 'fewer'}"
        for value in ((low, high) if abs(low) <= abs(high) else (high, low))
    ]
    if words[0].split()[1] == words[1].split()[1]:
        words[0] = words[0].split()[0]
    return f"95 % interval {words[0]} to {words[1]}"


def _days_interval(found: PairedRuns) -> str:
    low, high = (DAYS_PER_YEAR * bound for bound in (found.years_lived.low, found.years_lived.high))
    return "no interval from one patient" if math.isnan(low) else f"95 % interval {low:+,.0f} to {high:+,.0f}"


def _short(change: OrganChange) -> str:
    return f"{change.organ} ({_share(change.pairs.second)} instead of {_share(change.pairs.first)})"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _horizon(found: PairedRuns) -> str:
    years = found.end_years
    return f"{years:.3g} years" if years >= 1 else f"{found.end_days:.0f} days"


def table(found: PairedRuns) -> str:
    """The comparison for a terminal: plain text, at most 80 columns, no closing newline."""
    lines = [
        f"A  {found.first.place}",
        f"B  {found.second.place}",
        *textwrap.wrap(
            f"B differs from A by: {'; '.join(found.differences) or 'nothing'}", WIDTH, subsequent_indent="   "
        ),
        "",
        f"Patients with a visible metastasis within {_horizon(found)}, {found.patients:,} pairs",
        f"{'':<10}{'A':>7}{'B':>8}{'B - A, points':>17}{'risk ratio':>21}{'lost':>7}{'gained':>8}",
        "-" * 78,
    ]
    for change in found.organs:
        pairs = change.pairs
        if not pairs.both + pairs.only_first + pairs.only_second and change.organ != ANY_ORGAN:
            continue
        low, high = (100 * float(bound) for bound in pairs.difference_interval)
        mark = "*" if change.organ != ANY_ORGAN and change.adjusted_p < CLEAR else " "
        lines.append(
            f"{change.organ:<10}{_share(pairs.first):>7}{_share(pairs.second):>8}{100 * pairs.difference:>+7.1f}"
            f"{f'({low:+.1f}, {high:+.1f})':>15}{_ratio(pairs):>20}"
            f"{pairs.only_first:>6,}{pairs.only_second:>6,}{mark}".rstrip()
        )
    unseen = [
        c.organ
        for c in found.organs
        if c.organ != ANY_ORGAN and not c.pairs.both + c.pairs.only_first + c.pairs.only_second
    ]
    if unseen:
        lines += textwrap.wrap(f"none in either arm: {', '.join(unseen)}", WIDTH)
    lines += ["95 % intervals from the pairs. * clearly changed (exact McNemar test, Holm)", ""]
    low, high = (100 * float(bound) for bound in found.alive.difference_interval)
    lived, colonies = found.years_lived, found.metastases
    lines += [
        _means(
            f"alive at {_horizon(found)}, points",
            100 * found.alive.first,
            100 * found.alive.second,
            100 * found.alive.difference,
            low,
            high,
            1,
        ),
        _means("years lived until then", lived.first, lived.second, lived.difference, lived.low, lived.high),
        _means(
            "visible metastases a patient",
            colonies.first,
            colonies.second,
            colonies.difference,
            colonies.low,
            colonies.high,
        ),
        f"died earlier {found.died_earlier:,}, later {found.died_later:,}, on the same day or not at all "
        f"{found.patients - found.died_earlier - found.died_later:,}",
        f"log-rank: overall survival p {_p(found.overall.p_value)}, metastasis-free p "
        f"{_p(found.metastasis_free.p_value)}",
        "  (which takes the arms as separate patients: cautious here)",
        "",
        *_wrapped(sentence(found)),
    ]
    for warning in [*notes_on_who(found), *warnings(found.first, found.second)]:
        lines += ["", *_wrapped(f"note: {warning}")]
    return "\n".join(lines)


def _means(label: str, first: float, second: float, difference: float, low: float, high: float, digits: int = 2) -> str:
    interval = "" if math.isnan(low) else f" ({low:+.{digits}f}, {high:+.{digits}f})"
    return f"{label:<29}{first:>8.{digits}f}{second:>8.{digits}f}{difference:>+8.{digits}f}{interval}"


def _wrapped(text: str) -> list[str]:
    """Lines of at most 78 characters; no line starts with a per cent sign."""
    glue = "\N{NO-BREAK SPACE}"  # which textwrap does not break at
    return [
        line.replace(glue, " ") for line in textwrap.wrap(text.replace(" %", f"{glue}%"), WIDTH, break_on_hyphens=False)
    ]


def _ratio(pairs: Shares) -> str:
    if math.isnan(pairs.ratio):
        return "-"
    low, high = pairs.ratio_interval
    return f"{pairs.ratio:.2f} ({low:.2f}, {high:.2f})"


def _p(value: float) -> str:
    return f"= {value:.2g}" if value >= 1e-4 else "< 0.0001"


def rows(found: PairedRuns) -> list[dict]:
    """A row an organ (and any organ), and one for those alive at the end: shares, differences, ratios, pairs."""
    listed = [("visible metastasis", change.organ, change.pairs, change.adjusted_p) for change in found.organs]
    listed.append(("alive", "", found.alive, found.alive.p_value))
    return [_row(outcome, organ, pairs, adjusted, found.end_days) for outcome, organ, pairs, adjusted in listed]


def _row(outcome: str, organ: str, pairs: Shares, adjusted: float, end_days: float) -> dict:
    low, high = (float(bound) for bound in pairs.difference_interval)
    ratio_low, ratio_high = pairs.ratio_interval
    numbers = {
        "share_a": pairs.first,
        "share_b": pairs.second,
        "difference": pairs.difference,
        "difference_low": low,
        "difference_high": high,
        "risk_ratio": pairs.ratio,
        "risk_ratio_low": ratio_low,
        "risk_ratio_high": ratio_high,
    }
    return {
        "outcome": outcome,
        "organ": organ,
        "end_days": end_days,
        **{name: None if math.isnan(value) else float(value) for name, value in numbers.items()},
        "both": pairs.both,
        "only_a": pairs.only_first,
        "only_b": pairs.only_second,
        "neither": pairs.neither,
        "p_value": pairs.p_value,
        "p_value_adjusted": adjusted,
    }


def curve_rows(found: PairedRuns) -> list[dict]:
    """Difference curves: a row an outcome, organ and day, B minus A with its paired 95 % bounds."""
    days, listed = found.grid_days(), []
    for outcome, organ, pairs in (
        *(
            ("visible metastasis", change.organ, found.incidence_curve(change.organ, days))
            for change in found.organs
            if change.pairs.both + change.pairs.only_first + change.pairs.only_second
        ),
        ("dead", "", found.death_curve(days)),
    ):
        low, high = pairs.difference_interval
        listed += [
            {
                "outcome": outcome,
                "organ": organ,
                "day": float(day),
                "share_a": float(a),
                "share_b": float(b),
                "difference": float(d),
                "difference_low": float(below),
                "difference_high": float(above),
            }
            for day, a, b, d, below, above in zip(
                days, pairs.first, pairs.second, pairs.difference, low, high, strict=True
            )
        ]
    return listed


def as_dict(found: PairedRuns) -> dict:
    """The whole comparison as JSON can hold it."""

    def mean(of: Means) -> dict[str, float | None]:
        numbers = {"a": of.first, "b": of.second, "difference": of.difference, "low": of.low, "high": of.high}
        return {name: None if math.isnan(value) else value for name, value in numbers.items()}

    return {
        "kind": "comparison",
        "sentence": sentence(found),
        "a": _identity(found.first),
        "b": _identity(found.second),
        "differences": found.differences,
        "notes": [*notes_on_who(found), *warnings(found.first, found.second)],
        "patients": found.patients,
        "days_from": found.origin,
        "diagnosed_in_a_only": found.diagnosed_in_one[0],
        "diagnosed_in_b_only": found.diagnosed_in_one[1],
        "end_days": found.end_days,
        "outcomes": rows(found),
        "died_earlier": found.died_earlier,
        "died_later": found.died_later,
        "years_lived": mean(found.years_lived),
        "visible_metastases_per_patient": mean(found.metastases),
        "log_rank": {
            "overall": {"statistic": found.overall.statistic, "p_value": found.overall.p_value},
            "metastasis_free": {"statistic": found.metastasis_free.statistic, "p_value": found.metastasis_free.p_value},
        },
    }


def _identity(run: Run) -> dict:
    manifest = run.manifest
    return {
        "run": run.label,
        "key": key_of(run.path) if run.path is not None else None,
        "scenario": manifest["scenario"].get("name", ""),
        "seed": manifest["seed"],
        "command_line": manifest.get("command_line"),
        "commit": manifest.get("commit"),
    }
