"""What sets two resolved scenarios apart before diagnosis: where nothing does, their patients are the same up to it.

Arms that are the same up to diagnosis may be compared from it, and in some of their patients. Others have other days of
diagnosis, and other patients found at death: they are compared in all patients, from the reference day, which no
metastasis moves, to the same last day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sim import catalog
from sim.mechanisms import REGISTRY
from sim.names import SITES

OF_TREATMENTS = "treatments"
"""File of the catalogue: its numbers act through treatments alone."""
AFTER_DIAGNOSIS = (
    "follow_up_interval_days",
    "liver_symptom_cells",
    "metastatic_death_per_day",
    "other_cause_death_per_year_at_70",
    "other_cause_death_growth_per_year",
    "primary_death_per_day",
    "primary_death_factor",
    "primary_danger_log_sd",
)
"""Numbers, or vectors of them, that change nothing up to diagnosis: visits follow it, and neither other causes nor the
primary kill before the reference day, nor metastases by a hazard before they are known."""
ACT_WHEN_OFF = ("hepatic_artery_compensation",)
"""What a mechanism's counterfactual has of its own: the artery makes up for a shunt, not for the portal vein."""


def before_diagnosis(one: Mapping[str, Any], other: Mapping[str, Any], *, drawn: bool = False) -> list[str]:
    """The names of what two scenarios (as `Scenario.to_dict` has them) differ in that may act before diagnosis.

    With `drawn` numbers that only one of them sets differ too, whatever their values: under draws they would. What
    cannot be told (a number that only one version of the catalogue knows) counts as a difference where it is not null.
    """
    apart = [key for key in ("primary", "age") if one.get(key) != other.get(key)]
    early = [_early(scenario) for scenario in (one, other)]
    apart += sorted({json.loads(plan)["name"] for plan in early[0] ^ early[1]})
    values = [_effective(scenario) for scenario in (one, other)]
    states = [scenario.get("mechanisms", {}) for scenario in (one, other)]
    foreign = of_other_sites({*values[0], *values[1]}, str(one.get("primary")))
    posterior = [json.dumps(scenario.get("posterior"), sort_keys=True) for scenario in (one, other)]
    apart += ["posterior"] if posterior[0] != posterior[1] else []
    set_by = [set(scenario.get("overrides", ())) for scenario in (one, other)]
    drawn = drawn or posterior[0] != "null"
    names = [name for name in {**values[0], **values[1]} if values[0].get(name) != values[1].get(name)]
    names += [name for name in sorted(set_by[0] ^ set_by[1]) if drawn and name not in names]
    found: list[str] = []
    for name in names:
        if name in foreign or _acts_after(name, early=bool(early[0] or early[1])):
            continue
        mechanism = _mechanism(name)
        toggled = mechanism is not None and bool(states[0].get(mechanism)) != bool(states[1].get(mechanism))
        off = mechanism is not None and not any(state.get(mechanism) for state in states)
        if not off or name in ACT_WHEN_OFF:
            found.append(str(mechanism) if toggled else name)
    return list(dict.fromkeys([*apart, *found]))


def of_other_sites(names: Iterable[str], primary: str) -> set[str]:
    """Parameters that only patients with a primary elsewhere have: of a vector with one value (or table) a site."""
    keys: dict[str, set[str]] = {}
    parts = {name: name.split(".") for name in names}
    for first, *rest in parts.values():
        keys.setdefault(first, set()).add(rest[0] if rest else "")
    return {name for name, (first, *rest) in parts.items() if keys[first] == set(SITES) and rest[0] != primary}


def _early(scenario: Mapping[str, Any]) -> set[str]:
    """Treatments that may start before diagnosis, each as text."""
    plans = scenario.get("treatments") or ()
    return {json.dumps(plan, sort_keys=True) for plan in plans if (plan.get("start_days") or 0) < 0}


def _effective(scenario: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: entry.get("value") for name, entry in scenario.get("parameters", {}).items()}
    for name, mechanism in REGISTRY.items():
        if not scenario.get("mechanisms", {}).get(name):
            values |= {key: null for key, null in mechanism.null.items() if key in values}
    return values


def _acts_after(name: str, *, early: bool) -> bool:
    """Whether a number acts after diagnosis only; those of treatments may act before it where some start there."""
    parameter = catalog.load().get(name)
    if parameter is not None and parameter.file == OF_TREATMENTS:
        return not early
    return name in AFTER_DIAGNOSIS or name.partition(".")[0] in AFTER_DIAGNOSIS


def _mechanism(name: str) -> str | None:
    """The mechanism that a number belongs to: by the catalogue, or as its null."""
    parameter = catalog.load().get(name)
    if parameter is not None and parameter.mechanism is not None:
        return parameter.mechanism
    return next((mechanism.name for mechanism in REGISTRY.values() if name in mechanism.null), None)
