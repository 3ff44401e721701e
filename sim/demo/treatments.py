"""The treatments that a class can give: those of the engine that need no organ, the best known first."""

from __future__ import annotations

from collections.abc import Mapping

from sim.treatments import REGISTRY

MAIN_TREATMENTS = ("resection", "chemotherapy", "senolytic", "il6_blockade", "checkpoint_inhibition")
"""Shown first; all others stand under "more"."""

TREATMENTS: Mapping[str, str] = {
    name: REGISTRY[name].title
    for name in (*MAIN_TREATMENTS, *(name for name in REGISTRY if name not in MAIN_TREATMENTS))
    if not REGISTRY[name].local
}
"""Names and the engine's own titles."""
