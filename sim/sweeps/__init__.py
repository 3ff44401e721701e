"""Sweeps: a plan of many runs, computed on whatever is at hand, recorded once, in one table."""
