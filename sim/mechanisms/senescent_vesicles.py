"""Senescent hepatocytes release miRNA vesicles through P2RX7; the primary loses PTEN and LATS2 and sheds more.

After the report on vesicles of senescent hepatocytes (SEN01): miR-25, -92a, -30c and -30d repress PTEN
and LATS2 in the primary; EMT and invasion rise. The senescent share follows age by a logistic law.
Vesicles are cleared within minutes (SEN04), so their level is in balance on every day: release x
share. Each target falls as 1/(1 + vesicles). Growth of the primary, and so the day of diagnosis,
stays the same. The effect's size is assumed.
"""

from __future__ import annotations

import numpy as np

from sim import disease
from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism


def senescent_share(age_years: np.ndarray, parameters: LaneParameters) -> np.ndarray:
    """Share of hepatocytes that are senescent at an age, (lanes,)."""
    share = np.empty(parameters.lanes)
    disease.signals_kernels.logistic_share(np.arange(parameters.lanes), age_years, *_by_age(parameters), share)
    return share


def _by_age(p: LaneParameters) -> tuple[np.ndarray, ...]:
    return p["senescence_half_age_years"], p["senescence_width_years"], p["senescent_share_maximum"]


def start(signals: Signals, parameters: LaneParameters) -> None:
    """The vesicles of day 0."""
    held = np.empty(parameters.lanes)
    signals.level.update(vesicles=np.empty(parameters.lanes), pten=held, lats2=held)
    advance(signals, parameters)


def advance(signals: Signals, parameters: LaneParameters) -> None:
    """Today's vesicles, in units of the level that halves PTEN and LATS2, and what is left of the two."""
    level = signals.level
    disease.signals_kernels.release_vesicles(
        signals.living,
        signals.age_years,
        *_by_age(parameters),
        signals.senescence_factor,
        parameters["vesicle_release"],
        signals.vesicle_factor,
        signals.repression_factor,
        level["vesicles"],
        level["pten"],
    )


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """What PTEN and LATS2 no longer hold back, the primary sheds."""
    disease.signals_kernels.raise_shedding(
        signals.living, rates.shedding, parameters["emt_shedding_gain"], signals.level["pten"], signals.level["lats2"]
    )


MECHANISM = Mechanism(
    name="senescent_vesicles",
    title="vesicles of senescent liver cells make the primary shed more",
    off="hepatocyte-specific P2RX7 knock-out: no vesicles reach the primary",
    null={"vesicle_release": 0.0},
    start=start,
    advance=advance,
    act=act,
    default=True,
)
