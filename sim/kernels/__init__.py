"""Compiled loops. Each file is one purpose; none of them draws a number that is not keyed."""
