"""Arms of a comparison: what differs between the bodies that a class looks at."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sim.errors import InputError
from sim.names import SITES
from sim.scenario import AgeDistribution, Scenario

YOUNGEST_YEARS, OLDEST_YEARS = 18.0, 100.0


@dataclass(frozen=True)
class Arm:
    """One body: a scenario with a few changes. `key` names it in the text catalogue (`arm.<key>`).

    `on`, `off` and `set_` are those of `Scenario.with_`; `primary` and `age_years` replace the scenario's.
    """

    key: str
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    set_: tuple[str, ...] = ()
    primary: str | None = None
    age_years: float | None = None

    def resolve(self, scenario: Scenario) -> Scenario:
        """The scenario of this arm. Raises InputError in the scenario loader's own words."""
        if self.primary is not None and self.primary not in SITES:
            raise InputError(f"primary: found {self.primary!r}; allowed: one of {', '.join(SITES)}")
        if self.age_years is not None and not YOUNGEST_YEARS <= self.age_years <= OLDEST_YEARS:
            raise InputError(f"age: found {self.age_years:g} years; allowed: {YOUNGEST_YEARS:g} to {OLDEST_YEARS:g}")
        resolved = scenario.with_(on=self.on, off=self.off, set_=self.set_)
        if self.primary is not None:
            resolved = dataclasses.replace(resolved, primary=self.primary)
        if self.age_years is not None:
            age = AgeDistribution(self.age_years, 0.0, self.age_years, self.age_years)
            resolved = dataclasses.replace(resolved, age=age)
        return resolved
