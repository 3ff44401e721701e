"""The front door for notebooks and scripts: load, run, ask, compare, sweep, open, and what they give back.

`import sim` offers these names; here they are made. Nothing in this package computes anything itself.
"""

from sim.library.answers import Answer, ask
from sim.library.cohorts import Run, run
from sim.library.comparisons import Comparison, compare
from sim.library.inputs import ScenarioKeys, load
from sim.library.plans import Sweep, sweep
from sim.library.scorecards import Scorecard, validate
from sim.library.statements import Claims, claims
from sim.library.stored import open  # noqa: A004

__all__ = [
    "Answer",
    "Claims",
    "Comparison",
    "Run",
    "ScenarioKeys",
    "Scorecard",
    "Sweep",
    "ask",
    "claims",
    "compare",
    "load",
    "open",
    "run",
    "sweep",
    "validate",
]
