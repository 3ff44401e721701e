"""A scenario: one question, read, checked and resolved to every number that a run needs, frozen."""

from sim.scenario.resolve import (
    AgeDistribution,
    Override,
    ResolvedParameter,
    Scenario,
    files,
    find,
    from_merged,
    listing,
    load,
)

__all__ = [
    "AgeDistribution",
    "Override",
    "ResolvedParameter",
    "Scenario",
    "files",
    "find",
    "from_merged",
    "listing",
    "load",
]
