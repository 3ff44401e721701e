"""Draws of what one would believe without the fitted rows: beside them stands what an answer owes to the data.

A draw has the assumed numbers, and the mechanisms at their null, of the posterior's draw of the same number; in place
of the calibrated numbers it has what their priors say: those of the natural history by the priors of their fit, else
even over their range; the organ pattern by the normal law of `priors.toml`. How many metastases there are in all no
prior says; their level is such that, at the catalogue's growth, a patient of average frailty expects about one in an
organ, and is spread as the organs are.

The draws ship beside the posterior's, for the same reasons: scenarios and workers lie below this room and cannot make
them, a run's key holds the file's digest, and another version of a library would make others. They are made with them.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from sim import catalog
from sim.analysis import posterior
from sim.analysis.natural_history import targets, uncertainty
from sim.analysis.natural_history.calibrate import derived
from sim.analysis.natural_history.fit import Unknown
from sim.analysis.organs import data
from sim.analysis.organs.fit import SEED, Body, OrganFit
from sim.errors import InputError

MOST_EXPECTED = 1000.0
"""Visible metastases that an untreated patient of average frailty may expect by the end of life: beyond it a draw is
replaced. The catalogue's numbers give 4 to 212 by site, and patients differ by factors of hundreds: a cohort of more
would not fit a machine, nor its metastases a body."""


class PriorDrawing(posterior.Drawing):
    """Makes draws of the prior one by one."""

    def __init__(self, draws: int, seed: int = SEED) -> None:
        super().__init__(draws, seed, fitted=False)
        self._fit = OrganFit(data.fitted(), Body(data.FITTED_SITES))
        self._unknowns = [
            unknown
            for part in uncertainty.read()
            for unknown in targets.unknowns(part)
            if unknown.name in uncertainty.names()
        ]

    def values(self, row: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
        """The numbers of one draw, given its assumed ones. Raises InputError where no patient could have them."""
        row = row | derived({unknown.name: natural(unknown, rng.random()) for unknown in self._unknowns})
        at = self._fit.prior_draw(rng)
        expected = self._fit.expected_metastases(at)
        if expected.max() > MOST_EXPECTED:
            raise InputError(f"found {expected.max():.0f} metastases a patient; allowed: {MOST_EXPECTED:.0f}")
        values = self.scenarios[data.FITTED_SITES[0]].effective(row)
        return self.whole(row, values, self._fit.pattern(at))


def natural(unknown: Unknown, unit: float) -> float:
    """The value of a number of the natural history at position 0 to 1 of its prior, within the catalogue's range."""
    p = catalog.load()[unknown.name]
    low, high = (unknown.transformed(x) for x in (max(p.low, 1e-6 * p.high), min(p.high, unknown.high)))
    if unknown.kind == "plain":
        low = p.low
    if unknown.prior is None:
        return unknown.value(low + unit * (high - low))
    middle, sd = unknown.transformed(unknown.prior), unknown.prior_sd
    below, above = ndtr((low - middle) / sd), ndtr((high - middle) / sd)
    drawn = middle + sd * float(ndtri(below + unit * (above - below)))
    return min(max(unknown.value(min(max(drawn, low), high)), p.low), p.high)
