"""How well the natural history is known: the normal law at the point of each part of its fit, beside the catalogue.

`calibrate --part timing --write` makes `natural_history_fit.json`; draws of what is not known take it up. What the
organs' fit owns (shedding of a site, soil) is left out: it is fitted again at each draw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim import catalog
from sim.analysis.natural_history.fit import Problem, Unknown
from sim.results.whole_file import write_whole

FILE = catalog.FOLDER / "natural_history_fit.json"
OF_THE_ORGANS = ("site_shedding_factor", "soil")
DIGITS = 4


def of_part(problem: Problem, best: np.ndarray) -> dict[str, Any]:
    """Names, kinds, limits and covariance of a part of the fit, as the file has them."""
    mine = [i for i, u in enumerate(problem.unknowns) if u.name.partition(".")[0] not in OF_THE_ORGANS]
    covariance = problem.covariance(best)[np.ix_(mine, mine)]
    return {
        "unknowns": [[u.name, u.kind, u.low, u.high] for u in (problem.unknowns[i] for i in mine)],
        "covariance": [[float(f"{x:.{DIGITS}g}") for x in row] for row in covariance],
    }


def read(path: Path = FILE) -> dict[str, dict[str, Any]]:
    """What is known of each part, by its name."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def write(parts: Mapping[str, Mapping[str, Any]], path: Path = FILE) -> Path:
    """Put parts into the file, the others as they are; returns the path."""
    known = (read(path) if path.is_file() else {}) | dict(parts)
    lines = [f"  {json.dumps(name)}: {json.dumps(part)}" for name, part in known.items()]
    write_whole(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return path


def names(path: Path = FILE) -> list[str]:
    """The numbers that the draws move, in the order of the file."""
    return [name for part in read(path).values() for name, *_ in part["unknowns"]]


def draw(rng: np.random.Generator, values: Mapping[str, float], path: Path = FILE) -> dict[str, float]:
    """One set of numbers about `values`, each within the limits of its fit."""
    out: dict[str, float] = {}
    for part in read(path).values():
        unknowns = _unknowns(part["unknowns"], values)
        at = np.array([u.transformed(u.start) for u in unknowns])
        moved = rng.multivariate_normal(at, np.array(part["covariance"]))
        for u, x in zip(unknowns, moved, strict=True):
            out[u.name] = float(np.clip(u.value(float(x)), u.low, u.high))
    return out


def _unknowns(listed: Sequence[Sequence[Any]], values: Mapping[str, float]) -> list[Unknown]:
    return [Unknown(name, min(max(values[name], low), high), low, high, kind=kind) for name, kind, low, high in listed]
