"""How much of each organ's metastases each mechanism causes: Shapley values over the toggles, patient by patient.

The players are mechanisms that are on in the scenario; a coalition's value is what the same patients get
with only those players on (the others' counterfactuals stand for "off"). A mechanism's contribution is
what it adds, averaged over the orders in which the mechanisms may be switched on; the contributions sum to
all on less all off, and a mechanism that protects has a negative one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.analysis import products, shapley
from sim.analysis.folder import Stopwatch, write_analysis
from sim.analysis.resampling import Resampled, interval, ratio
from sim.errors import InputError
from sim.mechanisms import REGISTRY
from sim.messages import unknown
from sim.names import NICHES, TWO_SIDED_95
from sim.results import reading as results
from sim.results.schema import ALL
from sim.runs.counterfactuals import Counterfactual, counterfactual_tasks, counterfactuals_key
from sim.scenario import Scenario
from sim.work.resuming import KeptRun

KIND = "attribution"
OUTCOMES = ("colonies", "patients")
"""Metastases per patient that crossed the detection threshold in life; share of patients with at least one."""
ALL_OFF, ALL_ON = "all off", "all on"
ORGANS = (*NICHES, ALL)


@dataclass(frozen=True)
class Game:
    """One game: with a gain of inflammation and the liver's soil that goes with it (None: as the scenario has them)."""

    gain: float | None = None
    soil: float | None = None

    def arms(self, players: Sequence[str], coalitions: Sequence[int]) -> list[Counterfactual]:
        """The arm of each coalition: players outside it are off."""
        given = ((products.GAIN, self.gain), (products.SOIL, self.soil))
        values = tuple((name, value) for name, value in given if value is not None)
        return [
            Counterfactual(frozenset(name for i, name in enumerate(players) if not coalition >> i & 1), values)
            for coalition in coalitions
        ]


def players_of(scenario: Scenario, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The mechanisms to share out among: those that are on, or of these the `wanted`. Raises InputError."""
    on = [name for name in REGISTRY if scenario.mechanisms[name]]
    for name in wanted:
        if name not in REGISTRY:
            raise InputError(f"--mechanisms {name}: {unknown('mechanism', name, REGISTRY)}")
        if name not in on:
            raise InputError(
                f"--mechanisms {name}: the mechanism is off in {scenario.name}; allowed: {', '.join(on) or 'none'}, "
                f"or switch it on with --on {name}"
            )
    players = tuple(name for name in on if not wanted or name in wanted)
    if not players:
        raise InputError(f"{scenario.name}: no mechanism is on, so there is nothing to attribute")
    return players


def blocks_of(scenario: Scenario, players: Sequence[str], seed: int) -> tuple[list[Game], list[float]]:
    """The games to play, the scenario's own first, and the gains that are left out.

    Those would need a soil above its maximum.
    """
    if products.MECHANISM not in players:
        return [Game()], []
    gains = products.assumed_gains(scenario)
    soils = products.refitted_soils(scenario, gains[1:], seed=seed)
    most = scenario.parameters[products.SOIL].parameter.maximum
    games = [Game(gains[0], scenario.parameters[products.SOIL].value)]
    games += [Game(gain, float(soil)) for gain, soil in zip(gains[1:], soils, strict=True) if soil <= most]
    return games, [gain for gain, soil in zip(gains[1:], soils, strict=True) if soil > most]


def quantities(counts: np.ndarray) -> np.ndarray:
    """Both outcomes from `counts` (..., niches): (..., outcomes, organs), the last organ being all of them."""
    counts = np.concatenate([counts, counts.sum(axis=-1, keepdims=True)], axis=-1)
    return np.stack([counts, counts > 0], axis=-2).astype(float)


class Attribution:
    """Sums over patients of every game's parts: all off, a contribution a player, all on."""

    def __init__(self, players: Sequence[str], design: shapley.Design, games: Sequence[Game], seed: int):
        self.players, self.design, self.games = tuple(players), design, list(games)
        self.parts = (ALL_OFF, *self.players, ALL_ON)
        self._shape = (len(self.games), len(self.parts), len(OUTCOMES), len(ORGANS))
        self._resampled = Resampled(int(np.prod(self._shape)), seed=seed)
        self._totals = np.zeros((len(self.games), len(design.coalitions), len(OUTCOMES), len(ORGANS)))

    def add(self, patient: np.ndarray, metastases: np.ndarray) -> None:
        """Add patients (n,) with their metastases (n, games x coalitions, niches)."""
        n, coalitions = len(patient), len(self.design.coalitions)
        values = quantities(metastases.reshape(n, len(self.games), coalitions, len(NICHES))).swapaxes(0, 2)
        share = self.design.contributions(values).share  # (players, games, n, ...) from (coalitions, games, n, ...)
        parts = np.concatenate([values[:1], share, values[-1:]])
        self._resampled.add(patient, np.moveaxis(parts, 2, 0).swapaxes(1, 2).reshape(n, -1))
        self._totals += values.sum(axis=2).swapaxes(0, 1)

    @property
    def patients(self) -> int:
        """Patients so far."""
        return self._resampled.patients

    def table(self) -> dict[str, list]:
        """Columns of `attribution.parquet`: a row an outcome, game, organ and part."""
        means = self._resampled.means().reshape(-1, *self._shape)
        shares = ratio(means, means[:, :, -1:])
        games = np.moveaxis(self._totals, 1, 0) / max(self.patients, 1)
        error = np.zeros(self._shape)
        error[:, 1:-1] = np.moveaxis(self.design.contributions(games).error, 0, 1)
        share_error = ratio(error, means[0, :, -1:])
        low, high = _widened(means, error)
        share_low, share_high = _widened(shares, share_error)
        rows: dict[str, list] = {
            name: []
            for name in (
                "outcome",
                products.GAIN,
                products.SOIL.replace(".", "_"),
                "organ",
                "part",
                "value",
                "value_low",
                "value_high",
                "share",
                "share_low",
                "share_high",
                "order_standard_error",
                "patients",
            )
        }
        for place in np.ndindex(len(OUTCOMES), len(self.games), len(ORGANS), len(self.parts)):
            outcome, game, organ, part = place
            at = (game, part, outcome, organ)
            row = (
                OUTCOMES[outcome],
                self.games[game].gain,
                self.games[game].soil,
                ORGANS[organ],
                self.parts[part],
                means[0][at],
                low[at],
                high[at],
                shares[0][at],
                share_low[at],
                share_high[at],
                error[at],
                self.patients,
            )
            for column, value in zip(rows.values(), row, strict=True):
                column.append(
                    value
                    if value is None or isinstance(value, str)
                    else value.item()
                    if hasattr(value, "item")
                    else value
                )
        return rows

    def arms_table(self) -> dict[str, list]:
        """Columns of `arms.parquet`: a row an arm and organ, from which anybody can compute the shares again."""
        rows: dict[str, list] = {
            name: []
            for name in (
                products.GAIN,
                products.SOIL.replace(".", "_"),
                "off",
                "organ",
                "patients",
                "metastases",
                "patients_with_metastases",
            )
        }
        for b, game in enumerate(self.games):
            for c, arm in enumerate(game.arms(self.players, self.design.coalitions)):
                for o, organ in enumerate(ORGANS):
                    colonies, people = self._totals[b, c, :, o]
                    row = (
                        game.gain,
                        game.soil,
                        ",".join(name for name in self.players if name in arm.off),
                        organ,
                        self.patients,
                        int(colonies),
                        int(people),
                    )
                    for column, value in zip(rows.values(), row, strict=True):
                        column.append(value)
        return rows


def _widened(resampled: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Percentile intervals of the resamples behind row 0, widened by the sampling of orders (independent of it)."""
    low, high = interval(resampled[1:])
    own, extra = resampled[0], TWO_SIDED_95 * error
    return own - np.hypot(own - low, extra), own + np.hypot(high - own, extra)


def attribute(
    scenario: Scenario,
    *,
    seed: int,
    out: Path,
    workers: int = 1,
    mechanisms: Sequence[str] = (),
    orders: int = shapley.ORDERS,
    progress: bool = False,
    command_line: Sequence[str] = (),
) -> tuple[dict, list[str]]:
    """Attribute the scenario's metastases and write the results to `out`; returns the table and notes for the reader.

    Finished chunks are kept beside `out` until everything is written, so that the same command continues
    after whatever stopped it. Memory does not grow with the number of patients. Raises InputError and
    MachineError; KeyboardInterrupt passes through.
    """
    out = Path(out)
    players = players_of(scenario, mechanisms)
    results.check_writable(out, KIND)
    stopwatch = Stopwatch()
    design = shapley.design(len(players), seed=seed, orders=orders)
    games, left_out = blocks_of(scenario, players, seed)
    arms = [arm for game in games for arm in game.arms(players, design.coalitions)]
    attribution = Attribution(players, design, games, seed)
    with KeptRun(
        counterfactual_tasks(scenario, arms, seed),
        counterfactuals_key(scenario, arms, seed),
        out=out,
        workers=workers,
        progress=progress,
        name=scenario.name,
    ) as run:
        run.compute()
        for part in run:
            attribution.add(part["patient"], part["metastases"])
        table = attribution.table()
        asked = {
            "mechanisms": list(players),
            "exact": design.exact,
            "coalitions": len(design.coalitions),
            "orders": [list(order) for order in design.orders],
            "arms": len(arms),
        }
        write_analysis(
            out,
            KIND,
            {"attribution": table, "arms": attribution.arms_table()},
            scenario=scenario,
            seed=seed,
            patients=scenario.patients,
            command_line=command_line,
            stopwatch=stopwatch,
            asked=asked,
        )
        run.forget()
    how = (
        f"all {len(design.coalitions)} combinations of {len(players)} mechanisms"
        if design.exact
        else f"{len(design.orders)} sampled orders of {len(players)} mechanisms, {len(design.coalitions)} combinations"
    )
    notes = [f"{how}, each in the same {scenario.patients} patients"]
    notes += [
        f"inflammation gain {gain:g} is left out: soil.liver would have to be above its maximum" for gain in left_out
    ]
    return table, notes
