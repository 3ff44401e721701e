"""What the organ pattern cannot tell apart, and a conflict that more sites resolve: profiles for the page."""

from __future__ import annotations

import numpy as np

from sim.analysis.organs import data, scores
from sim.analysis.organs.checks import profile
from sim.analysis.organs.fit import Body, OrganFit
from sim.catalog.transcription import drainage
from sim.names import ORGANS

ARRESTS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.97)
_LUNG, _LIVER = ORGANS.index("lung"), ORGANS.index("liver")


def arrest_of_the_liver(arrests: tuple[float, ...] = ARRESTS) -> str:
    """The soil of the lung relative to the liver's, as the arrest in the liver is held: all sites, and colon alone."""
    rows = data.fitted()
    body = Body(data.FITTED_SITES)
    colon_rows = [row for row in rows if row.site == "colon"]
    colon = Body(("colon",), exposures=body.exposed)
    together, alone = (profile(r, b, "liver", arrests) for r, b in ((rows, body), (colon_rows, colon)))
    header = (
        "arrest in the liver",
        "all: log posterior",
        "lung / liver",
        "misfit",
        "colon: log posterior",
        "lung / liver",
    )
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for (value, best, pattern), (_, only, other) in zip(together, alone, strict=True):
        ratios = [np.exp(p.log_soil[_LUNG] - p.log_soil[_LIVER]) for p in (pattern, other)]
        lines.append(
            f"| {value} | {best:.1f} | {ratios[0]:.3g} | {pattern.misfit:.2f} | {only:.1f} | {ratios[1]:.3g} |"
        )
    return (
        "## Liver against lung in colorectal cancer\n\n"
        "Fitted to colorectal patients alone, with nearly all portal cells arrested in the liver, the lung needs a\n"
        "far better soil than the liver. Here the arrest in the liver is held and all else is fitted again, over all\n"
        "five sites and over colon alone (0 is the best of a column, 2 less a 95 % limit); `lung / liver` is the\n"
        "ratio of their soils.\n\n" + "\n".join(lines) + "\n"
    )


def drainage_of_the_breast() -> str:
    """How well the law does as the share of the breast's blood that reaches the vertebral plexus is set."""
    rows = data.fitted()
    base = Body(data.FITTED_SITES)
    read = {vein: float(row["share"]) for vein, row in drainage()["breast"].items()}
    top = float(drainage()["breast"]["vertebral"]["high"])
    found = []
    for share in sorted({0.0, read["vertebral"], 0.15, 0.26, top}):
        left = (1.0 - share) / (1.0 - read["vertebral"])
        shares = {vein: value * left for vein, value in read.items()} | {"vertebral": share}
        fit = OrganFit(rows, Body(data.FITTED_SITES, {"breast": shares}, base.exposed))
        at = fit.maximum()
        d2 = scores.explained(rows, fit.predicted(at))
        mark = " (anatomy)" if share == read["vertebral"] else ""
        found.append((f"{share}{mark}", -fit.value(at), d2, fit.misfit(at)))
    best = max(row[1] for row in found)
    lines = ["| vertebral share | log posterior | D2 | misfit |", "| --- | --- | --- | --- |"]
    lines += [f"| {share} | {value - best:.1f} | {d2:.3f} | {misfit:.2f} |" for share, value, d2, misfit in found]
    return (
        "## Drainage is anatomy's\n\n"
        "Autopsies do not move it. What they would say of the breast's vertebral share, within its range:\n\n"
        + "\n".join(lines)
        + "\n"
    )


def sections() -> list[str]:
    """All profiles, as Markdown."""
    return [arrest_of_the_liver(), drainage_of_the_breast()]
