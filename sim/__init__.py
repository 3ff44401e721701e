"""Metastatic seeding: blood-borne metastasis as plumbing times soil times time.

This file stays light on purpose: `python run_sim.py --help` imports it.
"""

__version__ = "0.1.0"
