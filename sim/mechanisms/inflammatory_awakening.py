"""Inflammation in an organ speeds its energy clock and wakes sleepers (Albrengues et al. 2018, DOR17).

`organ_inflammation.<niche>` is a lasting inflammation (0 none, 1 severe); the wave after surgery adds to
it in every organ. The clock runs faster by 1 + gain x inflammation. The direction is published, its size
is not.
"""

from __future__ import annotations

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """Inflamed niches feed their sleepers faster."""
    inflamed = parameters.by_niche("organ_inflammation") + signals.inflamed
    rates.feeding *= 1.0 + parameters["awakening_gain"][:, None] * inflamed


MECHANISM = Mechanism(
    name="inflammatory_awakening",
    title="inflammation wakes sleeping cells",
    off="NETs are dissolved: inflammation leaves sleepers asleep",
    null={"awakening_gain": 0.0},
    act=act,
)
