"""Figures of runs: the only place that imports matplotlib.

Figures are drawn on `matplotlib.figure.Figure` without pyplot: no global state, no screen.
"""

from sim.plots.seeding import seeding_curves, seeding_figure

__all__ = ["seeding_curves", "seeding_figure"]
