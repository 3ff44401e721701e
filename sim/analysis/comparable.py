"""What may not be compared between arms, whatever a test would say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.errors import InputError

if TYPE_CHECKING:
    from sim.results.outcomes import Outcome
    from sim.results.reading import Run


def refuse_lead_time(outcome: Outcome, runs: Mapping[str, Run]) -> None:
    """Raises InputError where an outcome counts from diagnosis, and arms of the same patients differ before it.

    Earlier diagnosis alone would lengthen such a time, or choose other patients. Arms with other primaries or ages are
    other people, who may differ; so are those diagnosed in one arm only, where the arms are otherwise alike.
    """
    if not outcome.alike_until_diagnosis:
        return
    first: dict[str, tuple[str, Run]] = {}
    for name, run in runs.items():
        scenario = run.manifest["scenario"]
        people = repr((scenario["primary"], scenario.get("age")))
        if people not in first:
            first[people] = (name, run)
            continue
        other, reference = first[people]
        days = [r.patients.set_index("patient")["diagnosis_day"].astype(float) for r in (reference, run)]
        differ = int(((days[0] != days[1]) & ~(days[0].isna() & days[1].isna())).sum())
        if differ:
            raise InputError(
                f'comparison: found the outcome "{outcome.name}", which counts from diagnosis, and the arms "{other}" '
                f'and "{name}", of which {differ} of {len(days[0])} patients are diagnosed on other days (lead time); '
                "allowed: arms alike until diagnosis, or an outcome that counts from the reference day"
            )
