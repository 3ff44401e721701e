"""Draws of calibrated and assumed numbers, for runs that carry what is not known.

Assumed numbers are drawn over their ranges, with the catalogue's value as the mode: triangular, on a logarithmic scale
where a range spans a decade, and spread evenly over the draws (a Latin hypercube). A mechanism whose effect was not
shown in humans is at its null in a share of the draws. The organ pattern is fitted again at each draw, and drawn from
the normal law at its mode; so the calibrated numbers are those that the draw's growth, deaths and drainage ask for.
The natural history is drawn from the normal law at its own fit. What the autopsies say of the assumed numbers is cut.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.stats import triang

from sim import catalog
from sim import scenario as scenarios
from sim.analysis.calibration import calibrate_organs, parameters_of
from sim.analysis.natural_history import uncertainty
from sim.analysis.natural_history.calibrate import derived
from sim.analysis.organs import data
from sim.analysis.organs.exposed import exposed
from sim.analysis.organs.fit import SEED, Body, OrganFit, Pattern
from sim.catalog import Parameter
from sim.disease.presentation import NO_THRESHOLD_CELLS
from sim.errors import InputError
from sim.mechanisms import REGISTRY
from sim.results.whole_file import write_whole

DECADE = 10.0
SHOWN_IN_HUMANS = ("dual_blood_supply", "dormancy")
"""Anatomy, and relapses after twenty years: never at their null."""
NULL_SHARE = 0.2
"""Of the draws in which another mechanism is at its null."""
SETTINGS = ("portocaval_shunt_fraction", "hepatic_artery_compensation", "follow_up_interval_days", "old_series")
"""What somebody does, and not what somebody does not know."""
OBSERVED = ("depth_competence_correlation", "grade_", "distant_nodes_", "peritoneum_")
"""What is seen at diagnosis and read by nothing: its range moves no outcome but itself."""
MOST_TRIES = 50
PATIENTS_OF_A_DRAW = 30
"""Behind the exposures of a draw: half of what the fit has, for a draw's own chance is far larger."""


def uncertain() -> dict[str, Parameter]:
    """The assumed parameters that are drawn: those with a range, but settings of the numerics and of what is done."""
    return {
        name: p
        for name, p in catalog.load().items()
        if p.kind == "assumed"
        and p.low < p.high
        and p.direction != "0"
        and name not in SETTINGS
        and not name.startswith(OBSERVED)
    }


def over_ranges(unit: np.ndarray) -> dict[str, np.ndarray]:
    """Assumed parameters at positions 0 to 1 of their distributions; `unit` (draws, parameters), arrays (draws,)."""
    parameters = uncertain()
    out = {}
    for i, (name, parameter) in enumerate(parameters.items()):
        low, mode, high = parameter.low, parameter.value, parameter.high
        if low > 0 and high / low >= DECADE:
            out[name] = np.exp(_triangular(unit[:, i], np.log(low), np.log(mode), np.log(high)))
        else:
            out[name] = _triangular(unit[:, i], low, mode, high)
    return out


def _triangular(unit: np.ndarray, low: float, mode: float, high: float) -> np.ndarray:
    return triang.ppf(unit, (mode - low) / (high - low), loc=low, scale=high - low)


def _units(rng: np.random.Generator, draws: int, parameters: int) -> np.ndarray:
    """A Latin hypercube, (draws, parameters)."""
    strata = np.tile(np.arange(draws)[:, None], (1, parameters))
    return (rng.permuted(strata, axis=0) + rng.random((draws, parameters))) / draws


def _with_nulls(row: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
    """Some mechanisms at their null; the draws of the generator are the same whatever the row."""
    for name, mechanism in REGISTRY.items():
        if rng.random() < NULL_SHARE and name not in SHOWN_IN_HUMANS:
            row |= {key: value for key, value in mechanism.null.items() if key in row}
    return row


class Drawing:
    """Makes draws one by one: the fit at the catalogue's numbers is where each begins (unless it is not `fitted`)."""

    def __init__(self, draws: int, seed: int = SEED, *, fitted: bool = True) -> None:
        self._names = list(uncertain())
        self._seed = seed
        self._catalogue = {name: p.value for name, p in catalog.load().items()}
        self._hypercube = over_ranges(_units(np.random.default_rng(seed), draws, len(self._names)))
        self.scenarios = {site: scenarios.load(f"autopsy/{site}") for site in data.FITTED_SITES}
        if fitted:
            base = calibrate_organs()
            self._from_mean = base.at - base.fit.start()

    def draw(self, number: int) -> dict[str, float]:
        """The values of one draw by parameter; one whose patients could not be is replaced by another.

        Raises InputError where none could be in MOST_TRIES.
        """
        for attempt in range(MOST_TRIES):
            rng = np.random.default_rng([self._seed, number, attempt])
            if attempt == 0:
                row = {name: float(values[number]) for name, values in self._hypercube.items()}
            else:
                again = over_ranges(rng.random((1, len(self._names))))
                row = {name: float(values[0]) for name, values in again.items()}
            row |= derived(uncertainty.draw(rng, self._catalogue))
            try:
                return self.values(_with_nulls(row, rng), rng)
            except InputError as error:
                last = error
        raise last

    def values(self, row: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
        """The numbers of one draw, given all but the organ pattern. Raises InputError where they cannot be."""
        values = self.scenarios[data.FITTED_SITES[0]].effective(row)
        seen = exposed(data.FITTED_SITES, seed=SEED, patients=PATIENTS_OF_A_DRAW, values=values)
        fit = OrganFit(data.fitted(), Body(data.FITTED_SITES, exposures=seen, values=values))
        at = fit.maximum(fit.start() + self._from_mean)
        return self.whole(row, values, fit.pattern(rng.multivariate_normal(at, fit.covariance(at))))

    def whole(self, row: dict[str, float], values: Mapping[str, float], pattern: Pattern) -> dict[str, float]:
        """A draw with its organ pattern; `values` are all of the program's. Raises InputError where it cannot run."""
        found = dict(row)
        for name, value in parameters_of(pattern).items():
            found |= (
                {f"{name}.{key}": float(v) for key, v in value.items()} if isinstance(value, dict) else {name: value}
            )
        self._refuse_what_cannot_run({**values, **found})
        return found

    def _refuse_what_cannot_run(self, values: Mapping[str, float]) -> None:
        """Raises InputError as a run with these values would; who presents by metastases is not worked out."""
        from sim.runs.chunk import build_model

        values = {**values, "symptom_cells": NO_THRESHOLD_CELLS}
        for chosen in self.scenarios.values():
            model = build_model(chosen, seed=SEED, patients=np.arange(PATIENTS_OF_A_DRAW), collect=False, arms=[values])
            model.__dict__.clear()  # Mesa keeps every model that had agents


def draws(
    number: int,
    progress: Callable[[int], None] | None = None,
    kept: Path | None = None,
    drawing: type[Drawing] | None = None,
) -> dict[str, np.ndarray]:
    """So many draws, an array (draws,) a parameter. Takes some seconds a draw; `progress` is told how many are made.

    `drawing` makes them (by default of the posterior).

    Those that are made are noted in the file `kept`, so that a stopped call goes on, and removed at the end; draws of
    another catalogue or number are not taken up.
    """
    make = drawing or Drawing
    key = _key(number, make.__name__)
    made = _kept(kept, key)
    if kept is not None:  # without a line that was cut off, to which the next would be joined
        write_whole(kept, "".join(_line(key, row) for row in made).encode())
    if len(made) < number:
        maker = make(number)
        for i in range(len(made), number):
            made.append(maker.draw(i))
            if kept is not None:
                write_whole(kept, "".join(_line(key, row) for row in made).encode())
            if progress is not None:
                progress(i + 1)
    if kept is not None:
        kept.unlink(missing_ok=True)
    return {name: np.array([row[name] for row in made]) for name in made[0]}


def _key(number: int, of: str) -> str:
    known: dict = {name: (p.value, p.low, p.high, p.kind) for name, p in catalog.load().items()}
    known["fit"] = uncertainty.read()
    return hashlib.sha256(json.dumps([number, SEED, of, known]).encode()).hexdigest()[:16]


def _line(key: str, row: Mapping[str, float]) -> str:
    return json.dumps({"of": key, "draw": row}) + "\n"


def _kept(file: Path | None, key: str) -> list[dict[str, float]]:
    """Draws that a stopped call left; a line that was cut off ends them."""
    made: list[dict[str, float]] = []
    if file is None or not file.is_file():
        return made
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            break
        if found["of"] == key:
            made.append(found["draw"])
    return made
