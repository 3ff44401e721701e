"""The body: capillary beds, the vessels between them, and where a cell that leaves the primary stops.

A cell in the blood meets one capillary bed after another. In each it dies with a small probability,
arrests, or passes on along the vessels: lung -> left heart -> organs by their arterial share ->
right heart -> lung; spleen, pancreas and gut drain through the portal vein into the liver. This is
an absorbing Markov chain; with T the matrix of passing, the expected visits from an entry
distribution e solve v (I - T) = e (Kemeny and Snell 1960, chapter 3), and a bed arrests
v x (1 - death) x arrest. Solved exactly, lane by lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.names import NICHES, ORGANS, SITES, VEINS

BEDS = (*ORGANS, "gut", "rest")
"""Capillary beds; what stops in `gut` (stomach, intestines) or `rest` is reported as `elsewhere`."""
PORTAL_BEDS = ("spleen", "pancreas", "gut")

_BED = {name: i for i, name in enumerate(BEDS)}
_LIVER, _LUNG, _BONE = _BED["liver"], _BED["lung"], _BED["bone"]
_PORTAL = [_BED[name] for name in PORTAL_BEDS]
_NICHE_OF_BED = np.array([min(i, len(NICHES) - 1) for i in range(len(BEDS))])


@dataclass(frozen=True)
class Routing:
    """Where a shed cell first arrests: `arrest` (lanes, niches) and `died_in_transit` (lanes,) sum to one."""

    arrest: np.ndarray
    died_in_transit: np.ndarray


def arterial_distribution(parameters: LaneParameters) -> np.ndarray:
    """Share of the left heart's output that enters each bed, shape (lanes, beds); the lung gets none.

    Under a portocaval shunt the hepatic artery may take over part of the lost portal inflow
    (`hepatic_artery_compensation`); the shares are then scaled to sum to one again.
    """
    share = np.stack(
        [np.zeros(parameters.lanes) if bed == "lung" else parameters[f"arterial_share.{bed}"] for bed in BEDS], axis=1
    )
    portal = sum(share[:, bed] for bed in _PORTAL)
    share[:, _LIVER] += parameters["portocaval_shunt_fraction"] * parameters["hepatic_artery_compensation"] * portal
    return share / share.sum(axis=1, keepdims=True)


def drainage_shares(parameters: LaneParameters, site_of_lane: Sequence[str] | np.ndarray) -> np.ndarray:
    """Shares of the primary's outflow by vein, shape (lanes, veins), scaled to sum to one."""
    shares = np.stack([parameters.by_site(f"drainage.{{site}}.{vein}", site_of_lane) for vein in VEINS], axis=1)
    return shares / shares.sum(axis=1, keepdims=True)


def entry_distribution(parameters: LaneParameters, site_of_lane: Sequence[str] | np.ndarray) -> np.ndarray:
    """First bed that a shed cell meets, shape (lanes, beds)."""
    drainage = dict(zip(VEINS, drainage_shares(parameters, site_of_lane).T, strict=True))
    shunt = parameters["portocaval_shunt_fraction"]
    entry = drainage["pulmonary_venous"][:, None] * arterial_distribution(parameters)
    entry[:, _LIVER] += drainage["portal"] * (1.0 - shunt)
    entry[:, _LUNG] += drainage["portal"] * shunt + drainage["caval"] + drainage["azygos"] + drainage["thoracic_duct"]
    entry[:, _BONE] += drainage["vertebral"]
    return entry


def passage_matrix(parameters: LaneParameters) -> np.ndarray:
    """Probability of going from bed to bed on passing, shape (lanes, beds, beds); rows sum to one."""
    lanes, shunt = parameters.lanes, parameters["portocaval_shunt_fraction"]
    onward = np.zeros((lanes, len(BEDS), len(BEDS)))
    onward[:, :, _LUNG] = 1.0
    onward[:, _LUNG, :] = arterial_distribution(parameters)
    for bed in _PORTAL:
        onward[:, bed, :] = 0.0
        onward[:, bed, _LIVER] = 1.0 - shunt
        onward[:, bed, _LUNG] = shunt
    return onward


def arrest_by_bed(parameters: LaneParameters) -> np.ndarray:
    """Probability that a cell that survives a pass through a bed is arrested there, shape (lanes, beds)."""
    arrest = np.repeat(parameters["arrest_probability.other"][:, None], len(BEDS), axis=1)
    arrest[:, _LIVER] = parameters["arrest_probability.liver"]
    arrest[:, _LUNG] = parameters["arrest_probability.lung"]
    return arrest


def expected_visits(parameters: LaneParameters, entry: np.ndarray) -> np.ndarray:
    """Expected number of visits to each bed of a cell that starts in `entry`, shape (lanes, beds)."""
    passing = (1.0 - parameters["death_per_pass"])[:, None] * (1.0 - arrest_by_bed(parameters))
    transfer = passing[:, :, None] * passage_matrix(parameters)
    system = np.eye(len(BEDS)) - np.swapaxes(transfer, 1, 2)
    return np.linalg.solve(system, entry[:, :, None])[:, :, 0]


def route(parameters: LaneParameters, site_of_lane: Sequence[str] | np.ndarray) -> Routing:
    """Arrest probabilities by niche for every lane's primary; exact, whatever the number of cells."""
    return _route(parameters, entry_distribution(parameters, site_of_lane))


def route_from_organ(parameters: LaneParameters, organ: str) -> Routing:
    """The same for cells shed by metastases of an organ, along its own venous drainage."""
    bed = _BED.get(organ, _BED["rest"])
    return _route(parameters, passage_matrix(parameters)[:, bed, :])


def _route(parameters: LaneParameters, entry: np.ndarray) -> Routing:
    """Raises ValueError when the beds that a lane's cells meet neither arrest nor kill: they would circulate on."""
    for_ever = (
        "arrest_probability and death_per_pass are zero in every bed that a shed cell meets: "
        "it would circulate for ever"
    )
    try:
        visits = expected_visits(parameters, entry)
    except np.linalg.LinAlgError:
        raise ValueError(for_ever) from None
    death = parameters["death_per_pass"][:, None]
    by_bed = visits * (1.0 - death) * arrest_by_bed(parameters)
    arrest = np.zeros((parameters.lanes, len(NICHES)))
    for bed, niche in enumerate(_NICHE_OF_BED):
        arrest[:, niche] += by_bed[:, bed]
    died = (visits * death).sum(axis=1)
    if not np.allclose(
        arrest.sum(axis=1) + died, 1.0, atol=1e-6
    ):  # a singular system may go unnoticed in floating point
        raise ValueError(for_ever)
    return Routing(np.ascontiguousarray(arrest), died)


def own_organ_factor(parameters: LaneParameters, site_of_lane: Sequence[str] | np.ndarray) -> np.ndarray:
    """Factor on a niche's soil where it is the primary's own organ, shape (lanes, niches); 1 elsewhere."""
    factor = np.ones((parameters.lanes, len(NICHES)))
    for lane, site in enumerate(site_of_lane):
        if site in ORGANS:
            factor[lane, ORGANS.index(site)] = parameters[f"own_organ_receptivity.{site}"][lane]
    return factor


assert {site for site in SITES if site in ORGANS} == {"lung", "kidney", "pancreas", "thyroid"}
