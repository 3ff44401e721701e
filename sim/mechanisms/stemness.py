"""Only a stem-like share of cells can found a colony; stem-like cells move more.

The catalogue's competent share is fitted as if every cell were stem-like; here it is multiplied by the
share of stem-like cells, and by how much more often these reach the blood. All agents are stem-like
then. Drugs kill them less (`stem_drug_resistance`, in `sim.treatments.drug`).
"""

from __future__ import annotations

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """Stem-like cells alone are competent, and they are over-represented among the shed."""
    rates.competence *= parameters["stem_share"] * parameters["stem_motility"]


MECHANISM = Mechanism(
    name="stemness",
    title="only stem-like cells found colonies, and drugs kill them less",
    off="every cell is as stem-like as any other: all can found a colony, none moves more or resists drugs",
    null={"stem_share": 1.0, "stem_motility": 1.0, "stem_drug_resistance": 0.0},
    act=act,
    constant=True,
)
