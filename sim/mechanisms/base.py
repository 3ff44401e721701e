"""What a mechanism is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sim.catalog.parameters import LaneParameters
from sim.disease.signals import Rates, Signals


def _nothing(*_args: object) -> None:
    """A mechanism without signals, or without daily rates."""


@dataclass(frozen=True)
class Mechanism:
    """One switchable mechanism.

    `null` holds the parameter values at which on does exactly what off does: switching it off means
    setting them, so both take the same path through the code. `start(signals, parameters)` makes its
    signals on day 0, `advance(signals, parameters)` moves them by a day, `act(rates, signals,
    parameters)` multiplies today's rates. A mechanism of the vessels or of the growth law has neither:
    its parameters are read where vessels and law are set up. `constant` promises that `act` depends on
    parameters and hosts alone (and what `start` made of them): it then acts once, on the rates with which every day
    starts. `default` says whether a scenario that does not name the mechanism has it on: the catalogue is calibrated
    with those four.
    """

    name: str
    title: str
    off: str
    null: Mapping[str, float]
    start: Callable[[Signals, LaneParameters], None] = field(default=_nothing)
    advance: Callable[[Signals, LaneParameters], None] = field(default=_nothing)
    act: Callable[[Rates, Signals, LaneParameters], None] = field(default=_nothing)
    constant: bool = False
    default: bool = False

    def is_null(self, parameters: LaneParameters) -> bool:
        """Whether the mechanism is at its null in every lane: then it does exactly nothing and may be skipped."""
        return all((parameters[name] == value).all() for name, value in self.null.items())

    def __post_init__(self) -> None:
        object.__setattr__(self, "null", MappingProxyType(dict(self.null)))
