"""A cell's identity at birth in 64 bits: lane 16, day of arrival 16, index 24, niche 4, source 4.

The top bit of the index marks a cluster, which arrives, sleeps and founds a colony as one; the next a promising
founder, whose colony would live for ever if nobody disturbed it (see `sim.disease.shells`). Promising founders are
numbered within their shell, doomed ones one after the other.

Draws are keyed by it (with the patient in place of the lane), so a row number never matters.
"""

from __future__ import annotations

import numpy as np

from sim.names import MOST_PATIENTS
from sim.numerics.jit import kernel

MOST_LANES, MOST_DAYS, MOST_INDEX = 1 << 16, 1 << 16, 1 << 22
CLUSTER_INDEX, PROMISING_INDEX = 1 << 23, 1 << 22
SHELLS, IN_SHELL = 32, 1 << 17
"""Shells of promising founders, and how many founders an identity can number in one."""
_48, _32, _8, _4 = np.uint64(48), np.uint64(32), np.uint64(8), np.uint64(4)
_M16, _M24, _M4 = np.uint64(0xFFFF), np.uint64(0xFFFFFF), np.uint64(0xF)


@kernel
def pack(lane: int, day: int, index: int, niche: int, source: int) -> np.uint64:
    """The identity of a cell."""
    return (
        (np.uint64(lane) << _48)
        | (np.uint64(day) << _32)
        | (np.uint64(index) << _8)
        | (np.uint64(niche) << _4)
        | np.uint64(source)
    )


@kernel
def lane_of(identity: np.uint64) -> np.int64:
    """Lane of an identity."""
    return np.int64(identity >> _48)


@kernel
def day_of(identity: np.uint64) -> np.int64:
    """Day of arrival."""
    return np.int64((identity >> _32) & _M16)


@kernel
def index_of(identity: np.uint64) -> np.int64:
    """Number among the cells that arrived in that niche from that source on that day."""
    return np.int64((identity >> _8) & _M24)


@kernel
def niche_of(identity: np.uint64) -> np.int64:
    """Niche index."""
    return np.int64((identity >> _4) & _M4)


@kernel
def source_of(identity: np.uint64) -> np.int64:
    """0 for the primary, else 1 + the niche that it came from."""
    return np.int64(identity & _M4)


@kernel
def is_cluster(identity: np.uint64) -> bool:
    """Whether the identity is a cluster's."""
    return index_of(identity) >= CLUSTER_INDEX


@kernel
def is_promising(identity: np.uint64) -> bool:
    """Whether the founder's colony would live for ever."""
    return index_of(identity) & PROMISING_INDEX > 0


def unpack(identity: np.ndarray) -> dict[str, np.ndarray]:
    """All fields of an array of identities, int64 arrays: lane, day, index, niche, source."""
    identity = np.asarray(identity, dtype=np.uint64)
    return {
        "lane": (identity >> _48).astype(np.int64),
        "day": ((identity >> _32) & _M16).astype(np.int64),
        "index": ((identity >> _8) & _M24).astype(np.int64),
        "niche": ((identity >> _4) & _M4).astype(np.int64),
        "source": (identity & _M4).astype(np.int64),
    }


COLONY_DAYS, COLONY_INDEX = 1 << 15, 1 << 20
_COLONY_CELLS, _COLONY_IN_SHELL = 1 << 18, 1 << 13


def colony_id(patient: np.ndarray, identity: np.ndarray) -> np.ndarray:
    """Ids unique in a run and equal in paired arms: patient 20 bits, day 15, index 20, niche and source 8.

    The lowest two bits of the index say whether a cluster founded the colony, and whether it was promising. Raises
    ValueError where a field does not fit.
    """
    parts = unpack(identity)
    patient = np.asarray(patient, dtype=np.int64)
    cluster, rest = parts["index"] // CLUSTER_INDEX, parts["index"] % CLUSTER_INDEX
    promising, rest = rest // PROMISING_INDEX, rest % PROMISING_INDEX
    shell, in_shell = rest // IN_SHELL, rest % IN_SHELL
    number = np.where(promising > 0, shell * _COLONY_IN_SHELL + in_shell, rest)
    in_shell = np.where(promising > 0, in_shell, 0)
    limits = (
        (patient, MOST_PATIENTS),
        (parts["day"], COLONY_DAYS),
        (number, _COLONY_CELLS),
        (in_shell, _COLONY_IN_SHELL),
    )
    if any(values.size and values.max() >= limit for values, limit in limits):
        raise ValueError("a colony's id does not fit 63 bits: too many patients, days, or arrivals on one day")
    place = parts["niche"] * 16 + parts["source"]
    index = 4 * number + 2 * promising + cluster
    return ((patient * COLONY_DAYS + parts["day"]) * COLONY_INDEX + index) * 256 + place


def colony_parts(colony: np.ndarray) -> dict[str, np.ndarray]:
    """What `colony_id` holds, int64 arrays: patient, day of arrival, niche, source (0: the primary, else 1 + niche)."""
    colony = np.asarray(colony, dtype=np.int64)
    place, rest = colony % 256, colony // 256 // COLONY_INDEX
    return {"patient": rest // COLONY_DAYS, "day": rest % COLONY_DAYS, "niche": place // 16, "source": place % 16}
