"""A small share of shedding events are clusters, each far more likely to found a colony than a single cell.

Aceto et al. 2014: 2 to 5 % of events (CLU02), 23 to 50 times the metastatic potential (CLU01), a shorter
time in blood (CLU03). A cluster arrests, sleeps and wakes as one and founds a polyclonal colony; tallies
count it as one event. The streams are made in `sim.disease.shedding`.
"""

from sim.mechanisms.base import Mechanism

MECHANISM = Mechanism(
    name="clusters",
    title="a few clusters seed as much as many single cells",
    off="plakoglobin knock-down: every cell travels alone",
    null={"cluster_share": 0.0},
)
