"""A run, or a sweep, as one shareable page: opens offline, prints well."""

from __future__ import annotations

from pathlib import Path

from sim.report.page import figures_of, run_page


def page_of(folder: Path) -> str:
    """The page of the run, or of the sweep, in `folder` as HTML. Raises InputError where there is none."""
    from sim.sweeps.folder import MANIFEST

    if (folder / MANIFEST).is_file():
        from sim.report.sweep_page import heat_maps_of, sweep_page
        from sim.sweeps import read

        opened = read.open(folder)
        return sweep_page(opened, heat_maps_of(opened))
    from sim.results import reading as results

    run = results.open(folder)
    return run_page(run, figures_of(run))
