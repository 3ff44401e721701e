"""Keyed random numbers: every draw is a function of who, what, when and which, and of nothing else.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") maps a counter and
a key to 128 random bits. The seed is the key; the counter holds patient, index, two days, and a tag
of purpose, organ, source and attempt. Nothing is ever consumed from a shared sequence, so one more
patient, cell, organ or mechanism cannot shift another's draws.
"""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.jit import inlined, kernel

# Purposes: what a draw is for. Numbers are part of the contract with stored results: append only.
AGE, GROWTH, DIAGNOSIS_SIZE, FRAILTY, DEATH, DEATH_CAUSE, BODY_MASS, LUCK = 1, 2, 3, 4, 5, 6, 7, 8
ABLE, METASTASIS_GROWTH, SYMPTOMS, LETHAL, DANGER = 9, 10, 11, 12, 13
NODES, DEPTH = 14, 15
SHED, SETTLE, TALLY = 16, 17, 18
GRADE, DISTANT_NODES, PERITONEUM = 20, 21, 22
SLEEP, THRESHOLD, ASLEEP_DEATH = 32, 33, 34
SURVIVORS, OFFSPRING_SHAPE, OFFSPRING, CLEARED, SWITCH, CLUSTER_SIZE, PACE = 48, 49, 50, 51, 52, 53, 54
CLONE_SHARE, CLONE_POTENTIAL, CLONE, PARENT = 64, 65, 66, 67
ADHERENCE, MARKER, DRUG_DEATH, SHRINKS, REMOVED = 80, 81, 82, 83, 84
RESISTS, ACQUIRES = 88, 96  # plus the number of the drug, below eight
SHELL, MARK, LIMIT, LIMIT_SHAPE, CLUSTER_LINES = 104, 105, 106, 107, 108
NEW_LINES, DOOMED_OFFSPRING, DOOMED_SHAPE, LAST_LINE, END = 109, 110, 111, 112, 114
DOSE_LINES, DOSE_CELLS, DOSE_SHARE, DOSE_REST, FALLEN_LINES = 115, 116, 117, 118, 119
DOOMED, DOOMED_CLEARED = 120, 121

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_MASK, _32, _24, _16, _12, _8 = (np.uint64(v) for v in (0xFFFFFFFF, 32, 24, 16, 12, 8))
_STEP, _WORD = 2.0**-52, 2.0**-32


def _philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Philox4x32-10: four 32-bit words for a counter of four and a key of two (all as uint64)."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _32) ^ c1 ^ k0
        c2 = (p0 >> _32) ^ c3 ^ k1
        c1 = p1 & _MASK
        c3 = p0 & _MASK
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0, c1, c2, c3


philox = kernel(_philox)
_philox_inlined = inlined(_philox)


@kernel
def days_word(first_day: int, second_day: int) -> np.uint64:
    """Two days (each below 65,536) in one counter word."""
    return (np.uint64(first_day) << _16) | np.uint64(second_day)


@kernel
def tag_word(purpose: int, organ: int, source: int) -> np.uint64:
    """Purpose, organ and source (each below 256) in one counter word; the low byte is the attempt."""
    return (np.uint64(purpose) << _24) | (np.uint64(organ) << _16) | (np.uint64(source) << _8)


@kernel
def uniforms(key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64) -> tuple[float, float]:
    """Two independent uniforms in (0, 1), never 0 or 1: 52 bits and a half (53 would round to 1.0)."""
    a, b, c, d = philox(np.uint64(patient), np.uint64(index), days, tag, key & _MASK, key >> _32)
    first = (np.float64(((a << _32) | b) >> _12) + 0.5) * _STEP
    second = (np.float64(((c << _32) | d) >> _12) + 0.5) * _STEP
    return first, second


@kernel
def many_uniforms(
    key: np.uint64,
    patient: np.ndarray,
    index: np.ndarray,
    days: np.ndarray,
    tag: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
) -> None:
    """`uniforms` for many cells at once, three times faster: `patient`, `index`, `days`, `tag` are uint64 arrays."""
    low, high = key & _MASK, key >> _32
    for i in range(patient.size):
        a, b, c, d = _philox_inlined(patient[i] & _MASK, index[i] & _MASK, days[i] & _MASK, tag[i] & _MASK, low, high)
        first[i] = (np.float64(np.int64(((a << _32) | b) >> _12)) + 0.5) * _STEP
        second[i] = (np.float64(np.int64(((c << _32) | d) >> _12)) + 0.5) * _STEP


@kernel
def many_words(
    key: np.uint64, patient: np.ndarray, index: np.ndarray, days: np.ndarray, tag: np.ndarray, out: np.ndarray
) -> None:
    """Four independent uniforms in (0, 1) each, in `out` (4, cells), of 32 bits and a half: not for tails."""
    low, high = key & _MASK, key >> _32
    for i in range(patient.size):
        a, b, c, d = _philox_inlined(patient[i] & _MASK, index[i] & _MASK, days[i] & _MASK, tag[i] & _MASK, low, high)
        out[0, i] = (np.float64(np.int64(a)) + 0.5) * _WORD
        out[1, i] = (np.float64(np.int64(b)) + 0.5) * _WORD
        out[2, i] = (np.float64(np.int64(c)) + 0.5) * _WORD
        out[3, i] = (np.float64(np.int64(d)) + 0.5) * _WORD


@kernel
def uniform(key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64) -> float:
    """One uniform in (0, 1)."""
    return uniforms(key, patient, index, days, tag)[0]


@kernel
def exponential(key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64) -> float:
    """One standard exponential variate, decreasing in its uniform."""
    return -math.log(uniforms(key, patient, index, days, tag)[0])


@kernel
def normal(key: np.uint64, patient: int, index: int, days: np.uint64, tag: np.uint64) -> float:
    """One standard normal variate (Box and Muller 1958)."""
    first, second = uniforms(key, patient, index, days, tag)
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@kernel
def _patient_uniforms(key: np.uint64, patients: np.ndarray, purpose: int, index: int, out: np.ndarray) -> None:
    tag = tag_word(purpose, 0, 0)
    for i in range(patients.size):
        out[i] = uniforms(key, patients[i], index, days_word(0, 0), tag)[0]


def seed_key(seed: int) -> np.uint64:
    """The Philox key of a seed (0 to 2**64 - 1)."""
    return np.uint64(seed)


def patient_uniforms(seed: int, patients: np.ndarray, purpose: int, index: int = 0) -> np.ndarray:
    """One uniform in (0, 1) a patient for a trait of the host; `index` numbers traits of one purpose.

    `patients`: integer ids, shape (lanes,). Returns float64, shape (lanes,).
    """
    out = np.empty(len(patients))
    _patient_uniforms(seed_key(seed), np.ascontiguousarray(patients, dtype=np.int64), purpose, index, out)
    return out
