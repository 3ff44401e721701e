"""Imported by the server of processes before it forks: every worker starts with libraries and kernels in memory.

Only for that; importing it runs two virtual patients. A defect must not end the server of processes: the first
worker meets it again and tells it to its tab.
"""

from contextlib import suppress

from sim.demo import cohort, film, worker  # noqa: F401
from sim.runs.warm_up import warm_up

with suppress(Exception):
    warm_up()
