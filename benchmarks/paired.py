"""`python -m benchmarks paired`: how many times fewer patients a paired contrast needs than independent arms.

Each mechanism that is on in a scenario is switched off in the same patients with the same draws. For the
same interval of the difference, independent arms need (Var on + Var off) / Var(on - off) times as many
patients an arm. The interval of that ratio is a bootstrap over patients. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

import numpy as np

from sim import scenario as scenarios
from sim.mechanisms import REGISTRY
from sim.names import NICHES
from sim.runs.counterfactuals import LANES, Counterfactual, metastases_by_arm

RESAMPLES = 2000
ORGANS = ("liver", "lung", "all")


def times_fewer(
    on: np.ndarray, off: np.ndarray, *, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float, float]:
    """(ratio, low, high): patients that independent arms need over those of the paired contrast, with 95 % interval.

    `on` and `off` (patients,) are the outcomes of the same patients. Infinite where pairing leaves no noise,
    nan where neither arm varies.
    """
    samples = np.random.default_rng(seed).multinomial(len(on), np.full(len(on), 1.0 / len(on)), size=resamples)
    weights = np.vstack([np.ones(len(on)), samples]) / len(on)

    def variance(x: np.ndarray) -> np.ndarray:
        return np.maximum(weights @ x**2 - (weights @ x) ** 2, 0.0)

    # Centred first: the variance of large counts is otherwise lost in their squares.
    on, off = (np.asarray(x, dtype=float) - np.mean(x) for x in (on, off))
    both, paired = variance(on) + variance(off), variance(on - off)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((both == 0) & (paired == 0), np.nan, both / paired)
    low, high = (
        np.quantile(ratio[1:][~np.isnan(ratio[1:])], (0.025, 0.975), method="nearest")
        if not math.isnan(ratio[0])
        else (np.nan,) * 2
    )
    return float(ratio[0]), float(low), float(high)


def contrasts(scenario, *, seed: int) -> list[dict]:
    """A row a mechanism that is on, outcome and organ."""
    names = [name for name in REGISTRY if scenario.mechanisms[name]]
    arms = [Counterfactual(), *(Counterfactual(frozenset([name])) for name in names)]
    step = LANES // len(arms)
    counts = np.concatenate(
        [
            metastases_by_arm(scenario, arms, seed, np.arange(start, min(start + step, scenario.patients)))
            for start in range(0, scenario.patients, step)
        ]
    )
    rows = []
    for number, name in enumerate(names, 1):
        for organ in ORGANS:
            columns = slice(None) if organ == "all" else [NICHES.index(organ)]
            on, off = (counts[:, arm, columns].sum(axis=1) for arm in (0, number))
            for outcome, x, y in (("metastases a patient", on, off), ("patients with one", on > 0, off > 0)):
                ratio, low, high = times_fewer(x, y, seed=seed)
                rows.append(
                    {
                        "mechanism": name,
                        "organ": organ,
                        "outcome": outcome,
                        "on": float(np.mean(x)),
                        "off": float(np.mean(y)),
                        "ratio": ratio,
                        "low": low,
                        "high": high,
                    }
                )
    return rows


def _text(value: float) -> str:
    return (
        "-" if math.isnan(value) else "all" if math.isinf(value) else f"{value:.2g}" if value < 10 else f"{value:.0f}"
    )


def table(rows: Sequence[dict]) -> str:
    """The rows as Markdown."""
    lines = [
        "| switched off | organ | outcome | on | off | times fewer patients | 95 % interval |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{row['mechanism']}` | {row['organ']} | {row['outcome']} | {row['on']:.3g} | {row['off']:.3g} | {_text(row['ratio'])} "  # noqa: E501
        f"| {_text(row['low'])} to {_text(row['high'])} |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks paired", description=__doc__)
    parser.add_argument("--scenario", default="colorectal")
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    scenario = scenarios.load(asked.scenario).with_(patients=asked.patients)
    print(
        f"{scenario.name}, {asked.patients} patients, seed {asked.seed}\n\n{table(contrasts(scenario, seed=asked.seed))}"  # noqa: E501
    )
