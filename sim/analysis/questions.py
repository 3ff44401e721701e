"""Ask a scenario its question: run the arms of its comparison with the same patients, and compare their outcome.

Every arm is a run like any other, in a folder of its own; `answer.json` beside them holds what was
compared. A parameter of unknown size is asked about again at each of its values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sim import catalog
from sim.analysis.answer_file import ANSWER
from sim.analysis.comparable import refuse_lead_time
from sim.analysis.hazards import hazard_contrast, logrank_p_values, times_of
from sim.errors import InputError
from sim.finding import key_of
from sim.names import SITES, TWO_SIDED_95
from sim.results import reading as results
from sim.results import sealed
from sim.results.incidence import wilson_interval
from sim.results.outcomes import CONDITIONS, LOG_HAZARD_RATIO, SHARE
from sim.results.storage import write_sealed
from sim.runs.keys import identity
from sim.runs.run import run_scenario
from sim.scenario import Override, Scenario
from sim.scenario.comparison import Arm, Question
from sim.scenario.expectations import Contrast, slug

FEWEST_PATIENTS = 100
"""In a chunk: a question has many small cohorts, and a chunk of 25 takes as long as one of 100."""
YES, UNCLEAR, NO, SAME, NONE = "yes", "unclear", "no", "no difference", "too few"
"""Whether an expected direction was seen: the 95 % interval of the difference lies where it must; it reaches both
sides; it lies where it must not (reversed, or beyond the bound of an equality); every pair is exactly equal; fewer than
`FEWEST_PAIRS`, or an interval without width, in which no pair differs from another."""
FEWEST_PAIRS = 10
"""Patients of the smallest arm below whom nothing is said: a normal interval from three of them is no interval."""


def ask(comparison: Question, **asked: Any) -> dict[str, Any]:
    """The answer of `ask_with_runs` alone."""
    return ask_with_runs(comparison, **asked)[0]


def ask_with_runs(
    comparison: Question,
    *,
    seed: int,
    out: Path | None,
    patients: int | None = None,
    workers: int = 1,
    across: bool = True,
    progress: bool = False,
    command_line: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, results.Run]]:
    """Run every arm in a folder below `out`; write and return the answer, and return the runs by arm.

    The answer is the content of `answer.json`. `patients` replaces the scenario's number in all arms. Arms that were
    finished by an earlier call with the same numbers, program and seed are not run again, and an arm whose parameters
    a value of `across` does not reach is run once. Without `out` nothing is written: all runs stay in memory. Raises
    InputError and MachineError as a run does.
    """
    if out is not None:
        out = Path(out)
        _refuse_other_folders(out)
    runs = _Runs(comparison, out, seed, patients, workers, progress, list(command_line))
    points = [runs.point(None, None)]
    points += [
        runs.point(entry.parameter, value) for entry in (comparison.across if across else ()) for value in entry.values
    ]
    answer = {
        "scenario": comparison.scenario.name,
        "file": key_of(comparison.scenario.path),
        "question": comparison.scenario.question,
        "outcome": comparison.outcome.name,
        "unit": comparison.outcome.unit,
        "meaning": comparison.outcome.meaning,
        "assumes": comparison.assumes,
        "enriched": [_override(name, entry) for name, entry in comparison.enriched.items()],
        "seed": seed,
        "patients": patients or comparison.scenario.patients,
        "wall_seconds": runs.wall_seconds,
        **points[0],
        "across": points[1:],
    }
    runs.write(answer)
    return answer, runs.of_arms()


def _override(name: str, override: Override) -> dict[str, Any]:
    return {
        "parameter": name,
        "value": override.value,
        "catalogue": catalog.load()[name].value,
        "reason": override.reason,
    }


def seen(*answers: Mapping[str, Any]) -> bool:
    """Whether every expected direction was seen at the scenario's own values, with its interval; all seeds together."""
    return all(found["seen"] == YES for found in pooled(answers))


class _Runs:
    """The runs of one question, each made once; what finished is noted in `answer.json` as it comes."""

    def __init__(
        self,
        comparison: Question,
        out: Path | None,
        seed: int,
        patients: int | None,
        workers: int,
        progress: bool,
        command_line: list[str],
    ):
        self._comparison, self._out, self._seed, self._patients = comparison, out, seed, patients
        self._options: dict[str, Any] = {
            "workers": workers,
            "progress": progress,
            "command_line": command_line,
            "fewest_patients": FEWEST_PATIENTS,
        }
        self._finished = {} if out is None else _finished_runs(out / ANSWER)
        self._made: dict[str, results.Run] = {}

    def write(self, answer: Mapping[str, Any]) -> None:
        """Write `answer.json`, whole or not at all; in memory nothing."""
        if self._out is None:
            return
        write_sealed(self._out / ANSWER, {**answer, "runs": self._finished})

    @property
    def wall_seconds(self) -> float:
        """What the runs took, each counted once, by their manifests."""
        return sum(run.manifest["wall_seconds"] for run in self._made.values())

    def of_arms(self) -> dict[str, results.Run]:
        """The runs at the scenario's own values, by the name of their arm."""
        return {arm.name: self._made[_course(self._scenario(arm, None, None))] for arm in self._comparison.arms}

    def point(self, parameter: str | None, value: float | None) -> dict[str, Any]:
        """The answer with one parameter at a value, or at the scenario's own values."""
        place = (
            Path() if parameter is None or value is None else Path("across") / f"{slug(parameter)}_{_spelled(value)}"
        )
        opened = {
            arm.name: self._run(self._scenario(arm, parameter, value), place / slug(arm.name))
            for arm in self._comparison.arms
        }
        measured = measure(self._comparison, opened)
        at = {} if parameter is None else {"parameter": parameter, "value": value}
        logranks = logrank_p_values(self._comparison, opened, measured)
        return {
            **at,
            "arms": [
                _arm(arm, self._comparison.outcome.unit in (SHARE, LOG_HAZARD_RATIO), *measured[arm.name])
                | ({"chosen_by_itself": True} if chosen_by_itself(self._comparison, arm, measured) else {})
                for arm in self._comparison.arms
            ],
            "directions": [
                self._direction(contrast, opened, measured) | p
                for contrast, p in zip(self._comparison.contrasts, logranks, strict=True)
            ],
        }

    def _direction(
        self, contrast: Contrast, runs: Mapping[str, results.Run], measured: Mapping[str, tuple[np.ndarray, np.ndarray]]
    ) -> dict[str, Any]:
        if not self._comparison.outcome.hazard:
            return direction(contrast, measured)
        conditions = {arm.name: arm.only for arm in self._comparison.arms}
        ratio, error, patients = hazard_contrast(contrast, times_of(self._comparison, runs, measured), conditions)
        return _found(contrast, patients, ratio, error)

    def _scenario(self, arm: Arm, parameter: str | None, value: float | None) -> Scenario:
        scenario = arm.scenario.with_(patients=self._patients)
        if parameter is None or parameter in arm.own_parameters:
            return scenario
        return scenario.with_(
            set_=[f"{parameter}={value!r}"], reason="across the values of a parameter that nobody has published"
        )

    def _run(self, scenario: Scenario, place: Path) -> results.Run:
        """The run of a scenario; its folder is `place`, relative to the answer's."""
        course = _course(scenario)
        if course not in self._made:
            self._made[course] = self._found(scenario, place) or self._new(scenario, place)
        return replace(self._made[course])  # a copy, so that the frames that are read are not held

    def _found(self, scenario: Scenario, place: Path) -> results.Run | None:
        """The run that an earlier call finished in its folder."""
        if self._out is None or not (self._out / place / results.MANIFEST).is_file():
            return None
        known = self._finished.get(place.as_posix()) == [identity(scenario, self._seed), scenario.patients]
        return results.open(self._out / place) if known else None

    def _new(self, scenario: Scenario, place: Path) -> results.Run:
        out = None if self._out is None else self._out / place
        run = run_scenario(scenario, seed=self._seed, out=out, **self._options)
        self._finished[place.as_posix()] = [identity(scenario, self._seed), scenario.patients]
        scenario = self._comparison.scenario
        waiting = {"scenario": scenario.name, "file": key_of(scenario.path), "status": "not all arms are run yet"}
        self.write(waiting)
        return run


def _spelled(value: float) -> str:
    """A value as short as possible, but no two values alike: it is the name of a folder."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _of_other_sites(names: Iterable[str], primary: str) -> set[str]:
    """Parameters that only patients with a primary elsewhere have: of a vector with one value (or table) a site."""
    keys: dict[str, set[str]] = {}
    parts = {name: name.split(".") for name in names}
    for first, *rest in parts.values():
        keys.setdefault(first, set()).add(rest[0] if rest else "")
    return {name for name, (first, *rest) in parts.items() if keys[first] == set(SITES) and rest[0] != primary}


def _course(scenario: Scenario) -> str:
    """Everything that the patients' course depends on: off mechanisms at their nulls, nothing of other sites."""
    resolved = scenario.to_dict()
    for key in ("name", "file", "title", "question", "mechanisms", "overrides", "parameters"):
        del resolved[key]
    values = scenario.effective()
    for name in _of_other_sites(values, scenario.primary):
        del values[name]
    return json.dumps([resolved, values], sort_keys=True)


def _finished_runs(file: Path) -> dict[str, list]:
    try:
        return dict(sealed.unseal(file, "ask again")[0]["runs"])
    except (OSError, InputError, ValueError, KeyError, TypeError):
        return {}  # nothing was asked here, or the file was damaged: run again


def _refuse_other_folders(out: Path) -> None:
    """`out` must be new, empty, or an earlier answer: runs are replaced in it."""
    results.check_writable(out / "arm")
    if (
        out.is_dir()
        and not (out / ANSWER).is_file()
        and (other := [path.name for path in out.iterdir() if not path.name.startswith(".")])
    ):
        raise InputError(
            f"{out}: the folder is not empty and holds no {ANSWER} (found {sorted(other)[0]}); allowed: a new or empty "
            "folder, or an earlier answer, which is replaced"
        )


def measure(comparison: Question, runs: Mapping[str, results.Run]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Outcome by patient (float, nan where undefined) and who counts (bool), by arm; patients in the same order.

    A condition is read in each arm itself, on the day of diagnosis: arms that differ only after it count the same
    patients, others their own. A patient without a value in one arm is left out of all arms with its condition.
    Raises InputError where the outcome may not be compared between these arms.
    """
    refuse_lead_time(comparison.outcome, runs)
    values = {
        arm.name: comparison.outcome.values(runs[arm.name]).sort_index().to_numpy(dtype=float)
        for arm in comparison.arms
    }
    defined: dict[str | None, np.ndarray] = {}
    for arm in comparison.arms:
        defined[arm.only] = np.isfinite(values[arm.name]) & defined.get(arm.only, True)
    counts = {
        arm.name: CONDITIONS[arm.only](runs[arm.name]).sort_index().to_numpy(dtype=bool) if arm.only else True
        for arm in comparison.arms
    }
    return {arm.name: (values[arm.name], defined[arm.only] & counts[arm.name]) for arm in comparison.arms}


def chosen_by_itself(comparison: Question, arm: Arm, measured: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> bool:
    """Whether another arm with the same condition counts other patients: the two differ before diagnosis."""
    return arm.only is not None and any(
        other.only == arm.only and not np.array_equal(measured[other.name][1], measured[arm.name][1])
        for other in comparison.arms
    )


def contrast_influence(
    contrast: Contrast, measured: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> tuple[float, float]:
    """The contrast of the arms' means and its standard error; nan where an arm has fewer than two patients.

    Each patient's influence is summed over the arms in which they count: arms with the same patients are
    compared in pairs, arms with different patients as independent groups, and all between by the same sum.
    """
    estimate, influence, fewest = 0.0, np.zeros(()), np.inf
    for arm, weight in contrast.weights:
        values, counted = measured[arm]
        fewest = min(fewest, counted.sum())
        if fewest < 2:
            return float("nan"), float("nan")
        mean = values[counted].mean()
        estimate += weight * mean
        influence = influence + weight * np.where(
            counted, (np.where(counted, values, mean) - mean) / counted.sum(), 0.0
        )
    return float(estimate), float(np.sqrt((influence**2).sum() * fewest / (fewest - 1)))


def direction(contrast: Contrast, measured: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """One expected direction: the difference with its 95 % interval (normal), and whether it was seen.

    With the patients of its smallest arm; seen is one of YES, UNCLEAR, NO, SAME, NONE.
    """
    patients = int(min(measured[arm][1].sum() for arm, _ in contrast.weights))
    return _found(contrast, patients, *contrast_influence(contrast, measured))


def pooled(answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The directions of one question asked with several seeds: cohorts of other patients, so their mean and its error.

    The answers have the same arms, directions and number of patients.
    """
    out = []
    for same in zip(*(answer["directions"] for answer in answers), strict=True):
        contrast = Contrast(same[0]["expected"], (), same[0]["sign"], same[0]["within"])
        patients = sum(found["patients"] for found in same)
        numbers = np.array(
            [[found[key] for key in ("difference", "low", "high")] for found in same], dtype=float
        )  # None: nan
        errors = (numbers[:, 2] - numbers[:, 1]) / (2 * TWO_SIDED_95)
        out.append(_found(contrast, patients, numbers[:, 0].mean(), np.sqrt((errors**2).sum()) / len(same)))
    return out


def _found(contrast: Contrast, patients: int, difference: float, error: float) -> dict[str, Any]:
    low, high = difference - TWO_SIDED_95 * error, difference + TWO_SIDED_95 * error
    return {
        "expected": contrast.text,
        "sign": contrast.sign,
        "within": contrast.within,
        "patients": patients,
        "difference": _number(difference),
        "low": _number(low),
        "high": _number(high),
        "seen": _verdict(contrast, patients, difference, low, high),
    }


def _verdict(contrast: Contrast, patients: int, difference: float, low: float, high: float) -> str:
    if patients < FEWEST_PAIRS or not np.isfinite(low):
        return NONE
    if not contrast.sign:
        inside, outside = max(-low, high) <= contrast.within, min(-low, high) < -contrast.within
        return YES if inside else NO if outside else UNCLEAR
    if difference == low == high == 0.0:
        return SAME
    if low == high:
        return NONE
    return UNCLEAR if low <= 0.0 <= high else YES if contrast.sign * difference > 0 else NO


def _arm(arm: Arm, share: bool, values: np.ndarray, counted: np.ndarray) -> dict[str, Any]:
    """Mean of an arm with its 95 % interval: Wilson's of a share, else a normal one."""
    n = int(counted.sum())
    mean = float(values[counted].mean()) if n else float("nan")
    half = TWO_SIDED_95 * float(values[counted].std(ddof=1)) / n**0.5 if n > 1 else float("nan")
    low, high = wilson_interval(values[counted].sum(), n) if share else (mean - half, mean + half)
    return {
        "arm": arm.name,
        "only": arm.only,
        "patients": n,
        "mean": _number(mean),
        "low": _number(float(low)),
        "high": _number(float(high)),
    }


def _number(value: float) -> float | None:
    """JSON has no nan."""
    return float(value) if np.isfinite(value) else None
