"""IL-6 of the tumour's host response activates hepatocyte STAT3; SAA rises and prepares the liver's niche.

After Lee et al. 2019 (Nature 567:249): IL-6 -> STAT3 in hepatocytes -> SAA1/2 -> matrix and myeloid
cells. Here: IL-6 saturates with the primary's size, STAT3 follows it by a Hill law, SAA and the niche
relax towards their drive with one time constant each, and the niche multiplies the liver's
receptivity by 1 + gain x readiness. The size of the effect is not published: the gain is assumed.
"""

from __future__ import annotations

import numpy as np

from sim import disease
from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals, decay, passed_on
from sim.mechanisms.base import Mechanism
from sim.names import LIVER


def start(signals: Signals, parameters: LaneParameters) -> None:
    """No response on day 0."""
    for name in ("il6", "stat3", "saa", "liver_readiness"):
        signals.level[name] = np.zeros(parameters.lanes)


def advance(signals: Signals, parameters: LaneParameters) -> None:
    """Move IL-6, STAT3, SAA and the niche by one day; levels are shares of the tumour's own maximum."""
    p, level = parameters, signals.level
    disease.signals_kernels.follow_inflammation(
        signals.living,
        signals.primary_cells,
        signals.il6_extra,
        signals.il6_factor,
        p["il6_half_cells"],
        p["stat3_hill_exponent"],
        p.derived("stat3_half_power", lambda p: p["stat3_half_il6"] ** p["stat3_hill_exponent"]),
        signals.stat3_factor,
        p.derived("saa_decay", lambda p: decay(p["saa_time_days"])),
        p.derived("niche_decay", lambda p: decay(p["niche_time_days"])),
        p.derived("niche_taken", lambda p: passed_on(p["saa_time_days"], p["niche_time_days"])),
        level["il6"],
        level["stat3"],
        level["saa"],
        level["liver_readiness"],
    )


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """A ready niche accepts more seeds, in the liver only."""
    disease.signals_kernels.raise_niche(
        signals.living, rates.receptivity, LIVER, parameters["inflammation_gain"], signals.level["liver_readiness"]
    )


MECHANISM = Mechanism(
    name="inflammation",
    title="IL-6, STAT3 and SAA prepare the liver",
    off="hepatocyte-specific STAT3 knock-out: no SAA, the liver's niche is not prepared",
    null={"inflammation_gain": 0.0},
    start=start,
    advance=advance,
    act=act,
    default=True,
)
