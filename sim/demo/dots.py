"""From the engine's cells to the dots of a film: a dot is one cell, or one in a stated number of cells.

Cells and colonies are sampled by a fixed hash of their birth identity, so that a dot is a real cell,
the same one in both bodies. Metastases (10^6 cells and more) have a scale of their own: they are few and matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.demo.recording import Recording, one_in, own_identity, scatter
from sim.disease.identity import unpack
from sim.names import MICROMETASTASIS_CELLS
from sim.runs.tables import every_seed

MOST_CELL_DOTS, MOST_METASTASIS_DOTS = 3000, 400
_NEVER = -1
_STEP = 0.1  # a size is noted when it has changed by this many powers of ten


@dataclass(frozen=True)
class Scale:
    """Cells that one dot stands for, and metastases that one metastasis stands for; powers of two."""

    cells: int
    metastases: int


def _scale(numbers: list[np.ndarray], most: int) -> int:
    scale = 1
    while max(int(np.count_nonzero(one_in(identity, scale))) for identity in numbers) > most:
        scale *= 2
    return scale


def metastases_of(recording: Recording) -> np.ndarray:
    """Identities of the colonies that reached 10^6 cells."""
    limit = np.log10(MICROMETASTASIS_CELLS)
    found = [identity[size >= limit] for _, identity, size in recording.sizes]
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)


def common_scale(recordings: list[Recording]) -> Scale:
    """The scale at which no arm has too many dots."""
    return Scale(
        _scale([every_seed(r.model)["identity"] for r in recordings], MOST_CELL_DOTS),
        _scale([metastases_of(r) for r in recordings], MOST_METASTASIS_DOTS),
    )


def _ends(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Identities and days of the ends of grown colonies, removed or not: they are noted apart."""
    ended = recording.model.cells.ended
    return ended.column("identity"), ended.column("day")


def dots(recording: Recording, scale: Scale) -> list[dict]:
    """The dots of one arm in order of arrival.

    Each is {"organ": index, "source": 0 or 1 + organ index, "place": 0 to 65535, "arrived": day, "slept": bool, "woke":
    days after arrival or -1, "ended": days after arrival or -1, "sizes": [[days after arrival, log10 cells], ...],
    "metastasis": bool}. A cell that never slept has woke 0.
    """
    seeds = every_seed(recording.model)
    metastases = metastases_of(recording)
    large = np.isin(seeds["identity"], metastases)
    keep = np.where(large, one_in(seeds["identity"], scale.metastases), one_in(seeds["identity"], scale.cells))
    identity, slept, woke_day, died_day = (seeds[name][keep] for name in ("identity", "slept", "woke_day", "died_day"))
    large = large[keep]
    parts = unpack(identity)
    arrived = parts["day"]
    woke = np.where(slept, np.where(woke_day >= 0, woke_day - arrived, _NEVER), 0)
    who, when = _ends(recording)
    at = np.searchsorted(identity, who)
    inside = at < len(identity)
    inside[inside] = identity[at[inside]] == who[inside]
    died_day[at[inside]] = when[inside]
    ended = np.where(died_day >= 0, died_day - arrived, _NEVER)
    place = (scatter(identity) >> np.uint64(48)).astype(np.int64)
    sizes = _sizes(recording, identity, arrived)
    return [
        {
            "organ": int(parts["niche"][i]),
            "source": int(parts["source"][i]),
            "place": int(place[i]),
            "arrived": int(arrived[i]),
            "slept": bool(slept[i]),
            "woke": int(woke[i]),
            "ended": int(ended[i]),
            "sizes": sizes.get(int(own_identity(identity[i])), []),
            "metastasis": bool(large[i]),
        }
        for i in np.lexsort((place, arrived))
    ]


def _sizes(recording: Recording, identity: np.ndarray, arrived: np.ndarray) -> dict[int, list]:
    """Size by day of the cells in `identity` (sorted): noted where it changed by a tenth of a power of ten."""
    out: dict[int, list] = {}
    for number, who, log10_cells in recording.sizes:
        at = np.searchsorted(identity, who)
        at[at == len(identity)] = 0
        for row in np.flatnonzero(identity[at] == who) if len(identity) else ():
            cell = at[row]
            steps = out.setdefault(int(own_identity(identity[cell])), [])
            size = round(float(log10_cells[row]), 1)
            if abs(size - (steps[-1][1] if steps else 0.0)) >= _STEP - 1e-9:
                steps.append([int(number * recording.frame_days - arrived[cell]), size])
    return out
