"""Imported by the server of processes before it forks: every worker starts with libraries and kernels in memory.

Only for that; importing it runs two virtual patients.
"""

from sim.demo import cohort, film, worker  # noqa: F401
from sim.experiment import tables, warm_up  # noqa: F401

warm_up()
