"""Runs: a cohort in chunks, on one or many processes, with results that do not depend on either."""
