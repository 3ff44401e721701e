"""A run, or a sweep, as one shareable page: opens offline, prints well."""

from sim.report.page import run_page, write

__all__ = ["run_page", "write"]
