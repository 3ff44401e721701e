"""Every primary clone carries a barcode and its own metastatic potential, heritable and skewed.

After Quinn et al. 2021 (LIN02): clones range from incompetent to aggressive (high with IFI27 and REG4, low
with KRT17), and potential is inherited. Eight clones share the primary at random; the log of their potential
is normal with `clone_potential_log_sd`. Settled cells are drawn in proportion to share x potential; the
barcode of a colony's founder is a keyed draw from that law, and what a metastasis sheds has the potential of its
founders' clones (`sim.disease.descent`).
"""

from __future__ import annotations

from sim.catalog.parameters import LaneParameters
from sim.disease.clones import mean_potential
from sim.disease.signals import Rates, Signals
from sim.mechanisms.base import Mechanism


def has_clones(on: bool, log_sd: float) -> bool:
    """Whether clones differ: the mechanism is on, and not at its null. Then a run has the table `clones`."""
    return on and log_sd > 0.0


def start(signals: Signals, parameters: LaneParameters) -> None:
    """What the primary's cells have on average."""
    signals.level["clonal_potential"] = mean_potential(signals.hosts, parameters["clone_potential_log_sd"])


def act(rates: Rates, signals: Signals, parameters: LaneParameters) -> None:
    """A primary with aggressive clones makes more competent cells."""
    rates.competence *= signals.level["clonal_potential"]


MECHANISM = Mechanism(
    name="lineage",
    title="clones differ in their power to metastasise",
    off="all clones are alike",
    null={"clone_potential_log_sd": 0.0},
    start=start,
    act=act,
    constant=True,
)
