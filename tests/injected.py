"""Founders put into a model by hand, thousands on one day, so that the law of their colonies can be read off."""

import numpy as np
from virtual_patients import NOTHING_ACTS, plain_model

from sim.disease import colonise
from sim.disease.identity import unpack
from sim.names import NICHES

LIVER = NICHES.index("liver")
ARRIVAL_DAY = 2
"""They cycle from the next morning on; not on the raster on which sizes are drawn."""


def injected(founders: int, days: int, *, lanes: int = 1, model_of=plain_model, clusters: bool = False, **overrides):
    """A model in which `founders` cells (or clusters) settle in the liver of every lane on ARRIVAL_DAY, and nothing else ever does."""
    settings = {**NOTHING_ACTS, "sleep_probability": 0.0, **overrides}
    if clusters:
        settings |= {"cluster_share": 1.0}
    model = model_of(lanes, days, keep_seeds=True, **settings)
    for stream in model.streams:

        def settle(_key, _patient, _alive, day, settled, stream=stream):
            chosen = founders if stream.cluster == clusters and day == ARRIVAL_DAY else 0
            stream.settled_today[:] = 0
            stream.settled_today[:, LIVER] = chosen
            settled += stream.settled_today
            stream.places_today = np.flatnonzero(stream.settled_today)
            return chosen * lanes

        stream.settle_events = settle
    return model


def to(model, day: int):
    """Step to the morning of `day`."""
    while model.day < day:
        model.step()
    return model


def sizes(model) -> dict[int, float]:
    """Cells this morning of every colony that lives, by identity."""
    identity, cells, _ = model.cells.cycling(model.day)
    grown = model.cells.grown
    parts = unpack(grown.column("identity"))
    late = colonise.grown_sizes(
        np.full(grown.count, float(model.day)),
        *(grown.column(name) for name in ("start_day", "start_log_cells", "delay_days")),
        *model.law.of_colonies(parts["lane"], parts["niche"], grown.column("pace")),
    )
    assert np.all(cells >= 1)
    return dict(zip(identity.tolist(), cells.tolist(), strict=True)) | dict(
        zip(grown.column("identity").tolist(), late.tolist(), strict=True)
    )


def both(model, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells of every colony on two mornings, 0 for those that are gone; colonies gone on both are left out."""
    one, two = sizes(to(model, first)), sizes(to(model, second))
    everybody = sorted(one.keys() | two.keys())
    return tuple(np.array([cells.get(identity, 0.0) for identity in everybody]) for cells in (one, two))
