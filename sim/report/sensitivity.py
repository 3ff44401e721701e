"""The sensitivity as text: what moves the outcome most, and what does not move it at all."""

from __future__ import annotations

from collections.abc import Mapping

from sim.analysis.sensitivity import Study
from sim.analysis.sensitivity_study import SCALE, Asked, leading, output
from sim.report.summary import SCOPE
from sim.results.schema import ALL

SHOWN = 20
UNIT = {
    "patients": "percentage points of patients with a visible metastasis",
    "colonies": "natural logarithm of visible metastases a patient",
}
WAY = {
    False: "in closed form: the metastases' own deaths are left out, so what acts through them alone shows no effect",
    True: "by simulation of every cell",
}


def _value(number: float) -> str:
    return f"{number:.3g}"


def sensitivity_text(studies: Mapping[str, Study], asked: Asked, title: str, patients: int) -> str:
    """The printed answer for all organs together (many lines, no closing newline)."""
    heading = f"Which numbers matter: {title}"
    lines = [heading, "=" * len(heading), f"{patients} patients at every point, the same ones, {WAY[asked.simulate]}"]
    if "screening" in studies:
        lines += ["", *_screening(studies["screening"], asked)]
    if "ranking" in studies:
        lines += ["", *_ranking(studies["ranking"], asked)]
    return "\n".join([*lines, "", "Every organ and both outcomes are in the CSV tables.", "", *SCOPE])


def _screening(study: Study, asked: Asked) -> list[str]:
    scale, o = SCALE[asked.outcome], output(asked.outcome, ALL)
    lines = [
        f"Morris, {len(study.points)} points: mean effect of the whole range, in {UNIT[asked.outcome]}",
        "",
        f"{'rank':>4}  {'parameter':<34}{'range':>20}{'effect':>9}{'95 % interval':>18}{'spread':>9}",
        "-" * 94,
    ]
    places = leading(study, asked.outcome)
    for number, i in enumerate(places[:SHOWN], 1):
        factor = study.factors[i]
        effect, low, high, spread = (
            scale * study.figures[name][i, o] for name in ("effect", "effect_low", "effect_high", "spread")
        )
        lines.append(
            f"{number:>4}  {factor.name:<34}{f'{_value(factor.low)} to {_value(factor.high)}':>20}{_value(effect):>9}"
            f"{f'{_value(low)} to {_value(high)}':>18}{_value(spread):>9}"
        )
    if len(places) > SHOWN:
        lines.append(f"      {len(places) - SHOWN} more have smaller effects")
    without = [factor.name for i, factor in enumerate(study.factors) if not study.figures["effect"][i].any()]
    if without:
        lines.append(f"      {len(without)} have none, on no organ: {_families(without)}")
    return lines


def _families(names: list[str]) -> str:
    """Names, those of one block once."""
    blocks: dict[str, int] = {}
    for name in names:
        blocks[name.split(".")[0]] = blocks.get(name.split(".")[0], 0) + 1
    return ", ".join(block if count == 1 else f"{block} ({count})" for block, count in blocks.items())


def _ranking(study: Study, asked: Asked) -> list[str]:
    o = output(asked.outcome, ALL)
    lines = [
        f"Sobol, {len(study.points)} points: share of the variance of the same that a number explains alone, and "
        "takes part in",
        "",
        f"{'rank':>4}  {'parameter':<34}{'alone':>8}{'95 % interval':>18}{'in all':>10}{'95 % interval':>18}",
        "-" * 92,
    ]
    for number, i in enumerate(leading(study, asked.outcome), 1):
        first, first_low, first_high, total, total_low, total_high = (
            study.figures[name][i, o]
            for name in ("first", "first_low", "first_high", "total", "total_low", "total_high")
        )
        lines.append(
            f"{number:>4}  {study.factors[i].name:<34}{first:>8.2f}{f'{first_low:.2f} to {first_high:.2f}':>18}"
            f"{total:>10.2f}{f'{total_low:.2f} to {total_high:.2f}':>18}"
        )
    return lines
