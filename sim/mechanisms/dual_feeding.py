"""The liver's two inflows also feed a colony better: the seed article's own claim, unproven.

Metastases in the liver grow faster by `liver_growth_factor`, at every size; `sim.disease.colonies` holds the law.
The extra growth is in proportion to what of the portal inflow is left: none under a whole portocaval shunt.
"""

from sim.mechanisms.base import Mechanism

MECHANISM = Mechanism(
    name="dual_feeding",
    title="two inflows feed liver metastases better",
    off="liver metastases grow as those of every other organ",
    null={"liver_growth_factor": 1.0},
)
