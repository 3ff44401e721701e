"""The registry of treatments. Adding one is adding a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sim.treatments import (
    checkpoint_inhibition,
    chemotherapy,
    endocrine_therapy,
    il6_blockade,
    liver_ablation,
    liver_resection,
    mirna_silencing,
    p2rx7_inhibition,
    radiotherapy,
    resection,
    senolytic,
    stat3_blockade,
    targeted_therapy,
)
from sim.treatments.base import Treatment

ORDER = (
    resection,
    liver_resection,
    liver_ablation,
    radiotherapy,
    chemotherapy,
    targeted_therapy,
    endocrine_therapy,
    checkpoint_inhibition,
    senolytic,
    p2rx7_inhibition,
    mirna_silencing,
    il6_blockade,
    stat3_blockade,
)

REGISTRY: Mapping[str, Treatment] = MappingProxyType({module.TREATMENT.name: module.TREATMENT for module in ORDER})
