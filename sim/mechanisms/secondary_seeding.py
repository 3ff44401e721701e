"""Metastases shed too, along their own organ's veins: from the liver to the lung, from the lung everywhere.

A grown metastasis sheds cells^`shedding_exponent`, as the primary does, times `secondary_shedding_factor`;
what settles descends from one of the organ's colonies (drawn by their shedding). The streams are made in
`sim.shedding`, weekly, with the week's sizes frozen.
"""

from sim.mechanisms.base import Mechanism

MECHANISM = Mechanism(
    name="secondary_seeding",
    title="metastases seed metastases",
    off="metastases do not shed: all metastases come from the primary",
    null={"secondary_shedding_factor": 0.0},
)
