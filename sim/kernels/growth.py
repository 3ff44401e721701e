"""What a growing primary sheds over a day."""

from __future__ import annotations

import math

from sim.jit import kernel


@kernel
def power_integral(log_capacity, gap, shrunk, weights, exponent, out):
    """Set `out` (lanes,) to the integral of cells^exponent over a day (see `sim.growth.power_integral_over_day`).

    `shrunk` (nodes, lanes) and `weights` (nodes,) belong to the nodes of the quadrature.
    """
    for lane in range(out.size):
        total = 0.0
        for node in range(weights.size):
            total += math.exp(exponent[lane] * (log_capacity[lane] - gap[lane] * shrunk[node, lane])) * weights[node]
        out[lane] = total
