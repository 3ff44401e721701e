"""Runs: a cohort in chunks, on one or many processes, with results that do not depend on either."""

from sim.experiment.chunk import Chunk, Task, build_model, run_chunk
from sim.experiment.run import run_scenario, warm_up

__all__ = ["Chunk", "Task", "build_model", "run_chunk", "run_scenario", "warm_up"]
