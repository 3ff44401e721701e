"""The registry of mechanisms, in the order in which they act. Adding one is adding a file and a line here.

Those that change what others start from come first; those that multiply what others set come last. What cells
differ in (emt) comes after what a niche does to all of them (dormancy, hypoxia): a chance is cut to one cell by cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.mechanisms import (
    angiogenesis,
    clusters,
    dormancy,
    dual_blood_supply,
    dual_feeding,
    emt,
    hypoxia,
    immune_surveillance,
    inflammation,
    inflammatory_awakening,
    lineage,
    liver_fibrosis,
    obesity,
    secondary_seeding,
    senescent_vesicles,
    stemness,
)
from sim.mechanisms.base import Mechanism

ORDER = (
    dual_blood_supply,
    obesity,
    inflammation,
    senescent_vesicles,
    dormancy,
    stemness,
    clusters,
    lineage,
    secondary_seeding,
    liver_fibrosis,
    hypoxia,
    emt,
    inflammatory_awakening,
    immune_surveillance,
    angiogenesis,
    dual_feeding,
)

REGISTRY: Mapping[str, Mechanism] = MappingProxyType({module.MECHANISM.name: module.MECHANISM for module in ORDER})


def default_states() -> dict[str, bool]:
    """Which mechanisms are on where a scenario does not name them."""
    return {name: mechanism.default for name, mechanism in REGISTRY.items()}


def effective_parameters(values: Mapping[str, float], switched: Mapping[str, bool]) -> dict[str, float]:
    """Parameter values with the nulls of all mechanisms that are off. Raises KeyError for an unknown one."""
    out = dict(values)
    for name, on in switched.items():
        if not on:
            out.update(REGISTRY[name].null)
    return out
