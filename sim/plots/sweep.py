"""The heat maps of a sweep: the incidence of metastases over two of its factors, one map a scenario and organ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from sim.plots.frame import size_named
from sim.plots.heatmap import heatmap_figure
from sim.plots.save import BOTH, save
from sim.plots.style import styled

if TYPE_CHECKING:
    from sim.sweeps.read import Sweep

ORGANS = ("all", "liver")


def two_factors(sweep: Sweep, rows: str | None = None, columns: str | None = None) -> tuple[str, str]:
    """The factors of the two axes: those named, else the first of the plan that vary.

    Raises InputError for a factor that the plan does not have, and where fewer than two vary.
    """
    known = [factor["name"] for factor in sweep.manifest["factors"]]
    for option, name in (("--rows", rows), ("--columns", columns)):
        if name is not None and name not in known:
            raise InputError(
                f"{option}: found {name!r}; allowed are the plan's factors: {', '.join(known) or 'it has none'}"
            )
    free = [name for name in known if name not in (rows, columns) and sweep.runs[name].nunique() > 1]
    across, up = (name or (free.pop(0) if free else None) for name in (columns, rows))
    if across is None or up is None:
        raise InputError(
            f"{sweep.place}: a heat map needs two factors that vary; the plan has {', '.join(known) or 'none'}"
        )
    return up, across


def sweep_figures(
    sweep: Sweep,
    organs: Sequence[str] = ORGANS,
    rows: str | None = None,
    columns: str | None = None,
    size: str = "column",
) -> dict:
    """Heat maps by file name, one a scenario and organ.

    Percentage of patients with a detected metastasis at the end of the horizon. Raises InputError as `two_factors`, and
    for an organ that the sweep does not hold.
    """
    rows, columns = two_factors(sweep, rows, columns)
    known = sorted(sweep.runs["organ"].unique())
    out = {}
    for scenario, runs in sweep.runs.groupby("scenario"):
        last = runs[runs["year"] == runs["year"].max()]
        for organ in organs:
            if organ not in known:
                raise InputError(f"--organ: found {organ!r}; allowed: {', '.join(known)}")
            table = last[last["organ"] == organ].assign(percent=lambda frame: 100.0 * frame["incidence"])
            where = "any metastasis" if organ == "all" else f"{organ} metastases"
            out[f"heat_map_{scenario}_{organ}"] = heatmap_figure(
                table,
                rows,
                columns,
                "percent",
                title=f"{sweep.manifest['plan']['title'] or sweep.manifest['plan']['name']}: {scenario}",
                label=f"patients with {where} by {last['year'].max():g} years (%)",
                size=size,
                footer=[
                    f"{len(table)} runs of {int(table['patients'].median())} patients, seed "
                    f"{sweep.manifest['seed']}. Mean over all other factors and replicates; "
                    "death is a competing event. Blood-borne spread only."
                ],
            )
    return out


def write_sweep(
    sweep: Sweep, folder: Path | str, formats: Sequence[str] = BOTH, size: str = "column", **chosen: Any
) -> list[Path]:
    """Draw and save the heat maps of `sweep_figures` in `folder`; returns the paths."""
    written = []
    for name, figure in sweep_figures(sweep, size=size, **chosen).items():
        with styled(size_named(size)):
            written += save(figure, Path(folder) / name, formats)
    return written
