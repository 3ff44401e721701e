"""Ask one statement: run its arms at the model's numbers and under draws of them, and read the effects.

Arms hold the same patients. Under draws of the posterior (and of the prior) patients run in turn under a draw of their
own, the same in every arm; `sim.analysis.drawn_effects` tells chance and parameters apart. Hazard ratios enter there by
each patient's pseudo-value: the value of all plus the patients times the influence of the one.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.analysis.claims.power import patients_needed
from sim.analysis.claims.statements import Asked, Statement
from sim.analysis.contrasts import Measured, contrast_influence
from sim.analysis.drawn_effects import PerDraw, chance_beyond, per_draw
from sim.analysis.hazards import hazard_influence, pseudo_values
from sim.analysis.questions import FEWEST_PATIENTS
from sim.analysis.survival import TimesToEvent, follow_up
from sim.catalog.posterior import POSTERIOR
from sim.mechanisms import REGISTRY
from sim.names import TWO_SIDED_95
from sim.results.conditions import CONDITIONS
from sim.results.incidence import wilson_interval
from sim.results.outcomes import LOG_HAZARD_RATIO, SHARE
from sim.results.reading import Run
from sim.results.schema import TABLES_METASTASES
from sim.runs.keys import identity
from sim.runs.run import run_scenario
from sim.scenario import Scenario
from sim.scenario.expectations import Contrast

CATALOGUE = "catalogue"


def drawn(scenario: Scenario, under: str, draws: int) -> Scenario:
    """The scenario under so many draws of the posterior or the prior."""
    return scenario.with_(posterior=draws, which=under)


@dataclass
class Runs:
    """The runs that statements share, each made once, in memory."""

    seed: int
    workers: int = 1
    most_kept: int = 40
    _made: dict[str, Run] = field(default_factory=dict)

    def run(self, scenario: Scenario) -> Run:
        """The run of a scenario: what asks for the same course gets the same one."""
        key = f"{identity(scenario, self.seed, doomed=False)} {scenario.patients}"
        if key not in self._made:
            if len(self._made) >= self.most_kept:
                del self._made[next(iter(self._made))]
            self._made[key] = run_scenario(
                scenario,
                seed=self.seed,
                out=None,
                workers=self.workers,
                fewest_patients=FEWEST_PATIENTS,
                tables=TABLES_METASTASES,
            )
        return dataclasses.replace(self._made[key])  # a copy, so that the frames that are read are not held


Runner = Callable[[Scenario], Run]


def evaluate(
    statement: Statement, runs: Runner, *, patients: int | None = None, draws: int, under: Sequence[str] = (POSTERIOR,)
) -> dict[str, Any]:
    """What was found of a statement that is a comparison, as JSON holds it.

    `patients` cuts the planned number of an arm; `runs` makes a run of a scenario. Raises InputError as a run does.
    """
    begun = time.perf_counter()
    asked = statement.asked()
    number = asked.patients if patients is None else min(patients, asked.patients)
    found: dict[str, Any] = {"patients": number, "planned": asked.patients, "draws": draws}
    for name in (CATALOGUE, *under):
        scenarios = {
            arm.name: arm.scenario.with_(patients=number)
            if name == CATALOGUE
            else drawn(arm.scenario.with_(patients=number), name, draws)
            for arm in asked.arms
        }
        opened = {arm: runs(scenario) for arm, scenario in scenarios.items()}
        measured = measure(asked, opened)
        if name == CATALOGUE:
            found["arms"] = [_arm(asked, arm.name, arm.only, *measured[arm.name]) for arm in asked.arms]
            found["contrasts"] = [_plain(asked, contrast, opened, measured) for contrast in asked.contrasts]
        else:
            for contrast, row in zip(asked.contrasts, found["contrasts"], strict=True):
                row[name] = _drawn(statement, asked, contrast, opened, measured, scenarios, draws)
    found["seconds"] = round(time.perf_counter() - begun, 1)
    return found


def measure(asked: Asked, runs: Mapping[str, Run]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outcome by patient and who counts, by arm: `sim.analysis.contrasts.measure`, with outcomes of the arms' own."""
    values = {
        arm.name: asked.outcomes[arm.name].values(runs[arm.name]).sort_index().to_numpy(dtype=float)
        for arm in asked.arms
    }
    defined: dict[str | None, np.ndarray] = {}
    for arm in asked.arms:
        known = np.isfinite(values[arm.name])
        defined[arm.only] = known & defined[arm.only] if arm.only in defined else known
    counts = {
        arm.name: CONDITIONS[arm.only](runs[arm.name]).sort_index().to_numpy(dtype=bool) if arm.only else True
        for arm in asked.arms
    }
    return {arm.name: (values[arm.name], defined[arm.only] & counts[arm.name]) for arm in asked.arms}


def _arm(asked: Asked, name: str, only: str | None, values: np.ndarray, counted: np.ndarray) -> dict[str, Any]:
    n = int(counted.sum())
    mean = float(values[counted].mean()) if n else float("nan")
    if asked.outcomes[name].unit in (SHARE, LOG_HAZARD_RATIO):
        low, high = (float(end) for end in wilson_interval(values[counted].sum(), n))
    else:
        half = TWO_SIDED_95 * float(values[counted].std(ddof=1)) / n**0.5 if n > 1 else float("nan")
        low, high = mean - half, mean + half
    return {"arm": name, "only": only, "patients": n, **_numbers(mean=mean, low=low, high=high)}


def _plain(asked: Asked, contrast: Contrast, runs: Mapping[str, Run], measured: Measured) -> dict[str, Any]:
    """A contrast at the catalogue's numbers, with the patients that 90 % power at `least` needs."""
    if asked.outcomes[contrast.weights[0][0]].hazard:
        estimate, patients, influence = hazard_influence(
            contrast, _times(asked, contrast, runs, measured), _only(asked)
        )
        error = float(np.sqrt((influence**2).sum()))
        counted = len(patients)
        apart = sum(w**2 / max(measured[arm][0][measured[arm][1]].mean(), 1e-12) for arm, w in contrast.weights)
    else:
        estimate, error = contrast_influence(contrast, measured)
        counted = int(np.any([measured[arm][1] for arm, _ in contrast.weights], axis=0).sum())
        apart = sum(w**2 * measured[arm][0][measured[arm][1]].var() for arm, w in contrast.weights)
    share = counted / len(measured[contrast.weights[0][0]][1])
    bound = len(contrast.weights) == 1  # one arm against a bound: no effect of this size is planned for
    equality = contrast.sign == 0
    paired = (
        np.nan if bound else patients_needed(error * counted**0.5, asked.least, equality=equality) / max(share, 1e-9)
    )
    fewest = min(measured[arm][1].mean() for arm, _ in contrast.weights)
    unpaired = np.nan if bound else patients_needed(apart**0.5, asked.least, equality=equality) / max(fewest, 1e-9)
    return {
        "expected": contrast.text,
        **_numbers(estimate=estimate, error=error, paired=paired, unpaired=unpaired),
        "counted": counted,
    }


def _drawn(
    statement: Statement,
    asked: Asked,
    contrast: Contrast,
    runs: Mapping[str, Run],
    measured: Measured,
    scenarios: Mapping[str, Scenario],
    draws: int,
) -> dict[str, Any]:
    """A contrast under draws: mean effect, its spread, and the chance that it is beyond `least`.

    Also the chance where the statement's mechanism is not at its null, and the share of such draws.
    """
    draw = np.arange(len(measured[contrast.weights[0][0]][1])) % draws
    share = asked.outcomes[contrast.weights[0][0]].unit == SHARE
    arms = [arm for arm, _ in contrast.weights]
    same_outcome = len({asked.outcomes[arm] for arm in arms}) == 1 and len(set(map(_only(asked).get, arms))) == 1
    if asked.outcomes[contrast.weights[0][0]].hazard:
        everybody = np.sort(runs[arms[0]].patients["patient"].to_numpy())
        times = _times(asked, contrast, runs, measured)
        contrast, measured = pseudo_values(contrast, times, _only(asked), everybody)
    same = same_by_law([scenarios[arm] for arm in arms]) if same_outcome else np.zeros(draws, dtype=bool)
    acting = _acting(statement, list(scenarios.values()), draws) & ~same
    found = per_draw(contrast, measured, draw, same, share=share)
    together = found.together()
    numbers: dict[str, Any] = {
        "probability": _chance(found, contrast, asked.least),
        "acting": float(acting.mean()),
    }
    if together is not None:
        numbers |= _numbers(
            mean=together.mean,
            low=together.low,
            high=together.high,
            between_sd=together.between_sd,
            predicted_low=together.predicted_low,
            predicted_high=together.predicted_high,
        )
    if acting.any() and not acting.all():
        inside = {arm: (values, counted & acting[draw]) for arm, (values, counted) in measured.items()}
        where = per_draw(contrast, inside, draw, same, share=share)
        numbers["probability_acting"] = _chance(where, contrast, asked.least)
    return numbers


def _chance(found: PerDraw, contrast: Contrast, least: float) -> float | None:
    """As `chance_beyond`; of one arm against a bound a draw without any event is below it, and not without effect."""
    probability = chance_beyond(found, contrast, least)
    if probability is None or len(contrast.weights) > 1 or least >= 0.0 or contrast.sign >= 0:
        return probability
    return probability + float(found.no_effect.mean())


def _only(asked: Asked) -> dict[str, str | None]:
    return {arm.name: arm.only for arm in asked.arms}


def _times(asked: Asked, contrast: Contrast, runs: Mapping[str, Run], measured: Measured) -> dict[str, TimesToEvent]:
    times = {}
    for arm, _ in contrast.weights:
        ends = asked.outcomes[arm].ends
        assert ends is not None
        followed = follow_up(runs[arm], ends)
        patients = np.sort(runs[arm].patients["patient"].to_numpy())[measured[arm][1]]
        times[arm] = followed.of(np.isin(followed.patient, patients))
    return times


def same_by_law(scenarios: Sequence[Scenario]) -> np.ndarray:
    """In which draws (draws,) the arms are one: same settings and numbers, mechanisms that are off at their null."""
    if len(scenarios) < 2:
        return np.zeros(len(scenarios[0].arms()), dtype=bool)
    settings = []
    for scenario in scenarios:
        resolved = scenario.to_dict()
        for key in ("name", "file", "title", "question", "mechanisms", "overrides", "parameters"):
            resolved.pop(key)
        settings.append(json.dumps(resolved, sort_keys=True))
    values = [scenario.arms() for scenario in scenarios]
    alike = np.array([all(other == draw[0] for other in draw) for draw in zip(*values, strict=True)])
    return alike & (len(set(settings)) == 1)


def _acting(statement: Statement, scenarios: Sequence[Scenario], draws: int) -> np.ndarray:
    """In which draws the statement's mechanism is not at its null, in the arm in which it is on; all without one."""
    if not statement.mechanism:
        return np.ones(draws, dtype=bool)
    null = REGISTRY[statement.mechanism].null
    on = [scenario for scenario in scenarios if scenario.mechanisms[statement.mechanism]]
    if not on or not null:
        return np.ones(draws, dtype=bool)
    return np.array([any(values[name] != at for name, at in null.items()) for values in on[0].arms()])


def _numbers(**values: float) -> dict[str, float | None]:
    """JSON has no nan."""
    return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}
