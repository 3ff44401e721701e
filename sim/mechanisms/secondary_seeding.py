"""Metastases shed too, along their own organ's veins: from the liver to the lung, from the lung everywhere.

A grown metastasis sheds cells^`shedding_exponent`, as the primary does, times `secondary_shedding_factor`;
what settles descends from one of the organ's colonies (drawn by their shedding). The streams are made in
`sim.disease.shedding`, weekly, with the week's sizes frozen.

Self-seeding: of all cells shed, by the primary or by metastases, `self_seeding_share` return to the primary
and grow on in it (Kim et al. 2009). They count neither as shed nor as arrested; the primary, which grows
without chance, takes in their expected number.
"""

from sim.mechanisms.base import Mechanism

MECHANISM = Mechanism(
    name="secondary_seeding",
    title="metastases seed metastases, and cells return to the primary",
    off="metastases do not shed, nothing returns: all metastases come from the primary",
    null={"secondary_shedding_factor": 0.0, "self_seeding_share": 0.0},
)
