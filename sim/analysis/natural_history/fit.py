"""Fit the natural history by simulation: least squares on the sketch, with priors, resumable and with fixed seeds.

The sketch draws keyed by patient, so that its measures move smoothly with the parameters and a Gauss-Newton step
(scipy's `least_squares`) sees a slope where chance would hide it. One evaluation costs seconds, a fit of twenty
unknowns minutes: no emulator is needed. Every evaluation is kept in a file, so that a stopped fit goes on.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit, logit

from sim.results.whole_file import write_whole

SEED, PATIENTS = 1, 3000
STEP = 0.05
"""Of a finite difference, in units of the transformed unknowns: below it chance would show, above it the curvature."""


WIDEST = 1.0
"""SD of what no row tells, in the same units: a factor of e."""
STRIDE = 0.3
"""Of the first step at most, in the same units: a third of a factor of e."""


@dataclass(frozen=True)
class Unknown:
    """A parameter that is fitted: its name, prior mean and log-SD (or logit-SD of a `share`), and where to start.

    `prior` None: flat but for the limits. On the transformed scale the fit moves within `low` to `high`.
    """

    name: str
    start: float
    low: float
    high: float
    prior: float | None = None
    prior_sd: float = 1.0
    kind: str = "log"

    def transformed(self, value: float) -> float:
        """On the scale of the fit."""
        return {"log": math.log, "share": logit, "plain": float}[self.kind](value)

    def value(self, transformed: float) -> float:
        """Back from the scale of the fit."""
        return float({"log": math.exp, "share": expit, "plain": float}[self.kind](transformed))


@dataclass(frozen=True)
class Target:
    """What a measure should be: `value` with `sd`, or only between `low` and `high` (with `sd` beyond them).

    `sd` is in the unit of the measure, and holds what the published table's chance and the model's simplicity allow.
    `rows` are ids of published rows. `log` compares logarithms.
    """

    name: str
    sd: float
    value: float | None = None
    low: float = -math.inf
    high: float = math.inf
    rows: tuple[str, ...] = ()
    log: bool = False

    def residual(self, measured: float) -> float:
        """How many SDs the measure is off; drawn in beyond three; three where there was nobody to measure."""
        if not math.isfinite(measured):
            return 3.0
        of = math.log if self.log else float
        found = of(max(measured, 1e-9) if self.log else measured)
        if self.value is not None:
            off = found - of(self.value)
        else:
            off = found - min(max(found, of(self.low) if self.low > -math.inf else found), of(self.high)
                              if self.high < math.inf else found)  # fmt: skip
        return 3.0 * math.asinh(off / self.sd / 3.0)


Measures = Mapping[str, float]


class Problem:
    """Unknowns, targets and the simulation that joins them: `measure(values by name)` gives measures by name."""

    def __init__(
        self,
        unknowns: Sequence[Unknown],
        targets: Sequence[Target],
        measure: Callable[[Mapping[str, float]], Measures],
        kept: Path | None = None,
        key: str = "",
    ):
        self.unknowns, self.targets, self._measure = list(unknowns), list(targets), measure
        self._kept, self._key = kept, key
        self._known: dict[str, Measures] = {}
        if kept is not None and kept.exists():
            for line in kept.read_text(encoding="utf-8").splitlines():
                found = json.loads(line)
                self._known[found["at"]] = found["measures"]
        self.evaluations = 0

    def values(self, at: np.ndarray) -> dict[str, float]:
        """Parameter values at a point of the fit."""
        return {u.name: u.value(x) for u, x in zip(self.unknowns, at, strict=True)}

    def measures(self, at: np.ndarray) -> Measures:
        """What is measured at a point: computed, or read where it was before."""
        values = self.values(at)
        named = json.dumps({"key": self._key, **{k: float(f"{v:.12g}") for k, v in sorted(values.items())}})
        name = hashlib.sha256(named.encode()).hexdigest()[:24]
        if name not in self._known:
            self.evaluations += 1
            self._known[name] = {k: float(v) for k, v in self._measure(values).items()}
            if self._kept is not None:
                lines = (json.dumps({"at": at, "measures": found}) + "\n" for at, found in self._known.items())
                write_whole(self._kept, "".join(lines).encode())
        return self._known[name]

    def residuals(self, at: np.ndarray) -> np.ndarray:
        """Of the targets, then of the priors."""
        found = self.measures(at)
        of_targets = [t.residual(found[t.name]) for t in self.targets]
        of_priors = [
            (x - u.transformed(u.prior)) / u.prior_sd
            for u, x in zip(self.unknowns, at, strict=True)
            if u.prior is not None
        ]
        return np.array(of_targets + of_priors)

    def fit(
        self, start: np.ndarray | None = None, held: Mapping[str, float] | None = None, steps: int = 8
    ) -> np.ndarray:
        """The point of least squares, from `start`; parameters in `held` keep the value that is given there."""
        first = np.array([u.transformed(u.start) for u in self.unknowns]) if start is None else start.copy()
        held = held or {}
        free = np.array([u.name not in held for u in self.unknowns])
        for i, u in enumerate(self.unknowns):
            if u.name in held:
                first[i] = u.transformed(held[u.name])
        low, high = (np.array([u.transformed(getattr(u, end)) for u in self.unknowns]) for end in ("low", "high"))

        start_at = np.clip(first[free], low[free] + 1e-6, high[free] - 1e-6)

        def at(x: np.ndarray) -> np.ndarray:
            point = first.copy()
            point[free] = start_at + STRIDE * x
            return point

        def slopes(x: np.ndarray) -> np.ndarray:
            return self.slopes(at(x), free) * STRIDE

        found = least_squares(
            lambda x: self.residuals(at(x)),
            np.zeros(len(start_at)),
            jac=slopes,
            bounds=((low[free] - start_at) / STRIDE, (high[free] - start_at) / STRIDE),
            max_nfev=steps,
            xtol=1e-3,
            ftol=1e-3,
        )
        return at(found.x)

    def slopes(self, at: np.ndarray, free: np.ndarray | None = None) -> np.ndarray:
        """Slopes of the residuals by the unknowns (those that are `free`, (unknowns,) bool) by finite differences."""
        base = self.residuals(at)
        chosen = range(len(at)) if free is None else np.flatnonzero(free)
        out = []
        for i in chosen:
            step = STEP if at[i] + STEP <= self.unknowns[i].transformed(self.unknowns[i].high) else -STEP
            moved = at.copy()
            moved[i] += step
            out.append((self.residuals(moved) - base) / step)
        return np.array(out).T

    def covariance(self, at: np.ndarray) -> np.ndarray:
        """Of the unknowns on the scale of the fit, (unknowns, unknowns): the normal law at the point of least squares.

        A direction of which no row tells anything has the SD WIDEST.
        """
        slopes = self.slopes(at)
        return np.asarray(np.linalg.inv(slopes.T @ slopes + np.eye(len(at)) / WIDEST**2))

    def loss(self, at: np.ndarray) -> float:
        """Half the sum of squares: minus the log of the posterior, but for a constant."""
        return float(0.5 * (self.residuals(at) ** 2).sum())

    def profile(
        self, name: str, grid: Sequence[float], best: np.ndarray, steps: int = 3
    ) -> list[tuple[float, float, Measures]]:
        """Loss along `grid` of one parameter, the others fitted again at each point: (value, loss, measures) each."""
        out: list[tuple[float, float, Measures]] = []
        at = best
        for value in grid:
            at = self.fit(at, {name: value}, steps)
            out.append((value, self.loss(at), dict(self.measures(at))))
        return out
