"""Log-kill: a dose leaves the share 10^(-kill x dose) of cycling cells, whatever their number.

The larger a tumour, the smaller the share of its cells that cycle: the exponent is multiplied by the tumour's growth
rate relative to that at the avascular limit, for grown colonies and for the primary.

Sleepers are spared: the exponent is multiplied by 1 - sparing. Of a colony the stem-like share survives a dose
better by `stem_drug_resistance`; a sleeper is a founder, and stem-like as a whole. Cells of a colony that resists
the drug are not hit at all. What it leaves of the primary is the model's to say, which knows the resistant share.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.names import DRUGS
from sim.treatments.base import Course, Today, TreatedModel


def spared_by_stemness(survival: np.ndarray, stem_share: np.ndarray | float, resistance: np.ndarray) -> np.ndarray:
    """Share of cells that survive where a stem-like share dies less often, by `resistance`; exact at survival 1."""
    return survival + stem_share * resistance * (1.0 - survival)


def give_drug(drug: str) -> Callable:
    """The `give` of a drug, from its parameters `log10_kill.<drug>` and `sleeper_sparing.<drug>`."""
    place = DRUGS.index(drug)

    def give(today: Today, course: Course, lanes: np.ndarray, model: TreatedModel) -> None:
        p = course.parameters
        kill = p[f"log10_kill.{drug}"] * np.where(lanes, course.level, 0.0)
        stem_share, resistance = p["stem_share"], p["stem_drug_resistance"]
        cells = spared_by_stemness(10.0**-kill, stem_share, resistance)
        sleepers = spared_by_stemness(10.0 ** -(kill * (1.0 - p[f"sleeper_sparing.{drug}"])), 1.0, resistance)
        for kind in range(len(today.cycling)):
            if not kind >> place & 1:
                today.cycling[kind] *= cells[:, None]
                today.drugs[kind] *= cells[:, None]
                today.sleeping[kind] *= sleepers[:, None]
        today.doses[place] = today.doses.get(place, 1.0) * cells

    return give
