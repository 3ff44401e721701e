"""The cascade of injected cells in a mouse's liver (`mouse_liver_bolus`), counted where Luzzi et al. 1998 counted it.

Not a prediction: the scenario's numbers of the cell line were chosen so that these shares come out together.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim import scenario as scenarios
from sim.analysis.validation.rows import Row
from sim.names import LIVER
from sim.results.incidence import wilson_interval

if TYPE_CHECKING:
    from sim.model import MetastasisModel

TABLE = "Cells injected into a mouse's mesenteric vein"
SCENARIO = "mouse_liver_bolus"
SEED = 1
EARLY_DAY, LATE_DAY = 3, 13
MICROMETASTASIS_CELLS, VISIBLE_CELLS = 4, 1e4
"""Of the assay: a few cells that divided, and a nodule of a quarter of a millimetre at 10^6 cells a cubic millimetre.

Assumed: the stored texts state no sizes.
"""
FACTOR = 1.5
"""The model must lie within this factor of the published share."""


class Counted(NamedTuple):
    """Cells and colonies in the liver of all mice on a morning."""

    solitary: int
    living: int
    micrometastases: int
    visible: int


def count(model: MetastasisModel) -> Counted:
    """What a microscope counts in the livers this morning: sleepers are solitary, and so is who has not divided."""
    from sim.disease.identity import unpack

    identity, small, _ = model.cells.cycling(model.day)
    small = small[unpack(identity)["niche"] == LIVER]
    grown = model.cells.grown_cells()[unpack(model.cells.grown.column("identity"))["niche"] == LIVER]
    size = np.concatenate([small[small > 0], grown])
    asleep = int((unpack(model.cells.asleep())["niche"] == LIVER).sum())
    return Counted(
        solitary=asleep + int((size < 2).sum()),
        living=asleep + len(size),
        micrometastases=int((size >= MICROMETASTASIS_CELLS).sum()),
        visible=int((size >= VISIBLE_CELLS).sum()),
    )


def cascade(scenario: scenarios.Scenario, seed: int = SEED) -> tuple[int, Counted, Counted]:
    """Cells injected into all mice of a scenario, and what is in their livers on EARLY_DAY and LATE_DAY."""
    from sim.runs.chunk import build_model

    model = build_model(scenario, seed=seed, patients=np.arange(scenario.patients), collect=False)
    counted = {}
    while model.running:
        model.step()
        if model.day in (EARLY_DAY, LATE_DAY):
            counted[model.day] = count(model)
    injected = int(sum(stream.shed.sum() for stream in model.streams))
    model.__dict__.clear()  # Mesa keeps every model that had agents
    return injected, counted[EARLY_DAY], counted[LATE_DAY]


def rows(mice: int, seed: int = SEED) -> list[Row]:
    """The four published shares beside the model's, with Wilson intervals over the cells (not over mice)."""
    injected, early, late = cascade(dataclasses.replace(scenarios.load(SCENARIO), patients=mice), seed)
    shares = (
        ("injected cells alive in the liver on day 3", early.living, injected, 80.0, "CAS01"),
        ("of these, micrometastases by day 3", early.micrometastases, early.living, 2.5, "CAS02"),
        ("micrometastases that are visible by day 13", late.visible, early.micrometastases, 1.0, "CAS03"),
        ("injected cells solitary on day 13", late.solitary, injected, 36.0, "CAS04"),
    )
    found = []
    for name, part, whole, published, source in shares:
        low, high = wilson_interval(part, whole)
        found.append(
            Row(
                name,
                "B16F1 melanoma, mouse",
                published=published,
                source=source,
                band_low=published / FACTOR,
                band_high=published * FACTOR,
                model=100.0 * part / whole,
                model_low=100.0 * float(low),
                model_high=100.0 * float(high),
                kind="fitted",
                table=TABLE,
            )
        )
    return found
