"""The table of all statements: each is asked once, kept, and read again by whatever asks for it next.

A statement's result lies in a sealed file of its own, `<id>.json`, written whole or not at all: a command that was
stopped goes on where it was. What was kept is asked anew where the statement, the program, the seed, the number of
patients or the draws are others.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.analysis.claims import evaluate
from sim.analysis.claims import statements as s
from sim.analysis.claims.levels import ENOUGH, Level, chance, compatible, level
from sim.catalog import posterior
from sim.catalog.posterior import POSTERIOR, PRIOR
from sim.errors import InputError
from sim.numerics import sources
from sim.results import sealed
from sim.results.storage import write_sealed
from sim.runs.task import CohortTask

if TYPE_CHECKING:
    from sim.analysis.validation.rows import Row

LOADS = (*CohortTask.loads, "sim.analysis.claims.evaluate")
SMALL_PATIENTS, SMALL_DRAWS = 40, 8
DRAWS = 60
SOIL = "seed and soil"
VALIDATED = 2000
"""Patients of the cohorts behind the rows of `validate`."""


@dataclass(frozen=True)
class Plan:
    """How all statements are asked: `patients` cuts what each plans, `draws` of the posterior and the prior."""

    seed: int = s.SEED
    patients: int | None = None
    draws: int = DRAWS
    workers: int = 1

    @classmethod
    def small(cls, seed: int = s.SEED, workers: int = 1) -> Plan:
        """The form that tests run: too few patients to support anything, all the way through."""
        return cls(seed, SMALL_PATIENTS, SMALL_DRAWS, workers)

    def check(self) -> None:
        """Raises InputError where there are fewer draws than asked for."""
        if self.draws > posterior.number():
            raise InputError(f"--draws {self.draws}: found {posterior.number()} draws; allowed: no more than there are")


@dataclass(frozen=True)
class Answered:
    """A statement, what was found of it (None: not asked yet), and its level."""

    statement: s.Statement
    found: Mapping[str, Any] | None
    level: Level


def ask(
    statements: Mapping[str, s.Statement],
    plan: Plan,
    out: Path | None = None,
    report: Callable[[Answered, int, int], None] | None = None,
) -> list[Answered]:
    """Ask these statements, or read what `out` keeps of them; `report` is told each, its turn and how many there are.

    Raises InputError and MachineError as a run does; what was finished is kept.
    """
    runs = evaluate.Runs(plan.seed, plan.workers)
    answered = []
    for turn, statement in enumerate(statements.values()):
        found = _kept(statement, plan, out)
        if found is None and statement.answer in (s.COMPARISON, s.VALIDATE):
            found = _asked(statement, plan, runs)
            if out is not None:
                write_sealed(out / f"{statement.id}.json", {"key": _key(statement, plan), "found": found})
        answered.append(Answered(statement, found, level(statement, found)))
        if report is not None:
            report(answered[-1], turn, len(statements))
    return answered


def read(statements: Mapping[str, s.Statement], plan: Plan, out: Path) -> list[Answered]:
    """What a folder keeps of these statements, whatever was not asked yet."""
    kept = [(statement, _kept(statement, plan, out)) for statement in statements.values()]
    return [Answered(statement, found, level(statement, found)) for statement, found in kept]


def _asked(statement: s.Statement, plan: Plan, runs: evaluate.Runs) -> dict[str, Any]:
    if statement.answer == s.VALIDATE:
        return validated(statement, plan)
    found = evaluate.evaluate(statement, runs.run, patients=plan.patients, draws=plan.draws)
    if needs_prior(statement, found) and posterior.number(PRIOR) >= plan.draws:
        before = evaluate.evaluate(statement, runs.run, patients=plan.patients, draws=plan.draws, under=(PRIOR,))
        for row, earlier in zip(found["contrasts"], before["contrasts"], strict=True):
            row[PRIOR] = earlier[PRIOR]
        found["seconds"] = round(found["seconds"] + before["seconds"], 1)
    return found


def needs_prior(statement: s.Statement, found: Mapping[str, Any]) -> bool:
    """Whether the prior could change the level: only what may be supported is asked under it."""
    p = chance(found, POSTERIOR)
    if p is None or p < ENOUGH or statement.overrides or statement.contradicted:
        return False
    if statement.published is not None:
        return compatible(statement.published, found["contrasts"][0][POSTERIOR]) and not statement.published.fitted
    return not statement.law


def validated(statement: s.Statement, plan: Plan) -> dict[str, Any]:
    """The rows of `validate` that tell of a statement: by their published ids, or by name."""
    patients = min(plan.patients or VALIDATED, VALIDATED)
    rows = _rows(statement.topic == SOIL, patients, plan.seed, plan.workers)
    wanted = set(statement.rows)
    told = [
        {
            "name": f"{row.name}, {row.population}",
            "text": _row_text(row),
            "status": row.status,
            "kind": row.kind,
            "source": row.source,
        }
        for row in rows
        if wanted & set(row.source.split()) or row.name in wanted
    ]
    return {"rows": told, "patients": patients}


@functools.lru_cache(maxsize=2)
def _rows(soil: bool, patients: int, seed: int, workers: int) -> list[Row]:
    """The rows of the organs' law, or those of colorectal cancer untreated and operated on."""
    from sim.analysis.natural_history import cohorts
    from sim.analysis.validation import natural_history, organs

    if soil:
        return organs.rows(simulated=0, synthetic=0)
    courses = (
        cohorts.simulated("colorectal", operated, patients, seed, None, workers, False) for operated in (False, True)
    )
    return natural_history.colorectal(*courses)


def _row_text(row: Row) -> str:
    ends = "" if row.model_low is None else f" ({row.model_low:.3g} to {row.model_high:.3g})"
    if row.model is None:
        return "not measured"
    against = f", published {row.published:g} {row.unit}" if row.published is not None else ""
    return f"{row.model:.3g}{ends}{against}"


def _key(statement: s.Statement, plan: Plan) -> str:
    """What a kept result depends on; not on the workers, nor on words of the statement that no number knows."""
    asked: dict[str, Any] = {
        name: dataclasses.asdict(statement)[name]
        for name in ("answer", "rows", "outcome", "expect", "arms", "question", "least", "patients", "mechanism")
    }
    plan_of = [plan.seed, plan.patients, plan.draws]
    draws = [posterior.digest(which) for which in (POSTERIOR, PRIOR) if posterior.number(which)]
    text = json.dumps([asked, plan_of, draws, sources.digest_of(*LOADS)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _kept(statement: s.Statement, plan: Plan, out: Path | None) -> dict[str, Any] | None:
    if out is None or not (out / f"{statement.id}.json").is_file():
        return None
    try:
        content, _ = sealed.unseal(out / f"{statement.id}.json", "ask again")
    except InputError:
        return None  # damaged: asked again
    return content["found"] if content.get("key") == _key(statement, plan) else None


def counts(answered: Sequence[Answered]) -> dict[str, int]:
    """Statements by level, in the order of LEVELS, those that occur."""
    from sim.analysis.claims.levels import LEVELS

    names = [one.level.name for one in answered]
    return {name: names.count(name) for name in LEVELS if name in names}
