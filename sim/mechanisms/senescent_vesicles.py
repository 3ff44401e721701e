"""Senescent hepatocytes release miRNA vesicles through P2RX7; the primary loses PTEN and LATS2 and sheds more.

After the report on vesicles of senescent hepatocytes (SEN01): miR-25, -92a, -30c and -30d repress PTEN
and LATS2 in the primary; EMT and invasion rise. The senescent share follows age by a logistic law.
Vesicles are cleared within minutes (SEN04), so their level is in balance on every day: release x
share. Each target falls as 1/(1 + vesicles). Growth of the primary, and so the day of diagnosis,
stays the same. The effect's size is assumed.
"""

from __future__ import annotations

import numpy as np

from sim.mechanisms.base import Mechanism
from sim.parameters import LaneParameters
from sim.rates import Rates, Signals


def senescent_share(age_years: np.ndarray, parameters: LaneParameters) -> np.ndarray:
    """Share of hepatocytes that are senescent at an age, (lanes,)."""
    steps = (age_years - parameters["senescence_half_age_years"]) / parameters["senescence_width_years"]
    return parameters["senescent_share_maximum"] / (1.0 + np.exp(-steps))


def advance(signals: Signals, parameters: LaneParameters) -> None:
    """Today's vesicles, in units of the level that halves PTEN and LATS2, and what is left of the two."""
    senescent = np.minimum(senescent_share(signals.age_years, parameters) * signals.senescence_factor, 1.0)
    vesicles = parameters["vesicle_release"] * senescent * signals.vesicle_factor
    held = 1.0 / (1.0 + vesicles * signals.repression_factor)
    signals.level.update(vesicles=vesicles, pten=held, lats2=held)


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """What PTEN and LATS2 no longer hold back, the primary sheds."""
    lost = 1.0 - signals.level["pten"] * signals.level["lats2"]
    rates.shedding *= 1.0 + parameters["emt_shedding_gain"] * lost


MECHANISM = Mechanism(
    name="senescent_vesicles",
    title="vesicles of senescent liver cells make the primary shed more",
    off="hepatocyte-specific P2RX7 knock-out: no vesicles reach the primary",
    null={"vesicle_release": 0.0},
    start=advance,
    advance=advance,
    act=act,
    default=True,
)
