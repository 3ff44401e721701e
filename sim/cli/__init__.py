"""The command line: one file a command; no science."""

from sim.cli.program import main

__all__ = ["main"]
