"""What the lives of doomed founders depend on, and what is counted of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.disease.clocks_kernels import Clock
from sim.disease.doses import Origin, Pace
from sim.disease.founders import Growth
from sim.disease.sleep import SleepLife

ASLEEP, CELLS, WOKE, DIED, EXTINCT, COLONIES = range(6)
QUANTITIES = 6
"""Asleep, cells of cycling colonies, and colonies, on a morning; woken, dead asleep and extinct till then."""


class Doses(NamedTuple):
    """What treatment did to a lane's cells, in order of lane, then of time.

    `first` (lanes + 1,); by record the `day`, `drug` -1 for a dose that leaves the shares `cycling` and `sleeping`
    (records, classes, niches), else the drug that survivors of the week's doses, the last on `dosed_day`, resist from
    that morning on with chance `chance`.
    """

    first: np.ndarray
    day: np.ndarray
    drug: np.ndarray
    cycling: np.ndarray
    sleeping: np.ndarray
    dosed_day: np.ndarray
    chance: np.ndarray


class Lives(NamedTuple):
    """What a founder's life depends on; `end` (lanes,) is the morning up to which clocks and doses are known."""

    patient: np.ndarray
    end: np.ndarray
    clears: np.ndarray
    sleep: SleepLife
    growth: Growth
    pace: Pace
    chance: Clock
    energy: Clock
    hazard: Clock
    clearance: Clock
    doses: Doses
    origin: Origin


class Life(NamedTuple):
    """Lives of a batch of founders, as many as a batch each, as `doomed_lives.live` fills them.

    `threshold`: the energy for which a sleeper waits, -1 for who never slept. `died`: the day of a death asleep,
    `start`: the morning from which it cycles; NEVER if not by the end. `end`, `cleared` and `kind`: those of `colony`.
    `gone`: when the colony is, as far as is known. `work` holds all of these, one after the other; `first`, `second`
    and `words` are room.
    """

    work: np.ndarray
    threshold: np.ndarray
    first: np.ndarray
    second: np.ndarray
    start: np.ndarray
    end: np.ndarray
    cleared: np.ndarray
    gone: np.ndarray
    died: np.ndarray
    kind: np.ndarray
    words: np.ndarray
