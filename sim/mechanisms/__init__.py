"""The registry of mechanisms, in the order in which they act. Adding one is adding a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.mechanisms import dormancy, dual_blood_supply, inflammation, senescent_vesicles
from sim.mechanisms.base import Mechanism

REGISTRY: Mapping[str, Mechanism] = MappingProxyType(
    {
        module.MECHANISM.name: module.MECHANISM
        for module in (dual_blood_supply, inflammation, senescent_vesicles, dormancy)
    }
)


def effective_parameters(values: Mapping[str, float], switched: Mapping[str, bool]) -> dict[str, float]:
    """Parameter values with the nulls of all mechanisms that are off. Raises KeyError for an unknown one."""
    out = dict(values)
    for name, on in switched.items():
        if not on:
            out.update(REGISTRY[name].null)
    return out
