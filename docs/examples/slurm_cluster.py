"""A Dask cluster in SLURM jobs; prints its address and stays until Ctrl-C."""

import time

from dask_jobqueue import SLURMCluster

cluster = SLURMCluster(
    queue="normal", cores=1, processes=1, memory="4GB", walltime="02:00:00", scheduler_options={"dashboard": False}
)
cluster.scale(jobs=2)
print(cluster.scheduler_address, flush=True)
while True:
    time.sleep(3600)
