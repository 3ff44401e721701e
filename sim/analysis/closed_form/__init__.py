"""Closed forms: theory that the simulation must meet, and exposure without a simulated cell."""
