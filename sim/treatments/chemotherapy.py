"""Cytotoxic chemotherapy: each dose kills a constant share of cycling cells (log-kill).

It hits cycling cells everywhere, and of the sleepers only those that are not spared.
"""

from sim.treatments.base import Treatment
from sim.treatments.drug import give_drug

TREATMENT = Treatment(
    name="chemotherapy",
    title="cytotoxic drugs kill cycling cells, and spare sleepers",
    code=1,
    cycles=8,
    every_days=21,
    give=give_drug("chemotherapy"),
)
