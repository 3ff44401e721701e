"""What a result depends on, as a key: under another key nothing that was kept is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from sim.numerics import sources
from sim.results.manifest import versions
from sim.runs.task import CohortTask
from sim.scenario import Scenario

_SCIENCE = ("primary", "age", "horizon_days", "observe", "output_every_days", "mechanisms", "treatments")


def identity(
    scenario: Scenario,
    seed: int,
    keep_seeds: bool = False,
    keep_events: bool = False,
    doomed: bool = True,
    loads: Sequence[str] = CohortTask.loads,
) -> str:
    """Sixteen hexadecimal digits of everything that a patient's course depends on, but its number.

    `loads` are the modules that compute it, as a task names them: the program's part in the key is their sources.
    """
    resolved = scenario.to_dict()
    wanted = {key: resolved[key] for key in _SCIENCE}
    values = scenario.values()
    machine = {name: version for name, version in versions().items() if name != "platform"}
    asked = [wanted, values, machine, seed, keep_seeds, keep_events, doomed, sources.digest_of(*loads)]
    if scenario.posterior:  # a number that a scenario sets is the same in every draw, even to the catalogue's value
        asked += [resolved["posterior"], sorted(scenario.overrides)]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def asked_key(scenario: Scenario, seed: int, asked: object, loads: Sequence[str]) -> str:
    """The same of everything that the numbers of an analysis depend on, with what is `asked` (JSON)."""
    return hashlib.sha256(json.dumps([identity(scenario, seed, loads=loads), asked]).encode()).hexdigest()[:16]
