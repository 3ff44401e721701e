"""What a treatment does to single cells and colonies: keyed by who is hit and on which day.

A sleeper that survives a dose keeps its threshold: what is left of an exponential life is exponential
again, so killing each with its own keyed draw has the law of a jump of the hazard clock, and nobody has to
be filed anew.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from sim.disease.descent_kernels import Finder, shedder_of
from sim.disease.identity import day_of, index_of, lane_of, niche_of, source_of
from sim.disease.sleep import SleeperRows
from sim.names import NICHES
from sim.numerics.jit import kernel
from sim.numerics.samplers import binomial, normal_quantile
from sim.numerics.streams import ADHERENCE, DRUG_DEATH, PACE, RESISTS, SHRINKS, days_word, tag_word, uniform


class Origin(NamedTuple):
    """What tells of a seed which drugs it resists of birth.

    `records`, `changed_day` and `shares` are of `sim.disease.resistance`; `finder` tells a seed's
    shedder, and `resists` what that does.
    """

    records: np.ndarray
    changed_day: np.ndarray
    shares: np.ndarray
    finder: Finder
    resists: np.ndarray


NO_RESISTANCE = Origin(
    np.zeros((0, 0), np.int64),
    np.zeros((0, 0, 0), np.int64),
    np.zeros((0, 0, 0)),
    Finder(
        len(NICHES),
        *(np.zeros(0, np.int64) for _ in range(4)),
        *(np.zeros(0, np.uint32) for _ in range(2)),
    ),
    np.zeros(0, np.uint8),
)
"""What the kernels take of resistance where nobody gets a drug."""


@kernel
def keyed_uniform(key: np.uint64, patient: int, identity: np.uint64, purpose: int, day: int) -> float:
    """One uniform in (0, 1) for a cell or colony, a purpose and a day (0 for what is settled once)."""
    return uniform(
        key,
        patient,
        index_of(identity),
        days_word(day_of(identity), day),
        tag_word(purpose, niche_of(identity), source_of(identity)),
    )


@kernel
def keyed_uniforms(
    key: np.uint64, patient: np.ndarray, identity: np.ndarray, purpose: int, day: int, out: np.ndarray
) -> None:
    """`keyed_uniform` of many cells; `patient` by lane."""
    for i in range(identity.size):
        out[i] = keyed_uniform(key, patient[lane_of(identity[i])], identity[i], purpose, day)


class Pace(NamedTuple):
    """A colony's own pace by lane, (lanes,) each: log-normal with `log_sd`, without the share `cut` at either end."""

    log_sd: np.ndarray
    cut: np.ndarray


def pace_law(log_sd: np.ndarray, cut_sd: np.ndarray) -> Pace:
    """The law with a log-SD and a cut-off in standard deviations, (lanes,) each."""
    return Pace(np.ascontiguousarray(log_sd, dtype=float), ndtr(-np.asarray(cut_sd, dtype=float)))


@kernel
def pace_of(key: np.uint64, patient: int, identity: np.uint64, law: Pace) -> float:
    """The own pace of a colony within its patient: a time scale of birth, death and growth."""
    lane = lane_of(identity)
    if law.log_sd[lane] == 0.0:
        return 1.0
    u = keyed_uniform(key, patient, identity, PACE, 0)
    return math.exp(law.log_sd[lane] * normal_quantile(law.cut[lane] + (1.0 - 2.0 * law.cut[lane]) * u))


@kernel
def paces(key: np.uint64, patient: np.ndarray, identity: np.ndarray, law: Pace) -> np.ndarray:
    """`pace_of` many colonies, (colonies,); `patient` by lane."""
    out = np.empty(identity.size)
    for i in range(identity.size):
        out[i] = pace_of(key, patient[lane_of(identity[i])], identity[i], law)
    return out


@kernel
def keyed_adherence(
    key: np.uint64, patient: np.ndarray, code: int, turn: int, number: np.ndarray, adherence: float, taken: np.ndarray
) -> None:
    """Leave out doses that are skipped: dose `number` (lanes,) of a treatment is taken with probability `adherence`.

    `code` and `turn` say which of the patient's treatments it is; skips are those of the patient, whatever the arm.
    """
    for lane in range(taken.size):
        if taken[lane]:
            index, days = np.uint64(code * 256 + turn), days_word(number[lane], 0)
            taken[lane] = uniform(key, patient[lane], index, days, tag_word(ADHERENCE, 0, 0)) < adherence


@kernel
def drugs_resisted(
    key: np.uint64,
    patient: np.ndarray,
    ident: np.uint64,
    origin: Origin,
) -> np.int64:
    """Bits of the drugs that a seed resists of birth: what its parent did, or from the primary a keyed draw a drug.

    `shares` (drugs, lanes, records) is the primary's resistant share from `changed_day` on, `records` (drugs, lanes)
    how many there are; the first stands from the beginning.
    """
    records, changed_day, shares, finder, resists = origin
    if source_of(ident) > 0:
        return np.int64(resists[shedder_of(ident, finder)])
    lane, arrived = lane_of(ident), day_of(ident)
    bits = np.int64(0)
    for drug in range(shares.shape[0]):
        record = records[drug, lane] - 1
        while record > 0 and changed_day[drug, lane, record] > arrived:
            record -= 1
        share = shares[drug, lane, record]
        if share > 0.0 and keyed_uniform(key, patient[lane], ident, RESISTS + drug, 0) < share:
            bits |= np.int64(1) << drug
    return bits


@kernel
def traits_of_founders(
    key: np.uint64,
    patient: np.ndarray,
    identity: np.ndarray,
    origin: Origin,
    out: np.ndarray,
) -> None:
    """Traits (uint8) of seeds and new colonies: what they resist of birth."""
    for i in range(identity.size):
        out[i] = drugs_resisted(key, patient, identity[i], origin)


@kernel
def kill_sleepers(
    key: np.uint64,
    patient: np.ndarray,
    day: int,
    survival: np.ndarray,
    origin: Origin,
    sleeping: np.ndarray,
    died_total: np.ndarray,
    rows: SleeperRows,
    near: int,
    count: int,
    dead: np.ndarray,
) -> tuple[int, int, int]:
    """Kill each sleeper with probability 1 - `survival` (classes, lanes, niches).

    Returns how many rows are near and in all after it, and how many died (their identities in `dead`). The class is
    told by the drugs that the sleeper resists of birth.
    """
    classes = survival.shape[0]
    left, left_near, n = 0, 0, 0
    for i in range(count):
        ident = rows.identity[i]
        lane, niche = lane_of(ident), niche_of(ident)
        share = survival[0, lane, niche]
        if share < 1.0:
            draw = keyed_uniform(key, patient[lane], ident, DRUG_DEATH, day)
            if draw >= share and classes > 1:
                share = survival[drugs_resisted(key, patient, ident, origin), lane, niche]
            if draw >= share:
                sleeping[lane, niche] -= 1
                died_total[lane, niche] += 1
                dead[n] = ident
                n += 1
                continue
        if left < i:
            rows.energy[left], rows.hazard[left] = rows.energy[i], rows.hazard[i]
            rows.identity[left], rows.due[left] = ident, rows.due[i]
        left += 1
        left_near += i < near
    return left_near, left, n


@kernel
def thin(
    key: np.uint64, patient: np.ndarray, day: int, identity: np.ndarray, share: np.ndarray, cells: np.ndarray
) -> None:
    """Cells of each colony that survive, binomial with `share` (colonies,), in place in `cells` (int64)."""
    for i in range(identity.size):
        ident = identity[i]
        if share[i] < 1.0:
            cells[i] = binomial(
                cells[i],
                share[i],
                key,
                patient[lane_of(ident)],
                index_of(ident),
                days_word(day_of(ident), day),
                tag_word(SHRINKS, niche_of(ident), source_of(ident)),
            )


@kernel
def rest_left(
    days: np.ndarray,
    start_log_cells: np.ndarray,
    delay: np.ndarray,
    early_rate: np.ndarray,
    limit_log_cells: np.ndarray,
) -> np.ndarray:
    """Days of rest at the avascular limit that a colony still has, `days` after its start; all (colonies,)."""
    out = np.empty(days.size)
    for i in range(days.size):
        past_limit = (start_log_cells[i] + early_rate[i] * days[i] - limit_log_cells[i]) / early_rate[i]
        out[i] = max(0.0, delay[i] - max(0.0, past_limit))
    return out


@kernel
def late_days(
    log_cells: np.ndarray, limit_log_cells: np.ndarray, limit_gap: np.ndarray, gompertz_rate: np.ndarray
) -> np.ndarray:
    """Days that Gompertz growth takes from the limit to `log_cells`; all (colonies,), `log_cells` above the limit."""
    out = np.empty(log_cells.size)
    for i in range(log_cells.size):
        out[i] = -math.log1p(-(log_cells[i] - limit_log_cells[i]) / limit_gap[i]) / gompertz_rate[i]
    return out
