"""The treatments that the engine can give: name and title, in the order of its registry; empty where it has none."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec


def _registered() -> dict[str, str]:
    if find_spec("sim.treatments") is None:
        return {}
    from sim.treatments import REGISTRY

    return {name: treatment.title for name, treatment in REGISTRY.items()}


TREATMENTS: Mapping[str, str] = _registered()
