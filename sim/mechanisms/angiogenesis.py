"""A colony of a millimetre rests until it has vessels: the avascular limit and the angiogenic switch.

The rest is exponential with mean `angiogenic_delay_days`, drawn once a colony; the growth law that uses it
is in `sim.disease.colonise`. Growth before and after is unchanged (Folkman 1971, GRO09).
"""

from sim.mechanisms.base import Mechanism

MECHANISM = Mechanism(
    name="angiogenesis",
    title="colonies rest at a millimetre until they have vessels",
    off="every colony switches at once: vessels are there when they are needed",
    null={"angiogenic_delay_days": 0.0},
)
