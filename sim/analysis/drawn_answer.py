"""A question asked of patients under draws of what is not known: the answer under the posterior and under the prior.

Patient p of every arm runs under draw p modulo the number of draws: a pair shares its draw and all its random streams,
and each arm puts its own difference on top of it. The draws of the prior are other patients' numbers, not other
patients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.analysis.contrasts import (
    Measured,
    arms_told,
    found_direction,
    measure,
    number_or_none,
    one_arm_only,
    times_of,
)
from sim.analysis.drawn_effects import PerDraw, chance_beyond, per_draw
from sim.analysis.hazards import pseudo_values
from sim.analysis.random_effects import FEWEST_DRAWS
from sim.errors import InputError
from sim.results.outcomes import SHARE
from sim.results.reading import Run
from sim.scenario import Scenario
from sim.scenario.apart import of_other_sites
from sim.scenario.comparison import Question
from sim.scenario.expectations import Contrast

FEWEST_A_DRAW = 10
"""Patients of an arm in each draw: fewer would tell nothing of how draws differ."""
BY_CONSTRUCTION = 0.95
"""Where the prior alone gives an effect this probability, no patient had to be simulated to know it."""


def refuse_few_patients(draws: int, patients: int) -> None:
    """Raises InputError where draws are too few to differ, or hold too few patients each."""
    if draws < FEWEST_DRAWS:
        raise InputError(f"--posterior {draws}: found {draws} draws; allowed: {FEWEST_DRAWS} or more")
    if patients < FEWEST_A_DRAW * draws:
        raise InputError(
            f"--posterior {draws}: found {patients} patients, {patients / draws:.3g} a draw; allowed: at least "
            f"{FEWEST_A_DRAW} a draw, here --patients {FEWEST_A_DRAW * draws} or more, or fewer draws"
        )


def under_draws(
    asked: Question, opened: Mapping[str, Run], before: Question, opened_before: Mapping[str, Run]
) -> dict[str, Any]:
    """Arms and directions under the posterior (`asked`), and each direction under the prior (`before`) beside it."""
    measured, measured_before = measure(asked, opened), measure(before, opened_before)
    directions = []
    for contrast in asked.contrasts:
        patients = int(min(measured[arm][1].sum() for arm, _ in contrast.weights))
        found = _of_contrast(asked, contrast, measured, opened)
        prior = told(_of_contrast(before, contrast, measured_before, opened_before), contrast, asked.least)
        posterior = told(found, contrast, asked.least)
        whole = [posterior[key] if posterior[key] is not None else np.nan for key in ("difference", "low", "high")]
        whole = [0.0] * 3 if found.all_equal else whole
        reason = asked.by_construction
        if reason is None and (prior["probability"] or 0.0) >= BY_CONSTRUCTION:
            reason = f"the prior alone gives it a probability of {prior['probability']:.3g}"
        directions.append(
            found_direction(contrast, patients, *whole)
            | one_arm_only(contrast, opened, measured)
            | {"posterior": posterior, "prior": prior}
            | ({"by_construction": reason} if reason else {})
        )
    draws = {"draws": asked.scenario.posterior, "least": asked.least}
    return {"posterior": draws, "arms": arms_told(asked, measured), "directions": directions}


def _of_contrast(question: Question, contrast: Contrast, measured: Measured, opened: Mapping[str, Run]) -> PerDraw:
    draws = question.scenario.posterior
    draw = np.arange(len(next(iter(measured.values()))[0])) % draws
    same = np.array([_same(question, contrast, number) for number in range(draws)])
    if question.outcome.hazard:
        everybody = np.sort(opened[contrast.weights[0][0]].patients["patient"].to_numpy())
        conditions = {arm.name: arm.only for arm in question.arms}
        contrast, measured = pseudo_values(contrast, times_of(question, opened, measured), conditions, everybody)
    return per_draw(contrast, measured, draw, same, share=question.outcome.unit == SHARE)


def _same(question: Question, contrast: Contrast, draw: int) -> bool:
    """Whether the arms of a contrast cancel in a draw: they are the same there, with the same patients."""
    arms = {arm.name: arm for arm in question.arms}
    weights: dict[tuple[str, str | None], int] = {}
    for name, weight in contrast.weights:
        key = course_of(arms[name].scenario, draw), arms[name].only
        weights[key] = weights.get(key, 0) + weight
    return not any(weights.values())


def course_of(scenario: Scenario, draw: int = 0) -> str:
    """Everything that a patient's course depends on in a draw: off mechanisms at their nulls, nothing of other sites.

    The number of patients, and of draws, is left out.
    """
    resolved = scenario.to_dict()
    for key in ("name", "file", "title", "question", "mechanisms", "overrides", "parameters", "patients"):
        del resolved[key]
    resolved.get("posterior", {}).pop("draws", None)
    values = scenario.drawn(draw)
    for name in of_other_sites(values, scenario.primary):
        del values[name]
    return json.dumps([resolved, values], sort_keys=True)


def told(found: PerDraw, contrast: Contrast, least: float) -> dict[str, Any]:
    """What the draws say of one direction.

    The mean effect with its 95 % interval; `chance_error`, what the patients' chance adds to its error, and
    `between_draws_sd`, what the parameters do to the effect; where the effect of a new draw lies in 95 of 100 cases;
    and the `probability` of an effect on the expected side beyond `least` (of an equality: within its bound).
    `no_effect` counts the draws in which the arms are the same. Null where there are too few draws.
    """
    whole = found.together()
    names = ("low", "high", "between_draws_sd", "chance_error", "predicted_low", "predicted_high")
    numbers = () if whole is None else (
        whole.low, whole.high, whole.between_sd, whole.chance_error, whole.predicted_low, whole.predicted_high
    )  # fmt: skip
    chance = chance_beyond(found, contrast, least)
    return {
        "draws": len(found.effect),
        "no_effect": int(found.no_effect.sum()),
        "difference": None if whole is None else number_or_none(whole.mean),
        **dict.fromkeys(names),
        **{name: number_or_none(number) for name, number in zip(names, numbers, strict=False)},
        "probability": chance,
    }
