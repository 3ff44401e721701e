"""Runs inside MetaSpread's own environment: `python metaspread_steps.py CELLS STEPS`, in an empty folder.

Its documented default configuration, but for the number of cells and of places in the initial tumour,
which grow together (four cells a place). Prints cell-steps and CPU seconds as JSON on the last line.
"""

import json
import sys
import time

import metaspread
import metaspread.configs
import pandas

CELLS_PER_PLACE = 4


def main(cells: int, steps: int) -> None:
    metaspread.configs.generate_default_configs()
    path = "simulations_configs.csv"
    table = pandas.read_csv(path).set_index("Names")
    default = int(table.loc["number_of_initial_cells", "Values"])
    if cells != default:
        table.loc["number_of_initial_cells", "Values"] = str(cells)
        table.loc["n_center_points_for_tumor", "Values"] = str(-(-cells // CELLS_PER_PLACE))
    table.to_csv(path)
    metaspread.configs.init_simulation_configs(path)
    size, grids = metaspread.configs.gridsize, metaspread.configs.grids_number
    # Data are collected at the last of many more steps, which is not reached: only the model is timed.
    model = metaspread.CancerModel(cells, size, size, grids, 10**6, 10**6, ".")
    model.step()
    agent_steps = 0
    start = time.process_time()
    for _ in range(steps):
        agent_steps += sum(model.cancer_cells_counter)
        model.step()
    cpu = time.process_time() - start
    print()
    print(json.dumps({"cells": cells, "steps": steps, "agent_steps": agent_steps, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
