"""Who resists which drug: of birth, by descent, or acquired under treatment.

Of the primary's cells a share resists before any dose (`resistant_share.<drug>`); a dose kills the others, so the
share rises. A founder from the primary is resistant with the share of the day on which it settled, by a keyed draw of
its own. A founder from a metastasis resists what its parent resisted on that day (`sim.disease.descent`), asleep and
awake. A colony is resistant as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import doses as therapy
from sim.disease.descent import Descent
from sim.disease.metastases import acquire
from sim.names import DRUGS

if TYPE_CHECKING:
    from sim.disease.cells import TumourCells


class Resistance:
    """Resistance in a model's lanes.

    `records` (drugs, lanes) counts how often the primary's resistant share has changed, `changed_day` and `shares`
    (drugs, lanes, room) say when and to what; the first record is the share at birth.
    """

    def __init__(self, key: np.uint64, patient: np.ndarray, parameters: LaneParameters, descent: Descent):
        self._key, self._patient, self._descent = key, patient, descent
        self._acquires = np.stack([parameters[f"acquired_resistance.{drug}"] for drug in DRUGS])
        share = np.stack([parameters[f"resistant_share.{drug}"] for drug in DRUGS])
        self.records = np.ones(share.shape, dtype=np.int64)
        self.changed_day, self.shares = np.full((*share.shape, 1), -1, dtype=np.int64), share[:, :, None].copy()
        self._spared = np.ones_like(share)  # chance to stay sensitive through this week's doses
        self._dosed_day = np.full(share.shape, -1, dtype=np.int64)

    @property
    def origin(self) -> therapy.Origin:
        """What the kernels take to tell what a seed resists of birth."""
        return therapy.Origin(
            self.records,
            self.changed_day,
            self.shares,
            self._descent.finder,
            self._descent.shedders.column("resists"),
        )

    @property
    def treated(self) -> np.ndarray:
        """Lanes that ever had a dose of a drug, (lanes,) bool."""
        return np.any(self._dosed_day >= 0, axis=0)

    def dose(self, day: int, drug: int, survival: np.ndarray) -> np.ndarray:
        """A dose this morning leaves `survival` (lanes,) of sensitive cells; returns what it leaves of the primary.

        What settles today was shed by what is left.
        """
        lanes = np.flatnonzero(survival < 1.0)
        last = self.records[drug, lanes] - 1
        share = self.shares[drug, lanes, last]
        left = share + (1.0 - share) * survival[lanes]
        if last.max(initial=0) + 1 == self.shares.shape[2]:
            room = ((0, 0), (0, 0), (0, self.shares.shape[2]))
            self.changed_day, self.shares = np.pad(self.changed_day, room), np.pad(self.shares, room)
        self.records[drug, lanes] += 1
        self.changed_day[drug, lanes, last + 1] = day
        self.shares[drug, lanes, last + 1] = share / left
        self._spared[drug, lanes] *= 1.0 - self._acquires[drug, lanes]
        self._dosed_day[drug, lanes] = day
        out = np.ones_like(survival)
        out[lanes] = left
        return out

    def of_founders(self, identity: np.ndarray) -> np.ndarray:
        """Traits of seeds and new colonies, uint8: the drugs that they resist of birth."""
        traits = np.empty(len(identity), dtype=np.uint8)
        therapy.traits_of_founders(self._key, self._patient, identity, self.origin, traits)
        return traits

    def end_week(self, cells: TumourCells, day: int) -> None:
        """After the weekly step of `day`: survivors of the week's doses may have become resistant."""
        for drug in range(len(DRUGS)):
            chance = 1.0 - self._spared[drug]
            if chance.any():
                acquire(cells, self._key, day, drug, self._dosed_day[drug], chance)
        self._spared[:] = 1.0
