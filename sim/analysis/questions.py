"""Ask a scenario its question: run the arms of its comparison with the same patients, and compare their outcome.

Every arm is a run like any other, in a folder of its own; `answer.json` beside them holds what was
compared. A parameter of unknown size is asked about again at each of its values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim import catalog
from sim.analysis.answer_file import ANSWER
from sim.analysis.contrasts import (
    YES,
    arms_told,
    direction,
    logrank_p_values,
    measure,
    one_arm_only,
    pooled,
)
from sim.analysis.drawn_answer import course_of, refuse_few_patients, under_draws
from sim.catalog.posterior import PRIOR
from sim.errors import InputError
from sim.finding import key_of
from sim.results import reading as results
from sim.results import sealed
from sim.results.storage import write_sealed
from sim.runs.keys import identity
from sim.runs.run import run_scenario
from sim.scenario import Override, Scenario
from sim.scenario.comparison import Arm, Question
from sim.scenario.expectations import slug

FEWEST_PATIENTS = 100
"""In a chunk: a question has many small cohorts, and a chunk of 25 takes as long as one of 100."""


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
    posterior: int | None = None,
    progress: bool = False,
    command_line: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, results.Run]]:
    """Run every arm in a folder below `out`; write and return the answer, and return the runs by arm.

    The answer is the content of `answer.json`. `patients` replaces the scenario's number in all arms. Arms that were
    finished by an earlier call with the same numbers, program and seed are not run again, and an arm whose parameters
    a value of `across` does not reach is run once. With `posterior` patients run under so many draws of what is not
    known, and again under as many of the prior; the draws cover the values of `across`, which are left out. Without
    `out` nothing is written: all runs stay in memory. Raises InputError and MachineError as a run does.
    """
    if posterior is not None:
        refuse_few_patients(posterior, patients or comparison.scenario.patients)
    asked = comparison if posterior is None else comparison.drawn(posterior)
    before = None if posterior is None else comparison.drawn(posterior, PRIOR)
    if out is not None:
        out = Path(out)
        _refuse_other_folders(out)
    runs = _Runs(asked, out, seed, patients, workers, progress, list(command_line))
    if before is not None:
        points = [under_draws(asked, runs.opened(), before, runs.opened(before, Path(PRIOR)))]
    else:
        points = [runs.point(None, None)]
        values = ((entry.parameter, value) for entry in comparison.across for value in entry.values)
        points += [runs.point(*at) for at in values] if across else []
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
        **({"by_construction": comparison.by_construction} if comparison.by_construction else {}),
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
        opened = self.opened(self._comparison, place, parameter, value)
        measured = measure(self._comparison, opened)
        at = {} if parameter is None else {"parameter": parameter, "value": value}
        logranks = logrank_p_values(self._comparison, opened, measured)
        return {
            **at,
            "arms": arms_told(self._comparison, measured),
            "directions": [
                direction(contrast, measured) | p | one_arm_only(contrast, opened, measured)
                for contrast, p in zip(self._comparison.contrasts, logranks, strict=True)
            ],
        }

    def opened(
        self,
        comparison: Question | None = None,
        place: Path = Path(),
        parameter: str | None = None,
        value: float | None = None,
    ) -> dict[str, results.Run]:
        """The runs of the arms (of another `comparison`, where given), made if need be, in folders below `place`."""
        return {
            arm.name: self._run(self._scenario(arm, parameter, value), place / slug(arm.name))
            for arm in (comparison or self._comparison).arms
        }

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


def _course(scenario: Scenario) -> str:
    """Everything that the patients' courses depend on, in every draw under which they run."""
    draws = range(max(scenario.posterior, 1))
    return json.dumps([scenario.patients, scenario.posterior, *(course_of(scenario, draw) for draw in draws)])


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
