"""The promising sleepers of a model's lanes, a row each (see `sim.disease.sleep`)."""

from __future__ import annotations

import numpy as np

from sim.catalog.parameters import LaneParameters
from sim.disease import sleep
from sim.disease.birth_death import STEP_DAYS
from sim.disease.signals import Rates
from sim.numerics.rows import Rows

_HEADROOM = 1.25
"""A niche whose clock outran its promise is promised this many times its rate."""
_NOBODY, _NO_LOG = np.empty(0, dtype=np.uint64), np.empty((0, 2), dtype=np.uint64)


class Sleepers(Rows):
    """Promising sleepers, in no particular order; the first `near` are those due before the end of the week.

    `sleeping`, `woke` and `died` (lanes, niches) are the tallies of promising founders, which are kept. Clocks and
    promises are (lanes, niches): the clocks of this morning, and of this evening from `advance` on.
    """

    def __init__(
        self,
        key: np.uint64,
        patient: np.ndarray,
        parameters: LaneParameters,
        last_day: int,
        tallies: tuple[np.ndarray, ...],
    ):
        super().__init__(energy=np.float64, hazard=np.float64, identity=np.uint64, due=np.int32)
        self._key, self._patient = key, patient
        self._life = sleep.SleepLife(
            *(
                np.ascontiguousarray(parameters[f"dormancy_{name}"])
                for name in ("narrow_share", "narrow_scale_days", "narrow_shape", "broad_scale_days", "broad_shape")
            )
        )
        self._last = last_day + 1
        """The day of those who are not due within the run."""
        self._sleeping, self._woke, self._died = tallies
        shape = self._sleeping.shape
        self.energy_clock, self.hazard_clock = np.zeros(shape), np.zeros(shape)
        self._evening = np.zeros(shape), np.zeros(shape)
        self._promises = np.zeros(shape), np.zeros(shape)
        self._broken = np.zeros(shape[0], dtype=np.bool_)
        self.near = self._before = 0
        self._rows: sleep.SleeperRows | None = None

    @property
    def rows(self) -> sleep.SleeperRows:
        """The columns with their room, for kernels."""
        if self._rows is None or self._rows.identity is not self.identity:
            self._rows = sleep.SleeperRows(self.energy, self.hazard, self.identity, self.due)
        return self._rows

    def start_day(self, day: int, rates: Rates) -> None:
        """Today's rates: new days where they break a promise; on the first day of a week, who is due within it."""
        if day % STEP_DAYS == 0:
            self._before = day + STEP_DAYS
            self.near = sleep.bring_near(self.rows, self.near, self.count, self._before)
        if day == 0 or rates.may_differ_for_sleepers:
            self.keep_promises(day, rates)
        np.add(self.energy_clock, rates.now.feeding, out=self._evening[0])
        np.add(self.hazard_clock, rates.now.sleeper_death, out=self._evening[1])

    def keep_promises(self, day: int, rates: Rates) -> None:
        """Promise more where today's rates break a promise; the sleepers of those lanes get new days."""
        headroom = _HEADROOM if day else 1.0
        if sleep.renew_promises(rates.now.feeding, rates.now.sleeper_death, *self._promises, headroom, self._broken):
            self.promise_again(day)

    def promise_again(self, day: int) -> None:
        """New days for the sleepers of the lanes that broke a promise this morning."""
        if self.count:
            self.near = sleep.promise_again(
                day,
                self._last,
                self._broken,
                self.energy_clock,
                self.hazard_clock,
                *self._promises,
                self.rows,
                self.near,
                self.count,
                self._before,
            )

    def place(
        self, identity: np.ndarray, day: int, sleep_chance: np.ndarray, keep: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Founders (identities) that settled today: asleep, or awake and returned; and what to keep, (founders, 2)."""
        new = len(identity)
        if not new:
            return _NOBODY, _NO_LOG
        self.reserve(new)
        awake = np.empty(new, dtype=np.uint64)
        log = np.empty((new, 2), dtype=np.uint64) if keep else _NO_LOG
        n_awake, self.near, self.count = sleep.place_cells(
            self._key,
            self._patient,
            day,
            self._last,
            identity,
            sleep_chance,
            self._life,
            *self._evening,
            *self._promises,
            self._sleeping,
            self.rows,
            self.near,
            self.count,
            self._before,
            awake,
            self._woke,
            log,
        )
        return awake[:n_awake], log

    def end_day(self, day: int, alive: np.ndarray, rates: Rates) -> tuple[np.ndarray, np.ndarray]:
        """Wake or bury today's sleepers and advance the clocks; identities of the woken and of the dead, sorted."""
        woken = died = _NOBODY
        if self.near:
            woken, died = np.empty(self.near, dtype=np.uint64), np.empty(self.near, dtype=np.uint64)
            n_woken, n_died, self.near, self.count = sleep.wake_cells(
                day,
                self._last,
                alive,
                self.energy_clock,
                rates.now.feeding,
                self.hazard_clock,
                rates.now.sleeper_death,
                *self._promises,
                self._sleeping,
                self._woke,
                self._died,
                self.rows,
                self.near,
                self.count,
                self._before,
                woken,
                died,
            )
            # The order of rows depends on who else is in the chunk; sums over a patient's colonies must not.
            woken, died = np.sort(woken[:n_woken]), np.sort(died[:n_died])
        (self.energy_clock, self.hazard_clock), self._evening = self._evening, (self.energy_clock, self.hazard_clock)
        return woken, died
