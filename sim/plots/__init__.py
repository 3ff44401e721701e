"""Figures of runs: the only place that imports matplotlib.

Figures are drawn on `matplotlib.figure.Figure` without pyplot: no global state, no screen.
`sim.plots.figures` lists them all; each stands in a file of its own.
"""

from sim.plots.figures import FIGURES, draw, seeding_curves, write
from sim.plots.seeding import seeding_figure

__all__ = ["FIGURES", "draw", "seeding_curves", "seeding_figure", "write"]
