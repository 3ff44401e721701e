"""Which numbers matter: Morris screens many parameters, Sobol ranks the few that are left, over the catalogue's ranges.

A model here is any function from points (points, factors), in the parameters' own units, to outputs
(points, outputs). Points are laid out in the unit cube and stretched over each range: evenly, or evenly in the
logarithm where a range spans a decade or more. SALib supplies designs and estimators (Morris 1991 with
Campolongo et al. 2007's mean of absolute effects; Saltelli et al. 2010, Jansen 1999 for Sobol's indices).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.catalog import Parameter
from sim.catalog.checks import unknown_parameter
from sim.errors import InputError, MachineError
from sim.finding import install
from sim.names import SITES
from sim.scenario import Scenario

if TYPE_CHECKING:
    from types import ModuleType

Model = Callable[[np.ndarray], np.ndarray]
_WORD = 2**32
LEVELS = 4
DECADE = 10.0
SMALLEST_SHARE = 1e-6
"""Shares are scaled to sum to one: zero everywhere has no meaning, so a millionth stands for zero."""
SCALED = ("arterial_share", "drainage")
RESAMPLES = 1000


@dataclass(frozen=True)
class VariedParameter:
    """One parameter with the range over which it is varied."""

    name: str
    low: float
    high: float
    kind: str = "assumed"
    log: bool = False

    def stretch(self, unit: np.ndarray) -> np.ndarray:
        """Values at positions 0 to 1 of the range."""
        if self.log:
            return np.exp(math.log(self.low) + unit * (math.log(self.high) - math.log(self.low)))
        return self.low + unit * (self.high - self.low)


def factors_of(
    scenario: Scenario, *, kinds: Sequence[str] = ("assumed",), names: Sequence[str] = ()
) -> list[VariedParameter]:
    """The parameters of these kinds that can act in the scenario, or those that are named, with the catalogue's ranges.

    Left out are the numbers of other sites, of mechanisms that are off, of treatments where none is given,
    and of the way of looking that is not used, and ranges of no width. Raises InputError for a name that cannot be
    varied.
    """
    for name in names:
        refusal = unknown_parameter(name, scenario.parameters)
        if refusal is not None:
            raise InputError(f"--parameters {name}: {refusal}")
    found, by_site = [], _blocks_by_site(scenario)
    for name, resolved in scenario.parameters.items():
        parameter = resolved.parameter
        if name not in names if names else parameter.kind not in kinds or not _acts(scenario, parameter, by_site):
            continue
        low, high = parameter.low, parameter.high
        decades = low > 0 and high / low >= DECADE
        low = max(low, SMALLEST_SHARE) if name.split(".")[0] in SCALED else low
        if low < high:
            found.append(VariedParameter(name, low, high, parameter.kind, decades))
    missing = [name for name in names if name not in {factor.name for factor in found}]
    if missing:
        raise InputError(f"--parameters {missing[0]}: the catalogue gives it no range to vary it over")
    if len(found) < 2:
        raise InputError(f"{scenario.name}: sensitivity needs at least two parameters to vary, found {len(found)}")
    return found


def _blocks_by_site(scenario: Scenario) -> set[str]:
    """Blocks of the catalogue whose entries are primary sites: only the scenario's own acts."""
    keys: dict[str, set[str]] = {}
    for name in scenario.parameters:
        block, *rest = name.split(".")
        keys.setdefault(block, set()).update(rest[:1])
    return {block for block, found in keys.items() if found and found <= set(SITES)}


def _acts(scenario: Scenario, parameter: Parameter, by_site: set[str]) -> bool:
    block, *key = parameter.name.split(".")
    if block in by_site:
        return key[0] == scenario.primary
    if parameter.mechanism is not None and not scenario.mechanisms[parameter.mechanism]:
        return False
    if parameter.file == "treatments" and not scenario.treatments:
        return False
    # An autopsy looks once, with its own threshold.
    unused = (
        ("imaging_threshold_cells", "follow_up_interval_days")
        if scenario.observe == "autopsy"
        else ("autopsy_threshold_cells",)
    )
    return parameter.name not in unused


def _salib() -> tuple[ModuleType, ModuleType, ModuleType, ModuleType]:
    try:
        from SALib.analyze import morris as morris_analysis
        from SALib.analyze import sobol as sobol_analysis
        from SALib.sample import morris, sobol
    except ImportError as error:
        raise MachineError(f"the package SALib is missing; install it with: {install('sensitivity')}") from error
    return morris, morris_analysis, sobol, sobol_analysis


def require() -> None:
    """Raises MachineError, with how to install it, where SALib is missing."""
    _salib()


def _short(seed: int) -> int:
    """A seed as SALib takes it, of 32 bits: every bit of a longer one matters."""
    return seed if seed < _WORD else int(np.random.SeedSequence(seed).generate_state(1)[0])


def _problem(factors: Sequence[VariedParameter]) -> dict:
    return {
        "num_vars": len(factors),
        "names": [factor.name for factor in factors],
        "bounds": [[0.0, 1.0]] * len(factors),
    }


def _stretched(factors: Sequence[VariedParameter], unit: np.ndarray) -> np.ndarray:
    return np.stack([factor.stretch(unit[:, i]) for i, factor in enumerate(factors)], axis=1)


@dataclass(frozen=True)
class Study:
    """A design and what came of it: `points` (points, factors), `outputs` (points, outputs), and its figures.

    `figures` maps a column's name to (factors, outputs); `rank` orders the factors of an output, 1 first.
    """

    factors: tuple[VariedParameter, ...]
    points: np.ndarray
    outputs: np.ndarray
    figures: dict[str, np.ndarray]
    leading: str

    @property
    def rank(self) -> np.ndarray:
        """1 for the factor that moves the output most, (factors, outputs); ties in the order of the catalogue."""
        order = np.argsort(-self.figures[self.leading], axis=0, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(1, len(self.factors) + 1)[:, None], axis=0)
        return rank


def screen(model: Model, factors: Sequence[VariedParameter], *, trajectories: int, seed: int) -> Study:
    """Morris's elementary effects: points = trajectories x (factors + 1).

    `effect` is the mean absolute change of the output per full range of the factor (mu*), with its 95 % interval;
    `mean_effect` keeps the sign (mu), `spread` is its standard deviation: large where the factor acts non-linearly
    or together with others.
    """
    morris, analysis, _, _ = _salib()
    problem = _problem(factors)
    unit = morris.sample(problem, trajectories, num_levels=LEVELS, seed=_short(seed))
    points = _stretched(factors, unit)
    outputs = _checked(model(points), len(points))
    names = ("effect", "effect_low", "effect_high", "mean_effect", "spread")
    figures = {name: np.zeros((len(factors), outputs.shape[1])) for name in names}
    for o in range(outputs.shape[1]):
        if np.ptp(outputs[:, o]) == 0.0:
            continue
        found = analysis.analyze(
            problem, unit, outputs[:, o], num_levels=LEVELS, num_resamples=RESAMPLES, seed=_short(seed)
        )
        effect, half = np.asarray(found["mu_star"]), np.asarray(found["mu_star_conf"])
        for name, values in zip(
            names, (effect, np.maximum(effect - half, 0.0), effect + half, found["mu"], found["sigma"]), strict=True
        ):
            figures[name][:, o] = values
    return Study(tuple(factors), points, outputs, figures, "effect")


def rank(model: Model, factors: Sequence[VariedParameter], *, samples: int, seed: int) -> Study:
    """Sobol's indices: points = samples x (factors + 2); `samples` is a power of two.

    `first` is the share of the output's variance that the factor explains alone, `total` the share that it takes part
    in; each with a 95 % interval (a bootstrap over the samples).
    """
    _, _, sobol, analysis = _salib()
    check_samples(samples)
    problem = _problem(factors)
    unit = sobol.sample(problem, samples, calc_second_order=False, seed=_short(seed))
    points = _stretched(factors, unit)
    outputs = _checked(model(points), len(points))
    names = ("first", "first_low", "first_high", "total", "total_low", "total_high")
    figures = {name: np.zeros((len(factors), outputs.shape[1])) for name in names}
    for o in range(outputs.shape[1]):
        if np.ptp(outputs[:, o]) == 0.0:
            continue
        found = analysis.analyze(
            problem, outputs[:, o], calc_second_order=False, num_resamples=RESAMPLES, seed=_short(seed) or _WORD - 1
        )
        for key, name in (("S1", "first"), ("ST", "total")):
            value, half = np.asarray(found[key]), np.asarray(found[f"{key}_conf"])
            for column, values in ((name, value), (f"{name}_low", value - half), (f"{name}_high", value + half)):
                figures[column][:, o] = values
    return Study(tuple(factors), points, outputs, figures, "total")


def check_samples(samples: int) -> None:
    """Raises InputError for a number of base samples that Sobol's sequence is not balanced at."""
    if samples < 8 or samples & (samples - 1):
        raise InputError(f"--samples: found {samples}; allowed: a power of two from 8, such as 128")


def _checked(outputs: np.ndarray, points: int) -> np.ndarray:
    outputs = np.asarray(outputs, dtype=float).reshape(points, -1)
    if not np.isfinite(outputs).all():
        raise ValueError("the model gave a result that is not finite")
    return outputs
