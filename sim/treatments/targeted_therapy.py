"""Targeted therapy: a drug against what drives the tumour's cells; spares normal ones, and sleepers even more."""

from sim.treatments.base import Treatment
from sim.treatments.drug import give_drug

TREATMENT = Treatment(
    name="targeted_therapy",
    title="a drug against the tumour's driver kills cycling cells",
    code=2,
    cycles=26,
    every_days=14,
    give=give_drug("targeted_therapy"),
)
