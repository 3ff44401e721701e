"""The ways of a shed cell through the body, one by one, with their probabilities: what the page draws.

The same absorbing chain as `sim.disease.body` solves, unrolled: a path is a vein and the capillary beds met
in turn, and ends where the cell is arrested or dies.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease.body import (
    BEDS,
    arrest_by_bed,
    arterial_distribution,
    drainage_shares,
    expected_visits,
    passage_matrix,
)
from sim.names import NICHES, VEINS

_RAREST = 1e-6
_MOST = 60
_LONGEST = 6
SHUNT = "shunt"
"""Vein of portal blood that bypasses the liver."""


def niche_of(bed: str) -> str:
    """The niche in which a cell arrested in a bed is counted."""
    return bed if bed in NICHES else "elsewhere"


def _entries(parameters: LaneParameters, site: str) -> Iterator[tuple[float, str, str]]:
    """Probability, vein and first bed of a cell that leaves the primary."""
    shunt = parameters["portocaval_shunt_fraction"][0]
    arteries = arterial_distribution(parameters)[0]
    for vein, share in zip(VEINS, drainage_shares(parameters, [site])[0], strict=True):
        if vein == "pulmonary_venous":
            yield from ((share * p, vein, bed) for bed, p in zip(BEDS, arteries, strict=True))
        elif vein == "portal":
            yield share * (1.0 - shunt), vein, "liver"
            yield share * shunt, SHUNT, "lung"
        else:
            yield share, vein, "bone" if vein == "vertebral" else "lung"


def paths(parameters: LaneParameters, site: str, source: str | None = None) -> list[dict]:
    """The likeliest paths, likeliest first, and at least one to every bed in which a cell can stop or die.

    `parameters` has one lane. `source` None starts at the primary in `site`, else at that organ's
    metastases. A path is {"source", "vein", "beds", "ends": "arrested" | "died", "niche", "share"}; `share` is the
    probability that a shed cell takes it. Ways that are rarer than those listed are counted with the likeliest
    one that ends alike, so that all shares sum to one and those to a niche to the exact routing.
    """
    onward, arrest = passage_matrix(parameters)[0], arrest_by_bed(parameters)[0]
    death = float(parameters["death_per_pass"][0])
    if source is None:
        entries = list(_entries(parameters, site))
    else:
        bed_of_source = source if source in BEDS else "rest"
        entries = [(p, "vein", bed) for bed, p in zip(BEDS, onward[BEDS.index(bed_of_source)], strict=True)]
    found: list[dict] = []
    open_paths: list[tuple[float, str, tuple[str, ...]]] = [
        (p, vein, (bed,)) for p, vein, bed in entries if p > _RAREST
    ]
    while open_paths:
        share, vein, beds = open_paths.pop()
        here = BEDS.index(beds[-1])
        for end, p in (("died", share * death), ("arrested", share * (1.0 - death) * arrest[here])):
            if p > 0.0:
                found.append(
                    {
                        "source": source or "primary",
                        "vein": vein,
                        "beds": list(beds),
                        "ends": end,
                        "niche": niche_of(beds[-1]),
                        "share": float(p),
                    }
                )
        passes = share * (1.0 - death) * (1.0 - arrest[here])
        if len(beds) < _LONGEST:
            open_paths += [
                (passes * p, vein, (*beds, bed))
                for bed, p in zip(BEDS, onward[here], strict=True)
                if passes * p > _RAREST
            ]
    found.sort(key=lambda path: (-path["share"], path["vein"], path["beds"], path["ends"]))
    entry = np.zeros(len(BEDS))
    for p, _, bed in entries:
        entry[BEDS.index(bed)] += p
    return _complete(found, expected_visits(parameters, entry[None])[0], arrest, death)


def _complete(found: list[dict], visits: np.ndarray, arrest: np.ndarray, death: float) -> list[dict]:
    """The likeliest of `found` with the exact total of every bed and end, from the expected visits (beds,)."""
    likeliest: dict[tuple[str, str], int] = {}
    for i, path in enumerate(found):
        likeliest.setdefault((path["beds"][-1], path["ends"]), i)
    kept = sorted({*range(min(_MOST, len(found))), *likeliest.values()})
    for (bed, end), first in likeliest.items():
        here = BEDS.index(bed)
        total = visits[here] * (death if end == "died" else (1.0 - death) * arrest[here])
        listed = sum(found[i]["share"] for i in kept if (found[i]["beds"][-1], found[i]["ends"]) == (bed, end))
        found[first]["share"] += max(float(total) - listed, 0.0)
    return [{**found[i], "share": float(f"{found[i]['share']:.5g}")} for i in kept]
