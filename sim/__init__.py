"""Metastatic seeding: blood-borne metastasis as plumbing times soil times time.

This file stays light on purpose: `python run_sim.py --help` imports it.
"""

from sim.names import VERSION as __version__

__all__ = ["__version__"]
