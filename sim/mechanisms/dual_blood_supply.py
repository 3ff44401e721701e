"""The liver's two inflows: the hepatic artery, and the portal vein with the gut's blood.

Off is a portocaval shunt: portal blood goes straight to the vena cava and meets the lung first. The
vessels themselves are in `sim.disease.body`, which reads the shunt fraction of each lane.
"""

from sim.mechanisms.base import Mechanism

MECHANISM = Mechanism(
    name="dual_blood_supply",
    title="the liver's dual blood supply",
    off="portocaval shunt: portal blood goes straight to the vena cava; the liver keeps its artery",
    null={"portocaval_shunt_fraction": 1.0},
    default=True,
)
