#!/bin/bash
#SBATCH --job-name=sweep
#SBATCH --array=1-20
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=04:00:00
# From the program's folder: sbatch docs/examples/slurm_array.sh plans/hypercube.toml
.venv/bin/python run_sim.py sweep "$1" --workers 1 --shard "${SLURM_ARRAY_TASK_ID}/${SLURM_ARRAY_TASK_COUNT}"
